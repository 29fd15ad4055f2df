"""Orders in PostgreSQL: the engine behind the same programs (docs/SCALE.md)."""

import os
import pathlib
import shutil
import subprocess
import sys

import h5
from case import table, test

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "engine"))
import lab  # noqa: E402


class Database:
    """One PostgreSQL for the tests of a worker, and a database each."""

    def __init__(self):
        self.kept = lab.one()
        self.server = self.kept.__enter__()
        self.n = 0

    def fresh(self):
        self.n += 1
        name = f"shop{self.n}"
        self.server.run("createdb", "-h", self.server.folder, "-p",
                        str(self.server.port), "-U", "h5pay", name)
        return self.server.database(name)

    def close(self):
        self.kept.__exit__(None, None, None)


def plugin(t):
    return pathlib.Path(t.build) / "engine/store-postgresql.so"


def database(t):
    if not plugin(t).is_file():
        t.skip("no libpq")
    try:
        return t.shelf.keep("database", Database).fresh()
    except lab.Missing as why:
        t.skip(str(why))


def conf(where, **more):
    return {"store.engine": "postgresql", "store.database": where,
            "store.replicas": "0", **more}


def shop(t, web=False, **more):
    where = database(t)
    s = (t.own_web if web else t.own_site)(conf(where, **more))
    code, _, err = s.h5pay("store", "init")
    t.eq(code, 0, f"store init: {err}")
    return s


@table("{0} sells an order that is kept in a database", [
    ("plain CGI", False), ("FastCGI", True)])
def _(t, _name, web):
    s = shop(t, web)
    order = t.id()
    token = s.ready(order, 1280)
    t.success(s.notify(h5.notice(order, 1280)))
    t.success(s.notify(h5.notice(order, 1280)))
    o = s.show(order)
    t.eq(o["state"], "paid", "state")
    t.eq([e["event"] for e in o["events"]].count("paid"), 1, "paid events")
    r = s.get("return-page", {"order": order, "t": token})
    t.page(r, 200, "result", "paid")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")
    code, out, _ = s.h5pay("list")
    t.ok(code == 0 and order in out, "list")
    t.eq(list((s.folder / "store").glob("orders")), [], "files of orders")


@test("a database without a store is told by the command and by pages")
def _(t):
    s = t.own_site(conf(database(t)))
    code, _, err = s.h5pay("list")
    t.eq(code, 78, "list")
    t.matches(err, "h5pay store init", "what to do")
    r = s.get("checkout", {"item": "tea"})
    t.page(r, 503, "store-error")


@test("a server that waits for no standby is refused where one is asked for")
def _(t):
    s = shop(t)
    s.configure({"store.replicas": "1"})
    code, _, err = s.h5pay("list")
    t.eq(code, 78, "list")
    t.matches(err, "synchronous_standby_names", "why")


@test("nothing in the environment names a database")
def _(t):
    s = shop(t)
    code, _, err = s.h5pay("list", env={**os.environ, "PGHOST": "elsewhere"})
    t.eq(code, 78, "list")
    t.matches(err, "PGHOST is set", "why")


def run(command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60,
                          check=False)


@table("a plug-in that {0} is not loaded", [
    ("others may write", lambda p: p.chmod(0o664)),
    ("lies where others may write", lambda p: p.parent.chmod(0o777)),
    ("is not there", lambda p: p.unlink()),
    ("is another file", lambda p: p.write_bytes(b"\x7fELF no")),
])
def _(t, _name, spoil):
    s = shop(t)
    tree = s.folder / "tree"
    (tree / "engine").mkdir(parents=True)
    command = shutil.copy(pathlib.Path(t.build) / "h5pay", tree / "h5pay")
    plug = tree / "engine/store-postgresql.so"
    shutil.copy(plugin(t), plug)
    ask = [command, "-c", str(s.folder / "h5pay.conf"), "list"]
    t.eq(run(ask).returncode, 0, "as it was installed")
    spoil(plug)
    r = run(ask)
    t.eq(r.returncode, 78, "spoilt")
    t.matches(r.stderr, "store-postgresql|engine", "what is said")


@test("a shop moves into a database and back, and loses nothing")
def _(t):
    where = database(t)
    s = t.own_site()
    orders = [t.id() for _ in range(12)]
    for order in orders:
        s.ready(order, 100)
    for order in orders[::2]:
        t.success(s.notify(h5.notice(order, 100)))
    before = {order: s.show(order) for order in orders}
    s.configure({"store.replicas": "0", "store.database": where})
    to = f"postgresql:{where}"
    t.eq(s.h5pay("store", "init", "--to", to)[0], 0, "init")
    t.eq(s.h5pay("store", "copy", "--to", to)[:2],
         (0, "orders\t12\ncopied\t12\ndiffer\t0\n"), "copy")
    # The shop goes on meanwhile.
    t.success(s.notify(h5.notice(orders[1], 100)))
    t.eq(s.h5pay("store", "compare", "--to", to)[0], 1, "compare")
    t.eq(s.h5pay("store", "seal")[0], 64, "seal without --yes")
    t.eq(s.h5pay("store", "seal", "--yes", "--to", to)[0], 0, "seal")
    # A notice for a store that is sealed is not acknowledged.
    t.ok(b"FAIL" in s.notify(h5.notice(orders[3], 100)).body, "FAIL")
    t.eq(s.h5pay("list")[0], 78, "list of a sealed store")
    t.eq(s.h5pay("store", "copy", "--to", to)[:2],
         (0, "orders\t12\ncopied\t1\ndiffer\t0\n"), "copy what came")
    t.eq(s.h5pay("store", "compare", "--to", to)[0], 0, "compare")
    s.configure({"store.engine": "postgresql"})
    for order in orders[2:]:
        t.eq(s.show(order), before[order], "as it was")
    t.success(s.notify(h5.notice(orders[3], 100)))
    t.eq(s.h5pay("fsck")[0], 0, "fsck")
    # And back, into a new folder.
    back = s.folder / "back"
    t.eq(s.h5pay("store", "copy", "--to", f"files:{back}")[:2],
         (0, "orders\t12\ncopied\t12\ndiffer\t0\n"), "copy back")
    t.eq(s.h5pay("store", "compare", "--to", f"files:{back}")[0], 0, "compare")
    s.configure({"store.engine": None, "store.dir": back})
    t.eq(s.show(orders[3])["state"], "paid", "state")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")

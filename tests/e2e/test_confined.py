"""The programs under a supervisor that confines its workers: everything that
worked before works on.  What they can no longer do: tests/confine."""

import pathlib
import shutil
import stat
import tempfile

import h5
from case import table, test
from test_tls import certificate

HOOK = """\
#!/bin/sh
cat >/dev/null
sed -n 's/^NoNewPrivs:\\t//p' /proc/self/status >"{0}/$$.new"
mv "{0}/$$.new" "{0}/$H5PAY_ORDER.$H5PAY_EVENT"
"""


class Apart:
    """A folder of its own for what a shop keeps in one of its own."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="h5-apart-"))

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


def web(t, conf=None, **kw):
    """A shop that is confined: all are from its first order on."""
    w = t.own_web({"server.processes": "2", **(conf or {})}, **kw)
    w.log_file = w.conf["log.file"]
    w.ready(t.id("first"), 5)

    def said(word):
        return [x for x in w.log() if x.startswith(f"info {word} ")]

    if any("no Landlock" in x for x in said("not-confined")):
        t.skip("this kernel has no Landlock")
    # One that met the store while it was made says it twice.
    t.until("a word of each program", lambda: len({
        word for x in said("confined") for word in x.split()
        if word.startswith("program=")}) == len(h5.PROGRAMS))
    for x in said("confined"):
        t.matches(x, r"landlock=[1-9]", "the log")
    return w


def free_of_complaints(t, w):
    bad = [x for x in w.log() if x.startswith(("error", "alert",
                                               "warn not-confined"))]
    t.eq(bad, [], "complaints in the log")


@test("a confined shop takes money, and its hook is run with all its rights")
def _(t):
    book = t.mine(Apart()).path
    hook = book / "hook"
    hook.write_text(HOOK.format(book))
    hook.chmod(0o700)
    w = web(t, {"hooks.exec": hook})
    # By notice, and by the buyer's click.
    first, second = t.id("n"), t.id("q")
    w.ready(first, 5)
    token = w.ready(second, 5)
    t.success(w.notify(h5.notice(first, 5)))
    t.gateway.pay(second)
    q = {"order": second, "t": token}
    t.page(w.get("return-page", q), 200, "return")
    t.redirect(w.post("query", q))
    t.page(w.get("query", q), 200, "result", "paid")
    t.page(w.get("return-page", q), 200, "result", "paid")
    for order in (first, second):
        told = book / f"{order}.order.paid"
        t.until("the delivery", told.exists)
        t.eq(told.read_text().strip(), "0", "no_new_privs in the hook")
    for p in h5.PROGRAMS:
        for pid in w.workers(p):
            with open(f"/proc/{pid}/status") as f:
                t.contains(f.read(), "NoNewPrivs:\t1", f"worker of {p}")
    free_of_complaints(t, w)


@test("a confined shop makes its orders' folders where they are missing")
def _(t):
    w = web(t)
    w.ready(t.id(), 5)
    for branch in (w.store / "orders").iterdir():
        shutil.rmtree(branch)
    shutil.rmtree(w.store / "index")
    for _ in range(4):
        order = t.id()
        w.ready(order, 5)
        t.success(w.notify(h5.notice(order, 5)))
        t.eq(w.show(order)["state"], "paid", "state")
    free_of_complaints(t, w)


@test("a confined shop whose store is put back from a backup goes on with it")
def _(t):
    w = web(t)
    kept, lost = t.id("k"), t.id("l")
    token = w.ready(kept, 5)
    shutil.copytree(w.store, w.folder / "backup")
    w.ready(lost, 5)
    w.store.rename(w.folder / "broken")
    (w.folder / "backup").rename(w.store)
    t.until("the order to be taken as paid",
            lambda: w.notify(h5.notice(kept, 5)).body == h5.SUCCESS
            and w.show(kept)["state"] == "paid")
    t.until("its page", lambda: w.get(
        "return-page", {"order": kept, "t": token}).state == "paid")


@table("a confined program writes on when its log, {0}, is rotated",
       ["in a folder of its own", "beside the secrets"])
def _(t, where):
    folder = t.mine(Apart()).path if "own" in where else None
    conf = {"log.file": folder / "log"} if folder else {}
    w = web(t, conf)
    log = w.log_file
    order = t.id()
    w.ready(order, 5)
    t.contains(log.read_text(), "order-created", "the log")
    log.rename(log.with_name("log.1"))
    if folder:
        # At once, and by the worker itself.
        w.notify(b"<xml>")
        t.contains(log.read_text(), "notice-refused", "the new log")
    else:
        t.until("the new log", lambda: w.notify(b"<xml>") and log.exists()
                and "notice-refused" in log.read_text())
    t.success(w.notify(h5.notice(order, 5)))
    t.eq(stat.S_IMODE(log.stat().st_mode), 0o600, "mode")


@test("a confined shop sells at a new price from the next click on")
def _(t):
    w = web(t)
    for price in ("2.00", "3.00", "4.00"):
        w.write("catalogue.ini", f"[tea]\ntitle = Tea\nprice = {price}\n")
        t.contains(w.get("checkout", "item=tea").visible, price, "page")
    free_of_complaints(t, w)


@table("a confined shop takes up a new {0}", ["configuration", "program"])
def _(t, what):
    kept = {}

    class Copied(h5.Web):
        def start(self):
            self.bin = kept.setdefault("bin", self.folder / "lib")
            if not self.bin.exists():
                shutil.copytree(self.build / "cgi-bin", self.bin)
            super().start()

    w = t.mine(Copied(t.build, t.gateway, {"server.processes": "2",
                                           "site.name": "ShopOne"}))
    w.get("checkout", "item=tea")
    old = t.until("two workers", lambda: len(
        w.workers("checkout")) == 2 and w.workers("checkout"))
    if what == "program":
        shutil.copy(w.build / "cgi-bin" / "checkout", w.bin / "new")
        (w.bin / "new").rename(w.bin / "checkout")
    else:
        w.configure({"site.name": "ShopTwo"})
        t.until("the new name", lambda: "ShopTwo" in w.get(
            "checkout", "item=tea").visible)
    t.until("other workers", lambda: w.get(
        "checkout", "item=tea").status == 200 and len(
        w.workers("checkout")) == 2 and not set(
        w.workers("checkout")) & set(old))
    order = t.id()
    w.ready(order, 5)
    t.success(w.notify(h5.notice(order, 5)))


@test("a confined shop goes through TLS, and reads a bundle that is replaced")
def _(t):
    folder = t.mine(Apart()).path
    (folder / "ca").mkdir()
    bundle = folder / "ca" / "bundle.pem"

    def start(name, listen="127.0.0.1:0"):
        """A gateway with a certificate of its own; that, and its port."""
        (folder / name).mkdir()
        cert, key = certificate(folder / name, "localhost")
        g = t.own_gateway(listen=listen, args=[
            "--tls-cert", cert, "--tls-key", key, "--side-listen",
            "127.0.0.1:0", "--port-file", folder / name / "ports"])
        return g, g.url.rsplit(":", 1)[1].rstrip("/"), cert

    g, port, cert = start("one")
    shutil.copy(cert, bundle)
    w = web(t, {"gateway.url": f"https://localhost:{port}",
                "gateway.cashier": f"https://127.0.0.1:{port}/",
                "gateway.ca_file": bundle})
    w.ready(t.id(), 5)
    # Another certificate stands there from now on, and in the bundle.
    g.close()
    _, _, cert = start("two", f"127.0.0.1:{port}")
    t.page(w.order(t.id(), 5), 502, "gateway-error")
    shutil.copy(cert, folder / "ca" / "new")
    (folder / "ca" / "new").rename(bundle)

    def sold():
        return w.order(t.id(), 5).status == 303

    t.until("an order", sold)
    t.no([x for x in w.log() if "warn not-confined" in x], "complaints")


@test("to look makes no store under a supervisor either")
def _(t):
    w = t.own_web({"server.processes": "2"})
    t.page(w.get("checkout", "item=tea"), 200, "confirm")
    t.no(w.store.exists(), "a store")
    t.contains("\n".join(w.log()), "before the first order", "the log")


@test("without a supervisor the log says that nothing is confined")
def _(t):
    w = t.own_web()
    w.get("notify")
    t.contains("\n".join(w.log()), "not-confined", "the log")

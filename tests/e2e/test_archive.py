"""h5pay archive: an order that was put away is an order all the same, and what
tells of its buyer can be forgotten."""

import datetime
import glob
import gzip
import json
import pathlib
import subprocess

import h5
from case import test

BEIJING = datetime.timezone(datetime.timedelta(hours=8))


def day(n=0):
    now = datetime.datetime.now(BEIJING) + datetime.timedelta(days=n)
    return now.date().isoformat()


def ledgers(s):
    return {pathlib.Path(p).stem: pathlib.Path(p).read_bytes()
            for p in glob.glob(f"{s.store}/orders/*/*/*.ledger")}


def archives(s):
    return sorted(glob.glob(f"{s.store}/archive/*.gz"))


def plain(s):
    return b"".join(gzip.decompress(pathlib.Path(p).read_bytes())
                    for p in archives(s))


def paid(t, s, fee=628, **more):
    order = t.id("a")
    tx = "42000000" + order[-12:].replace("-", "0").zfill(12)
    s.ready(order, fee, **more)
    t.success(s.notify(h5.notice(order, fee, tx)))
    return order, tx


def archive(t, s, *more, before=None):
    code, out, err = s.h5pay("archive", "--before", before or day(1), *more)
    t.eq((code, err), (0, ""), "archive")
    return dict(x.split("\t") for x in out.splitlines())


def shop(t):
    """One paid order, one closed and one that still awaits payment."""
    s = t.own_site()
    order, tx = paid(t, s, attach="座 7")
    closed = t.id("c")
    s.ready(closed, 5)
    t.eq(s.h5pay("close", closed)[0], 0, "close")
    waiting = t.id("w")
    s.ready(waiting, 5)
    return s, order, tx, closed, waiting


@test("archive puts what is at rest into one file a month, and back, to the "
      "byte")
def _(t):
    s, order, tx, closed, waiting = shop(t)
    before = ledgers(s)
    shown = {i: s.show(i) for i in before}
    t.eq(archive(t, s), {"archived": "2", "kept": "1"}, "said")
    t.eq(set(ledgers(s)), {waiting}, "ledgers that stay")
    t.eq(len(archives(s)), 1, "files of the month")
    t.contains(archives(s)[0], day()[:7], "name")
    text = plain(s).decode()
    for i in (order, closed):
        t.contains(text, before[i].decode(), "zcat")
    lines = [json.loads(x) for x in text.splitlines()]
    t.eq((lines[-1]["archive"], lines[-1]["orders"]), (day()[:7], 2),
         "last line")
    out = subprocess.run(["zcat", archives(s)[0]], capture_output=True)
    t.eq((out.returncode, out.stdout.decode()), (0, text), "zcat itself")
    t.eq({i: s.show(i) for i in before}, shown, "show")
    t.eq(s.h5pay("fsck")[:1], (0,), "fsck")
    t.eq(archive(t, s), {"archived": "0", "kept": "1"}, "again")
    t.eq(archive(t, s, "--restore"), {"restored": "2", "kept": "0"}, "back")
    t.eq(ledgers(s), before, "ledgers")
    t.eq(archives(s), [], "files of the month")
    t.eq(s.h5pay("fsck")[:1], (0,), "fsck")
    t.eq(archive(t, s, "--restore"), {"restored": "0", "kept": "0"}, "again")


@test("an archived id stays taken on every page, in each way in")
def _(t):
    s = t.own_site()
    order, tx = paid(t, s, 628, body="茶", attach="座 7")
    form = s.get("checkout", "item=tea").form("checkout").fields
    r = s.post("checkout", form)
    bought = h5.return_params(r.header("Location"))
    item = bought["order"]
    t.success(s.notify(h5.notice(item, s.show(item)["total_fee"])))
    archive(t, s)
    calls = len(t.gateway.calls())
    link = s.link(order, 628, "茶", attach="座 7")
    t.page(s.get("checkout", link), 200, "result", "paid")
    t.page(s.post("checkout", h5.query_params("?" + link), headers=[
        ("Origin", h5.origin_of(s.base_url))]), 200, "result", "paid")
    t.page(s.get("checkout", s.link(order, 629, "茶", attach="座 7")), 409,
           "conflict")
    t.page(s.post("checkout", form), 200, "result", "paid")
    for program in ("return-page", "query"):
        t.page(s.get(program, {"order": item, "t": bought["t"]}), 200,
               "result", "paid")
    t.page(s.get("return-page", {"order": item, "t": "x" * 32}), 404,
           "not-found")
    t.eq(s.post("query", {"order": item, "t": bought["t"]}).status, 303,
         "POST query")
    t.page(s.post("checkout", {"order": item, "t": bought["t"],
                               "again": "1"}), 200, "result", "paid")
    t.eq(len(t.gateway.calls()), calls, "nothing was asked")
    t.eq(len(archives(s)), 1, "it is still put away")


@test("a repeated notice of an archived order is a repetition, and a second "
      "payment brings it back with an alert")
def _(t):
    s = t.own_site()
    order, tx = paid(t, s)
    notice = h5.notice(order, 628, tx)
    was = ledgers(s)[order]
    archive(t, s)
    t.success(s.notify(notice))
    t.eq(ledgers(s), {}, "it stays away")
    t.refused(s.notify(h5.notice(t.id("none"), 628)))
    t.success(s.notify(h5.notice(order, 628, tx + "9")))
    t.ok(ledgers(s)[order].startswith(was), "the ledger goes on")
    shown = s.show(order)
    t.eq((shown["state"], shown["alerts"]), ("paid", ["overpaid"]), "order")
    t.eq(archive(t, s), {"archived": "0", "kept": "1"}, "an alert keeps it")
    t.refused(s.notify(h5.notice(order, 627, tx + "8")))
    t.eq(s.h5pay("fsck")[0], 0, "fsck")
    t.eq(s.show(order)["alerts"], ["disputed", "overpaid"], "alerts")


@test("list, report, export, reconcile and a refund find archived orders")
def _(t):
    g = t.own_gateway(args=["--plain-refund"])
    g.option(refund_s=0)
    s = t.own_site(gateway=g)
    order = t.id("a")
    s.ready(order, 628)
    tx = g.pay(order)["transaction_id"]
    t.success(s.notify(h5.notice(order, 628, tx)))
    said = {v: s.h5pay(*v.split())[:2] for v in (
        "list", "list --state paid", "export", f"show {order}",
        f"query {order}", f"--json report {day()}", "--json list")}
    archive(t, s)
    for verb, was in said.items():
        t.eq(s.h5pay(*verb.split())[:2], was, verb)
    t.eq(s.h5pay("close", order)[0], 1, "close of a paid one")
    t.eq(archives(s) != [], True, "still put away")
    code, out, err = s.h5pay("refund", order, "--yes")
    t.eq(code, 0, f"refund: {err}")
    t.ok(order in ledgers(s), "it is back")
    t.eq(s.h5pay("sweep", prefix=["faketime", "-f", "+61s"])[0], 0, "sweep")
    t.eq(s.show(order)["state"], "refunded", "state")
    t.eq(archive(t, s)["archived"], "1", "put away again")
    t.eq(s.show(order)["state"], "refunded", "state")
    t.eq(len(archives(s)), 1, "files of the month")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")


@test("archive keeps what is undelivered, disputed or being refunded")
def _(t):
    s = t.own_site({"hooks.exec": "/bin/false"})
    order, tx = paid(t, s)
    disputed = t.id("d")
    s.ready(disputed, 5)
    t.refused(s.notify(h5.notice(disputed, 4)))
    t.success(s.notify(h5.notice(disputed, 5)))
    t.eq(archive(t, s), {"archived": "0", "kept": "2"}, "said")
    t.eq(set(ledgers(s)), {order, disputed}, "ledgers")


@test("archive takes only what was created before that day")
def _(t):
    s = t.own_site()
    order, tx = paid(t, s)
    t.eq(archive(t, s, before=day()), {"archived": "0", "kept": "0"}, "said")
    t.eq(set(ledgers(s)), {order}, "ledgers")
    for words in ([], ["--restore"], ["--before"], ["--before", "soon"],
                  ["--before", day(), "--forget", "1d"],
                  ["--forget", "1d", "--restore"],
                  ["--before", day(), "x"]):
        t.eq(s.h5pay("archive", *words)[0], 64, f"archive {words}")


@test("archive --forget takes what tells of the buyer out, and the order "
      "stands")
def _(t):
    s = t.own_site()
    ids = []
    for i in range(2):
        order, tx = paid(t, s, 628, attach=f"王小明 1380000000{i}")
        ids.append((order, tx))
    archive(t, s)
    live, tx = paid(t, s, 628, attach="王小明 13800000009")
    waiting = t.id("w")
    s.ready(waiting, 5, attach="座 8")
    ids.append((live, tx))
    code, out, err = s.h5pay("archive", "--forget", "1d")
    t.eq((code, out), (0, "forgotten\t0\nkept\t0\n"), f"too young, {err!r}")
    code, out, err = s.h5pay("--json", "archive", "--forget", "0s")
    t.eq(code, 0, f"forget: {err}")
    code, out, err = s.h5pay("archive", "--forget", "0s",
                             prefix=["faketime", "-f", "+5s"])
    everything = b"".join(ledgers(s)[i] for i in ledgers(s) if i != waiting)
    everything += plain(s)
    for secret in ("1380000000", "王小明", "oUpF", "203.0.113"):
        t.lacks(everything.decode(), secret, "forgotten")
    t.contains(ledgers(s)[waiting].decode(), "座 8", "not at rest")
    t.eq(s.h5pay("fsck")[0], 0, "fsck: sums")
    for order, tx in ids:
        shown = s.show(order)
        t.eq((shown["state"], shown["attach"], shown["total_fee"]),
             ("paid", None, 628), "shown")
        t.eq(shown["events"][-1]["event"], "forgotten", "says so")
        t.success(s.notify(h5.notice(order, 628, tx)))
        n = ids.index((order, tx))
        link = s.link(order, 628, "茶", attach=f"王小明 1380000000{n}"
                      if order != live else "王小明 13800000009")
        t.page(s.get("checkout", link), 200, "result", "paid")
    was = ledgers(s), plain(s)
    code, out, err = s.h5pay("archive", "--forget", "0s",
                             prefix=["faketime", "-f", "+9s"])
    t.eq((code, out), (0, "forgotten\t0\nkept\t1\n"), f"again, {err!r}")
    t.eq((ledgers(s), plain(s)), was, "nothing changed")
    archive(t, s, "--restore")
    t.eq(s.show(ids[0][0])["attach"], None, "after restore")


# --- damage -----------------------------------------------------------------


def broken_archive(t, spoil):
    s = t.own_site()
    ids = [paid(t, s)[0] for _ in range(3)]
    archive(t, s)
    path = pathlib.Path(archives(s)[0])
    spoil(path)
    return s, ids, path


@test("fsck finds an archive that is torn, and no id in it becomes free")
def _(t):
    s, ids, path = broken_archive(
        t, lambda p: p.write_bytes(p.read_bytes()[:-300]))
    code, out, err = s.h5pay("fsck")
    t.eq(code, 1, f"fsck {out!r}")
    t.contains(out, path.name, "names the file")
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 1, "a torn archive cannot be repaired")
    for i in ids:
        code = s.h5pay("show", i)[0]
        t.ok(code in (0, 65, 74), f"{i} is not unknown: {code}")
        t.ok(s.get("checkout", s.link(i, 628)).status != 303, "link")
    t.eq(s.h5pay("archive", "--before", day(1), "--restore")[0], 65,
         "restore refuses")


@test("fsck finds one changed byte anywhere in an archive")
def _(t):
    s, ids, path = broken_archive(t, lambda p: None)
    good = path.read_bytes()
    for at in range(5, len(good), len(good) // 23):
        bad = bytearray(good)
        bad[at] ^= 0x20
        path.write_bytes(bad)
        code, out, err = s.h5pay("fsck")
        t.eq(code, 1, f"byte {at}: {out!r}")
    path.write_bytes(good)
    t.eq(s.h5pay("fsck")[0], 0, "as it was")


@test("the index of the archives is made again by fsck, and is never taken "
      "for empty")
def _(t):
    s, ids, path = broken_archive(t, lambda p: None)
    index = pathlib.Path(s.store) / "archive" / "index"
    good = index.read_bytes()
    spoils = {"gone": None, "empty": b"", "cut": good[:-20],
              "noise": b"\0" * len(good),
              "a byte": good[:-30] + b"!" + good[-29:]}
    for name, bad in spoils.items():
        if bad is None:
            index.unlink()
        else:
            index.write_bytes(bad)
        new = t.id("n")
        if name != "a byte":
            t.eq(s.h5pay("show", ids[0])[0], 74, f"{name}: show")
            t.page(s.get("checkout", s.link(new, 5)), 503, "store-error")
            t.refused(s.notify(h5.notice(ids[0], 628)))
        t.eq(s.h5pay("archive", "--before", day(1))[0] in (65, 74), True,
             f"{name}: archive")
        t.eq(s.h5pay("fsck")[0], 1, f"{name}: fsck")
        t.eq(s.h5pay("fsck", "--repair")[0], 0, f"{name}: repair")
        t.eq(index.read_bytes(), good, f"{name}: the same index")
        t.eq(s.show(ids[0])["state"], "paid", f"{name}: show again")
    index.unlink()
    path.unlink()
    (index.parent / "notes.txt").write_text("x")
    t.eq(s.h5pay("fsck")[0], 1, "a stranger's file")


@test("an archive that is killed at any moment loses nothing, and the next "
      "one ends it")
def _(t):
    if h5.sanitized(t.site.command):
        t.skip("strace and the leak sanitizer do not get on")
    s = t.own_site()
    for _ in range(6):
        paid(t, s)
    before = ledgers(s)
    shown = {i: s.show(i) for i in before}
    for restore in (False, True):
        n, done = 0, False
        while not done:
            n += 1
            more = ["--restore"] * restore
            r = s.h5pay("archive", "--before", day(1), *more, prefix=[
                "strace", "-f", "-qq", "-o", "/dev/null", "-e",
                f"inject=fsync,renameat,unlinkat:signal=KILL:when={n}"])
            done = r[0] == 0
            t.eq({i: s.show(i) for i in before}, shown, f"killed at {n}")
            # Twice on the way without a repair in between.
            if n % 3 == 0:
                t.eq(s.h5pay("fsck", "--repair")[0], 0, f"fsck after {n}")
            t.ok(n < 200, "it comes to an end")
        t.ok(n > 5, f"{n} moments")
        if not restore:
            t.eq(ledgers(s), {}, "put away")
    t.eq(ledgers(s), before, "back, to the byte")

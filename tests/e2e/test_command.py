"""h5pay, the operator's command (interface section 6)."""

import json
import os
import re
import subprocess
import time
import urllib.parse

import h5
from case import table, test


def ready(t, site, fee=5, **more):
    order = t.id()
    return order, site.ready(order, fee, **more)


# --- usage ------------------------------------------------------------------


@table("h5pay {0} is a usage fault", [
    ("", []), ("dance", ["dance"]), ("--no-such-option", ["--no-such-option"]),
    ("show without an order", ["show"]),
    ("show with two orders", ["show", "a", "b"]),
    ("list --state unpaid", ["list", "--state", "unpaid"]),
    ("list --since whenever", ["list", "--since", "whenever"]),
    ("link without anything", ["link"]),
    ("query without an order", ["query"]),
    ("close without an order", ["close"]),
    ("fsck --mend", ["fsck", "--mend"]),
])
def _(t, name, args):
    code, out, err = t.site.h5pay(*args)
    t.eq(code, 64, f"exit status, {err!r}")
    t.ok(err, "a word on stderr")
    t.eq(out, "", "stdout")


@test("a mistyped verb is answered with the nearest one")
def _(t):
    code, out, err = t.site.h5pay("shwo", "x")
    t.eq(code, 64, "exit status")
    t.contains(err, "show", "stderr")


@test("h5pay --help and --version print to stdout")
def _(t):
    code, out, err = t.site.h5pay("--help", conf=False)
    t.eq((code, err), (0, ""), "exit status and stderr")
    for verb in ("check", "link", "list", "show", "query", "close", "sweep",
                 "fsck"):
        t.contains(out, verb, "the help")
    code, out, err = t.site.h5pay("--version", conf=False)
    t.eq(code, 0, "exit status")
    t.matches(out, r"\d+\.\d+\.\d+", "version")


@table("h5pay {0} with a bad configuration exits 78", [
    "check", "list", "show x", "query x", "close x", "sweep", "fsck",
    "link --order abcdefg --total-fee 1 --body x"])
def _(t, args):
    s = t.own_site({"site.lang": "fr"})
    code, out, err = s.h5pay(*args.split())
    t.eq(code, 78, f"exit status, {err!r}")
    t.contains(err, "lang", "stderr")


@table("h5pay {0} of an order that does not exist exits 66", [
    "show", "query", "close"])
def _(t, verb):
    s = t.own_site()
    s.ready(t.id())
    code, out, err = s.h5pay(verb, "nobodys-order")
    t.eq(code, 66, f"exit status, {err!r}")


@test("h5pay without its store exits 74 or 78 and says why")
def _(t):
    s = t.own_site({"store.dir": "/proc/nowhere/store"})
    code, out, err = s.h5pay("list")
    t.ok(code in (74, 78), f"exit status {code}")
    t.contains(err, "/proc/nowhere", "stderr")


# --- check ------------------------------------------------------------------


@test("check --json tells every fault")
def _(t):
    s = t.own_site({"site.lang": "fr", "orders.expire_minutes": "1"})
    code, out, err = s.h5pay("--json", "check")
    t.eq(code, 78, "exit status")
    got = json.loads(out)
    t.eq(got["ok"], False, "ok")
    t.eq(len(got["faults"]), 2, "faults")


# --- link -------------------------------------------------------------------


@test("link prints a link that checkout takes")
def _(t):
    order = t.id()
    code, out, err = t.site.h5pay(
        "link", "--order", order, "--total-fee", "1234", "--body", "茶 & 点心",
        "--attach", "座 7", "--expires", str(int(time.time()) + 600))
    t.eq(code, 0, f"exit status, {err!r}")
    (url,) = out.splitlines()
    t.ok(url.startswith(t.site.base_url + "/checkout?"), url)
    q = urllib.parse.urlsplit(url).query
    fields = dict(urllib.parse.parse_qsl(q))
    t.eq(fields["sig"], h5.link_sig(fields), "sig")
    t.eq((fields["order"], fields["total_fee"], fields["body"],
          fields["attach"]), (order, "1234", "茶 & 点心", "座 7"), "fields")
    r = t.site.get("checkout", q)
    t.page(r, 200, "confirm")
    t.contains(r.visible, "12.34", "amount")


@test("link --json prints one object")
def _(t):
    code, out, err = t.site.h5pay("--json", "link", "--order", "abcdefg",
                                  "--total-fee", "1", "--body", "x")
    t.eq(code, 0, "exit status")
    t.contains(json.loads(out)["url"], "/checkout?", "url")


@table("link with {0} exits 65", [
    ("a bad order", {"order": "x_2"}), ("total_fee 0", {"total-fee": "0"}),
    ("a body of 128 bytes", {"body": "x" * 128}),
    ("a control byte", {"body": "a\nb"}),
    ("a total_fee in yuan", {"total-fee": "1.00"}),
])
def _(t, name, change):
    args = {"order": "abcdefg", "total-fee": "1", "body": "x", **change}
    words = [w for k, v in args.items() for w in ("--" + k, v)]
    code, out, err = t.site.h5pay("link", *words)
    t.eq((code, out), (65, ""), f"exit status and stdout, {err!r}")


@test("a link that has expired already is printed, with a word of warning")
def _(t):
    code, out, err = t.site.h5pay("link", "--order", "abcdefg", "--total-fee",
                                  "1", "--body", "x", "--expires", "1577836800")
    t.eq(code, 0, f"exit status, {err!r}")
    t.contains(err, "in the past", "stderr")
    r = t.site.get("checkout", out.strip().partition("?")[2])
    t.page(r, 410, "link-expired")


@test("link without a link key is a configuration fault")
def _(t):
    s = t.own_site({"site.link_key_file": None})
    code, _, err = s.h5pay("link", "--order", "abcdefg", "--total-fee", "1",
                           "--body", "x")
    t.eq(code, 78, f"exit status, {err!r}")


# --- list and show ----------------------------------------------------------


@test("list gives one tab-separated line an order, oldest first")
def _(t):
    s = t.own_site()
    a, _ = ready(t, s, 5)
    b, _ = ready(t, s, 700)
    t.success(s.notify(h5.notice(b, 700)))
    code, out, err = s.h5pay("list")
    t.eq((code, err), (0, ""), "exit status and stderr")
    rows = [line.split("\t") for line in out.splitlines()]
    t.eq([r[0] for r in rows], [a, b], "orders")
    t.eq([r[1] for r in rows], ["awaiting", "paid"], "states")
    t.contains(rows[1], "700", "amount in fen")
    t.eq(len(rows[0]), len(rows[1]), "columns")


@table("list --state {0} gives those alone", ["awaiting", "paid", "closed"])
def _(t, state):
    s = t.own_site()
    ids = {}
    ids["awaiting"], _ = ready(t, s)
    ids["paid"], _ = ready(t, s)
    t.success(s.notify(h5.notice(ids["paid"], 5)))
    ids["closed"], _ = ready(t, s)
    t.eq(s.h5pay("close", ids["closed"])[0], 0, "close")
    code, out, _ = s.h5pay("list", "--state", state)
    t.eq(code, 0, "exit status")
    t.eq([x.split("\t")[0] for x in out.splitlines()], [ids[state]], "orders")


@test("list --since and --until cut by the time of creation")
def _(t):
    s = t.own_site()
    ready(t, s)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
    after = time.strftime("%Y-%m-%d",
                          time.gmtime(time.time() + (8 + 24) * 3600))

    def count(*args):
        code, out, err = s.h5pay("list", *args)
        t.eq(code, 0, f"exit status of {args}, {err!r}")
        return len(out.splitlines())

    t.eq(count("--since", day), 1, "since today")
    t.eq(count("--since", after), 0, "since tomorrow")
    t.eq(count("--until", day), 0, "until today")
    t.eq(count("--until", after), 1, "until tomorrow")
    t.eq(count("--since", day, "--until", after), 1, "today")
    hour = time.time() - 3600
    for text in (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(hour)),
                 time.strftime("%Y-%m-%dT%H:%M:%S-01:00",
                               time.gmtime(hour - 3600)),
                 time.strftime("%Y-%m-%d %H:%M:%S",
                               time.gmtime(hour + 8 * 3600)),
                 str(int(hour)), "1h"):
        t.eq(count("--since", text), 1, f"since {text}")
        t.eq(count("--until", text), 0, f"until {text}")


@test("list --json gives one object a line")
def _(t):
    s = t.own_site()
    a, _ = ready(t, s)
    code, out, _ = s.h5pay("--json", "list")
    t.eq(code, 0, "exit status")
    (row,) = [json.loads(x) for x in out.splitlines()]
    t.eq((row["order"], row["state"], row["total_fee"]), (a, "awaiting", 5),
         "values")


@test("show --json has every key of the interface")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s, 5, attach="座 7")
    o = s.show(order)
    want = ["order", "state", "alerts", "total_fee", "body", "attach",
            "created_at", "paid_at", "paid_via", "transaction_id", "attempts",
            "refunds", "events"]
    t.eq([k for k in o if k in want], want, "keys, in order")
    t.eq((o["order"], o["state"], o["alerts"], o["total_fee"], o["body"],
          o["attach"], o["paid_at"], o["paid_via"], o["transaction_id"],
          o["refunds"]),
         (order, "awaiting", [], 5, "茶", "座 7", None, None, None, []),
         "values")
    rfc = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$"
    t.matches(o["created_at"], rfc, "created_at")
    (a,) = o["attempts"]
    t.eq((a["out_trade_no"], a["state"], a["spbill_create_ip"]),
         (order, "awaiting", "127.0.0.1"), "the attempt")
    t.matches(a["created_at"], rfc, "created_at of the attempt")
    t.matches(a["mweb_url_at"], rfc, "mweb_url_at")
    t.eq([e["event"] for e in o["events"]], ["created", "prepaid"], "events")
    for e in o["events"]:
        t.matches(e["at"], rfc, "time of an event")


@test("show --json of a paid order tells how it was paid")
def _(t):
    s = t.own_site()
    order, token = ready(t, s)
    tx = h5.transaction_id()
    t.success(s.notify(h5.notice(order, 5, tx)))
    o = s.show(order)
    t.eq((o["state"], o["paid_via"], o["transaction_id"], o["paid_at"]),
         ("paid", "notify", tx, "2026-11-23T16:40:12+08:00"), "values")
    t.contains([e["event"] for e in o["events"]], "paid", "events")
    # Time stamps are Beijing's wherever the machine stands.
    code, out, _ = s.h5pay("--json", "show", order,
                           env={"TZ": "America/New_York"})
    t.eq(json.loads(out), o, "the same elsewhere")


@test("show off a terminal is tab-separated, a line a fact")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s, 12345)
    t.success(s.notify(h5.notice(order, 12345)))
    rows = [x.split("\t") for x in s.h5pay("show", order)[1].splitlines()]
    t.ok(all(len(r) > 1 for r in rows), f"tabs: {rows}")
    facts = {r[0]: r[1] for r in rows}
    t.eq((facts["order"], facts["state"], facts["total_fee"],
          facts["paid_via"]), (order, "paid", "12345", "notify"), "facts")
    t.eq([r[1:3] for r in rows if r[0] == "attempt"], [[order, "paid"]],
         "attempts")
    t.eq([r[2] for r in rows if r[0] == "event"],
         ["created", "prepaid", "paid"], "events")
    t.ok(all("=" in x for r in rows if r[0] == "event" for x in r[3:]),
         "what events tell")


@test("show on a terminal is laid out")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s, 12345)
    master, slave = h5.terminal()
    p = subprocess.Popen([s.command, "-c", s.conf_file, "show", order],
                         stdout=slave, stderr=slave, stdin=slave,
                         env={"PATH": os.environ["PATH"], "NO_COLOR": "1"})
    os.close(slave)
    out = b""
    try:
        while chunk := os.read(master, 65536):
            out += chunk
    except OSError:  # the other end is closed
        pass
    os.close(master)
    t.eq(p.wait(), 0, "exit status")
    text = out.decode()
    t.contains(text, f"{order}  awaiting", "heading")
    t.contains(text, "123.45 yuan (12345 fen)", "amount")
    t.lacks(text, "\t", "show")


@test("show prints what a person can read")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s, 12345)
    code, out, err = s.h5pay("show", order)
    t.eq((code, err), (0, ""), "exit status and stderr")
    for part in (order, "awaiting", "茶"):
        t.contains(out, part, "show")
    t.ok("12345" in out or "123.45" in out, "the amount")
    t.lacks(out, "\x1b[", "colours off a terminal")


@test("tables are coloured on a terminal unless NO_COLOR is set")
def _(t):
    s = t.own_site()
    ready(t, s)

    def on_terminal(**env):
        master, slave = h5.terminal()
        p = subprocess.Popen(
            [s.command, "-c", s.conf_file, "list"], stdout=slave,
            stderr=slave, stdin=slave,
            env={"PATH": os.environ["PATH"], "TERM": "xterm", **env})
        os.close(slave)
        out = b""
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(master)
        p.wait(10)
        return out.decode()

    plain = on_terminal(NO_COLOR="1")
    t.lacks(plain, "\x1b[3", "colours with NO_COLOR")
    t.lacks(plain, "\t", "tabs on a terminal")
    t.contains(plain, "awaiting", "the table")
    t.lacks(on_terminal(TERM="dumb"), "\x1b[3", "colours with TERM=dumb")


# --- query and close --------------------------------------------------------


@test("query exits 1 while unpaid, 0 once paid")
def _(t):
    s = t.own_site({"orders.query_interval_s": "1"})
    order, _ = ready(t, s)
    code, out, err = s.h5pay("query", order)
    t.eq(code, 1, f"exit status, {out!r} {err!r}")
    t.gateway.pay(order)
    code, out, err = s.h5pay("query", order)
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    o = s.show(order)
    t.eq((o["state"], o["paid_via"]), ("paid", "query"), "the order")


@test("query asks at once, whatever orders.query_interval_s says")
def _(t):
    s = t.own_site({"orders.query_interval_s": "3600"})
    order, _ = ready(t, s)
    s.h5pay("query", order)
    s.h5pay("query", order)
    t.eq(len(t.gateway.calls("orderquery", order)), 2, "orderquery calls")


@test("query --json prints the order")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    t.gateway.pay(order)
    code, out, err = s.h5pay("--json", "query", order)
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq(json.loads(out)["state"], "paid", "state")


@table("h5pay {0} while WeChat is unreachable exits 69", ["query", "close"])
def _(t, verb):
    s = t.own_site()
    order, _ = ready(t, s)
    s.configure({"gateway.url": "http://127.0.0.1:9",
                 "gateway.deadline_ms": "500"})
    code, out, err = s.h5pay(verb, order)
    t.eq(code, 69, f"exit status, {out!r} {err!r}")
    t.eq(s.show(order)["state"], "awaiting", "state")


@test("close of a paid order is refused, and records the payment")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    t.gateway.pay(order)
    code, out, err = s.h5pay("close", order)
    t.eq(code, 1, f"exit status, {out!r} {err!r}")
    t.eq(s.show(order)["state"], "paid", "state")


@test("close twice is closed")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    t.eq(s.h5pay("close", order)[0], 0, "the first")
    t.eq(s.h5pay("close", order)[0], 0, "the second")
    t.eq([e["event"] for e in s.show(order)["events"]].count("closed"), 1,
         "closed events")


@test("close that WeChat refuses for now is to be tried later")
def _(t):
    g = t.own_gateway()
    g.option(refuse_early_close=1)
    s = t.own_site(gateway=g)
    order, _ = ready(t, s)
    code, out, err = s.h5pay("close", order)
    t.eq(code, 75, f"exit status, {out!r} {err!r}")
    t.eq(s.show(order)["state"], "awaiting", "state")


# --- sweep ------------------------------------------------------------------


@test("sweep is silent when nothing is due")
def _(t):
    s = t.own_site()
    t.eq(s.h5pay("sweep"), (0, "", ""), "an empty store")
    ready(t, s)
    code, out, err = s.h5pay("sweep")
    t.eq((code, err), (0, ""), "a young order")


@test("sweep finds the payment of a buyer who never came back")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    t.gateway.pay(order)
    code, out, err = s.h5pay("sweep", prefix=["faketime", "-f", "+10m"])
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq(s.show(order)["state"], "paid", "state")


@test("16 sweeps at once ask once about each order")
def _(t):
    s = t.own_site({"orders.query_interval_s": "60"})
    orders = [ready(t, s)[0] for _ in range(5)]
    for o in orders:
        t.gateway.pay(o)
    got = h5.together(16, lambda i: s.h5pay(
        "sweep", prefix=["faketime", "-f", "+10m"]))
    t.ok(all(code in (0, 75) for code, _, _ in got), f"{got}")
    for o in orders:
        t.eq(s.show(o)["state"], "paid", "state")
        t.eq(len(t.gateway.calls("orderquery", o)), 1, "orderquery calls")


@test("sweep while WeChat is unreachable exits 69 and changes nothing")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    s.configure({"gateway.url": "http://127.0.0.1:9",
                 "gateway.deadline_ms": "500"})
    code, out, err = s.h5pay("sweep", prefix=["faketime", "-f", "+10m"])
    t.eq(code, 69, f"exit status, {out!r} {err!r}")
    t.eq(s.show(order)["state"], "awaiting", "state")


@test("sweep --for takes up no further order when its time is over")
def _(t):
    s = t.own_site()
    orders = [ready(t, s)[0] for _ in range(4)]
    for o in orders:
        t.gateway.pay(o)
        t.gateway.fault("orderquery", "delay", o, number=700)
    later = ["faketime", "-f", "+10m"]
    code, out, err = s.h5pay("sweep", "--for", "1", prefix=later)
    t.eq(code, 0, f"exit status, {err!r}")
    paid = [o for o in orders if s.show(o)["state"] == "paid"]
    t.ok(0 < len(paid) < 4, f"{len(paid)} of 4 settled")
    for o in orders:
        t.gateway.clear(o)
    code, out, err = s.h5pay("sweep", prefix=later)
    t.eq([s.show(o)["state"] for o in orders], ["paid"] * 4, "the next one")


@test("sweep --for 0 is a usage fault")
def _(t):
    t.eq(t.own_site().h5pay("sweep", "--for", "0")[0], 64, "exit status")


@table("a shop without cron is swept after {0} answers", ["checkout", "query"])
def _(t, program):
    s = t.own_site({"orders.query_interval_s": "60"})
    order, token = ready(t, s)
    t.ok(not (s.store / "swept").exists(), "a young store needs no sweep")
    long_ago = time.time() - 3600
    os.utime(s.store / "format", (long_ago, long_ago))
    s.post(program, {"order": order, "t": token,
                     **({"again": "1"} if program == "checkout" else {})})
    t.until("the sweep", (s.store / "swept").exists)


# --- fsck -------------------------------------------------------------------


def ledger(site, order):
    """The order's file in the store."""
    found = [p for p in site.store.rglob("*") if p.is_file()
             and f'"order":"{order}"'.encode() in p.read_bytes()]
    assert len(found) == 1, (order, found)
    return found[0]


@test("fsck of an empty store says 0, also when it had days")
def _(t):
    s = t.own_site()
    t.eq(s.h5pay("fsck")[:2], (0, ""), "an empty store")
    order, _ = ready(t, s)
    ledger(s, order).unlink()
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    t.eq(s.h5pay("fsck")[:2], (0, ""), "after the repair")


@test("fsck of a good store says 0")
def _(t):
    s = t.own_site()
    for _ in range(3):
        ready(t, s)
    code, out, err = s.h5pay("fsck")
    t.eq((code, out), (0, ""), f"exit status and findings, {err!r}")


@test("fsck finds a broken line in the middle, and --repair leaves it alone")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    good, _ = ready(t, s)
    path = ledger(s, order)
    raw = path.read_bytes().replace(b'"total_fee":5', b'"total_fee":4', 1)
    path.write_bytes(raw)
    code, out, err = s.h5pay("fsck")
    t.eq(code, 1, f"exit status, {out!r} {err!r}")
    t.contains(out, order, "findings")
    t.lacks(out, good, "findings")
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 1, f"exit status with --repair, {out!r}")
    t.eq(path.read_bytes(), raw, "the broken file")
    code, out, err = s.h5pay("show", order)
    t.eq(code, 65, f"exit status of show, {err!r}")
    t.refused(s.notify(h5.notice(order, 5)))


@test("fsck --repair cuts a torn tail and finds nothing after")
def _(t):
    s = t.own_site()
    order, _ = ready(t, s)
    path = ledger(s, order)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"n":3,"at":"2026-11')
    t.eq(s.show(order)["state"], "awaiting", "state with a torn tail")
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    t.eq(path.read_bytes(), whole, "the file")
    t.eq(s.h5pay("fsck")[:2], (0, ""), "fsck after it")


@test("fsck --repair rebuilds every index from the order files")
def _(t):
    import shutil

    s = t.own_site()
    orders = [ready(t, s)[0] for _ in range(4)]
    t.success(s.notify(h5.notice(orders[0], 5)))
    before = s.h5pay("list")[1]
    keep = {ledger(s, o) for o in orders}
    tops = {s.store / p.relative_to(s.store).parts[0] for p in keep}
    removed = 0
    for path in list(s.store.iterdir()):
        if path in tops or path.name in ("format", "FORMAT", "version"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
            removed += 1
    t.ok(removed, "something beside the order files")
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    t.eq(s.h5pay("list")[1], before, "list")
    t.gateway.pay(orders[1])
    s.h5pay("sweep", prefix=["faketime", "-f", "+10m"])
    t.eq(s.show(orders[1])["state"], "paid", "state after a sweep")


@test("fsck --json ends with the sums")
def _(t):
    s = t.own_site()
    ready(t, s)
    code, out, _ = s.h5pay("--json", "fsck")
    t.eq(code, 0, "exit status")
    t.eq(json.loads(out.splitlines()[-1])["orders"], 1, "orders")


@test("a store copied while it runs is good")
def _(t):
    import shutil
    import threading

    s = t.own_site()
    stop = []
    orders = [t.id() for _ in range(40)]

    def traffic():
        for o in orders:
            if stop:
                return
            s.ready(o, 5)
            s.notify(h5.notice(o, 5))

    w = threading.Thread(target=traffic)
    w.start()
    copy = s.folder / "copy"
    t.until("a first order", lambda: s.h5pay("list")[1])
    subprocess.run(["cp", "-r", s.store, copy], stderr=subprocess.DEVNULL,
                   check=False)
    stop.append(1)
    w.join()
    copy.chmod(0o700)
    other = t.own_site({"store.dir": copy})
    code, out, err = other.h5pay("fsck", "--repair")
    t.eq(code, 0, f"exit status, {out!r} {err!r}")


@test("a store that root makes is its folder's owner's")
def _(t):
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user="nobody")
    folder = s.folder / "var"
    folder.mkdir()
    uid = s.folder.stat().st_uid
    os.chown(folder, uid, -1)
    s.configure({"store.dir": folder / "store"})
    p = subprocess.run([s.command, "-c", s.conf_file, "list"],
                       capture_output=True, env={"PATH": os.environ["PATH"]})
    t.eq(p.returncode, 0, f"exit status, {p.stderr!r}")
    t.eq({x.stat().st_uid for x in folder.rglob("*")}, {uid}, "owners")
    t.page(s.get("checkout", s.link(t.id())), 200, "confirm")


@test("started as root h5pay becomes the store's owner")
def _(t):
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user="nobody")
    order = t.id()
    s.ready(order, 5)
    uid = s.store.stat().st_uid
    t.ok(uid != 0, "the store is nobody's")
    t.gateway.pay(order)
    p = subprocess.run([s.command, "-c", s.conf_file, "query", order],
                       capture_output=True, env={"PATH": os.environ["PATH"]})
    t.eq(p.returncode, 0, f"exit status, {p.stderr!r}")
    foreign = [x for x in s.store.rglob("*") if x.stat().st_uid != uid]
    t.eq(foreign, [], "files of somebody else")
    t.eq(s.show(order)["state"], "paid", "state")

"""The sweep: what comes first, how much at once, and what a flood may not do
to it."""

import json
import subprocess
import time

import h5
from case import table, test
from test_hooks import with_hook

LATER = ["faketime", "-f", "+3m"]
DELAY_MS = 50


def flood(t, site, prefix, count):
    """So many orders that somebody began and nobody paid."""
    subprocess.run([f"{t.build}/bench/orders", site.store, prefix, "0",
                    str(count)], check=True)


def slow(t, **kw):
    """A gateway that takes its time."""
    g = t.own_gateway(**kw)
    for api in ("orderquery", "closeorder"):
        g.fault(api, "delay", ms=DELAY_MS)
    return g


def queries(gateway):
    return gateway.calls("orderquery")


@test("a flood keeps neither a lost notice nor a delivery waiting")
def _(t):
    g = slow(t)
    s, book = with_hook(t, web=False, gateway=g)
    book.flag("fail")
    # In the midst of the flood, whichever end a sweep begins at.
    flood(t, s, "A", 200)
    lost, told = "M-lost-notice", "M-told"
    s.ready(lost, 5)
    s.ready(told, 5)
    flood(t, s, "Z", 200)
    g.pay(lost)
    # An old payment would be asked about before it is told.
    now = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 28800))
    t.success(s.notify(h5.notice(told, 5, time_end=now)))
    t.until("the failure to be noted", lambda: "undelivered" in [
        x["event"] for x in s.show(told)["events"]])
    book.flag("fail", False)
    began = time.time()
    code, out, err = s.h5pay("sweep", prefix=LATER)
    spent = time.time() - began
    t.eq((code, err), (0, ""), "exit status and stderr")
    t.eq(s.show(lost)["state"], "paid", "state of the lost notice's order")
    asked = queries(g)
    t.eq(len(asked), 401, "questions, one an order")
    t.eq(len({c["conn"] for c in asked}), 8, "conversations at once")
    # One after the other would take 20 s.
    t.ok(spent < 400 * DELAY_MS / 1000 / 2, f"{spent:.1f} s in all")
    t.contains(out.splitlines()[0], f"{told}\tdelivered", "what came first")
    at = max(int(p.name.split("-")[0]) for p in book.folder.glob("*.json")
             if told in p.read_text())
    t.ok(at / 1e9 - began < spent / 4, f"told after {at / 1e9 - began:.1f} s")
    t.ok((s.store / "swept").exists(), "the sweep went over all orders")


@table("sweep --parallel {0} holds {0} conversations", [1, 3, 12])
def _(t, n):
    g = slow(t)
    s = t.own_site(gateway=g)
    flood(t, s, "F", 40)
    code, out, err = s.h5pay("sweep", "--parallel", str(n), prefix=LATER)
    t.eq((code, out, err), (0, "", ""), "sweep")
    t.eq(len(queries(g)), 40, "questions")
    t.eq(len({c["conn"] for c in queries(g)}), n, "conversations")


@table("sweep --parallel {0!r} is a usage fault", ["0", "65", "-1", "x", ""])
def _(t, n):
    code, out, err = t.own_site().h5pay("sweep", "--parallel", n)
    t.eq((code, out), (64, ""), f"exit status, {err!r}")
    t.contains(err, "--parallel", "stderr")


@test("a sweep that is cut short takes from both ends and says that it was")
def _(t):
    g = t.own_gateway()
    g.fault("orderquery", "delay", ms=300)
    s = t.own_site(gateway=g)
    flood(t, s, "F", 40)
    code, out, err = s.h5pay("sweep", "--parallel", "1", "--for", "1",
                             prefix=LATER)
    t.eq((code, out, err), (0, "", ""), "sweep")
    asked = [c["out_trade_no"] for c in queries(g)]
    t.ok(2 <= len(asked) < 8, f"{asked}")
    t.eq(asked[:2], ["F00000000", "F00000039"], "the longest due, the latest")
    t.ok(not (s.store / "swept").exists(), "no sweep over all orders ended")
    got = json.loads(s.h5pay("--json", "status", prefix=LATER)[1])
    t.eq(got["due"], 40 - len(asked), "orders due")
    t.ok(50 < got["oldest_due_seconds"] < 180, f"oldest due {got}")
    t.eq(got["last_sweep"], None, "last sweep")
    t.contains(s.h5pay("status", prefix=LATER)[1], "oldest due", "in words")
    g.clear()
    t.eq(s.h5pay("sweep", prefix=LATER), (0, "", ""), "the next one")
    t.eq(len(queries(g)), 40, "each was asked about once")
    t.ok((s.store / "swept").exists(), "that one went over all")


@test("a shop that does not answer leaves conversations for the money")
def _(t):
    g = t.own_gateway()
    s, book = with_hook(t, web=False, gateway=g)
    orders = [t.id() for _ in range(4)]
    book.flag("fail")
    for o in orders:
        s.ready(o, 5)
        t.success(s.notify(h5.notice(o, 5)))
    t.until("the failures to be noted", lambda: all("undelivered" in [
        x["event"] for x in s.show(o)["events"]] for o in orders))
    lost = t.id()
    s.ready(lost, 5)
    g.pay(lost)
    book.write("#!/bin/sh\nexec sleep 2\n")
    s.h5pay("sweep", "--parallel", "2", "--for", "1", prefix=LATER)
    t.eq(s.show(lost)["state"], "paid", "state")


# --- the clock ---------------------------------------------------------------

AHEAD = ["faketime", "-f", "+3h"]
HOURS = 3 * 3600


def log_of(site, event):
    return [x for x in site.log() if x.split()[1] == event]


@test("a clock that is three hours ahead closes nothing, and is an alert")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    orders = [t.id() for _ in range(3)]
    for o in orders:
        s.ready(o, 5)
    g.pay(orders[2])
    code, out, err = s.h5pay("sweep", prefix=AHEAD)
    t.eq((code, out, err), (0, f"{orders[2]}\tpaid\n", ""), "sweep")
    t.eq(g.calls("closeorder"), [], "orders closed at WeChat")
    t.eq([s.show(o)["state"] for o in orders],
         ["awaiting", "awaiting", "paid"], "states")
    (first, *_) = log_of(s, "clock-wrong")
    t.matches(first, r"^alert clock-wrong .*ahead_s=(10799|10800|10801|10802) ",
              "the log")
    # The buyers pay, and the clock is right again.
    g.pay(orders[0])
    t.eq(s.h5pay("query", orders[0])[0], 0, "query")
    t.eq(s.show(orders[0])["state"], "paid", "state")


@test("an order whose time is over by both clocks is closed")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    order = t.id()
    s.ready(order, 5)
    g.advance(HOURS)
    code, out, err = s.h5pay("sweep", prefix=AHEAD)
    t.eq((code, out, err), (0, f"{order}\tclosed\n", ""), "sweep")
    t.eq(log_of(s, "clock-wrong"), [], "alerts")


@test("a sweep after a jump of the clock expires nothing, the next one does")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    order = t.id()
    s.ready(order, 5)
    t.eq(s.h5pay("sweep"), (0, "", ""), "before")
    t.eq(log_of(s, "clock-jumped"), [], "alerts before")
    g.advance(HOURS)
    t.eq(s.h5pay("sweep", prefix=AHEAD)[0], 0, "the sweep after it")
    t.eq(g.calls("closeorder"), [], "orders closed at WeChat")
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.eq(len(log_of(s, "clock-jumped")), 1, "alerts")
    t.eq(s.h5pay("sweep", prefix=AHEAD)[1], f"{order}\tclosed\n", "the next")
    code, out, err = s.h5pay("fsck")
    t.eq(code, 0, f"fsck: {out}{err}")


@test("an order made while the clock stood in 1972 is paid once it is right")
def _(t):
    g = t.own_gateway()
    s = t.own_site({"orders.query_interval_s": "1"}, gateway=g)
    order = t.id()
    link = s.get("checkout", s.link(order, 5), prefix=[
        "faketime", "1972-01-01 12:00:00"])
    form = link.form("checkout")
    s.post("checkout", form.fields, prefix=[
        "faketime", "1972-01-01 12:00:10"])
    t.contains(s.show(order)["created_at"], "1972-01-01", "made")
    link = s.get("checkout", s.link(order, 5))
    r = s.post("checkout", link.form("checkout").fields)
    t.redirect(r)
    got = s.show(order)
    t.eq([(a["out_trade_no"], a["state"]) for a in got["attempts"]],
         [(order, "closed"), (order + "_2", "awaiting")], "attempts")
    g.pay(order + "_2")
    t.eq(s.h5pay("query", order)[0], 0, "query")
    t.eq(s.show(order)["state"], "paid", "state")


@test("sweep closes an attempt that was left open beside a paid one")
def _(t):
    g = t.own_gateway()
    s = t.own_site({"orders.query_interval_s": "1"}, gateway=g)
    order = t.id()
    token = s.ready(order, 5)
    g.fault("unifiedorder", "result-fail", order=order, count=1,
            name="ORDERCLOSED", value="订单已关闭")
    t.redirect(s.post("checkout", {"order": order, "t": token, "again": "1"},
                      prefix=["faketime", "-f", "+5m"]))
    g.advance(400)
    t.success(s.notify(h5.notice(order, 5)))
    t.eq([a["state"] for a in s.show(order)["attempts"]],
         ["paid", "awaiting"], "attempts before")
    t.eq(s.h5pay("sweep")[0], 0, "sweep")
    t.eq([c["out_trade_no"] for c in g.calls("closeorder")][-1:],
         [order + "_2"], "closed at WeChat")
    t.eq([a["state"] for a in s.show(order)["attempts"]],
         ["paid", "closed"], "attempts")

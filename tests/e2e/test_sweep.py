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
    t.success(s.notify(h5.notice(told, 5)))
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

"""Refunds: asked by the operator, followed by sweep, hinted at by notices."""

import json
import os
import re
import select
import shutil
import subprocess
import time

import h5
from case import table, test

MINUTE = ["faketime", "-f", "+61s"]


class Shop:
    """A stand-in that refunds by plain http, and a site before it."""

    def __init__(self, t, conf=None, **options):
        self.t = t
        self.g = t.own_gateway(args=["--plain-refund"])
        self.g.option(**{"refund_s": 0, **options})
        self.s = t.own_site(conf, gateway=self.g)

    def paid(self, fee=1200):
        order = self.t.id("r")
        self.s.ready(order, fee)
        tx = self.g.pay(order)["transaction_id"]
        self.t.success(self.s.notify(h5.notice(order, fee, tx)))
        return order

    def refund(self, *args, **kw):
        return self.s.h5pay("refund", *args, "--yes", **kw)

    def asked(self):
        """The refund calls that came in, as fields."""
        return [c["fields"] for c in self.g.calls("refund")]

    def refunds(self, order):
        return self.s.show(order)["refunds"]

    def state(self, order):
        return self.s.show(order)["state"]

    def sweep(self, order, later=MINUTE):
        """As cron does: the order must be found by itself."""
        return self.s.h5pay("sweep", prefix=later)


# --- the whole, and parts ---------------------------------------------------


@test("refund gives everything back, and says accepted before it says done")
def _(t):
    x = Shop(t, refund_s=30)
    order = x.paid()
    code, out, err = x.refund(order, "--reason", "茶漏了")
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq(out, f"{order}\trefunding\t{order}-r1\t1200\tPROCESSING\n",
         "stdout")
    (f,) = x.asked()
    t.eq((f["out_trade_no"], f["out_refund_no"], f["total_fee"],
          f["refund_fee"], f["refund_fee_type"], f["refund_desc"]),
         (order, order + "-r1", "1200", "1200", "CNY", "茶漏了"), "fields")
    t.eq(f["notify_url"], x.s.base_url + "/notify", "notify_url")
    t.eq(x.state(order), "refunding", "state")
    t.eq(x.sweep(order)[:2], (0, ""), "sweep while it is under way")
    t.eq(x.state(order), "refunding", "state")
    x.g.advance(31)
    code, out, err = x.sweep(order, ["faketime", "-f", "+130s"])
    t.eq((code, out), (0, f"{order}\trefunded\n"), f"sweep, {err!r}")
    (r,) = x.refunds(order)
    t.eq((r["status"], r["refund_fee"], r["out_trade_no"], r["reason"]),
         ("SUCCESS", 1200, order, "茶漏了"), "the refund")
    t.ok(r["refund_id"].startswith("5000"), "refund_id")
    t.ok(r["changed_at"].endswith("+08:00"), "WeChat's time")
    t.contains(x.s.h5pay("show", order)[1], f"{order}-r1", "show")


@test("two parts go back under two numbers, a minute apart")
def _(t):
    x = Shop(t)
    order = x.paid(1200)
    t.eq(x.refund(order, "--fee", "500")[0], 0, "the first")
    code, _, err = x.refund(order, "--fee", "300")
    t.eq(code, 75, "at once")
    t.contains(err, "minute", "stderr")
    x.g.advance(61)
    t.eq(x.sweep(order)[1], f"{order}\tpartly-refunded\n", "sweep")
    code, out, err = x.s.h5pay("--json", "refund", order, "--yes",
                               prefix=MINUTE)
    t.eq(code, 0, f"the rest, {err!r}")
    o = json.loads(out)
    t.eq([(r["out_refund_no"], r["refund_fee"]) for r in o["refunds"]],
         [(order + "-r1", 500), (order + "-r2", 700)], "refunds")
    t.eq(o["state"], "refunding", "state")
    x.sweep(order, ["faketime", "-f", "+130s"])
    t.eq(x.state(order), "refunded", "state")
    code, _, err = x.refund(order, prefix=["faketime", "-f", "+200s"])
    t.eq(code, 1, "a third")
    t.contains(err, "nothing left to refund", "stderr")
    t.eq(len(x.asked()), 2, "requests")


@test("the page tells the buyer of a refund, with its amount")
def _(t):
    x = Shop(t, refund_s=30)
    order = t.id("r")
    token = x.s.ready(order, 1200)
    tx = x.g.pay(order)["transaction_id"]
    t.success(x.s.notify(h5.notice(order, 1200, tx)))
    q = {"order": order, "t": token}
    t.eq(x.refund(order, "--fee", "500")[0], 0, "refund")
    r = x.s.get("query", q)
    t.page(r, 200, "result", "refunding")
    t.contains(r.visible, "5.00", "amount")
    x.g.advance(31)
    x.sweep(order)
    r = x.s.get("query", q)
    t.page(r, 200, "result", "partly-refunded")
    t.contains(r.visible, "5.00", "amount")


@test("order.refunded reaches the shop")
def _(t):
    x = Shop(t)
    out = x.s.folder / "events"
    hook = x.s.write("hook", f'#!/bin/sh\necho "$H5PAY_EVENT" >>{out}\n',
                     0o700)
    x.s.configure({"hooks.exec": hook})
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")
    x.sweep(order)
    t.until("the events", lambda: out.exists() and out.read_text().split() ==
            ["order.paid", "order.refunded"])


# --- A1: money that went back elsewhere ---------------------------------------


def told(x):
    """A hook that writes down what it is told; the words so far."""
    out = x.s.folder / "events"
    hook = x.s.write("hook", f'#!/bin/sh\necho "$H5PAY_EVENT" >>{out}\n',
                     0o700)
    x.s.configure({"hooks.exec": hook})
    return lambda: out.read_text().split() if out.exists() else []


def back(x, order, no, fee):
    x.g.control("platform-refund", out_trade_no=order, out_refund_no=no,
                fee=fee)


@table("A1: {0} went back before we heard of the payment: {2}, and the shop "
       "hears {3}", [
    ("all of it", [1200], "refunded", ["order.refunded"]),
    ("all of it in two parts", [1000, 200], "refunded",
     ["order.refunded", "order.refunded"]),
    ("a part", [400], "partly-refunded", ["order.paid", "order.refunded"]),
])
def _(t, what, fees, state, events):
    x = Shop(t, conf={"orders.query_interval_s": "1"})
    heard = told(x)
    order = t.id("r")
    token = x.s.ready(order, 1200)
    x.g.pay(order, notice=0)
    for i, fee in enumerate(fees):
        back(x, order, f"5030000{i}@{order}", fee)
    q = {"order": order, "t": token}
    t.redirect(x.s.post("query", q))
    t.page(x.s.get("query", q), 200, "result", state)
    t.until("the events", lambda: heard() == events)
    x.sweep(order)
    t.eq(heard(), events, "events after a sweep")
    t.eq(sorted(r["refund_fee"] for r in x.refunds(order)), sorted(fees),
         "refunds")
    code, out, err = x.s.h5pay("fsck")
    t.eq(code, 0, f"fsck {out!r} {err!r}")


@test("A1: while refundquery is silent a payment that went back is told as "
      "nothing")
def _(t):
    x = Shop(t, conf={"orders.query_interval_s": "1",
                      "gateway.deadline_ms": "1500"})
    heard = told(x)
    order = t.id("r")
    x.s.ready(order, 1200)
    x.g.pay(order, notice=0)
    back(x, order, "M1", 1200)
    x.g.fault("refundquery", "cut-before", order=order)
    t.eq(x.s.h5pay("query", order)[0], 69, "query")
    t.eq((x.state(order), heard()), ("awaiting", []), "state and events")
    x.g.clear(order)
    t.eq(x.s.h5pay("query", order)[0], 0, "query")
    t.eq((x.state(order), heard()), ("refunded", ["order.refunded"]),
         "state and events")


@test("A1: a refund of everything that is closed in the end leaves the order "
      "paid, and the shop is told then")
def _(t):
    x = Shop(t, refund_s=3600, refund_result="REFUNDCLOSE")
    heard = told(x)
    order = t.id("r")
    x.s.ready(order, 1200)
    x.g.pay(order, notice=0)
    back(x, order, "M1", 1200)
    t.eq(x.s.h5pay("query", order)[0], 0, "query")
    t.eq((x.state(order), heard()), ("refunding", []), "under way")
    x.g.advance(3601)
    x.sweep(order, ["faketime", "-f", "+2h"])
    t.eq(x.state(order), "paid", "state")
    t.eq(heard(), ["order.paid"], "events")


def old_notice(x, order, seconds, fee=1200):
    """The payer paid so long ago, and only now WeChat tells of it."""
    tx = x.g.order(order)["transaction_id"]
    end = time.strftime("%Y%m%d%H%M%S",
                        time.gmtime(time.time() + 28800 - seconds))
    x.t.success(x.s.notify(h5.notice(order, fee, tx, time_end=end)))


@table("A1: a notice {0} old, when {2} went back elsewhere: {4}, and the shop "
       "hears {5}", [
    ("an hour", 3600, "all of it", [1200], "refunded", ["order.refunded"]),
    ("six minutes", 360, "all of it in two parts", [200, 1000], "refunded",
     ["order.refunded", "order.refunded"]),
    ("a year", 365 * 86400, "a part", [1199], "partly-refunded",
     ["order.paid", "order.refunded"]),
    ("an hour", 3600, "nothing", [], "paid", ["order.paid"]),
])
def _(t, age, seconds, what, fees, state, events):
    x = Shop(t)
    heard = told(x)
    order = t.id("r")
    x.s.ready(order, 1200)
    x.g.pay(order, notice=0)
    for i, fee in enumerate(fees):
        back(x, order, f"5040000{i}@{order}", fee)
    old_notice(x, order, seconds)
    t.until("the events", lambda: heard() == events)
    t.until("the state", lambda: x.state(order) == state)
    t.eq(x.sweep(order)[0], 0, "sweep")
    t.eq(heard(), events, "events after a sweep")
    t.eq(x.s.h5pay("hook", "list")[1].count(order), 0, "owed")
    t.eq(x.s.h5pay("fsck")[0], 0, "fsck")


@test("A1: a notice of this minute is told without a question, unless one "
      "spoke of a refund before it")
def _(t):
    x = Shop(t)
    heard = told(x)
    order, hinted = t.id("r"), t.id("r")
    for o in order, hinted:
        x.s.ready(o, 1200)
        x.g.pay(o, notice=0)
    old_notice(x, order, 60)
    t.until("the event", lambda: heard() == ["order.paid"])
    t.eq(len(x.g.calls("orderquery")), 0, "questions")
    back(x, hinted, "M1", 1200)
    (sent,) = x.g.control("refund-notice", out_refund_no="M1",
                          url="http://127.0.0.1:9/")["sent"]
    t.success(x.s.notify(sent["body"].encode()))
    x.g.fault("refundquery", "cut-before", order=hinted)
    old_notice(x, hinted, 60)
    t.until("a question", lambda: x.g.calls("orderquery"))
    t.until("its end", lambda: x.sweep(hinted, [])[0] == 69)
    t.eq(heard(), ["order.paid"], "events while it is not known")
    x.g.clear(hinted)
    x.sweep(hinted)
    t.eq((x.state(hinted), heard()),
         ("refunded", ["order.paid", "order.refunded"]), "in the end")


@test("A1: what a shop did not take is told no more once it went back "
      "elsewhere, and all else is")
def _(t):
    x = Shop(t)
    out = x.s.folder / "events"
    hook = x.s.write("hook", "#!/bin/sh\nexit 1\n", 0o700)
    x.s.configure({"hooks.exec": hook})
    orders = {k: t.id("r") for k in ("elsewhere", "here", "nothing")}
    for order in orders.values():
        x.s.ready(order, 1200)
        x.g.pay(order, notice=0)
        old_notice(x, order, 0)
        t.until("the failure", lambda: x.s.show(order)["events"][-1]["event"]
                == "undelivered")
    back(x, orders["elsewhere"], "M1", 1200)
    t.eq(x.refund(orders["here"])[0], 0, "refund")
    x.s.write("hook", f'#!/bin/sh\necho "$H5PAY_ORDER $H5PAY_EVENT" >>{out}\n',
              0o700)
    t.eq(x.s.h5pay("sweep", prefix=["faketime", "-f", "+1h"])[0], 0, "sweep")
    told = [line.split() for line in out.read_text().splitlines()]
    heard = {k: [e for o, e in told if o == order]
             for k, order in orders.items()}
    t.eq(heard, {"elsewhere": ["order.refunded"],
                 "here": ["order.paid", "order.refunded"],
                 "nothing": ["order.paid"]}, "events")


@test("A1: the money of an old notice that was going back and stays is told "
      "in the end")
def _(t):
    x = Shop(t, refund_s=3600, refund_result="REFUNDCLOSE")
    heard = told(x)
    order = t.id("r")
    x.s.ready(order, 1200)
    x.g.pay(order, notice=0)
    back(x, order, "M1", 1200)
    old_notice(x, order, 3600)
    t.until("the state", lambda: x.state(order) == "refunding")
    x.sweep(order)
    t.eq(heard(), [], "events while it is under way")
    x.g.advance(3601)
    x.sweep(order, ["faketime", "-f", "+2h"])
    t.eq((x.state(order), heard()), ("paid", ["order.paid"]), "in the end")


@table("A1: an old notice while {0}: {2}", [
    ("WeChat answers nothing", "orderquery", "the shop is told at once", 0),
    ("it does not say how much went back", "refundquery",
     "the shop is told after ten minutes", 601),
])
def _(t, what, api, then, seconds):
    x = Shop(t, conf={"gateway.deadline_ms": "1500"})
    heard = told(x)
    order = t.id("r")
    x.s.ready(order, 1200)
    x.g.pay(order, notice=0)
    back(x, order, "M1", 1200)
    x.g.fault(api, "cut-before", order=order)
    old_notice(x, order, 3600)
    if seconds:
        t.until("a question", lambda: x.g.calls(api))
        t.until("its end", lambda: x.sweep(order, [])[0] == 69)
        t.eq(heard(), [], "events before")
        x.sweep(order, ["faketime", "-f", f"+{seconds}s"])
    t.until("the event", lambda: heard() == ["order.paid"])
    if not seconds:
        t.ok(any("paid-not-asked" in line for line in x.s.log()), "the log")
    x.g.clear(order)
    t.eq(x.s.h5pay("query", order)[0], 0, "query")
    t.until("the refund", lambda: heard() == ["order.paid", "order.refunded"])


@test("A1: query of a paid order takes in refunds of the merchant platform, "
      "twenty-three of them too")
def _(t):
    x = Shop(t)
    heard = told(x)
    order = x.paid(2400)
    for i in range(23):
        back(x, order, f"M{i}", 100)
    code, out, err = x.s.h5pay("--json", "query", order)
    o = json.loads(out)
    t.eq((code, o["state"], len(o["refunds"])), (0, "partly-refunded", 23),
         f"query {err!r}")
    # The rest is delivered beside the query.
    t.until("the shop to be told", lambda: len(heard()) >= 24)
    t.eq(heard(), ["order.paid"] + ["order.refunded"] * 23, "events")
    back(x, order, "M23", 100)
    t.eq(x.s.h5pay("query", order)[0], 0, "query")
    t.eq(x.state(order), "refunded", "state")
    before = len(x.s.show(order)["events"])
    t.eq(x.s.h5pay("query", order)[0], 0, "query")
    t.eq(len(x.s.show(order)["events"]), before, "events of the third query")


@table("A1: a list of refunds {0} moves nothing", [
    ("of another order", {"kind": "other-order"}),
    ("of another amount", {"kind": "wrong-amount"}),
    ("with a state nobody knows", {"kind": "set-field",
                                   "name": "refund_status_0",
                                   "value": "SUCCESS2"}),
    ("without a sign", {"kind": "unsigned"}),
    ("that counts more than it lists", {"kind": "set-field",
                                        "name": "refund_count",
                                        "value": "2"}),
    ("that gives back more than was paid", {"kind": "set-field",
                                            "name": "refund_fee_0",
                                            "value": "1201"}),
])
def _(t, what, fault):
    x = Shop(t)
    order = x.paid()
    back(x, order, "M1", 1200)
    fault = dict(fault)
    x.g.fault("refundquery", fault.pop("kind"), order=order, **fault)
    t.eq(x.s.h5pay("query", order)[0], 69, "query")
    t.eq((x.state(order), x.refunds(order)), ("paid", []), "state, refunds")


# --- A5: a number is not one's own ---------------------------------------------


@test("A5: a refund number that another order used is looked up first, and "
      "nothing of it is written")
def _(t):
    x = Shop(t)
    a, b = x.paid(), x.paid()
    t.eq(x.refund(a, "--id", "R1@" + a)[0], 0, "the first")
    code, _, err = x.refund(b, "--id", "R1@" + a)
    t.eq((code, len(x.asked())), (1, 1), f"{err!r}, refund calls")
    t.contains(err, "another order's", "stderr")
    t.eq((x.state(b), x.refunds(b)), ("paid", []), "the second order")
    t.eq(x.refund(b, "--id", "R2@" + a)[0], 0, "another number")
    t.eq(x.s.h5pay("sweep", prefix=MINUTE)[0], 0, "sweep")


@test("A5: an order that is wedged by another order's number gets out of it")
def _(t):
    x = Shop(t)
    a, b = x.paid(), x.paid()
    t.eq(x.refund(a, "--id", "R1@" + a)[0], 0, "the first")
    # Version 0.1.0 asked at once: the look-up is made to say there is none.
    x.g.fault("refundquery", "result-fail", order=a, count=1,
              name="REFUNDNOTEXIST")
    x.g.fault("refund", "systemerror", order=b)
    t.eq(x.refund(b, "--id", "R1@" + a)[0], 69, "no answer")
    t.eq(x.refunds(b)[0]["status"], "asked", "wedged")
    x.g.clear(b)
    x.s.h5pay("sweep", prefix=["faketime", "-f", "+2m"])
    t.eq((x.state(b), x.refunds(b)[0]["status"]), ("paid", "refused"),
         "after a sweep")
    code, _, err = x.refund(b, prefix=["faketime", "-f", "+4m"])
    t.eq((code, x.refunds(b)[-1]["out_refund_no"]), (0, b + "-r1"),
         f"a number of its own, {err!r}")


@test("A5: the number of a refund of this order that was made elsewhere is "
      "taken in and not asked for")
def _(t):
    x = Shop(t)
    a = x.paid()
    back(x, a, "M1@" + a, 400)
    t.eq(x.refund(a, "--id", "M1@" + a, "--fee", "400")[0], 0, "refund")
    t.eq((x.asked(), x.state(a)), ([], "partly-refunded"), "calls, state")


# --- what is refused before anything is asked -------------------------------


@table("refund {0} exits {1} and asks nothing", [
    ("of more than was paid", 1, ["--fee", "1201"]),
    ("with a fee in yuan", 65, ["--fee", "12.00"]),
    ("with a fee of 0", 65, ["--fee", "0"]),
    ("with a number of 65 characters", 65, ["--id", "x" * 65]),
    ("with a number that has a blank", 65, ["--id", "a b"]),
    ("with a reason of 81 bytes", 65, ["--reason", "x" * 81]),
    ("with a reason of two lines", 65, ["--reason", "a\nb"]),
    ("with an unknown option", 64, ["--everything"]),
])
def _(t, name, want, args):
    x = Shop(t)
    order = x.paid()
    code, out, err = x.refund(order, *args)
    t.eq((code, out), (want, ""), f"exit status, {err!r}")
    t.ok(err, "a word on stderr")
    t.eq(x.asked(), [], "requests")
    t.eq(x.state(order), "paid", "state")


@test("refund of an unpaid order exits 1, of an unknown one 66")
def _(t):
    x = Shop(t)
    order = t.id("r")
    x.s.ready(order, 5)
    t.eq(x.refund(order)[0], 1, "unpaid")
    t.eq(x.refund("nobodys-order")[0], 66, "unknown")
    t.eq(x.refund()[0], 64, "no order")
    t.eq(x.asked(), [], "requests")


@test("refund without a terminal needs --yes")
def _(t):
    x = Shop(t)
    order = x.paid()
    code, out, err = x.s.h5pay("refund", order)
    t.eq(code, 64, "exit status")
    t.contains(err, "--yes", "stderr")
    t.eq(x.asked(), [], "requests")


@table("on a terminal {0} to the question means {1}", [
    ("y", 0), ("n", 1), ("", 1), ("maybe", 1)])
def _(t, answer, want):
    x = Shop(t)
    order = x.paid()
    master, slave = h5.terminal()
    p = subprocess.Popen(
        [str(x.s.command), "-c", str(x.s.conf_file), "refund", order],
        stdin=slave, stdout=slave, stderr=slave, close_fds=True)
    os.close(slave)
    seen = b""
    end = time.monotonic() + 20
    while b"[y/N]" not in seen and time.monotonic() < end:
        if select.select([master], [], [], 1)[0]:
            seen += os.read(master, 4096)
    t.contains(seen, f"refund 12.00 yuan of order {order} to the payer? "
               "[y/N]".encode(), "the question")
    os.write(master, answer.encode() + b"\n")
    code = p.wait(20)
    os.close(master)
    t.eq(code, want, "exit status")
    t.eq(len(x.asked()), 1 if want == 0 else 0, "requests")


@test("a year after payment WeChat is not asked any more")
def _(t):
    x = Shop(t)
    order = x.paid()
    code, _, err = x.refund(order, prefix=["faketime", "-f", "+366d"])
    t.eq(code, 1, "exit status")
    t.contains(err, "365 days", "stderr")
    t.eq(x.asked(), [], "requests")


# --- lost answers -----------------------------------------------------------


@table("after {0} the same command pays once, under the same number", [
    ("a lost answer", "cut-after", {}),
    ("a lost request", "cut-before", {}),
    ("SYSTEMERROR though it worked", "systemerror-after", {}),
    ("SYSTEMERROR", "systemerror", {}),
    ("an unsigned answer", "unsigned", {}),
    ("an answer about another order", "other-order", {}),
    ("an answer about another amount", "set-field",
     {"field": "refund_fee", "value": "1"}),
    ("an answer about another refund", "set-field",
     {"field": "out_refund_no", "value": "else"}),
    ("an answer about another payment", "set-field",
     {"field": "transaction_id", "value": "4200"}),
])
def _(t, name, kind, how):
    x = Shop(t, conf={"gateway.deadline_ms": "1500"})
    order = x.paid()
    x.g.fault("refund", kind, **how)
    code, out, err = x.refund(order, "--fee", "700")
    t.eq((code, out), (69, ""), f"exit status, {err!r}")
    t.contains(err, order + "-r1", "stderr names the number")
    t.eq([(r["status"], r["refund_fee"]) for r in x.refunds(order)],
         [("asked", 700)], "the refund")
    t.eq(x.state(order), "refunding", "state")
    # Another amount now could pay twice.
    code, _, err = x.refund(order, "--fee", "100")
    t.eq(code, 1, "another amount meanwhile")
    x.g.clear()
    code, _, err = x.refund(order)
    t.eq(code, 0, f"again, {err!r}")
    t.eq({f["out_refund_no"] for f in x.asked()}, {order + "-r1"}, "numbers")
    t.eq({f["refund_fee"] for f in x.asked()}, {"700"}, "amounts")
    got = x.g.control("refunds", out_trade_no=order)["refunds"]
    t.eq([r["refund_fee"] for r in got], [700], "refunds at WeChat")


@test("the number is on disk before the request leaves")
def _(t):
    x = Shop(t)
    order = x.paid()
    x.g.fault("refund", "delay", ms=20000)
    p = x.s.popen([x.s.command, "-c", x.s.conf_file, "refund", order,
                   "--yes", "--id", "mine-1"], env={"LANG": "C.UTF-8"})
    x.g.wait("calls", api="refund")
    t.eq([(r["out_refund_no"], r["status"]) for r in x.refunds(order)],
         [("mine-1", "asked")], "while WeChat thinks")
    p.kill()
    p.communicate()
    x.g.clear()
    code, _, err = x.refund(order, "--id", "mine-1")
    t.eq(code, 0, f"again, {err!r}")
    t.eq({f["out_refund_no"] for f in x.asked()}, {"mine-1"}, "numbers")
    t.eq(len(x.g.control("refunds")["refunds"]), 1, "refunds at WeChat")
    # And once more: nothing is asked for, the state is looked up.
    before = len(x.asked())
    code, out, _ = x.refund(order, "--id", "mine-1")
    t.eq((code, len(x.asked())), (0, before), "a taken number again")
    t.contains(out, "SUCCESS", "stdout")
    code, _, _ = x.refund(order, "--id", "mine-1", "--fee", "5")
    t.eq(code, 65, "the number with another amount")


@test("eight operators at once refund once")
def _(t):
    x = Shop(t, refund_gap_s=0)
    order = x.paid()
    codes = h5.together(8, lambda i: x.refund(order)[0])
    t.eq(codes.count(0), 1, f"exit statuses {codes}")
    t.ok(set(codes) <= {0, 1, 75}, f"exit statuses {codes}")
    got = x.g.control("refunds", out_trade_no=order)["refunds"]
    t.eq([r["refund_fee"] for r in got], [1200], "refunds at WeChat")


@test("sweep learns what became of a refund whose answer was lost")
def _(t):
    x = Shop(t, conf={"gateway.deadline_ms": "1500"})
    order = x.paid()
    x.g.fault("refund", "cut-after")
    t.eq(x.refund(order)[0], 69, "exit status")
    t.eq(x.sweep(order)[1], f"{order}\trefunded\n", "sweep")


@test("a request that never arrived is given up after ten minutes")
def _(t):
    x = Shop(t, conf={"gateway.deadline_ms": "1500"})
    order = x.paid()
    x.g.fault("refund", "cut-before")
    t.eq(x.refund(order)[0], 69, "exit status")
    x.sweep(order)
    t.eq(x.state(order), "refunding", "after a minute")
    x.sweep(order, ["faketime", "-f", "+11m"])
    t.eq(x.state(order), "paid", "after eleven")
    t.ok([l for l in x.s.log() if l.startswith("alert refund-refused")
          and f"{order}-r1" in l], "an alert in the log")
    x.g.clear()
    t.eq(x.refund(order, prefix=["faketime", "-f", "+12m"])[0], 0, "again")
    t.eq({f["out_refund_no"] for f in x.asked()}, {order + "-r1"}, "numbers")


# --- refusals ---------------------------------------------------------------


@table("{0} exits {1}, and nothing is under way", [
    ("NOTENOUGH", 1), ("TRADE_OVERDUE", 1), ("ERROR", 1),
    ("USER_ACCOUNT_ABNORMAL", 1), ("INVALID_REQ_TOO_MUCH", 75),
    ("INVALID_TRANSACTIONID", 1), ("PARAM_ERROR", 1),
    ("APPID_NOT_EXIST", 78), ("MCHID_NOT_EXIST", 78), ("ORDERNOTEXIST", 1),
    ("REQUIRE_POST_METHOD", 1), ("SIGNERROR", 78), ("XML_FORMAT_ERROR", 1),
    ("REFUND_FEE_MISMATCH", 1), ("A_NEW_CODE", 1),
])
def _(t, err_code, want):
    x = Shop(t)
    order = x.paid()
    x.g.fault("refund", "result-fail", code=err_code, text="原因")
    code, out, err = x.refund(order)
    t.eq((code, out), (want, ""), f"exit status, {err!r}")
    t.contains(err, err_code, "stderr")
    t.eq([r["status"] for r in x.refunds(order)], ["refused"], "the refund")
    t.eq(x.state(order), "paid", "state")
    x.g.clear()
    t.eq(x.refund(order)[0], 0, "again")
    t.eq({f["out_refund_no"] for f in x.asked()}, {order + "-r1"}, "numbers")


@table("{0} leaves the refund to be repeated", [
    "SYSTEMERROR", "BIZERR_NEED_RETRY", "FREQUENCY_LIMITED"])
def _(t, err_code):
    x = Shop(t, conf={"gateway.deadline_ms": "1000"})
    order = x.paid()
    x.g.fault("refund", "result-fail", code=err_code, text="x")
    t.eq(x.refund(order)[0], 69, "exit status")
    t.eq([r["status"] for r in x.refunds(order)], ["asked"], "the refund")


@test("a low balance is said, and mended by the same command")
def _(t):
    x = Shop(t, balance=100)
    order = x.paid()
    code, _, err = x.refund(order)
    t.eq(code, 1, "exit status")
    t.contains(err, "top it up", "stderr")
    x.g.option(balance=100000)
    t.eq(x.refund(order)[0], 0, "again")
    t.eq({f["out_refund_no"] for f in x.asked()}, {order + "-r1"}, "numbers")


@test("an error for a refund that was taken is no error")
def _(t):
    x = Shop(t)
    order = x.paid()
    x.g.fault("refund", "result-fail-after", code="ERROR", text="x")
    t.eq(x.refund(order)[0], 0, "exit status")
    t.eq([r["status"] for r in x.refunds(order)], ["SUCCESS"], "the refund")


# --- what refundquery says --------------------------------------------------


@test("CHANGE: still refunding, and the log says what to do")
def _(t):
    x = Shop(t, refund_result="CHANGE")
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")
    x.sweep(order)
    t.eq(x.state(order), "refunding", "state")
    t.eq(x.refunds(order)[0]["status"], "CHANGE", "status")
    (line,) = [l for l in x.s.log() if l.startswith("alert refund-abnormal")]
    t.contains(line, "merchant platform", "the line")
    # The operator has handled it there.
    x.g.control("refund", out_refund_no=order + "-r1", status="SUCCESS")
    x.sweep(order, ["faketime", "-f", "+3m"])
    t.eq(x.state(order), "refunded", "state")


@test("REFUNDCLOSE: the money stays, another number may be tried")
def _(t):
    x = Shop(t, refund_result="REFUNDCLOSE")
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")
    x.sweep(order)
    t.eq(x.state(order), "paid", "state")
    t.ok([l for l in x.s.log() if l.startswith("alert refund-closed")],
         "an alert in the log")
    x.g.option(refund_result="SUCCESS")
    x.g.advance(61)
    code, _, err = x.refund(order, "--id", order + "-r1", prefix=MINUTE)
    t.eq(code, 1, f"the closed number, {err!r}")
    t.eq(x.refund(order, prefix=MINUTE)[0], 0, "the next number")
    t.eq([f["out_refund_no"] for f in x.asked()],
         [order + "-r1", order + "-r2"], "numbers")


@table("refundquery {0} moves nothing", [
    ("unsigned", "unsigned", {}), ("by another key", "wrong-sign", {}),
    ("of another merchant", "other-mch-id", {}),
    ("about another order", "other-order", {}),
    ("about another payment", "set-field",
     {"field": "transaction_id", "value": "4200"}),
    ("about another refund", "set-field",
     {"field": "out_refund_no_0", "value": "else"}),
    ("about another amount", "set-field",
     {"field": "refund_fee_0", "value": "1"}),
    ("about another total", "wrong-amount", {}),
    ("without a refund_id", "drop-field", {"field": "refund_id_0"}),
    ("with an unheard-of status", "set-field",
     {"field": "refund_status_0", "value": "DONE"}),
    ("that says SYSTEMERROR", "systemerror", {}),
    ("that says FAIL", "return-fail", {"text": "签名错误"}),
    ("that is a web page", "html", {}),
])
def _(t, name, kind, how):
    x = Shop(t, conf={"gateway.deadline_ms": "1000"})
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")
    x.g.fault("refundquery", kind, **how)
    code, out, err = x.sweep(order)
    t.eq((code, out), (69, ""), f"sweep, {err!r}")
    t.eq((x.state(order), x.refunds(order)[0]["status"]),
         ("refunding", "PROCESSING"), "state and status")


@test("query asks about refunds, too")
def _(t):
    x = Shop(t)
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")
    code, out, err = x.s.h5pay("--json", "query", order)
    t.eq((code, json.loads(out)["state"]), (0, "refunded"), f"query {err!r}")


@test("refundquery is asked each minute, then more slowly")
def _(t):
    x = Shop(t, refund_result="PROCESSING")
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")

    def looks(after):
        before = len(x.g.calls("refundquery"))
        x.sweep(order, ["faketime", "-f", f"+{after}s"])
        return len(x.g.calls("refundquery")) - before

    t.eq([looks(s) for s in (30, 62, 90, 124, 600, 680, 760, 3600, 4000)],
         [0, 1, 0, 1, 1, 0, 1, 1, 0], "queries")


# --- notices ----------------------------------------------------------------


@test("a refund notice is a hint: refundquery moves the state")
def _(t):
    x = Shop(t, refund_result="PROCESSING")
    order = x.paid()
    t.eq(x.refund(order)[0], 0, "refund")
    number = order + "-r1"
    x.g.control("refund", out_refund_no=number, status="SUCCESS")
    w = t.own_web(gateway=x.g, conf={"store.dir": x.s.store})
    (sent,) = x.g.control("refund-notice", out_refund_no=number,
                          url=w.origin + "/cgi-bin/notify")["sent"]
    t.ok(sent["taken"], "the notice is taken")
    t.until("the state", lambda: x.state(order) == "refunded")
    t.ok(len(x.g.calls("refundquery")) >= 1, "refundquery was asked")


@table("a notice that says SUCCESS for a refund {0} changes nothing", [
    ("that is under way", "SUCCESS", None),
    ("that nobody made", "SUCCESS", "made-up"),
])
def _(t, name, status, number):
    x = Shop(t, refund_result="PROCESSING")
    order = x.paid()
    t.eq(x.refund(order, "--fee", "200")[0], 0, "refund")
    args = [("set.refund_status", status)]
    if number:
        args.append(("set.out_refund_no", number))
    (sent,) = x.g.control("refund-notice", out_refund_no=order + "-r1",
                          url="http://127.0.0.1:9/", **dict(args))["sent"]
    body = sent["body"].encode()
    t.success(x.s.notify(body))
    x.sweep(order)
    t.eq(x.state(order), "refunding", "state")
    t.eq([r["status"] for r in x.refunds(order)][0], "PROCESSING", "status")
    if number:
        # It is forgotten in the end.
        x.sweep(order, ["faketime", "-f", "+11m"])
        t.eq([r["status"] for r in x.refunds(order)],
             ["PROCESSING", "refused"], "statuses")


@test("a refund made on the merchant platform is taken in")
def _(t):
    x = Shop(t)
    order = x.paid()
    x.g.control("platform-refund", out_trade_no=order, out_refund_no="M1",
                fee=400)
    (sent,) = x.g.control("refund-notice", out_refund_no="M1",
                          url="http://127.0.0.1:9/")["sent"]
    body = sent["body"].encode()
    t.success(x.s.notify(body))
    t.until("the state", lambda: x.state(order) == "partly-refunded")
    (r,) = x.refunds(order)
    t.eq((r["out_refund_no"], r["refund_fee"], r["status"], r["asked_at"]),
         ("M1", 400, "SUCCESS", None), "the refund")
    x.g.advance(61)
    t.eq(x.refund(order)[0], 0, "the rest")
    t.eq(x.asked()[0]["refund_fee"], "800", "what is left")


@test("of an overpaid order the second payment goes back first")
def _(t):
    x = Shop(t, conf={"orders.query_interval_s": "1"})
    order = t.id("r")
    token = x.s.ready(order, 700)
    # WeChat takes the first number no more: a second attempt.
    x.g.fault("unifiedorder", "result-fail", order=order,
              code="INVALID_REQUEST", text="201 商户订单号重复")
    t.redirect(x.s.post("checkout", {"order": order, "t": token, "again": "1"},
                        prefix=["faketime", "-f", "+5m"]))
    x.g.clear()
    for number in (order, order + "_2"):
        tx = x.g.control("pay", out_trade_no=number, notice=0,
                         force=1)["transaction_id"]
        t.success(x.s.notify(h5.notice(number, 700, tx)))
    t.eq(x.s.show(order)["alerts"], ["overpaid"], "alerts")
    t.eq(x.refund(order)[0], 0, "refund")
    (f,) = x.asked()
    t.eq((f["out_trade_no"], f["refund_fee"]), (order + "_2", "700"),
         "what went back")
    x.sweep(order)
    t.eq(x.state(order), "partly-refunded", "state")
    x.g.advance(61)
    t.eq(x.refund(order, prefix=["faketime", "-f", "+130s"])[0], 0, "the rest")
    t.eq(x.asked()[1]["out_trade_no"], order, "what went back then")


# --- the certificate --------------------------------------------------------


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True,
                   capture_output=True)


def make_cert(folder, name, cn, days="30", *more):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
            "-days", days, "-subj", f"/CN={cn}/O=test", *more)
    key.chmod(0o600)
    return cert, key


class Secure(Shop):
    """The same over TLS, where a refund needs a certificate."""

    def __init__(self, t, cert=None, **options):
        self.t = t
        self.place = t.own_site()
        f = self.place.folder
        server = make_cert(f, "server", "127.0.0.1", "2", "-addext",
                           "subjectAltName=IP:127.0.0.1")
        self.ours = make_cert(f, "client", h5.MCH_ID)
        # Control goes by the side door, which is plain.
        (f / "ports").write_text("")
        self.g = t.own_gateway(args=[
            "--tls-cert", server[0], "--tls-key", server[1],
            "--client-ca", self.ours[0], "--side-listen", "127.0.0.1:0",
            "--port-file", f / "ports"])
        side = (f / "ports").read_text().split()[1]
        api, self.g.url = self.g.url, f"http://127.0.0.1:{side}"
        self.g.option(**{"refund_s": 0, **options})
        conf = {"gateway.url": api, "gateway.cashier": api + "/",
                "gateway.ca_file": server[0],
                "merchant.cert_file": self.ours[0],
                "merchant.key_file": self.ours[1]}
        self.s = t.own_site({**conf, **(cert or {})}, gateway=self.g)

    def copy(self, source, name, mode):
        path = self.place.folder / name
        shutil.copy(source, path)
        path.chmod(mode)
        return path


@test("over TLS the merchant's certificate goes with a refund")
def _(t):
    x = Secure(t)
    order = x.paid()
    code, out, err = x.refund(order)
    t.eq(code, 0, f"exit status, {err!r}")
    (call,) = x.g.calls("refund")
    t.eq(call["cert"], h5.MCH_ID, "the certificate it showed")
    x.sweep(order)
    t.eq(x.state(order), "refunded", "state")
    t.eq({c["cert"] for c in x.g.calls("refundquery")}, {""},
         "refundquery shows none")


def no_pair(x):
    return {"merchant.cert_file": None, "merchant.key_file": None}


def expired(x):
    return {}


def other_key(x):
    _, key = make_cert(x.place.folder, "other", h5.MCH_ID)
    return {"merchant.key_file": key}


def open_key(x):
    return {"merchant.key_file": x.copy(x.ours[1], "open.key", 0o644)}


def other_merchant(x):
    cert, key = make_cert(x.place.folder, "else", "1900000109")
    return {"merchant.cert_file": cert, "merchant.key_file": key}


def no_pem(x):
    path = x.place.write("cert.p12", b"\x30\x82\x0a\x01\x02")
    return {"merchant.cert_file": path}


def password(x):
    key = x.place.folder / "locked.key"
    openssl("pkcs8", "-topk8", "-in", x.ours[1], "-out", key, "-passout",
            "pass:1230000109")
    key.chmod(0o600)
    return {"merchant.key_file": key}


def swapped(x):
    return {"merchant.cert_file": x.ours[1], "merchant.key_file": x.ours[0]}


@table("a refund with {0} exits 78 and asks nothing", [
    ("no certificate", no_pair, "merchant.cert_file", ()),
    ("an expired certificate", expired, "expired", ["faketime", "-f", "+40d"]),
    ("a certificate that is not valid yet", expired, "clock",
     ["faketime", "-f", "-2d"]),
    ("another certificate's key", other_key, "belong together", ()),
    ("a key that others can read", open_key, "chmod", ()),
    ("another merchant's certificate", other_merchant, "1900000109", ()),
    ("a certificate that is not PEM", no_pem, "PEM", ()),
    ("a key with a password", password, "password", ()),
    ("the two files swapped", swapped, "", ()),
])
def _(t, name, change, word, prefix):
    x = Secure(t)
    order = x.paid()
    x.s.configure(change(x))
    code, out, err = x.refund(order, prefix=prefix)
    t.eq((code, out), (78, ""), f"exit status, {err!r}")
    t.contains(err, word, "stderr")
    x.s.configure({"merchant.cert_file": x.ours[0],
                   "merchant.key_file": x.ours[1]})
    t.eq(x.refunds(order), [], "refunds")
    t.eq(x.g.calls("refund"), [], "requests")


@test("a certificate that WeChat does not know leaves the outcome open")
def _(t):
    x = Secure(t)
    order = x.paid()
    cert, key = make_cert(x.place.folder, "unknown", h5.MCH_ID)
    x.s.configure({"merchant.cert_file": cert, "merchant.key_file": key})
    code, _, err = x.refund(order)
    t.eq(code, 69, f"exit status, {err!r}")
    x.s.configure({"merchant.cert_file": x.ours[0],
                   "merchant.key_file": x.ours[1]})
    t.eq(x.refund(order)[0], 0, "with the right one")
    t.eq(len(x.g.control("refunds")["refunds"]), 1, "refunds at WeChat")


@test("a front end that wants a certificate is told from a refusal")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    order = t.id("r")
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    t.success(s.notify(h5.notice(order, 5, tx)))
    code, _, err = s.h5pay("refund", order, "--yes")
    t.eq(code, 69, f"exit status, {err!r}")
    (line,) = [l for l in s.log() if "api=refund " in l and "400" in l
               and l.startswith("alert wechat-call")]
    t.contains(line, "merchant.cert_file", "the line")
    t.ok(re.search(r"status 400", err), err)

"""A store, a configuration and templates of 0.1.0 go on as they are."""

import json
import re

import h5
import old
import packed
from case import table, test

FEE = old.FEE


def shop(t, **kw):
    return t.mine(old.Shop(t.build, t.gateway, **kw))


def own_shop(t, **options):
    """With a stand-in of its own, which refunds and whose clock is theirs."""
    g = t.own_gateway(args=["--plain-refund"])
    g.control("clock", set=old.THEN_UNIX)
    g.option(refund_s=3600, **options)
    return t.mine(old.Shop(t.build, g)), g


@table("{0} of 0.1.0 is good", ["h5pay.conf", "inline.conf"])
def _(t, conf):
    s = shop(t, conf=conf)
    code, out, err = s.h5pay("check")
    t.eq((code, err), (0, ""), "check")
    for program in h5.PROGRAMS:
        p = s.popen([s.bin / program, "-t"],
                    env={"H5PAY_CONF": str(s.conf_file)})
        out, err = p.communicate(timeout=30)
        t.eq((p.returncode, err), (0, b""), f"{program} -t")


@test("every order of 0.1.0 is shown byte by byte as 0.1.0 showed it")
def _(t):
    s = shop(t)
    got = s.shows()
    t.eq(len(got), 25, "orders")
    for order, line in old.SHOW.items():
        t.eq(got[order], line, order)


@test("export prints what 0.1.0 printed, with a back-tick before what a "
      "spreadsheet would shorten")
def _(t):
    args, out, code = old.said("export")
    got = shop(t).h5pay(*args)
    t.eq((got[0], got[1].replace("`", "")), (code, out), f"{args}: {got[2]}")
    number = re.search(r"\b42\d{26}\b", out)[0]
    t.eq(got[1].count("`" + number), out.count(number), "guarded numbers")


@table("{0} prints what 0.1.0 printed", ["list", "hook-list", "fsck"])
def _(t, name):
    args, out, code = old.said(name)
    got = shop(t).h5pay(*args)
    t.eq(got[:2], (code, out), f"{args}: {got[2]}")


@test("fsck --repair cuts the torn line off and finds nothing more")
def _(t):
    s = shop(t)
    t.eq(s.h5pay("fsck", "--repair")[0], 0, "fsck --repair")
    code, out, _ = s.h5pay("fsck")
    t.eq((code, out), (0, ""), "fsck after it")
    t.eq(s.shows(), old.SHOW, "the orders")


@test("a look at a store of 0.1.0 changes no byte of it")
def _(t):
    s = shop(t)
    before = packed.pack(s.store)
    for args in (["check"], ["list"], ["status"], ["fsck"],
                 ["show", "v010-paid"], ["export", "--format", "csv"]):
        s.h5pay(*args)
    for program in "return-page", "query":
        s.visit(program, {"order": "v010-paid",
                          "t": old.BUYERS["tokens"]["v010-paid"]})
    t.eq(packed.pack(s.store) == before, True, "the same bytes")


# --- pages ------------------------------------------------------------------


@test("with templates of 0.1.0 every order has its page under its old token")
def _(t):
    s = shop(t)
    for order, token in old.BUYERS["tokens"].items():
        for program in "query", "return-page":
            r = s.visit(program, {"order": order, "t": token})
            state = json.loads(old.SHOW[order])["state"]
            t.eq((r.status, r.state), (200, state), f"{program} {order}")
            t.contains(r.text, 'data-shop="0.1.0"', "the shop's own page")
            t.contains(r.text, "<!-- 0.1.0 -->", "the shop's own parts")
            t.lacks(r.text, "{{", "what is not filled in")


@table("with templates of 0.1.0 {0} is shown", [
    ("bad-link", "checkout", "order=v010-x&total_fee=1&body=x&sig=0"),
    ("not-found", "checkout", "item=nothing"),
    ("not-found", "query", "order=v010-paid&t=wrong"),
    ("bad-request", "checkout", "item=tea&item=tea"),
    ("confirm", "checkout", "item=gift"),
])
def _(t, page, program, query):
    r = shop(t).visit(program, query)
    t.eq(r.page, page, f"{r.status} {r.stderr}")
    t.contains(r.text, 'data-shop="0.1.0"', "the shop's own page")
    t.lacks(r.text, "{{", "what is not filled in")


@test("a pay link of 0.1.0 leads to its confirmation page")
def _(t):
    s = shop(t)
    r = s.visit("checkout", old.BUYERS["link"].partition("?")[2])
    t.eq((r.status, r.page), (200, "confirm"), r.stderr)
    t.contains(r.visible, "128.00", "amount")


@table("the {0} confirmation page of 0.1.0, posted today, makes its order", [
    ("signed", 0), ("item's", 1)])
def _(t, name, n):
    s, g = own_shop(t)
    form = old.BUYERS["forms"][n]
    t.redirect(s.post("checkout", form, prefix=old.THEN, env=old.UTC))
    t.eq(s.show(form["order"])["state"], "awaiting", "state")
    t.eq(s.show(form["order"])["total_fee"], FEE, "total_fee")


# --- the walks go on --------------------------------------------------------


@test("an awaiting order of 0.1.0 is paid by a notice, and both hooks hear it")
def _(t):
    s, g = own_shop(t)
    tx = old.remember(g, "v010-awaiting", pay=True)
    t.success(s.notify(h5.notice("v010-awaiting", FEE, tx), prefix=old.SOON,
                       env=old.UTC))
    o = s.show("v010-awaiting")
    t.eq((o["state"], o["paid_via"], o["transaction_id"]),
         ("paid", "notify", tx), "the order")
    t.until("both deliveries", lambda: sorted(
        e["to"] for e in s.show("v010-awaiting")["events"]
        if e["event"] == "delivered") == ["exec", "webhook"])
    t.eq(s.listener.heard, ["evt_v010-awaiting_3"], "the webhook")


@table("{0} of 0.1.0 is found paid by query", [
    "v010-created", "v010-asked", "v010-unreached", "v010-second",
    "v010-torn"])
def _(t, order):
    s, g = own_shop(t)
    old.remember(g, order, pay=True)
    code, out, err = s.then("query", order)
    t.eq(code, 0, f"query: {out}{err}")
    t.eq(s.show(order)["state"], "paid", "state")
    t.eq(s.show(order)["attempts"][-1]["state"], "paid", "the last attempt")


@test("the buyer of a second attempt of 0.1.0 pays again under its number")
def _(t):
    s, g = own_shop(t)
    q = {"order": "v010-second", "t": old.BUYERS["tokens"]["v010-second"]}
    before = json.loads(old.SHOW["v010-second"])["attempts"]
    t.redirect(s.post("checkout", dict(q, again="1"), prefix=old.THEN,
                      env=old.UTC))
    got = s.show("v010-second")["attempts"]
    t.eq([a["out_trade_no"] for a in got],
         [a["out_trade_no"] for a in before], "attempts")
    t.eq([c["out_trade_no"] for c in g.calls("unifiedorder")],
         ["v010-second_2"], "what was ordered")


@test("a paid order of 0.1.0 is refunded")
def _(t):
    s, g = own_shop(t)
    old.remember(g, "v010-paid", pay=True)
    code, _, err = s.then("refund", "v010-paid", "--yes")
    t.eq(code, 0, f"refund: {err}")
    t.eq(s.show("v010-paid")["state"], "refunding", "state")
    g.control("refund", out_refund_no="v010-paid-r1", status="SUCCESS")
    t.eq(s.then("query", "v010-paid")[0], 0, "query")
    t.eq(s.show("v010-paid")["state"], "refunded", "state")


@table("the refund that 0.1.0 {0} comes to its end by sweep", [
    "asked", "accepted", "hinted"])
def _(t, how):
    s, g = own_shop(t)
    order = "v010-refund-" + how
    (refund,) = json.loads(old.SHOW[order])["refunds"]
    old.remember(g, order, pay=True)
    old.send(g, "/secapi/pay/refund", out_trade_no=order,
             out_refund_no=refund["out_refund_no"], total_fee=str(FEE),
             refund_fee=str(refund["refund_fee"]))
    g.control("refund", out_refund_no=refund["out_refund_no"],
              status="SUCCESS")
    code, out, err = s.then("sweep")
    whole = refund["refund_fee"] == FEE
    t.contains(out, f"{order}\t{'refunded' if whole else 'partly-refunded'}\n",
               f"sweep: {err}")
    t.eq(s.show(order)["refunds"][0]["status"], "SUCCESS", "the refund")


@test("the rest of a partly refunded order of 0.1.0 goes back under _r2")
def _(t):
    s, g = own_shop(t)
    order = "v010-refund-part"
    old.remember(g, order, pay=True)
    code, _, err = s.then("refund", order, "--yes")
    t.eq(code, 0, f"refund: {err}")
    t.eq([(r["out_refund_no"], r["refund_fee"])
          for r in s.show(order)["refunds"]],
         [(order + "-r1", 500), (order + "-r2", FEE - 500)], "refunds")


@test("sweep delivers what the hook of 0.1.0 did not take, with its id")
def _(t):
    s, g = own_shop(t)
    s.mend_hook()
    t.eq(s.then("sweep")[0], 0, "sweep")
    t.eq(s.then("hook", "list")[1], "", "hook list")
    t.contains(s.listener.heard, "evt_v010-hook-fails_3", "the webhook")


@test("sweep closes what expired of 0.1.0, and fsck finds the store whole")
def _(t):
    s, g = own_shop(t)
    s.mend_hook()
    g.control("clock", set=1796169600)
    code, _, err = s.h5pay("sweep", prefix=[
        "faketime", "-f", "@2026-12-02 00:00:00"],
                           env=old.UTC)
    t.eq(code, 0, f"sweep: {err}")
    states = {o: s.show(o)["state"] for o in old.SHOW}
    t.no([o for o, state in states.items() if state in
          ("created", "awaiting")], "what is still open")
    t.eq(s.h5pay("fsck", "--repair")[0], 0, "fsck")
    t.eq(s.h5pay("fsck")[:2], (0, ""), "fsck after it")


# --- the type of signatures (C6) --------------------------------------------

TYPES = ("MD5", "HMAC-SHA256")


@table("C6: under {0}{1} a notice by {2} of an order of 0.1.0 is {3}", [
    (now, f", previous {previous}" if previous else "", by,
     "taken" if by in (now, previous) else "refused", previous)
    for now in TYPES for previous in (None, *TYPES) for by in TYPES])
def _(t, now, _previous, by, verdict, previous):
    s = shop(t)
    text = f"sign_type = {now}"
    if previous:
        text += f"\nsign_type_previous = {previous}"
    s.write("h5pay.conf", s.conf_file.read_text().replace(
        "sign_type = HMAC-SHA256", text))
    before = s.shows()
    for _ in range(2):
        reply = s.notify(h5.notice("v010-awaiting", FEE, "42" * 14,
                                   signed_by=by), prefix=old.SOON, env=old.UTC)
        (t.success if verdict == "taken" else t.refused)(reply)
    if verdict == "taken":
        t.eq(s.show("v010-awaiting")["state"], "paid", "state")
        before["v010-awaiting"] = s.shows()["v010-awaiting"]
    t.eq(s.shows(), before, "all others")

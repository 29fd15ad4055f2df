"""APIv3 on the wire: each documented error on each call, answers that are
spoilt on their way, the change of keys.  B1 to B50: PROTOCOL-V3 21."""

import json

import h5
import test_bill
import v3
from case import table, test

FEE = 5
LATER = ["faketime", "-f", "+61s"]


def shop(t, mode="public", gateway=None):
    return t.own_site({**v3.conf(mode), "orders.query_interval_s": "0"},
                      gateway=gateway)


def numbers(t, s, order):
    """What the stand-in has of this order, by number: its state."""
    return {n: s.gateway.order(n)["state"]
            for n in (order, order + "_2", order + "_3")
            if known(s.gateway, n)}


def known(gateway, number):
    return any(o["out_trade_no"] == number
               for o in gateway.control("orders")["orders"])


def prepays(s, order):
    return [(c["out_trade_no"], c["body"])
            for c in s.gateway.calls("unifiedorder")
            if c["out_trade_no"].split("_")[0] == order]


def buy_again(t, s, order):
    """The buyer presses once more, and gets to the cashier."""
    token = s.token(s.order(order, FEE))
    t.ok(token, "at the cashier")


# --- errors ------------------------------------------------------------------


ERRORS = {
    "unifiedorder": [
        "PARAM_ERROR", "INVALID_REQUEST", "APPID_MCHID_NOT_MATCH",
        "MCH_NOT_EXISTS", "SIGN_ERROR", "NO_AUTH", "RULE_LIMIT",
        "REQUEST_BLOCKED", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED",
        "SYSTEM_ERROR", "SYSTEMERROR", "BANKERROR", "BIZ_ERR_NEED_RETRY",
        "INVALID_TRANSACTIONID", "OPENID_MISMATCH", "SERVICE_UNAVAILABLE",
        "NEVER_HEARD_OF"],
    "orderquery": [
        "PARAM_ERROR", "INVALID_REQUEST", "MCH_NOT_EXISTS", "SIGN_ERROR",
        "RULE_LIMIT", "TRADE_ERROR", "REQUEST_BLOCKED", "FREQUENCY_LIMITED",
        "SYSTEM_ERROR", "BANKERROR", "SERVICE_UNAVAILABLE",
        "ORDER_NOT_EXIST", "ORDERNOTEXIST", "NEVER_HEARD_OF"],
}


@table("a prepay that is refused with {0} has no second number, and goes on", [
    (c,) for c in ERRORS["unifiedorder"]])
def _(t, code):
    s = shop(t)
    order = t.id()
    s.gateway.fault("unifiedorder", "result-fail", order=order, code=code)
    r = s.order(order, FEE)
    t.ok(r.status in (502, 503, 403), f"a page in words: {r.status} {r.page}")
    t.lacks(r.visible, code, "the code is not the buyer's")
    t.eq(numbers(t, s, order), {}, "at WeChat")
    t.ok(any(code in line for line in s.log()), "the log has the code")
    s.gateway.clear(order)
    buy_again(t, s, order)
    t.eq(numbers(t, s, order), {order: "NOTPAY"}, "at WeChat")
    t.eq({b for _, b in prepays(s, order)}, {prepays(s, order)[0][1]},
         "the same bytes each time")


@table("a query that is refused with {0} changes nothing", [
    (c,) for c in ERRORS["orderquery"]])
def _(t, code):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    s.gateway.pay(order)
    s.gateway.fault("orderquery", "result-fail", order=order, code=code)
    before = s.show(order)["state"]
    s.h5pay("query", order)
    t.eq((before, s.show(order)["state"]), ("awaiting", "awaiting"), "state")
    t.eq(s.gateway.calls("closeorder", order), [], "nothing is closed")
    s.gateway.clear(order)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")


@table("a close refused with {0} is decided by a query: {2}", [
    ("ORDER_PAID", True, "paid"), ("ORDERPAID", True, "paid"),
    ("TRADE_ERROR", True, "paid"), ("INVALID_REQUEST", True, "paid"),
    ("TRADE_ERROR", False, "awaiting"), ("SYSTEM_ERROR", False, "awaiting"),
    ("RULE_LIMIT", False, "awaiting"), ("SIGN_ERROR", False, "awaiting"),
    ("FREQUENCY_LIMITED", False, "awaiting")])
def _(t, code, paid, state):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    if paid:
        s.gateway.pay(order)
    s.gateway.fault("closeorder", "result-fail", order=order, code=code)
    s.h5pay("close", order)
    t.eq(s.show(order)["state"], state, "state")
    s.gateway.clear(order)


def paid_order(t, s, fee=1200):
    order = t.id("r")
    s.ready(order, fee)
    s.gateway.pay(order)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")
    return order


@table("a refund that answers {0} and was {1}: one refund, under one number", [
    (code, done) for code in
    ("SYSTEM_ERROR", "FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED",
     "SERVICE_UNAVAILABLE", "BIZ_ERR_NEED_RETRY", "NEVER_HEARD_OF")
    for done in ("done", "not done")])
def _(t, code, done):
    g = t.own_gateway()
    g.option(refund_s=0)
    s = shop(t, gateway=g)
    order = paid_order(t, s)
    g.fault("refund", "result-fail-after" if done == "done" else "result-fail",
            order=order, code=code, count=4)
    s.h5pay("refund", order, "--yes")
    g.clear(order)
    s.h5pay("sweep", prefix=LATER)
    if not g.control("refunds", out_trade_no=order)["refunds"]:
        s.h5pay("refund", order, "--yes", prefix=LATER)
    s.h5pay("query", order, prefix=["faketime", "-f", "+200s"])
    t.eq({c["fields"]["out_refund_no"] for c in g.calls("refund")},
         {order + "-r1"}, "numbers that were sent")
    t.eq([r["refund_fee"] for r in
          g.control("refunds", out_trade_no=order)["refunds"]], [1200],
         "refunds at WeChat")
    t.eq(s.show(order)["state"], "refunded", "state")


@table("a refund that WeChat refuses for good with {0} says so", [
    ("NOT_ENOUGH", "NOT_ENOUGH"), ("NOTENOUGH", "NOTENOUGH"),
    ("USER_ACCOUNT_ABNORMAL", "USER_ACCOUNT_ABNORMAL")])
def _(t, code, word):
    s = shop(t)
    order = paid_order(t, s)
    s.gateway.fault("refund", "result-fail", order=order, code=code)
    status, out, err = s.h5pay("refund", order, "--yes")
    t.ok(status != 0, "exit status")
    t.contains(out + err, word, "the words")
    t.eq(s.gateway.control("refunds", out_trade_no=order)["refunds"], [],
         "at WeChat")
    t.ok(s.show(order)["state"] in ("paid", "refunding"), "state")
    s.gateway.clear(order)


@test("B20/Q62 an error's detail is in the log, and never on a page")
def _(t):
    s = shop(t)
    order = t.id()
    page = s.get("checkout", s.link(order, FEE, body="茶" * 40))
    # The stand-in refuses what a member says, and where.
    s.gateway.fault("unifiedorder", "result-fail", order=order,
                    code="PARAM_ERROR", text="输入源“/body/payer/openid”")
    r = s.post("checkout", page.form("checkout").fields)
    t.ok(r.status >= 500, "a page in words")
    t.lacks(r.visible, "/body/payer", "the page")
    t.ok(any("/body/payer/openid" in x for x in s.log()), "the log")
    s.gateway.clear(order)


# --- spoilt on the way ----------------------------------------------------------


SPOILT = [
    ("lost after the work", "cut-after", {}),
    ("reset after the work", "cut-after", {"how": "reset"}),
    ("cut in half", "half", {}),
    ("cut before the work", "cut-before", {}),
    ("empty (B41)", "empty", {}),
    ("a page of HTML", "html", {}),
    ("under 502", "http-status", {"status": 502}),
    ("under 202 (B41)", "accepted", {}),
    ("without a signature (B16)", "unsigned", {}),
    ("with an empty signature", "empty-sign", {}),
    ("with another signature", "wrong-sign", {}),
    ("of WeChat's probe (B33)", "signtest", {}),
    ("under a serial that nobody knows (B14)", "unknown-serial", {}),
    ("under the serial without its prefix (B14)", "unknown-serial",
     {"value": v3.PUBLIC_KEY_ID.removeprefix("PUB_KEY_ID_")}),
    ("signed by the certificate that is not configured", "other-key", {}),
    ("six minutes old", "old-time", {"seconds": 360}),
    ("of six minutes ahead", "old-time", {"seconds": 360, "name": "future"}),
    ("with one header twice", "two-headers", {"name": "Wechatpay-Nonce"}),
    ("with two signatures", "two-headers",
     {"name": "Wechatpay-Signature", "value": "AAAA"}),
    ("without Wechatpay-Timestamp", "no-header",
     {"name": "Wechatpay-Timestamp"}),
    ("of another signature type", "set-header",
     {"name": "Wechatpay-Signature-Type", "value": "WECHATPAY2-SM2-WITH-SM3"}),
    ("with a line feed behind it (B30)", "spoil-body", {}),
    ("packed though nobody asked (B21)", "gzip", {}),
    ("with a member twice", "duplicate", {}),
    ("with a member in GBK", "gbk", {}),
    ("of another host", "foreign-mweb-url", {}),
    ("with a line end in the address", "crlf-mweb-url", {}),
    ("without h5_url", "no-mweb-url", {}),
    ("whose h5_url is a number", "set-json",
     {"name": "h5_url", "value": "1"}),
]


@table("a prepay's answer {0}: no cashier, no second number, and it goes on",
       SPOILT)
def _(t, name, kind, how):
    s = shop(t)
    order = t.id()
    s.gateway.fault("unifiedorder", kind, order=order, **how)
    r = s.order(order, FEE)
    t.ok(r.status in (502, 503, 504), f"a page in words: {r.status} {r.page}")
    s.gateway.clear(order)
    buy_again(t, s, order)
    t.eq(numbers(t, s, order), {order: "NOTPAY"}, "at WeChat")
    t.eq({b for _, b in prepays(s, order)}, {prepays(s, order)[0][1]},
         "the same bytes each time")
    s.gateway.pay(order)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")


@test("an answer in chunks is an answer")
def _(t):
    s = shop(t)
    order = t.id()
    s.gateway.fault("unifiedorder", "chunked", order=order)
    s.ready(order, FEE)
    s.gateway.pay(order)
    s.gateway.fault("orderquery", "chunked", order=order, n=1)
    s.gateway.fault("orderquery", "unknown-field", order=order)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")


UNBELIEVED = [
    ("by another key", "wrong-sign", {}), ("by a probe", "signtest", {}),
    ("without a signature", "unsigned", {}),
    ("of another merchant", "other-mch-id", {}),
    ("of another appid", "other-appid", {}),
    ("about another order", "other-order", {}),
    ("of another amount", "wrong-amount", {}),
    ("in another currency", "fee-type", {}),
    ("without an amount", "drop-field", {"name": "amount"}),
    ("with its amount as a text (B25)", "set-json",
     {"name": "amount.total", "value": f'"{FEE}"'}),
    ("with its amount as a fraction", "set-json",
     {"name": "amount.total", "value": f"{FEE}.0"}),
    ("with an exponent", "set-json",
     {"name": "amount.total", "value": f"{FEE}e0"}),
    ("with null for its amount", "set-json",
     {"name": "amount.total", "value": "null"}),
    ("without transaction_id", "drop-field", {"name": "transaction_id"}),
    ("without trade_state", "drop-field", {"name": "trade_state"}),
    ("with a state twice", "duplicate",
     {"name": "trade_state", "value": "SUCCESS"}),
]


@table("a query's answer that says paid {0} pays nothing", UNBELIEVED)
def _(t, name, kind, how):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    s.gateway.pay(order)
    s.gateway.fault("orderquery", kind, order=order, **how)
    s.h5pay("query", order)
    t.no(s.show(order)["state"] == "paid", "paid")
    s.gateway.clear(order)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "by the next one")


@table("paid is paid {0}", [
    ("B37 with coupons", "coupons", {}),
    ("B36 after a part went back", "state", {"state": "REFUND"}),
    ("with members that nobody knows", "unknown-field", {}),
    ("with null where nothing is said", "set-json",
     {"name": "promotion_detail", "value": "null"}),
    ("with an empty object", "set-json",
     {"name": "scene_info", "value": "{}"}),
    ("without its time", "drop-field", {"name": "success_time"}),
    ("at a time in Z with fractions", "set-field",
     {"name": "success_time", "value": "2026-11-23T08:40:12.345Z"}),
])
def _(t, name, kind, how):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    s.gateway.pay(order)
    s.gateway.fault("orderquery", kind, order=order, **how)
    s.h5pay("query", order)
    o = s.show(order)
    t.ok(o["paid_at"], f"paid: {o['state']} {s.log()[-2:]}")


@table("a close {0} is not taken for one", [
    ("whose answer nobody signed", "unsigned", {}),
    ("of a probe (B33)", "signtest", {}),
    ("that was accepted only", "accepted", {}),
    ("that ended in the middle", "cut-before", {})])
def _(t, name, kind, how):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    s.gateway.fault("closeorder", kind, order=order, **how)
    # What a query says decides, and it says open.
    s.gateway.fault("orderquery", "state", order=order, state="NOTPAY")
    s.h5pay("close", order)
    t.eq(s.show(order)["state"], "awaiting", "state")
    s.gateway.clear(order)
    s.gateway.advance(0)
    t.eq(s.h5pay("close", order)[0], 0, "close")
    t.eq(s.show(order)["state"], "closed", "state")


# --- keys --------------------------------------------------------------------


@table("during a change of keys, with {0} of 100 notices by the public key", [
    (0,), (1,), (50,), (99,), (100,)])
def _(t, percent):
    g = t.own_gateway()
    s = shop(t, "both", g)
    g.option(notice_public_percent=percent)
    serials = set()
    for _ in range(4):
        order = t.id()
        s.ready(order, FEE)
        g.pay(order)
        sent = g.control("notice", out_trade_no=order, n=1)["sent"][0]
        serials.add(sent["headers"]["Wechatpay-Serial"])
        r = s.notify(sent["body"].encode(), headers=sent["headers"])
        t.eq((r.status, r.body), (204, b""), str(s.log()[-1:]))
        t.eq(s.show(order)["state"], "paid", "state")
    t.eq(serials, {0: {v3.PLATFORM_SERIAL}, 50: {v3.PLATFORM_SERIAL,
                                                 v3.PUBLIC_KEY_ID}}.get(
        percent, serials), "who signed")


@table("a shop with the {0} alone takes no notice by the other", [
    ("public key", "public", 0), ("certificate", "certificate", 100)])
def _(t, name, mode, percent):
    g = t.own_gateway()
    s = shop(t, mode, g)
    g.option(notice_public_percent=percent)
    order = t.id()
    s.ready(order, FEE)
    g.pay(order)
    sent = g.control("notice", out_trade_no=order)["sent"][0]
    r = s.notify(sent["body"].encode(), headers=sent["headers"])
    t.eq(r.status, 401, "status")
    t.eq(s.show(order)["state"], "awaiting", "state")
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "a query asks for the right key")


@test("B12 each call of a shop with a public key names it, B9 none names it as "
      "the merchant's")
def _(t):
    g = t.own_gateway()
    g.option(refund_s=0, bill_early=1)
    s = shop(t, gateway=g)
    order = paid_order(t, s)
    s.h5pay("refund", order, "--yes")
    s.h5pay("query", order, prefix=LATER)
    other = t.id()
    s.ready(other, FEE)
    s.h5pay("close", other)
    g.advance(86400)
    g.option(real_wire_clock=1)
    s.h5pay("bill", test_bill.Day(0).text, prefix=["faketime", "-f", "+1s"])
    seen = {c["api"]: c["headers"] for c in g.calls()}
    for api in ("unifiedorder", "orderquery", "closeorder", "refund",
                "refundquery"):
        t.eq(seen[api].get("wechatpay-serial"), v3.PUBLIC_KEY_ID, api)
        t.contains(seen[api]["authorization"],
                   f'serial_no="{v3.MERCHANT_SERIAL}"', api)
        t.eq(seen[api].get("accept-encoding"), None, "B21 " + api)


# --- bills --------------------------------------------------------------------


def bill_shop(t):
    g = t.own_gateway()
    g.option(bill_early=1, real_wire_clock=1)
    return shop(t, gateway=g), g


@test("reconcile reads the bill of APIv3, in two steps")
def _(t):
    s, g = bill_shop(t)
    day = test_bill.Day(1)
    order = test_bill.paid(t, s, g, day.at(12), 628)
    test_bill.later(g, day)
    rows, sums, err = test_bill.reconcile(t, s, day.text)
    t.eq((rows, sums["payments"], sums["settled_fee"]), ([], 1, 628), err)
    t.eq([c["api"] for c in g.calls() if c["api"].endswith(("bill", "file"))],
         ["tradebill", "billfile"], "calls")
    t.ok(order, "an order")


@table("a bill {0} is {1}", [
    ("whose hash is another's", "refused", "bill-hash", {}),
    ("whose hash is of the packed bytes (B20)", "taken", "bill-hash-packed",
     {}),
    ("that lies on another host", "refused", "bill-url",
     {"value": "https://evil.example/v3/billdownload/file?token=1"}),
    ("that lies on plain http elsewhere", "refused", "bill-url",
     {"value": "http://127.0.0.2:9/v3/billdownload/file?token=1"}),
    ("that is not packed", "taken", "bill-plain", {}),
])
def _(t, name, taken, kind, how):
    s, g = bill_shop(t)
    day = test_bill.Day(1)
    test_bill.paid(t, s, g, day.at(12), 628)
    test_bill.later(g, day)
    g.fault("tradebill", kind, **how)
    code, out, err = s.h5pay("bill", day.text)
    t.eq(code == 0, taken == "taken", f"{code} {err}")
    if taken == "refused":
        t.eq(list(s.store.glob("bills/*")), [], "kept")


@test("a day without trade has no bill, and that is no fault")
def _(t):
    s, g = bill_shop(t)
    code, out, err = s.h5pay("bill", test_bill.Day(2).text)
    t.eq(code, 1, err)


# --- the clock -------------------------------------------------------------------


@table("Q59 a clock that is {0} is named as the clock", [
    ("ten minutes ahead", 600), ("ten minutes behind", -600)])
def _(t, name, off):
    g = t.own_gateway()
    s = shop(t, gateway=g)
    g.advance(-off)
    order = t.id()
    r = s.order(order, FEE)
    t.ok(r.status >= 500, "a page in words")
    lines = [x for x in s.log() if "wechat-call" in x]
    t.ok(any("clock" in x for x in lines), f"the log: {lines}")
    t.lacks("".join(lines), "wrong key", "the log")
    out = s.h5pay("--json", "doctor")[1]
    checks = json.loads(out)["checks"]
    found = [c for c in checks if c["result"] == "fail"]
    t.ok(any("clock" in json.dumps(c) for c in found), f"doctor: {found}")
    t.eq(s.gateway.control("orders")["orders"], [], "at WeChat")
    g.advance(off)
    s.ready(order, FEE)

"""Service-provider mode: merchant.sub_mch_id and .sub_appid, over APIv2."""

import gzip
import json

import h5
import test_bill
import test_doctor
import test_ways
from case import table, test

SUB = "1900000110"
OTHER = "1900000111"
SUB_APPID = "wx1234567890abcdef"
PROVIDER = ["--plain-refund", "--sub-mch-ids", f"{SUB},{OTHER}",
            "--sub-appids", SUB_APPID]
SUB_CONF = {"merchant.sub_mch_id": SUB, "orders.query_interval_s": "0"}
SENT = ("unifiedorder", "orderquery", "closeorder", "refund", "refundquery",
        "downloadbill")


def provider(t):
    """The stand-in of a provider's number, with two sub-merchants."""
    return t.shelf.keep(
        "provider", lambda: h5.Gateway(t.build, args=PROVIDER))


def shop(t, conf=None, own=False):
    g = t.own_gateway(args=PROVIDER) if own else provider(t)
    return t.own_site({**SUB_CONF, **(conf or {})}, gateway=g)


def names(call):
    return [call["fields"].get(n) for n in
            ("appid", "mch_id", "sub_appid", "sub_mch_id")]


def notice(order, fee, tx=None, **change):
    return h5.notice(order, fee, tx, **{"sub_mch_id": SUB, **change})


# --- what is sent -----------------------------------------------------------


@table("{0} sends whom it is for with each call", [
    ("a provider", {}, [h5.APPID, h5.MCH_ID, None, SUB]),
    ("a provider with a sub_appid", {"merchant.sub_appid": SUB_APPID},
     [h5.APPID, h5.MCH_ID, SUB_APPID, SUB]),
])
def _(t, name, conf, due):
    s = shop(t, conf, own=True)
    g = s.gateway
    g.option(refund_s=0, bill_early=1)
    order = t.id()
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    more = {"sub_appid": SUB_APPID} if due[2] else {}
    t.success(s.notify(notice(order, 5, tx, **more)))
    t.eq(s.show(order)["state"], "paid", "state")
    t.eq(s.h5pay("refund", order, "--yes")[0], 0, "refund")
    s.h5pay("query", order, prefix=["faketime", "-f", "+61s"])
    t.eq(s.show(order)["state"], "refunded", "state")
    other = t.id()
    s.ready(other, 5)
    t.eq(s.h5pay("close", other)[0], 0, "close")
    today = test_bill.Day(0).text
    s.h5pay("bill", today, prefix=["faketime", "-f", "+1d"])
    for api in SENT:
        got = [names(c) for c in g.calls(api)]
        t.ok(got, f"there was a {api}")
        want = due if api != "downloadbill" else [*due[:2], None, SUB]
        t.eq([n for n in got if n != want], [], f"{api} of {name}")


@test("an ordinary merchant never names a sub-merchant")
def _(t):
    g = t.own_gateway(args=["--plain-refund"])
    g.option(refund_s=0)
    s = t.own_site({"orders.query_interval_s": "0"}, gateway=g)
    order = t.id()
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    t.success(s.notify(h5.notice(order, 5, tx)))
    t.eq(s.h5pay("refund", order, "--yes")[0], 0, "refund")
    s.h5pay("query", order, prefix=["faketime", "-f", "+61s"])
    t.eq(s.show(order)["state"], "refunded", "state")
    seen = [c for c in g.calls() if c["fields"]]
    t.ok(len(seen) >= 3, "calls")
    t.eq([n for c in seen for n in c["fields"] if n.startswith("sub_")], [],
         "names")


# --- what is believed -------------------------------------------------------


@table("a provider's notice {0} is not believed", [
    ("for another of his sub-merchants", {"sub_mch_id": OTHER}),
    ("without sub_mch_id", {"sub_mch_id": None}),
    ("with an empty sub_mch_id", {"sub_mch_id": ""}),
    ("that names himself as the sub-merchant", {"sub_mch_id": h5.MCH_ID}),
    ("whose sub_mch_id is longer", {"sub_mch_id": SUB + "0"}),
    ("that spells it sub_mchid", {"sub_mch_id": None, "sub_mchid": SUB}),
    ("for the sub-merchant as mch_id", {"mch_id": SUB}),
])
def _(t, name, change):
    s = shop(t)
    order = t.id()
    s.ready(order, 5)
    t.refused(s.notify(notice(order, 5, **change)))
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.eq(s.show(order).get("transaction_id"), None, "transaction_id")
    # The stand-in's own notice, which is right, is taken.
    s.gateway.pay(order)
    sent = s.gateway.control("notice", out_trade_no=order, kind="never")
    t.success(s.notify(sent["sent"][0]["body"].encode()))
    t.eq(s.show(order)["state"], "paid", "state")


@test("a provider's notice under another sub_appid is not believed")
def _(t):
    s = shop(t, {"merchant.sub_appid": SUB_APPID})
    order = t.id()
    s.ready(order, 5)
    t.refused(s.notify(notice(order, 5, sub_appid="wx1234567890abcdee")))
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.success(s.notify(notice(order, 5, sub_appid=SUB_APPID)))
    t.eq(s.show(order)["state"], "paid", "state")


@table("an ordinary merchant's notice {0}", [
    ("that names a sub-merchant is not believed", {"sub_mch_id": SUB}, False),
    ("that names himself as one is not believed", {"sub_mch_id": h5.MCH_ID},
     False),
    ("with an empty sub_mch_id is believed", {"sub_mch_id": ""}, True),
])
def _(t, name, change, believed):
    order = t.id()
    t.site.ready(order, 5)
    reply = t.site.notify(h5.notice(order, 5, **change))
    if believed:
        t.success(reply)
    else:
        t.refused(reply)
    t.eq(t.site.show(order)["state"], "paid" if believed else "awaiting")


@table("an answer of {0} {1} decides nothing", [
    (api, name, kind, how) for api in ("unifiedorder", "orderquery")
    for name, kind, how in (
        ("for another sub-merchant", "set-field", {"value": OTHER}),
        ("without a sub-merchant", "drop-field", {}))])
def _(t, api, name, kind, how):
    s = shop(t)
    order = t.id()
    if api == "orderquery":
        s.ready(order, 5)
        s.gateway.pay(order)
    s.gateway.fault(api, kind, order=order, name="sub_mch_id", **how)
    if api == "orderquery":
        s.h5pay("query", order)
        t.eq(s.show(order)["state"], "awaiting", "state")
        s.gateway.clear(order)
        s.h5pay("query", order)
        t.eq(s.show(order)["state"], "paid", "state")
    else:
        t.page(s.order(order, 5), 502, "gateway-error")
        s.gateway.clear(order)
        s.ready(order, 5)
    t.ok(any("not our sub_mch_id" in line for line in s.log()), "the log")


@test("a refund hint for another sub-merchant is no hint")
def _(t):
    s = shop(t, own=True)
    g = s.gateway
    order = t.id()
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    t.success(s.notify(notice(order, 5, tx)))
    t.eq(s.h5pay("refund", order, "--yes")[0], 0, "refund")
    g.control("refund", out_refund_no=order + "-r1", status="SUCCESS")

    def hint(**how):
        sent = g.control("refund-notice", out_refund_no=order + "-r1", **how)
        return s.notify(sent["sent"][0]["body"].encode())

    t.refused(hint(**{"envelope.sub_mch_id": OTHER}))
    t.refused(hint(**{"envelope.sub_mch_id": ""}))
    t.success(hint())


@test("a number of another sub-merchant is not ours to ask about")
def _(t):
    s = shop(t)
    order = t.id()
    s.ready(order, 5)
    s.gateway.pay(order)
    s.configure({"merchant.sub_mch_id": OTHER})
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "awaiting", "WeChat knows no such order")


# --- inside WeChat ----------------------------------------------------------


@table("Q58 inside WeChat a sub-merchant's buyer pays by {0}", [
    ("the provider's account", None, h5.APPID, "openid"),
    ("the sub-merchant's account", SUB_APPID, SUB_APPID, "sub_openid"),
])
def _(t, name, sub_appid, appid, field):
    s = test_ways.shop(t, gateway=provider(t))
    s.configure({**SUB_CONF, "merchant.sub_appid": sub_appid})
    order, r = test_ways.pay(t, s, h5.WECHAT)
    to = t.redirect(r)
    t.contains(to, f"?appid={appid}&", "the account that asks")
    back = test_ways.authorize(t, s, to)
    r = s.get("checkout", back, headers=test_ways.ua(h5.WECHAT))
    page = test_ways.go(t, s, r, h5.WECHAT)
    t.page(page, 200, "jsapi", "awaiting")
    t.eq(test_ways.bridge(page)["appId"], appid, "the bridge's appId")
    sent = s.gateway.calls("unifiedorder", order)[-1]["fields"]
    t.eq([n for n in ("openid", "sub_openid") if n in sent], [field], "payer")
    t.eq(test_ways.invoke(s, page),
         {"err_msg": "get_brand_wcpay_request:ok"}, "the bridge")
    s.gateway.wait("order", out_trade_no=order, state="SUCCESS")
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")


# --- the bill ---------------------------------------------------------------


@test("a provider's bill of everybody is read for the sub-merchant alone")
def _(t):
    s = shop(t, own=True)
    g, day = s.gateway, test_bill.Day(1)
    order = test_bill.paid(t, s, g, day.at(12), 628)
    test_bill.later(g, day)
    # As if WeChat passed over sub_mch_id: another's line, another's number.
    text = s.h5pay("bill", day.text)[1].strip()
    t.ok(text, "the bill")
    line = other_line(s, day, order)
    g.fault("downloadbill", "bill-extra", value=line)
    g.fault("downloadbill", "bill-totals")
    (s.store / "bills" / f"{day.text}.ALL.csv.gz").unlink()
    rows, sums, err = test_bill.reconcile(t, s, day.text)
    t.eq(rows, [], "differences")
    t.eq((sums["payments"], sums["settled_fee"], sums["elsewhere"]),
         (1, 628, 1), "sums")


def other_line(s, day, order):
    """The bill's line of this order, as another sub-merchant's of nothing."""
    data = gzip.decompress(
        (s.store / "bills" / f"{day.text}.ALL.csv.gz").read_bytes())
    line = next(x for x in data.decode("utf-8-sig").splitlines()
                if f"`{order}," in x)
    cells = line.split(",`")
    assert cells[3] == SUB, cells
    cells[3] = OTHER
    cells[5] = "4200000000000000000000009999"
    for i, c in enumerate(cells):
        if c == "6.28":
            cells[i] = "0.00"
        if c.endswith("000") and "." in c:
            cells[i] = "0.00000"
    return ",`".join(cells)


# --- the doctor -------------------------------------------------------------


@table("doctor says {0}", [
    ("that the sub-merchant is taken", {}, 0, SUB),
    ("that a foreign sub-merchant is not", {"merchant.sub_mch_id":
                                            "1900000199"}, 1, "1900000199"),
    ("that a foreign sub_appid is not",
     {"merchant.sub_appid": "wx0123456789abcdee"}, 1, "sub_appid"),
    ("that a provider needs one", {"merchant.sub_mch_id": None}, 1,
     "sub_mch_id"),
])
def _(t, name, conf, worst, word):
    (found,) = test_doctor.of(test_doctor.doctor(shop(t, conf))[1],
                              "ids-and-key")
    t.eq(found["result"], "fail" if worst else "pass", str(found))
    t.contains(json.dumps(found), word, "the words")

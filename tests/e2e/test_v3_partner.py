"""Service-provider mode over APIv3 (PROTOCOL-V3 14)."""

import json

import h5
import test_bill
import test_partner
import test_ways
import v3
from case import table, test
from test_partner import OTHER, PROVIDER, SUB, SUB_APPID, SUB_CONF

FEE = 5
HERE = {"sp_mchid": h5.MCH_ID, "sp_appid": h5.APPID, "sub_mchid": SUB,
        "mchid": None, "appid": None}


def shop(t, conf=None, gateway=None):
    return t.own_site({**v3.conf(), **SUB_CONF, **(conf or {})},
                      gateway=gateway or test_partner.provider(t))


def tell(s, inside, **envelope):
    body = v3.envelope(inside, **envelope)
    return s.notify(body, headers=v3.headers(body))


def payment(order, **change):
    return v3.payment(order, FEE, h5.APPID, h5.MCH_ID,
                      **{**HERE, "transaction_id": h5.transaction_id(),
                         **change})


def calls(g, api, order):
    got = g.calls(api, order)
    assert got, api
    return got


@table("a provider{0} names its sub-merchant in each call of APIv3", [
    ("", None), (" with a sub_appid", SUB_APPID)])
def _(t, name, sub_appid):
    g = t.own_gateway(args=PROVIDER)
    g.option(refund_s=0)
    s = shop(t, {"merchant.sub_appid": sub_appid}, g)
    order = t.id()
    s.ready(order, FEE)
    f = json.loads(calls(g, "unifiedorder", order)[0]["body"])
    t.eq([f.get(n) for n in ("sp_appid", "sp_mchid", "sub_appid", "sub_mchid",
                             "appid", "mchid")],
         [h5.APPID, h5.MCH_ID, sub_appid, SUB, None, None], "prepay")
    g.pay(order)
    sent = g.control("notice", out_trade_no=order)["sent"][0]
    r = s.notify(sent["body"].encode(), headers=sent["headers"])
    t.eq((r.status, s.show(order)["state"]), (204, "paid"), str(s.log()[-1:]))
    t.eq(s.h5pay("refund", order, "--yes")[0], 0, "refund")
    f = json.loads(calls(g, "refund", order)[0]["body"])
    t.eq((f["sub_mchid"], f.get("sp_mchid"), f.get("mchid")),
         (SUB, None, None), "refund")
    s.h5pay("query", order, prefix=["faketime", "-f", "+61s"])
    t.eq(s.show(order)["state"], "refunded", "state")
    t.contains(calls(g, "refundquery", order)[0]["target"],
               f"?sub_mchid={SUB}", "refund query")
    other = t.id()
    s.ready(other, FEE)
    s.h5pay("query", other)
    target = calls(g, "orderquery", other)[0]["target"]
    t.ok(target.startswith("/v3/pay/partner/transactions/out-trade-no/")
         and target.endswith(f"?sp_mchid={h5.MCH_ID}&sub_mchid={SUB}"), target)
    t.eq(s.h5pay("close", other)[0], 0, "close")
    t.eq(json.loads(calls(g, "closeorder", other)[0]["body"]),
         {"sp_mchid": h5.MCH_ID, "sub_mchid": SUB}, "close")


@test("an ordinary merchant of APIv3 never names a sub-merchant")
def _(t):
    g = t.own_gateway()
    g.option(refund_s=0)
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"}, gateway=g)
    order = t.id()
    s.ready(order, FEE)
    g.pay(order)
    s.h5pay("query", order)
    s.h5pay("refund", order, "--yes")
    s.h5pay("query", order, prefix=["faketime", "-f", "+61s"])
    t.eq(s.show(order)["state"], "refunded", "state")
    seen = [c for c in g.calls() if c["target"].startswith("/v3/")]
    t.ok(len(seen) >= 4, "calls")
    t.eq([c["target"] for c in seen if "partner" in c["target"]
          or "sub_" in c["target"] or "sub_" in c["body"]
          or "sp_" in c["body"]], [], "names")


@table("a provider's notice of APIv3 {0} is not believed", [
    ("for another of his sub-merchants", {"sub_mchid": OTHER}),
    ("without sub_mchid", {"sub_mchid": None}),
    ("with an empty sub_mchid", {"sub_mchid": ""}),
    ("with sub_mchid as a number", {"sub_mchid": int(SUB)}),
    ("that names himself as the sub-merchant", {"sub_mchid": h5.MCH_ID}),
    ("in the form of an ordinary merchant's",
     {"sp_mchid": None, "sp_appid": None, "sub_mchid": None,
      "mchid": h5.MCH_ID, "appid": h5.APPID}),
    ("for the sub-merchant as an ordinary one",
     {"sp_mchid": None, "sp_appid": None, "sub_mchid": None,
      "mchid": SUB, "appid": h5.APPID}),
    ("of another provider", {"sp_mchid": "1900000199"}),
    ("under another appid of a provider", {"sp_appid": "wx0000000000000000"}),
])
def _(t, name, change):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    r = tell(s, payment(order, **change))
    t.ok(r.status >= 400, f"status {r.status}")
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.eq(tell(s, payment(order)).status, 204, "the right one")
    t.eq(s.show(order)["state"], "paid", "state")


@test("an ordinary merchant of APIv3 believes no provider's notice")
def _(t):
    order = t.id()
    t.v3site.ready(order, FEE)
    for change in ({}, {"mchid": h5.MCH_ID, "appid": h5.APPID}):
        r = tell(t.v3site, payment(order, **change))
        t.ok(r.status >= 400, f"status {r.status}")
        t.eq(t.v3site.show(order)["state"], "awaiting", "state")


@table("an answer of APIv3 to a query {0} decides nothing", [
    ("for another sub-merchant", "set-field",
     {"name": "sub_mchid", "value": OTHER}),
    ("without a sub-merchant", "drop-field", {"name": "sub_mchid"}),
    ("of another provider", "other-mch-id", {})])
def _(t, name, kind, how):
    s = shop(t)
    order = t.id()
    s.ready(order, FEE)
    s.gateway.pay(order)
    s.gateway.fault("orderquery", kind, order=order, **how)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "awaiting", "state")
    s.gateway.clear(order)
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")


@table("a refund's notice that says {0} is a hint", [
    ("sp_mchid", 0), ("mchid, as one sample of WeChat's does", 1)])
def _(t, name, option):
    g = t.own_gateway(args=PROVIDER)
    g.option(refund_notice_mchid=option)
    s = shop(t, None, g)
    order = t.id()
    s.ready(order, FEE)
    g.pay(order)
    s.h5pay("query", order)
    t.eq(s.h5pay("refund", order, "--yes")[0], 0, "refund")
    g.control("refund", out_refund_no=order + "-r1", status="SUCCESS")

    def hint(**how):
        sent = g.control("refund-notice", out_refund_no=order + "-r1",
                         **how)["sent"][0]
        return s.notify(sent["body"].encode(), headers=sent["headers"])

    t.ok(hint(**{"set.sub_mchid": OTHER}).status >= 400, "another's")
    t.ok(hint(drop="sub_mchid").status >= 400, "nobody's")
    t.eq(hint().status, 204, "ours")
    s.h5pay("sweep", prefix=["faketime", "-f", "+61s"])
    t.eq(s.show(order)["state"], "refunded", "state")


@table("Q56/Q58 inside WeChat a sub-merchant's buyer pays by {0} in APIv3", [
    ("the provider's account", None, h5.APPID, "sp_openid"),
    ("the sub-merchant's account", SUB_APPID, SUB_APPID, "sub_openid"),
])
def _(t, name, sub_appid, appid, field):
    s = test_ways.shop(t, gateway=test_partner.provider(t))
    s.configure({**v3.conf(), **SUB_CONF, "merchant.sub_appid": sub_appid})
    order, r = test_ways.pay(t, s, h5.WECHAT)
    to = t.redirect(r)
    t.contains(to, f"?appid={appid}&", "the account that asks")
    back = test_ways.authorize(t, s, to)
    r = s.get("checkout", back, headers=test_ways.ua(h5.WECHAT))
    page = test_ways.go(t, s, r, h5.WECHAT)
    t.page(page, 200, "jsapi", "awaiting")
    values = test_ways.bridge(page)
    t.eq((values["appId"], values["signType"]), (appid, "RSA"), "the bridge")
    body = json.loads(
        calls(s.gateway, "unifiedorder", order)[-1]["body"])
    t.eq(list(body["payer"]), [field], "payer")
    t.eq(test_ways.invoke(s, page),
         {"err_msg": "get_brand_wcpay_request:ok"}, "the bridge")
    s.gateway.wait("order", out_trade_no=order, state="SUCCESS")
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "paid", "state")


@test("the bill of APIv3 is asked for the sub-merchant alone")
def _(t):
    g = t.own_gateway(args=PROVIDER)
    g.option(bill_early=1, real_wire_clock=1)
    s = shop(t, None, g)
    day = test_bill.Day(1)
    test_bill.paid(t, s, g, day.at(12), 628)
    test_bill.later(g, day)
    rows, sums, err = test_bill.reconcile(t, s, day.text)
    t.eq((rows, sums["payments"], sums["settled_fee"]), ([], 1, 628), err)
    t.contains(g.calls("tradebill")[0]["target"], f"sub_mchid={SUB}", "asked")

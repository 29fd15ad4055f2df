"""APIv3 from outside: paid in every way, notices of both forms, attempts that
keep their API.  B1 to B50: the bugs that PROTOCOL-V3 21 lists."""

import fcntl
import itertools
import json
import time
import urllib.parse

import h5
import v3
from case import table, test
from test_ways import DESKTOP, fetch, go, pay, product, ua
from test_ways import bridge as bridge_of

FEE = 5


def ready(t, site, fee=FEE, **more):
    """The order's number and its token, as pages have them."""
    order = t.id()
    return order, {"order": order, "t": site.ready(order, fee, **more)}


def payment(order, fee=FEE, tx=None, **change):
    """A payment's notice, its bytes; change: of what is inside, None takes one
    out."""
    inside = v3.payment(order, fee, h5.APPID, h5.MCH_ID,
                        transaction_id=tx or h5.transaction_id())
    inside.update(change)
    return v3.envelope({n: x for n, x in inside.items() if x is not None})


def tell(site, body, **signed):
    return site.notify(body, headers=v3.headers(body, **signed))


def events(site, order, *names):
    return [e["event"] for e in site.show(order)["events"]
            if not names or e["event"] in names]


def ledger(site, order):
    """Its lines, as they are stored."""
    path = next(site.store.rglob(order + ".ledger"))
    return [json.loads(line) for line in path.read_text().splitlines()]


def all_ways(t, **conf):
    """A shop of APIv3 with each product."""
    s = t.own_site({})
    s.write("app.secret", h5.APP_SECRET + "\n")
    s.configure({
        **v3.conf(), "merchant.products": "h5 native jsapi",
        "merchant.app_secret_file": s.folder / "app.secret",
        "orders.query_interval_s": "0",
        "gateway.oauth_url": s.conf["gateway.url"],
        "gateway.sns_url": s.conf["gateway.url"], **conf})
    return s


def clocked(t, api="v3", **conf):
    """A shop and a stand-in of its own, whose book's clock may be moved."""
    g = t.own_gateway()
    g.option(real_wire_clock=1)
    return t.own_site({**v3.conf(api=api), "orders.query_interval_s": "0",
                       **conf}, gateway=g), g


# --- paid --------------------------------------------------------------------


def notified(t, s, order):
    """The payment's notice, as the stand-in sends it, handed to the shop."""
    t.gateway.pay(order)
    tx = t.gateway.order(order)["transaction_id"]
    t.json_taken(tell(s, payment(order, tx=tx)))
    return tx


@test("a phone pays by h5 in APIv3, told by the stand-in's own notice")
def _(t):
    s = t.v3web
    order, q = ready(t, s)
    t.gateway.pay(order, notice=1)
    t.gateway.wait("notices", out_trade_no=order, taken=1, n=1)
    o = s.show(order)
    t.eq((o["state"], o["paid_via"], o["attempts"][0]["api"]),
         ("paid", "notify", "v3"), "the order")
    t.page(s.get("return-page", q), 200, "result", "paid")


@test("a desktop pays by native in APIv3")
def _(t):
    s = all_ways(t)
    order, first = pay(t, s, DESKTOP)
    page = go(t, s, first, DESKTOP)
    t.page(page, 200, "scan")
    t.eq(product(page), "native", "the product")
    tx = notified(t, s, order)
    o = s.show(order)
    t.eq((o["state"], o["transaction_id"], o["attempts"][0]["product"]),
         ("paid", tx, "native"), "the order")


@test("a buyer inside WeChat pays by jsapi in APIv3")
def _(t):
    s = all_ways(t)
    order, first = pay(t, s, h5.WECHAT)
    back, _ = fetch(t.redirect(first), ua(h5.WECHAT))
    callback = urllib.parse.urlsplit(back).query
    page = go(t, s, s.get("checkout", callback, headers=ua(h5.WECHAT)),
              h5.WECHAT)
    t.page(page, 200, "jsapi")
    bridge = bridge_of(page)
    t.eq(bridge["signType"], "RSA", "signType")
    message = "".join(f"{bridge[k]}\n" for k in (
        "appId", "timeStamp", "nonceStr", "package"))
    t.ok(v3.signed(message, bridge["paySign"], v3.MERCHANT_CERT),
         "B47: paySign over the four lines")
    notified(t, s, order)
    t.eq(s.show(order)["state"], "paid", "state")
    # Who bought stands in the ledger alone.
    first = ledger(s, order)
    asked = next(x for x in first if x["event"] == "ordering")["request"]
    openid = json.loads(asked)["payer"]["openid"]
    for text in (json.dumps(s.show(order)), "\n".join(s.log()),
                 s.h5pay("show", order)[1]):
        t.no(openid in text, "an openid outside the ledger")
        t.no("payer_client_ip" in text, "the request outside the ledger")


@test("the first body is durable before it is sent, and sent again (B38)")
def _(t):
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"})
    order = t.id()
    t.gateway.fault("unifiedorder", "cut-after", order, count=1)
    t.page(s.order(order, FEE), 502, "gateway-error")
    kinds = [x["event"] for x in ledger(s, order)]
    t.eq(kinds[:2], ["created", "ordering"], "the ledger")
    # Another name of the shop, another day, the same bytes.
    s.configure({"site.name": "另一家", "orders.expire_minutes": "30"})
    t.redirect(s.order(order, FEE))
    bodies = [c["body"] for c in t.gateway.calls("unifiedorder", order)]
    t.ok(len(bodies) >= 2, "sent again")
    t.eq(len(set(bodies)), 1, "different bodies")
    t.eq(next(x for x in ledger(s, order)
              if x["event"] == "ordering")["request"], bodies[0],
         "what is stored")
    t.eq(len(s.show(order)["attempts"]), 1, "attempts")


# --- who is believed -----------------------------------------------------------


@test("a notice of APIv3 is taken once, however often it comes")
def _(t):
    s = t.v3site
    order, q = ready(t, s)
    body = payment(order)
    for _ in range(3):
        # Freshly timed and signed, as WeChat repeats it.
        t.json_taken(tell(s, body))
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", []), "the order")
    t.eq(events(s, order, "paid"), ["paid"], "paid events")


def no_header(name):
    return lambda order: (payment(order), {name: None})


def changed(change):
    """The bytes differ from those that were signed."""
    def make(order):
        body = payment(order)
        return change(body), v3.headers(body)
    return make


DISTRUSTED = {
    **{f"no Wechatpay-{n}": no_header(n)
       for n in ("timestamp", "nonce", "signature", "serial")},
    "B33 a probe's signature": lambda o: (payment(o), {
        "signature": "WECHATPAY/SIGNTEST/" + "A" * 325}),
    "another key's signature": lambda o: (payment(o), {
        "key": v3.MERCHANT_KEY}),
    "B14 a serial without its prefix": lambda o: (payment(o), {
        "serial": v3.PUBLIC_KEY_ID[len("PUB_KEY_ID_"):],
        "key": v3.WECHAT_KEY}),
    "an unknown serial": lambda o: (payment(o), {
        "serial": "PUB_KEY_ID_0114232134912410000000000001"}),
    "the platform's serial, which is not set up": lambda o: (payment(o), {
        "serial": v3.PLATFORM_SERIAL}),
    "a timestamp of 301 s ago": lambda o: (payment(o), {
        "when": time.time() - 301}),
    "a timestamp in 305 s": lambda o: (payment(o), {
        "when": time.time() + 305}),
    "another signature type": lambda o: (payment(o), {
        "signature_type": "WECHATPAY2-SM2-WITH-SM3"}),
    "B30 a blank more than was signed": changed(lambda b: b + b" "),
    "B30 other blanks than were signed": changed(
        lambda b: json.dumps(json.loads(b)).encode()),
    "B31 a BOM before what was signed": changed(
        lambda b: b"\xef\xbb\xbf" + b),
    "no resource": lambda o: (v3.envelope({}, resource=None)
                              .replace(b'"resource"', b'"source"'), {}),
    "algorithm none": lambda o: (v3.envelope(
        v3.payment(o, FEE, h5.APPID, h5.MCH_ID),
        resource={"algorithm": "none"}), {}),
    "B27 another APIv3 key": lambda o: (v3.envelope(
        v3.payment(o, FEE, h5.APPID, h5.MCH_ID), key="x" * 32), {}),
    "B29 a changed tag": lambda o: (v3.envelope(
        v3.payment(o, FEE, h5.APPID, h5.MCH_ID),
        resource={"ciphertext": "A" * 64}), {}),
    "B28 an empty ciphertext": lambda o: (v3.envelope(
        "{}", resource={"ciphertext": ""}), {}),
    "B28 fifteen bytes of ciphertext": lambda o: (v3.envelope(
        "{}", resource={"ciphertext": "AAAAAAAAAAAAAAAAAAAA"}), {}),
    "a name twice": lambda o: (payment(o).replace(
        b'"resource_type"', b'"id": "x", "resource_type"'), {}),
    "an array": lambda o: (b"[]", {}),
    "nothing": lambda o: (b"", {}),
    "B41 half a body": lambda o: (payment(o)[:200], {}),
}


@table("a notice with {0} is not believed: 401, nothing changed",
       list(DISTRUSTED))
def _(t, how):
    s = t.v3site
    order, q = ready(t, s)
    before = s.show(order)
    body, signed = DISTRUSTED[how](order)
    gone = [n for n, x in signed.items() if x is None]
    headers = signed if "Wechatpay-Nonce" in signed else v3.headers(
        body, **{n: x for n, x in signed.items() if x is not None})
    for name in gone:
        headers.pop("Wechatpay-" + name.title())
    t.json_refused(s.notify(body, headers=headers))
    t.eq(s.show(order), before, "the order")


@test("a header that comes twice is not believed, whichever is the good one")
def _(t):
    order, q = ready(t, t.v3site)
    body = payment(order)
    good = v3.headers(body)
    for name in ("Timestamp", "Nonce", "Signature", "Serial"):
        name = "Wechatpay-" + name
        for twice in (f"{good[name]}, {good[name]}", f"{good[name]}, x",
                      f"x,{good[name]}"):
            t.json_refused(t.v3site.notify(body, headers={
                **good, name: twice}))
    t.eq(t.v3site.show(order)["state"], "awaiting", "state")


@table("a notice {0} is another's or of another sum: 500, nothing paid", {
    "of another mchid": {"mchid": "1900000109"},
    "of another appid": {"appid": "wx0000000000000000"},
    "without mchid": {"mchid": None},
    "without appid": {"appid": None},
    "without amount": {"amount": None},
    "without out_trade_no": {"out_trade_no": None},
    "that is not paid": {"trade_state": "NOTPAY"},
}.items())
def _(t, how, change):
    s = t.v3site
    order, q = ready(t, s)
    before = s.show(order)
    r = tell(s, payment(order, **change))
    # What is malformed may be told as not believed.
    t.json_refused(r, r.status if r.status == 401 and None in
                   change.values() else 500)
    t.eq(s.show(order), before, "the order")


@test("an order that is not here, and a store that cannot be written: 500")
def _(t):
    t.json_refused(tell(t.v3site, payment(t.id())), 500)
    s = t.own_site(v3.conf())
    order, q = ready(t, s)
    path = next(s.store.rglob(order + ".ledger"))
    good = path.read_bytes()
    path.write_bytes(good[:40] + b"x" + good[41:])
    t.json_refused(tell(s, payment(order)), 500)
    path.write_bytes(good)
    t.json_taken(tell(s, payment(order)))


@table("{0} is disputed once and not paid", {
    "another amount": {"total": FEE + 1, "payer_total": FEE,
                       "currency": "CNY"},
    "another currency": {"total": FEE, "currency": "USD"},
}.items())
def _(t, how, amount):
    s = t.v3site
    order, q = ready(t, s)
    body = payment(order, amount=amount)
    for _ in range(3):
        t.json_refused(tell(s, body), 500)
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("awaiting", ["disputed"]), "the order")
    t.eq(events(s, order, "alert", "paid"), ["alert"], "events")


@table("it is paid with {0}", {
    "B37 a coupon: payer_total is less": {
        "amount": {"total": FEE, "payer_total": 1, "currency": "CNY"}},
    "no currency": {"amount": {"total": FEE}},
    "empty members": {"promotion_detail": [],
                      "scene_info": {"device_id": ""}},
    "members nobody knows": {"x": {"y": [1.5, None, True, "z"]}},
    "a time of fractions": {"success_time": "2026-11-23T08:40:12.345Z"},
}.items())
def _(t, how, change):
    s = t.v3site
    order, q = ready(t, s)
    t.json_taken(tell(s, payment(order, **change)))
    t.eq((s.show(order)["state"], s.show(order)["alerts"]), ("paid", []),
         "the order")


@table("it is taken {0}", {
    "B34 without associated_data": {"associated_data": None},
    "B34 with an empty associated_data": {"associated_data": ""},
}.items())
def _(t, how, resource):
    s = t.v3site
    order, q = ready(t, s)
    inside = json.dumps(v3.payment(order, FEE, h5.APPID, h5.MCH_ID,
                                   transaction_id=h5.transaction_id()))
    nonce = "0123456789ab"
    body = v3.envelope(inside, resource={
        **resource, "nonce": nonce,
        "ciphertext": v3.encrypt(inside, nonce)})
    t.json_taken(tell(s, body))
    t.eq(s.show(order)["state"], "paid", "state")


@table("an event that is not used is taken: {0}", [
    "TRANSACTION.REFUNDED", "MCHTRANSFER.BILL.FINISHED", "PAYSCORE.USER_OPEN"])
def _(t, event):
    s = t.v3site
    order, q = ready(t, s)
    before = s.show(order)
    body = v3.envelope({"out_trade_no": order}, "other", event)
    t.json_taken(tell(s, body))
    t.eq(s.show(order), before, "the order")


@test("FastCGI and mod_cgi take a notice of APIv3, headers in any case (B32)")
def _(t):
    for s in (t.v3web, t.own_web(v3.conf(), mode="cgi")):
        order, q = ready(t, s)
        body = payment(order)
        headers = {n if n == "Content-Type" else n.lower(): x
                   for n, x in v3.headers(body).items()}
        t.json_taken(s.notify(body, headers=headers))
        t.eq(s.show(order)["state"], "paid", "state")


# --- while the keys are changed (B15) -------------------------------------------

PUBLIC, CERTIFICATE = v3.PUBLIC_KEY_ID, v3.PLATFORM_SERIAL


@table("with {0} notices by {1} are answered {2}", [
    ("both", list(order), [204] * len(order))
    for n in (1, 2, 3)
    for order in itertools.product(("public", "certificate"), repeat=n)
    if len(set(order)) == min(n, 2)
] + [("public", ["certificate", "public"], [401, 204]),
     ("certificate", ["public", "certificate"], [401, 204])])
def _(t, mode, kinds, statuses):
    s = t.own_site(v3.conf(mode))
    order, q = ready(t, s)
    body = payment(order)
    got = [tell(s, body, serial=PUBLIC if k == "public" else CERTIFICATE
                ).status for k in kinds]
    t.eq(got, statuses, "answers")
    t.eq(s.show(order)["state"], "paid", "state")
    t.eq(events(s, order, "paid"), ["paid"], "paid events")


# --- the other API's form ---------------------------------------------------------


@test("XML for an attempt of APIv3 is FAIL, one alert, and WeChat is asked")
def _(t):
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"})
    order, q = ready(t, s)
    for tx in (None, None, h5.transaction_id()):
        t.refused(s.notify(h5.notice(order, FEE, tx)))
    t.gateway.wait("calls", api="orderquery", out_trade_no=order, n=1)
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("awaiting", ["wrong-api"]), "the order")
    t.eq(events(s, order, "alert"), ["alert"], "alerts")
    t.ok(any(x.startswith("alert notice-wrong-api") for x in s.log()), "in the log")
    # What WeChat says, and its own form, count as ever.
    t.page(s.get("return-page", q), 200, "return")
    t.json_taken(tell(s, payment(order)))
    t.eq(s.show(order)["state"], "paid", "state")
    # A copy of a payment that is known does not make it true.
    t.refused(s.notify(h5.notice(order, FEE, s.show(order)
                                 ["transaction_id"])))


@test("JSON for an attempt of APIv2 is 401, one alert, and WeChat is asked")
def _(t):
    s = t.own_site({**v3.conf(api="v2"), "orders.query_interval_s": "0"})
    order, q = ready(t, s)
    t.no("api" in s.show(order)["attempts"][0], "an api that 0.1.0 knew")
    for tx in (None, None, h5.transaction_id()):
        t.json_refused(tell(s, payment(order, tx=tx)))
    t.gateway.wait("calls", api="orderquery", out_trade_no=order, n=1)
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("awaiting", ["wrong-api"]), "the order")
    t.success(s.notify(h5.notice(order, FEE)))
    t.eq(s.show(order)["state"], "paid", "state")


@test("a wrong form that tells the truth is paid by the query it causes")
def _(t):
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"})
    order, q = ready(t, s)
    t.gateway.pay(order)
    tx = t.gateway.order(order)["transaction_id"]
    t.refused(s.notify(h5.notice(order, FEE, tx)))
    t.until("paid by query", lambda: s.show(order)["state"] == "paid")
    t.eq(s.show(order)["paid_via"], "query", "paid_via")


@test("XML without a sign of ours raises no alert, whatever it names")
def _(t):
    s = t.v3site
    order, q = ready(t, s)
    before = s.show(order)
    t.refused(s.notify(h5.notice(order, FEE, key="x" * 32)))
    t.eq(s.show(order), before, "the order")


@test("a shop of APIv3 without an APIv2 key refuses XML and goes on (B40)")
def _(t):
    s = t.own_site({**v3.conf(), "merchant.api_key_file": None})
    order, q = ready(t, s)
    t.refused(s.notify(h5.notice(order, FEE)))
    t.refused(s.notify(b"<xml><return_code>SUCCESS</return_code><appid>"
                       + h5.APPID.encode() + b"</appid><mch_id>"
                       + h5.MCH_ID.encode() + b"</mch_id><nonce_str>x"
                       b"</nonce_str><req_info>AAAA</req_info></xml>"))
    t.json_taken(tell(s, payment(order)))
    t.eq(s.show(order)["state"], "paid", "state")


# --- moving -----------------------------------------------------------------------


def refund(t, s, order, fee=2):
    code, out, err = s.h5pay("refund", order, "--fee", str(fee), "--yes")
    t.eq(code, 0, f"refund: {err}")


def api_of(t, g, name, order):
    """By which API that call was made."""
    got = g.calls(name, order)
    t.ok(got, f"{name} for {order}")
    return "v3" if got[-1]["target"].startswith("/v3/") else "v2"


@table("from {0} to {1}: open, paid and refunding orders go on", [
    ("v2", "v3"), ("v3", "v2")])
def _(t, old, new):
    s, g = clocked(t, old)
    g.option(plain_refund=1, refund_s=0)
    opened, q = ready(t, s)
    closed, _ = ready(t, s)
    paid, _ = ready(t, s)
    back, _ = ready(t, s)
    forms = {"v2": lambda o, tx: t.success(s.notify(h5.notice(o, FEE, tx))),
             "v3": lambda o, tx: t.json_taken(
                 tell(s, payment(o, tx=tx)))}
    for order in (paid, back):
        g.pay(order)
        forms[old](order, g.order(order)["transaction_id"])
    g.fault("refundquery", "refund-status", back, name="PROCESSING")
    refund(t, s, back)
    t.eq(s.show(back)["state"], "refunding", "before the move")

    s.configure({"merchant.api": new})
    # Open: asked about, paid again, and paid by its own API.
    t.redirect(s.post("checkout", {**q, "again": "1"}))
    t.eq(api_of(t, g, "orderquery", opened), old, "query of the open one")
    t.eq(api_of(t, g, "unifiedorder", opened), old, "its next prepay")
    g.pay(opened)
    forms[old](opened, g.order(opened)["transaction_id"])
    # Closed by its own API.
    g.advance(600)
    code, _, err = s.h5pay("close", closed)
    t.eq(code, 0, f"close: {err}")
    t.eq(api_of(t, g, "closeorder", closed), old, "close")
    # Refunded by its own API, also what is under way.
    refund(t, s, paid)
    t.eq(api_of(t, g, "refund", paid), old, "refund")
    g.clear(back)
    s.h5pay("query", back)
    t.eq(api_of(t, g, "refundquery", back), old, "refund query")
    t.eq(s.show(back)["state"], "partly-refunded", "after the move")
    # New ones by the new one.
    fresh, _ = ready(t, s)
    t.eq(api_of(t, g, "unifiedorder", fresh), new, "a new order")
    g.pay(fresh)
    forms[new](fresh, g.order(fresh)["transaction_id"])
    # And back again.
    s.configure({"merchant.api": old})
    s.h5pay("query", fresh)
    refund(t, s, fresh)
    t.eq(api_of(t, g, "refund", fresh), new, "after the way back")
    t.eq([s.show(o)["alerts"] for o in (opened, closed, paid, back, fresh)],
         [[]] * 5, "alerts")


# --- paying again --------------------------------------------------------------------


def again(t, s, q, ip):
    return s.post("checkout", {**q, "again": "1"}, env={"REMOTE_ADDR": ip})


@test("pay again from another address: the address alone is new")
def _(t):
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"})
    order, q = ready(t, s)
    t.redirect(again(t, s, q, "127.0.0.9"))
    first, second = [c["body"] for c in
                     t.gateway.calls("unifiedorder", order)]
    t.no(first == second, "the same address")
    t.eq(second, first.replace('"payer_client_ip":"127.0.0.1"',
                               '"payer_client_ip":"127.0.0.9"'), "the body")
    # And back: the very first bytes.
    t.redirect(again(t, s, q, "127.0.0.1"))
    t.eq(t.gateway.calls("unifiedorder", order)[-1]["body"], first, "bytes")
    t.eq(len(s.show(order)["attempts"]), 1, "attempts")


@test("an address that WeChat compares leads to the next number, and it is paid")
def _(t):
    s, g = clocked(t)
    g.option(strict_ip=1)
    order, q = ready(t, s)
    g.advance(400)
    t.redirect(again(t, s, q, "127.0.0.9"))
    o = s.show(order)
    t.eq([a["state"] for a in o["attempts"]], ["closed", "awaiting"],
         "attempts")
    names = [c["api"] for c in g.calls() if c["out_trade_no"] == order]
    t.eq(names[-3:], ["unifiedorder", "orderquery", "closeorder"],
         "refused, asked, closed")
    body = json.loads(g.calls("unifiedorder", order + "_2")[-1]["body"])
    t.eq(body["scene_info"]["payer_client_ip"], "127.0.0.9", "the address")
    g.pay(order + "_2")
    tx = g.order(order + "_2")["transaction_id"]
    t.json_taken(tell(s, payment(order + "_2", tx=tx)))
    t.eq(s.show(order)["state"], "paid", "state")


@test("a prepay against the rules burns no number, and the log says why (Q62)")
def _(t):
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"})
    order = t.id()
    t.gateway.fault("unifiedorder", "result-fail", order,
                    code="INVALID_REQUEST", text="商家未开通")
    t.page(s.order(order, FEE), 502, "merchant-error")
    t.eq(len(s.show(order)["attempts"]), 1, "attempts")
    t.ok(any(x.startswith("alert prepay-refused") for x in s.log()), "in the log")


# --- late, slow, elsewhere --------------------------------------------------------------


@test("B22 a payment that comes after the close is kept, with an alert")
def _(t):
    s, g = clocked(t)
    order, q = ready(t, s)
    g.advance(600)
    code, _, err = s.h5pay("close", order)
    t.eq(code, 0, f"close: {err}")
    t.json_taken(tell(s, payment(order)))
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", ["late"]), "the order")


@table("a notice of APIv3 is answered in 4.5 s while the ledger is held: {0}",
       ["plain CGI", "FastCGI"])
def _(t, how):
    s = t.own_web(v3.conf()) if how == "FastCGI" else t.own_site(v3.conf())
    order, q = ready(t, s)
    body = payment(order)
    headers = v3.headers(body)
    with open(next(s.store.rglob(order + ".ledger")), "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        began = time.monotonic()
        t.json_refused(s.notify(body, headers=headers), 500)
        took = time.monotonic() - began
    t.ok(took < 4.5, f"answered after {took:.1f} s")
    t.json_taken(tell(s, body))


@table("B36 a refund made elsewhere is told by {0}", ["XML", "JSON"])
def _(t, form):
    g = t.own_gateway()
    g.option(real_wire_clock=1, refund_s=0)
    s = t.own_web({**v3.conf(), "orders.query_interval_s": "0"}, gateway=g)
    order, q = ready(t, s)
    number = "BYHAND-" + order
    g.pay(order)
    g.fault("notice", "never")
    g.control("platform-refund", out_trade_no=order, out_refund_no=number,
              fee=FEE)
    # The state alone: it was paid, and nobody knows how much went back.
    code, _, err = s.h5pay("query", order)
    t.eq((code, err), (0, ""), "query")
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("refunding", ["refunded-elsewhere"]),
         "before its notice")
    t.eq(events(s, order, "paid", "alert", "refunded"), ["paid", "alert"],
         "events")
    g.clear()
    if form == "XML":
        got = g.control("refund-notice", out_refund_no=number,
                        url=s.base_url + "/notify")
        t.contains(json.dumps(got), "SUCCESS", "the reply to XML")
    else:
        t.json_taken(tell(s, v3.envelope(
            v3.refund(order, number, FEE, FEE, h5.MCH_ID), "refund",
            "REFUND.SUCCESS")))
    t.until("its end", lambda: s.show(order)["state"] == "refunded")
    t.eq(s.show(order)["alerts"], [], "alerts")


@test("a refund made elsewhere whose notice is the first that is heard")
def _(t):
    g = t.own_gateway()
    g.option(real_wire_clock=1, refund_s=0)
    s = t.own_web({**v3.conf(), "orders.query_interval_s": "0"}, gateway=g)
    order, q = ready(t, s)
    g.pay(order)
    g.control("platform-refund", out_trade_no=order,
              out_refund_no="BYHAND-" + order, fee=2)
    g.control("refund-notice", out_refund_no="BYHAND-" + order,
              url=s.base_url + "/notify")
    t.eq(s.show(order)["state"], "awaiting", "by hearsay")
    code, _, err = s.h5pay("query", order)
    t.eq((code, err), (0, ""), "query")
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("partly-refunded", []), "the order")


@test("B35: a refund's notice says refund_status; only a query moves the state")
def _(t):
    s, g = clocked(t)
    g.option(refund_s=0)
    order, q = ready(t, s)
    g.pay(order)
    t.json_taken(tell(s, payment(
        order, tx=g.order(order)["transaction_id"])))
    g.fault("refundquery", "refund-status", order, name="PROCESSING")
    refund(t, s, order, FEE)
    number = s.show(order)["refunds"][0]["out_refund_no"]
    body = v3.envelope(v3.refund(order, number, FEE, FEE, h5.MCH_ID),
                       "refund", "REFUND.SUCCESS")
    t.json_taken(tell(s, body))
    g.wait("calls", api="refundquery", out_trade_no=order, n=1)
    t.eq(s.show(order)["state"], "refunding", "by a notice alone")
    # `status` is no member of a notice.
    wrong = v3.refund(order, number, FEE, FEE, h5.MCH_ID)
    wrong["status"] = wrong.pop("refund_status")
    t.json_refused(tell(s, v3.envelope(wrong, "refund", "REFUND.SUCCESS")))
    g.clear(order)
    t.json_taken(tell(s, body))
    s.h5pay("query", order)
    t.eq(s.show(order)["state"], "refunded", "by a query")


@test("forgetting takes the first request out of the ledger, address and all")
def _(t):
    s = t.own_site(v3.conf())
    order, q = ready(t, s)
    t.json_taken(tell(s, payment(order)))
    t.ok(any("request" in x for x in ledger(s, order)), "a request")

    def forgotten():
        code, _, err = s.h5pay("archive", "--forget", "0s")
        t.eq(code, 0, f"archive: {err}")
        return any(x["event"] == "forgotten" for x in ledger(s, order))

    # From the second after its last event on.
    t.until("forgotten", forgotten)
    left = json.dumps(ledger(s, order))
    t.no("payer_client_ip" in left or '"request": ' in left, "a request")
    t.no("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" in left, "an openid")
    t.eq(s.show(order)["attempts"][0]["api"], "v3", "api")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")


@test("neither log nor support bundle tell the request, a key or a signature")
def _(t):
    s = t.own_site(v3.conf())
    order, q = ready(t, s)
    body = payment(order)
    headers = v3.headers(body)
    t.json_taken(s.notify(body, headers=headers))
    t.json_refused(s.notify(body + b" ", headers=headers))
    bundle = s.folder / "bundle.txt"
    s.h5pay("support", "--order", order, "--output", str(bundle))
    texts = ["\n".join(s.log()), s.h5pay("support", "--order", order)[1]]
    if bundle.exists():
        texts.append(bundle.read_text(errors="replace"))
    for text in texts:
        for secret in (v3.APIV3_KEY, headers["Wechatpay-Signature"],
                       headers["Wechatpay-Nonce"], "payer_client_ip",
                       "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"):
            t.no(secret in text, f"{secret[:12]}... in log or bundle")


# --- the doctor ---------------------------------------------------------------------


def examined(t, site):
    """(exit status, {check: (result, found, remedy)}) of what is about it."""
    code, out, err = site.h5pay("--json", "doctor")
    got = json.loads(out)
    return code, {c["check"]: (c["result"], c["found"], c["remedy"])
                  for c in got["checks"]
                  if c["check"] in ("api-v3", "echo-notice", "notify",
                                    "ids-and-key")}


@table("the doctor proves a shop of APIv3 by WeChat's echo, {0} keys", [
    "public", "certificate", "both"])
def _(t, mode):
    s = t.own_web(v3.conf(mode))
    ready(t, s)
    before = t.gateway.counters().get("unifiedorder")
    code, got = examined(t, s)
    t.eq({n: got[n][0] for n in ("api-v3", "echo-notice", "notify")},
         {"api-v3": "pass", "echo-notice": "pass", "notify": "pass"},
         f"findings {got}")
    t.contains(got["api-v3"][1], h5.MCH_ID, "what was proved")
    t.eq(t.gateway.counters().get("unifiedorder"), before, "orders")


@test("the doctor names an APIv3 key that is not WeChat's by the missing notice")
def _(t):
    s = t.own_web({**v3.conf(), "merchant.apiv3_key": "x" * 32})
    ready(t, s)
    code, got = examined(t, s)
    t.eq((code, got["api-v3"][0], got["echo-notice"][0]),
         (1, "pass", "fail"), f"findings {got}")
    t.contains(got["echo-notice"][2], "merchant.apiv3_key_file", "the remedy")


@test("the doctor names a public key that is not WeChat's")
def _(t):
    s = t.own_web(v3.conf())
    other = s.folder / "other.pem"
    other.write_bytes(v3._openssl("x509", "-in", v3.PLATFORM_CERT, "-noout",
                                  "-pubkey"))
    s.configure({"merchant.public_key_file": other})
    code, got = examined(t, s)
    t.eq((code, got["api-v3"][0]), (1, "fail"), f"findings {got}")
    t.contains(got["api-v3"][2], "merchant.public_key_file", "the remedy")


@table("the doctor names what WeChat's 401 says: {0}", {
    "商户证书序列号有误": "apiclient_cert.pem and apiclient_key.pem",
    "商户证书已作废": "change cert_file and key_file together",
    "商户未设置APIv3密钥": "API security",
    "签名错误": "from one download",
    "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟": "NTP",
}.items())
def _(t, words, remedy):
    g = t.own_gateway()
    s = t.own_web(v3.conf(), gateway=g)
    g.fault("echo", "result-fail", code="SIGN_ERROR", text=words, status=401)
    code, got = examined(t, s)
    t.eq((code, got["api-v3"][0]), (1, "fail"), f"findings {got}")
    t.contains(got["api-v3"][2], remedy, "the remedy")
    t.no("echo-notice" in got, "a notice that nobody sent")


@test("the doctor says what a shop of APIv2 lacks for APIv3, and when nothing is")
def _(t):
    s = t.own_web({})
    _, got = examined(t, s)
    for name in ("cert_file", "key_file", "apiv3_key_file",
                 "public_key_file", "public_key_id"):
        t.contains(got["api-v3"][1], "merchant." + name, "what is missing")
    t.eq((got["api-v3"][0], got["ids-and-key"][0]), ("pass", "pass"),
         "findings")
    s.configure({"merchant.apiv3_key": v3.APIV3_KEY})
    t.no("apiv3" in examined(t, s)[1]["api-v3"][1], "what is there")
    s = t.own_web(v3.conf(api="v2"))
    ready(t, s)
    code, got = examined(t, s)
    t.contains(got["api-v3"][1], "merchant.api = v3", "all there")
    t.eq({x[0] for x in got.values()}, {"pass"}, f"findings {got}")


# --- the next morning ----------------------------------------------------------------


def until_morning():
    """Seconds to 10:20 of tomorrow, Beijing time."""
    now = int(time.time())
    return (now + 28800) // 86400 * 86400 - 28800 + 86400 + 37200 - now


@table("the next morning a sweep finds {0} in the bill", [
    ("a refund of all that was made elsewhere", FEE, "refunded",
     ["paid", "alert", "billed"]),
    ("a part that went back elsewhere", 2, "partly-refunded",
     ["paid", "alert", "kept", "billed"])])
def _(t, what, fee, state, kinds):
    g = t.own_gateway()
    s = t.own_site({**v3.conf(), "orders.query_interval_s": "0"}, gateway=g)
    order, q = ready(t, s)
    g.option(refund_s=0)
    g.pay(order)
    g.control("platform-refund", out_trade_no=order,
              out_refund_no="BYHAND-" + order, fee=fee)
    s.h5pay("query", order)
    t.eq(s.show(order)["alerts"], ["refunded-elsewhere"], "the alert")
    s.h5pay("sweep")
    t.eq(g.calls("tradebill"), [], "a bill today")
    later = until_morning()
    g.advance(later)
    code, out, err = s.h5pay("sweep",
                             prefix=["faketime", "-f", f"+{later}s"])
    t.eq(code, 0, f"sweep: {err}")
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), (state, []), "the order")
    t.eq(sorted(events(s, order, "paid", "alert", "billed", "kept")),
         sorted(kinds), "events")
    # Nothing is left for the next one.
    before = len(g.calls())
    s.h5pay("sweep", prefix=["faketime", "-f", f"+{later + 60}s"])
    t.eq(len(g.calls()), before, "calls")


@test("status and the log tell of platform certificates that end")
def _(t):
    s = t.own_site(v3.conf("certificate"))
    ready(t, s)
    got = {c["certificate"]: c for c in json.loads(
        s.h5pay("--json", "status")[1])["certificates"]}
    t.eq((got["platform"]["alarm"], got["platform"]["why"]), (False, None),
         "the platform's certificate")
    days = got["platform"]["days"] - 20
    got = {c["certificate"]: c for c in json.loads(
        s.h5pay("--json", "status", prefix=[
            "faketime", "-f", f"+{days}d"])[1])["certificates"]}
    t.eq((got["platform"]["alarm"], got["platform"]["days"] in (19, 20)),
         (True, True), "twenty days before its end")
    # Beside a public key nothing depends on them.
    s.configure(v3.conf("both"))
    t.no("platform" in s.h5pay("--json", "status")[1], "beside a public key")

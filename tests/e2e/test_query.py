"""query: the buyer asks what became of the order (interface section 3)."""

import json
import threading
import time
import urllib.parse

import h5
from case import table, test


def ready(t, fee=100, site=None):
    site = site or t.site
    order = t.id()
    token = site.ready(order, fee)
    return order, {"order": order, "t": token}


def asked(t, order):
    return len(t.gateway.calls("orderquery", order))


JSON = {"Accept": "application/json"}


@test("POST query asks WeChat once and leads to the result")
def _(t):
    order, q = ready(t)
    to = t.redirect(t.site.post("query", q))
    t.eq(to, f"{t.site.base_url}/query?" + urllib.parse.urlencode(q),
         "Location")
    t.eq(asked(t, order), 1, "orderquery calls")
    r = t.site.get("query", q)
    t.page(r, 200, "result", "awaiting")
    t.eq(asked(t, order), 1, "orderquery calls after the GET")


@test("the result of an unpaid order has the time of the check and buttons")
def _(t):
    order, q = ready(t)
    t.redirect(t.site.post("query", q))
    r = t.site.get("query", q)
    t.page(r, 200, "result", "awaiting")
    t.matches(r.visible, r"\d\d:\d\d:\d\d", "time of the check")
    t.ok(r.has_form("query", **q), "a button that asks again")
    t.ok(r.has_form("checkout", again="1", **q), "a button that pays again")


@table("the buttons of a result say what fits {0}", [
    ("nobody asked yet", None, ["已完成支付", "支付遇到问题，重新支付"]),
    ("NOTPAY", "NOTPAY", ["已完成支付，再查一次", "支付遇到问题，重新支付"]),
    ("PAYERROR", "PAYERROR", ["支付遇到问题，重新支付",
                              "已完成支付，再查一次"]),
])
def _(t, _name, trade_state, want):
    order, q = ready(t)
    if trade_state:
        t.gateway.set_state(order, trade_state)
        t.redirect(t.site.post("query", q))
    r = t.site.get("query", q)
    t.page(r, 200, "result", "awaiting")
    t.eq([f.text.strip() for f in r.forms[:2]], want, "buttons")


@test("GET query asks nothing, however often")
def _(t):
    order, q = ready(t)
    t.gateway.pay(order)
    for _ in range(3):
        t.page(t.site.get("query", q), 200, "result", "awaiting")
    t.eq(asked(t, order), 0, "orderquery calls")


@test("the result of a paid order shows amount, number and time, no buttons")
def _(t):
    order, q = ready(t, 12345)
    tx = h5.transaction_id()
    t.success(t.site.notify(h5.notice(order, 12345, tx)))
    r = t.site.get("query", q)
    t.page(r, 200, "result", "paid")
    t.contains(r.visible, "123.45", "amount")
    t.contains(r.visible, order, "order")
    t.contains(r.visible, tx, "transaction")
    t.contains(r.visible, "2026-11-23 16:40:12", "WeChat's time, Beijing")
    t.eq([f for f in r.forms if (f.method or "").lower() == "post"], [],
         "buttons")


@test("inside orders.query_interval_s a second POST asks nothing")
def _(t):
    s = t.own_site({"orders.query_interval_s": "3600"})
    order, q = ready(t, site=s)
    t.redirect(s.post("query", q))
    t.gateway.pay(order)
    t.redirect(s.post("query", q))
    t.eq(asked(t, order), 1, "orderquery calls")
    t.page(s.get("query", q), 200, "result", "awaiting")


@test("after orders.query_interval_s WeChat is asked again")
def _(t):
    s = t.own_site({"orders.query_interval_s": "3"})
    order, q = ready(t, site=s)
    t.redirect(s.post("query", q))
    t.gateway.pay(order)
    t.redirect(s.post("query", q, prefix=["faketime", "-f", "+4s"]))
    t.eq(asked(t, order), 2, "orderquery calls")
    t.page(s.get("query", q), 200, "result", "paid")


@test("32 buyers' clicks at once are one orderquery")
def _(t):
    s = t.own_web({"orders.query_interval_s": "60"})
    order, q = ready(t, site=s)
    t.gateway.fault("orderquery", "delay", order=order, ms=200)
    for r in h5.together(32, lambda i: s.post("query", q)):
        t.redirect(r)
    t.eq(asked(t, order), 1, "orderquery calls")


@test("a paid order is not asked about again")
def _(t):
    order, q = ready(t, 5)
    t.success(t.site.notify(h5.notice(order, 5)))
    t.redirect(t.site.post("query", q))
    t.eq(asked(t, order), 0, "orderquery calls")


@test("POST query that wants JSON gets the order's state")
def _(t):
    order, q = ready(t, 250)
    r = t.site.post("query", q, headers=JSON)
    t.eq(r.status, 200, "status")
    t.matches(r.header("Content-Type"), r"^application/json", "type")
    t.contains(r.header("Cache-Control"), "no-store", "cache")
    got = r.json
    t.eq(list(got), ["order", "state", "total_fee", "out_trade_no",
                     "transaction_id", "paid_at", "checked_at"], "keys")
    t.eq((got["order"], got["state"], got["total_fee"], got["out_trade_no"],
          got["transaction_id"], got["paid_at"]),
         (order, "awaiting", 250, order, None, None), "values")
    t.matches(got["checked_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$",
              "checked_at")


@test("the JSON of a paid order has its transaction and time")
def _(t):
    order, q = ready(t, 250)
    t.gateway.pay(order)
    got = t.site.post("query", q, headers=JSON).json
    t.eq((got["state"], got["out_trade_no"]), ("paid", order), "values")
    t.eq(got["transaction_id"], t.gateway.order(order)["transaction_id"],
         "transaction_id")
    t.matches(got["paid_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$",
              "paid_at")


@test("an unreachable gateway shows the stored state and says so")
def _(t):
    s = t.own_site()
    order, q = ready(t, site=s)
    s.configure({"gateway.url": "http://127.0.0.1:9",
                 "gateway.deadline_ms": "1000"})
    plain = s.get("query", q)
    reply = s.post("query", q)
    if reply.status == 303:
        reply = s.get("query",
                      urllib.parse.urlsplit(reply.header("Location")).query)
        t.no(reply.visible == plain.visible, "no word about it")
    t.page(reply, 200, "result", "awaiting")
    t.ok(reply.has_form("query", **q), "a button that asks again")


@test("JSON while the gateway is unreachable is 502 with the stored state")
def _(t):
    s = t.own_site()
    order, q = ready(t, site=s)
    s.configure({"gateway.url": "http://127.0.0.1:9",
                 "gateway.deadline_ms": "1000"})
    # The second is too early to ask again, and knows no more than the first.
    for _ in range(2):
        r = s.post("query", q, headers=JSON)
        t.eq(r.status, 502, "status")
        t.matches(r.header("Content-Type"), r"^application/json", "type")
        t.eq((r.json["state"], r.json["order"]), ("awaiting", order),
             "values")


@table("orderquery: {0} changes nothing", [
    "cut-before", "half", "half-no-length", "empty", "html", "http-status",
    "redirect", "unsigned", "wrong-sign", "empty-sign", "md5-sign",
    "other-mch-id", "other-appid", "other-order", "doctype", "duplicate",
    "two-lengths", "gzip", "systemerror"])
def _(t, kind):
    s = t.own_site({"gateway.timeout_ms": "1500",
                    "gateway.deadline_ms": "3000"})
    order, q = ready(t, 5, site=s)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", kind, order=order)
    r = s.post("query", q, headers=JSON)
    t.eq(r.status, 502, "status")
    t.eq(r.json["state"], "awaiting", "state")
    o = s.show(order)
    t.eq((o["state"], o["paid_at"], o["alerts"]), ("awaiting", None, []),
         "the order")


@test("an unsigned FAIL from orderquery changes nothing")
def _(t):
    s = t.own_site({"gateway.deadline_ms": "2000"})
    order, q = ready(t, 5, site=s)
    t.gateway.fault("orderquery", "return-fail", order=order,
                    value="签名错误，请检查后再试")
    r = s.post("query", q, headers=JSON)
    t.eq(r.status, 502, "status")
    t.eq(s.show(order)["state"], "awaiting", "state")


@table("trade_state {0} leaves the order {1}", [
    ("NOTPAY", "awaiting"), ("USERPAYING", "awaiting"),
    ("PAYERROR", "awaiting"), ("ACCEPT", "awaiting"),
    ("CLOSED", "closed"), ("REVOKED", "closed"), ("SUCCESS", "paid"),
])
def _(t, trade_state, state):
    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.gateway.set_state(order, trade_state)
    t.redirect(s.post("query", q))
    t.page(s.get("query", q), 200, "result", state)
    t.eq(s.show(order)["state"], state, "state")


@test("trade_state REFUND is a payment too")
def _(t):
    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.gateway.pay(order)
    t.gateway.set_state(order, "REFUND")
    t.redirect(s.post("query", q))
    state = s.show(order)["state"]
    t.ok(state in ("paid", "refunding", "partly-refunded", "refunded"),
         f"state {state}")


@test("NOTPAY after a payment was recorded does not undo it")
def _(t):
    s = t.own_site({"orders.query_interval_s": "1"})
    order, q = ready(t, 5, site=s)
    t.success(s.notify(h5.notice(order, 5)))
    code, out, err = s.h5pay("query", order)
    t.eq(code, 0, f"h5pay query: {out} {err}")
    t.eq(s.show(order)["state"], "paid", "state")


@test("NOTPAY that was on its way while the notice came does not undo it")
def _(t):
    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.gateway.fault("orderquery", "delay-answer", order=order, ms=3000)
    replies = []
    slow = threading.Thread(target=lambda: replies.append(s.post("query", q)))
    slow.start()
    t.gateway.wait("calls", api="orderquery", out_trade_no=order, n=1)
    t.success(s.notify(h5.notice(order, 5)))
    slow.join()
    t.redirect(replies[0])
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", []), "the order")
    t.page(s.get("query", q), 200, "result", "paid")


@test("a query that reports another amount is disputed, not paid")
def _(t):
    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", "wrong-amount", order=order)
    t.redirect(s.post("query", q))
    o = s.show(order)
    t.eq(o["state"], "awaiting", "state")
    t.eq(o["alerts"], ["disputed"], "alerts")
    r = s.get("query", q)
    t.page(r, 200, "result")
    t.contains((r.alert or "").split(), "disputed", "data-alert")


@test("a query that reports another currency is disputed, not paid")
def _(t):
    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", "fee-type", order=order)
    t.redirect(s.post("query", q))
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("awaiting", ["disputed"]), "the order")


@test("a payment with coupons is paid")
def _(t):
    s = t.own_site()
    order, q = ready(t, 500, site=s)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", "coupons", order=order)
    t.redirect(s.post("query", q))
    t.eq(s.show(order)["state"], "paid", "state")


@test("elements nobody documented do not disturb a query")
def _(t):
    s = t.own_site()
    order, q = ready(t, 500, site=s)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", "set-field", order=order,
                    name="unheard_of", value="新字段")
    t.redirect(s.post("query", q))
    t.eq(s.show(order)["state"], "paid", "state")


@test("an order WeChat does not know yet is not closed by that")
def _(t):
    s = t.own_site()
    order = t.id()
    t.gateway.fault("unifiedorder", "cut-before", order=order)
    r = s.order(order)
    t.page(r, 502, "gateway-error")
    token = next(f.get("t") for f in r.forms if f.get("t"))
    q = {"order": order, "t": token}
    reply = s.post("query", q)
    t.ok(reply.status in (200, 303), f"{reply}")
    t.eq(s.show(order)["state"], "created", "state")


@test("an order whose record is broken is our fault: 500, and no other state")
def _(t):
    from test_command import ledger

    s = t.own_site()
    order, q = ready(t, 5, site=s)
    path = ledger(s, order)
    path.write_bytes(path.read_bytes().replace(b'"total_fee":5',
                                               b'"total_fee":4', 1))
    for r in (s.get("query", q), s.get("return-page", q), s.post("query", q),
              s.post("checkout", dict(q, again="1"))):
        t.page(r, 500, "error")
    t.eq(len(t.gateway.calls(order=order)), 1, "calls at the gateway")
    t.ok(any(x.startswith("alert") for x in s.log()), "an alert in the log")


@test("every event has the name that the interface gives it")
def _(t):
    s = t.own_site({"orders.query_interval_s": "1"})
    a, q = ready(t, 5, site=s)
    s.post("query", q)
    t.refused(s.notify(h5.notice(a, 4)))
    t.success(s.notify(h5.notice(a, 5)))
    t.eq([e["event"] for e in s.show(a)["events"]],
         ["created", "prepaid", "queried", "alert", "paid"], "events")
    b, _ = ready(t, 5, site=s)
    s.h5pay("close", b)
    t.contains([e["event"] for e in s.show(b)["events"]], "closed", "events")


@table("{0} query is not allowed", ["PUT", "DELETE", "PATCH"])
def _(t, method):
    r = t.site.cgi("query", method, "order=abcdefg&t=x")
    t.page(r, 405, "not-allowed")
    allow = {m.strip() for m in r.header("Allow").split(",")}
    t.eq(allow, {"GET", "HEAD", "POST"}, "Allow")


@test("query takes a body of 16 KiB, one more byte is too large")
def _(t):
    start = b"order=abcdefg&t=x&x="
    at = start + b"y" * (16384 - len(start))
    t.page(t.site.post("query", at), 404, "not-found")
    t.page(t.site.post("query", at + b"y"), 413, "too-large")


@table("POST query with {0} answers {2} {3}", [
    ("a wrong token", {"t": "A" * 43}, 404, "not-found"),
    ("no token", {"t": None}, 404, "not-found"),
    ("another order", {"order": "somebody-elses"}, 404, "not-found"),
    ("a field of another page", {"item": "tea"}, 400, "bad-request"),
])
def _(t, name, change, status, page):
    order, q = ready(t)
    q.update(change)
    q = {n: v for n, v in q.items() if v is not None}
    t.page(t.site.post("query", q), status, page)
    t.eq(asked(t, order), 0, "orderquery calls")


@test("a body shorter than CONTENT_LENGTH asks nothing")
def _(t):
    order, q = ready(t)
    body = urllib.parse.urlencode(q).encode()
    r = t.site.post("query", body, stdin=body[:-1])
    t.page(r, 400, "bad-request")
    t.eq(asked(t, order), 0, "orderquery calls")


@test("the language of the page stays over the redirect")
def _(t):
    order, q = ready(t)
    r = t.site.get("return-page", dict(q, lang="en"))
    form = r.form("query")
    reply = t.site.cgi("query", "POST",
                       urllib.parse.urlsplit(form.action).query, form.fields)
    to = t.redirect(reply)
    got = t.site.get("query", urllib.parse.urlsplit(to).query)
    t.eq(got.dom.lang, "en", "language")


def problem(t, r, status, name):
    t.eq(r.status, status, f"status, {r.body!r}")
    t.eq(r.header("Content-Type"), "application/problem+json", "type")
    t.eq(r.header("Cache-Control"), "no-store", "Cache-Control")
    p = r.json
    t.eq((p["type"], p["status"]), (f"urn:h5pay:{name}", status), "problem")
    for member in ("title", "detail", "request"):
        t.ok(p.get(member), f"{member} of {p}")
        t.lacks(p[member], "<", member)
    t.matches(p["request"], r"^[0-9a-f]{16}$", "request")
    return p


REFUSED = [
    ("query", "POST", "", b"order=shop-1001&t=x", {}, 404, "not-found"),
    ("query", "GET", "order=shop-1001", None, {}, 404, "not-found"),
    ("query", "POST", "", b"order=a&order=b", {}, 400, "bad-request"),
    ("query", "POST", "", b"x" * 16385, {}, 413, "too-large"),
    ("query", "PUT", "", b"", {}, 405, "not-allowed"),
    ("return-page", "GET", "t=x", None, {}, 404, "not-found"),
    ("return-page", "GET", "t=%zz", None, {}, 400, "bad-request"),
    ("return-page", "POST", "", b"", {}, 405, "not-allowed"),
    ("checkout", "GET", "item=coffee", None, {}, 404, "not-found"),
    ("checkout", "GET", "order=shop-1001&total_fee=1&body=x&sig=0", None, {},
     403, "bad-link"),
    ("checkout", "POST", "", b"item=tea",
     {"Origin": "https://evil.example"}, 403, "bad-origin"),
    ("checkout", "GET", "item=tea&qty=9", None, {}, 400, "bad-request"),
]


@table("{0} {1} that wants JSON is told of {6} as a problem", REFUSED)
def _(t, program, method, query, body, headers, status, name):
    r = t.site.cgi(program, method, query, body, headers={**JSON, **headers})
    p = problem(t, r, status, name)
    if status == 405:
        t.ok(r.header("Allow"), "Allow")
    for accept in ("text/html,*/*", "application/json;q=0, text/html"):
        r = t.site.cgi(program, method, query, body,
                       headers={"Accept": accept, **headers})
        t.page(r, status, name)
        if p["request"] in r.text:
            t.fail("two requests of one id")


@test("a problem speaks the language that was asked for")
def _(t):
    r = t.site.get("query", "lang=en", headers=JSON)
    t.eq(problem(t, r, 404, "not-found")["title"], "Order not found", "title")
    r = t.site.get("query", "lang=zh-CN", headers=JSON)
    t.matches(problem(t, r, 404, "not-found")["title"], "[\u4e00-\u9fff]",
              "title")


@test("an amount that will not do is a problem that says why")
def _(t):
    f = t.site.get("checkout", "item=gift").form("checkout")
    r = t.site.post("checkout", f.with_(yuan="0.01"), headers={
        **JSON, "Accept-Language": "en"})
    p = problem(t, r, 400, "bad-amount")
    t.contains(p["detail"], "too low", "detail")


@test("GET query that wants JSON gets the stored state and asks nothing")
def _(t):
    order, q = ready(t, 77)
    t.gateway.pay(order)
    r = t.site.get("query", q, headers=JSON)
    t.eq(r.status, 200, "status")
    t.eq((r.json["order"], r.json["state"], r.json["total_fee"]),
         (order, "awaiting", 77), "the order")
    t.eq(asked(t, order), 0, "orderquery calls")
    post = t.site.post("query", q, headers=JSON).json
    get = t.site.get("query", q, headers=JSON).json
    t.eq(get, post, "what GET and POST say")
    t.eq(get["state"], "paid", "state")
    r = t.site.cgi("query", "HEAD", h5.urllib.parse.urlencode(q),
                   headers=JSON)
    t.eq((r.status, r.body), (200, b""), "HEAD")

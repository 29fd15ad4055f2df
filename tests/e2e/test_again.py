"""Paying again, attempts, closing (interface section 5)."""

import time

import h5
from case import table, test


def ready(t, site, fee=5):
    order = t.id()
    token = site.ready(order, fee)
    return order, {"order": order, "t": token}


def again(site, q, **kw):
    return site.post("checkout", dict(q, again="1"), **kw)


def calls(t, order, api=None, gateway=None):
    """(api, out_trade_no) of every call about an order, in order."""
    return [
        (c["api"], c["out_trade_no"])
        for c in (gateway or t.gateway).calls(api)
        if c["out_trade_no"] in (order, order + "_2", order + "_3")
    ]


def attempts(site, order):
    return [(a["out_trade_no"], a["state"])
            for a in site.show(order)["attempts"]]


def patient(t, **conf):
    """A site whose query interval has always passed."""
    return t.own_site({"orders.query_interval_s": "1", **{
        k.replace("__", "."): v for k, v in conf.items()}})


LATER = ["faketime", "-f", "+5s"]
STALE = ["faketime", "-f", "+5m"]


@test("pay again asks first, then uses the same number")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    to = t.redirect(again(s, q, prefix=STALE))
    t.eq(calls(t, order), [("unifiedorder", order), ("orderquery", order),
                           ("unifiedorder", order)], "calls")
    t.ok(to.startswith(t.gateway.mweb_url(order)), "the fresh mweb_url")
    t.eq(attempts(s, order), [(order, "awaiting")], "attempts")
    one, two = t.gateway.calls("unifiedorder", order)
    changed = {n for n in one["fields"]
               if one["fields"][n] != two["fields"].get(n)}
    t.ok(changed <= {"nonce_str", "sign"}, f"fields that differ: {changed}")


@test("A7: inside the interval pay again hands a young mweb_url out again")
def _(t):
    s = t.own_site({"orders.query_interval_s": "60"})
    order, q = ready(t, s)
    first = t.redirect(again(s, q, prefix=LATER))
    before = calls(t, order)
    for _ in range(5):
        to = t.redirect(again(s, q, prefix=LATER))
        t.eq(to, first, "the same way to the cashier")
    t.eq(calls(t, order), before, "calls")
    t.redirect(again(s, q, env={"REMOTE_ADDR": "203.0.113.9"}, prefix=LATER))
    t.eq(calls(t, order)[len(before):], [("unifiedorder", order)],
         "at another address")
    t.redirect(again(s, q, prefix=["faketime", "-f", "+70s"]))
    t.eq(len(calls(t, order)), len(before) + 3, "after the interval")


@test("A7: pay again from two addresses in turn is told when to come back")
def _(t):
    s = t.own_site()
    order, q = ready(t, s)
    for i in range(64):
        r = again(s, q, env={"REMOTE_ADDR": f"203.0.113.{8 + i % 2}"})
        if r.status == 429:
            break
        t.redirect(r)
    t.page(r, 429, "too-many")
    t.ok(1 <= int(r.header("Retry-After")) <= 6, "Retry-After")
    t.ok(r.has_form("checkout", **q), "a button that tries the order again")
    # Each is a line of the ledger; the last press may have made two.
    t.ok(len(calls(t, order)) in (32, 33), "calls before it")
    t.ok(s.show(order)["state"] == "awaiting", "it can still be paid")


@test("pay again sends the stored parameters with the present address")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    t.redirect(again(s, q, prefix=STALE, env={"REMOTE_ADDR": "203.0.113.9"}))
    one, two = t.gateway.calls("unifiedorder", order)
    t.eq(two["fields"]["spbill_create_ip"], "203.0.113.9", "the address")
    for name in ("body", "total_fee", "time_start", "time_expire",
                 "notify_url", "scene_info", "trade_type"):
        t.eq(two["fields"][name], one["fields"][name], name)


@test("pay again inside the query interval skips the query for the same number")
def _(t):
    s = t.own_site({"orders.query_interval_s": "3600"})
    order, q = ready(t, s)
    t.redirect(s.post("query", q))
    t.redirect(again(s, q, prefix=STALE))
    t.eq(len(calls(t, order, "orderquery")), 1, "orderquery calls")


@test("pay again finds that it was paid, and shows it")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    t.gateway.pay(order)
    r = again(s, q, prefix=LATER)
    t.page(r, 200, "result", "paid")
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")
    t.eq(s.show(order)["state"], "paid", "state")


def refuse_reuse(t, order, **how):
    """WeChat answers 201 to the next unifiedorder of this number."""
    t.gateway.fault("unifiedorder", "result-fail", order=order, count=1,
                    name="INVALID_REQUEST", value="201 商户订单号重复", **how)


@test("201 leads to a fresh query, a confirmed close, and the next number")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    refuse_reuse(t, order)
    to = t.redirect(again(s, q, prefix=STALE))
    got = calls(t, order)
    t.eq(got[-1], ("unifiedorder", order + "_2"), "the last call")
    names = [c for c in got if c[1] == order]
    close = names.index(("closeorder", order))
    t.ok(("orderquery", order) in names[:close], f"a query before it: {got}")
    t.eq(attempts(s, order), [(order, "closed"), (order + "_2", "awaiting")],
         "attempts")
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.ok(to.startswith(t.gateway.mweb_url(order + "_2")), "the new mweb_url")
    t.eq(h5.return_params(to), q, "the return page is the order's")


@test("inside the query interval a new number still takes a fresh query")
def _(t):
    s = t.own_site({"orders.query_interval_s": "3600"})
    order, q = ready(t, s)
    t.redirect(s.post("query", q))
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=STALE))
    got = calls(t, order)
    t.ok(got.count(("orderquery", order)) >= 2, f"calls {got}")
    t.eq(attempts(s, order)[-1], (order + "_2", "awaiting"), "attempts")


@test("ORDERCLOSED leads to the next number without a close")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    t.gateway.fault("unifiedorder", "result-fail", order=order, count=1,
                    name="ORDERCLOSED", value="订单已关闭")
    t.redirect(again(s, q, prefix=STALE))
    t.eq(attempts(s, order), [(order, "closed"), (order + "_2", "awaiting")],
         "attempts")


@test("the third attempt is _3")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=STALE))
    refuse_reuse(t, order + "_2")
    t.redirect(again(s, q, prefix=["faketime", "-f", "+11m"]))
    t.eq(attempts(s, order), [(order, "closed"), (order + "_2", "closed"),
                              (order + "_3", "awaiting")], "attempts")


@test("a payment of the second attempt pays the order")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=STALE))
    t.success(s.notify(h5.notice(order + "_2", 5)))
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", []), "the order")
    t.eq(attempts(s, order), [(order, "closed"), (order + "_2", "paid")],
         "attempts")
    t.page(s.get("query", q), 200, "result", "paid")


@test("a query pays the order through its second attempt")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=STALE))
    t.gateway.pay(order + "_2")
    t.redirect(s.post("query", q, prefix=["faketime", "-f", "+10m"]))
    t.eq(s.show(order)["state"], "paid", "state")
    got = s.post("query", q, headers={"Accept": "application/json"}).json
    t.eq(got["out_trade_no"], order + "_2", "out_trade_no in JSON")


@test("when both attempts are paid the order is overpaid")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=STALE))
    first = h5.transaction_id()
    t.success(s.notify(h5.notice(order + "_2", 5, first)))
    t.success(s.notify(h5.notice(order, 5)))
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", ["overpaid"]), "the order")
    t.eq(o["transaction_id"], first, "the first transaction stays")
    r = s.get("query", q)
    t.page(r, 200, "result", "paid")
    t.contains((r.alert or "").split(), "overpaid", "data-alert")


@test("while WeChat will not close, no second number, and the page says until "
      "when")
def _(t):
    g = t.own_gateway()
    g.option(refuse_early_close=1)
    s = t.own_site({"orders.query_interval_s": "1"}, gateway=g)
    order = t.id()
    q = {"order": order, "t": s.ready(order, 5)}
    g.fault("unifiedorder", "result-fail", order=order,
            name="INVALID_REQUEST", value="201 商户订单号重复")
    # At another address, so that the young mweb_url is of no use.
    r = again(s, q, env={"REMOTE_ADDR": "203.0.113.9"}, prefix=LATER)
    t.page(r, 200, "result", "awaiting")
    t.matches(r.visible, r"\d\d:\d\d", "until when")
    t.eq([a["out_trade_no"] for a in s.show(order)["attempts"]], [order],
         "attempts")
    g.clear()
    # Five minutes later it closes.
    g.advance(301)
    g.fault("unifiedorder", "result-fail", order=order,
            name="INVALID_REQUEST", value="201 商户订单号重复")
    t.redirect(again(s, q, prefix=["faketime", "-f", "+302s"]))
    t.eq(attempts(s, order), [(order, "closed"), (order + "_2", "awaiting")],
         "attempts")


@test("ORDERPAID from closeorder runs the paid path, no second number")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    # Paid between the query and the close.
    refuse_reuse(t, order)
    t.gateway.fault("orderquery", "hide-payment", order=order, count=1)
    t.gateway.pay(order)
    r = again(s, q, prefix=STALE)
    t.page(r, 200, "result", "paid")
    t.eq(attempts(s, order), [(order, "paid")], "attempts")


@test("a young number that closeorder does not know makes no second one")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    t.gateway.fault("closeorder", "result-fail", order=order,
                    name="ORDERNOTEXIST")
    refuse_reuse(t, order)
    r = again(s, q, env={"REMOTE_ADDR": "203.0.113.9"}, prefix=LATER)
    t.page(r, 200, "result", "awaiting")
    t.eq([a for a, _ in attempts(s, order)], [order], "attempts")


@test("A4: a number that orderquery knows is not closed by ORDERNOTEXIST, and "
      "no second one is payable beside it")
def _(t):
    s = patient(t)
    order = t.id()
    t.gateway.fault("unifiedorder", "cut-after", order=order)
    r = s.order(order, 5)
    t.page(r, 502, "gateway-error")
    q = {"order": order,
         "t": next(f.get("t") for f in r.forms if f.get("t"))}
    t.gateway.clear(order)
    t.gateway.fault("closeorder", "result-fail", order=order,
                    name="ORDERNOTEXIST")
    refuse_reuse(t, order)
    r = again(s, q, prefix=["faketime", "-f", "+6m"])
    t.page(r, 200, "result", "created")
    t.eq(attempts(s, order), [(order, "awaiting")], "attempts")
    t.eq([c for c in calls(t, order) if c[1] != order], [], "other numbers")
    t.gateway.clear(order)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=["faketime", "-f", "+12m"]))
    t.eq(attempts(s, order), [(order, "closed"), (order + "_2", "awaiting")],
         "a confirmed close lets the next follow")


@test("a close whose outcome is unknown makes no second number")
def _(t):
    s = t.own_site({"orders.query_interval_s": "1",
                    "gateway.deadline_ms": "1500"})
    order, q = ready(t, s)
    refuse_reuse(t, order)
    t.gateway.fault("closeorder", "cut-before", order=order)
    r = again(s, q, prefix=STALE)
    t.no(r.status == 303, f"a 303: {r}")
    t.eq([a for a, _ in attempts(s, order)], [order], "attempts")
    t.gateway.clear(order)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=["faketime", "-f", "+6m"]))
    t.eq(attempts(s, order)[-1], (order + "_2", "awaiting"), "attempts")


@test("pay again while the query fails is a gateway error, nothing ordered")
def _(t):
    s = t.own_site({"orders.query_interval_s": "1",
                    "gateway.deadline_ms": "1500"})
    order, q = ready(t, s)
    t.gateway.fault("orderquery", "wrong-sign", order=order)
    t.page(again(s, q, prefix=STALE), 502, "gateway-error")
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")


@test("8 buyers press pay again at once: one query, one unifiedorder")
def _(t):
    s = t.own_web({"orders.query_interval_s": "60"})
    order, q = ready(t, s)
    t.gateway.fault("orderquery", "delay", order=order, ms=100)
    got = h5.together(8, lambda i: again(s, q))
    t.eq({r.status for r in got}, {303}, "statuses")
    t.ok(len(calls(t, order, "orderquery")) <= 1, "orderquery calls")
    t.ok(len(calls(t, order, "unifiedorder")) <= 2, "unifiedorder calls")


@table("pay again with {0} answers {2} {3}", [
    ("a wrong token", {"t": "A" * 43}, 404, "not-found"),
    ("no token", {"t": None}, 404, "not-found"),
    ("an order that does not exist", {"order": "nobodys-1"}, 404, "not-found"),
    ("again=2", {"again": "2"}, 400, "bad-request"),
    ("a doubled again", {"again": ["1", "1"]}, 400, "bad-request"),
    ("a field of another page", {"item": "tea"}, 400, "bad-request"),
])
def _(t, name, change, status, page):
    import urllib.parse

    order, q = ready(t, t.site)
    f = {n: v for n, v in {**q, "again": "1", **change}.items()
         if v is not None}
    body = urllib.parse.urlencode(f, doseq=True).encode()
    t.page(t.site.post("checkout", body), status, page)
    t.eq(len(calls(t, order)), 1, "calls at the gateway")


@test("pay again from a foreign Origin is refused")
def _(t):
    order, q = ready(t, t.site)
    r = again(t.site, q, headers={"Origin": "https://evil.example"})
    t.page(r, 403, "bad-origin")


@test("pay again inside WeChat says to open a browser")
def _(t):
    order, q = ready(t, t.site)
    r = again(t.site, q, headers={"User-Agent": h5.WECHAT})
    t.page(r, 200, "open-outside")
    t.eq(len(calls(t, order)), 1, "calls at the gateway")


# --- how orders end ---------------------------------------------------------


def expiring(t, **conf):
    """A site whose orders end after six minutes, and its gateway."""
    g = t.own_gateway()
    return t.own_site({"orders.expire_minutes": "6",
                       "orders.query_interval_s": "1", **conf}, gateway=g), g


@test("an order that expired is closed at WeChat first, then asked once more")
def _(t):
    s, g = expiring(t)
    order, q = ready(t, s)
    g.advance(600)
    code, out, err = s.h5pay("sweep", "--order", order,
                             prefix=["faketime", "-f", "+10m"])
    t.eq(code, 0, f"h5pay sweep: {out} {err}")
    t.eq(s.show(order)["state"], "closed", "state")
    got = calls(t, order, gateway=g)
    close = got.index(("closeorder", order))
    t.ok(("orderquery", order) in got[close:], f"asked once more: {got}")
    r = s.get("query", q)
    t.page(r, 200, "result", "closed")
    t.page(again(s, q), 200, "result", "closed")


@test("an expired order that was paid meanwhile is paid")
def _(t):
    s, g = expiring(t)
    order, q = ready(t, s)
    g.advance(600)
    g.pay(order)
    s.h5pay("sweep", "--order", order, prefix=["faketime", "-f", "+10m"])
    t.eq(s.show(order)["state"], "paid", "state")


@table("an order that closeorder calls paid stays open to {0}", [
    ("the sweep", ["sweep", "--order"], ["faketime", "-f", "+10m"]),
    ("the operator", ["close"], []),
])
def _(t, name, verb, prefix):
    s, g = expiring(t)
    order, q = ready(t, s)
    g.advance(600 if prefix else 0)
    # orderquery lags behind the payment.
    g.fault("orderquery", "hide-payment", order=order)
    g.pay(order)
    s.h5pay(*verb, order, prefix=prefix)
    t.eq(s.show(order)["state"], "awaiting", "state")
    g.clear(order)
    s.h5pay(*verb, order, prefix=prefix)
    t.eq(s.show(order)["state"], "paid", "state")
    t.eq(s.show(order)["alerts"], [], "alerts")


@test("an order that expired while WeChat is unreachable stays open")
def _(t):
    s = t.own_site({"orders.expire_minutes": "6",
                    "orders.query_interval_s": "1",
                    "gateway.deadline_ms": "1000"})
    order, q = ready(t, s)
    s.configure({"gateway.url": "http://127.0.0.1:9"})
    s.h5pay("sweep", "--order", order, prefix=["faketime", "-f", "+10m"])
    t.eq(s.show(order)["state"], "awaiting", "state")


@test("the operator's close closes at WeChat, and is final for buyers")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    t.eq(s.h5pay("close", order)[0], 0, "h5pay close")
    t.eq(t.gateway.order(order)["state"], "CLOSED", "state at the gateway")
    t.eq(s.show(order)["state"], "closed", "state")
    t.page(again(s, q), 200, "result", "closed")
    t.page(s.post("checkout", dict(s.get(
        "checkout", s.link(order, 5)).forms[0].fields) if s.get(
            "checkout", s.link(order, 5)).forms else dict(q, again="1")),
        200, "result", "closed")


@test("the end of an attempt that is not the last does not close the order")
def _(t):
    s = patient(t)
    order, q = ready(t, s)
    refuse_reuse(t, order)
    t.redirect(again(s, q, prefix=STALE))
    t.redirect(s.post("query", q, prefix=["faketime", "-f", "+10m"]))
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.gateway.set_state(order + "_2", "CLOSED")
    t.redirect(s.post("query", q, prefix=["faketime", "-f", "+20m"]))
    t.eq(s.show(order)["state"], "closed", "state")

"""Whole walks of a buyer, as a browser makes them: links, forms, redirects,
Referer and Origin, through lighttpd and the cashier."""

import re
import urllib.parse

import h5
from case import table, test


def at_cashier(reply):
    return reply.page == "cashier"


def act(browser, action):
    """Press a button of the cashier."""
    form = next(f for f in browser.reply.forms if f.get("action") == action
                or "action" in dict(f.fields))
    fields = dict(form.fields)
    fields["action"] = action
    return browser._go("POST", urllib.parse.urljoin(browser.url, form.action),
                       urllib.parse.urlencode(fields))


def start(t, w, fee=880):
    """A browser at the cashier of a fresh order."""
    order = t.id()
    b = h5.Browser()
    b.open(f"{w.origin}/cgi-bin/checkout?{w.link(order, fee)}")
    b.submit(b.reply.form("checkout"))
    return order, b


@table("a buyer pays, comes back, asks, and sees the result, by {0}", [
    "FastCGI", "mod_cgi"])
def _(t, how):
    w = t.web if how == "FastCGI" else t.webcgi
    order, b = start(t, w)
    t.eq(b.reply.page, "cashier", f"at the cashier: {b.reply}")
    act(b, "pay")
    t.eq(b.reply.status, 200, "status")
    t.ok(b.reply.page in ("return", "result"), f"came back: {b.reply}")
    if b.reply.page == "return":
        b.submit(b.reply.form("query"))
    t.page(b.reply, 200, "result", "paid")
    t.contains(b.reply.visible, "8.80", "amount")
    t.ok(b.url.startswith(w.origin), "back in the shop")


@test("the Referer at the cashier is our origin, without path or token")
def _(t):
    order, b = start(t, t.web)
    call = t.gateway.calls("cashier")
    mine = [c for c in call if c["headers"].get("referer")]
    t.ok(mine, "a call with a Referer")
    ref = [h["Referer"] for m, u, s, h in b.trail if "checkmweb" in u]
    t.eq(ref, [t.web.origin + "/"], "Referer")


@test("from the handoff page the Referer is our origin, too")
def _(t):
    w = t.own_web({"site.handoff": "page"})
    order, b = start(t, w)
    t.page(b.reply, 200, "handoff")
    a = next(a for a in b.reply.dom.links
             if a["href"].startswith(t.gateway.url))
    b.follow(a["href"], policy=a.get("referrerpolicy"))
    t.eq(b.reply.page, "cashier", "at the cashier")
    t.eq(b.trail[-1][3]["Referer"], w.origin + "/", "Referer")


@test("a buyer cancels, then pays again, then pays")
def _(t):
    w = t.own_web({"orders.query_interval_s": "1"})
    order, b = start(t, w)
    act(b, "cancel")
    t.page(b.reply, 200, "return")
    b.submit(b.reply.form("checkout", again="1"))
    t.eq(b.reply.page, "cashier", f"at the cashier again: {b.reply}")
    act(b, "pay")
    # WeChat was asked a moment ago: only the notice may settle it now.
    t.until("the notice", lambda: w.show(order)["state"] == "paid")
    if b.reply.page == "return":
        b.submit(b.reply.form("query"))
    t.page(b.reply, 200, "result", "paid")
    t.eq(len(w.show(order)["attempts"]), 1, "attempts")


@test("a buyer who comes back too early is told so, and finds it later")
def _(t):
    w = t.own_web({"orders.query_interval_s": "1"})
    order, b = start(t, w)
    back = h5.query_params(b.url)["redirect_url"]
    b.follow(back)
    t.page(b.reply, 200, "return")
    b.submit(b.reply.form("query"))
    t.page(b.reply, 200, "result", "awaiting")
    t.gateway.pay(order)
    import time

    time.sleep(1.1)  # orders.query_interval_s is the thing under test
    b.submit(b.reply.form("query"))
    t.page(b.reply, 200, "result", "paid")


@test("the return page works in a browser that has never seen the shop")
def _(t):
    order, b = start(t, t.web)
    back = h5.query_params(b.url)["redirect_url"]
    other = h5.Browser()
    other.open(back)
    t.page(other.reply, 200, "return")


@test("reloading a result asks nothing")
def _(t):
    order, b = start(t, t.web)
    back = h5.query_params(b.url)["redirect_url"]
    b.follow(back)
    b.submit(b.reply.form("query"))
    before = len(t.gateway.calls("orderquery", order))
    for _ in range(3):
        b.open(b.url)
        t.page(b.reply, 200, "result", "awaiting")
    t.eq(len(t.gateway.calls("orderquery", order)), before, "orderquery calls")


CAUSES = ["network", "format", "unconfigured", "expired", "in-wechat",
          "account", "bad-params"]


@table("after the cashier's error {0} the help list leads on", CAUSES)
def _(t, error):
    w = t.own_web({"orders.query_interval_s": "1"})
    order = t.id()
    b = h5.Browser()
    t.gateway.fault("cashier", "show-error", order=order, name=error)
    b.open(f"{w.origin}/cgi-bin/checkout?{w.link(order, 5)}")
    b.submit(b.reply.form("checkout"))
    t.eq(b.reply.page, "cashier-error", "the cashier")
    back = h5.query_params(b.url)["redirect_url"]
    t.gateway.clear(order)
    b.follow(back)
    t.page(b.reply, 200, "return")
    for form in list(b.reply.forms):
        c = h5.Browser()
        c.open(back)
        c.submit(next(f for f in c.reply.forms if f.fields == form.fields
                      and f.action == form.action))
        t.ok(c.reply.page in ("cashier", "handoff", "result", "return"),
             f"{form} leads to {c.reply}")


@test("a buyer's own amount goes the whole way")
def _(t):
    w = t.web
    b = h5.Browser()
    b.open(f"{w.origin}/cgi-bin/checkout?item=gift")
    b.submit(b.reply.form("checkout"), yuan="66.60")
    t.eq(b.reply.page, "cashier", f"{b.reply}")
    act(b, "pay")
    if b.reply.page == "return":
        b.submit(b.reply.form("query"))
    t.page(b.reply, 200, "result", "paid")
    t.contains(b.reply.visible, "66.60", "amount")


@test("Back and the button again is the same order")
def _(t):
    w = t.web
    b = h5.Browser()
    b.open(f"{w.origin}/cgi-bin/checkout?item=tea")
    page, form = b.url, b.reply.form("checkout")
    first = b.submit(form)
    one = h5.return_params(b.url)["order"]
    b.url = page
    b.submit(form)
    t.eq(h5.return_params(b.url)["order"], one, "order")
    t.ok(first is not None, "a first visit")

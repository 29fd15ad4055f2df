"""What buyers and shops met on the ways to pay, on the server's side; the rest
is walked in a browser (tests/browser)."""

import json
import pathlib
import tempfile

import h5
from case import table, test
from test_hooks import Book
from test_ways import (DESKTOP, attribute, authorize, bridge, go, pay, scan,
                       shop, ua)

JSON = {"Accept": "application/json"}


def late(text):
    return ["faketime", "-f", text]


@test("Q08 a payment at minute 100 of a code is found while it is watched")
def _(t):
    s = shop(t)
    if h5.sanitized(s.command):
        t.skip("libfaketime and the sanitizer do not get on")
    order, page = scan(t, s)
    look = attribute(page, "look").split("?", 1)[1]
    t.gateway.pay(order)
    r = s.get("query", look, headers=JSON, prefix=late("+100m"))
    t.eq(json.loads(r.text)["state"], "awaiting", "the look itself")
    t.until("the sweep beside it", lambda: s.show(order)["state"] == "paid")
    t.eq(len(t.gateway.calls("orderquery", order)), 1, "questions")


@test("Q17 a code that nobody watches is paid, and the sweep finds it")
def _(t):
    book = t.mine(Book(pathlib.Path(tempfile.mkdtemp(prefix="h5-hook-"))))
    s = shop(t)
    s.configure({"hooks.exec": book.program})
    order, page = scan(t, s)
    t.gateway.pay(order)
    code, out, err = s.h5pay("sweep", prefix=late("+3m"))
    t.eq((code, err), (0, ""), "sweep")
    t.eq(s.show(order)["state"], "paid", "state")
    t.until("the hook", lambda: book.events("order.paid", order))
    r = s.get("checkout", s.link(order, 5), headers=ua(DESKTOP))
    t.page(r, 200, "result", "paid")


@table("Q20 inside WeChat {0} is paid without any cookie", ["a signed link",
                                                           "an item"])
def _(t, what):
    s = shop(t, gateway=t.own_gateway())
    agent = ua(h5.WECHAT)
    link = s.link(t.id(), 1) if what == "a signed link" else "item=tea"
    # No request sends what an answer may have set.
    form = s.get("checkout", link, headers=agent).form("checkout")
    r = s.post("checkout", form.fields, headers=agent)
    order = dict(form.fields)["order"]
    back = authorize(t, s, t.redirect(r))
    page = go(t, s, s.get("checkout", back, headers=agent), h5.WECHAT)
    t.page(page, 200, "jsapi", "awaiting")
    t.eq(len(s.gateway.calls("access_token")), 1, "exchanges")
    t.eq(s.gateway.calls("unifiedorder")[0]["out_trade_no"], order, "prepaid")


@test("Q28 a callback of another account's shop is refused there")
def _(t):
    a = shop(t, gateway=t.own_gateway())
    b = shop(t, gateway=t.own_gateway())
    b.write("site.secret", "another shop's secret of more than 32 bytes\n")
    b.configure({"merchant.appid": "wx9999999999999999"})
    order, r = pay(t, a, h5.WECHAT)
    back = authorize(t, a, t.redirect(r))
    # The other shop may even have an order of the same number.
    pay(t, b, h5.WECHAT, order)
    t.eq(b.get("checkout", back, headers=ua(h5.WECHAT)).status, 404, "status")
    for g in (a.gateway, b.gateway):
        t.eq(g.calls("access_token"), [], "exchanges")
        t.eq(g.calls("unifiedorder"), [], "prepays")
    page = go(t, a, a.get("checkout", back, headers=ua(h5.WECHAT)), h5.WECHAT)
    t.eq(bridge(page)["appId"], h5.APPID, "appId at home")


def q95(t):
    """A shop, the form of its item's page, kept at an edge."""
    s = t.own_site()
    return s, dict(s.get("checkout", "item=tea").form("checkout").fields)


@test("Q95 a page that was kept for all is no shared order of two cookies")
def _(t):
    s, form = q95(t)
    cookies = []
    for _ in range(2):
        r = s.get("checkout", "item=tea")
        cookies.append(r.header("Set-Cookie").split(";")[0])
    ids = []
    for cookie in cookies:
        r = s.post("checkout", form, headers={"Cookie": cookie})
        if r.status != 303:
            t.page(r, 409, "confirm")
            r = s.post("checkout", dict(r.form("checkout").fields),
                       headers={"Cookie": cookie})
        ids.append(h5.return_params(t.redirect(r))["order"])
    t.eq(len(set(ids)), 2, f"orders: {ids}")


@test("Q05: one code for two orders is told, and one order's own code is not")
def _(t):
    w = t.own_gateway()
    w.control("option", same_code=1)
    s = t.own_site({"merchant.products": "native"}, gateway=w)
    desk = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"}
    first, second = t.id(), t.id()

    def told():
        return [x for x in s.log() if x.startswith("alert same-code ")]

    for _n in range(2):
        s.order(first, 5, headers=desk)
        t.eq(told(), [], "one order")
    s.order(second, 5, headers=desk)
    t.eq(len(told()), 1, "two orders")
    t.contains(told()[0], f"order={second}", "which")
    t.contains(told()[0], "a test gateway?", "why")
    # Half a file, and one that cannot be written, keep nobody waiting.
    codes = s.store / "codes"
    codes.write_text(codes.read_text()[:20])
    t.eq(s.order(t.id(), 5, headers=desk).status, 303, "half a file")
    codes.unlink()
    codes.mkdir()
    t.eq(s.order(t.id(), 5, headers=desk).status, 303, "no file")

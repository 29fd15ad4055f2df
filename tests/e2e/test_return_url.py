"""return_url: where the shop shows an order that is settled (interface 3)."""

import time
import urllib.parse

import h5
from case import table, test

SHOP = "https://shop.example/account/{order}?from=pay"


def shop(t, **more):
    conf = {"site.shop_url": "https://shop.example/",
            "site.allowed_origins": "https://m.shop.example",
            "site.return_origins": "https://app.example:8443"}
    conf.update(more)
    return t.own_site(conf)


def settled(t, s, order, url, how):
    token = s.ready(order, 7, return_url=url)
    q = {"order": order, "t": token}
    if how == "paid":
        t.success(s.notify(h5.notice(order, 7)))
    elif how == "closed":
        code, out, err = s.h5pay("close", order)
        t.eq(code, 0, f"close, {out!r} {err!r}")
    return q


def buttons(reply):
    """Addresses of the page's buttons, in order."""
    import re

    return re.findall(r'<a class="btn[^"]*" href="([^"]*)"', reply.text)


@table("the first button of a {0} order on {1} leads to return_url", [
    ("paid", "return-page"), ("paid", "query"),
    ("closed", "return-page"), ("closed", "query")])
def _(t, how, program):
    s = shop(t)
    order = t.id()
    q = settled(t, s, order, SHOP, how)
    r = s.get(program, q)
    t.page(r, 200, "result", how)
    want = f"https://shop.example/account/{order}?from=pay"
    t.eq(buttons(r)[0], want, "the first button")
    t.contains(r.visible, "查看订单", "its words")
    t.contains(s.get(program, {**q, "lang": "en"}).visible,
               "View your order", "its words")
    t.eq(s.show(order)["return_url"], want, "show --json")


@test("an order that is not settled has no button to return_url")
def _(t):
    s = shop(t)
    order = t.id()
    token = s.ready(order, 7, return_url=SHOP)
    for program in ("return-page", "query"):
        r = s.get(program, {"order": order, "t": token})
        t.lacks(r.text, "account", "the page")


@table("a signed link may return to {0}", [
    "https://shop.example/", "https://shop.example",
    "https://m.shop.example/o/{order}/{order}", "https://app.example:8443/x?y=z",
    "https://Shop.Example:443/a", "http://127.0.0.1/x",
    "https://shop.example/" + "x" * 491])
def _(t, url):
    s = shop(t)
    order = t.id()
    r = s.get("checkout", s.link(order, 5, return_url=url))
    t.page(r, 200, "confirm")
    t.redirect(s.post("checkout", r.form("checkout").fields))
    t.eq(s.show(order)["return_url"], url.replace("{order}", order), "stored")


BAD = [
    ("another origin", "https://evil.example/"),
    ("another scheme", "http://shop.example/"),
    ("another port", "https://shop.example:8443/"),
    ("a name that begins alike", "https://shop.example.evil/"),
    ("a user part", "https://shop.example@evil.example/"),
    ("a user part of its own", "https://evil@shop.example/"),
    ("a backslash", "https://shop.example\\@evil.example/"),
    ("a blank", "https://shop.example/a b"),
    ("a control byte", "https://shop.example/a\x01b"),
    ("Chinese", "https://shop.example/茶"),
    ("a fragment", "https://shop.example/#a"),
    ("a script", "javascript:alert(1)"),
    ("no scheme", "//shop.example/x"),
    ("a path alone", "/account"),
    ("the id in its host", "https://{order}.example/"),
    ("the id in its port", "https://shop.example:{order}/"),
    ("other braces", "https://shop.example/{id}"),
    ("513 bytes", "https://shop.example/" + "x" * 492),
    ("ids that make it too long", "https://shop.example/" + "{order}" * 60),
]


@table("return_url with {0} is a bad request, signed or for an item", BAD)
def _(t, name, url):
    s = shop(t)
    order = t.id("longer-name-of-an-order")
    t.page(s.get("checkout", s.link(order, 5, return_url=url)), 400,
           "bad-request")
    q = urllib.parse.urlencode({"item": "tea", "return_url": url})
    t.page(s.get("checkout", q), 400, "bad-request")


@test("return_url is a term: added, changed or left out it is another order")
def _(t):
    s = shop(t)
    order = t.id()
    add = "&return_url=" + urllib.parse.quote(SHOP, safe="")
    t.page(s.get("checkout", s.link(order, 5) + add), 403, "bad-link")
    t.page(s.get("checkout", s.link(order, 5, return_url=SHOP) + add), 400,
           "bad-request")
    s.ready(order, 5, return_url=SHOP)
    for more in ({}, {"return_url": "https://shop.example/other"}):
        r = s.get("checkout", s.link(order, 5, **more))
        t.page(r, 409, "conflict")
    r = s.get("checkout", s.link(order, 5, return_url=SHOP))
    t.page(r, 200, "confirm")
    form = r.form("checkout")
    t.page(s.post("checkout", form.with_(return_url="https://shop.example/x")),
           403, "bad-link")


@test("an item's form keeps its return_url, and no other")
def _(t):
    s = shop(t)
    q = urllib.parse.urlencode({"item": "tea", "return_url": SHOP})
    form = s.get("checkout", q).form("checkout")
    t.page(s.post("checkout", form.with_(
        return_url="https://shop.example/x")), 403, "bad-link")
    bare = [(n, v) for n, v in form.fields if n != "return_url"]
    t.page(s.post("checkout", bare), 403, "bad-link")
    order = h5.return_params(
        t.redirect(s.post("checkout", form.fields)))["order"]
    t.eq(s.show(order)["return_url"], SHOP.replace("{order}", order), "stored")


@test("an empty return_url is none, and signed over")
def _(t):
    s = shop(t)
    order = t.id()
    r = s.get("checkout", s.link(order, 5, return_url=""))
    t.page(r, 200, "confirm")
    t.redirect(s.post("checkout", r.form("checkout").fields))
    t.no(s.show(order).get("return_url"), "a return_url")


@test("h5pay link signs --return-url, and refuses what checkout would")
def _(t):
    s = shop(t)
    order = t.id()
    args = ("link", "--order", order, "--total-fee", "5", "--body", "x",
            "--return-url")
    code, out, err = s.h5pay(*args, SHOP)
    t.eq(code, 0, f"status, {err!r}")
    url = out.decode() if isinstance(out, bytes) else out
    t.page(s.get("checkout", url.strip().split("?")[1]), 200, "confirm")
    code, out, err = s.h5pay(*args, "https://evil.example/")
    t.eq(code, 65, f"status, {err!r}")
    t.contains(err, "return_origins", "what to do")


@test("the store's format is raised by its first new order")
def _(t):
    s = shop(t)
    s.get("checkout", s.link(t.id(), 5, return_url=SHOP))
    t.no((s.store / "format").exists(), "a format before there is an order")
    s.ready(t.id(), 5)
    t.contains((s.store / "format").read_text(), "h5pay store 2", "format")


@test("A8: a link's expires bounds its order, down to what WeChat takes")
def _(t):
    s = t.site
    for ahead, least, most in ((3, 355, 365), (1800, 1795, 1800),
                               (90000, 7195, 7205)):
        order = t.id()
        now = int(time.time())
        s.ready(order, 5, expires=now + ahead)
        f = t.gateway.calls("unifiedorder", order)[0]["fields"]
        begin, end = (time.mktime(time.strptime(f[n], "%Y%m%d%H%M%S"))
                      for n in ("time_start", "time_expire"))
        t.ok(least <= end - begin <= most, f"{ahead} s ahead: {end - begin} s")

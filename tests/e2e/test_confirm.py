"""GET checkout: pay links and the confirmation page (interface section 3)."""

import os
import time
import urllib.parse

import h5
import pagecheck
from case import table, test


def tree(site):
    """Every file of the store and its bytes."""
    out = {}
    for top, _, files in os.walk(site.store):
        for f in files:
            path = os.path.join(top, f)
            with open(path, "rb") as fh:
                out[path] = fh.read()
    return out


@test("an item link shows title, amount, shop and one form back to checkout")
def _(t):
    r = t.site.get("checkout", "item=tea")
    t.page(r, 200, "confirm")
    t.contains(r.visible, "龙井茶 100 克", "title")
    t.contains(r.visible, "0.01", "amount")
    t.contains(r.visible, "测试商店", "shop")
    t.contains(r.visible, "021-5555 0100", "contact")
    t.contains(r.visible, "客服微信号： <tea>_shop", "contact_wechat")
    forms = [f for f in r.forms if (f.method or "").lower() == "post"]
    t.eq(len(forms), 1, "forms that post")
    path = urllib.parse.urlsplit(forms[0].action).path
    t.ok(path.endswith("checkout"), f"the form goes to checkout, not {path}")
    t.eq(forms[0].visible, set(), "fields the buyer fills in")
    t.ok(forms[0].fields, "hidden fields")


@test("a confirmation page allows its form to go on to the cashier")
def _(t):
    r = t.site.get("checkout", "item=tea")
    pagecheck.check_page(t, r, cashier=t.site.conf["gateway.cashier"])


@test("an item link multiplies by its quantity")
def _(t):
    r = t.site.get("checkout", "item=tea&qty=5")
    t.page(r, 200, "confirm")
    t.contains(r.visible, "0.05", "amount")


@test("an item whose title has markup in it shows it as text")
def _(t):
    r = t.site.get("checkout", "item=cup")
    t.page(r, 200, "confirm")
    t.contains(r.visible, "Cup & saucer <blue>", "title")
    t.contains(r.visible, "128.00", "amount")


@test("an item where the buyer names the amount asks for it in yuan")
def _(t):
    r = t.site.get("checkout", "item=gift")
    t.page(r, 200, "confirm")
    t.eq(r.form("checkout").visible, {"yuan"}, "visible fields")


@test("an item link with an amount shows that amount")
def _(t):
    r = t.site.get("checkout", "item=gift&amount=2500")
    t.page(r, 200, "confirm")
    t.contains(r.visible, "25.00", "amount")
    t.no("yuan" in r.form("checkout").visible, "a field for the amount")


@test("a signed link shows its title, amount and order")
def _(t):
    order = t.id()
    r = t.site.get("checkout", t.site.link(order, 12800, "红茶 <大>"))
    t.page(r, 200, "confirm")
    t.contains(r.visible, "红茶 <大>", "title")
    t.contains(r.visible, "128.00", "amount")
    t.contains(r.visible, order, "order")


@test("a signed link may carry an attach, an expiry and a language")
def _(t):
    q = t.site.link(t.id(), 100, "tea", attach="seat 7",
                    expires=int(time.time()) + 600) + "&lang=en"
    r = t.site.get("checkout", q)
    t.page(r, 200, "confirm")
    t.eq(r.dom.lang, "en", "language")


@test("an empty attach is none")
def _(t):
    order = t.id()
    t.redirect(t.site.order(order, 5, attach=""))
    t.eq(t.site.show(order)["attach"], None, "attach")
    t.page(t.site.get("checkout", t.site.link(order, 5)), 200, "confirm")


@test("body and attach of 127 bytes of UTF-8 are taken")
def _(t):
    text = "茶" * 42 + "x"
    t.eq(len(text.encode()), 127, "bytes")
    q = t.site.link(t.id(), 100, text, attach=text)
    t.page(t.site.get("checkout", q), 200, "confirm")


@test("GET checkout writes nothing and asks WeChat nothing")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    s.get("checkout", "item=tea")
    before = tree(s)
    order = t.id()
    t.page(s.get("checkout", "item=tea&qty=2"), 200, "confirm")
    t.page(s.get("checkout", "item=gift"), 200, "confirm")
    t.page(s.get("checkout", s.link(order)), 200, "confirm")
    t.eq(tree(s), before, "files of the store")
    t.eq(s.show(order), None, "the order")
    t.eq(g.calls(), [], "calls at the gateway")


@test("two visits to an item link are two orders")
def _(t):
    a = t.site.get("checkout", "item=tea").form("checkout").fields
    b = t.site.get("checkout", "item=tea").form("checkout").fields
    t.no(a == b, "the same hidden fields twice")


def pairs(*kv):
    return urllib.parse.urlencode(kv)


GOOD = {"order": "shop-1001", "total_fee": "100", "body": "tea"}


def signed(**change):
    """A well-signed link, with these parameters changed (None: left out)."""
    fields = dict(GOOD)
    for n, v in change.items():
        if v is None:
            fields.pop(n, None)
        else:
            fields[n] = v
    return h5.link_query(fields)


@table("checkout answers 400 to an item link with {0}", [
    ("no item at all", ""),
    ("an empty item", "item="),
    ("an item name of 33 bytes", "item=" + "a" * 33),
    ("an item name with a slash", "item=../tea"),
    ("a doubled item", "item=tea&item=cup"),
    ("a doubled qty", "item=tea&qty=1&qty=1"),
    ("a parameter of a signed link", "item=tea&total_fee=1"),
    ("qty 0", "item=tea&qty=0"),
    ("qty above max_qty", "item=tea&qty=6"),
    ("qty above the default max_qty", "item=cup&qty=2"),
    ("a negative qty", "item=tea&qty=-1"),
    ("a qty with a blank", "item=tea&qty=+1"),
    ("a qty with decimals", "item=tea&qty=1.0"),
    ("an empty qty", "item=tea&qty="),
    ("a qty beyond 64 bits", "item=tea&qty=99999999999999999999"),
    ("an amount where the price is fixed", "item=tea&amount=1"),
    ("an amount below min_price", "item=gift&amount=99"),
    ("an amount above max_price", "item=gift&amount=50001"),
    ("an amount that is no number", "item=gift&amount=1e3"),
    ("an empty amount", "item=gift&amount="),
    ("bytes that are not UTF-8", "item=%ff%fe"),
    ("an overlong encoding", "item=%c0%af"),
    ("a surrogate", "item=%ed%a0%80"),
    ("a NUL", "item=tea%00"),
    ("a NUL in an unknown name", "item=tea&%00=1"),
    ("a bad percent escape", "item=te%zz"),
    ("a cut percent escape", "item=tea%2"),
])
def _(t, name, query):
    t.page(t.site.get("checkout", query), 400, "bad-request")


@table("checkout answers 400 to a signed link with {0}", [
    ("no order", signed(order=None)),
    ("no total_fee", signed(total_fee=None)),
    ("no body", signed(body=None)),
    ("an empty body", signed(body="")),
    ("an empty total_fee", signed(total_fee="")),
    ("total_fee 0", signed(total_fee="0")),
    ("a negative total_fee", signed(total_fee="-1")),
    ("a total_fee with decimals", signed(total_fee="1.00")),
    ("a total_fee with a blank", signed(total_fee=" 1")),
    ("a total_fee beyond 64 bits", signed(total_fee="9" * 20)),
    ("an order of 5 bytes", signed(order="abcde")),
    ("an order of 29 bytes", signed(order="a" * 29)),
    ("an order that begins with _", signed(order="_shop-1001")),
    ("an order that begins with -", signed(order="-shop-1001")),
    ("an order with a dot", signed(order="shop.1001")),
    ("an order with a slash", signed(order="../../etc/x")),
    ("an order with a blank", signed(order="shop 1001")),
    ("an order in Chinese", signed(order="订单一二三")),
    ("an order that ends in _2", signed(order="shop-1001_2")),
    ("an order that ends in _12", signed(order="shop-1001_12")),
    ("an order that ends in _123", signed(order="shop-1001_123")),
    ("a body of 128 bytes", signed(body="x" * 128)),
    ("a body of 43 Chinese characters", signed(body="茶" * 43)),
    ("an attach of 128 bytes", signed(attach="x" * 128)),
    ("a line feed in the body", signed(body="tea\nattach=x")),
    ("a control byte in the attach", signed(attach="a\x1fb")),
    ("a DEL in the body", signed(body="a\x7fb")),
    ("an expires that is no number", signed(expires="tomorrow")),
    ("an empty expires", signed(expires="")),
    ("A8: an expires in milliseconds", signed(expires="1796062004000")),
    ("A8: an expires like 20261201123000",
     signed(expires="20261201123000")),
    ("A8: an expires of 2019", signed(expires="1577836799")),
    ("A8: an expires of 2100", signed(expires="4102444801")),
    ("A8: an expires of an hour", signed(expires="3600")),
    ("A8: an expires with decimals", signed(expires="1796062004.5")),
    ("B1: a doubled order beside extras",
     signed() + "&from=a&from=b&order=shop-1001"),
    ("B1: an order doubled by an escape", signed() + "&%6frder=shop-1001"),
    ("B1: a bad escape in an extra", signed() + "&utm_term=%zz"),
    ("a doubled total_fee", signed() + "&total_fee=1"),
    ("a doubled sig", signed() + "&sig=00"),
    ("an item", signed() + "&item=tea"),
    ("a doubled language", signed() + "&lang=en&lang=en"),
    ("bytes that are not UTF-8", signed() + "&attach=%ff"),
])
def _(t, name, query):
    t.page(t.site.get("checkout", query), 400, "bad-request")


@table("an order id may be {0}", [
    ("six characters", "shop-1"),
    ("28 characters", "a" * 28),
    ("digits only", "20261123000101"),
    ("one that ends in _ and four digits", "shop_2026"),
    ("one that ends in a digit", "shop-1001-2"),
    ("one that ends in _", "shop-1001_"),
    ("one that ends in _ and a letter", "shop-1001_2a"),
    ("upper and lower case", "Shop-ABC"),
])
def _(t, name, order):
    r = t.site.get("checkout", signed(order=order))
    t.page(r, 200, "confirm")
    t.contains(r.visible, order, "order")


@table("before the first order GET {0} makes no store", [
    ("checkout", "item=tea", 200), ("checkout", signed(), 200),
    ("return-page", "order=shop-1001&t=x", 404),
    ("query", "order=shop-1001&t=x", 404)])
def _(t, program, query, status):
    s = t.own_site()
    t.eq(s.get(program, query).status, status, "status")
    t.no(s.store.exists(), "a store")
    s.store.mkdir(mode=0o700)
    t.eq(s.get(program, query).status, status, "status")
    t.eq(list(s.store.iterdir()), [], "what lies in the folder")


@table("a signed link with {0} is bad", [
    ("another amount", signed().replace("total_fee=100", "total_fee=1")),
    ("another title", signed().replace("body=tea", "body=tee")),
    ("another order", signed().replace("shop-1001", "shop-1002")),
    ("an attach that was not signed", signed() + "&attach=x"),
    ("an expiry that was not signed", signed() + "&expires=4000000000"),
    ("a signed attach that is gone",
     signed(attach="x").replace("attach=x&", "")),
    ("no sig", signed().split("&sig=")[0]),
    ("an empty sig", signed().split("&sig=")[0] + "&sig="),
    ("half a sig", signed()[:-32]),
    ("a sig that is longer", signed() + "00"),
    ("a sig in upper case",
     signed().split("&sig=")[0] + "&sig=" + signed().split("&sig=")[1].upper()),
    ("a sig of 64 zeros", signed().split("&sig=")[0] + "&sig=" + "0" * 64),
    ("another key's sig", h5.link_query(GOOD, key="k" * 40)),
])
def _(t, name, query):
    r = t.site.get("checkout", query)
    t.page(r, 403, "bad-link")
    t.no(any("total_fee" in dict(f.fields) for f in r.forms), "a pay form")


@test("the sig covers decoded values, sorted by name, without sig and lang")
def _(t):
    # By hand, so that a mistake in link_sig cannot hide one in the suite.
    import hashlib
    import hmac

    text = "attach=50% & more\nbody=茶\norder=shop-1003\ntotal_fee=5"
    sig = hmac.new(h5.LINK_KEY.encode(), text.encode(), hashlib.sha256)
    q = ("total_fee=5&lang=en&order=shop-1003&body=%e8%8c%b6"
         "&attach=50%25+%26%20more&sig=" + sig.hexdigest())
    t.page(t.site.get("checkout", q), 200, "confirm")


@test("a link whose expires passed is gone")
def _(t):
    r = t.site.get("checkout", signed(expires=str(int(time.time()) - 1)))
    t.page(r, 410, "link-expired")
    r = t.site.get("checkout", signed(expires="1577836800"))
    t.page(r, 410, "link-expired")


EXTRAS = [
    ("what WeChat adds to a shared link", "from=singlemessage&isappinstalled=0"),
    ("a campaign, twice", "utm_source=a&utm_source=b&utm_medium=mail"),
    ("a click id", "fbclid=IwAR0-x&gclid=1"),
    ("names of ours in other letters", "ORDER=x&Total_Fee=1&T=1&Item=cup"),
    ("names that look like ours", "order%5B%5D=x&total_fee.x=1&_t=1"),
    ("forty others", "&".join(f"p{i}=1" for i in range(40))),
    ("a name without a value", "nsukey"),
    ("a line feed", "note=a%0Abody%3Dx"),
]


@table("B1: a link with {0} shows and sells what it did without", EXTRAS)
def _(t, name, extra):
    order = t.id()

    def form(query):
        r = t.site.get("checkout", query)
        t.page(r, 200, "confirm")
        fields = dict(r.form("checkout").fields)
        new = ("order", "form") if "item" in fields else ()
        return {k: v for k, v in fields.items() if k not in new}

    for plain in ("item=tea&qty=2", t.site.link(order, 7)):
        t.eq(form(f"{plain}&{extra}"), form(plain), "the form")
        t.eq(form(f"{extra}&{plain}"), form(plain), "the form")
    body = h5.form_body(form(plain)) + b"&" + extra.encode()
    t.redirect(t.site.post("checkout", body, query=extra))
    t.eq(t.site.show(order)["total_fee"], 7, "the order's amount")


@table("B1: the order's pages with {0} are as they were without", EXTRAS)
def _(t, name, extra):
    order = t.id()
    token = t.site.ready(order, 9)
    q = f"order={order}&t={token}"
    t.page(t.site.get("return-page", f"{extra}&{q}"), 200, "return")
    t.page(t.site.get("query", f"{q}&{extra}"), 200, "result")
    t.page(t.site.get("checkout", f"{q}&{extra}&go=1"), 200, "handoff")
    to = t.redirect(t.site.post("query", f"{q}&{extra}".encode(),
                                query=f"lang=en&{extra}"))
    t.eq(h5.query_params(to), {"order": order, "t": token, "lang": "en"},
         "where it leads")
    t.redirect(t.site.post("checkout", f"{q}&again=1&{extra}".encode(),
                           query=extra))
    for program in ("return-page", "query"):
        r = t.site.get(program, f"{q}&{extra}&t={token}")
        t.page(r, 400, "bad-request")


@test("B1: an extra that was signed over is no part of what is signed")
def _(t):
    t.page(t.site.get("checkout", signed(colour="green")), 403, "bad-link")


@test("an expired link of a paid order shows that it is paid")
def _(t):
    order = t.id()
    soon = int(time.time()) + 2
    t.site.ready(order, 5, expires=soon)
    t.success(t.site.notify(h5.notice(order, 5)))
    link = t.site.link(order, 5, expires=soon)
    t.until("the link's end", lambda: time.time() > soon + 0.1)
    t.page(t.site.get("checkout", link), 200, "result")
    other = t.site.link(order, 6, expires=soon)
    t.page(t.site.get("checkout", other), 410, "link-expired")


@test("an expired link with a bad sig is a bad link")
def _(t):
    q = signed(expires="1577836800").replace("total_fee=100", "total_fee=1")
    t.page(t.site.get("checkout", q), 403, "bad-link")


@test("a malformed link with a bad sig is a bad request")
def _(t):
    q = signed().replace("total_fee=100", "total_fee=x")
    t.page(t.site.get("checkout", q), 400, "bad-request")


@test("an item the catalogue does not have is not found")
def _(t):
    t.page(t.site.get("checkout", "item=coffee"), 404, "not-found")


@test("without a catalogue every item is not found")
def _(t):
    s = t.own_site({"catalogue.file": None})
    t.page(s.get("checkout", "item=tea"), 404, "not-found")


@test("without a link key signed links are off")
def _(t):
    s = t.own_site({"site.link_key_file": None})
    r = s.get("checkout", signed())
    t.eq(r.status, 403, "status")
    t.eq(r.page, "bad-link", "page")


@table("inside WeChat GET checkout with {0} says to open a browser", [
    ("an item link", "item=tea"),
    ("a signed link", signed()),
])
def _(t, name, query):
    r = t.site.get("checkout", query, headers={"User-Agent": h5.WECHAT})
    t.page(r, 200, "open-outside")
    t.eq([f for f in r.forms if (f.method or "").lower() == "post"], [],
         "forms that post")


@table("{0} checkout is not allowed", ["PUT", "DELETE", "PATCH", "OPTIONS",
                                       "TRACE", "get", "FOO"])
def _(t, method):
    r = t.site.cgi("checkout", method, "item=tea")
    t.page(r, 405, "not-allowed")
    allow = {m.strip() for m in r.header("Allow").split(",")}
    t.eq(allow, {"GET", "HEAD", "POST"}, "Allow")


@test("HEAD checkout has GET's headers and no body")
def _(t):
    g = t.web.get("checkout", "item=tea")
    h = t.web.request("HEAD", "/cgi-bin/checkout?item=tea")
    t.eq(h.status, 200, "status")
    t.eq(h.body, b"", "body")
    for name in ("Content-Type", "Cache-Control", "Content-Security-Policy",
                 "Referrer-Policy", "X-Content-Type-Options"):
        t.eq(h.header(name), g.header(name), name)
    t.eq(t.site.cgi("checkout", "HEAD", "item=tea").body, b"", "body by CGI")


@test("the method is looked at before the syntax, the syntax before the order")
def _(t):
    t.page(t.site.cgi("checkout", "PUT", "item=%zz"), 405, "not-allowed")
    t.page(t.site.get("checkout", "item=coffee&qty=x"), 400, "bad-request")


@table("the page is in {1} when {0}", [
    ("nothing is said", "zh-CN", "", None),
    ("lang=en", "en", "&lang=en", None),
    ("lang=zh-CN", "zh-CN", "&lang=zh-CN", "en"),
    ("lang=en and a Chinese browser", "en", "&lang=en", "zh-CN"),
    ("Accept-Language is en-GB", "en", "", "en-GB,en;q=0.9"),
    ("Accept-Language is zh-TW", "zh-CN", "", "zh-TW"),
    ("Accept-Language prefers zh by q", "zh-CN", "", "en;q=0.4, zh;q=0.7"),
    ("Accept-Language prefers en by q", "en", "", "zh;q=0.4,en;q=0.7"),
    ("Accept-Language is only French", "zh-CN", "", "fr"),
    ("Accept-Language refuses zh", "en", "", "zh;q=0, en;q=0.1"),
    ("Accept-Language is nonsense", "zh-CN", "", ";;q=,=;,"),
])
def _(t, name, want, query, accept):
    headers = {} if accept is None else {"Accept-Language": accept}
    r = t.site.get("checkout", "item=tea" + query, headers=headers)
    t.page(r, 200, "confirm")
    t.eq(r.dom.lang, want, "language")


@test("site.lang decides when the browser states no preference")
def _(t):
    s = t.own_site({"site.lang": "en"})
    t.eq(s.get("checkout", "item=tea").dom.lang, "en", "language")
    r = s.get("checkout", "item=tea", headers={"Accept-Language": "zh"})
    t.eq(r.dom.lang, "zh-CN", "language")


@test("data-page and data-state do not change with the language")
def _(t):
    s = t.site
    order = t.id()
    token = s.ready(order)
    q = {"order": order, "t": token}
    for lang in ("zh-CN", "en"):
        r = s.get("query", dict(q, lang=lang))
        t.page(r, 200, "result", "awaiting")
        t.eq(r.dom.lang, lang, "language")
        r = s.get("return-page", dict(q, lang=lang))
        t.page(r, 200, "return")
        t.eq(r.dom.lang, lang, "language")


@test("every page offers the other language")
def _(t):
    r = t.site.get("checkout", "item=tea&qty=2")
    hrefs = [a.get("href", "") for a in r.dom.links if "lang=en" in
             a.get("href", "")]
    t.eq(len(hrefs), 1, f"links to English in {r.dom.links}")
    q = urllib.parse.urlsplit(urllib.parse.urljoin(r.url, hrefs[0])).query
    t.contains(q, "item=tea", "the link keeps the item")
    t.contains(q, "qty=2", "the link keeps the quantity")


OTHER = [
    ("www. before it", "https://shop.example/pay", "www.shop.example", True),
    ("www. in capitals and a port", "https://shop.example/pay",
     "WWW.Shop.Example:443", True),
    ("www. taken off", "https://www.shop.example/pay", "shop.example", True),
    ("a dot at the end", "https://shop.example/pay", "www.shop.example.",
     True),
    ("an alias", "https://shop.example/pay", "old.example", True),
    ("base_url's own host", "https://shop.example/pay", "shop.example", False),
    ("base_url's own host and a port", "https://shop.example:8443/pay",
     "shop.example:8443", False),
    ("another host", "https://shop.example/pay", "10.0.0.7", False),
    ("another www. host", "https://shop.example/pay", "www.shop.example.evil",
     False),
    ("www. twice", "https://shop.example/pay", "www.www.shop.example", False),
    ("no host at all", "https://shop.example/pay", "", False),
    ("www. alone", "https://shop.example/pay", "www.", False),
]


def named(t, base):
    return t.own_site({"site.base_url": base, "site.program_suffix": ".cgi",
                       "site.aliases": "old.example m.old.example"})


@table("B4: asked for under {0} the pages lead to base_url or answer", OTHER)
def _(t, name, base, host, moved):
    s = named(t, base)
    query = "item=tea&%6cang=en&x=%2f&y=a+b&&"
    for method in ("GET", "HEAD"):
        r = s.cgi("checkout", method, query, headers={"Host": host})
        if not moved:
            t.eq(r.status, 200, "status")
            continue
        t.eq(r.status, 308, "status")
        t.eq(r.header("Location"), f"{base}/checkout.cgi?{query}&moved=1",
             "Location")
        t.eq(r.header("Cache-Control"), "no-store", "Cache-Control")
        t.eq(r.header("Referrer-Policy"), "strict-origin", "policy")
    for program in ("return-page", "query"):
        r = s.get(program, "", headers={"Host": host})
        t.eq(r.status, 308 if moved else 404, "status")
        if moved:
            t.eq(r.header("Location"), f"{base}/{program}.cgi?moved=1",
                 "Location")


@table("B4: nothing loops: {0} is not sent on", [
    ("what was moved", "GET", "item=tea&moved=1", 200),
    ("moved without a value", "GET", "moved&item=tea", 200),
    ("moved in escapes", "GET", "item=tea&%6doved=1", 200),
    ("moved twice", "GET", "item=tea&moved=1&moved=1", 200),
    ("a malformed query", "GET", "item=tea&x=%zz", 400),
    ("a POST", "POST", "", 400),
])
def _(t, name, method, query, status):
    s = named(t, "https://shop.example/pay")
    r = s.cgi("checkout", method, query, b"" if method == "POST" else None,
              headers={"Host": "www.shop.example"})
    t.eq(r.status, status, "status")
    r = s.cgi("notify", "POST", "", h5.notice(t.id(), 1),
              headers={"Host": "www.shop.example"})
    t.eq(r.status, 200, "notify's status")

"""One browser's orders of an item: the cookie h5c (interface section 3)."""


import h5
import pagecheck
from case import table, test


def cookie_of(reply):
    """The h5c that a reply sets, or None."""
    got = reply.header("Set-Cookie")
    return None if got is None else got.split(";")[0].split("=", 1)[1]


class Jar:
    """One browser: keeps h5c as a browser does."""

    def __init__(self, site, link="item=tea"):
        self.site = site
        self.link = link
        self.cookie = None

    def _keep(self, reply):
        self.cookie = cookie_of(reply) or self.cookie
        return reply

    def _headers(self):
        return {"Cookie": f"h5c={self.cookie}"} if self.cookie else {}

    def get(self, link=None, **kw):
        return self._keep(self.site.get(
            "checkout", link or self.link, headers=self._headers(), **kw))

    def post(self, fields, **kw):
        return self._keep(self.site.post(
            "checkout", fields, headers=self._headers(), **kw))

    def form(self, link=None, **kw):
        return dict(self.get(link, **kw).form("checkout").fields)

    def buy(self, t, link=None, **more):
        """The order that the link's page makes."""
        to = t.redirect(self.post({**self.form(link), **more}))
        return h5.return_params(to)["order"]


def orders(site):
    return [x.split("\t")[0] for x in site.h5pay("list")[1].splitlines()]


@test("A9: Back and reload are the same order while it is unpaid")
def _(t):
    s = t.own_site()
    b = Jar(s)
    first = b.form()
    cookie = b.cookie
    t.eq(b.form(), first, "a reload before there is an order")
    order = b.buy(t)
    t.eq(order, first["order"], "the order")
    for _ in range(3):
        t.eq(b.form(), first, "Back and reload")
        t.eq(b.buy(t), order, "the order")
    t.eq(orders(s), [order], "orders")
    t.eq(len(t.gateway.calls("unifiedorder", order)), 1, "unifiedorder calls")
    t.eq(b.cookie, cookie, "one cookie")


@test("A9: without the cookie, and for somebody else, each GET is an order")
def _(t):
    s = t.own_site()
    ids = [Jar(s).buy(t) for _ in range(3)]
    ids += [dict(s.get("checkout", "item=tea").form("checkout").fields)["order"]
            for _ in range(3)]
    t.eq(len(set(ids)), 6, f"different orders: {ids}")


@table("A9: {0} is an order of its own", [
    ("another quantity", "item=tea", "item=tea&qty=2"),
    ("another item", "item=tea", "item=cup"),
    ("another amount", "item=gift&amount=500", "item=gift&amount=600"),
    ("another return_url", "item=tea",
     "item=tea&return_url=http://127.0.0.1/thanks"),
])
def _(t, name, one, two):
    b = Jar(t.own_site({"site.return_origins": "http://127.0.0.1"}))
    first, second = b.buy(t, one), b.buy(t, two)
    t.no(first == second, "one order for both")
    t.eq((b.buy(t, one), b.buy(t, two)), (first, second), "Back to each")


@table("A9: {0} changes no order", [
    ("a language", "item=tea&lang=en"), ("a campaign", "item=tea&utm_id=3"),
    ("another order of names", "qty=1&item=tea"),
    ("the redirect to base_url", "item=tea&moved=1"),
])
def _(t, name, link):
    b = Jar(t.own_site())
    t.eq(b.buy(t), b.buy(t, link) if "qty" not in link else b.buy(t), name)
    t.eq(len(orders(b.site)), 1, "orders")


@test("A9: another price is another order")
def _(t):
    s = t.own_site()
    b = Jar(s)
    form = b.form()
    s.write("catalogue.ini", h5.CATALOGUE.replace("0.01", "0.02"))
    r = b.post(form)
    t.page(r, 409, "confirm")
    new = dict(r.form("checkout").fields)
    t.no(new["order"] == form["order"], "one order at two prices")
    t.eq(b.form()["order"], new["order"], "the page at the new price")
    order = h5.return_params(t.redirect(b.post(new)))["order"]
    t.eq(s.show(order)["total_fee"], 2, "amount")
    # The page of the old price, restored, makes nothing.
    t.eq(dict(b.post(form).form("checkout").fields)["order"], order, "409")
    t.eq(orders(s), [order], "orders")


@test("A9: after it was paid Back shows so, and a button buys it once more")
def _(t):
    s = t.own_site()
    b = Jar(s)
    old = b.form()
    order = b.buy(t)
    t.success(s.notify(h5.notice(order, 1)))
    for _ in range(2):
        r = b.get()
        t.page(r, 200, "result", "paid")
        t.contains(r.visible, order, "the order that was paid")
        t.contains(r.visible, "再买一次", "the button")
    t.page(b.post(old), 200, "result", "paid")
    second = b.form()
    t.no(second["order"] == order, "the paid order again")
    to = t.redirect(b.post(second))
    t.eq(h5.return_params(to)["order"], second["order"], "the second order")
    # From now on the second is the one that is not paid.
    t.page(b.get(), 200, "confirm")
    t.eq(b.buy(t), second["order"], "Back")
    t.eq(sorted(orders(s)), sorted([order, second["order"]]), "orders")
    t.success(s.notify(h5.notice(second["order"], 1)))
    r = b.get()
    t.page(r, 200, "result", "paid")
    t.contains(r.visible, second["order"], "the newest")
    t.no(b.form()["order"] in (order, second["order"]), "a used order")


@test("A9: a dozen purchases of one browser follow each other")
def _(t):
    s = t.own_site()
    b = Jar(s)
    ids = []
    for _ in range(12):
        ids.append(b.buy(t))
        t.eq(b.buy(t), ids[-1], "Back")
        t.success(s.notify(h5.notice(ids[-1], 1)))
    t.eq(len(set(ids)), 12, "orders")


@test("A9: after it was closed the page sells anew")
def _(t):
    s = t.own_site()
    b = Jar(s)
    form = b.form()
    order = b.buy(t)
    t.eq(s.h5pay("close", order)[0], 0, "h5pay close")
    t.page(b.get(), 200, "confirm")
    t.no(b.buy(t) == order, "the closed order")
    t.page(b.post(form), 200, "result", "closed")


@test("A9: a day after the payment the page sells anew")
def _(t):
    s = t.own_site()
    b = Jar(s)
    order = b.buy(t)
    t.success(s.notify(h5.notice(order, 1)))
    r = b.get(prefix=["faketime", "-f", "+25h"])
    t.page(r, 200, "confirm")


@test("A9: money that does not fit leaves nothing to buy again")
def _(t):
    s = t.own_site()
    b = Jar(s)
    order = b.buy(t)
    t.refused(s.notify(h5.notice(order, 9)))
    r = b.get()
    t.page(r, 200, "result", "awaiting")
    t.eq(r.alert, "disputed", "data-alert")
    t.no([f for f in r.forms if f.get("item")], "a way to buy")


@test("A9: where the buyer names the amount each amount is one order")
def _(t):
    s = t.own_site()
    b = Jar(s, "item=gift")
    ten, twenty = b.buy(t, yuan="10"), b.buy(t, yuan="20")
    t.no(ten == twenty, "one order for two amounts")
    t.eq((b.buy(t, yuan="20.00"), b.buy(t, yuan="10")), (twenty, ten), "Back")
    t.eq({o: s.show(o)["total_fee"] for o in (ten, twenty)},
         {ten: 1000, twenty: 2000}, "amounts")
    t.success(s.notify(h5.notice(ten, 1000)))
    r = b.get()
    t.page(r, 200, "result", "paid")
    t.eq(r.form("checkout", item="gift").visible, {"yuan"}, "asked again")
    t.no(b.buy(t, yuan="10") in (ten, twenty), "a used order")


FORGED = "0" * 32 + "A" * 43


@table("A9: {0} in the cookie is no browser", [
    ("nothing", ""), ("something else", "x"), ("a forged value", FORGED),
    ("a long value", "a" * 75 + "b"), ("much", "a" * 3000),
    ("junk", "\"\\\\,,;;h5c=;=;\x7f"), ("bytes beyond ASCII", "\xff" * 75),
])
def _(t, name, value):
    s = t.own_site()
    seen = set()
    for _ in range(2):
        r = s.get("checkout", "item=tea", headers={"Cookie": f"h5c={value}"})
        t.page(r, 200, "confirm")
        t.no(cookie_of(r) in (None, value), "a new cookie")
        seen.add(dict(r.form("checkout").fields)["order"])
    t.eq(len(seen), 2, "orders")


@test("A9: others' cookies are passed over, however many and long")
def _(t):
    b = Jar(t.own_site())
    order = b.buy(t)
    for more in ("a=b; {}", "{}; z=" + "y" * 8000, "H5C=x; xh5c=1; {};",
                 "a=\"h5c={}\"; {}", "{}; {}"):
        r = b.site.get("checkout", "item=tea", headers={
            "Cookie": more.replace("{}", f"h5c={b.cookie}")})
        t.eq(dict(r.form("checkout").fields)["order"], order, more)


@test("A9: several cookies are one browser together, and nobody's alone")
def _(t):
    s = t.own_site()
    a, b = Jar(s), Jar(s)
    alone = {a.buy(t), b.buy(t)}
    seen = set()
    for pair in ((a, b), (b, a)):
        r = s.get("checkout", "item=tea", headers={
            "Cookie": "; ".join(f"h5c={x.cookie}" for x in pair)})
        t.page(r, 200, "confirm")
        t.eq(cookie_of(r), None, "a cookie")
        seen.add(dict(r.form("checkout").fields)["order"])
    t.eq(len(seen), 1, "in any order")
    t.no(seen & alone, "an order of one of them")
    many = [Jar(s) for _ in range(5)]
    for x in many:
        x.get()
    header = {"Cookie": "; ".join(f"h5c={x.cookie}" for x in many)}
    ids = {dict(s.get("checkout", "item=tea", headers=header).form(
        "checkout").fields)["order"] for _ in range(2)}
    t.eq(len(ids), 2, "too many: each visit is its own")


@test("A9: a new site.secret takes the browser along, without the old it does "
      "not")
def _(t):
    s = t.own_site()
    b = Jar(s)
    order = b.buy(t)
    cookie = b.cookie
    s.write("new.secret", "another secret of at least 32 bytes")
    s.write("old.secret", h5.SECRET)
    s.configure({"site.secret_file": str(s.folder / "new.secret"),
                 "site.secret_previous_file": str(s.folder / "old.secret")})
    t.eq(b.buy(t), order, "with the previous secret")
    t.eq(b.cookie, cookie, "the cookie")
    s.configure({"site.secret_previous_file": None})
    t.no(b.buy(t) == order, "without it")
    t.no(b.cookie == cookie, "the cookie")


@table("A9: under {0} the cookie is of {1}", [
    ("https://shop.example/pay", "Path=/pay; HttpOnly; SameSite=Lax; Secure"),
    ("https://shop.example", "Path=/; HttpOnly; SameSite=Lax; Secure"),
    ("http://127.0.0.1:8080/a/b", "Path=/a/b; HttpOnly; SameSite=Lax"),
    ("https://shop.example/a;b", "Path=/; HttpOnly; SameSite=Lax; Secure"),
])
def _(t, base, want):
    s = t.own_site({"site.base_url": base})
    r = s.get("checkout", "item=tea")
    t.eq(r.status, 200, "status")
    t.ok(pagecheck.COOKIE.fullmatch(r.header("Set-Cookie")), "our cookie")
    t.ok(r.header("Set-Cookie").endswith("; " + want), r.header("Set-Cookie"))


@test("A9: no other page, and no signed link, has anything to do with it")
def _(t):
    s = t.own_site()
    order = t.id()
    token = s.ready(order)
    q = {"order": order, "t": token}
    for r in (s.get("checkout", s.link(order)), s.order(order),
              s.get("return-page", q), s.get("query", q),
              s.get("checkout", {**q, "go": "1"}), s.get("checkout", "item=x"),
              s.get("checkout", "item=tea", headers={"User-Agent": h5.WECHAT}),
              s.post("checkout", {**q, "again": "1"})):
        t.eq(r.header("Set-Cookie"), None, f"a cookie on {r}")
    b = Jar(s)
    t.eq(b.post(b.form()).header("Set-Cookie"), None, "on the way to WeChat")


@test("A9: HEAD has the cookie of GET, and GET writes nothing for it")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    b = Jar(s)
    order = b.buy(t)
    before = (s.show(order), len(g.calls()))
    r = s.cgi("checkout", "HEAD", "item=tea",
              headers={"Cookie": f"h5c={b.cookie}"})
    t.eq(cookie_of(r), b.cookie, "the cookie")
    b.get()
    t.eq((s.show(order), len(g.calls())), before, "the order, and calls")


@test("A9: 64 visits and POSTs at once are one order and one call")
def _(t):
    s = t.own_web()
    b = Jar(s)
    b.get()

    def once(i):
        form = dict(s.get("checkout", "item=tea", headers={
            "Cookie": f"h5c={b.cookie}"}).form("checkout").fields)
        return s.post("checkout", form, headers={
            "Cookie": f"h5c={b.cookie}"})

    ids = {h5.return_params(t.redirect(r))["order"]
           for r in h5.together(64, once)}
    t.eq(len(ids), 1, "orders")
    t.eq(orders(s), list(ids), "orders in the store")
    t.eq(len(t.gateway.calls("unifiedorder", ids.pop())), 1, "unifiedorder")

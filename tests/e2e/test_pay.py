"""POST checkout: from the confirmation page to the cashier."""

import json
import os
import re
import resource
import time
import urllib.parse

import h5
from case import table, test


def confirm(site, query, headers=()):
    """The hidden fields of a link's confirmation page, as a dict."""
    page = site.get("checkout", query, headers=headers)
    assert page.page == "confirm", page
    return dict(page.form("checkout").fields)


def calls(t, order, api=None):
    return t.gateway.calls(api, order)


# --- the good way -----------------------------------------------------------


@table("an order is paid for by {0}", ["plain CGI", "FastCGI", "mod_cgi"])
def _(t, how):
    s = {"plain CGI": t.site, "FastCGI": t.web, "mod_cgi": t.webcgi}[how]
    order = t.id()
    reply = s.order(order, 100)
    t.redirect(reply)
    token = s.token(reply)
    t.page(s.get("return-page", {"order": order, "t": token}), 200, "return")
    t.gateway.pay(order)
    reply = s.post("query", {"order": order, "t": token})
    to = t.redirect(reply)
    t.eq(to, s.base_url + "/query?"
         + urllib.parse.urlencode({"order": order, "t": token}), "Location")
    r = s.get("query", urllib.parse.urlsplit(to).query)
    t.page(r, 200, "result", "paid")
    t.contains(r.visible, "1.00", "amount")
    o = s.show(order)
    t.eq(o["state"], "paid", "state")
    t.eq(o["paid_via"], "query", "paid_via")


@test("the 303 leads to mweb_url, &redirect_url= and the encoded return page")
def _(t):
    order = t.id()
    reply = t.site.order(order)
    to = t.redirect(reply)
    mweb_url = t.gateway.mweb_url(order)
    token = t.site.token(reply)
    back = f"{t.site.base_url}/return-page?order={order}&t={token}"
    t.eq(to, mweb_url + "&redirect_url=" + urllib.parse.quote(back, safe=""),
         "Location")
    t.matches(token, r"^[0-9A-Za-z_-]{22,}$", "token")


@test("tokens of two orders differ, and are no function of the id alone")
def _(t):
    a, b = t.id(), t.id()
    ta, tb = t.site.ready(a), t.site.ready(b)
    t.no(ta == tb, "one token for two orders")
    s = t.own_site({"site.secret_file": None,
                    "site.secret": "another secret of at least 32 bytes"})
    t.no(s.ready(t.id("u")) == ta, "one token under two secrets")
    t.page(s.get("return-page", {"order": a, "t": ta}), 404, "not-found")


@test("unifiedorder carries the order's terms and the buyer's address")
def _(t):
    s = t.own_site(catalogue=None, conf={"catalogue.file": None})
    order = t.id()
    before = time.time()
    fields = confirm(s, s.link(order, 4321, "茶 & <乌龙> \"2\"", attach="座 7"))
    t.redirect(s.post("checkout", fields, env={"REMOTE_ADDR": "203.0.113.7"}))
    (call,) = calls(t, order, "unifiedorder")
    f = call["fields"]
    t.eq(f["appid"], h5.APPID, "appid")
    t.eq(f["mch_id"], h5.MCH_ID, "mch_id")
    t.eq(f["body"], "茶 & <乌龙> \"2\"", "body")
    t.eq(f["attach"], "座 7", "attach")
    t.eq(f["out_trade_no"], order, "out_trade_no")
    t.eq(f["total_fee"], "4321", "total_fee")
    t.eq(f["spbill_create_ip"], "203.0.113.7", "spbill_create_ip")
    t.eq(f["trade_type"], "MWEB", "trade_type")
    t.eq(f["notify_url"], s.base_url + "/notify", "notify_url")
    t.eq(f["sign_type"], "HMAC-SHA256", "sign_type")
    t.eq(len(f["sign"]), 64, "length of sign")
    scene = json.loads(f["scene_info"])["h5_info"]
    t.eq(scene["type"], "Wap", "scene type")
    t.eq(scene["wap_name"], "测试商店", "wap_name")
    t.eq(scene["wap_url"], "http://127.0.0.1", "wap_url")
    expire = time.mktime(time.strptime(f["time_expire"], "%Y%m%d%H%M%S"))
    expire -= 8 * 3600 + time.timezone  # Beijing time, whatever TZ is here
    t.ok(before + 119 * 60 <= expire <= time.time() + 121 * 60,
         f"time_expire is two hours ahead in Beijing: {f['time_expire']}")


@test("orders.expire_minutes sets time_expire")
def _(t):
    s = t.own_site({"orders.expire_minutes": "6"})
    order = t.id()
    t.redirect(s.order(order))
    f = calls(t, order, "unifiedorder")[0]["fields"]
    start = time.strptime(f["time_start"], "%Y%m%d%H%M%S")
    expire = time.strptime(f["time_expire"], "%Y%m%d%H%M%S")
    t.eq(time.mktime(expire) - time.mktime(start), 360.0, "seconds")


@test("with sign_type MD5 the whole flow is signed by MD5")
def _(t):
    s = t.own_site({"merchant.sign_type": "MD5"})
    order = t.id()
    token = s.ready(order)
    f = calls(t, order, "unifiedorder")[0]["fields"]
    t.eq(len(f["sign"]), 32, "length of sign")
    t.gateway.pay(order)
    t.redirect(s.post("query", {"order": order, "t": token}))
    t.eq(s.show(order)["state"], "paid", "state")


@test("program_suffix is in every address the suite hands out")
def _(t):
    s = t.own_site({"site.program_suffix": ".fcgi"})
    order = t.id()
    page = s.get("checkout", s.link(order))
    path = urllib.parse.urlsplit(page.forms[0].action).path
    t.ok(path.endswith("/checkout.fcgi") or path == "checkout.fcgi",
         f"the form's action is {path}")
    reply = s.post("checkout", page.forms[0].fields)
    back = h5.query_params(t.redirect(reply))["redirect_url"]
    t.contains(back, "/return-page.fcgi?", "redirect_url")
    f = calls(t, order, "unifiedorder")[0]["fields"]
    t.eq(f["notify_url"], s.base_url + "/notify.fcgi", "notify_url")


@test("an item's order has the catalogue's title and price")
def _(t):
    fields = confirm(t.site, "item=tea&qty=3")
    to = t.redirect(t.site.post("checkout", fields))
    order = h5.return_params(to)["order"]
    t.matches(order, r"^[0-9A-Za-z][0-9A-Za-z_-]{5,27}$", "order id")
    f = calls(t, order, "unifiedorder")[0]["fields"]
    t.eq((f["body"], f["total_fee"]), ("龙井茶 100 克", "3"), "terms")
    o = t.site.show(order)
    t.eq((o["total_fee"], o["body"]), (3, "龙井茶 100 克"), "stored terms")


@table("the buyer may name {0} yuan", [
    ("1.00", 100), ("1", 100), ("12.5", 1250), ("500.00", 50000),
    ("0012.50", None), ("99.99", 9999),
    # B5: as keyboards type them.
    ("12。5", 1250), ("12,5", 1250), ("12.", 1200), ("¥12.5", 1250),
    ("￥12.50", 1250), ("12.5元", 1250), (" 12.50 ", 1250),
    ("１２．５", 1250), ("　CN¥ 12，50 ", 1250),
    ("RMB 12.5", 1250), ("12元整", 1200), ("９", 900),
    ("12.5	", 1250), ("12,50 CNY", 1250),
])
def _(t, yuan, fen):
    page = t.site.get("checkout", "item=gift")
    form = page.form("checkout")
    reply = t.site.post("checkout", form.with_(yuan=yuan))
    if fen is None:
        t.no(reply.status == 303 and h5.return_params(
            reply.header("Location"))["order"] is None, "an order")
        return
    order = h5.return_params(t.redirect(reply))["order"]
    f = calls(t, order, "unifiedorder")[0]["fields"]
    t.eq(f["total_fee"], str(fen), "total_fee")


@table("the buyer may not name {0} yuan, and learns why", [
    *[(x, "金额过低，") for x in ("0.99", "0", "0.00")],
    *[(x, "金额过高，") for x in (
        "500.01", "1234567890", "999999999.99", "99999999999999")],
    *[(x, "金额格式有误，") for x in (
        "-5", "1.001", "abc", "", "1e2", ".", "007", "1,000", "1 000",
        "$12", "12块5", "12..5", "1,00,0", "1,0.5", "1,500.5,5", "十二", "12.5.", "<\"&'>")],
    ("1,000.50", "金额过高，"), ("1.000,50", "金额过高，"),
    ("1,234,567", "金额过高，"), ("¥0.5元", "金额过低，")])
def _(t, yuan, why):
    s = t.own_site()
    form = s.get("checkout", "item=gift").form("checkout")
    reply = s.post("checkout", form.with_(yuan=yuan))
    t.page(reply, 400, "bad-request")
    t.contains(reply.form("checkout").visible, "yuan", "the field again")
    again = [v for n, v in reply.form("checkout").fields if n == "yuan"]
    t.eq(again, [yuan], "B5: what was typed")
    t.contains(reply.visible, why + "请输入 1.00–500.00 元之间的金额",
               "the reason")
    t.contains(reply.visible, "最多两位小数", "the hint")
    t.eq(s.h5pay("list")[1], "", "orders")


# --- once is enough ---------------------------------------------------------


@test("the same form posted twice is one order and one unifiedorder")
def _(t):
    order = t.id()
    fields = confirm(t.site, t.site.link(order))
    a = t.redirect(t.site.post("checkout", fields))
    b = t.redirect(t.site.post("checkout", fields))
    t.eq(a, b, "the two targets")
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")
    t.eq(len(t.site.show(order)["attempts"]), 1, "attempts")


@test("an item's form posted twice is one order")
def _(t):
    fields = confirm(t.site, "item=cup")
    a = t.redirect(t.site.post("checkout", fields))
    b = t.redirect(t.site.post("checkout", fields))
    t.eq(a, b, "the two targets")
    order = h5.return_params(a)["order"]
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")


@test("the buyer's own amount posted twice is one order")
def _(t):
    form = t.site.get("checkout", "item=gift").form("checkout")
    a = t.redirect(t.site.post("checkout", form.with_(yuan="7.00")))
    b = t.redirect(t.site.post("checkout", form.with_(yuan="7.00")))
    t.eq(a, b, "the two targets")


@table("{0} double clicks at once are one unifiedorder by {1}", [
    (16, "FastCGI"), (8, "plain CGI")])
def _(t, n, how):
    s = t.web if how == "FastCGI" else t.site
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", "delay", order=order, ms=300)
    got = h5.together(n, lambda i: s.post("checkout", fields))
    targets = {t.redirect(r) for r in got}
    t.eq(len(targets), 1, "targets")
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")


@test("a buyer at another address gets a fresh mweb_url for the same number")
def _(t):
    order = t.id()
    fields = confirm(t.site, t.site.link(order))
    a = t.redirect(t.site.post("checkout", fields,
                               env={"REMOTE_ADDR": "203.0.113.7"}))
    b = t.redirect(t.site.post("checkout", fields,
                               env={"REMOTE_ADDR": "203.0.113.8"}))
    t.no(a == b, "the same target")
    got = calls(t, order, "unifiedorder")
    t.eq([c["fields"]["spbill_create_ip"] for c in got],
         ["203.0.113.7", "203.0.113.8"], "addresses")
    t.eq({c["fields"]["out_trade_no"] for c in got}, {order}, "numbers")


@test("a mweb_url older than 4.5 minutes is not handed out again")
def _(t):
    order = t.id()
    fields = confirm(t.site, t.site.link(order))
    a = t.redirect(t.site.post("checkout", fields))
    b = t.redirect(t.site.post("checkout", fields,
                               prefix=["faketime", "-f", "+4m"]))
    t.eq(a, b, "after four minutes")
    c = t.redirect(t.site.post("checkout", fields,
                               prefix=["faketime", "-f", "+280s"]))
    t.no(a == c, "the old one after 280 s")
    one, two = calls(t, order, "unifiedorder")
    changed = {n for n in one["fields"]
               if one["fields"][n] != two["fields"].get(n)}
    t.eq(changed, {"nonce_str", "sign"}, "fields that differ")


# --- what is refused --------------------------------------------------------


@table("POST checkout with {0} makes no order", [
    ("a foreign Origin", {"Origin": "https://evil.example"}, {}, 403,
     "bad-origin"),
    ("its own host as a foreign Origin's prefix",
     {"Origin": "http://127.0.0.1.evil.example"}, {}, 403, "bad-origin"),
    ("another scheme's Origin", {"Origin": "https://127.0.0.1"}, {}, 403,
     "bad-origin"),
    ("another port's Origin", {"Origin": "http://127.0.0.1:81"}, {}, 403,
     "bad-origin"),
    ("a foreign Origin and a doubled field",
     {"Origin": "https://evil.example"}, {"+": "order=x"}, 400,
     "bad-request"),
    # What it does not know decides nothing, and excuses nothing either.
    ("a foreign Origin and an unknown field",
     {"Origin": "https://evil.example"}, {"colour": "green"}, 403,
     "bad-origin"),
    ("a foreign Origin and a bad sig", {"Origin": "https://evil.example"},
     {"sig": "0" * 64}, 403, "bad-origin"),
    ("a doubled field", {}, {"+": "order=x"}, 400, "bad-request"),
    ("another amount", {}, {"total_fee": "1"}, 403, None),
    ("another title", {}, {"body": "tee"}, 403, None),
])
def _(t, name, headers, change, status, page):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order, 100, "tea"))
    more = change.get("+")
    fields.update({n: v for n, v in change.items() if n != "+"})
    body = urllib.parse.urlencode(fields) + (f"&{more}" if more else "")
    r = s.post("checkout", body.encode(), headers=headers)
    t.page(r, status, page or r.page)
    t.eq(s.show(order), None, "the order")
    t.eq(calls(t, order), [], "calls at the gateway")


def spoil_token(fields):
    """The hidden fields with one character of the token changed."""
    name = max(fields, key=lambda n: len(fields[n]))
    last = fields[name][-2]
    return {name: fields[name][:-2] + ("A" if last != "A" else "B")
            + fields[name][-1]}


@table("an item's form whose {0} was changed makes no order", [
    ("quantity", 3, lambda f: {"qty": "1"}),
    # Of a cup one is sold at a time: with three it would be malformed.
    ("item", 1, lambda f: {"item": "cup"}),
    ("order id", 3, lambda f: {"order": f["order"][:-1] + (
        "0" if f["order"][-1] != "0" else "1")}),
    ("amount", 3, lambda f: {"total_fee": "1"}),
    ("hidden token", 3, spoil_token),
])
def _(t, name, qty, change):
    s = t.own_site()
    fields = confirm(s, f"item=tea&qty={qty}")
    fields.update(change(fields))
    r = s.post("checkout", fields)
    # Not 409: what was not shown is not a price that changed.
    t.page(r, 403, "bad-link")
    t.eq(s.h5pay("list")[1], "", "orders")


@test("one form's hidden token does not fit another form")
def _(t):
    s = t.own_site()
    one, two = confirm(s, "item=tea"), confirm(s, "item=tea")
    token = max(one, key=lambda n: len(one[n]))
    r = s.post("checkout", {**two, token: one[token]})
    t.eq(r.status, 403, "status")
    t.eq(s.h5pay("list")[1], "", "orders")


@table("POST checkout passes with {0} and a good hidden token", [
    ("no Origin", {}),
    ("Origin null", {"Origin": "null"}),
    ("our own Origin", {"Origin": "http://127.0.0.1"}),
])
def _(t, name, headers):
    fields = confirm(t.site, t.site.link(t.id()))
    t.redirect(t.site.post("checkout", fields, headers=headers))


def link_fields(site, order, total_fee=100, body="tea"):
    """A signed link's own fields, as a shop's page posts them."""
    return dict(urllib.parse.parse_qsl(site.link(order, total_fee, body)))


@test("a pay link's own fields pass with an allowed Origin")
def _(t):
    s = t.own_site({"site.allowed_origins":
                    "https://shop.example https://m.shop.example"})
    for origin in ("https://shop.example", "https://m.shop.example",
                   "http://127.0.0.1"):
        order = t.id()
        r = s.post("checkout", link_fields(s, order),
                   headers={"Origin": origin})
        t.redirect(r)
        t.eq(s.show(order)["state"], "awaiting", "state")
    r = s.post("checkout", {"item": "tea"},
               headers={"Origin": "https://shop.example"})
    t.redirect(r)


@table("a pay link's own fields do not pass with {0}", [
    ("no Origin", {}, 403),
    ("Origin null", {"Origin": "null"}, 403),
    ("a foreign Origin", {"Origin": "https://evil.example"}, 403),
])
def _(t, name, headers, status):
    order = t.id()
    r = t.site.post("checkout", link_fields(t.site, order), headers=headers)
    t.eq(r.status, status, "status")
    t.eq(t.site.show(order), None, "the order")
    r = t.site.post("checkout", {"item": "tea"}, headers=headers)
    t.eq(r.status, status, "status for an item")


@test("a form that does not say what it is is a form")
def _(t):
    fields = confirm(t.site, t.site.link(t.id()))
    t.redirect(t.site.post("checkout", fields, env={"CONTENT_TYPE": None}))
    r = t.site.post("checkout", fields,
                    headers={"Content-Type": "multipart/form-data"})
    t.page(r, 400, "bad-request")


@table("POST checkout with {0} is a bad request", [
    ("nothing", b""),
    ("half an escape", b"item=te%2"),
    ("invalid UTF-8", b"item=%ff"),
    ("a NUL", b"item=tea%00"),
    ("a raw NUL byte", b"item=tea\0"),
    ("33 parameters", "&".join(f"p{i}=1" for i in range(33)).encode()),
])
def _(t, name, body):
    r = t.site.post("checkout", body, headers={"Origin": "http://127.0.0.1"})
    t.page(r, 400, "bad-request")


@test("a body shorter than CONTENT_LENGTH is a bad request")
def _(t):
    fields = confirm(t.site, t.site.link(t.id()))
    body = urllib.parse.urlencode(fields).encode()
    r = t.site.post("checkout", body, stdin=body[:-5])
    t.page(r, 400, "bad-request")


@table("POST checkout with CONTENT_LENGTH {0!r} is a bad request", [
    "-1", "0x10", "5abc", "18446744073709551616", "+5", " 5", "1 0"])
def _(t, length):
    r = t.site.post("checkout", b"item=tea", env={"CONTENT_LENGTH": length})
    t.ok(r.status in (400, 413), f"status {r.status}")
    t.ok(r.page in ("bad-request", "too-large"), f"page {r.page}")


@test("a body of 16 KiB is read, one more byte is too large")
def _(t):
    # Read to its end: the last bytes are what is wrong with it.
    start, end = b"item=tea&x=", b"&qty=x"
    at = start + b"y" * (16384 - len(start) - len(end)) + end
    t.page(t.site.post("checkout", at), 400, "bad-request")
    t.page(t.site.post("checkout", at + b"y"), 413, "too-large")
    t.page(t.web.post("checkout", at + b"y"), 413, "too-large")
    t.page(t.webcgi.post("checkout", at + b"y"), 413, "too-large")


@test("inside WeChat a POST makes no order and asks nothing")
def _(t):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order))
    r = s.post("checkout", fields, headers={"User-Agent": h5.WECHAT})
    t.page(r, 200, "open-outside")
    t.eq(s.show(order), None, "the order")
    t.eq(calls(t, order), [], "calls at the gateway")


@test("a price that changed since is a 409 with the new price, which works")
def _(t):
    s = t.own_site()
    fields = confirm(s, "item=tea&qty=2")
    s.write("catalogue.ini", h5.CATALOGUE.replace("price = 0.01",
                                                  "price = 0.03"))
    r = s.post("checkout", fields)
    t.page(r, 409, "confirm")
    t.contains(r.visible, "0.06", "the new amount")
    t.eq(s.h5pay("list")[1], "", "orders")
    to = t.redirect(s.post("checkout", r.form("checkout").fields))
    order = h5.return_params(to)["order"]
    t.eq(s.show(order)["total_fee"], 6, "total_fee")


@table("a price that {0} since is a 409 with the new price", [
    ("fell", "0.07", 14),
    ("fell by a fen", "0.09", 18),
    ("rose by a fen", "0.11", 22),
])
def _(t, _, price, fen):
    s = t.own_site()
    s.write("catalogue.ini", h5.CATALOGUE.replace("price = 0.01",
                                                  "price = 0.10"))
    fields = confirm(s, "item=tea&qty=2")
    s.write("catalogue.ini", h5.CATALOGUE.replace("price = 0.01",
                                                  f"price = {price}"))
    r = s.post("checkout", fields)
    t.page(r, 409, "confirm")
    t.contains(r.visible, f"0.{fen}", "the new amount")
    t.eq(s.h5pay("list")[1], "", "orders")
    to = t.redirect(s.post("checkout", r.form("checkout").fields))
    t.eq(s.show(h5.return_params(to)["order"])["total_fee"], fen, "total_fee")


@test("a form that was ordered is that order still when the price changes")
def _(t):
    s = t.own_site()
    fields = confirm(s, "item=tea&qty=2")
    to = t.redirect(s.post("checkout", fields))
    order = h5.return_params(to)["order"]
    s.write("catalogue.ini", h5.CATALOGUE.replace("price = 0.01",
                                                  "price = 0.03"))
    t.redirect(s.post("checkout", fields))
    t.eq(len(calls(t, order)), 1, "calls at the gateway")
    r = s.post("checkout", fields, headers={"User-Agent": h5.WECHAT})
    t.page(r, 200, "open-outside")
    t.ok(s.notify(h5.notice(order, 2)).body == h5.SUCCESS, "the notice")
    t.page(s.post("checkout", fields), 200, "result", "paid")
    t.eq(len(s.h5pay("list")[1].splitlines()), 1, "orders")


@test("a form that was ordered is that order still when the title changes")
def _(t):
    s = t.own_site()
    fields = confirm(s, "item=cup")
    order = h5.return_params(t.redirect(s.post("checkout", fields)))["order"]
    s.write("catalogue.ini", h5.CATALOGUE.replace("Cup & saucer", "Mug"))
    t.redirect(s.post("checkout", fields))
    t.eq(len(calls(t, order)), 1, "calls at the gateway")
    t.contains(s.show(order)["body"], "Cup", "the title")


@test("an item that is no longer sold is not found")
def _(t):
    s = t.own_site()
    fields = confirm(s, "item=tea")
    s.write("catalogue.ini", h5.CATALOGUE.replace("[tea]", "[coffee]"))
    t.page(s.post("checkout", fields), 404, "not-found")


@table("the same order id with {0} is a conflict", [
    ("another amount", {"total_fee": 2}),
    ("another title", {"body": "tee"}),
    ("another attach", {"attach": "y"}),
])
def _(t, name, change):
    s = t.site
    order = t.id()
    terms = {"total_fee": 1, "body": "tea", "attach": "x"}
    fields = confirm(s, s.link(order, **terms))
    other = confirm(s, s.link(order, **{**terms, **change}))
    t.redirect(s.post("checkout", fields))
    t.page(s.post("checkout", other), 409, "conflict")
    o = s.show(order)
    t.eq((o["total_fee"], o["body"], o["attach"]), (1, "tea", "x"), "terms")
    r = s.get("checkout", s.link(order, **{**terms, **change}))
    t.page(r, 409, "conflict")
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")


@test("two shops' terms for one id at once: one wins, the other conflicts")
def _(t):
    s = t.web
    order = t.id()
    fields = [confirm(s, s.link(order, 1 + i, "tea")) for i in range(8)]
    got = h5.together(8, lambda i: s.post("checkout", fields[i]))
    t.eq(sorted(r.status for r in got), [303] + [409] * 7, "statuses")


# --- nothing to pay any more ------------------------------------------------


def settle(t, site, order, how):
    token = site.ready(order, 5)
    if how == "closed":
        t.eq(site.h5pay("close", order)[0], 0, "h5pay close")
    else:
        t.success(site.notify(h5.notice(order, 5)))
    return token


@table("a {0} order's link shows the result and asks WeChat nothing", [
    "paid", "closed"])
def _(t, how):
    s = t.site
    order = t.id()
    link = s.link(order, 5)
    fields = confirm(s, link)
    token = settle(t, s, order, how)
    before = len(calls(t, order))
    t.page(s.get("checkout", link), 200, "result", how)
    t.page(s.post("checkout", fields), 200, "result", how)
    again = {"order": order, "t": token, "again": "1"}
    t.page(s.post("checkout", again), 200, "result", how)
    t.eq(len(calls(t, order)), before, "calls at the gateway")


@table("an order that is {0} cannot be paid again", ["disputed", "overpaid"])
def _(t, alert):
    s = t.own_site({"orders.query_interval_s": "1"})
    order = t.id()
    link = s.link(order, 5)
    fields = confirm(s, link)
    token = s.ready(order, 5)
    if alert == "disputed":
        t.refused(s.notify(h5.notice(order, 4)))
    else:
        # Two attempts that were both paid.
        t.gateway.fault("unifiedorder", "result-fail", order=order, count=1,
                        name="INVALID_REQUEST", value="201 商户订单号重复")
        t.redirect(s.post("checkout", {"order": order, "t": token,
                                       "again": "1"}))
        t.success(s.notify(h5.notice(order + "_2", 5)))
        t.success(s.notify(h5.notice(order, 5)))
    before = len(calls(t, order))
    for r in (s.get("checkout", link), s.post("checkout", fields),
              s.post("checkout", {"order": order, "t": token, "again": "1"})):
        t.page(r, 200, "result")
        t.contains((r.alert or "").split(), alert, "data-alert")
        t.no([f for f in r.forms if f.get("again")], "a way to pay again")
    t.eq(len(calls(t, order)), before, "calls at the gateway")


# --- when WeChat is not well ------------------------------------------------

BROKEN = [
    "cut-before", "cut-after", "half", "half-no-length", "huge", "empty",
    "html", "http-status", "redirect", "unsigned", "wrong-sign",
    "empty-sign", "md5-sign", "other-mch-id", "other-appid", "doctype",
    "duplicate", "no-mweb-url", "foreign-mweb-url", "crlf-mweb-url",
    "two-lengths", "gzip", "continue-flood", "header-bomb",
    "systemerror", "systemerror-after",
]


@table("unifiedorder: {0} is a gateway error, and the button tries again",
       BROKEN)
def _(t, kind):
    s = t.own_site({"gateway.timeout_ms": "1500",
                    "gateway.deadline_ms": "4000"})
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", kind, order=order)
    r = s.post("checkout", fields)
    t.page(r, 502, "gateway-error")
    t.eq(r.header("Location"), None, "Location")
    t.eq(r.header("Set-Cookie"), None, "Set-Cookie")
    t.eq(s.show(order)["state"], "created", "state: the order was kept")
    t.gateway.clear(order)
    retry = [f for f in r.forms if urllib.parse.urlsplit(f.action).path
             .endswith("checkout")]
    t.eq(len(retry), 1, "buttons that try again")
    t.redirect(s.post("checkout", retry[0].fields))
    o = s.show(order)
    t.eq((o["state"], len(o["attempts"])), ("awaiting", 1), "the order")


MENDABLE = [
    "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试",
    "签名错误，请检查后再试", "签名错误", "appid和mch_id不匹配",
    "mch_id参数格式错误", "appid不存在", "商户未开通H5支付",
    "此商家的收款功能已被限制，暂无法支付", "商户号无权限", "商户账户已冻结",
]


@table("B3: an unsigned {0} is the merchant's to mend", MENDABLE)
def _(t, words):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", "return-fail", order=order, value=words)
    r = s.post("checkout", fields)
    t.page(r, 502, "merchant-error")
    o = s.show(order)
    t.eq((o["state"], [e["event"] for e in o["events"]]),
         ("created", ["created"]), "nothing is believed of it")
    (line,) = [x for x in s.log() if "wechat-call" in x]
    t.matches(line, "^alert ", "level")
    t.matches(line, "note=\\S", "what to do")
    t.gateway.clear(order)
    token = s.token(s.post("checkout", fields))
    t.success(s.notify(h5.notice(order, 1)))
    t.page(s.get("query", {"order": order, "t": token}), 200, "result",
           "paid")


@table("B3: an unsigned {0} is a passing fault still", [
    "系统繁忙，请稍后再试", "SYSTEMERROR", "签 名", ""])
def _(t, words):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", "return-fail", order=order, value=words)
    t.page(s.post("checkout", fields), 502, "gateway-error")


@table("B3: {0} in an answer that is not believed is a gateway error", [
    "wrong-sign", "unsigned", "other-mch-id", "other-appid"])
def _(t, kind):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", kind, order=order)
    t.page(s.post("checkout", fields), 502, "gateway-error")


@table("unifiedorder: {0} ends within the deadline", [
    "hang", "hang-body", "drip", "drip-header", "endless"])
def _(t, kind):
    s = t.own_site({"gateway.timeout_ms": "500",
                    "gateway.deadline_ms": "1500"})
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", kind, order=order)
    start = time.monotonic()
    r = s.post("checkout", fields)
    took = time.monotonic() - start
    t.page(r, 502, "gateway-error")
    t.ok(took < 30, f"{took:.1f} s for a deadline of 1.5 s")
    t.gateway.clear(order)


@test("an unreachable gateway is a gateway error within the deadline")
def _(t):
    s = t.own_site({"gateway.url": "http://127.0.0.1:9",
                    "gateway.deadline_ms": "2000"})
    order = t.id()
    fields = confirm(s, s.link(order))
    start = time.monotonic()
    t.page(s.post("checkout", fields), 502, "gateway-error")
    t.ok(time.monotonic() - start < 30, "within the deadline")
    t.eq(s.show(order)["state"], "created", "state")


@test("the backup host is asked when the first one does not answer")
def _(t):
    s = t.own_site({"gateway.url": "http://127.0.0.1:9",
                    "gateway.backup_url": t.gateway.url})
    order = t.id()
    t.redirect(s.order(order))
    t.eq(len(calls(t, order, "unifiedorder")), 1, "calls at the backup")


@test("SYSTEMERROR once is tried again with the same parameters")
def _(t):
    order = t.id()
    t.gateway.fault("unifiedorder", "systemerror", order=order, count=1)
    t.redirect(t.site.order(order))
    one, two = calls(t, order, "unifiedorder")
    changed = {n for n in one["fields"]
               if one["fields"][n] != two["fields"].get(n)}
    t.ok(changed <= {"nonce_str", "sign"}, f"fields that differ: {changed}")


@table("unifiedorder refused with {0} is the merchant's fault", [
    "NOAUTH", "APPID_NOT_EXIST", "MCHID_NOT_EXIST", "APPID_MCHID_NOT_MATCH",
    "LACK_PARAMS", "SIGNERROR"])
def _(t, code):
    s = t.own_site()
    order = t.id()
    t.gateway.fault("unifiedorder", "result-fail", order=order, name=code,
                    value="商户侧的原因")
    r = s.order(order)
    t.page(r, 502, "merchant-error")
    t.gateway.clear(order)
    t.lacks(r.visible, code, "the buyer reads no error code")
    lines = [x for x in s.log() if code in x]
    t.ok(lines, f"the log names {code}: {s.log()}")
    t.ok(any(x.startswith(("alert", "error")) for x in lines),
         f"an alert or error: {lines}")


@test("a wrong API key is the merchant's fault, and the log says what to do")
def _(t):
    s = t.own_site({"merchant.api_key_file": None,
                    "merchant.api_key": "f" * 32})
    order = t.id()
    r = s.order(order)
    t.ok(r.status == 502 and r.page in ("merchant-error", "gateway-error"),
         f"{r}")
    t.ok(any("签名错误" in x for x in s.log()), f"the log: {s.log()}")


@test("ORDERPAID from unifiedorder is asked about, and shown as paid")
def _(t):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order))
    t.gateway.fault("unifiedorder", "cut-after", order=order)
    t.page(s.post("checkout", fields), 502, "gateway-error")
    t.gateway.clear(order)
    t.gateway.pay(order)
    r = s.post("checkout", fields)
    t.page(r, 200, "result", "paid")
    t.eq(s.show(order)["state"], "paid", "state")


# --- where the buyer is -----------------------------------------------------


@table("while the gateway is not loopback {0} is a bad address", [
    ("127.0.0.1", "127.0.0.1"), ("10.1.2.3", "10.1.2.3"),
    ("192.168.1.1", "192.168.1.1"), ("172.16.0.1", "172.16.0.1"),
    ("169.254.1.1", "169.254.1.1"), ("100.64.0.1", "100.64.0.1"),
    ("::1", "::1"), ("fe80::1", "fe80::1"), ("fd00::1", "fd00::1"),
    ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("0.0.0.0", "0.0.0.0"),
    ("224.0.0.1", "224.0.0.1"), ("nonsense", "nonsense"),
    ("an empty address", ""), ("a private address with a port", "10.0.0.1:99"),
    ("two addresses", "8.8.8.8 9.9.9.9"),
])
def _(t, name, address):
    # .invalid never resolves: were it asked, the page would be another one.
    s = t.own_site({"gateway.url": "https://gateway.invalid",
                    "gateway.cashier": "https://gateway.invalid/"})
    order = t.id()
    fields = confirm(s, s.link(order))
    r = s.post("checkout", fields, env={"REMOTE_ADDR": address})
    t.page(r, 400, "bad-address")
    t.eq(s.show(order), None, "the order")


# Nobody lives at the addresses of the documents' examples, but they are neither
# private nor loopback nor malformed.
@table("a public address like {0} is asked for", [
    "203.0.114.7", "2001:4860:4860::8888", "::ffff:8.8.8.8", "203.0.113.7",
    "198.51.100.7", "192.0.2.7", "2001:db8::7"])
def _(t, address):
    s = t.own_site({"gateway.url": "https://gateway.invalid",
                    "gateway.cashier": "https://gateway.invalid/",
                    "gateway.deadline_ms": "1000"})
    fields = confirm(s, s.link(t.id()))
    r = s.post("checkout", fields, env={"REMOTE_ADDR": address})
    t.page(r, 502, "gateway-error")


@test("a stand-in on this machine needs no REMOTE_ADDR from the server")
def _(t):
    order = t.id()
    fields = confirm(t.site, t.site.link(order))
    t.redirect(t.site.post("checkout", fields, env={"REMOTE_ADDR": None}))
    t.eq(t.site.show(order)["attempts"][0]["spbill_create_ip"], "127.0.0.1",
         "spbill_create_ip")


FORWARDED = [
    ("no proxy is trusted", "", "198.51.100.9", "8.8.8.8", "198.51.100.9"),
    ("the proxy is trusted", "198.51.100.9", "198.51.100.9", "8.8.8.8",
     "8.8.8.8"),
    ("another proxy is trusted", "198.51.100.8", "198.51.100.9", "8.8.8.8",
     "198.51.100.9"),
    ("the left entries are forged", "198.51.100.9", "198.51.100.9",
     "1.1.1.1, 8.8.4.4", "8.8.4.4"),
    ("two proxies in a row are trusted", "198.51.100.9 192.0.2.0/24",
     "198.51.100.9", "1.1.1.1, 8.8.4.4, 192.0.2.77", "8.8.4.4"),
    ("an IPv6 network is trusted", "2001:db8::/32", "2001:db8::1",
     "2001:4860::5", "2001:4860::5"),
    ("an IPv4 proxy comes as a mapped address", "198.51.100.0/24",
     "::ffff:198.51.100.9", "8.8.8.8", "8.8.8.8"),
    ("the header is missing", "198.51.100.9", "198.51.100.9", None,
     "198.51.100.9"),
    ("blanks are around the entries", "198.51.100.9", "198.51.100.9",
     " 1.1.1.1 ,  8.8.4.4 ", "8.8.4.4"),
    ("B2: the proxy writes a port", "198.51.100.9", "198.51.100.9",
     "8.8.8.8:54321", "8.8.8.8"),
    ("B2: an entry is empty", "198.51.100.9", "198.51.100.9",
     "8.8.8.8, ", "8.8.8.8"),
    ("B2: the proxy writes for=", "198.51.100.9", "198.51.100.9",
     '1.1.1.1, for="[2001:4860::5]:1";proto=https', "2001:4860::5"),
    ("B2: the proxy is at a unix socket", "unix:", "unix:", "8.8.8.8",
     "8.8.8.8"),
]


@table("the buyer's address is {4} when {0}", FORWARDED)
def _(t, name, trusted, remote, forwarded, want):
    s = t.own_site({"site.trusted_proxies": trusted or None})
    order = t.id()
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    fields = confirm(s, s.link(order))
    t.redirect(s.post("checkout", fields, headers=headers,
                      env={"REMOTE_ADDR": remote}))
    f = calls(t, order, "unifiedorder")[0]["fields"]
    t.eq(f["spbill_create_ip"], want, "spbill_create_ip")
    t.eq(s.show(order)["attempts"][0]["spbill_create_ip"], want, "stored")


@table("a trusted proxy that forwards {0!r} gives no usable address", [
    "unknown", "8.8.8.8, garbage", "10.0.0.1", "8.8.8.8:http",
    "for=_hidden"])
def _(t, forwarded):
    s = t.own_site({"gateway.url": "https://gateway.invalid",
                    "gateway.cashier": "https://gateway.invalid/",
                    "site.trusted_proxies": "198.51.100.9"})
    fields = confirm(s, s.link(t.id()))
    r = s.post("checkout", fields, headers={"X-Forwarded-For": forwarded},
               env={"REMOTE_ADDR": "198.51.100.9"})
    t.page(r, 400, "bad-address")


# --- when the disk is not well ----------------------------------------------


def no_writes():
    """No file of this process may grow: what a full disk looks like."""
    import signal

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@test("a store that cannot be written is a store error; nothing is sent")
def _(t):
    s = t.own_site()
    order = t.id()
    fields = confirm(s, s.link(order))
    r = s.post("checkout", fields, limits=no_writes)
    t.page(r, 503, "store-error")
    t.eq(s.show(order), None, "the order")
    t.eq(calls(t, order), [], "calls at the gateway")
    t.redirect(s.post("checkout", fields))


@test("a store folder without write permission is a store error")
def _(t):
    if os.geteuid() != 0:
        s = t.own_site()
    else:
        s = t.own_site(user="nobody")
    order = t.id()
    t.redirect(s.order(t.id("first")))
    fields = confirm(s, s.link(order))
    for top, dirs, _ in os.walk(s.store):
        os.chmod(top, 0o500)
    try:
        r = s.post("checkout", fields)
    finally:
        for top, dirs, _ in os.walk(s.store):
            os.chmod(top, 0o700)
    t.page(r, 503, "store-error")
    t.eq(calls(t, order), [], "calls at the gateway")


# --- handoff ----------------------------------------------------------------


def cashier_links(t, site, reply):
    prefix = site.conf["gateway.cashier"]
    return [a for a in reply.dom.links if a.get("href", "").startswith(prefix)]


@test("with handoff = page the 303 leads to a page of ours with one link")
def _(t):
    s = t.own_site({"site.handoff": "page"})
    order = t.id()
    reply = s.order(order, 700)
    to = t.redirect(reply)
    q = h5.query_params(to)
    t.eq(to, f"{s.base_url}/checkout?order={order}&t={q['t']}&go=1", "Location")
    r = s.get("checkout", urllib.parse.urlsplit(to).query)
    t.page(r, 200, "handoff")
    t.contains(r.visible, "7.00", "amount")
    (a,) = cashier_links(t, s, r)
    t.eq(a.get("referrerpolicy"), "origin", "referrerpolicy")
    t.no(a.get("target"), "a target")
    back = f"{s.base_url}/return-page?order={order}&t={q['t']}"
    t.eq(a["href"], t.gateway.mweb_url(order) + "&redirect_url="
         + urllib.parse.quote(back, safe=""), "href")
    t.matches(r.visible, r"\d\d:\d\d", "until when the link lives")
    t.eq(len(calls(t, order, "unifiedorder")), 1, "unifiedorder calls")


@test("a handoff page whose mweb_url is too old offers no link to it")
def _(t):
    s = t.own_site({"site.handoff": "page"})
    order = t.id()
    to = t.redirect(s.order(order))
    r = s.get("checkout", urllib.parse.urlsplit(to).query,
              prefix=["faketime", "-f", "+6m"])
    t.eq(r.status, 200, "status")
    t.eq(cashier_links(t, s, r), [], "links to the cashier")
    t.ok(r.has_form("checkout", order=order, again="1"), "a way to pay again")


@test("a GET never redirects to the cashier and never calls WeChat")
def _(t):
    s = t.site
    order = t.id()
    token = s.ready(order)
    before = len(calls(t, order))
    for q in (s.link(order), f"order={order}&t={token}&go=1"):
        r = s.get("checkout", q)
        t.eq(r.status, 200, "status")
        t.eq(r.header("Location"), None, "Location")
    t.eq(len(calls(t, order)), before, "calls at the gateway")


@table("go=1 with {0} is not found", [
    ("a wrong token", lambda o, k: {"order": o, "t": "A" * 43}),
    ("another order's token", lambda o, k: {"order": o + "x", "t": k}),
])
def _(t, name, change):
    order = t.id()
    token = t.site.ready(order)
    q = {**change(order, token), "go": "1"}
    t.page(t.site.get("checkout", q), 404, "not-found")


@test("go=1 without a token is refused")
def _(t):
    order = t.id()
    t.site.ready(order)
    r = t.site.get("checkout", {"order": order, "go": "1"})
    t.ok(r.status in (400, 404), f"status {r.status}")

"""Which way to pay: H5, Native, JSAPI (interface 3, docs/BROWSERS.md)."""

import concurrent.futures
import http.client
import json
import re
import urllib.parse

import h5
from case import table, test

IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) "
          "AppleWebKit/605.1.15 (KHTML, like Gecko) ")
MAC = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
       "AppleWebKit/605.1.15 (KHTML, like Gecko) ")
DESKTOP = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
           "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36")
ANDROID = ("Mozilla/5.0 (Linux; Android 14; 23127PN0CC) AppleWebKit/537.36 "
           "(KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile "
           "Safari/537.36 ")
ALL = "h5 native jsapi"


def shop(t, products=ALL, **kw):
    conf = {"merchant.products": products,
            "orders.query_interval_s": "0",
            "merchant.app_secret_file": None}
    s = t.own_site({}, **kw)
    s.write("app.secret", h5.APP_SECRET + "\n")
    conf["merchant.app_secret_file"] = s.folder / "app.secret"
    conf["gateway.oauth_url"] = s.conf["gateway.url"]
    conf["gateway.sns_url"] = s.conf["gateway.url"]
    s.configure(conf)
    return s


def ua(text):
    return {"User-Agent": text}


def vias(reply):
    """The ways that the page's forms offer, in their order."""
    return [dict(f.fields)["via"] for f in reply.forms
            if "via" in dict(f.fields)]


def product(reply):
    return re.search('<main[^>]* data-product="([a-z0-9]+)"',
                     reply.text).group(1)


def pay(t, s, agent, order=None, via=None):
    """The order's number and the answer to its first form."""
    order = order or t.id()
    page = s.get("checkout", s.link(order, 5), headers=ua(agent))
    t.page(page, 200, "confirm")
    form = next(f for f in page.forms
                if via in (None, dict(f.fields).get("via")))
    return order, s.post("checkout", form.fields, headers=ua(agent))


def go(t, s, reply, agent):
    """Follow a 303 to a page of ours."""
    to = t.redirect(reply)
    t.ok(to.startswith(s.base_url + "/checkout?"), f"to a page of ours: {to}")
    return s.get("checkout", to.split("?", 1)[1], headers=ua(agent))


def fetch(url, headers, form=None):
    """(Location, text) of the stand-in's answer."""
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=60)
    c.request("GET" if form is None else "POST",
              u.path + ("?" + u.query if u.query else ""),
              None if form is None else urllib.parse.urlencode(form),
              dict(headers))
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    return r.headers["Location"], text


def calls(t, order):
    return [(c["api"], c["out_trade_no"]) for c in t.gateway.calls()
            if c["out_trade_no"].split("_")[0] == order]


# --- the table -------------------------------------------------------------

@table("with every product {0} is offered {2}", [
    ("WeChat on Android", h5.WECHAT, "jsapi"),
    ("WeChat on an iPhone", IPHONE + "Mobile/15E148 MicroMessenger/8.0.49",
     "jsapi"),
    ("WeChat on HarmonyOS", "Mozilla/5.0 (Phone; OpenHarmony 5.0) "
     "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 "
     "ArkWeb/4.1.6.1 Mobile MicroMessenger/1.0.0", "jsapi"),
    ("Q44 an old WeChat", ANDROID + "MicroMessenger/6.5.7.1041", "jsapi"),
    ("Q44 a patched WeChat", ANDROID
     + "MicroMessenger/6.2.5.53_r2565f18.621", "jsapi"),
    ("Q44 micromessenger in small letters", ANDROID + "micromessenger/8.0",
     "jsapi"),
    ("Q52 WeChat with MQQBrowser", ANDROID + "MQQBrowser/6.2 TBS/043115 "
     "Safari/537.36 MicroMessenger/6.5.6.1020", "jsapi"),
    ("WeChat on Windows", DESKTOP + " MicroMessenger/7.0.20 WindowsWechat"
     "(0x63090a13) UnifiedPCWindowsWechat(0xf2541022)", "native h5"),
    ("WeChat on a Mac", MAC + "MicroMessenger/6.8.0(0x16080000) MacWechat/"
     "3.8.7(0x13080712) UnifiedPCMacWechat(0xf26405f0)", "native h5"),
    ("WeCom on a phone", ANDROID + "MicroMessenger/7.0.1 wxwork/4.1.22",
     "outside"),
    ("WeCom on a desktop", DESKTOP + " wxwork/4.1.22 MicroMessenger/7.0.1",
     "native"),
    ("a mini program", ANDROID + "MicroMessenger/8.0.49 miniProgram/wx1234",
     "outside"),
    ("a mini program on a desktop", DESKTOP + " MicroMessenger/7.0.20 "
     "MiniProgramEnv/Windows WindowsWechat", "native"),
    ("Q46 Alipay's mini program", "Mozilla/5.0 (OpenHarmony 2; ALN-AL00) "
     "AppleWebKit/537.36 Mobile HuaweiBrowser/1.2.9.353 Nebula "
     "AlipayDefined(nt:WIFI) MiniProgram", "outside h5"),
    ("Alipay", ANDROID + "NebulaSDK/1.8 AlipayClient/10.6.0", "outside h5"),
    ("Douyin", ANDROID + "aweme_300700 JsSdk/1.0", "outside h5"),
    ("Toutiao", ANDROID + "NewsArticle/9.7.0", "outside h5"),
    ("Weibo", IPHONE + "Mobile/15E148 Weibo (iPhone14,2__weibo__14.5.0)",
     "outside h5"),
    ("DingTalk", ANDROID + "AliApp(DingTalk/7.5.10)", "outside h5"),
    ("Feishu", ANDROID + "Lark/7.18.6 LarkLocale/zh_CN", "outside h5"),
    ("Xiaohongshu", IPHONE + "Mobile/15E148 xhsdiscover/8.40", "outside h5"),
    ("Chrome on Android", ANDROID, "h5 native"),
    ("Safari on an iPhone", IPHONE + "Version/17.4 Mobile/15E148 "
     "Safari/604.1", "h5 native"),
    ("Q50 HarmonyOS", "Mozilla/5.0 (Phone; OpenHarmony5.0) ArkWeb/4.1.6.1 "
     "Mobile", "h5 native"),
    ("HarmonyOS on a desktop", "Mozilla/5.0 (PC; OpenHarmony 5.0) "
     "ArkWeb/4.1.6.1 HuaweiBrowser/5.1", "native h5"),
    ("HarmonyOS 2in1", "Mozilla/5.0 (2in1; OpenHarmony 5.0) ArkWeb/4.1.6.1 "
     "Mobile", "native h5"),
    ("Q52 QQ's browser", ANDROID + "MQQBrowser/14.9", "h5 native"),
    ("Q52 QQ", ANDROID + "QQ/8.9.73.11945", "h5 native"),
    ("Baidu", ANDROID + "baiduboxapp/13.58.0.10", "h5 native"),
    ("UC", ANDROID + "UCBrowser/16.5", "h5 native"),
    ("Q47 an iPad's web view", MAC + "Mobile/15E148", "h5 native"),
    ("Q47 an iPad in slide-over", "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac "
     "OS X) AppleWebKit/605.1.15 Mobile/15E148", "h5 native"),
    ("Q47 Safari on an iPad", MAC + "Version/17.4 Safari/605.1.15",
     "native h5"),
    ("Q49 Android as a desktop", "Mozilla/5.0 (X11; Linux x86_64) "
     "AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36", "native h5"),
    ("Q50 a Mac", MAC + "Version/17.4 Safari/605.1.15", "native h5"),
    ("Windows", DESKTOP, "native h5"),
    ("no User-Agent", "", "native h5"),
])
def _(t, name, agent, want):
    s = shop(t)
    order = t.id()
    r = s.get("checkout", s.link(order, 5), headers=ua(agent))
    words = want.split()
    if words[0] == "outside":
        t.page(r, 200, "open-outside")
        t.eq(product(r), "none", "data-product")
        words = words[1:]
    else:
        t.page(r, 200, "confirm")
        t.eq(product(r), words[0], "data-product")
    t.eq(vias(r), words, "forms")
    t.eq(calls(t, order), [], "calls")
    t.eq(s.show(order), None, "an order")
    # A POST that names no way takes the first one, or is told the same.
    form = dict(next(iter(r.forms)).fields) if r.forms else {}
    form.pop("via", None)
    r = s.post("checkout", form or s.link(order, 5), headers=ua(agent))
    if want.startswith("outside"):
        t.page(r, 200, "open-outside")
        t.eq(s.show(order), None, "an order")
    else:
        t.redirect(r)
        t.eq(s.show(order)["attempts"][0].get("product", "h5"), words[0],
             "product")


@table("{0} alone: {1}", [
    ("h5", "WeChat", "open-outside", ""),
    ("h5", "a phone", "confirm", "h5"),
    ("h5", "a desktop", "confirm", "h5"),
    ("native", "WeChat", "open-outside", ""),
    ("native", "a phone", "confirm", "native"),
    ("native", "a desktop", "confirm", "native"),
    ("jsapi", "WeChat", "confirm", "jsapi"),
    ("jsapi", "a phone", "open-in-wechat", ""),
    ("jsapi", "a desktop", "open-in-wechat", ""),
    ("h5 native", "WeChat", "open-outside", ""),
    ("h5 jsapi", "a phone", "confirm", "h5"),
    ("h5 jsapi", "a desktop", "confirm", "h5"),
    ("native jsapi", "a phone", "open-in-wechat", "native"),
    ("native jsapi", "a desktop", "confirm", "native"),
    ("native jsapi", "WeChat", "confirm", "jsapi"),
])
def _(t, products, where, page, ways):
    agent = {"WeChat": h5.WECHAT, "a phone": h5.PHONE,
             "a desktop": DESKTOP}[where]
    s = shop(t, products)
    r = s.get("checkout", s.link(t.id(), 5), headers=ua(agent))
    t.page(r, 200, page)
    t.eq(vias(r), ways.split(), "forms")
    if where == "a desktop" and "native" not in products:
        t.contains(r.text, 'class="qr"', "a code of the page's own address")
    if page != "confirm":
        t.eq(product(r), "none", "data-product")


@table("via={0} in {1} is answered {2} {3}", [
    ("jsapi", "a phone", 200, "open-in-wechat"),
    ("native", "WeChat", 200, "open-outside"),
    ("h5", "WeChat", 200, "open-outside"),
    ("app", "a phone", 400, "bad-request"),
    ("", "a phone", 400, "bad-request"),
    ("H5", "a phone", 400, "bad-request"),
])
def _(t, via, where, status, page):
    s = shop(t)
    agent = h5.WECHAT if where == "WeChat" else h5.PHONE
    order = t.id()
    r = s.get("checkout", s.link(order, 5), headers=ua(agent))
    fields = dict(r.form("checkout").fields, via=via)
    t.page(s.post("checkout", fields, headers=ua(agent)), status, page)
    t.eq(s.show(order), None, "an order")


@test("a way that the shop does not have is no way")
def _(t):
    s = shop(t, "h5")
    order = t.id()
    r = s.get("checkout", s.link(order, 5))
    fields = dict(r.form("checkout").fields, via="native")
    t.page(s.post("checkout", fields), 400, "bad-request")
    t.eq(s.show(order), None, "an order")


# --- native ----------------------------------------------------------------

def scan(t, s, order=None):
    """An order whose code is shown: its number and the page."""
    order, r = pay(t, s, DESKTOP, order)
    page = go(t, s, r, DESKTOP)
    t.page(page, 200, "scan", "awaiting")
    return order, page


def attribute(page, name):
    return urllib.parse.unquote(re.search(
        f'data-{name}="([^"]*)"', page.text).group(1)).replace("&amp;", "&")


@test("a code is shown, scanned, paid, and the page is told")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    t.eq(product(page), "native", "data-product")
    t.contains(page.text, 'class="qr"', "the code")
    t.lacks(page.text, "weixin://", "the code_url is no link")
    t.eq(calls(t, order), [("unifiedorder", order)], "calls")
    fields = t.gateway.calls("unifiedorder", order)[0]["fields"]
    t.eq((fields["trade_type"], fields["product_id"]), ("NATIVE", order))
    t.lacks(fields, "scene_info", "of H5 alone")
    look = attribute(page, "look").split("?", 1)[1]
    json_ = {"Accept": "application/json"}
    r = s.get("query", look, headers=json_)
    t.eq(json.loads(r.text)["state"], "awaiting", "state")
    t.contains(r.header("Cache-Control"), "no-store", "cache")
    code = t.gateway.order(order)["entries"][0]["code"]
    t.eq(attribute(page, "number"), order, "number")
    t.gateway.pay(order)
    t.success(s.notify(h5.notice(order, 5, trade_type="NATIVE")))
    r = s.get("query", look, headers=json_)
    t.eq(json.loads(r.text)["state"], "paid", "state")
    t.ok(len(code) == 7, "a code of the stand-in")
    token = dict(page.form("query").fields)["t"]
    r = s.get("checkout", f"order={order}&t={token}&go=1")
    t.page(r, 200, "result", "paid")


@test("Q11 reloads and clicks make one number and one prepay")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    form = dict(page.form("checkout").fields)
    for _ in range(3):
        again = s.get("checkout", f"order={order}&t={form['t']}&go=1",
                      headers=ua(DESKTOP))
        t.page(again, 200, "scan")
        t.contains(again.text, re.search('d="M4 4[^"]*"',
                                         page.text).group(0), "the code")
    for _ in range(2):
        r = s.post("checkout", {"order": order, "t": form["t"], "again": "1",
                                "via": "native"}, headers=ua(DESKTOP))
        t.redirect(r)
    t.eq([c for c in calls(t, order) if c[0] == "unifiedorder"],
         [("unifiedorder", order)], "prepays")


@test("Q13 a code that is over has one button, which renews it")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    form = dict(page.form("checkout").fields)
    late = ["faketime", "-f", "+111m"]
    r = s.get("checkout", f"order={order}&t={form['t']}&go=1",
              headers=ua(DESKTOP), prefix=late)
    t.page(r, 200, "scan")
    t.lacks(r.text, 'class="qr"', "no dead code")
    t.lacks(r.text, "<script", "nothing to look for")
    first = r.form("checkout")
    t.eq(dict(first.fields)["via"], "native", "the button")
    t.redirect(s.post("checkout", first.fields, headers=ua(DESKTOP),
                      prefix=["faketime", "-f", "+1m"]))


@test("a change of way is a query, a confirmed close, the next number")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    form = next(f for f in page.forms if dict(f.fields).get("via") == "h5")
    to = t.redirect(s.post("checkout", form.fields, headers=ua(DESKTOP)))
    t.contains(to, "checkmweb", "to the cashier")
    t.eq(calls(t, order)[1:], [
        ("orderquery", order), ("orderquery", order), ("closeorder", order),
        ("unifiedorder", order + "_2")], "calls")
    t.eq([(a["out_trade_no"], a["state"], a.get("product", "h5"))
          for a in s.show(order)["attempts"]],
         [(order, "closed", "native"), (order + "_2", "awaiting", "h5")])


@test("a change of way finds the payment of the old one")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    t.gateway.pay(order)
    form = next(f for f in page.forms if dict(f.fields).get("via") == "h5")
    t.page(s.post("checkout", form.fields, headers=ua(DESKTOP)), 200,
           "result", "paid")
    t.eq(len(s.show(order)["attempts"]), 1, "attempts")


@test("a change of way waits where WeChat does not close yet")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.option(refuse_early_close=1)
    order, page = scan(t, s)
    form = next(f for f in page.forms if dict(f.fields).get("via") == "h5")
    r = s.post("checkout", form.fields, headers=ua(DESKTOP))
    t.page(r, 200, "result", "awaiting")
    t.eq([a["state"] for a in s.show(order)["attempts"]], ["awaiting"])


@test("64 buyers who press both ways at once never have two open numbers")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    forms = [f.fields for f in page.forms if "via" in dict(f.fields)]
    token = dict(forms[0])["t"]
    both = [{"order": order, "t": token, "again": "1", "via": via}
            for via in ("h5", "native")] * 32
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda f: s.post("checkout", f, headers=ua(DESKTOP)),
                      both))
    shown = s.show(order)["attempts"]
    t.eq([a["state"] for a in shown[:-1]], ["closed"] * (len(shown) - 1))
    for a in shown[:-1]:
        t.eq(t.gateway.order(a["out_trade_no"])["state"], "CLOSED")


@table("native: {0} is no code", ["no-code-url", "no-prepay-id"])
def _(t, kind):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("unifiedorder", kind)
    order, r = pay(t, s, DESKTOP)
    t.page(r, 502, "gateway-error")


@test("a watched code is asked about by a sweep, never by the look")
def _(t):
    s = t.own_web({"merchant.products": "native",
                   "orders.query_interval_s": "0"})
    order, page = scan(t, s)
    t.gateway.pay(order)
    look = attribute(page, "look").split("?", 1)[1]
    json_ = {"Accept": "application/json"}
    s.get("query", look, headers=json_)
    t.eq(calls(t, order), [("unifiedorder", order)], "within 15 s")


@test("sweep --order asks about a watched code after 15 s")
def _(t):
    s = shop(t)
    order, page = scan(t, s)
    t.gateway.pay(order)
    for late, want in (("+2s", "awaiting"), ("+16s", "paid")):
        s.h5pay("sweep", "--order", order, prefix=["faketime", "-f", late])
        t.eq(s.show(order)["state"], want, late)


# --- inside WeChat ---------------------------------------------------------

def authorize(t, s, to, account="A"):
    """Walk through the authorize page: the query that WeChat comes back
    with."""
    u = urllib.parse.urlsplit(to)
    t.eq(u.path, "/connect/oauth2/authorize", "path")
    t.eq([n for n, _ in urllib.parse.parse_qsl(u.query)],
         ["appid", "redirect_uri", "response_type", "scope", "state"],
         "Q25 parameters")
    t.eq(u.fragment, "wechat_redirect", "fragment")
    back = fetch(to, {"X-WeChat-Account": account})[0]
    t.ok(back.startswith(s.base_url + "/checkout?"), f"back: {back}")
    return back.split("?", 1)[1]


def inside(t, s, account="A"):
    """An order begun inside WeChat: its number, and the callback's query."""
    order, r = pay(t, s, h5.WECHAT)
    return order, authorize(t, s, t.redirect(r), account)


def bridge(page):
    return json.loads(re.search(
        '<script type="application/json" id="bridge">(.*?)</script>',
        page.text).group(1))


def invoke(s, page, **more):
    """What WeChat answers to the page's values."""
    values = bridge(page)
    assert all(isinstance(v, str) for v in values.values()), values
    form = {**values, "url": s.base_url + "/checkout?order=1",
            "account": "A", **more}
    return json.loads(fetch(s.gateway.url + "/bridge", {}, form)[1])


@test("inside WeChat a buyer says who he is, pays, and is told")
def _(t):
    s = shop(t)
    order, back = inside(t, s)
    t.eq(calls(t, order), [], "calls before he came back")
    r = s.get("checkout", back, headers=ua(h5.WECHAT))
    t.lacks(t.redirect(r), "code=", "the code leaves the address")
    page = go(t, s, r, h5.WECHAT)
    t.page(page, 200, "jsapi", "awaiting")
    t.eq(sorted(bridge(page)), ["appId", "nonceStr", "package", "paySign",
                                "signType", "timeStamp"], "values")
    fields = t.gateway.calls("unifiedorder", order)[0]["fields"]
    t.eq(fields["trade_type"], "JSAPI", "trade_type")
    t.eq(invoke(s, page, action="cancel")["err_msg"],
         "get_brand_wcpay_request:cancel")
    t.eq(invoke(s, page)["err_msg"], "get_brand_wcpay_request:ok")
    openid = t.gateway.order(order)["openid"]
    text = "\n".join(s.log()) + json.dumps(s.show(order))
    t.lacks(text, openid, "the openid")
    t.lacks(text, h5.APP_SECRET, "the AppSecret")
    t.lacks(text, dict(urllib.parse.parse_qsl(back))["code"], "the code")


@test("Q19 a callback that comes twice at once is one exchange")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("access_token", "delay", ms=500)
    order, back = inside(t, s)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(
            lambda _: s.get("checkout", back, headers=ua(h5.WECHAT)),
            range(2)))
    for r in both:
        t.page(go(t, s, r, h5.WECHAT), 200, "jsapi")
    t.eq(len(s.gateway.calls("access_token")), 1, "exchanges")
    t.eq(len(s.gateway.calls("unifiedorder")), 1, "prepays")


@test("Q22 a used callback leads on, and exchanges nothing")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    order, back = inside(t, s)
    s.get("checkout", back, headers=ua(h5.WECHAT))
    for late in ("+1m", "+3h"):
        r = s.get("checkout", back, headers=ua(h5.WECHAT),
                  prefix=["faketime", "-f", late])
        t.contains(t.redirect(r), "go=1", late)
    s.gateway.pay(order)
    t.success(s.notify(h5.notice(order, 5)))
    r = s.get("checkout", back, headers=ua(h5.WECHAT))
    t.page(go(t, s, r, h5.WECHAT), 200, "result", "paid")
    t.eq(len(s.gateway.calls("access_token")), 1, "exchanges")


@test("Q23 a code that is never taken sends the buyer round once")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("access_token", "errcode", n=40029)
    order, back = inside(t, s)
    r = s.get("checkout", back, headers=ua(h5.WECHAT))
    again = authorize(t, s, t.redirect(r))
    r = s.get("checkout", again, headers=ua(h5.WECHAT))
    t.page(r, 200, "authorize")
    t.eq(len(s.gateway.calls("access_token")), 2, "exchanges")


@table("Q23 a callback with {0} exchanges nothing", [
    ("no code", {"code": None}), ("another state", {"state": "0" * 32}),
    ("an odd state", {"state": "../|*"})])
def _(t, name, change):
    s = shop(t, gateway=t.own_gateway())
    order, back = inside(t, s)
    q = dict(urllib.parse.parse_qsl(back))
    q.update(change)
    r = s.get("checkout", {n: v for n, v in q.items() if v is not None},
              headers=ua(h5.WECHAT))
    t.redirect(r)
    t.eq(s.gateway.calls("access_token"), [], "exchanges")
    t.eq(s.gateway.calls("unifiedorder"), [], "prepays")


@test("a state is one order's")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    _, back = inside(t, s)
    _, others = inside(t, s)
    q = dict(urllib.parse.parse_qsl(others))
    q.update(state=dict(urllib.parse.parse_qsl(back))["state"])
    t.contains(t.redirect(s.get("checkout", q, headers=ua(h5.WECHAT))),
               "go=1")
    t.eq(s.gateway.calls("access_token"), [], "exchanges")


@table("Q29 an exchange that answers {0}: {2}", [
    (40125, "app_secret", "the merchant's fault"),
    (40013, "appid", "the merchant's fault"),
    (40164, "IP", "the merchant's fault"),
    (45011, "", "again later")])
def _(t, code, word, _name):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("access_token", "errcode", n=code)
    order, back = inside(t, s)
    r = s.get("checkout", back, headers=ua(h5.WECHAT))
    t.page(r, 502, "authorize")
    line = [x for x in s.log() if "access_token" in x][-1]
    t.contains(line, str(code), "the code")
    if word:
        t.ok(line.startswith("alert"), line)
        t.contains(line, word, "what to do")


@table("Q32 an exchange that fails by {0} is told within its time", [
    "html", "empty", "http-status", "cut-after", "huge"])
def _(t, kind):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("access_token", kind)
    order, back = inside(t, s)
    t.page(s.get("checkout", back, headers=ua(h5.WECHAT)), 502, "authorize")
    t.eq(s.gateway.calls("unifiedorder"), [], "prepays")


@test("Q31 a virtual person is asked to open the whole page")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("access_token", "snapshot", count=1)
    order, back = inside(t, s)
    r = s.get("checkout", back, headers=ua(h5.WECHAT))
    t.page(r, 200, "authorize")
    t.contains(r.visible, "使用完整服务", "what to do")
    t.eq(s.gateway.calls("unifiedorder"), [], "prepays")


@test("another WeChat account gets a number of its own")
def _(t):
    s = shop(t)
    order, back = inside(t, s)
    page = go(t, s, s.get("checkout", back, headers=ua(h5.WECHAT)), h5.WECHAT)
    t.eq(invoke(s, page, account="B")["err_desc"],
         "下单账号与支付账号不一致")
    form = next(f for f in page.forms if "other" in dict(f.fields))
    r = s.post("checkout", form.fields, headers=ua(h5.WECHAT))
    back = authorize(t, s, t.redirect(r), "B")
    page = go(t, s, s.get("checkout", back, headers=ua(h5.WECHAT)), h5.WECHAT)
    t.page(page, 200, "jsapi", "awaiting")
    t.eq([(a["out_trade_no"], a["state"])
          for a in s.show(order)["attempts"]],
         [(order, "closed"), (order + "_2", "awaiting")])
    t.eq(invoke(s, page, account="B")["err_msg"],
         "get_brand_wcpay_request:ok")


@test("inside WeChat the same buyer is not asked twice who he is")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    order, back = inside(t, s)
    s.get("checkout", back, headers=ua(h5.WECHAT))
    _, r = pay(t, s, h5.WECHAT, order)
    t.contains(t.redirect(r), "go=1", "straight to the page")
    t.eq(len(s.gateway.calls("access_token")), 1, "exchanges")


@test("Q43 each opening chooses anew")
def _(t):
    s = shop(t)
    order, back = inside(t, s)
    s.get("checkout", back, headers=ua(h5.WECHAT))
    _, r = pay(t, s, h5.PHONE, order)
    t.contains(t.redirect(r), "checkmweb", "to the cashier")
    token = dict(urllib.parse.parse_qsl(back))["t"]
    r = s.get("checkout", f"order={order}&t={token}&go=1",
              headers=ua(h5.WECHAT))
    t.page(r, 200, "result", "awaiting")
    t.eq([(a["state"], a.get("product", "h5"))
          for a in s.show(order)["attempts"]],
         [("closed", "jsapi"), ("awaiting", "h5")])


@test("Q41 a prepay without a prepay_id is no page to pay on")
def _(t):
    s = shop(t, gateway=t.own_gateway())
    s.gateway.fault("unifiedorder", "no-prepay-id")
    order, back = inside(t, s)
    t.page(s.get("checkout", back, headers=ua(h5.WECHAT)), 502,
           "gateway-error")


@test("Q53 a preview spends nothing")
def _(t):
    s = shop(t)
    order = t.id()
    for agent in ("facebookexternalhit/1.1", "TelegramBot (like TwitterBot)",
                  "WhatsApp/2.23", h5.WECHAT):
        for method in ("GET", "HEAD"):
            s.cgi("checkout", method, s.link(order, 5), headers=ua(agent))
    t.eq(calls(t, order), [], "calls")
    t.redirect(pay(t, s, h5.PHONE, order)[1])


@table("check: products = {0}: {1}", [
    ("h5 nativ", "one or more of h5, native and jsapi"),
    ("jsapi", "app_secret_file")])
def _(t, products, why):
    s = t.own_site({"merchant.products": products})
    code, out, err = s.h5pay("check")
    t.eq(code, 78, "exit status")
    t.contains(out + err, why, "why")

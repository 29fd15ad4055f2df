"""return-page: reads the store, never contacts WeChat (interface 3)."""

import re
import subprocess

import h5
from case import table, test
from test_command import ledger

ERRORS_ZH = [
    "网络环境未能通过安全验证",
    "商家参数格式有误",
    "商家存在未配置的参数",
    "支付请求已失效",
    "请在微信外打开订单",
    "签名验证失败",
    "系统繁忙",
]


def ready(t, fee=100, site=None):
    site = site or t.site
    order = t.id()
    token = site.ready(order, fee)
    return order, token, {"order": order, "t": token}


@test("the return page asks 请确认微信支付是否已完成 and offers two buttons")
def _(t):
    order, token, q = ready(t)
    r = t.site.get("return-page", q)
    t.page(r, 200, "return")
    t.contains(r.visible, "请确认微信支付是否已完成", "heading")
    t.contains(r.visible, "1.00", "amount")
    t.contains(r.visible, order, "order")
    posts = [f for f in r.forms if (f.method or "").lower() == "post"]
    one, two = posts[0], posts[1]
    t.matches(one.action, r"(^|/)query$", "the first button")
    t.contains(one.text, "已完成支付", "the first button")
    t.eq((one.get("order"), one.get("t")), (order, token), "its fields")
    t.matches(two.action, r"(^|/)checkout$", "the second button")
    t.contains(" ".join(two.text.split()), "支付遇到问题，重新支付",
               "the second button")
    t.eq((two.get("order"), two.get("t"), two.get("again")),
         (order, token, "1"), "its fields")


@test("the return page is there in English too")
def _(t):
    _, _, q = ready(t)
    r = t.site.get("return-page", dict(q, lang="en"))
    t.page(r, 200, "return")
    t.eq(r.dom.lang, "en", "language")
    t.lacks(r.visible, "请确认", "Chinese in the English page")


@test("the return page lists every documented message of the cashier")
def _(t):
    _, _, q = ready(t)
    r = t.site.get("return-page", q)
    for text in ERRORS_ZH:
        t.contains(r.visible, text, "messages")
    t.contains(r.visible, "由于商家传入的H5交易参数有误", "messages")
    r = t.site.get("return-page", dict(q, lang="en"))
    for text in ERRORS_ZH:
        t.contains(r.visible, text, "messages, as WeChat shows them")


@test("every button of the return page leads to an answer")
def _(t):
    s = t.own_site()
    order, token, q = ready(t, site=s)
    r = s.get("return-page", q)
    t.ok(len(r.forms) >= 2, "forms")
    for form in r.forms:
        program = re.search(r"([a-z-]+)$", form.action).group(1)
        method = form.method.upper()
        got = s.cgi(program, method, "" if method == "POST" else dict(
            form.fields), form.fields if method == "POST" else None)
        t.ok(got.status in (200, 303), f"{form} gives {got}")


@test("the page for a missing Referer leads to the handoff page")
def _(t):
    s = t.own_site()
    order, token, q = ready(t, site=s)
    r = s.get("return-page", q)
    forms = [f for f in r.forms if "go" in str(f.fields) + (f.action or "")
             and f.get("again") is None or f.get("go")]
    hand = None
    for form in r.forms:
        if (form.method or "").lower() != "post" or not (
                form.action.endswith("checkout")):
            continue
        got = s.post("checkout", form.fields)
        to = got.header("Location") or ""
        if "go=1" in to:
            hand = to
            break
    t.ok(hand, f"a button whose 303 leads to go=1 among {r.forms} {forms}")


SETTLED = ["paid", "closed"]


@table("the return page of a {0} order is the result", SETTLED)
def _(t, state):
    order, token, q = ready(t, 5)
    if state == "paid":
        t.success(t.site.notify(h5.notice(order, 5)))
    else:
        t.eq(t.site.h5pay("close", order)[0], 0, "h5pay close")
    r = t.site.get("return-page", q)
    t.page(r, 200, "result", state)


@table("the return page never contacts WeChat when the order is {0}", [
    "created", "awaiting", "paid", "closed", "disputed"])
def _(t, state):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    order = t.id()
    if state == "created":
        g.fault("unifiedorder", "cut-before", order=order)
        r = s.order(order, 5)
        t.page(r, 502, "gateway-error")
        token = next(f.get("t") for f in r.forms if f.get("t"))
        g.clear()
    else:
        token = s.ready(order, 5)
    if state == "paid":
        t.success(s.notify(h5.notice(order, 5)))
    elif state == "closed":
        t.eq(s.h5pay("close", order)[0], 0, "h5pay close")
    elif state == "disputed":
        t.refused(s.notify(h5.notice(order, 6)))
    g.pay(order) if state == "awaiting" else None
    before = g.counters()["api_connections"]
    calls = len(g.calls())
    for _ in range(3):
        t.eq(s.get("return-page", {"order": order, "t": token}).status, 200,
             "status")
    t.eq(len(g.calls()), calls, "calls at the gateway")
    t.ok(g.counters()["api_connections"] - before == 0, "connections")


@test("the return page works while the gateway is gone and writes nothing")
def _(t):
    s = t.own_site()
    order, token, q = ready(t, site=s)
    before = {p: p.read_bytes() for p in s.store.rglob("*") if p.is_file()}
    s.configure({"gateway.url": "http://127.0.0.1:9"})
    t.page(s.get("return-page", q), 200, "return")
    after = {p: p.read_bytes() for p in s.store.rglob("*") if p.is_file()}
    t.eq(after, before, "files of the store")


@table("{0} is not linked to libcurl", ["return-page", "notify"])
def _(t, program):
    out = subprocess.run(["readelf", "-d", t.site.bin / program],
                         capture_output=True, text=True, check=True).stdout
    t.lacks(out, "libcurl", "needed libraries")


def normal(reply):
    """The page without its request id."""
    rid = re.compile(rb"[0-9A-Za-z-]{8,19}")
    return re.sub(rb"<code[^>]*>[^<]*</code>", b"", reply.body), rid


@table("{0} does not look at an order before the token is right", [
    "return-page", "query"])
def _(t, program):
    # One that cannot be read tells who looks; time then tells nothing either.
    order, token, q = ready(t)
    path = ledger(t.site, order)
    path.unlink()
    path.mkdir()
    t.ok(t.site.get(program, q).status >= 500, "with the token: an error")
    for t_ in ("A" * 43, token[:-1], ""):
        t.page(t.site.get(program, {"order": order, "t": t_}), 404,
               "not-found")


@table("{0} shows the same 404 for a wrong token as for no order", [
    "return-page", "query"])
def _(t, program):
    order, token, _ = ready(t)
    real = t.site.get(program, {"order": order, "t": "A" * 43})
    none = t.site.get(program, {"order": order + "y", "t": "A" * 43})
    cut = t.site.get(program, {"order": order, "t": token[:-1]})
    more = t.site.get(program, {"order": order, "t": token + "A"})
    for r in (real, none, cut, more):
        t.page(r, 404, "not-found")
        t.lacks(r.visible, order, "the order's id")
        t.lacks(r.visible, "1.00", "the amount")

    def shape(r):
        return re.sub(r"[0-9A-Za-z+/=_-]{6,}", "#", r.visible)

    t.eq(shape(real), shape(none), "what a person reads")
    t.eq([n for n, _ in real.headers], [n for n, _ in none.headers], "headers")


@table("{0} shows the same 404 when {1}", [
    (p, why) for p in ("return-page", "query")
    for why in ("the token is missing", "the token is empty")])
def _(t, program, why):
    order, token, _ = ready(t)
    q = {"order": order}
    if why.endswith("empty"):
        q["t"] = ""
    t.page(t.site.get(program, q), 404, "not-found")


@table("{0} answers 400 to {1}", [
    (p, why, q) for p in ("return-page", "query") for why, q in [
        ("a doubled order", "order=abcdefg&order=abcdefg&t=x"),
        ("a doubled token", "order=abcdefg&t=x&t=x"),
        ("invalid UTF-8", "order=abcdefg&t=%ff"),
        ("a NUL", "order=abcdefg%00&t=x"),
        ("a bad escape", "order=abc%g1defg&t=x"),
    ]])
def _(t, program, why, query):
    t.page(t.site.get(program, query), 400, "bad-request")


@table("{0} shows nothing for {1}", [
    (p, why, q) for p in ("return-page", "query") for why, q in [
        ("no order", "t=abc"),
        ("nothing at all", ""),
        ("a path for an order", "order=../../etc/passwd&t=x"),
        ("an order of 29 bytes", "order=" + "a" * 29 + "&t=x"),
    ]])
def _(t, program, why, query):
    r = t.site.get(program, query)
    t.ok((r.status, r.page) in ((400, "bad-request"), (404, "not-found")),
         f"{r}")


@table("{0} return-page is not allowed", ["POST", "PUT", "DELETE"])
def _(t, method):
    body = b"order=x" if method == "POST" else None
    r = t.site.cgi("return-page", method, "order=abcdefg&t=x", body)
    t.page(r, 405, "not-allowed")
    allow = {m.strip() for m in r.header("Allow").split(",")}
    t.eq(allow, {"GET", "HEAD"}, "Allow")


@test("HEAD return-page has no body")
def _(t):
    _, _, q = ready(t, site=t.web)
    r = t.web.cgi("return-page", "HEAD", q)
    t.eq((r.status, r.body), (200, b""), "answer")


@test("a page names until when nothing: no script, no cookie")
def _(t):
    _, _, q = ready(t)
    r = t.site.get("return-page", q)
    t.eq([n for n, _ in r.headers if n.lower() == "set-cookie"], [], "cookies")

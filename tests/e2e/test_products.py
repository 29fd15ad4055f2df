"""What is said of products: by the command, and where WeChat refuses one."""

import csv
import io
import json
import re

import h5
import test_ways as ways
from case import table, test

WORDS = {"h5": "MWEB", "native": "NATIVE", "jsapi": "JSAPI"}
NAMES = {"h5": "H5 payment", "native": "Native payment",
         "jsapi": "JSAPI payment"}
AGENT = {"h5": ways.ANDROID, "native": ways.DESKTOP, "jsapi": h5.WECHAT}


def shop(t, has="h5 native jsapi", products=ways.ALL, **kw):
    """A shop whose account at WeChat has these products."""
    g = t.own_gateway()
    g.option(products=" ".join(WORDS[p] for p in has.split()) or "none")
    return ways.shop(t, products, gateway=g, **kw)


def start(t, s, via, order=None):
    """The answer to a buyer who pays so."""
    order, r = ways.pay(t, s, AGENT[via], order, via)
    if via != "jsapi" or r.status != 303:
        return order, r
    back = ways.authorize(t, s, t.redirect(r))
    return order, s.get("checkout", back, headers=ways.ua(h5.WECHAT))


def prepays(s):
    return [c["fields"]["trade_type"] for c in s.gateway.calls("unifiedorder")]


# --- the command -------------------------------------------------------------


@test("list, show, export and report name the products of a shop that has "
      "more than h5")
def _(t):
    s = shop(t)
    made = {}
    for via, fee in (("h5", 500), ("native", 500), ("jsapi", 500)):
        made[via], _r = start(t, s, via)
        s.gateway.pay(made[via])
        t.eq(s.h5pay("query", made[via])[0], 0, "query")
    extra, _r = start(t, s, "native")
    s.gateway.pay(extra)
    t.eq(s.h5pay("query", extra)[0], 0, "query")
    want = {**{made[v]: v for v in made}, extra: "native"}

    code, out, err = s.h5pay("list")
    t.eq({r.split("\t")[0]: r.split("\t")[-1] for r in out.splitlines()
          if r.split("\t")[0] in want}, want, "list")
    code, out, err = s.h5pay("list", "--json")
    t.eq({r["order"]: r["product"]
          for r in map(json.loads, out.splitlines())}, want, "list --json")
    code, out, err = s.h5pay("export", "--format", "csv")
    t.eq({r["order"]: r["product"] for r in csv.DictReader(
        io.StringIO(out, newline=""))}, want, "export")
    for order, via in want.items():
        rows = [r.split("\t") for r in s.h5pay("show", order)[1].splitlines()]
        t.eq([r[-1] for r in rows if r[0] == "attempt"], [via], "show")
    code, out, err = s.h5pay("--json", "report", "today")
    t.eq(json.loads(out)["products"],
         [{"product": p, "paid": n, "paid_fee": 5 * n}
          for p, n in (("h5", 1), ("native", 2), ("jsapi", 1))], "report")
    for lang, name in (("en", "by QR code (Native): paid / yuan"),
                       ("zh-CN", "扫码（Native）：笔数 / 元")):
        code, out, err = s.h5pay("report", "today", "--lang", lang)
        t.contains(out, f"<dt>{name}</dt><dd>2 / 0.10</dd>", lang)


@test("a shop of h5 alone reads no word of products")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    s.gateway.pay(order)
    t.eq(s.h5pay("query", order)[0], 0, "query")
    code, out, err = s.h5pay("list")
    t.eq([len(r.split("\t")) for r in out.splitlines()], [8], "columns")
    t.lacks(s.h5pay("list", "--json")[1], '"product"', "list --json")
    t.lacks(s.h5pay("export", "--format", "csv")[1], "product", "export")
    t.lacks(s.h5pay("--json", "report", "today")[1], '"products"', "report")
    t.lacks(s.h5pay("report", "today", "--lang", "en")[1], "(Native)", "page")
    t.lacks(s.h5pay("show", order)[1], "\th5", "show")


@test("an order of a way that the shop has given up keeps its name")
def _(t):
    s = shop(t)
    order, _r = start(t, s, "native")
    s.gateway.pay(order)
    t.eq(s.h5pay("query", order)[0], 0, "query")
    s.configure({"merchant.products": "h5", "merchant.app_secret_file": None})
    t.contains(s.h5pay("show", order)[1], "\tnative\n", "show")
    code, out, err = s.h5pay("--json", "report", "today")
    t.eq([p["paid"] for p in json.loads(out)["products"]], [0, 1, 0], "report")


# --- a product that is not opened --------------------------------------------


@table("the log names {0} where the merchant has not opened it", [
    ("h5",), ("native",), ("jsapi",)])
def _(t, via):
    s = shop(t, has="", products=via)
    order, r = start(t, s, via)
    t.page(r, 502, "merchant-error")
    (line,) = [x for x in s.log() if " wechat-call " in x
               and "api=unifiedorder" in x]
    t.ok(line.startswith("alert "), f"level: {line}")
    t.contains(line, "err_code=NOAUTH", "code")
    t.contains(line, f'note="{NAMES[via]} is not opened', "note")


@table("the log names {0} where WeChat says so without a signature", [
    ("native",), ("jsapi",)])
def _(t, via):
    s = shop(t, products=via)
    s.gateway.fault("unifiedorder", "return-fail", value="产品权限未开通")
    order, r = start(t, s, via)
    t.page(r, 502, "merchant-error")
    (line,) = [x for x in s.log() if " wechat-call " in x
               and "api=unifiedorder" in x]
    t.ok(line.startswith("alert "), f"level: {line}")
    t.contains(line, f'note="{NAMES[via]} is not opened', "note")


@test("a query that is refused so names no product")
def _(t):
    s = shop(t)
    order, _r = start(t, s, "native")
    s.gateway.fault("orderquery", "result-fail", name="NOAUTH")
    s.h5pay("query", order)
    text = "\n".join(s.log()) + s.h5pay("query", order)[2]
    t.contains(text, "this product is not opened", "note")
    for name in NAMES.values():
        t.lacks(text, name, "no product")


@test("explain tells each product, and the way out of a shop without H5")
def _(t):
    for lang, words in (("en_US.UTF-8", ("H5, Native or JSAPI",
                                         "native and jsapi")),
                        ("zh_CN.UTF-8", ("H5、Native 或 JSAPI",
                                         "native 和 jsapi"))):
        code, out, err = t.site.h5pay("explain", "NOAUTH", conf=False,
                                      env={"LC_ALL": lang, "LANG": lang})
        for w in words:
            t.contains(re.sub(r"\s+", " ", out), w, lang)


@test("doctor names the products that must be opened")
def _(t):
    s = shop(t)
    s.gateway.fault("orderquery", "result-fail", name="NOAUTH")
    code, out, err = s.h5pay("doctor")
    t.contains(out + err, "merchant.products: h5 native jsapi", "products")


# --- and what the buyer is offered -------------------------------------------


def offered(t, page, via):
    """The next way stands on the page, a press away: its answer's form."""
    t.page(page, 502, "merchant-error")
    t.eq(ways.vias(page)[:1], [via], "the next way")
    return next(f for f in page.forms if dict(f.fields).get("via") == via)


@table("Q110 {0} is refused: {1} is a press away, and {0} is not asked again", [
    ("native", "h5", "h5 jsapi"), ("h5", "native", "native jsapi")])
def _(t, via, other, has):
    s = shop(t, has=has)
    agent = AGENT[via]
    order, r = start(t, s, via)
    form = offered(t, r, other)
    (line,) = [x for x in s.log() if " product-shut " in x]
    t.ok(line.startswith("alert "), f"level: {line}")
    t.contains(line, f"product={via}", "product")
    r = s.post("checkout", form.fields, headers=ways.ua(agent))
    t.eq(r.status, 303, "one press")
    t.eq(s.show(order)["attempts"][-1].get("product", "h5"), other, "the attempt")
    t.eq(prepays(s), [WORDS[via], WORDS[other]], "prepays")
    # The next buyer is never asked to try it, also by an old form.
    page = s.get("checkout", s.link(t.id(), 5), headers=ways.ua(agent))
    t.lacks(ways.vias(page), via, "the next buyer's ways")
    fields = [(k, via if k == "via" else v)
              for k, v in page.forms[0].fields]
    if via not in dict(fields).values():
        fields.append(("via", via))
    t.eq(s.post("checkout", fields, headers=ways.ua(agent)).status, 303,
         "an old form")
    t.eq(prepays(s), [WORDS[via], WORDS[other], WORDS[other]], "prepays")


@test("Q110 JSAPI is refused inside WeChat: the page says where it goes on")
def _(t):
    s = shop(t, has="h5 native")
    order, r = start(t, s, "jsapi")
    page = ways.go(t, s, r, h5.WECHAT)
    t.page(page, 200, "open-outside")
    r = s.get("checkout", s.link(t.id(), 5), headers=ways.ua(h5.WECHAT))
    t.page(r, 200, "open-outside")
    t.eq(prepays(s), ["JSAPI"], "prepays")


@test("Q110 status and doctor name it, doctor ends the hour")
def _(t):
    s = shop(t, has="h5 jsapi")
    start(t, s, "native")
    t.contains(s.h5pay("status")[1], "refused by WeChat\tnative", "status")
    t.eq(json.loads(s.h5pay("--json", "status")[1])["products_refused"],
         "native", "status --json")
    s.gateway.fault("orderquery", "result-fail", name="SIGNERROR")
    out = s.h5pay("doctor")[1]
    t.contains(out, "WeChat refused native as not opened", "doctor")
    t.contains(s.h5pay("status")[1], "refused by WeChat\tnative", "stays")
    s.gateway.clear()
    s.gateway.option(products="MWEB NATIVE JSAPI")
    out = s.h5pay("doctor")[1]
    t.contains(out, "asked for again", "doctor")
    t.lacks(s.h5pay("status")[1], "refused by WeChat", "status")
    order, r = start(t, s, "native")
    t.eq(r.status, 303, "native again")


@table("Q110 {0} ends the hour", [
    ("a configuration that was changed", "conf"), ("a torn file", "torn"),
    ("an hour", "hour"), ("a time to come", "future"),
    ("nothing in the file", "empty")])
def _(t, what, how):
    s = shop(t, has="h5 jsapi")
    start(t, s, "native")
    path = s.store / "shut.native"
    text = path.read_text()
    if how == "conf":
        s.configure({"merchant.products": "h5 native",
                     "merchant.app_secret_file": None})
    elif how == "torn":
        path.write_text(text[:-1])
    elif how == "empty":
        path.write_text("")
    else:
        year = "2020" if how == "hour" else "2090"
        path.write_text(year + text[4:])
    page = s.get("checkout", s.link(t.id(), 5), headers=ways.ua(ways.DESKTOP))
    t.contains(ways.vias(page), "native", "offered again")


@test("Q110 where every product is refused the buyer is told, and WeChat asked")
def _(t):
    s = shop(t, has="", products="h5 native")
    order, r = start(t, s, "native")
    r = s.post("checkout", offered(t, r, "h5").fields,
               headers=ways.ua(ways.DESKTOP))
    t.page(r, 502, "merchant-error")
    t.eq(ways.vias(r), [], "no way")
    s.gateway.option(products="MWEB NATIVE")
    order, r = start(t, s, "native")
    t.eq(r.status, 303, "opened meanwhile")


@test("Q110 a shop of one product is asked each time, and keeps nothing")
def _(t):
    s = shop(t, has="", products="native")
    for n in (1, 2):
        start(t, s, "native")
        t.eq(len(prepays(s)), n, "prepays")
    t.eq(list(s.store.glob("shut.*")), [], "files")


@test("Q110 what was ordered before the refusal can still be paid")
def _(t):
    s = shop(t)
    order, page = ways.scan(t, s)
    s.gateway.option(products="MWEB JSAPI")
    start(t, s, "native")
    token = dict(page.form("query").fields)["t"]
    page = s.get("checkout", f"order={order}&t={token}&go=1",
                 headers=ways.ua(ways.DESKTOP))
    t.page(page, 200, "scan", "awaiting")

"""What APIv3 says and what becomes of it: each row of WeChat's table of
errors, each answer that must not be believed, at the programs and at the
command."""

import json
import pathlib
import subprocess
import time
import urllib.parse

import h5
import v3
from case import table, test

# A platform certificate that is over since 2025.
OVER = (pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "v3"
        / "java-sdk" / "wechat_pay_certificate.pem")


def prepays(t, order):
    """The prepays of a number, as they came."""
    return t.gateway.calls("unifiedorder", order)


class Ran:
    """What the command said."""

    def __init__(self, s, *args):
        self.returncode, self.stdout, self.stderr = s.h5pay(*args)


def again(s, order, reply):
    """The order's own button: pay again."""
    return s.post("checkout", {"order": order, "t": s.token(reply),
                               "again": "1"})


def paid(t, s):
    """A paid order of 1.00; its id."""
    order = t.id()
    token = s.token(s.order(order, 100))
    t.gateway.pay(order)
    s.post("query", {"order": order, "t": token})
    t.eq(s.show(order)["state"], "paid", "state")
    return order


@table("an order of APIv3 is paid for by {0}", ["plain CGI", "FastCGI"])
def _(t, how):
    s = t.v3site if how == "plain CGI" else t.v3web
    order = t.id()
    reply = s.order(order, 100)
    to = t.redirect(reply)
    t.ok(to.startswith(t.gateway.mweb_url(order) + "&redirect_url="), to)
    token = s.token(reply)
    t.gateway.pay(order)
    r = s.post("query", {"order": order, "t": token})
    r = s.get("query", urllib.parse.urlsplit(t.redirect(r)).query)
    t.page(r, 200, "result", "paid")
    o = s.show(order)
    t.eq((o["state"], o["paid_via"]), ("paid", "query"), "order")
    (call,) = prepays(t, order)
    t.eq(call["outcome"].strip(), "SUCCESS", "the prepay")


# --- each row of the table ---------------------------------------------------


@table("a prepay of APIv3 that is answered {1} with status {0}: {2}", [
    (400, "PARAM_ERROR", "merchant-error"),
    (400, "INVALID_REQUEST", "merchant-error"),
    (400, "APPID_MCHID_NOT_MATCH", "merchant-error"),
    (400, "MCH_NOT_EXISTS", "merchant-error"),
    (401, "SIGN_ERROR", "merchant-error"),
    (403, "NO_AUTH", "merchant-error"),
    (403, "RULE_LIMIT", "merchant-error"),
    (403, "REQUEST_BLOCKED", "merchant-error"),
    (400, "SOMETHING_NEW", "merchant-error"),
    (429, "FREQUENCY_LIMITED", "gateway-error"),
    (429, "RATELIMIT_EXCEEDED", "gateway-error"),
    (500, "SYSTEM_ERROR", "gateway-error"),
    (500, "OPENID_MISMATCH", "gateway-error"),
    (503, "SERVICE_UNAVAILABLE", "gateway-error"),
])
def _(t, status, code, page):
    s = t.v3site
    order = t.id()
    t.gateway.fault("unifiedorder", "result-fail", order, name=code,
                    status=status)
    t.page(s.order(order), 502, page)
    o = s.show(order)
    t.eq(len(o["attempts"]), 1, "attempts")
    t.eq(o["state"], "created", "state")
    # Mended, the very same number and bytes are good.
    first = prepays(t, order)[0]["body"]
    t.gateway.clear(order)
    reply = s.order(order)
    t.redirect(reply)
    t.eq({c["body"] for c in prepays(t, order)}, {first}, "bodies")
    t.eq(len(s.show(order)["attempts"]), 1, "attempts")


@table("a number of APIv3 that WeChat says is {0} is followed by the next "
       "after a confirmed close", [
           ("OUT_TRADE_NO_USED", 403), ("INVALID_REQUEST", 400),
           ("ORDER_CLOSED", 400)])
def _(t, code, status):
    s = t.v3site
    order = t.id()
    reply = s.order(order)
    t.redirect(reply)
    t.gateway.fault("unifiedorder", "result-fail", order, name=code,
                    status=status)
    t.redirect(again(s, order, reply))
    t.eq(t.gateway.order(order)["state"], "CLOSED", "the first number")
    o = s.show(order)
    t.eq([a["state"] for a in o["attempts"]], ["closed", "awaiting"],
         "attempts")
    t.eq([a["out_trade_no"] for a in o["attempts"]], [order, order + "_2"],
         "numbers")
    t.gateway.clear(order)


@table("a close of APIv3 that is answered {1} with status {0} while the "
       "number is open closes nothing", [
           (400, "ORDER_CLOSED"), (400, "ORDER_PAID"), (403, "TRADE_ERROR"),
           (400, "INVALID_REQUEST"), (404, "ORDER_NOT_EXIST"),
           (403, "RULE_LIMIT"), (401, "SIGN_ERROR"), (500, "SYSTEM_ERROR"),
           (429, "FREQUENCY_LIMITED")])
def _(t, status, code):
    s = t.v3site
    order = t.id()
    s.ready(order)
    t.gateway.fault("closeorder", "result-fail", order, name=code,
                    status=status)
    r = Ran(s, "close", order)
    t.ok(r.returncode != 0, "close fails")
    o = s.show(order)
    t.eq((o["state"], o["attempts"][0]["state"]), ("awaiting", "awaiting"),
         "state")
    t.gateway.clear(order)
    t.eq(Ran(s, "close", order).returncode, 0, "close")
    t.eq(s.show(order)["state"], "closed", "state")
    (call,) = [c for c in t.gateway.calls("closeorder", order)
               if c["outcome"].strip() == "SUCCESS"]
    t.eq(json.loads(call["body"]), {"mchid": h5.MCH_ID}, "body")


@test("a close of APIv3 is refused since the buyer paid: the query finds it")
def _(t):
    s = t.v3site
    order = t.id()
    s.ready(order, 100)
    t.gateway.pay(order)
    t.eq(Ran(s, "close", order).returncode, 1, "close")
    t.eq(s.show(order)["state"], "paid", "state")


@table("a query of APIv3 that is answered {1} with status {0} says nothing "
       "about the payment", [
           (400, "PARAM_ERROR"), (401, "SIGN_ERROR"), (403, "RULE_LIMIT"),
           (403, "TRADE_ERROR"), (404, "RESOURCE_NOT_EXISTS"),
           (429, "FREQUENCY_LIMITED"), (500, "SYSTEM_ERROR")])
def _(t, status, code):
    s = t.v3site
    order = t.id()
    s.ready(order, 100)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", "result-fail", order, name=code,
                    status=status)
    t.eq(Ran(s, "query", order).returncode, 69, "query")
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.gateway.clear(order)
    t.eq(Ran(s, "query", order).returncode, 0, "query")
    t.eq(s.show(order)["state"], "paid", "state")


@table("a refund of APIv3 that is answered {1} with status {0}: exit {2}, and "
       "the same number again", [
           (400, "PARAM_ERROR", 78), (400, "INVALID_REQUEST", 1),
           (401, "SIGN_ERROR", 78), (403, "NOT_ENOUGH", 1),
           (403, "USER_ACCOUNT_ABNORMAL", 1), (404, "RESOURCE_NOT_EXISTS", 1),
           (404, "MCH_NOT_EXISTS", 78), (429, "FREQUENCY_LIMITED", 69),
           (500, "SYSTEM_ERROR", 69), (500, "BIZ_ERR_NEED_RETRY", 69)])
def _(t, status, code, exit_status):
    s = t.v3site
    order = paid(t, s)
    t.gateway.fault("refund", "result-fail", order, name=code, status=status)
    r = Ran(s, "refund", order, "--fee", "30", "--yes")
    t.eq(r.returncode, exit_status, r.stderr)
    # WeChat is asked what became of it; a second POST goes to the other host
    # alone, and there is none here.
    t.eq(len(t.gateway.calls("refund", order)), 1, "POSTs")
    t.ok([c for c in t.gateway.calls("refundquery")
          if c["target"].endswith(f"/{order}-r1")], "no query followed")
    t.gateway.clear(order)
    r = Ran(s, "refund", order, "--fee", "30", "--yes")
    t.eq(r.returncode, 0, r.stderr)
    numbers = {json.loads(c["body"])["out_refund_no"]
               for c in t.gateway.calls("refund", order)}
    t.eq(numbers, {order + "-r1"}, "numbers")


# --- what must not be believed -----------------------------------------------

# A good answer that is spoilt, whichever call it is to.
SPOILT = [
    ("unsigned", {}), ("wrong-sign", {}), ("signtest", {}),
    ("unknown-serial", {"value": "PUB_KEY_ID_0114232134912410000000000001"}),
    ("unknown-serial", {"value": "0114232134912410000000000000"}),
    ("other-key", {}),
    ("old-time", {}), ("old-time", {"name": "future"}),
    ("no-header", {"name": "Wechatpay-Nonce"}),
    ("two-headers", {"name": "Wechatpay-Serial", "value": v3.PUBLIC_KEY_ID}),
    ("set-header", {"name": "Wechatpay-Signature-Type", "value": "SM2"}),
    ("spoil-body", {}), ("duplicate", {"name": "mchid", "value": "1"}),
    ("empty", {}), ("html", {}), ("accepted", {}), ("half", {}),
    ("half-no-length", {}), ("two-lengths", {}), ("header-bomb", {}),
    ("redirect", {}), ("cut-after", {}), ("gzip", {}),
    ("http-status", {"status": 206}), ("http-status", {"status": 302}),
    ("http-status", {"status": 404}), ("http-status", {"status": 500}),
]


@table("a query of APIv3 whose answer is spoilt by {0} {1} pays nothing",
       SPOILT)
def _(t, kind, how):
    s = t.v3site
    order = t.id()
    token = s.ready(order, 100)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", kind, order, **how)
    s.post("query", {"order": order, "t": token})
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.gateway.clear(order)
    t.eq(Ran(s, "query", order).returncode, 0, "query")
    t.eq(s.show(order)["state"], "paid", "state")


@table("a prepay of APIv3 whose answer is spoilt by {0} {1} leads nowhere, "
       "and the same bytes are sent again", [
           x for x in SPOILT if x[0] not in ("duplicate", "gzip")])
def _(t, kind, how):
    s = t.v3site
    order = t.id()
    t.gateway.fault("unifiedorder", kind, order, **how)
    reply = s.order(order)
    t.ok(reply.status == 502, reply)
    t.gateway.clear(order)
    t.redirect(s.order(order))
    t.eq(len({c["body"] for c in prepays(t, order)}), 1, "bodies")
    o = s.show(order)
    t.eq([a["out_trade_no"] for a in o["attempts"]], [order], "numbers")


@table("a refund of APIv3 whose answer is spoilt by {0} {1} is found by a "
       "query, and made once", [
           ("unsigned", {}), ("wrong-sign", {}), ("signtest", {}),
           ("old-time", {}), ("empty", {}), ("cut-after", {}), ("half", {}),
           ("systemerror-after", {})])
def _(t, kind, how):
    s = t.v3site
    order = paid(t, s)
    t.gateway.fault("refund", kind, order, **how)
    r = Ran(s, "refund", order, "--fee", "30", "--yes")
    t.eq(r.returncode, 0, r.stderr)
    t.gateway.clear(order)
    refunds = s.show(order)["refunds"]
    t.eq([x["out_refund_no"] for x in refunds], [order + "-r1"], "refunds")
    t.eq(len(t.gateway.control("refunds", out_trade_no=order)["refunds"]), 1,
         "refunds at WeChat")


@table("a single {0} does not disturb a prepay of APIv3", [
    "signtest", "wrong-sign", "accepted", "cut-before", "cut-after"])
def _(t, kind):
    s = t.v3site
    if kind.startswith("cut"):
        s = t.own_site({**v3.conf(),
                        "gateway.backup_url": t.gateway.url})
    order = t.id()
    t.gateway.fault("unifiedorder", kind, order, count=1)
    t.redirect(s.order(order))
    bodies = [c["body"] for c in prepays(t, order)]
    t.ok(len(bodies) >= 1 and len(set(bodies)) == 1, bodies)


@test("answers in chunks and with unknown members are good")
def _(t):
    s = t.v3site
    order = t.id()
    for api in ("unifiedorder", "orderquery", "closeorder"):
        t.gateway.fault(api, "chunked", order)
        t.gateway.fault(api, "unknown-field", order)
    s.ready(order)
    t.eq(Ran(s, "query", order).returncode, 1, "query: unpaid")
    t.eq(Ran(s, "close", order).returncode, 0, "close")


@test("coupons do not make another amount, and some of it back is paid")
def _(t):
    s = t.v3site
    order = t.id()
    token = s.ready(order, 100)
    t.gateway.fault("orderquery", "coupons", order)
    t.gateway.pay(order)
    s.post("query", {"order": order, "t": token})
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", []), "order")


@table("a wrong {0} in a query of APIv3 is disputed", [
    ("amount", "wrong-amount"), ("currency", "fee-type")])
def _(t, what, kind):
    s = t.v3site
    order = t.id()
    token = s.ready(order, 100)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", kind, order)
    s.post("query", {"order": order, "t": token})
    o = s.show(order)
    t.eq(o["alerts"], ["disputed"], "alerts")
    t.no(o["paid_at"], "paid")


@table("a query of APIv3 about another {0} is not believed", [
    ("merchant", "other-mch-id"), ("appid", "other-appid"),
    ("order", "other-order")])
def _(t, what, kind):
    s = t.v3site
    order = t.id()
    token = s.ready(order, 100)
    t.gateway.pay(order)
    t.gateway.fault("orderquery", kind, order)
    s.post("query", {"order": order, "t": token})
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("awaiting", []), "order")


# --- headers, and the clock --------------------------------------------------


@test("each request of APIv3 has its headers, and asks for the public key")
def _(t):
    s = t.v3site
    order = paid(t, s)
    Ran(s, "refund", order, "--yes")
    Ran(s, "query", order)
    calls = t.gateway.calls(order=order)
    t.ok({c["api"] for c in calls} >= {"unifiedorder", "orderquery", "refund",
                                       "refundquery"}, "calls")
    for c in calls:
        if not c["target"].startswith("/v3/"):
            continue
        h = {n.lower(): v for n, v in c["headers"].items()}
        t.eq(h.get("wechatpay-serial"), v3.PUBLIC_KEY_ID, c["target"])
        t.eq(h.get("accept"), "application/json", c["target"])
        t.matches(h.get("user-agent"), r"^h5pay/", c["target"])
        t.no(h.get("accept-encoding"), "Accept-Encoding")
        t.eq(h.get("content-type"),
             "application/json" if c["method"] == "POST" else None,
             c["target"])


@test("a clock that is wrong is told by how much")
def _(t):
    g = t.own_gateway()
    s = t.own_site(v3.conf(), gateway=g)
    g.advance(-3600)
    order = t.id()
    t.page(s.order(order), 502, "merchant-error")
    (line,) = [x for x in s.log() if "wechat-call" in x]
    t.matches(line, r"ahead_s=(359\d|360\d) ", "line")
    t.contains(line, "clock", "note")


# --- bills -------------------------------------------------------------------


@table("a bill of APIv3 spoilt by {1} is not taken", [
    ("tradebill", "bill-hash", {}),
    ("tradebill", "bill-url", {"value": "https://evil.example/v3/bill"}),
    ("tradebill", "unsigned", {}),
    ("billfile", "cut-after", {}), ("billfile", "half", {}),
    ("billfile", "html", {}),
])
def _(t, api, kind, how):
    g = t.own_gateway()
    s = t.own_site(v3.conf(), gateway=g)
    g.option(bill_early=1)
    order = t.id()
    token = s.token(s.order(order, 100))
    g.pay(order)
    s.post("query", {"order": order, "t": token})
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 28800))
    g.fault(api, kind, **how)
    t.eq(Ran(s, "bill", today).returncode, 69, "bill")
    g.control("clear")
    r = Ran(s, "bill", today)
    t.eq(r.returncode, 0, r.stderr)
    r = Ran(s, "reconcile", today, "--kept")
    t.eq(r.returncode, 0, r.stdout)


@test("a bill of APIv3 whose hash is of the packed bytes is taken")
def _(t):
    g = t.own_gateway()
    s = t.own_site(v3.conf(), gateway=g)
    g.option(bill_early=1)
    s.ready(t.id())
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 28800))
    g.fault("tradebill", "bill-hash-packed")
    order = t.id()
    s.ready(order)
    g.pay(order)
    t.eq(Ran(s, "bill", today).returncode, 0, "bill")


# --- certs -------------------------------------------------------------------


def certificate_site(t, g, file):
    conf = v3.conf("certificate")
    conf["merchant.platform_certs"] = file
    return t.own_site(conf, gateway=g)


@test("certs writes the platform certificates, for the owner alone, and orders "
      "are paid by them")
def _(t):
    g = t.own_gateway()
    s = certificate_site(t, g, None)
    file = s.folder / "platform.pem"
    s.configure({"merchant.platform_certs": file})
    r = Ran(s, "certs")
    t.eq(r.returncode, 78, "none there")
    t.contains(r.stderr, "merchant.public_key_file", "what to do")
    t.no(file.exists(), "a file without certificates")
    g.option(certificates=1)
    r = Ran(s, "certs")
    t.eq(r.returncode, 0, r.stderr)
    t.contains(r.stdout, v3.PLATFORM_SERIAL, "stdout")
    t.eq(file.stat().st_mode & 0o777, 0o600, "mode")
    t.contains(file.read_text(), "BEGIN CERTIFICATE", "file")
    order = t.id()
    token = s.token(s.order(order, 100))
    g.pay(order)
    s.post("query", {"order": order, "t": token})
    t.eq(s.show(order)["state"], "paid", "state")
    # The same again changes nothing, not even the file's time.
    before = file.stat().st_mtime_ns
    r = Ran(s, "certs", "--json")
    t.eq(json.loads(r.stdout)["certificates"][0]["new"], False, "new")
    t.eq(file.stat().st_mtime_ns, before, "mtime")


@test("certs keeps a certificate that is not over, and drops one that is")
def _(t):
    g = t.own_gateway()
    g.option(certificates=1)
    s = certificate_site(t, g, None)
    file = s.folder / "platform.pem"
    s.configure({"merchant.platform_certs": file})
    good = s.folder / "good.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
         s.folder / "good.key", "-out", good, "-subj", "/CN=Tenpay",
         "-set_serial", "0x5A01", "-days", "30"],
        check=True, capture_output=True)
    s.write("platform.pem", good.read_text() + OVER.read_text())
    r = Ran(s, "certs")
    t.eq(r.returncode, 0, r.stderr)
    rows = [x.split("\t") for x in r.stdout.splitlines()]
    t.eq([(x[0], x[2]) for x in rows],
         [(v3.PLATFORM_SERIAL, "new"), ("5A01", "kept")], "certificates")
    t.eq(file.read_text().count("BEGIN CERTIFICATE"), 2, "file")

"""notify: what WeChat tells us (interface section 4)."""

import pathlib
import socket
import threading
import time

import fcgi_wire
import h5
from case import table, test

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"


def ready(t, fee=100, site=None, **more):
    site = site or t.site
    order = t.id()
    token = site.ready(order, fee, **more)
    return order, {"order": order, "t": token}


def files(site):
    return {p: p.read_bytes() for p in site.store.rglob("*") if p.is_file()}


@table("a good notice makes the order paid by {0}", [
    "plain CGI", "FastCGI", "mod_cgi"])
def _(t, how):
    s = {"plain CGI": t.site, "FastCGI": t.web, "mod_cgi": t.webcgi}[how]
    order, q = ready(t, 5, site=s)
    tx = h5.transaction_id()
    t.success(s.notify(h5.notice(order, 5, tx)))
    o = s.show(order)
    t.eq((o["state"], o["paid_via"], o["transaction_id"], o["alerts"]),
         ("paid", "notify", tx, []), "the order")
    t.eq(o["paid_at"], "2026-11-23T16:40:12+08:00", "paid_at")
    t.eq(o["attempts"][0]["state"], "paid", "the attempt")
    t.page(s.get("return-page", q), 200, "result", "paid")


@test("the gateway's own notice is taken")
def _(t):
    s = t.web
    order, q = ready(t, 5, site=s)
    t.gateway.pay(order, notice=1)
    t.gateway.wait("notices", out_trade_no=order, taken=1, n=1)
    t.eq(s.show(order)["state"], "paid", "state")


@test("a notice that is repeated is answered SUCCESS and recorded once")
def _(t):
    order, q = ready(t, 5)
    body = h5.notice(order, 5)
    for _ in range(5):
        t.success(t.site.notify(body))
    o = t.site.show(order)
    t.eq([e["event"] for e in o["events"]].count("paid"), 1, "paid events")


@test("a repeated notice with another nonce and order of elements is the same")
def _(t):
    order, q = ready(t, 5)
    tx = h5.transaction_id()
    t.success(t.site.notify(h5.notice(order, 5, tx)))
    fields = h5.notice_fields(order, 5, tx, nonce_str="other")
    fields = dict(reversed(list(fields.items())))
    fields["sign"] = h5.wx_sign(fields)
    t.success(t.site.notify(h5.wx_xml(fields)))
    o = t.site.show(order)
    t.eq([e["event"] for e in o["events"]].count("paid"), 1, "paid events")


@test("64 notices at once are all answered SUCCESS and recorded once")
def _(t):
    s = t.web
    order, q = ready(t, 5, site=s)
    body = h5.notice(order, 5)
    for r in h5.together(64, lambda i: s.notify(body)):
        t.success(r)
    o = s.show(order)
    t.eq([e["event"] for e in o["events"]].count("paid"), 1, "paid events")


@table("a notice is taken with {0}", [
    ("a sign_type element", {"sign_type": "HMAC-SHA256"}, {}),
    ("unknown elements", {"unheard_of": "新字段", "Zz_9": "a&b<c>]]"}, {}),
    ("an attach", {"attach": "seat 7"}, {}),
    ("an empty device_info", {"device_info": ""}, {}),
    ("coupons", {"coupon_fee": "2", "coupon_count": "1", "cash_fee": "3",
                 "coupon_id_0": "10000", "coupon_fee_0": "2",
                 "settlement_total_fee": "5"}, {}),
    ("another trade_type", {"trade_type": "NATIVE"}, {}),
    ("a time_end that is no time", {"time_end": "yesterday"}, {}),
    ("no time_end", {"time_end": None}, {}),
    ("no fee_type", {"fee_type": None}, {}),
    ("no openid", {"openid": None}, {}),
    ("return_msg OK", {"return_msg": "OK"}, {}),
    ("an application/xml Content-Type", {},
     {"Content-Type": "application/xml"}),
    ("a form's Content-Type", {},
     {"Content-Type": "application/x-www-form-urlencoded"}),
    ("no Content-Type", {}, {"Content-Type": ""}),
])
def _(t, name, change, headers):
    order, q = ready(t, 5)
    r = t.site.notify(h5.notice(order, 5, **change), headers=headers)
    t.success(r)
    t.eq(t.site.show(order)["state"], "paid", "state")


@test("unknown elements are kept in the order's record")
def _(t):
    order, q = ready(t, 5)
    t.success(t.site.notify(h5.notice(order, 5, unheard_of="新字段")))
    paid = [e for e in t.site.show(order)["events"] if e["event"] == "paid"]
    t.contains(str(paid), "新字段", "the paid event")


@table("a notice is taken by a machine whose clock is {0} off", [
    "-400d", "+5y"])
def _(t, off):
    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.success(s.notify(h5.notice(order, 5), prefix=["faketime", "-f", off]))
    t.eq(s.show(order)["state"], "paid", "state")


@test("a notice from any address is taken")
def _(t):
    order, q = ready(t, 5)
    r = t.site.notify(h5.notice(order, 5), env={"REMOTE_ADDR": "8.8.8.8"})
    t.success(r)


@table("a notice with {0} between the elements is taken", [
    ("line feeds", b"\n"), ("CR LF", b"\r\n"), ("tabs", b"\t")])
def _(t, name, gap):
    order, q = ready(t, 5)
    body = h5.notice(order, 5).replace(b"><", b">" + gap + b"<")
    # Not inside a CDATA bracket, where it would be part of the value.
    body = body.replace(b">" + gap + b"<![", b"><![")
    body = body.replace(b"]]>" + gap + b"</", b"]]></")
    t.success(t.site.notify(body))


@test("a notice whose values are plain text is taken")
def _(t):
    order, q = ready(t, 5)
    fields = h5.notice_fields(order, 5, attach="a&b")
    fields["sign"] = h5.wx_sign(fields)
    body = "<xml>" + "".join(
        f"<{n}>{v.replace('&', '&amp;')}</{n}>" for n, v in fields.items()
    ) + "</xml>"
    t.success(t.site.notify(body.encode()))


# --- refused ----------------------------------------------------------------


def sign_again(fields, **kw):
    fields["sign"] = h5.wx_sign(fields, **kw)
    return h5.wx_xml(fields)


def spoilt(order, how):
    """The bytes of a notice that must be refused."""
    f = h5.notice_fields(order, 5)
    good = h5.notice(order, 5)
    sign = h5.wx_sign(f)
    if how == "no sign":
        return h5.wx_xml(f)
    if how == "an empty sign":
        return h5.wx_xml(dict(f, sign=""))
    if how == "a sign in lower case":
        return h5.wx_xml(dict(f, sign=sign.lower()))
    if how == "a sign that is cut":
        return h5.wx_xml(dict(f, sign=sign[:63]))
    if how == "a sign that is longer":
        return h5.wx_xml(dict(f, sign=sign + "0"))
    if how == "one wrong digit in the sign":
        return h5.wx_xml(dict(f, sign=sign[:-1] + "10"[sign[-1] == "1"]))
    if how == "another key's sign":
        return h5.notice(order, 5, key="0" * 32)
    if how == "a good MD5 sign":
        return h5.notice(order, 5, signed_by="MD5")
    if how == "a good MD5 sign and sign_type MD5":
        f["sign_type"] = "MD5"
        return sign_again(f, sign_type="MD5")
    if how == "an unsigned further element":
        return good.replace(b"</xml>", b"<extra>1</extra></xml>")
    if how == "another appid":
        return h5.notice(order, 5, appid="wx0000000000000000")
    if how == "no appid":
        return h5.notice(order, 5, appid=None)
    if how == "another mch_id":
        return h5.notice(order, 5, mch_id="1230000110")
    if how == "no mch_id":
        return h5.notice(order, 5, mch_id=None)
    if how == "result_code FAIL":
        return h5.notice(order, 5, result_code="FAIL")
    if how == "no result_code":
        return h5.notice(order, 5, result_code=None)
    if how == "return_code FAIL":
        return h5.notice(order, 5, return_code="FAIL")
    if how == "no return_code":
        return h5.notice(order, 5, return_code=None)
    if how == "an unknown order":
        return h5.notice("nobodys-order", 5)
    if how == "an attempt that was never made":
        return h5.notice(order + "_2", 5)
    if how == "no out_trade_no":
        return h5.notice(order, 5, out_trade_no=None)
    if how == "a path as out_trade_no":
        return h5.notice("../../../etc/passwd", 5)
    if how == "no transaction_id":
        return h5.notice(order, 5, transaction_id=None)
    if how == "no total_fee":
        return h5.notice(order, 5, total_fee=None)
    if how == "a total_fee that is no number":
        return h5.notice(order, 5, total_fee="five")
    if how == "a total_fee with a sign":
        return h5.notice(order, 5, total_fee="+5")
    if how == "a doubled total_fee":
        return good.replace(b"</xml>", b"<total_fee>5</total_fee></xml>")
    if how == "a doubled sign":
        return good.replace(b"</xml>", f"<sign>{sign}</sign></xml>".encode())
    if how == "a DOCTYPE":
        return b"<!DOCTYPE xml>" + good
    if how == "an entity declaration":
        return (b'<!DOCTYPE x [<!ENTITY e "5">]>'
                + good.replace(b">5<", b">&e;<"))
    if how == "an external entity":
        return (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
                + good.replace(b"OTHERS", b"&e;"))
    if how == "an unknown entity":
        return good.replace(b"</xml>", b"<x>&nbsp;</x></xml>")
    if how == "a comment that splits a value":
        return good.replace(b">5<", b"><!-- -->5<")
    if how == "a processing instruction":
        return good.replace(b"<xml>", b"<xml><?php ?>")
    if how == "an attribute":
        return good.replace(b"<total_fee>", b'<total_fee a="1">')
    if how == "nested elements":
        return good.replace(b"<total_fee>5</total_fee>",
                            b"<a><total_fee>5</total_fee></a>")
    if how == "no end":
        return good[:-6]
    if how == "no end of the root's name":
        return good[:-1]
    if how == "something after the end":
        return good + b"<xml></xml>"
    if how == "text after the end":
        return good + b"x"
    if how == "another root":
        return good.replace(b"<xml>", b"<root>").replace(b"</xml>", b"</root>")
    if how == "a NUL":
        return good.replace(b"OTHERS", b"OTH\0ERS")
    if how == "a NUL at the end":
        return good + b"\0"
    if how == "bytes that are not UTF-8":
        return good.replace(b"OTHERS", b"OTH\xffERS")
    if how == "FE FF inside":
        return good.replace(b"OTHERS", b"\xfe\xff")
    if how == "a byte order mark":
        return b"\xef\xbb\xbf" + good
    if how == "UTF-16":
        return good.decode().encode("utf-16")
    if how == "GBK":
        return good.replace(b"OTHERS", "中国".encode("gbk"))
    if how == "65 attributes":
        return good.replace(b"<xml>", b"<xml "
                            + b" ".join(b'a%d="1"' % i for i in range(65))
                            + b">")
    if how == "5,000 elements":
        return good.replace(b"</xml>", b"".join(
            b"<a%d/>" % i for i in range(5000)) + b"</xml>")
    if how == "8,000 levels":
        return b"<xml>" + b"<a>" * 8000 + b"</a>" * 8000 + b"</xml>"
    if how == "nothing":
        return b""
    if how == "blanks":
        return b" " * 100
    if how == "an empty document":
        return b"<xml></xml>"
    if how == "a refund notice's look without its content":
        return h5.wx_xml({"return_code": "SUCCESS", "appid": h5.APPID,
                          "mch_id": h5.MCH_ID, "nonce_str": "x",
                          "req_info": "AAAA"})
    raise KeyError(how)


BAD = """no sign|an empty sign|a sign in lower case|a sign that is cut
a sign that is longer|one wrong digit in the sign|another key's sign
a good MD5 sign|a good MD5 sign and sign_type MD5|an unsigned further element
another appid|no appid|another mch_id|no mch_id|result_code FAIL
no result_code|return_code FAIL|no return_code|an unknown order
an attempt that was never made|no out_trade_no|a path as out_trade_no
no transaction_id|no total_fee|a total_fee that is no number
a total_fee with a sign|a doubled total_fee|a doubled sign|a DOCTYPE
an entity declaration|an external entity|an unknown entity
a comment that splits a value|a processing instruction|an attribute
nested elements|no end|no end of the root's name|something after the end
text after the end|another root|a NUL|a NUL at the end
bytes that are not UTF-8|FE FF inside|a byte order mark|UTF-16|GBK
65 attributes|5,000 elements|8,000 levels|nothing|blanks
an empty document|a refund notice's look without its content"""


@table("notify with {0} is refused and changes nothing",
       BAD.replace("\n", "|").split("|"))
def _(t, how):
    s = t.site
    order, q = ready(t, 5)
    before = s.show(order)
    r = s.notify(spoilt(order, how))
    t.refused(r)
    t.eq(s.show(order), before, "the order")
    t.success(s.notify(h5.notice(order, 5)))


# What begins with {, behind BOM and blanks, or has a header of APIv3 is that
# API's form, whatever the content type says.  Nobody signed these.
@table("{0} is refused in APIv3's form, 401, and changes nothing", {
    "JSON": (b"{}", {}),
    "JSON behind a BOM and blanks": (b"\xef\xbb\xbf \r\n\t{", {}),
    "JSON sent as text/xml": (b'{"id":1}', {"Content-Type": "text/xml"}),
    "XML with one header of APIv3": (None, {"wechatpay-serial": "A"}),
    "XML with an unknown header of APIv3": (None, {"Wechatpay-Foo": "1"}),
    "nothing, with a header of APIv3": (b"", {"Wechatpay-Nonce": "x"}),
}.items())
def _(t, how, what):
    body, headers = what
    for s in (t.site, t.web):
        order, q = ready(t, 5, site=s)
        before = s.show(order)
        good = h5.notice(order, 5)
        t.json_refused(s.notify(good if body is None else body,
                                headers=headers))
        t.eq(s.show(order), before, "the order")
        t.success(s.notify(good))


@test("a page, an array or a number is refused in APIv2's form")
def _(t):
    for body in (b"[{}]", b"1", b"<html>{</html>", b"\x00{", b"BOM{"):
        t.refused(t.site.notify(body, headers={
            "Content-Type": "application/json"}))


@test("with sign_type MD5 a good HMAC-SHA256 sign is refused")
def _(t):
    s = t.own_site({"merchant.sign_type": "MD5"})
    order, q = ready(t, 5, site=s)
    t.refused(s.notify(h5.notice(order, 5)))
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.success(s.notify(h5.notice(order, 5, signed_by="MD5")))


@test("a sign_type element that names another type is refused")
def _(t):
    order, q = ready(t, 5)
    t.refused(t.site.notify(h5.notice(order, 5, **{"sign_type_": "x"},
                                      key="1" * 32)))
    fields = h5.notice_fields(order, 5)
    fields["sign_type"] = "MD5"
    t.refused(t.site.notify(sign_again(fields)))
    t.eq(t.site.show(order)["state"], "awaiting", "state")


@table("the fixture {0} is refused", sorted(
    str(p.relative_to(FIXTURES)) for p in FIXTURES.rglob("*.xml")))
def _(t, name):
    # Signed with keys that are not ours, or attacks.
    t.refused(t.site.notify((FIXTURES / name).read_bytes()))


@table("a notice that names an outside {0} connects nowhere", [
    ("entity", '<!DOCTYPE xml [<!ENTITY x SYSTEM "{0}">]>', "&x;"),
    ("definition", '<!DOCTYPE xml SYSTEM "{0}">', ""),
    ("parameter entity", '<!DOCTYPE xml [<!ENTITY % x SYSTEM "{0}"> %x;]>',
     "")])
def _(t, what, head, text):
    order, q = ready(t, 5)
    body = h5.notice(order, 5).decode()
    with socket.create_server(("127.0.0.1", 0)) as door:
        url = f"http://127.0.0.1:{door.getsockname()[1]}/x"
        t.refused(t.site.notify((head.format(url) + body.replace(
            "<xml>", f"<xml><attach>{text}</attach>")).encode()))
        door.setblocking(False)
        try:
            door.accept()
        except BlockingIOError:
            pass
        else:
            t.fail(f"the {what} was fetched")
    t.eq(t.site.show(order)["state"], "awaiting", "state")


# --- disputed, late, overpaid -----------------------------------------------


@table("notify with {0} leaves the order unpaid and disputed", [
    ("a smaller amount", {"total_fee": "4"}),
    ("a larger amount", {"total_fee": "6"}),
    ("an amount that no order can cost", {"total_fee": "999999999999999"}),
    ("another currency", {"fee_type": "USD"}),
])
def _(t, name, change):
    s = t.site
    order, q = ready(t, 5)
    r = s.notify(h5.notice(order, 5, **change))
    t.refused(r)
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("awaiting", ["disputed"]), "the order")
    r = s.get("query", q)
    t.page(r, 200, "result")
    t.contains((r.alert or "").split(), "disputed", "data-alert")
    r = s.get("return-page", q)
    t.eq(r.status, 200, "status")


@test("one alert per transaction and amount, however often it comes")
def _(t):
    s = t.site
    order, q = ready(t, 5)
    tx = h5.transaction_id()
    for _ in range(3):
        t.refused(s.notify(h5.notice(order, 4, tx)))

    def alerts():
        return [e["event"] for e in s.show(order)["events"]].count("alert")

    t.eq(alerts(), 1, "alerts after three of the same")
    t.refused(s.notify(h5.notice(order, 3, tx)))
    t.eq(alerts(), 2, "alerts after another amount")
    t.refused(s.notify(h5.notice(order, 4)))
    t.eq(alerts(), 3, "alerts after another transaction")


@test("16 disputed notices at once are one alert")
def _(t):
    s = t.web
    order, q = ready(t, 5, site=s)
    body = h5.notice(order, 4)
    for r in h5.together(16, lambda i: s.notify(body)):
        t.refused(r)
    o = s.show(order)
    t.eq([e["event"] for e in o["events"]].count("alert"), 1, "alerts")


@test("a disputed order can still be paid by a notice that fits")
def _(t):
    order, q = ready(t, 5)
    t.refused(t.site.notify(h5.notice(order, 4)))
    t.success(t.site.notify(h5.notice(order, 5)))
    o = t.site.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", ["disputed"]), "the order")


@test("a payment after the close is kept, with the alert late")
def _(t):
    s = t.site
    order, q = ready(t, 5)
    t.eq(s.h5pay("close", order)[0], 0, "h5pay close")
    t.success(s.notify(h5.notice(order, 5)))
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", ["late"]), "the order")
    t.page(s.get("query", q), 200, "result", "paid")


@test("a second transaction for a paid attempt is overpaid")
def _(t):
    s = t.site
    order, q = ready(t, 5)
    t.success(s.notify(h5.notice(order, 5)))
    before = s.show(order)["transaction_id"]
    s.notify(h5.notice(order, 5))
    o = s.show(order)
    t.eq(o["transaction_id"], before, "the first transaction stays")
    t.eq(o["state"], "paid", "state")


@test("a notice for an order whose unifiedorder never answered is taken")
def _(t):
    s = t.own_site({"gateway.deadline_ms": "1000"})
    order = t.id()
    t.gateway.fault("unifiedorder", "cut-after", order=order)
    t.page(s.order(order, 5), 502, "gateway-error")
    t.eq(s.show(order)["state"], "created", "state")
    t.success(s.notify(h5.notice(order, 5)))
    t.eq(s.show(order)["state"], "paid", "state")


@test("a notice that comes before unifiedorder's answer is taken")
def _(t):
    s = t.web
    order = t.id()
    t.gateway.fault("unifiedorder", "pay-before-answer", order=order)
    r = s.order(order, 5)
    t.ok(r.status in (200, 303), f"{r}")
    t.gateway.wait("notices", out_trade_no=order, taken=1, n=1)
    o = s.show(order)
    t.eq((o["state"], o["alerts"]), ("paid", []), "the order")


@test("a notice is answered while a checkout of the same order waits")
def _(t):
    s = t.web
    order = t.id()
    token = s.ready(order, 5)
    t.gateway.fault("orderquery", "delay", order=order, ms=6000)
    slow = threading.Thread(target=lambda: s.post(
        "checkout", {"order": order, "t": token, "again": "1"}))
    slow.start()
    t.gateway.wait("calls", api="orderquery", out_trade_no=order, n=1)
    t.success(s.notify(h5.notice(order, 5)))
    waits = slow.is_alive()
    slow.join()
    t.ok(waits, "the checkout waits while the notice is answered")
    t.eq(s.show(order)["state"], "paid", "state")


@test("behind lighttpd a hundred bodies that never end do not hold up a notice")
def _(t):
    s = t.web
    order = t.id()
    s.ready(order, 5)
    halves = []
    try:
        for _ in range(100):
            c = socket.create_connection(("127.0.0.1", s.port))
            c.sendall(b"POST /cgi-bin/notify HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Type: text/xml\r\n"
                      b"Content-Length: 60000\r\n\r\n<xml>" + b" " * 2000)
            halves.append(c)
        start = h5.time.monotonic()
        t.success(s.notify(h5.notice(order, 5)))
        took = h5.time.monotonic() - start
    finally:
        for c in halves:
            c.close()
    # lighttpd waits for a body for a minute.
    t.ok(took < 30, f"answered after {took:.2f} s")


# --- the wire ---------------------------------------------------------------


@table("{0} notify is not allowed, with the FAIL bytes", [
    "GET", "HEAD", "PUT", "DELETE"])
def _(t, method):
    r = t.site.cgi("notify", method)
    t.eq(r.status, 405, "status")
    t.eq(r.header("Allow"), "POST", "Allow")
    if method != "HEAD":
        t.refused(r, status=405)


@test("notify reads 64 KiB; one more byte is 413 with the FAIL bytes")
def _(t):
    order, q = ready(t, 5)

    def sized(n):
        fields = h5.notice_fields(order, 5, filler="")
        fields["filler"] = "x"
        fields["sign"] = h5.wx_sign(fields)
        fields["filler"] = "x" * (n - len(h5.wx_xml(fields)) + 1)
        fields["sign"] = h5.wx_sign({k: v for k, v in fields.items()
                                     if k != "sign"})
        return h5.wx_xml(fields)

    big = sized(65537)
    t.eq(len(big), 65537, "bytes")
    t.refused(t.site.notify(big), status=413)
    t.refused(t.web.notify(big), status=413)
    t.refused(t.webcgi.notify(big), status=413)
    t.eq(t.site.show(order)["state"], "awaiting", "state")


@table("notify with CONTENT_LENGTH {0!r} is refused", [
    "-1", "99999999999999999999", "0x10", "5abc", ""])
def _(t, length):
    order, q = ready(t, 5)
    r = t.site.notify(h5.notice(order, 5), env={"CONTENT_LENGTH": length})
    t.ok(r.status in (200, 413), f"status {r.status}")
    t.ok(h5.FAIL.match(r.body), f"{r.body!r}")


@test("B6: a chunked notice under plain CGI is read to its end")
def _(t):
    order, q = ready(t, 5)
    env = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "Chunked"}
    t.success(t.site.notify(h5.notice(order, 5), env=env))
    t.eq(t.site.show(order)["state"], "paid", "state")
    big = h5.notice(t.id(), 5) + b" " * 65536
    t.refused(t.site.notify(big, env=env), 413)
    env["HTTP_TRANSFER_ENCODING"] = "gzip, chunked"
    t.refused(t.site.notify(h5.notice(order, 5), env=env))


@test("B8: a notice that does not come to its end is refused in time")
def _(t):
    order, q = ready(t, 5)
    body = h5.notice(order, 5)
    e, _ = h5.Site.request(t.site, "notify", "POST", "", body,
                           {"Content-Type": "text/xml"})
    p = t.site.popen([t.site.bin / "notify"], env=e)
    begin = time.monotonic()
    p.stdin.write(body[:-1])
    p.stdin.flush()
    answer = p.stdout.read()
    took = time.monotonic() - begin
    p.stdin.close()
    p.wait()
    t.refused(h5.split_cgi(answer))
    t.ok(2.9 < took < 4.5, f"answered after {took:.1f} s")
    t.eq(t.site.show(order)["state"], "awaiting", "state")


class Direct:
    """notify as FastCGI, without a web server that gathers bodies."""

    def __init__(self, t, threads):
        self.site = t.own_site({"server.threads": str(threads)})
        self.path = str(self.site.folder / "notify.sock")
        s = socket.socket(socket.AF_UNIX)
        s.bind(self.path)
        s.listen(128)
        self.log = open(self.site.folder / "stderr", "wb")
        self.process = h5.spawn(
            [self.site.bin / "notify", "-c", self.site.conf_file], stdin=s,
            stdout=self.log, stderr=self.log)
        s.close()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(self.path)
        return s

    def slow(self, body, part):
        s = self.connect()
        s.sendall(fcgi_wire.head(fcgi_wire.post(
            body, CONTENT_TYPE="text/xml")) +
            fcgi_wire.record(fcgi_wire.STDIN, body[:part]))
        return s

    def ask(self, body):
        s = self.connect()
        s.sendall(fcgi_wire.whole(fcgi_wire.post(
            body, CONTENT_TYPE="text/xml"), body))
        return self.answer(s)

    def answer(self, s):
        raw = b""
        while piece := s.recv(65536):
            raw += piece
        s.close()
        return fcgi_wire.Answer(raw)

    def close(self):
        h5.kill_all(self.process)
        self.log.close()


@test("B8: 48 that send slowly hold up no good notice, and are refused in time")
def _(t):
    d = t.mine(Direct(t, 2))
    order, q = ready(t, 5, site=d.site)
    body = h5.notice(order, 5)
    begin = time.monotonic()
    slow = [d.slow(body, n * 7 + 1) for n in range(48)]
    for s in slow:
        s.sendall(fcgi_wire.record(fcgi_wire.STDIN, b"<"))
    for _ in range(20):
        a = d.ask(body)
        t.contains(a.text(), "SUCCESS", "a good notice")
    t.ok(time.monotonic() - begin < 2.5,
         f"20 good ones took {time.monotonic() - begin:.1f} s")
    for s in slow:
        a = d.answer(s)
        t.eq(a.status, 200, "status of a slow one")
        t.contains(a.text(), "FAIL", "a slow one")
    took = time.monotonic() - begin
    t.ok(2.9 < took < 4.5, f"the slow ones took {took:.1f} s")


@table("B8: a notice is answered in 4.5 s, {0}", [
    ("though somebody holds its order", 0),
    ("though it came slowly and somebody holds its order", 2.5)])
def _(t, name, wait):
    import fcntl

    d = t.mine(Direct(t, 2))
    order, q = ready(t, 5, site=d.site)
    body = h5.notice(order, 5)
    (ledger,) = d.site.store.rglob(order + ".ledger")
    with open(ledger, "rb") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        begin = time.monotonic()
        s = d.slow(body, 10)
        t.until("it may go on", lambda: time.monotonic() - begin >= wait)
        s.sendall(fcgi_wire.record(fcgi_wire.STDIN, body[10:]) +
                  fcgi_wire.record(fcgi_wire.STDIN))
        a = d.answer(s)
        took = time.monotonic() - begin
    t.contains(a.text(), "FAIL", "what it is told")
    t.ok(took < 4.5, f"answered after {took:.1f} s")
    t.eq(d.site.show(order)["state"], "awaiting", "state")
    t.contains(d.ask(body).text(), "SUCCESS", "the repetition")


@test("B8: a notice that comes in pieces is taken when it is whole")
def _(t):
    d = t.mine(Direct(t, 2))
    order, q = ready(t, 5, site=d.site)
    body = h5.notice(order, 5)
    all_ = fcgi_wire.whole(fcgi_wire.post(body, CONTENT_TYPE="text/xml"), body)
    for cut in (1, 7, 8, 9, 100, len(all_) - 1):
        s = d.connect()
        s.sendall(all_[:cut])
        t.contains(d.ask(body).text(), "SUCCESS", "another, meanwhile")
        s.sendall(all_[cut:])
        t.contains(d.answer(s).text(), "SUCCESS", f"one cut at {cut}")
    s = d.connect()
    s.sendall(fcgi_wire.whole(fcgi_wire.post(b"x" * 65537), b"x" * 65537))
    t.eq(d.answer(s).status, 413, "one that is too large")


@test("B8: told to stop, a notice that is half here is finished first")
def _(t):
    import signal

    d = t.mine(Direct(t, 2))
    order, q = ready(t, 5, site=d.site)
    body = h5.notice(order, 5)
    d.ask(body)
    s = d.slow(body, 10)
    other = d.ask(body)
    t.contains(other.text(), "SUCCESS", "another")
    d.process.send_signal(signal.SIGTERM)
    t.until("it is leaving", lambda: any(
        "leaving" in x for x in d.site.log()))
    s.sendall(fcgi_wire.record(fcgi_wire.STDIN, body[10:]) +
              fcgi_wire.record(fcgi_wire.STDIN))
    t.contains(d.answer(s).text(), "SUCCESS", "the one that was half here")
    t.eq(d.process.wait(10), 0, "exit status")


@test("a notice shorter than CONTENT_LENGTH is refused")
def _(t):
    order, q = ready(t, 5)
    body = h5.notice(order, 5)
    r = t.site.notify(body, stdin=body[:-1])
    t.refused(r)
    t.eq(t.site.show(order)["state"], "awaiting", "state")


@test("a notice is read up to CONTENT_LENGTH and no further")
def _(t):
    order, q = ready(t, 5)
    body = h5.notice(order, 5)
    r = t.site.notify(body, stdin=body + b"garbage")
    t.success(r)


@test("a notice that cannot be stored is refused, and taken later")
def _(t):
    from test_pay import no_writes

    s = t.own_site()
    order, q = ready(t, 5, site=s)
    body = h5.notice(order, 5)
    t.refused(s.notify(body, limits=no_writes))
    t.eq(s.show(order)["state"], "awaiting", "state")
    t.success(s.notify(body))
    t.eq(s.show(order)["state"], "paid", "state")


@test("a disputed notice that cannot be stored is refused, too")
def _(t):
    from test_pay import no_writes

    s = t.own_site()
    order, q = ready(t, 5, site=s)
    t.refused(s.notify(h5.notice(order, 4), limits=no_writes))
    t.eq(s.show(order)["alerts"], [], "alerts")


@test("notify never contacts WeChat")
def _(t):
    g = t.own_gateway()
    s = t.own_site(gateway=g)
    order = t.id()
    s.ready(order, 5)
    calls = len(g.calls())
    t.refused(s.notify(h5.notice(order, 4)))
    t.success(s.notify(h5.notice(order, 5)))
    t.eq(len(g.calls()), calls, "calls at the gateway")


# --- refund notices ---------------------------------------------------------


def refund_notice(order, refund_no, fee=5, key=h5.API_KEY):
    """A refund notice, encrypted with AES-256-ECB by openssl."""
    import base64
    import hashlib
    import subprocess

    plain = (
        "<root><out_refund_no><![CDATA[{r}]]></out_refund_no>"
        "<out_trade_no><![CDATA[{o}]]></out_trade_no>"
        "<refund_account><![CDATA[REFUND_SOURCE_RECHARGE_FUNDS]]>"
        "</refund_account><refund_fee><![CDATA[{f}]]></refund_fee>"
        "<refund_id><![CDATA[50000000000000000000000000001]]></refund_id>"
        "<refund_recv_accout><![CDATA[x]]></refund_recv_accout>"
        "<refund_request_source><![CDATA[API]]></refund_request_source>"
        "<refund_status><![CDATA[SUCCESS]]></refund_status>"
        "<settlement_refund_fee><![CDATA[{f}]]></settlement_refund_fee>"
        "<settlement_total_fee><![CDATA[{f}]]></settlement_total_fee>"
        "<success_time><![CDATA[2026-11-23 18:00:00]]></success_time>"
        "<total_fee><![CDATA[{f}]]></total_fee>"
        "<transaction_id><![CDATA[4200000000]]></transaction_id></root>"
    ).format(r=refund_no, o=order, f=fee)
    k = hashlib.md5(key.encode()).hexdigest().encode().hex()
    raw = subprocess.run(
        ["openssl", "enc", "-aes-256-ecb", "-K", k], input=plain.encode(),
        capture_output=True, check=True).stdout
    return h5.wx_xml({
        "return_code": "SUCCESS", "appid": h5.APPID, "mch_id": h5.MCH_ID,
        "nonce_str": "87d1c5d2bf2f4a9b", "req_info":
        base64.b64encode(raw).decode()})


@test("a refund notice is answered SUCCESS and is no more than a hint")
def _(t):
    order, q = ready(t, 5)
    t.success(t.site.notify(h5.notice(order, 5)))
    t.success(t.site.notify(refund_notice(order, "r" + order)))
    o = t.site.show(order)
    t.eq(o["state"], "paid", "state before refundquery")


@table("a refund notice {0} is refused", [
    ("under another key", lambda o: refund_notice(o, "r", key="0" * 32)),
    ("of an unknown order", lambda o: refund_notice("nobodys-order", "r")),
    ("of another merchant", lambda o: refund_notice(o, "r").replace(
        h5.MCH_ID.encode(), b"1230000110")),
    ("with a cut req_info", lambda o: refund_notice(o, "r").replace(
        b"==]]>", b"]]>").replace(b"=]]>", b"]]>")[:-40] + b"</xml>"),
])
def _(t, name, make):
    order, q = ready(t, 5)
    t.success(t.site.notify(h5.notice(order, 5)))
    before = t.site.show(order)
    t.refused(t.site.notify(make(order)))
    t.eq(t.site.show(order), before, "the order")

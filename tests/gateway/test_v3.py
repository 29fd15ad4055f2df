"""The stand-in's APIv3 against PROTOCOL-V3; run by test_gateway.py.

Signs by the openssl command, with tests/e2e/v3.py, and knows nothing of the
stand-in's code."""
import gzip
import hashlib
import http.client
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "e2e"))
import v3  # noqa: E402

APPID = "wxd930ea5d5a258f4f"
MCH_ID = "10000100"
SUB = "1900000109"
SUB_APPID = "wx8888888888888888"

GW = None  # test_gateway.py's, and the two next
SHOP = None
START = None  # another stand-in: START("--option", ...)
REFUNDS = "/v3/refund/domestic/refunds"
PAY = "/v3/pay/transactions/"
PARTNER = "/v3/pay/partner/transactions/"


def eq(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


# ---- asking -----------------------------------------------------------------


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        got = [v for n, v in self.headers if n.lower() == name.lower()]
        assert len(got) < 2, "twice: " + name
        return got[0] if got else None

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %r" % (self.status, self.body)


def authorization(method, target, body, stamp=None, serial=v3.MERCHANT_SERIAL,
                  mchid=MCH_ID, nonce=None, key=v3.MERCHANT_KEY,
                  signature=None):
    stamp = str(int(time.time()) if stamp is None else stamp)
    nonce = nonce or secrets.token_hex(16)
    if signature is None:
        signature = v3.sign("%s\n%s\n%s\n%s\n%s\n" % (
            method, target, stamp, nonce, body), key)
    return ('WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",'
            'signature="%s",timestamp="%s",serial_no="%s"'
            % (mchid, nonce, signature, stamp, serial))


def ask(method, target, body=None, gw=None, headers=None, **sign):
    """body: an object, or the text itself.  A header of None is not sent."""
    text = "" if body is None else body if isinstance(body, str) else \
        json.dumps(body, ensure_ascii=False)
    h = {"Authorization": authorization(method, target, text, **sign),
         "Accept": "application/json", "User-Agent": "test/1",
         "Wechatpay-Serial": v3.PUBLIC_KEY_ID}
    if body is not None:
        h["Content-Type"] = "application/json"
    h.update(headers or {})
    url = urllib.parse.urlsplit((gw or GW).url)
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    try:
        c.putrequest(method, target, skip_accept_encoding=True)
        data = text.encode()
        for name, value in h.items():
            if value is not None:
                c.putheader(name, value)
        if body is not None:
            c.putheader("Content-Length", str(len(data)))
        c.endheaders(data or None)
        r = c.getresponse()
        return Answer(r.status, r.getheaders(), r.read())
    finally:
        c.close()


def by(answer, key=v3.PUBLIC_KEY, serial=v3.PUBLIC_KEY_ID):
    """Its own, signed by this key."""
    assert answer.status in (200, 204), answer
    eq(answer.header("Wechatpay-Serial"), serial)
    message = "%s\n%s\n" % (answer.header("Wechatpay-Timestamp"),
                            answer.header("Wechatpay-Nonce"))
    assert v3.signed(message.encode() + answer.body + b"\n",
                     answer.header("Wechatpay-Signature"), key), answer
    return answer


def refused(answer, status, code, message=None):
    eq((answer.status, answer.json["code"]), (status, code), answer)
    if message:
        eq(answer.json["message"], message)
    eq([n for n, _ in answer.headers if n.startswith("Wechatpay")], [])
    return answer.json


def order(no="V3-0001", product="h5", **more):
    f = {"appid": APPID, "mchid": MCH_ID, "description": "小店-茶",
         "out_trade_no": no, "notify_url": SHOP.url,
         "amount": {"total": 1234, "currency": "CNY"}}
    if product == "h5":
        f["scene_info"] = {"payer_client_ip": "203.0.113.7",
                           "h5_info": {"type": "Wap"}}
    f.update(more)
    return {n: v for n, v in f.items() if v is not None}


def place(no="V3-0001", product="h5", **more):
    return by(ask("POST", PAY + product, order(no, product, **more))).json


def query(no, **kw):
    return ask("GET", PAY + "out-trade-no/%s?mchid=%s" % (no, MCH_ID), **kw)


def close(no, **kw):
    return ask("POST", PAY + "out-trade-no/%s/close" % no, {"mchid": MCH_ID},
               **kw)


def pay(no, notice=0):
    GW.control("pay", out_trade_no=no, notice=notice)


def fault(**more):
    return GW.control("fault", **more)


# ---- who asks ---------------------------------------------------------------


def test_v3_who_asks():
    eq(list(place()), ["h5_url"])
    target = PAY + "out-trade-no/V3-0001?mchid=" + MCH_ID
    good = authorization("GET", target, "")

    def says(header, message):
        refused(ask("GET", target, headers={"Authorization": header}), 401,
                "SIGN_ERROR", message)

    form = "Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》"
    says(None, "签名信息错误，验签失败")
    says(good.replace("WECHATPAY2", "WECHATPAY3"), "签名信息错误，验签失败")
    for bad in (good + ",", good.replace('",', '", '), good.replace('"', "'"),
                good.replace(",serial_no", ',mchid="1",serial_no'),
                good.replace("mchid=", "mch_id="), good.split(",serial")[0],
                good.replace("RSA2048 ", "RSA2048  "),
                authorization("GET", target, "", nonce="a" * 33),
                authorization("GET", target, "", nonce="a-b")):
        says(bad, form)
    says(authorization("GET", target, "", key=v3.WECHAT_KEY), "签名错误")
    says(authorization("GET", target, " "), "签名错误")
    says(authorization("GET", target.split("?")[0], ""), "签名错误")
    says(authorization("POST", target, ""), "签名错误")
    says(authorization("GET", target, "", serial=v3.MERCHANT_SERIAL[1:]),
         "商户证书序列号有误。请使用签名私钥匹配的证书序列号")
    eq(by(query("V3-0001")).json["trade_state"], "NOTPAY")


def test_v3_the_clock_is_looked_at_first():
    late = ("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    for off in (-310, 310):
        refused(query("V3-0001", stamp=int(time.time()) + off,
                      signature="AAAA", serial="1"), 401, "SIGN_ERROR", late)
    refused(query("V3-0001", stamp=int(time.time()) - 290), 404,
            "ORDER_NOT_EXIST")
    GW.control("clock", advance=400)
    refused(query("V3-0001"), 401, "SIGN_ERROR", late)
    GW.control("option", real_wire_clock=1)
    a = refused(query("V3-0001"), 404, "ORDER_NOT_EXIST")
    eq(a["code"], "ORDER_NOT_EXIST")


def test_v3_headers_that_must_be_there():
    text = "Http头缺少Accept或User-Agent"
    for missing in ({"Accept": None}, {"User-Agent": None}):
        refused(ask("GET", REFUNDS + "/1", headers=missing), 400,
                "INVALID_REQUEST", text)
        refused(ask("GET", "/v3/certificates", headers=missing), 400,
                "INVALID_REQUEST", text)
        refused(query("nobody", headers=missing), 404, "ORDER_NOT_EXIST")
    refused(ask("GET", REFUNDS + "/1", headers={"Accept": "*/*"}), 404,
            "RESOURCE_NOT_EXISTS")
    eq(ask("POST", PAY + "h5", order(),
           headers={"Content-Type": "text/plain"}).status, 400)


def test_v3_paths_and_methods():
    for method, target, status in (
            ("GET", PAY + "h5", 405), ("POST", "/v3/bill/tradebill", 405),
            ("GET", "/v3/pay/transactions/app", 404), ("GET", "/v3/", 404),
            ("GET", PAY + "out-trade-no/a/b", 404)):
        a = ask(method, target)
        eq((a.status, a.body), (status, b""), target)


# ---- who answers ------------------------------------------------------------


def test_v3_the_key_that_is_asked_for_answers():
    place()
    by(query("V3-0001"))
    by(query("V3-0001", headers={"Wechatpay-Serial": None}),
       v3.PLATFORM_CERT, v3.PLATFORM_SERIAL)
    for foreign in ("PUB_KEY_ID_1", v3.PUBLIC_KEY_ID[11:]):
        refused(query("V3-0001", headers={"Wechatpay-Serial": foreign}), 400,
                "PARAM_ERROR")
    a = close("V3-0001")
    eq((a.status, a.body, a.header("Content-Length")), (204, b"", None))
    by(a)


def test_v3_answers_of_a_merchant_without_public_key():
    gw = START(*v3.STAND_IN[:6], *v3.STAND_IN[-2:])
    try:
        refused(query("V3-0001", gw=gw,
                      headers={"Wechatpay-Serial": v3.PUBLIC_KEY_ID}), 400,
                "PARAM_ERROR")
        a = by(ask("GET", "/v3/certificates", gw=gw,
                   headers={"Wechatpay-Serial": None}),
               v3.PLATFORM_CERT, v3.PLATFORM_SERIAL)
        one, = a.json["data"]
        eq(one["serial_no"], v3.PLATFORM_SERIAL)
        text = v3.decrypt(one["encrypt_certificate"])
        eq(text.strip(), v3.PLATFORM_CERT.read_text().strip())
    finally:
        gw.stop()


def test_v3_certificates():
    refused(ask("GET", "/v3/certificates"), 404, "RESOURCE_NOT_EXISTS")
    GW.control("option", certificates=1)
    eq(len(by(ask("GET", "/v3/certificates?algorithm_type=RSA")).json["data"]),
       1)


def test_v3_a_stand_in_without_it_knows_no_v3():
    gw = START()
    try:
        eq(query("V3-0001", gw=gw).status, 404)
        eq(query("V3-0001", gw=gw).body, b"")
    finally:
        gw.stop()
    for half in (v3.STAND_IN[:2], v3.STAND_IN[:6] + ["--apiv3-key", "short"],
                 v3.STAND_IN[:8]):
        p = subprocess.run(
            [str(a) for a in (START.program, "--appid", APPID, "--mch-id",
                              MCH_ID, "--api-key", "x" * 32, *half)],
            capture_output=True, timeout=10, check=False)
        eq(p.returncode, 64, half)


# ---- bodies -----------------------------------------------------------------


def test_v3_what_a_prepay_must_be():
    def bad(path, issue=None, **more):
        a = refused(ask("POST", PAY + "h5", order(**more)), 400,
                    "PARAM_ERROR")
        if path:
            eq(a["detail"]["field"], path)
        else:
            eq(a["message"], "参数中含有非法的额外参数")

    bad(None, sub_mchid="1")
    bad(None, mch_id="1")
    bad(None, payer={"openid": "o"})
    bad(None, amount={"total": 1, "currency": "CNY", "payer_total": 1})
    for total in ("1234", 12.0, None, -1, [1], True):
        bad("/amount/total", amount={"total": total})
    refused(ask("POST", PAY + "h5", json.dumps(order()).replace(
        "1234", "1.234e3")), 400, "PARAM_ERROR")
    bad("/amount/total", amount={"total": 0})
    bad("/amount/currency", amount={"total": 1, "currency": "USD"})
    for missing in ("description", "out_trade_no", "notify_url", "amount"):
        bad("/" + missing, **{missing: None})
    for missing in ("appid", "mchid"):
        bad("/" + missing, **{missing: None})
    bad("/attach", attach=1)
    refused(ask("POST", PAY + "h5", json.dumps({**order(), "attach": None})),
            400, "PARAM_ERROR")
    bad("/description", description="茶" * 128)
    bad("/description", description="tea \U0001f375")
    bad("/description", description="a\nb")
    refused(ask("POST", PAY + "h5", json.dumps(order()).replace(
        '"V3-0001"', '"V3-\\ud83c\\udf75"')), 400, "PARAM_ERROR")
    bad("/out_trade_no", out_trade_no="V3_01")
    bad("/out_trade_no", out_trade_no="V3 0001")
    for when in ("20261123164012", "2026-11-23T16:40:12", "2026-11-23",
                 "2026-11-23 16:40:12+08:00", "2026-11-23T16:40:12+0800"):
        bad("/time_expire", time_expire=when)
    bad("/notify_url", notify_url=SHOP.url + "?a=1")
    bad("/scene_info", scene_info=None)
    bad("/scene_info/h5_info", scene_info={"payer_client_ip": "1.2.3.4"})
    bad("/scene_info/payer_client_ip",
        scene_info={"payer_client_ip": "x", "h5_info": {"type": "Wap"}})
    refused(ask("POST", PAY + "h5", order(appid="wx")), 400,
            "APPID_MCHID_NOT_MATCH")
    refused(ask("POST", PAY + "h5", order(mchid="1")), 400, "MCH_NOT_EXISTS")
    for text in ("", "{", "[]", "null", '{"a":1,"a":1}', "{}x"):
        refused(ask("POST", PAY + "h5", text), 400, "PARAM_ERROR")
    place(description="茶" * 127, attach="a" * 128,
          time_expire=v3.rfc3339(time.time() + 7200))
    eq(GW.control("order", out_trade_no="V3-0001")["terms"]["body"],
       "茶" * 127)


def test_v3_each_product():
    eq(list(place("V3-N001", "native")), ["code_url"])
    refused(ask("POST", PAY + "native", {
        **order("V3-N002", "native"),
        "scene_info": {"h5_info": {"type": "Wap"}}}), 400, "PARAM_ERROR")
    openid = payer()
    eq(list(place("V3-J001", "jsapi", payer={"openid": openid})),
       ["prepay_id"])
    for who in (None, {}, {"openid": ""}, {"sp_openid": openid},
                {"openid": "o" + "x" * 27}):
        refused(ask("POST", PAY + "jsapi", order("V3-J002", "jsapi",
                                                 payer=who)),
                400, "PARAM_ERROR")
    GW.control("option", products="MWEB")
    refused(ask("POST", PAY + "native", order("V3-N003", "native")), 403,
            "NO_AUTH")
    pay("V3-J001")
    a = by(query("V3-J001")).json
    eq((a["trade_type"], a["payer"]), ("JSAPI", {"openid": openid}))


def payer(appid=APPID, account="A", gw=None):
    """An openid, as the authorize page and the exchange give it."""
    gw = gw or GW
    back = "http://127.0.0.1/back"
    q = urllib.parse.urlencode([
        ("appid", appid), ("redirect_uri", back), ("response_type", "code"),
        ("scope", "snsapi_base"), ("state", "x")])
    url = urllib.parse.urlsplit(gw.url)
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    c.request("GET", "/connect/oauth2/authorize?" + q,
              headers={"X-WeChat-Account": account})
    r = c.getresponse()
    r.read()
    code = urllib.parse.parse_qs(
        urllib.parse.urlsplit(r.getheader("Location")).query)["code"][0]
    q = urllib.parse.urlencode({
        "appid": appid, "secret": "0123456789abcdef0123456789abcdef",
        "code": code, "grant_type": "authorization_code"})
    c.request("GET", "/sns/oauth2/access_token?" + q)
    got = json.loads(c.getresponse().read())
    c.close()
    return got["openid"]


def test_v3_the_same_number_again():
    first = place()
    assert place() != first
    GW.control("option", same_prepay=1)
    eq(place(), place())
    text = json.dumps(order())
    turned = json.dumps(dict(reversed(list(order().items()))))
    assert text != turned
    by(ask("POST", PAY + "h5", turned))
    refused(ask("POST", PAY + "h5", order(description="tea")), 400,
            "INVALID_REQUEST", "请求重入时参数不一致")
    refused(ask("POST", PAY + "h5", order(attach="x")), 400,
            "INVALID_REQUEST")
    moved = order()
    moved["scene_info"] = {**moved["scene_info"],
                           "payer_client_ip": "198.51.100.9"}
    by(ask("POST", PAY + "h5", moved))
    eq(GW.control("order", out_trade_no="V3-0001")["terms"]
       ["spbill_create_ip"], "198.51.100.9")
    GW.control("option", strict_ip=1)
    refused(ask("POST", PAY + "h5", moved), 400, "INVALID_REQUEST")
    by(ask("POST", PAY + "h5", order()))
    refused(ask("POST", PAY + "native", order(product="native")), 403,
            "OUT_TRADE_NO_USED")
    pay("V3-0001")
    refused(ask("POST", PAY + "h5", order()), 400, "INVALID_REQUEST")
    for product, code in (("native", "ORDER_CLOSED"),
                          ("h5", "INVALID_REQUEST")):
        no = "V3-C-" + product
        place(no, product)
        by(close(no))
        refused(ask("POST", PAY + product, order(no, product)), 400, code)


# ---- query and close --------------------------------------------------------


def test_v3_query():
    refused(query("V3-0001"), 404, "ORDER_NOT_EXIST")
    place(attach="shop-7")
    a = by(query("V3-0001")).json
    eq(a, {"appid": APPID, "mchid": MCH_ID, "out_trade_no": "V3-0001",
           "trade_state": "NOTPAY", "trade_state_desc": "订单未支付",
           "attach": "shop-7", "amount": {"total": 1234, "currency": "CNY"},
           "scene_info": {"device_id": ""}, "promotion_detail": []})
    pay("V3-0001")
    a = by(query("V3-0001")).json
    eq((a["trade_state"], a["trade_type"], a["amount"]),
       ("SUCCESS", "MWEB", {"total": 1234, "payer_total": 1234,
                            "currency": "CNY", "payer_currency": "CNY"}))
    assert a["success_time"].endswith("+08:00")
    by_id = by(ask("GET", PAY + "id/%s?mchid=%s"
                   % (a["transaction_id"], MCH_ID))).json
    eq(by_id, a)
    refused(ask("GET", PAY + "id/4200?mchid=" + MCH_ID), 404,
            "ORDER_NOT_EXIST")
    for q in ("", "?mchid=", "?mchid=1&x=1", "?sp_mchid=" + MCH_ID):
        eq(ask("GET", PAY + "out-trade-no/V3-0001" + q).status, 400, q)


def test_v3_a_number_may_hold_a_pipe():
    place("V3|00*1")
    by(query("V3%7C00%2A1"))


def test_v3_close():
    refused(close("V3-0001"), 404, "ORDER_NOT_EXIST")
    place()
    for body in ({"mch_id": MCH_ID}, {"mchid": MCH_ID, "appid": APPID}, {}):
        refused(ask("POST", PAY + "out-trade-no/V3-0001/close", body), 400,
                "PARAM_ERROR")
    by(close("V3-0001"))
    by(close("V3-0001"))
    eq(by(query("V3-0001")).json["trade_state"], "CLOSED")
    place("V3-0002")
    pay("V3-0002")
    refused(close("V3-0002"), 400, "ORDER_PAID")
    GW.control("option", refuse_early_close=1)
    place("V3-0003")
    refused(close("V3-0003"), 403, "TRADE_ERROR")


# ---- refunds ----------------------------------------------------------------


def refund(no="V3-0001", number="R-1", fee=34, **more):
    f = {"out_trade_no": no, "out_refund_no": number,
         "notify_url": SHOP.url,
         "amount": {"refund": fee, "total": 1234, "currency": "CNY"}}
    f.update(more)
    return ask("POST", REFUNDS, {n: v for n, v in f.items() if v is not None})


def test_v3_refunds():
    place()
    refused(refund(), 404, "RESOURCE_NOT_EXISTS")
    pay("V3-0001")
    refused(ask("GET", REFUNDS + "/R-1"), 404, "RESOURCE_NOT_EXISTS")
    refused(refund(amount={"refund": 1, "total": 1234}), 400, "PARAM_ERROR")
    refused(refund(amount={"refund": "1", "total": 1234, "currency": "CNY"}),
            400, "PARAM_ERROR")
    refused(refund(sub_mchid="1"), 400, "PARAM_ERROR")
    refused(refund(reason="退" * 27), 400, "PARAM_ERROR")
    a = by(refund()).json
    eq((a["status"], a["amount"]["refund"], a["amount"]["total"]),
       ("PROCESSING", 34, 1234))
    eq(by(refund()).json["refund_id"], a["refund_id"])
    refused(refund(fee=35), 400, "REFUND_FEE_MISMATCH")
    refused(refund(number="R-2"), 429, "FREQUENCY_LIMITED")
    eq(by(query("V3-0001")).json["trade_state"], "REFUND")
    GW.control("refund", out_refund_no="R-1", status="CHANGE")
    eq(by(ask("GET", REFUNDS + "/R-1")).json["status"], "ABNORMAL")
    GW.control("refund", out_refund_no="R-1", status="REFUNDCLOSE")
    eq(by(ask("GET", REFUNDS + "/R-1")).json["status"], "CLOSED")
    GW.control("refund", out_refund_no="R-1", status="SUCCESS")
    a = by(ask("GET", REFUNDS + "/R-1")).json
    assert a["success_time"].endswith("+08:00")
    GW.control("option", balance=1, refund_gap_s=0)
    refused(refund(number="R-3"), 403, "NOT_ENOUGH")


def last_sent(no, n=1):
    GW.wait(for_="notices", out_trade_no=no, n=n)
    return GW.control("notices", out_trade_no=no)["sent"]


def checked(sent, key=v3.PUBLIC_KEY, serial=v3.PUBLIC_KEY_ID):
    """A notice's plaintext; it is signed and encrypted as it must be."""
    h = sent["headers"]
    eq(h["Wechatpay-Serial"], serial)
    assert v3.signed("%s\n%s\n%s\n" % (
        h["Wechatpay-Timestamp"], h["Wechatpay-Nonce"], sent["body"]),
        h["Wechatpay-Signature"], key)
    body = json.loads(sent["body"])
    inside = json.loads(v3.decrypt(body["resource"]))
    eq(inside, sent["inside"])
    return body, inside


def test_v3_refund_notices():
    for no, result, event in (("V3-0001", "SUCCESS", "REFUND.SUCCESS"),
                              ("V3-0002", "CHANGE", "REFUND.ABNORMAL"),
                              ("V3-0003", "REFUNDCLOSE", "REFUND.CLOSED")):
        GW.control("option", refund_result=result, refund_s=0)
        SHOP.status = 204
        place(no)
        pay(no)
        by(refund(no, "R-" + no))
        sent = last_sent(no)[0]
        body, inside = checked(sent)
        eq((body["event_type"], body["resource"]["original_type"]),
           (event, "refund"))
        eq(inside["refund_status"], event.split(".")[1])
        eq(("status" in inside, inside["mchid"], inside["amount"]["refund"]),
           (False, MCH_ID, 34))


def test_v3_a_refund_without_notify_url_is_told_in_xml():
    GW.control("option", platform_notify_url=SHOP.url, refund_s=0)
    place()
    pay("V3-0001")
    by(refund(notify_url=None))
    sent = last_sent("V3-0001")[0]
    eq(sent["wire"], "v2")
    assert "req_info" in sent["fields"], sent


# ---- notices ----------------------------------------------------------------


def test_v3_notices():
    SHOP.status = 500
    place(attach="x")
    pay("V3-0001", notice=1)
    first = last_sent("V3-0001")[0]
    body, inside = checked(first)
    eq((body["event_type"], body["resource_type"],
        body["resource"]["algorithm"], body["resource"]["associated_data"],
        len(body["resource"]["nonce"])),
       ("TRANSACTION.SUCCESS", "encrypt-resource", "AEAD_AES_256_GCM",
        "transaction", 12))
    eq((inside["trade_state"], inside["attach"], inside["amount"]["total"]),
       ("SUCCESS", "x", 1234))
    headers = SHOP.got[0][1]
    eq(headers["Content-Type"], "application/json")
    eq(first["taken"], False)
    SHOP.status = 204
    GW.control("hurry")
    again = last_sent("V3-0001", 2)[1]
    checked(again)
    eq((again["attempt"], again["taken"]), (1, True))
    for name in ("Wechatpay-Nonce", "Wechatpay-Signature"):
        assert again["headers"][name] != first["headers"][name], name
    assert again["body"] != first["body"]
    eq(GW.control("notices")["pending"], [])


def test_v3_notices_come_in_wechats_rhythm():
    SHOP.status = 401
    place()
    pay("V3-0001", notice=1)
    last_sent("V3-0001")
    for i, gap in enumerate((15, 15, 30, 180, 600), 1):
        due = GW.control("notices")["pending"][0]["due_ms"]
        last = GW.control("notices")["sent"][-1]["at_ms"]
        assert gap * 1000 <= due - last < gap * 1000 + 5000, (i, due - last)
        GW.control("clock", advance=gap + 1)
        last_sent("V3-0001", i + 1)


def test_v3_notices_during_a_change_of_keys():
    SHOP.status = 204
    place()
    pay("V3-0001")
    for percent in (0, 25, 50, 100):
        GW.control("option", notice_public_percent=percent)
        sent = GW.control("notice", out_trade_no="V3-0001", n=20)["sent"]
        serials = [s["headers"]["Wechatpay-Serial"] for s in sent]
        eq(serials.count(v3.PUBLIC_KEY_ID), 20 * percent // 100, percent)
        eq(serials.count(v3.PLATFORM_SERIAL), 20 - 20 * percent // 100)
        checked(sent[0], *((v3.PUBLIC_KEY, v3.PUBLIC_KEY_ID)
                           if serials[0] == v3.PUBLIC_KEY_ID else
                           (v3.PLATFORM_CERT, v3.PLATFORM_SERIAL)))


def test_v3_notices_are_signed_as_the_prepay_asked():
    by(ask("POST", PAY + "h5", order(),
           headers={"Wechatpay-Serial": v3.PLATFORM_SERIAL}),
       v3.PLATFORM_CERT, v3.PLATFORM_SERIAL)
    pay("V3-0001", notice=1)
    checked(last_sent("V3-0001")[0], v3.PLATFORM_CERT, v3.PLATFORM_SERIAL)


def test_v3_spoilt_notices():
    SHOP.status = 204
    place()
    pay("V3-0001")

    def one(**how):
        return GW.control("notice", out_trade_no="V3-0001", **how)["sent"][0]

    def fails(sent):
        try:
            checked(sent)
        except AssertionError:
            return True
        return False

    for kind in ("wrong-sign", "unsigned", "signtest", "empty-sign",
                 "spoil-body", "wrong-key", "bad-tag", "no-aad", "other-key",
                 "unknown-serial", "lower-sign"):
        try:
            bad = fails(one(kind=kind))
        except KeyError:
            bad = True
        assert bad, kind
    probe = one(kind="signtest")["headers"]["Wechatpay-Signature"]
    assert probe.startswith("WECHATPAY/SIGNTEST/") and len(probe) == 344
    stamp = int(one(kind="old-time")["headers"]["Wechatpay-Timestamp"])
    assert 300 <= time.time() - stamp < 320
    stamp = int(one(kind="old-time", name="future",
                    num=400)["headers"]["Wechatpay-Timestamp"])
    assert 380 < stamp - time.time() <= 400
    eq(checked(one(**{"json.amount.total": "12.5"}))[1]["amount"]["total"],
       12.5)
    eq(checked(one(**{"set.amount.total": "1"}))[1]["amount"]["total"], 1)
    eq("amount" in checked(one(drop="amount"))[1], False)
    eq(checked(one(**{"envelope.event_type": "X"}))[0]["event_type"], "X")
    eq("algorithm" in checked(one(
        **{"envelope.resource.algorithm": ""}))[0]["resource"], False)
    eq(checked(one(kind="coupons"))[1]["amount"],
       {"total": 1234, "payer_total": 617, "currency": "CNY",
        "payer_currency": "CNY"})
    eq(one(wire="v2")["fields"]["out_trade_no"], "V3-0001")
    eq(one(kind="plaintext", value="[1]")["inside"]["mchid"], MCH_ID)
    two = one(kind="two-headers", name="Wechatpay-Serial", value="x")
    eq(two["status"], 204)


# ---- echo -------------------------------------------------------------------


def test_v3_echo():
    SHOP.status = 204
    a = by(ask("POST", "/v3/security/echo", {"echo_message": "hello"}))
    eq(a.json, {"echo_message": "hello"})
    eq(GW.control("notices")["pending"], [])
    for bad in ({}, {"echo_message": 1},
                {"echo_message": "a", "encrypted_echo_message": "b"}):
        refused(ask("POST", "/v3/security/echo", bad), 400, "PARAM_ERROR")
    refused(ask("POST", "/v3/security/echo", {"echo_message": "hello"},
                headers={"Wechatpay-Serial": None}), 400, "PARAM_ERROR")
    by(ask("POST", "/v3/security/echo",
           {"echo_message": "again", "notify_url": SHOP.url}))
    body, inside = checked(last_sent("")[0])
    eq((body["event_type"], body["resource"]["original_type"], inside),
       ("SECURITY_ECHO.SUCCESS", "security",
        {"echo_message": "again", "encrypt_echo_message": ""}))


# ---- bills ------------------------------------------------------------------


def day(offset=0):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 28800 +
                                                 offset * 86400))


def test_v3_bills():
    place()
    pay("V3-0001")
    target = "/v3/bill/tradebill?bill_date=" + day()
    refused(ask("GET", target), 400, "PARAM_ERROR")
    GW.control("option", bill_early=1)
    a = by(ask("GET", target)).json
    eq(a["hash_type"], "SHA1")
    url = urllib.parse.urlsplit(a["download_url"])
    got = ask("GET", "%s?%s" % (url.path, url.query))
    eq(hashlib.sha1(got.body).hexdigest(), a["hash_value"])
    eq(got.header("Wechatpay-Signature"), None)
    assert b"`V3-0001," in got.body
    a = by(ask("GET", target + "&tar_type=GZIP")).json
    url = urllib.parse.urlsplit(a["download_url"])
    assert url.query.endswith("&tartype=gzip")
    packed = ask("GET", "%s?%s" % (url.path, url.query))
    eq(packed.header("Content-Encoding"), None)
    eq(gzip.decompress(packed.body), got.body)
    eq(hashlib.sha1(got.body).hexdigest(), a["hash_value"])
    fault(kind="bill-hash-packed", count=1)
    b = by(ask("GET", target + "&tar_type=GZIP")).json
    eq(hashlib.sha1(packed.body).hexdigest(), b["hash_value"])
    fault(kind="bill-hash", count=1)
    assert by(ask("GET", target)).json["hash_value"] != a["hash_value"]
    refused(ask("GET", "/v3/billdownload/file?token=x"), 400,
            "INVALID_REQUEST")
    GW.control("option", real_wire_clock=1)
    GW.control("clock", advance=301)
    refused(ask("GET", "%s?%s" % (url.path, url.query)), 400,
            "INVALID_REQUEST")
    refused(ask("GET", "/v3/bill/tradebill?bill_date=" + day(-1)), 400,
            "NO_STATEMENT_EXIST")
    fault(kind="bill-error", count=1)
    refused(ask("GET", target), 400, "STATEMENT_CREATING")


# ---- one book ---------------------------------------------------------------


def test_v3_one_book_for_both():
    from_v2 = START.v2("unifiedorder", "A-V2-0001")
    eq(from_v2["result_code"], "SUCCESS", from_v2)
    refused(ask("POST", PAY + "h5", order("A-V2-0001")), 403,
            "OUT_TRADE_NO_USED")
    refused(query("A-V2-0001"), 404, "ORDER_NOT_EXIST")
    refused(close("A-V2-0001"), 404, "ORDER_NOT_EXIST")
    place("A-V3-0001")
    eq(START.v2("unifiedorder", "A-V3-0001")["err_code_des"],
       "201 商户订单号重复")
    for api in ("orderquery", "closeorder"):
        eq(START.v2(api, "A-V3-0001")["err_code"], "ORDERNOTEXIST")
    GW.control("option", cross_api=1)
    by(query("A-V2-0001"))
    eq(START.v2("orderquery", "A-V3-0001")["trade_state"], "NOTPAY")
    pay("A-V2-0001")
    by(refund("A-V2-0001", "R-cross"))


# ---- errors and faults ------------------------------------------------------


def some_call(api):
    return {
        "unifiedorder": lambda: ask("POST", PAY + "h5", order("V3-E001")),
        "orderquery": lambda: query("V3-E002"),
        "closeorder": lambda: close("V3-E003"),
        "refund": lambda: refund("V3-E004", "R-E"),
        "refundquery": lambda: ask("GET", REFUNDS + "/R-E"),
        "tradebill": lambda: ask(
            "GET", "/v3/bill/tradebill?bill_date=" + day(-1)),
        "billfile": lambda: ask("GET", "/v3/billdownload/file?token=1"),
        "certificates": lambda: ask("GET", "/v3/certificates"),
        "echo": lambda: ask("POST", "/v3/security/echo",
                            {"echo_message": "x"}),
    }[api]()


def test_v3_each_documented_error():
    seen = 0
    for e in GW.control("errors")["errors"]:
        if e["api"] == "billfile":
            continue  # its errors are the bill's
        for code in filter(None, (e["code"], e["old"])):
            GW.control("fault", api=e["api"], kind="result-fail", code=code,
                       count=1)
            refused(some_call(e["api"]), e["status"], code)
            seen += 1
    assert seen > 90, seen
    fault(api="orderquery", kind="result-fail", code="NEW_CODE", status=418,
          text="x", count=1)
    refused(query("V3-0001"), 418, "NEW_CODE", "x")
    fault(api="orderquery", kind="accepted", count=1)
    eq(query("V3-0001").status, 202)


def test_v3_request_ids():
    place()
    refused(ask("POST", PAY + "h5", order(attach="x")), 400,
            "INVALID_REQUEST")
    a = ask("POST", PAY + "h5", order(attach="x"))
    assert a.header("Request-ID").endswith("-268498688")
    eq(query("V3-0001", signature="AAAA").header("Request-ID"), None)
    assert ask("GET", REFUNDS + "/1",
               signature="AAAA").header("Request-ID").endswith("-268443699")


def test_v3_spoilt_answers():
    place()

    def bad(kind, **how):
        fault(api="orderquery", kind=kind, count=1, **how)
        a = query("V3-0001")
        try:
            by(a)
        except (AssertionError, ValueError, TypeError):
            return a
        raise AssertionError(kind)

    for kind in ("wrong-sign", "unsigned", "signtest", "empty-sign",
                 "spoil-body", "other-key", "unknown-serial", "empty"):
        bad(kind)
    bad("two-headers", name="Wechatpay-Nonce")
    bad("no-header", name="Wechatpay-Timestamp")
    bad("gzip")
    fault(api="orderquery", kind="chunked", count=1)
    a = query("V3-0001")
    eq(a.header("Transfer-Encoding"), "chunked")
    eq(by(a).json["trade_state"], "NOTPAY")
    fault(api="orderquery", kind="state", state="CLOSED", count=1)
    eq(by(query("V3-0001")).json["trade_state"], "CLOSED")
    fault(api="orderquery", kind="wrong-amount", count=1)
    eq(by(query("V3-0001")).json["amount"]["total"], 1235)
    fault(api="orderquery", kind="other-mch-id", count=1)
    eq(by(query("V3-0001")).json["mchid"], "1900000109")
    fault(api="orderquery", kind="duplicate", count=1)
    eq(by(query("V3-0001")).body.count(b'"trade_state"'), 2)
    fault(api="orderquery", kind="systemerror", count=1)
    refused(query("V3-0001"), 500, "SYSTEM_ERROR")
    fault(api="orderquery", kind="http-status", status=502, count=1)
    eq(query("V3-0001").status, 502)
    fault(api="unifiedorder", kind="systemerror-after", count=1)
    refused(ask("POST", PAY + "h5", order("V3-0002")), 500, "SYSTEM_ERROR")
    by(query("V3-0002"))
    fault(api="unifiedorder", kind="cut-after", count=1)
    try:
        ask("POST", PAY + "h5", order("V3-0003"))
        raise AssertionError("an answer came")
    except (http.client.HTTPException, OSError):
        by(query("V3-0003"))
    fault(api="unifiedorder", kind="foreign-mweb-url", count=1)
    assert "evil.example" in place("V3-0004")["h5_url"]


def test_v3_what_came_is_kept():
    text = json.dumps(order(), ensure_ascii=False)
    by(ask("POST", PAY + "h5", text))
    call = GW.control("calls", api="unifiedorder")["calls"][-1]
    eq((call["body"], call["target"], call["fields"]["amount.total"],
        call["outcome"]), (text, PAY + "h5", "1234", "SUCCESS "))


# ---- paying -----------------------------------------------------------------


def test_v3_the_cashier_and_the_phone_know_its_orders():
    SHOP.status = 204
    url = urllib.parse.urlsplit(place()["h5_url"])
    c = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    c.request("GET", "%s?%s" % (url.path, url.query),
              headers={"Referer": "http://127.0.0.1/"})
    page = c.getresponse().read().decode()
    assert 'data-page="cashier"' in page and "小店-茶" in page, page
    code = place("V3-N001", "native")["code_url"]
    c.request("GET", "/scan?" + urllib.parse.urlencode({"code_url": code}))
    page = c.getresponse().read().decode()
    assert 'data-page="phone"' in page, page
    c.close()


def test_v3_the_bridge():
    openid = payer()
    r = place("V3-J001", "jsapi", payer={"openid": openid})
    values = {"appId": APPID, "timeStamp": "1700000000", "nonceStr": "n",
              "package": "prepay_id=" + r["prepay_id"], "signType": "RSA"}
    values["paySign"] = v3.sign("".join(
        values[n] + "\n" for n in ("appId", "timeStamp", "nonceStr",
                                   "package")))

    def bridge(**change):
        form = {**values, "url": "http://127.0.0.1/", "action": "cancel",
                "account": "A", **change}
        return json.loads(GW.post(
            "/bridge", urllib.parse.urlencode(form).encode())).get("err_desc")

    eq(bridge(), None)
    for change in ({"signType": "HMAC-SHA256"}, {"timeStamp": "1"},
                   {"paySign": v3.sign("x")}):
        eq(bridge(**change), "支付验证签名失败")
    eq(bridge(account="B"), "下单账号与支付账号不一致")
    eq(bridge(action="pay"), None)


# ---- service providers ------------------------------------------------------


def sp_order(no, product="h5", sub=SUB, **more):
    f = order(no, product, appid=None, mchid=None, sp_appid=APPID,
              sp_mchid=MCH_ID, sub_mchid=sub)
    f.update(more)
    return f


def test_v3_service_providers():
    gw = START(*v3.STAND_IN, "--sub-mch-ids", SUB + ",1900000110",
               "--sub-appids", SUB_APPID, "--app-secret",
               "0123456789abcdef0123456789abcdef")
    try:
        partner(gw)
    finally:
        gw.stop()
    refused(ask("POST", PARTNER + "h5", sp_order("V3-P001")), 400,
            "INVALID_REQUEST")


def partner(gw):
    SHOP.status = 204

    def prepay(product="h5", **f):
        return ask("POST", PARTNER + product, sp_order(product=product, **f),
                   gw=gw)

    by(prepay(no="V3-P001"))
    refused(prepay(no="V3-P002", sub="1"), 400, "INVALID_REQUEST",
            "受理关系不存在")
    refused(prepay(no="V3-P001", sub="1900000110"), 403, "OUT_TRADE_NO_USED")
    refused(prepay(no="V3-P003", sub_appid="wx1"), 400,
            "APPID_MCHID_NOT_MATCH")
    refused(ask("POST", PAY + "h5", order("V3-P004"), gw=gw), 403, "NO_AUTH")
    at = PARTNER + "out-trade-no/V3-P001?sp_mchid=%s&sub_mchid=%s"
    a = by(ask("GET", at % (MCH_ID, SUB), gw=gw)).json
    eq((a["sp_appid"], a["sp_mchid"], a["sub_mchid"], "mchid" in a),
       (APPID, MCH_ID, SUB, False))
    refused(ask("GET", at % (MCH_ID, "1900000110"), gw=gw), 404,
            "ORDER_NOT_EXIST")
    eq(ask("GET", PARTNER + "out-trade-no/V3-P001?sp_mchid=" + MCH_ID,
           gw=gw).status, 400)
    gw.control("pay", out_trade_no="V3-P001")
    gw.wait(for_="notices", out_trade_no="V3-P001")
    _, inside = checked(gw.control("notices")["sent"][-1])
    eq((inside["sp_mchid"], inside["sub_mchid"], "mchid" in inside),
       (MCH_ID, SUB, False))
    f = {"out_trade_no": "V3-P001", "out_refund_no": "RP",
         "notify_url": SHOP.url,
         "amount": {"refund": 4, "total": 1234, "currency": "CNY"}}
    gw.control("option", refund_s=0)
    refused(ask("POST", REFUNDS, f, gw=gw), 400, "PARAM_ERROR")
    refused(ask("POST", REFUNDS, {**f, "sub_mchid": "1900000110"}, gw=gw),
            404, "RESOURCE_NOT_EXISTS")
    by(ask("POST", REFUNDS, {**f, "sub_mchid": SUB}, gw=gw))
    by(ask("GET", REFUNDS + "/RP?sub_mchid=" + SUB, gw=gw))
    eq(ask("GET", REFUNDS + "/RP", gw=gw).status, 400)
    gw.wait(for_="notices", out_trade_no="V3-P001", n=2)
    _, inside = checked(gw.control("notices")["sent"][-1])
    eq((inside["sp_mchid"], inside["sub_mchid"]), (MCH_ID, SUB))
    gw.control("option", refund_notice_mchid=1)
    sent = gw.control("refund-notice", out_refund_no="RP")["sent"][0]
    eq((checked(sent)[1]["mchid"], "sp_mchid" in sent["inside"]),
       (MCH_ID, False))
    by(prepay(no="V3-P005"))
    c = PARTNER + "out-trade-no/V3-P005/close"
    refused(ask("POST", c, {"mchid": MCH_ID}, gw=gw), 400, "PARAM_ERROR")
    refused(ask("POST", c, {"sp_mchid": MCH_ID, "sub_mchid": "1900000110"},
                gw=gw), 404, "ORDER_NOT_EXIST")
    by(ask("POST", c, {"sp_mchid": MCH_ID, "sub_mchid": SUB}, gw=gw))
    partner_payers(gw, prepay)


def partner_payers(gw, prepay):
    own, sub = payer(gw=gw), payer(SUB_APPID, gw=gw)
    assert own != sub
    by(prepay("jsapi", no="V3-P010", payer={"sp_openid": own}))
    by(prepay("jsapi", no="V3-P011", sub_appid=SUB_APPID,
              payer={"sub_openid": sub}))
    for who, appid in (({"sub_openid": sub}, None), ({"openid": own}, None),
                       ({"sub_openid": own}, SUB_APPID),
                       ({"sp_openid": sub}, None)):
        f = {"sub_appid": appid} if appid else {}
        refused(prepay("jsapi", no="V3-P012", payer=who,
                       **f), 400, "PARAM_ERROR")
    gw.control("pay", out_trade_no="V3-P011")
    a = by(ask("GET", PARTNER + "out-trade-no/V3-P011?sp_mchid=%s&sub_mchid=%s"
               % (MCH_ID, SUB), gw=gw)).json
    eq((a["payer"], a["sub_appid"]), ({"sub_openid": sub}, SUB_APPID))

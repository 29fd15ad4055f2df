#!/usr/bin/env python3
"""Checks the stand-in for WeChat Pay against the written protocol.

Python's standard library only, with its own signing.  Prints one line a
test and, last, "N passed, N failed"; exits 1 if one failed.

    test_gateway.py build/tests/gateway [word]     only tests with that word
"""
import gzip
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

import test_v3

APPID = "wxd930ea5d5a258f4f"
MCH_ID = "10000100"
KEY = "192006250b4c09247ec02edce69f6a2d"
APP_SECRET = "0123456789abcdef0123456789abcdef"
SUCCESS = ("<xml><return_code><![CDATA[SUCCESS]]></return_code>"
           "<return_msg><![CDATA[OK]]></return_msg></xml>")
FAIL = SUCCESS.replace("SUCCESS", "FAIL")
SCENE = ('{"h5_info":{"type":"Wap","wap_url":"https://shop.example",'
         '"wap_name":"小店"}}')


# ---- a second opinion on the protocol ------------------------------------

def sign(fields, key=KEY, sign_type="HMAC-SHA256"):
    text = "&".join("%s=%s" % (n, fields[n])
                    for n in sorted(fields, key=lambda n: n.encode())
                    if n != "sign" and fields[n] != "")
    data = (text + "&key=" + key).encode()
    if sign_type == "MD5":
        return hashlib.md5(data).hexdigest().upper()
    return hmac.new(key.encode(), data, hashlib.sha256).hexdigest().upper()


def to_xml(fields):
    return "<xml>%s</xml>" % "".join(
        "<%s><![CDATA[%s]]></%s>" % (n, v, n) for n, v in fields.items())


def from_xml(text):
    """Names and values in order; written for answers, not for attacks."""
    inner = re.fullmatch(r"\s*<xml>(.*)</xml>\s*", text, re.S).group(1)
    out = {}
    for name, value in re.findall(r"<([\w.-]+)>(.*?)</\1>", inner, re.S):
        assert name not in out, "twice: " + name
        out[name] = "".join(
            c if c or "<![CDATA[" in part else part
            for part, c in ((m.group(0), m.group(1)) for m in
                            re.finditer(r"<!\[CDATA\[(.*?)\]\]>|[^<]+",
                                        value, re.S)))
    return out


def beijing(offset_s, now=None):
    now = time.time() if now is None else now
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(now + 28800 + offset_s))


# ---- the gateway under test ----------------------------------------------

class Gateway:
    def __init__(self, program, *more):
        self.folder = tempfile.mkdtemp()
        port_file = os.path.join(self.folder, "port")
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--appid", APPID,
             "--mch-id", MCH_ID, "--api-key", KEY, "--port-file", port_file,
             *more], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("gateway listening on http"), line
        self.url = line.split()[-1]
        with open(port_file) as f:
            self.ports = [int(p) for p in f.read().split()]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(10)
        self.process.stdout.close()
        return code

    def control(self, verb, args=None, want=200, **more):
        data = list(more.items()) + (args or [])
        # "for" is a word of Python's
        data = [(n.rstrip("_"), v) for n, v in data]
        port = self.ports[-1]
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        c.request("POST", "/_control/" + verb, urllib.parse.urlencode(data),
                  {"Content-Type": "application/x-www-form-urlencoded"})
        r = c.getresponse()
        body = r.read()
        c.close()
        assert r.status == want, "%s %s: %s" % (verb, r.status, body)
        return json.loads(body)

    def wait(self, **more):
        more.setdefault("timeout_ms", 30000)
        got = self.control("wait", **more)
        assert got["ok"], "waited in vain for %s" % more

    def post(self, path, body, **headers):
        if isinstance(body, str):
            body = body.encode()
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=20) as r:
            return r.read().decode()

    def call(self, api, fields, sign_type="HMAC-SHA256", raw=False,
             key=KEY, drop=()):
        f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n0nce"}
        f.update(fields)
        if sign_type != "default":
            f.setdefault("sign_type", sign_type)
        for name in drop:
            f.pop(name, None)
        f.setdefault("sign", sign(
            f, key, "MD5" if sign_type == "default" else sign_type))
        if f["sign"] is None:
            del f["sign"]
        path = "/secapi/pay/refund" if api == "refund" else "/pay/" + api
        text = self.post(path, to_xml(f))
        return text if raw else from_xml(text)


class Shop:
    """Takes notices.  reply: body, status, seconds to wait."""

    def __init__(self):
        shop = self
        self.got = []
        self.body, self.status, self.wait_s = SUCCESS, 200, 0
        self.on_notice = None

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.got.append((self.path, dict(self.headers),
                                 body.decode()))
                if shop.on_notice:
                    shop.on_notice()
                time.sleep(shop.wait_s)
                try:
                    self.send_response(shop.status)
                    self.send_header("Content-Length", str(len(shop.body)))
                    self.end_headers()
                    self.wfile.write(shop.body.encode())
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/notify" % self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def reset(self):
        self.got.clear()
        self.body, self.status, self.wait_s = SUCCESS, 200, 0
        self.on_notice = None


GW = None
SHOP = None


def order(no="A00001", **more):
    f = {"body": "小店-茶 a&b<c>", "out_trade_no": no, "total_fee": "1234",
         "spbill_create_ip": "127.0.0.1", "notify_url": SHOP.url,
         "trade_type": "MWEB", "time_expire": beijing(7200, 0 + BASE),
         "scene_info": SCENE}
    f.update(more)
    return {n: v for n, v in f.items() if v is not None}


BASE = time.time()


def place(no="A00001", sign_type="HMAC-SHA256", **more):
    r = GW.call("unifiedorder", order(no, **more), sign_type)
    assert r.get("result_code") == "SUCCESS", r
    return r


def eq(got, want, what=""):
    assert got == want, "%s: got %r, want %r" % (what, got, want)


def fails(answer, text):
    eq(answer, {"return_code": "FAIL", "return_msg": text})


def errs(answer, code, text=None, sign_type="HMAC-SHA256"):
    eq(answer["return_code"], "SUCCESS", answer)
    eq(answer["result_code"], "FAIL", answer)
    eq(answer["err_code"], code, answer)
    if text:
        eq(answer["err_code_des"], text)
    eq(answer["sign"], sign(answer, KEY, sign_type), "sign")


def good(answer, sign_type="HMAC-SHA256"):
    eq(answer.get("result_code"), "SUCCESS", answer)
    eq(answer["sign"], sign(answer, KEY, sign_type), "sign")
    return answer


def fault(**more):
    return GW.control("fault", **more)


# ---- tests: signatures ----------------------------------------------------

VECTORS = [
    ({"appid": APPID, "mch_id": MCH_ID, "device_info": "1000",
      "body": "test", "nonce_str": "ibuaiVcKdpRxkhJA"}, KEY,
     "9A0A8659F005D6984697E2CA0A9CF3B7",
     "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"),
    ({"test1": "test1", "test2": "test2"}, KEY,
     "1E3A8D73B5A4AEE787C0F68B5DAB8520",
     "EDAC6D70D2FDF5A2382F8204FC96A1918017E46ACC5297F565ED1A7610ACF659"),
    ({"name": "yansongda", "age": "29", "foo": ""}, "yansongda",
     "3213848AED2C380749FD1D559555881D", None),
]

NOTICE_FIELDS = ["return_code", "result_code", "appid", "mch_id",
                 "nonce_str", "openid", "is_subscribe", "trade_type",
                 "bank_type", "total_fee", "fee_type", "cash_fee",
                 "transaction_id", "out_trade_no", "time_end"]


def test_this_file_signs_the_published_vectors():
    for fields, key, md5, hmac_ in VECTORS:
        eq(sign(fields, key, "MD5"), md5)
        if hmac_:
            eq(sign(fields, key), hmac_)


def test_the_gateway_signs_the_published_vectors():
    for fields, key, *want in VECTORS:
        if key != KEY:
            continue
        for sign_type, due in zip(("MD5", "HMAC-SHA256"), want):
            args = [("drop", n) for n in NOTICE_FIELDS if n not in fields]
            args += [("set." + n, v) for n, v in fields.items()]
            sent = GW.control("notice", args, out_trade_no="V00001",
                              total_fee=1, url=SHOP.url,
                              sign_type=sign_type)["sent"][0]["fields"]
            eq({n: v for n, v in sent.items() if n != "sign"}, fields)
            eq(sent["sign"], due)


def test_answers_are_signed_as_the_request_was():
    good(place("S00001", "MD5"), "MD5")
    good(place("S00002", "HMAC-SHA256"))
    r = GW.call("unifiedorder", order("S00003"), "default")
    good(r, "MD5")
    assert "sign_type" not in r


def test_a_wrong_signature_is_refused_unsigned():
    text = "签名错误，请检查后再试"
    fails(GW.call("unifiedorder", order(), key="x" * 32), text)
    fails(GW.call("orderquery", {"out_trade_no": "A00001", "sign": "0" * 64}),
          text)
    md5 = sign({**order(), "appid": APPID}, KEY, "MD5")
    fails(GW.call("unifiedorder", {**order(), "sign": md5}), text)
    fails(GW.call("unifiedorder", order(), sign_type="SHA1"),
          "参数错误:sign_type")


def test_an_empty_element_takes_no_part_in_the_signature():
    good(place("S00005", attach="", device_info=""))


# ---- tests: what a request must be ----------------------------------------

def test_the_form_of_a_request():
    fails(from_xml(GW.post("/pay/orderquery", b"")), "post数据为空")
    for bad in ("<xml>", "no", "<xml><a>1</a></xml>x", "<xml><a b='c'/></xml>",
                "<xml><a><b>1</b></a></xml>", "<xml>&lol;</xml>",
                "<xml><a>1</a><a>1</a></xml>",
                "<!DOCTYPE xml [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
                "<xml><a>&e;</a></xml>"):
        fails(from_xml(GW.post("/pay/orderquery", bad)), "XML格式错误")
    fails(from_xml(GW.post("/pay/orderquery",
                           b"<xml><a>\xb2\xe2</a></xml>")), "编码格式错误")
    with urllib.request.urlopen(GW.url + "/pay/orderquery") as r:
        fails(from_xml(r.read().decode()), "请使用post方法")


def test_plain_text_entities_and_blanks_are_read_as_cdata_is():
    f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "a<&>\"' b",
         "out_trade_no": "nobody", "sign_type": "MD5"}
    f["sign"] = sign(f, KEY, "MD5")
    x = ("<?xml version=\"1.0\"?>\n<xml>\n <appid>%s</appid >\n"
         "<mch_id>%s</mch_id><nonce_str>a&lt;&#38;&#x3e;&quot;&apos; "
         "b</nonce_str><out_trade_no><![CDATA[no]]>body</out_trade_no>"
         "<sign_type>MD5</sign_type><sign>%s</sign>\n</xml>\n"
         % (APPID, MCH_ID, f["sign"]))
    errs(from_xml(GW.post("/pay/orderquery", x)), "ORDERNOTEXIST",
         "此交易订单号不存在", "MD5")


def test_missing_and_long_fields_are_named():
    for name in ("appid", "mch_id", "nonce_str", "body", "out_trade_no",
                 "total_fee", "spbill_create_ip", "notify_url", "trade_type",
                 "scene_info"):
        fails(GW.call("unifiedorder", order(), drop=[name]),
              name + "参数长度有误")
    fails(GW.call("unifiedorder", {**order(), "sign": None}),
          "sign参数长度有误")
    for name, limit in (("body", 128), ("attach", 127), ("nonce_str", 32),
                        ("out_trade_no", 32), ("device_info", 32),
                        ("notify_url", 256), ("scene_info", 256)):
        fails(GW.call("unifiedorder", {**order(), name: "9" * (limit + 1)}),
              name + "参数长度有误")
    fails(GW.call("unifiedorder", order("abc")), "out_trade_no参数长度有误")
    place("L" * 32, body="b" * 128, attach="a" * 127)
    fails(GW.call("unifiedorder", order(body="茶" * 43)),
          "body参数长度有误")
    for api in ("orderquery", "closeorder"):
        fails(GW.call(api, {}), "out_trade_no参数长度有误")


def test_unknown_elements_are_named():
    fails(GW.call("unifiedorder", order(foo="1")), "不识别的参数foo")
    fails(GW.call("orderquery", {"out_trade_no": "A00001", "body": "x"}),
          "不识别的参数body")


def test_every_optional_field_is_known():
    place("O00001", device_info="WEB", detail="{}", attach="a",
          fee_type="CNY", time_start=beijing(0), goods_tag="t",
          product_id="p", limit_pay="no_credit", openid="o", receipt="Y",
          profit_sharing="N", version="1.0", fingerprint="f",
          user_type="IDCARD", user_creid="1", user_truename="n")


def test_another_merchant_is_refused():
    fails(GW.call("unifiedorder", {**order(), "mch_id": "1900000109"}),
          "MCHID不存在")
    errs(GW.call("unifiedorder", {**order(), "appid": "wxffffffffffffffff"}),
         "APPID_MCHID_NOT_MATCH")


def test_amounts():
    for bad in ("0", "-1", "1.5", "1e3", " 1", "abc"):
        errs(GW.call("unifiedorder", order(total_fee=bad)), "PARAM_ERROR")
    errs(GW.call("unifiedorder", order(fee_type="USD")), "PARAM_ERROR")
    place("M00001", total_fee="1")


def test_times():
    short = "time_expire时间过短,刷卡至少1分钟,其他5分钟"
    GW.control("clock", set=1700000000)
    fails(GW.call("unifiedorder",
                  order(time_expire=beijing(299, 1700000000))), short)
    fails(GW.call("unifiedorder",
                  order(time_expire=beijing(299 - 28800, 1700000000))), short)
    for bad in ("20230231000000", "2023", "x" * 14):
        fails(GW.call("unifiedorder", order(time_expire=bad)),
              "参数错误:time_expire")
    place("T00001", time_expire=beijing(310, 1700000000))
    place("T00002", time_expire=None)


def test_other_values():
    for bad in (SHOP.url + "?a=1", "http://127.0.0.1", "/notify", "ftp://a/b",
                SHOP.url + "#x"):
        fails(GW.call("unifiedorder", order(notify_url=bad)),
              "参数错误:notify_url")
    for bad in ("shop", "1.2.3", "1.2.3.4, 5.6.7.8", "::g"):
        fails(GW.call("unifiedorder", order(spbill_create_ip=bad)),
              "参数错误:spbill_create_ip")
    place("I00001", spbill_create_ip="2001:db8::1")
    for bad in ("a b c d", "order/1", "订单订单"):
        fails(GW.call("unifiedorder", order(bad)), "参数错误:out_trade_no")
    for bad in ("x", "{}", '{"h5_info":1}', '{"h5_info":{"type":"Wap"}}',
                '{"h5_info":{"type":"Web","wap_url":"a","wap_name":"b"}}',
                '{"store_info":{"id":"1"}}', SCENE + "x", SCENE[:-1]):
        fails(GW.call("unifiedorder", order(scene_info=bad)),
              "参数错误:scene_info")
    place("I00002", scene_info='{"h5_info": {"type":"IOS","app_name":"a",'
          '"bundle_id":"b"}}')
    place("I00003", scene_info='{"h5_info": {"type":"Android",'
          '"app_name":"a","package_name":"b"}}')
    GW.control("option", products="NATIVE JSAPI")
    errs(GW.call("unifiedorder", order("I00004")),
         "NOAUTH", "商户号该产品权限未开通")
    GW.control("option", products="MWEB")
    for other in ("NATIVE", "JSAPI", "APP"):
        errs(GW.call("unifiedorder", order("I00004", trade_type=other)),
             "NOAUTH", "商户号该产品权限未开通")


# ---- tests: orders ---------------------------------------------------------

def test_the_answer_has_the_live_shape():
    text = GW.call("unifiedorder", order(), raw=True)
    eq(re.findall(r"<(\w+)>", text),
       ["xml", "return_code", "return_msg", "result_code", "mch_id", "appid",
        "nonce_str", "sign", "prepay_id", "trade_type", "mweb_url"])
    assert re.search(r"<mweb_url><!\[CDATA\[[^]]*&package=", text), text
    r = good(from_xml(text))
    assert re.fullmatch(r"[0-9A-Za-z]{16}", r["nonce_str"])
    assert re.fullmatch(r"wx\d{14}[0-9a-f]{16}0000", r["prepay_id"]), r
    now = beijing(0)
    assert r["prepay_id"][2:4] in (now[6:8], beijing(-5)[6:8])
    eq(r["mweb_url"].split("?")[0],
       GW.url + "/cgi-bin/mmpayweb-bin/checkmweb")
    assert re.fullmatch(r"prepay_id=%s&package=\d{8,10}" % r["prepay_id"],
                        r["mweb_url"].split("?")[1])


def test_device_info_comes_back():
    eq(place("D00001", device_info="WEB")["device_info"], "WEB")


def test_the_same_number_with_the_same_terms_gets_a_fresh_url():
    first, second = place(), place(nonce_str="other", spbill_create_ip="::1")
    assert first["mweb_url"] != second["mweb_url"]
    eq(GW.control("order", out_trade_no="A00001")["ordered"], 2)


def test_the_same_number_with_other_terms_is_refused():
    place(attach="a")
    for name, value in (("total_fee", "1235"), ("body", "other"),
                        ("time_expire", beijing(9000)), ("attach", "b"),
                        ("attach", None), ("trade_type", "NATIVE"),
                        ("notify_url", SHOP.url + "2"), ("detail", "{}")):
        errs(GW.call("unifiedorder", order(**{"attach": "a", name: value})),
             "INVALID_REQUEST", "201 商户订单号重复")


def test_the_payer_address_may_be_compared_too():
    place()
    GW.control("option", strict_ip=1)
    errs(GW.call("unifiedorder", order(spbill_create_ip="::1")),
         "INVALID_REQUEST", "201 商户订单号重复")


def test_time_expire_is_checked_again_unless_told():
    place()
    GW.control("clock", advance=7000)
    fails(GW.call("unifiedorder", order()),
          "time_expire时间过短,刷卡至少1分钟,其他5分钟")
    GW.control("option", strict_expire=0)
    place()


def test_paid_and_closed_numbers_are_used_up():
    place("P00001")
    GW.control("pay", out_trade_no="P00001", notice=0)
    errs(GW.call("unifiedorder", order("P00001")), "ORDERPAID",
         "该订单已支付")
    place("P00002")
    good(GW.call("closeorder", {"out_trade_no": "P00002"}))
    errs(GW.call("unifiedorder", order("P00002")), "ORDERCLOSED",
         "订单已关闭")


def test_close():
    place()
    r = good(GW.call("closeorder", {"out_trade_no": "A00001"}))
    eq(r["result_msg"], "OK")
    good(GW.call("closeorder", {"out_trade_no": "A00001"}))
    GW.control("option", refuse_second_close=1)
    errs(GW.call("closeorder", {"out_trade_no": "A00001"}), "ORDERCLOSED")
    eq(GW.call("orderquery", {"out_trade_no": "A00001"})["trade_state"],
       "CLOSED")
    place("A00002")
    GW.control("pay", out_trade_no="A00002", notice=0)
    errs(GW.call("closeorder", {"out_trade_no": "A00002"}), "ORDERPAID",
         "该订单已支付")


def test_closing_early_can_be_refused():
    GW.control("option", refuse_early_close=1)
    place()
    errs(GW.call("closeorder", {"out_trade_no": "A00001"}),
         "TRADE_STATE_ERROR")
    GW.control("clock", advance=300)
    good(GW.call("closeorder", {"out_trade_no": "A00001"}))


def test_closing_a_number_nobody_ordered_burns_it():
    good(GW.call("closeorder", {"out_trade_no": "B00001"}))
    errs(GW.call("unifiedorder", order("B00001")), "INVALID_REQUEST",
         "201 商户订单号重复")
    GW.control("option", refuse_unknown_close=1)
    errs(GW.call("closeorder", {"out_trade_no": "B00002"}), "ORDERNOTEXIST")
    place("B00002")


def test_query_of_an_unpaid_order():
    place(attach="keep")
    text = GW.call("orderquery", {"out_trade_no": "A00001"}, raw=True)
    assert "<total_fee>1234</total_fee>" in text
    r = good(from_xml(text))
    eq({n: r[n] for n in r if n not in ("nonce_str", "sign")},
       {"return_code": "SUCCESS", "return_msg": "OK",
        "result_code": "SUCCESS", "mch_id": MCH_ID, "appid": APPID,
        "device_info": "", "trade_state": "NOTPAY", "total_fee": "1234",
        "out_trade_no": "A00001", "attach": "keep",
        "trade_state_desc": "订单未支付"})


def test_query_of_a_paid_order():
    place(attach="keep")
    GW.control("pay", out_trade_no="A00001", notice=0)
    text = GW.call("orderquery", {"out_trade_no": "A00001"}, raw=True)
    assert "<cash_fee>1234</cash_fee>" in text
    r = good(from_xml(text))
    for name, value in (("trade_state", "SUCCESS"), ("trade_type", "MWEB"),
                        ("total_fee", "1234"), ("fee_type", "CNY"),
                        ("cash_fee", "1234"), ("is_subscribe", "N"),
                        ("out_trade_no", "A00001"), ("attach", "keep"),
                        ("trade_state_desc", "支付成功")):
        eq(r[name], value, name)
    assert re.fullmatch(r"42000\d{23}", r["transaction_id"]), r
    assert r["time_end"] in [beijing(-s) for s in range(10)], r
    assert r["openid"] and r["bank_type"]
    again = GW.call("orderquery", {"transaction_id": r["transaction_id"]})
    eq(again["out_trade_no"], "A00001")


def test_query_of_an_unknown_order():
    errs(GW.call("orderquery", {"out_trade_no": "nobody"}), "ORDERNOTEXIST",
         "此交易订单号不存在")


def test_an_order_nobody_pays_closes_after_seven_days():
    place()
    GW.control("clock", advance=7 * 86400 - 60)
    eq(GW.call("orderquery", {"out_trade_no": "A00001"})["trade_state"],
       "NOTPAY")
    GW.control("clock", advance=120)
    eq(GW.call("orderquery", {"out_trade_no": "A00001"})["trade_state"],
       "CLOSED")


# ---- tests: the cashier ----------------------------------------------------

ERRORS = {
    "network": "网络环境未能通过安全验证，请稍后再试",
    "format": "商家参数格式有误，请联系商家解决",
    "unconfigured": "商家存在未配置的参数，请联系商家解决",
    "expired": "支付请求已失效，请重新发起支付",
    "in-wechat": "请在微信外打开订单，进行支付",
    "account": "系统繁忙，请稍后再试",
    "account-ios": "签名验证失败",
    "bad-params": "由于商家传入的H5交易参数有误，该笔交易暂时无法完成，"
                  "请联系商家解决",
}
REFERER = "http://127.0.0.1:1/cgi-bin/checkout"
RETURN = "http://127.0.0.1:1/cgi-bin/return-page?order=A1&t=a%2Bb"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


BROWSER = urllib.request.build_opener(NoRedirect)


def visit(url, back=RETURN, referer=REFERER, agent="Mozilla/5.0 (Android)",
          raw_back=None, data=None, **headers):
    if back:
        url += "&redirect_url=" + urllib.parse.quote(back, safe="")
    if raw_back:
        url += "&redirect_url=" + raw_back
    headers = {n.replace("_", "-"): v for n, v in headers.items()}
    headers["User-Agent"] = agent
    if referer:
        headers["Referer"] = referer
    try:
        r = BROWSER.open(urllib.request.Request(url, data, headers))
    except urllib.error.HTTPError as e:
        r = e
    with r:
        return r.status, r.headers, r.read().decode()


def shows(page, error):
    status, _, text = page
    eq(status, 200)
    if error is None:
        assert 'data-page="cashier"' in text, text[-900:]
    else:
        assert 'data-error="%s"' % error in text, text[-900:]
        assert "<h1>%s</h1>" % ERRORS[error] in text, text


def press(page, action):
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)">\n', page[2]))
    fields = {n: v.replace("&amp;", "&") for n, v in fields.items()}
    fields["action"] = action
    return visit(GW.url + "/cgi-bin/mmpayweb-bin/act", None,
                 data=urllib.parse.urlencode(fields).encode())


def state(no="A00001"):
    return GW.control("order", out_trade_no=no)["state"]


def test_the_cashier_shows_shop_goods_and_amount():
    page = visit(place()["mweb_url"])
    shows(page, None)
    for text in ("小店", "小店-茶 a&amp;b&lt;c&gt;", "¥12.34", "立即支付",
                 "取消支付", "付款后不返回", "先返回后付款", "支付失败"):
        assert text in page[2], text


def test_cashier_referer():
    url = place()["mweb_url"]
    shows(visit(url, referer=None), "format")
    shows(visit(url, referer="https://other.example/"), "unconfigured")
    shows(visit(url, referer="https://127.0.0.1.evil.example/"),
          "unconfigured")
    shows(visit(url, referer="not a url"), "unconfigured")
    GW.control("option", allowed_domains="a.example shop.example")
    shows(visit(url, "https://shop.example/r",
                referer="https://SHOP.example:8443/x"), None)


def test_cashier_redirect_url():
    url = place()["mweb_url"]
    shows(visit(url, "https://other.example/"), "unconfigured")
    for bad in (RETURN, urllib.parse.quote(RETURN), "/return-page", "%zz",
                urllib.parse.quote(urllib.parse.quote(RETURN, "")),
                "http%3A%2F%2F127.0.0.1%2Fr&t=1",
                "http%3A%2F%2F127.0.0.1%2F%0D%0AX%3A1"):
        shows(visit(url, None, raw_back=bad), "account")
    shows(visit(url, None), None)


def test_cashier_cut_url():
    url = place()["mweb_url"]
    shows(visit(url[:-2]), "account")
    shows(visit(url.replace("prepay_id=wx", "prepay_id=wy")), "account")
    shows(visit(url[:-2], agent="Mozilla/5.0 (iPhone)"), "account-ios")


def test_cashier_age():
    url = place()["mweb_url"]
    GW.control("clock", advance=290)
    shows(visit(url), None)
    GW.control("clock", advance=11)
    shows(visit(url), "expired")
    shows(visit(place()["mweb_url"]), None)


def test_a_second_url_voids_the_first():
    old, new = place()["mweb_url"], place()["mweb_url"]
    shows(visit(old), "expired")
    shows(visit(new), None)
    GW.control("option", old_urls_live=1)
    shows(visit(old), None)


def test_cashier_of_a_closed_or_expired_order():
    url = place()["mweb_url"]
    GW.control("close", out_trade_no="A00001")
    shows(visit(url), "expired")
    GW.control("clock", set=1700000000)
    terms = {"time_expire": beijing(420, 1700000000)}
    place("A00002", **terms)
    GW.control("clock", advance=100)
    url = place("A00002", **terms)["mweb_url"]
    GW.control("clock", advance=250)
    shows(visit(url), None)
    # In the five minutes after that its number can not be ordered again, so
    # it takes a payer who came late, with a URL that is still young.
    GW.control("option", strict_expire=0)
    url = place("A00002", **terms)["mweb_url"]
    GW.control("clock", advance=80)
    shows(visit(url), "expired")


def test_cashier_inside_wechat():
    shows(visit(place()["mweb_url"], agent="x MicroMessenger/8.0"),
          "in-wechat")


def test_cashier_address():
    url = place("A00001", spbill_create_ip="203.0.113.7")["mweb_url"]
    shows(visit(url), None)
    GW.control("option", enforce_ip=1)
    shows(visit(url), "network")
    shows(visit(url, X_Forwarded_For="203.0.113.7, 10.0.0.1"), None)
    GW.control("option", client_ip="203.0.113.8")
    shows(visit(url), "network")
    GW.control("option", client_ip="203.0.113.7")
    shows(visit(url), None)
    url = place("A00002", spbill_create_ip="2001:db8::0:1")["mweb_url"]
    GW.control("option", client_ip="2001:db8::1")
    shows(visit(url), None)
    GW.control("option", client_ip="")
    shows(visit(place("A00003")["mweb_url"]), "bad-params")


def test_cashier_two_accounts():
    url = place()["mweb_url"]
    shows(visit(url, X_WeChat_Account="anna"), None)
    shows(visit(url, X_WeChat_Account="anna"), None)
    shows(visit(url, X_WeChat_Account="bert"), "account")
    shows(visit(url, X_WeChat_Account="bert", agent="iPad"), "account-ios")
    GW.control("option", account="carl")
    shows(visit(url), "account")


def test_each_cashier_error_on_request():
    url = place()["mweb_url"]
    for name in ERRORS:
        fault(kind="show-error", name=name, count=1)
        shows(visit(url), name)
    shows(visit(url), None)
    GW.control("fault", kind="show-error", name="nonsense", want=400)


def test_pay_and_come_back():
    url = place()["mweb_url"]
    page = visit(url)
    status, headers, _ = press(page, "pay")
    eq((status, headers["Location"]), (303, RETURN))
    eq(state(), "SUCCESS")
    GW.wait(for_="notices", taken=1, out_trade_no="A00001")
    assert "该订单已支付" in visit(url)[2]


def test_paying_twice_pays_once():
    page = visit(place()["mweb_url"])
    press(page, "pay")
    first = GW.control("order", out_trade_no="A00001")["transaction_id"]
    eq(press(page, "pay")[0], 303)
    eq(GW.control("order", out_trade_no="A00001")["transaction_id"], first)
    GW.wait(for_="notices", out_trade_no="A00001")
    GW.wait(for_="idle")
    eq(len(SHOP.got), 1)


def test_cancel_and_failure_leave_it_unpaid():
    page = visit(place()["mweb_url"])
    for action in ("cancel", "fail"):
        status, headers, _ = press(page, action)
        eq((status, headers["Location"]), (303, RETURN))
        eq(state(), "NOTPAY")


def test_pay_and_stay():
    status, _, text = press(visit(place()["mweb_url"]), "stay")
    eq(status, 200)
    assert 'data-page="cashier-done"' in text
    assert 'href="%s"' % RETURN.replace("&", "&amp;") in text, text
    eq(state(), "SUCCESS")


def test_come_back_first_and_pay_later():
    GW.control("option", pay_later_s=60)
    status, headers, _ = press(visit(place()["mweb_url"]), "later")
    eq((status, headers["Location"], state()), (303, RETURN, "NOTPAY"))
    GW.control("clock", advance=61)
    GW.wait(for_="order", out_trade_no="A00001", state="SUCCESS")
    GW.wait(for_="notices", taken=1, out_trade_no="A00001")


def test_without_redirect_url_the_payer_goes_back_to_the_referer():
    _, headers, _ = press(visit(place()["mweb_url"], None), "cancel")
    eq(headers["Location"], REFERER)


def test_a_closed_order_can_not_be_paid():
    page = visit(place()["mweb_url"])
    GW.control("close", out_trade_no="A00001")
    shows(press(page, "pay"), "expired")
    eq(state(), "CLOSED")


def test_the_log_keeps_the_referer():
    visit(place()["mweb_url"])
    call = GW.control("calls", api="cashier")["calls"][0]
    eq(call["headers"]["referer"], REFERER)
    eq((call["method"], call["outcome"], call["out_trade_no"]),
       ("GET", "SHOWN", "A00001"))
    eq(call["fields"]["redirect_url"], RETURN)


# ---- tests: notices --------------------------------------------------------

def paid(no="A00001", sign_type="HMAC-SHA256", n=1, **more):
    place(no, sign_type, **more)
    GW.control("pay", out_trade_no=no)
    GW.wait(for_="notices", out_trade_no=no, n=n)
    return from_xml(SHOP.got[-1][2])


def test_a_notice_has_the_live_shape():
    place(attach="keep", device_info="WEB")
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="notices", out_trade_no="A00001", taken=1)
    (path, headers, body), = SHOP.got
    eq((path, headers["Content-Type"]), ("/notify", "text/xml"))
    assert headers["Request-ID"]
    names = re.findall(r"<(\w+)>", body)[1:]
    eq(names, sorted(names))
    eq(set(names), set(NOTICE_FIELDS) | {"sign", "attach", "device_info"})
    eq(re.findall(r"<(\w+)>[^<]", body), ["total_fee"])
    f = from_xml(body)
    eq(f["sign"], sign(f))
    o = GW.control("order", out_trade_no="A00001")
    for name, value in (("total_fee", "1234"), ("cash_fee", "1234"),
                        ("fee_type", "CNY"), ("nonce_str", "n0nce"),
                        ("attach", "keep"), ("device_info", "WEB"),
                        ("appid", APPID), ("mch_id", MCH_ID),
                        ("transaction_id", o["transaction_id"]),
                        ("openid", o["openid"]), ("trade_type", "MWEB"),
                        ("result_code", "SUCCESS")):
        eq(f[name], value, name)
    assert re.fullmatch(r"42000\d{23}", f["transaction_id"])


def test_a_notice_is_signed_as_the_order_was():
    f = paid("N00001", "MD5")
    eq(f["sign"], sign(f, KEY, "MD5"))
    assert "sign_type" not in f
    GW.control("option", notice_sign_type=1)
    f = paid("N00002")
    eq((f["sign_type"], f["sign"]), ("HMAC-SHA256", sign(f)))


def test_time_end_is_beijing_time():
    GW.control("clock", set=1700000000)
    f = paid(time_expire=None)
    assert f["time_end"].startswith("20231115061"), f["time_end"]


def test_only_200_and_success_take_a_notice():
    GW.control("option", speed=1000000)
    bad = [(200, FAIL), (200, ""), (200, "SUCCESS"), (500, SUCCESS),
           (302, SUCCESS), (204, ""), (200, SUCCESS[:-6])]
    for n, (status, body) in enumerate(bad):
        SHOP.status, SHOP.body = status, body
        place("R%05d" % n)
        GW.control("pay", out_trade_no="R%05d" % n)
        GW.wait(for_="notices", out_trade_no="R%05d" % n, n=2)
        sent = GW.control("notices", out_trade_no="R%05d" % n)["sent"]
        assert not any(s["taken"] for s in sent), sent
    SHOP.status, SHOP.body = 200, ("<xml>\n<return_code>SUCCESS"
                                   "</return_code>\n</xml>")
    place("R00099")
    GW.control("pay", out_trade_no="R00099")
    GW.wait(for_="notices", out_trade_no="R00099", taken=1)


def test_a_slow_reply_is_a_failure():
    GW.control("option", notice_timeout_ms=200)
    SHOP.wait_s = 1
    place()
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="notices", out_trade_no="A00001")
    s = GW.control("notices")["sent"][0]
    eq((s["taken"], s["status"], s["result"]), (False, 0, "no reply in time"))
    eq(GW.control("option")["notice_timeout_ms"], 200)
    GW.control("reset")
    eq(GW.control("option")["notice_timeout_ms"], 5000)


def test_the_retry_schedule():
    SHOP.body = FAIL
    gaps = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800,
            10800, 21600, 21600]
    place()
    GW.control("pay", out_trade_no="A00001")
    for n, gap in enumerate(gaps, 1):
        GW.wait(for_="notices", out_trade_no="A00001", n=n)
        GW.wait(for_="idle")
        pending, = GW.control("notices")["pending"]
        now = GW.control("clock")["now_ms"]
        eq(pending["attempt"], n)
        wait = pending["due_ms"] - now
        assert gap * 1000 - 3000 < wait <= gap * 1000, (n, gap, wait)
        GW.control("clock", advance=gap)
    GW.wait(for_="notices", out_trade_no="A00001", n=16)
    GW.wait(for_="idle")
    eq(GW.control("notices")["pending"], [])
    eq(len(SHOP.got), 16)
    eq(len({body for _, _, body in SHOP.got}), 1)


def test_retries_can_be_sped_up():
    SHOP.body = FAIL
    GW.control("option", speed=1000000)
    place()
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="notices", out_trade_no="A00001", n=16)
    SHOP.body = SUCCESS
    eq([s["attempt"] for s in GW.control("notices")["sent"]],
       list(range(16)))


def test_a_taken_notice_ends_the_retries():
    SHOP.body = FAIL
    place()
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="notices", out_trade_no="A00001")
    SHOP.body = SUCCESS
    GW.wait(for_="idle")
    GW.control("hurry", out_trade_no="A00001")
    GW.wait(for_="notices", out_trade_no="A00001", taken=1)
    GW.wait(for_="idle")
    eq(GW.control("notices")["pending"], [])


def test_a_notice_that_never_comes():
    fault(kind="never")
    place()
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="idle")
    eq(SHOP.got, [])
    eq(GW.call("orderquery", {"out_trade_no": "A00001"})["trade_state"],
       "SUCCESS")
    GW.control("clear", kind="never")
    GW.control("clock", advance=16)
    GW.wait(for_="notices", out_trade_no="A00001", taken=1)


def test_a_late_notice():
    fault(kind="late", seconds=1000, count=1)
    place()
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="idle")
    eq(SHOP.got, [])
    GW.control("clock", advance=999)
    GW.wait(for_="notices", out_trade_no="A00001", taken=1)


def test_a_notice_twice_and_many_at_once():
    fault(kind="twice", count=1)
    paid("N00001", n=2)
    eq(len(SHOP.got), 2)
    gate = threading.Barrier(32, timeout=60)
    SHOP.on_notice = gate.wait     # passes only if 32 are there together
    fault(kind="times", n=32, count=1)
    paid("N00002", n=32)
    SHOP.on_notice = None
    eq(len(SHOP.got), 34)
    GW.wait(for_="idle")
    eq(GW.control("notices")["pending"], [])


def test_a_notice_before_the_answer():
    fault(kind="pay-before-answer", count=1)
    answered = []
    SHOP.on_notice = lambda: answered.append(
        GW.control("calls", api="unifiedorder")["calls"][0]["outcome"])
    place()
    eq(answered, [""])
    eq(state(), "SUCCESS")


def test_spoilt_notices():
    right = lambda f: f["sign"] == sign(f)
    for no, (kind, more, check) in enumerate([
            ("wrong-amount", {}, lambda f: f["total_fee"] == "1235"
             and right(f)),
            ("wrong-amount", {"value": "1"}, lambda f: f["total_fee"] == "1"
             and right(f)),
            ("fee-type", {}, lambda f: f["fee_type"] == "USD" and right(f)),
            ("other-mch-id", {}, lambda f: f["mch_id"] != MCH_ID
             and right(f)),
            ("other-appid", {"value": "wx1"}, lambda f: f["appid"] == "wx1"
             and right(f)),
            ("other-order", {"value": "Z"}, lambda f: f["out_trade_no"] == "Z"
             and right(f)),
            ("wrong-sign", {}, lambda f: len(f["sign"]) == 64
             and not right(f)),
            ("unsigned", {}, lambda f: "sign" not in f),
            ("empty-sign", {}, lambda f: f["sign"] == ""),
            ("lower-sign", {}, lambda f: f["sign"] == sign(f).lower()),
            ("md5-sign", {}, lambda f: f["sign"] == sign(f, KEY, "MD5")),
            ("result-fail", {"code": "E", "text": "t"}, lambda f:
             (f["result_code"], f["err_code"], f["err_code_des"]) ==
             ("FAIL", "E", "t") and right(f)),
            ("unknown-field", {}, lambda f: "unheard_of" in f),
            ("sign-type", {}, lambda f: f["sign_type"] == "HMAC-SHA256"
             and right(f)),
            ("set-field", {"name": "bank_type", "value": "甲"},
             lambda f: f["bank_type"] == "甲" and right(f)),
            ("drop-field", {"name": "openid"}, lambda f: "openid" not in f
             and right(f))]):
        fault(kind=kind, api="notice", count=1, **more)
        f = paid("K%05d" % no)
        assert check(f), "%s: %s" % (kind, f)


def test_spoilt_xml_of_notices():
    fault(kind="doctype", api="notice", count=1)
    place("X00001")
    GW.control("pay", out_trade_no="X00001")
    GW.wait(for_="notices", out_trade_no="X00001")
    assert SHOP.got[-1][2].startswith("<!DOCTYPE"), SHOP.got[-1]
    fault(kind="duplicate", api="notice", count=1, value="1")
    place("X00002")
    GW.control("pay", out_trade_no="X00002")
    GW.wait(for_="notices", out_trade_no="X00002")
    eq(SHOP.got[-1][2].count("<total_fee>"), 2)


def coupons_add_up(f):
    n = int(f["coupon_count"])
    each = [int(f["coupon_fee_%d" % i]) for i in range(n)]
    eq(sum(each), int(f["coupon_fee"]))
    eq(int(f["cash_fee"]) + int(f["coupon_fee"]), int(f["total_fee"]))
    other = sum(fee for i, fee in enumerate(each)
                if f["coupon_type_%d" % i] == "NO_CASH")
    if other:
        eq(int(f["settlement_total_fee"]), int(f["total_fee"]) - other)


def test_coupons():
    fault(kind="coupons")
    for no, fee in enumerate(("1", "2", "3", "1234")):
        f = paid("C%05d" % no, total_fee=fee)
        coupons_add_up(f)
        eq(f["sign"], sign(f))
        coupons_add_up(good(GW.call("orderquery",
                                    {"out_trade_no": "C%05d" % no})))


def test_notices_by_hand():
    place()
    sent = GW.control("notice", out_trade_no="A00001", n=8)["sent"]
    eq([s["taken"] for s in sent], [True] * 8)
    sent = GW.control("notice", [("set.total_fee", "9"), ("drop", "openid"),
                                 ("kind", "lower-sign")],
                      out_trade_no="A00001")["sent"][0]
    f = sent["fields"]
    eq((f["total_fee"], "openid" in f, f["sign"]),
       ("9", False, sign(f).lower()))
    GW.control("notice", out_trade_no="nobody", want=404)
    sent = GW.control("notice", out_trade_no="nobody", total_fee=5,
                      url=SHOP.url)["sent"][0]
    eq((sent["taken"], sent["fields"]["total_fee"]), (True, "5"))


# ---- tests: faults of answers ----------------------------------------------

def test_systemerror_n_times():
    fault(kind="systemerror", api="unifiedorder", count=2)
    for _ in range(2):
        errs(GW.call("unifiedorder", order()), "SYSTEMERROR", "系统错误")
    GW.control("order", out_trade_no="A00001", want=404)
    place()


def test_systemerror_though_it_worked():
    fault(kind="systemerror-after", api="unifiedorder", count=1)
    errs(GW.call("unifiedorder", order()), "SYSTEMERROR")
    eq(state(), "NOTPAY")


def test_return_fail_and_result_fail():
    fault(kind="return-fail", api="orderquery", count=1, text="甲乙")
    fails(GW.call("orderquery", {"out_trade_no": "A00001"}), "甲乙")
    for code, text in (("NOAUTH", "没有权限"), ("ORDERPAID", "该订单已支付"),
                       ("FREQUENCY_LIMITED", "x"), ("OUT_TRADE_NO_USED", "y")):
        fault(kind="result-fail", count=1, code=code, text=text)
        errs(GW.call("unifiedorder", order()), code, text)
    fault(kind="result-fail-after", count=1, code="SYSTEMERROR")
    errs(GW.call("unifiedorder", order()), "SYSTEMERROR")
    eq(state(), "NOTPAY")


def test_spoilt_signatures():
    for kind, check in (
            ("unsigned", lambda r: "sign" not in r),
            ("empty-sign", lambda r: r["sign"] == ""),
            ("wrong-sign", lambda r: len(r["sign"]) == 64
             and r["sign"] != sign(r)),
            ("lower-sign", lambda r: r["sign"] == sign(r).lower()),
            ("md5-sign", lambda r: r["sign"] == sign(r, KEY, "MD5")),
            ("other-mch-id", lambda r: r["mch_id"] != MCH_ID
             and r["sign"] == sign(r)),
            ("other-appid", lambda r: r["appid"] != APPID
             and r["sign"] == sign(r)),
            ("unknown-field", lambda r: "unheard_of" in r)):
        fault(kind=kind, api="unifiedorder", count=1)
        r = GW.call("unifiedorder", order())
        assert check(r), "%s: %s" % (kind, r)
        eq(r["result_code"], "SUCCESS")
    place()


def test_spoilt_mweb_urls():
    fault(kind="no-mweb-url", count=1)
    assert "mweb_url" not in good(GW.call("unifiedorder", order()))
    fault(kind="foreign-mweb-url", count=1)
    assert not place()["mweb_url"].startswith(GW.url)
    fault(kind="foreign-mweb-url", count=1, value="https://evil.example")
    assert place()["mweb_url"].startswith("https://evil.example/cgi-bin/")
    fault(kind="crlf-mweb-url", count=1)
    assert "\r\n" in good(GW.call("unifiedorder", order()))["mweb_url"]


def test_spoilt_queries():
    place()
    ask = lambda: good(GW.call("orderquery", {"out_trade_no": "A00001"}))
    for name in ("SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED",
                 "USERPAYING", "PAYERROR", "ACCEPT"):
        fault(kind="state", state=name, count=1)
        eq(ask()["trade_state"], name)
    eq(ask()["trade_state"], "NOTPAY")
    GW.control("fault", kind="state", state="PAID", want=400)
    fault(kind="other-order", api="orderquery", count=1, value="B00001")
    eq(ask()["out_trade_no"], "B00001")
    GW.control("pay", out_trade_no="A00001", notice=0)
    fault(kind="hide-payment", count=2)
    eq([ask()["trade_state"] for _ in range(3)],
       ["NOTPAY", "NOTPAY", "SUCCESS"])
    fault(kind="wrong-amount", api="orderquery", count=1)
    eq(ask()["total_fee"], "1235")
    fault(kind="fee-type", api="orderquery", count=1)
    eq(ask()["fee_type"], "USD")
    GW.control("state", out_trade_no="A00001", state="REVOKED")
    eq(ask()["trade_state"], "REVOKED")


def test_spoilt_xml():
    fault(kind="doctype", api="unifiedorder", count=1)
    assert GW.call("unifiedorder", order(), raw=True).startswith("<!DOCTYPE")
    fault(kind="duplicate", api="unifiedorder", count=1)
    text = GW.call("unifiedorder", order(), raw=True)
    eq(text.count("<mweb_url>"), 2)
    fault(kind="gbk", api="unifiedorder", count=1)
    try:
        GW.call("unifiedorder", order())
    except UnicodeDecodeError:
        pass
    else:
        raise AssertionError("was UTF-8")


# ---- tests: faults of bytes ------------------------------------------------

def raw_call(timeout=3, api="orderquery", fields=None):
    """Everything until the end, or until the time is over, as bytes."""
    f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n",
         "out_trade_no": "nobody", **(fields or {})}
    f["sign"] = sign(f, KEY, "MD5")
    body = to_xml(f).encode()
    s = socket.create_connection(("127.0.0.1", GW.ports[0]), 5)
    s.sendall(b"POST /pay/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
              b"Content-Length: %d\r\n\r\n" % (api.encode(), len(body)) + body)
    got, end = b"", time.time() + timeout
    how = "end"
    while True:
        left = end - time.time()
        if left <= 0:
            how = "silence"
            break
        s.settimeout(left)
        try:
            piece = s.recv(65536)
        except socket.timeout:
            how = "silence"
            break
        except ConnectionResetError:
            how = "reset"
            break
        if not piece:
            break
        got += piece
        if len(got) > 3000000:
            how = "flood"
            break
    s.close()
    return got, how


def test_delays():
    place()
    for kind in ("delay", "delay-answer"):
        fault(kind=kind, api="orderquery", ms=300, count=1)
        start = time.monotonic()
        good(GW.call("orderquery", {"out_trade_no": "A00001"}))
        assert time.monotonic() - start >= 0.3
    GW.control("option", latency_ms=200)
    start = time.monotonic()
    good(GW.call("orderquery", {"out_trade_no": "A00001"}))
    assert time.monotonic() - start >= 0.2


def test_cut_connections():
    for kind, made in (("cut-before", False), ("cut-after", True)):
        for how, end in (("", "end"), ("reset", "reset")):
            no = "W%s%s" % (kind, how)
            fault(kind=kind, how=how, count=1)
            got = raw_call(api="unifiedorder", fields=order(no))
            eq(got, (b"", end))
            GW.control("order", out_trade_no=no, want=200 if made else 404)


def test_hanging():
    fault(kind="hang", ms=300, count=1)
    eq(raw_call(), (b"", "end"))
    fault(kind="hang", ms=5000, count=1)
    eq(raw_call(0.3), (b"", "silence"))
    fault(kind="hang-body", ms=5000, count=1)
    got, how = raw_call(0.3)
    eq(how, "silence")
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"\r\n\r\n")


def head_and_body(got):
    head, body = got.split(b"\r\n\r\n", 1)
    lengths = [int(n) for n in
               re.findall(rb"Content-Length: (\d+)", head)]
    return head, body, lengths


def test_half_answers():
    fault(kind="half", count=1)
    got, how = raw_call()
    _, body, (length,) = head_and_body(got)
    eq((how, len(body)), ("end", length // 2))
    fault(kind="half-no-length", count=1)
    got, how = raw_call()
    head, body, lengths = head_and_body(got)
    eq((how, lengths), ("end", []))
    assert body.startswith(b"<xml>") and b"</xml>" not in body


def test_dripping():
    fault(kind="drip", ms=5, count=1)
    got, how = raw_call(0.5)
    eq(how, "silence")
    assert b"<xml>" in got and not got.endswith(b"</xml>"), got
    fault(kind="drip-header", ms=50, count=1)
    got, how = raw_call(0.4)
    eq(how, "silence")
    assert 1 <= len(got) < 20 and b"HTTP/1.1 200".startswith(got[:12])


def test_floods():
    fault(kind="huge", bytes=100000000, count=1)
    got, how = raw_call(10)
    eq((how, head_and_body(got)[2]), ("flood", [100000000]))
    fault(kind="endless", count=1)
    got, how = raw_call(10)
    eq((how, b"chunked" in got[:300]), ("flood", True))
    fault(kind="huge", bytes=50000, count=1)
    got, how = raw_call(10)
    eq(how, "end")
    fault(kind="continue-flood", count=1)
    got, _ = raw_call(10)
    eq(got.count(b"HTTP/1.1 100 Continue"), 40000)
    fault(kind="header-bomb", count=1)
    got, _ = raw_call(10)
    assert len(got) > 900000


def test_odd_http():
    fault(kind="two-lengths", count=1)
    _, _, lengths = head_and_body(raw_call()[0])
    eq(len(set(lengths)), 2)
    fault(kind="gzip", count=1)
    head, body, _ = head_and_body(raw_call()[0])
    assert b"Content-Encoding: gzip" in head
    assert b"ORDERNOTEXIST" in gzip.decompress(body)
    fault(kind="http-status", status=502, count=1)
    got, _ = raw_call()
    assert got.startswith(b"HTTP/1.1 502 ") and b"ORDERNOTEXIST" in got
    fault(kind="redirect", location="file:///etc/passwd", count=1)
    got, _ = raw_call()
    assert got.startswith(b"HTTP/1.1 302 ")
    assert b"Location: file:///etc/passwd\r\n" in got
    fault(kind="empty", count=1)
    eq(head_and_body(raw_call()[0])[1:], (b"", [0]))
    fault(kind="html", count=1)
    assert b"<h1>504" in raw_call()[0]


def test_faults_can_be_aimed():
    place("F00001")
    place("F00002")
    fault(kind="state", state="PAYERROR", out_trade_no="F00002")
    ask = lambda no: GW.call("orderquery", {"out_trade_no": no})["trade_state"]
    eq((ask("F00001"), ask("F00002"), ask("F00002")),
       ("NOTPAY", "PAYERROR", "PAYERROR"))
    eq(GW.control("clear", out_trade_no="F00002"), {"cleared": 1})
    eq(ask("F00002"), "NOTPAY")
    fault(kind="state", state="CLOSED", skip=1, count=1)
    eq([ask("F00001") for _ in range(3)], ["NOTPAY", "CLOSED", "NOTPAY"])
    left = GW.control("faults")["faults"]
    eq([f["left"] for f in left], [0])
    eq(GW.control("clear", id=left[0]["id"]), {"cleared": 1})
    for bad in ({"kind": "nonsense"}, {"kind": "gzip", "api": "notice"},
                {"kind": "delay", "ms": "x"}, {"kind": "delay", "count": "-1"}):
        assert "error" in GW.control("fault", want=400, **bad)


def test_every_kind_is_listed():
    kinds = GW.control("kinds")["kinds"]
    for k in kinds:
        assert k["apis"] and k["does"], k
    readme = open(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                               "README.md")).read()
    for k in kinds:
        assert "`%s`" % k["kind"] in readme, k["kind"] + " is not in README"
    for name in GW.control("option"):
        assert "`%s`" % name in readme, name + " is not in README"


# ---- tests: control --------------------------------------------------------

def test_the_clock():
    c = GW.control("clock", set=1700000000)
    assert 0 <= c["now_ms"] - 1700000000000 < 2000
    eq(c["beijing"][:12], "202311150613")
    c = GW.control("clock", advance=3600)
    assert 0 <= c["now_ms"] - 1700003600000 < 3000
    c = GW.control("clock", advance=-3600)
    assert 0 <= c["now_ms"] - 1700000000000 < 4000
    GW.control("clock", set="soon", want=400)
    GW.control("reset")
    assert abs(GW.control("clock")["now_ms"] - time.time() * 1000) < 2000


def test_the_log_and_the_counters():
    place()
    GW.call("orderquery", {"out_trade_no": "A00001"})
    GW.call("orderquery", {"out_trade_no": "nobody"})
    c = GW.control("counters")
    eq((c["unifiedorder"], c["orderquery"], c["closeorder"], c["orders"]),
       (1, 2, 0, 1))
    log = GW.control("calls")
    eq([x["api"] for x in log["calls"]],
       ["unifiedorder", "orderquery", "orderquery"])
    first = log["calls"][0]
    eq(first["fields"]["total_fee"], "1234")
    eq(first["fields"]["body"], "小店-茶 a&b<c>")
    eq(first["peer"], "127.0.0.1")
    eq([x["outcome"].split()[0] for x in log["calls"]],
       ["SUCCESS", "SUCCESS", "ORDERNOTEXIST"])
    eq(len(GW.control("calls", api="orderquery",
                      outcome="SUCCESS")["calls"]), 1)
    eq(len(GW.control("calls", since=first["id"])["calls"]), 2)


def test_connections_are_counted():
    c = http.client.HTTPConnection("127.0.0.1", GW.ports[0])
    f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n",
         "out_trade_no": "nobody"}
    f["sign"] = sign(f, KEY, "MD5")
    for _ in range(5):
        c.request("POST", "/pay/orderquery", to_xml(f))
        assert b"ORDERNOTEXIST" in c.getresponse().read()
    c.close()
    eq(GW.control("counters")["api_connections"], 1)
    eq(len({x["conn"] for x in GW.control("calls")["calls"]}), 1)


def test_waiting():
    got = GW.control("wait", for_="calls", api="orderquery", timeout_ms=100)
    assert not got["ok"] and got["waited_ms"] >= 100
    t = threading.Timer(0.2, GW.call, ("orderquery",
                                       {"out_trade_no": "nobody"}))
    t.start()
    GW.wait(for_="calls", api="orderquery", done=1)
    t.join()
    t = threading.Timer(0.2, place)
    t.start()
    GW.wait(for_="order", out_trade_no="A00001", state="NOTPAY")
    t.join()
    GW.control("wait", for_="godot", want=400)


def test_paying_by_control():
    GW.control("pay", out_trade_no="nobody", want=404)
    place()
    GW.control("close", out_trade_no="A00001")
    GW.control("pay", out_trade_no="A00001", want=409)
    GW.control("pay", out_trade_no="A00001", force=1)
    GW.wait(for_="notices", out_trade_no="A00001", taken=1)


def test_reset_forgets():
    place()
    fault(kind="never")
    GW.control("option", client_ip="1.2.3.4", speed=7)
    GW.control("pay", out_trade_no="A00001")
    GW.control("reset")
    eq(GW.control("orders")["orders"], [])
    eq(GW.control("faults")["faults"], [])
    eq(GW.control("calls")["calls"], [])
    eq(GW.control("notices")["pending"], [])
    o = GW.control("option")
    eq((o["client_ip"], o["speed"]), ("", 1))
    eq(GW.control("counters")["unifiedorder"], 0)
    eq(GW.control("option", speed=0, want=400), {"error": "bad value"})
    GW.control("option", nonsense=1, want=400)


def test_after_a_reset_no_old_notice_comes():
    SHOP.wait_s, SHOP.body = 0.3, FAIL
    GW.control("option", speed=1000000)
    place()
    GW.control("pay", out_trade_no="A00001")
    GW.wait(for_="calls", api="unifiedorder")
    while not SHOP.got:
        time.sleep(0.005)
    GW.control("reset")
    got = len(SHOP.got)
    eq(GW.control("counters")["flying"], 0)
    SHOP.wait_s, SHOP.body = 0, SUCCESS
    paid("A00002")
    eq([b for _, _, b in SHOP.got[got:] if "A00001" in b], [])
    eq({s["out_trade_no"] for s in GW.control("notices")["sent"]},
       {"A00002"})


def test_control_answers_people_with_a_page():
    r = visit(GW.url + "/_control/reset", None, data=b"back=/")
    eq((r[0], r[1]["Location"]), (303, "/"))
    r = visit(GW.url + "/_control/reset", None, data=b"back=//evil.example")
    eq(r[0], 200)


def test_the_front_page():
    place("Frontp|x")
    GW.control("pay", out_trade_no="Frontp|x")
    place("Front2")
    fault(kind="late")
    GW.wait(for_="notices", out_trade_no="Frontp|x")
    status, _, text = visit(GW.url + "/", None)
    eq(status, 200)
    for part in ("Frontp|x", "SUCCESS", "NOTPAY", "1 sent, taken", "late",
                 "a&amp;b&lt;c&gt;"):
        assert part in text, part
    for verb, fields in re.findall(
            r'action="/_control/(\w+)">(.*?)<button', text):
        args = dict(re.findall(r'name="([\w]+)" value="([^"]*)"', fields))
        args.pop("back")
        if verb not in ("reset", "clear", "pay", "close", "notice"):
            GW.control(verb, **args)


def test_http_manners():
    for path, method, status in (("/nothing", "GET", 404),
                                 ("/", "POST", 405),
                                 ("/_control/nothing", "GET", 404),
                                 ("/cgi-bin/mmpayweb-bin/act", "GET", 405)):
        c = http.client.HTTPConnection("127.0.0.1", GW.ports[0])
        c.request(method, path)
        eq(c.getresponse().status, status, path)
        c.close()
    for junk in (b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01",
                 b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                 b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 30000):
        s = socket.create_connection(("127.0.0.1", GW.ports[0]))
        try:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.close()
    place()


def test_chunked_requests_are_read():
    f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n",
         "out_trade_no": "nobody"}
    f["sign"] = sign(f, KEY, "MD5")
    body = to_xml(f).encode()
    c = http.client.HTTPConnection("127.0.0.1", GW.ports[0])
    c.request("POST", "/pay/orderquery",
              iter([body[:10], body[10:]]), encode_chunked=True,
              headers={"Transfer-Encoding": "chunked"})
    assert b"ORDERNOTEXIST" in c.getresponse().read()
    c.close()


def test_many_at_once():
    errors = []

    def work(n):
        try:
            place("MANY%03d" % n)
        except Exception as e:     # told below
            errors.append(e)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(64)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    eq(errors, [])
    eq(GW.control("counters")["orders"], 64)


# ---- tests that start their own --------------------------------------------

def test_it_stops_cleanly():
    for number in (signal.SIGTERM, signal.SIGINT):
        g = Gateway(PROGRAM)
        s = socket.create_connection(("127.0.0.1", g.ports[0]))
        g.control("fault", kind="hang", ms=60000)
        waiting = threading.Thread(target=lambda: quietly(
            g.call, "orderquery", {"out_trade_no": "nobody"}))
        waiting.start()
        g.wait(for_="calls", api="orderquery")
        start = time.monotonic()
        eq(g.stop(number), 0)
        assert time.monotonic() - start < 3
        waiting.join()
        s.close()


def quietly(run, *args):
    try:
        return run(*args)
    except Exception:
        return None


def test_bad_usage():
    for args in ([], ["--appid", "a"], ["--appid", "a", "--mch-id", "b"],
                 ["--appid", "a", "--mch-id", "b", "--api-key", "c",
                  "--speed", "0"],
                 ["--appid", "a", "--mch-id", "b", "--api-key", "c", "more"]):
        r = subprocess.run([PROGRAM, *args], stderr=subprocess.PIPE)
        eq(r.returncode, 64)


def test_key_file_public_url_and_domains():
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(KEY + "\n")
        f.flush()
        g = Gateway(PROGRAM, "--api-key-file", f.name, "--public-url",
                    "http://pay.example", "--allowed-domains",
                    "a.example,b.example", "--latency-ms", "1", "--speed",
                    "9")
        try:
            g.url = "http://127.0.0.1:%d" % g.ports[0]
            r = g.call("unifiedorder", order())
            assert r["mweb_url"].startswith("http://pay.example/cgi-bin/"), r
            o = g.control("option")
            eq((o["allowed_domains"], o["latency_ms"], o["speed"]),
               ("a.example,b.example", 1, 9))
        finally:
            g.stop()


def make_certificate(folder):
    cert = os.path.join(folder, "cert.pem")
    key = os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True,
        stderr=subprocess.DEVNULL)
    return cert, key


def test_tls_and_the_side_door():
    with tempfile.TemporaryDirectory() as folder:
        cert, key = make_certificate(folder)
        g = Gateway(PROGRAM, "--tls-cert", cert, "--tls-key", key,
                    "--side-listen", "127.0.0.1:0")
        trust = ssl.create_default_context(cafile=cert)
        try:
            def ask():
                f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n",
                     "out_trade_no": "nobody"}
                f["sign"] = sign(f, KEY, "MD5")
                r = urllib.request.Request(g.url + "/pay/orderquery",
                                           to_xml(f).encode())
                with urllib.request.urlopen(r, context=trust,
                                            timeout=3) as answer:
                    return answer.read()

            assert g.url.startswith("https://127.0.0.1:")
            assert b"ORDERNOTEXIST" in ask()
            c = g.control("counters")
            eq((c["connections"], c["handshakes"]), (1, 1))
            g.control("fault", kind="connect-plain", count=1)
            try:
                ask()
                raise AssertionError("plain HTTP was taken for TLS")
            except (urllib.error.URLError, OSError):
                pass
            g.control("fault", kind="connect-reset", count=1)
            try:
                ask()
                raise AssertionError("no reset")
            except (urllib.error.URLError, OSError):
                pass
            g.control("fault", kind="connect-hang", ms=9000, count=1)
            try:
                ask()
                raise AssertionError("did not hang")
            except (urllib.error.URLError, OSError):
                pass
            assert b"ORDERNOTEXIST" in ask()
            # A shop that takes its notices over TLS.
            tls_shop = Shop()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            tls_shop.server.socket = context.wrap_socket(
                tls_shop.server.socket, server_side=True)
            sent = g.control(
                "notice", out_trade_no="nobody", total_fee=1,
                url=tls_shop.url.replace("http:", "https:"))["sent"][0]
            eq((sent["taken"], sent["status"]), (True, 200))
        finally:
            eq(g.stop(), 0)


# ---- bills -----------------------------------------------------------------

NOON = 1795406400  # 2026-11-23 12:00 in Beijing


def bill(day="20261123", more=None, packed=True, **how):
    """The text of a bill, or the elements of an error."""
    f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n0nce",
         "sign_type": "HMAC-SHA256", "bill_date": day, **(more or {})}
    if packed:
        f["tar_type"] = "GZIP"
    f["sign"] = how.get("sign") or sign(f)
    request = urllib.request.Request(
        GW.url + "/pay/downloadbill", to_xml(f).encode())
    with urllib.request.urlopen(request, timeout=20) as r:
        data = r.read()
    if data.startswith(b"<xml>"):
        return from_xml(data.decode())
    if packed:
        data = gzip.decompress(data)
    return data.decode("utf-8")


def no_bill(got, code, text):
    eq((got["return_code"], got["error_code"], got["return_msg"]),
       ("FAIL", code, text))
    eq("sign" in got, False)


def pay_at(no, when, fee="628", **more):
    GW.control("clock", set=when)
    place(no, total_fee=fee, **more)
    GW.control("pay", out_trade_no=no, notice=0)


def test_a_bill_lists_the_payments_of_a_day():
    pay_at("A00001", NOON, body="茶, 100 克", attach="座 7",
           time_start=beijing(0, NOON), time_expire=beijing(7200, NOON))
    GW.control("clock", set=NOON)
    place("A00002", time_start=beijing(0, NOON),
          time_expire=beijing(7200, NOON))
    no_bill(bill(), "20001", "invalid bill_date")
    GW.control("clock", set=NOON + 20 * 3600)
    no_bill(bill(), "20002", "Bill Creating")
    no_bill(bill("20261122"), "20002", "No Bill Exist")
    GW.control("clock", set=NOON + 22 * 3600)
    text = bill()
    eq(text[0], "\ufeff")
    lines = text[1:].split("\r\n")
    eq(len(lines), 5)
    names = lines[0].split(",")
    row = dict(zip(names, lines[1][1:].split(",`")))
    eq(len(names), 27)
    eq((row["交易时间"], row["商户订单号"], row["商品名称"], row["订单金额"],
        row["手续费"], row["费率"], row["交易状态"], row["交易类型"]),
       ("2026-11-23 12:00:00", "A00001", "茶, 100 克", "6.28", "0.04000",
        "0.60%", "SUCCESS", "MWEB"))
    sums = dict(zip(lines[2].split(","), lines[3][1:].split(",`")))
    eq((sums["总交易单数"], sums["订单总金额"], sums["手续费总金额"]),
       ("1.0", "6.28", "0.04000"))
    eq(bill(packed=False), text)
    eq(len(bill(more={"bill_type": "SUCCESS"})[1:].split("\r\n")[0]
           .split(",")), 20)
    no_bill(bill(more={"bill_type": "REFUND"}), "20002", "No Bill Exist")


def test_a_bill_lists_refunds_too():
    pay_at("A00001", NOON, fee="1234", time_start=beijing(0, NOON),
           time_expire=beijing(7200, NOON))
    GW.control("option", plain_refund=1, refund_s=0)
    good(ask(fee=1000))
    GW.control("clock", set=NOON + 24 * 3600)
    for kind, columns, lines in (("ALL", 27, 6), ("REFUND", 29, 5)):
        text = bill(more={"bill_type": kind})[1:].split("\r\n")
        names = text[0].split(",")
        eq((len(names), len(text)), (columns, lines))
        row = dict(zip(names, text[-4][1:].split(",`")))
        eq((row["交易状态"], row["商户订单号"], row["商户退款单号"],
            row["退款金额"], row["申请退款金额"], row["订单金额"],
            row["退款状态"], row["手续费"]),
           ("REFUND", "A00001", "R1", "10.00", "10.00", "0.00", "SUCCESS",
            "-0.06000"))
        sums = dict(zip(text[-3].split(","), text[-2][1:].split(",`")))
        eq((sums["总交易单数"], sums["退款总金额"], sums["手续费总金额"]),
           ("2.0", "10.00", "0.01000") if kind == "ALL" else
           ("1.0", "10.00", "-0.06000"))


def test_what_a_bill_may_be_asked():
    GW.control("clock", set=NOON)
    for day in ("20261131", "2026-1-1", "20260801", "20261124"):
        no_bill(bill(day), "20001", "invalid bill_date")
    no_bill(bill("20261120", {"bill_type": "HALF"}), "20001",
            "invalid bill_type")
    no_bill(bill("20261120", {"tar_type": "ZIP"}, packed=False), "20001",
            "invalid tar_type: Only GZIP supported")
    no_bill(bill("20261120", {"colour": "red"}), "20001",
            "invalid parameter")
    no_bill(bill("20261120", sign="0" * 64), "20001", "sign error")


def test_faults_of_a_bill():
    for n in (1, 2):
        pay_at("A0000%d" % n, NOON, time_start=beijing(0, NOON),
               time_expire=beijing(7200, NOON))
    GW.control("clock", set=NOON + 24 * 3600)
    fault = lambda kind, **how: GW.control(
        "fault", kind=kind, api="downloadbill", count=1, **how)
    fault("bill-error")
    no_bill(bill(), "20002", "Bill Creating")
    fault("bill-error", name="20007", value="closed")
    no_bill(bill(), "20007", "closed")
    fault("systemerror")
    no_bill(bill(), "20003", "system error")
    fault("bill-drop", name="A00001")
    text = bill()
    eq(("A00001" in text, "A00002" in text, "`1.0," in text),
       (False, True, True))
    fault("bill-amount", name="A00001", n=5)
    eq("`0.05,`0.00," in bill(), True)
    fault("bill-totals")
    eq("`3.0," in bill(), True)
    fault("bill-extra", value="`x,`y")
    eq("`x,`y\r\n" in bill(), True)
    fault("bill-plain")
    try:
        bill()
        raise AssertionError("packed all the same")
    except gzip.BadGzipFile:
        pass


# ---- tests: refunds -------------------------------------------------------

def paid_up(no="A00001"):
    place(no)
    GW.control("option", plain_refund=1)
    return GW.control("pay", out_trade_no=no, notice=0)["transaction_id"]


def ask(no="A00001", refund="R1", fee=1234, **more):
    f = {"out_trade_no": no, "out_refund_no": refund, "total_fee": "1234",
         "refund_fee": str(fee), "notify_url": SHOP.url}
    f.update(more)
    return GW.call("refund", {n: v for n, v in f.items() if v is not None})


def look(**by):
    return GW.call("refundquery", by)


def test_a_refund_is_accepted_processed_and_done():
    transaction = paid_up()
    r = good(ask(fee=234))
    eq((r["transaction_id"], r["out_trade_no"], r["out_refund_no"],
        r["refund_fee"], r["total_fee"], r["refund_id"][:4]),
       (transaction, "A00001", "R1", "234", "1234", "5000"))
    q = good(look(out_refund_no="R1"))
    eq((q["refund_count"], q["out_refund_no_0"], q["refund_id_0"],
        q["refund_fee_0"], q["refund_status_0"], q["total_fee"]),
       ("1", "R1", r["refund_id"], "234", "PROCESSING", "1234"))
    assert "refund_success_time_0" not in q and "refund_recv_accout_0" in q
    GW.control("clock", advance=11)
    for by in ({"out_refund_no": "R1"}, {"refund_id": r["refund_id"]},
               {"transaction_id": transaction}, {"out_trade_no": "A00001"}):
        q = good(look(**by))
        eq(q["refund_status_0"], "SUCCESS")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
                            q["refund_success_time_0"]), q
    eq(GW.call("orderquery", {"out_trade_no": "A00001"})["trade_state"],
       "REFUND")


def test_one_number_is_one_refund():
    paid_up()
    first = good(ask(fee=100))
    eq(good(ask(fee=100))["refund_id"], first["refund_id"])
    eq(len(GW.control("refunds")["refunds"]), 1)
    errs(ask(fee=101), "REFUND_FEE_MISMATCH")
    paid_up("A00002")
    errs(ask("A00002", fee=100), "REFUND_FEE_MISMATCH")


def test_the_limits_of_refunds():
    place("A00003")
    GW.control("option", plain_refund=1)
    errs(ask("A00003"), "ORDERNOTEXIST")
    errs(ask("nobody"), "ORDERNOTEXIST")
    paid_up()
    errs(ask(total_fee="1233"), "PARAM_ERROR")
    errs(ask(fee=0), "PARAM_ERROR")
    errs(ask(refund="a b"), "PARAM_ERROR")
    fails(ask(no=None), "out_trade_no参数长度有误")
    fails(ask(refund="x" * 65), "out_refund_no参数长度有误")
    good(ask(fee=234))
    errs(ask(refund="R2", fee=1), "INVALID_REQ_TOO_MUCH")
    GW.control("clock", advance=61)
    errs(ask(refund="R2", fee=1001), "ERROR")
    good(ask(refund="R2", fee=1000))
    GW.control("clock", advance=61)
    errs(ask(refund="R3", fee=1), "ERROR")
    errs(look(out_refund_no="R3"), "REFUNDNOTEXIST")


def test_refunds_end_a_year_after_payment_and_after_fifty():
    paid_up()
    GW.control("option", refund_gap_s=0)
    for i in range(50):
        good(ask(refund="P%d" % i, fee=1))
    errs(ask(refund="P50", fee=1), "ERROR")
    paid_up("A00002")
    GW.control("clock", advance=365 * 86400 + 5)
    errs(ask("A00002", refund="L1"), "TRADE_OVERDUE")


def test_the_balance_may_be_too_low():
    paid_up()
    GW.control("option", balance=100)
    errs(ask(fee=101), "NOTENOUGH")
    good(ask(refund="R2", fee=100))


def test_refunds_become_what_is_asked_for():
    for i, status in enumerate(("CHANGE", "REFUNDCLOSE", "PROCESSING")):
        no = "A0000%d" % i
        paid_up(no)
        GW.control("option", refund_result=status, refund_s=0)
        good(ask(no, refund="R%d" % i))
        eq(look(out_refund_no="R%d" % i)["refund_status_0"], status)
    eq(GW.control("refund", out_refund_no="R2", status="SUCCESS")["status"],
       "SUCCESS")
    fault(kind="refund-status", state="CHANGE", count=1)
    eq(look(out_refund_no="R2")["refund_status_0"], "CHANGE")
    GW.control("fault", kind="refund-status", state="LOST", want=400)
    GW.control("option", refund_result="LOST", want=400)


def inside(body):
    """req_info, decrypted by openssl."""
    f = from_xml(body)
    assert "sign" not in f, f
    key = hashlib.md5(KEY.encode()).hexdigest().encode().hex()
    text = subprocess.run(
        ["openssl", "enc", "-d", "-aes-256-ecb", "-K", key, "-a", "-A"],
        input=f["req_info"].encode(), capture_output=True,
        check=True).stdout.decode()
    return from_xml(text.replace("<root>", "<xml>")
                    .replace("</root>", "</xml>"))


def test_a_refund_notice_comes_when_it_is_over():
    transaction = paid_up()
    SHOP.body = FAIL
    r = good(ask(fee=200))
    eq(len(SHOP.got), 0)
    GW.control("clock", advance=11)
    GW.wait(for_="notices", n=1)
    got = inside(SHOP.got[0][2])
    eq((got["out_refund_no"], got["refund_id"], got["refund_fee"],
        got["refund_status"], got["transaction_id"], got["out_trade_no"],
        got["refund_request_source"]),
       ("R1", r["refund_id"], "200", "SUCCESS", transaction, "A00001", "API"))
    assert got["success_time"] and got["refund_recv_accout"]
    SHOP.body = SUCCESS
    GW.control("clock", advance=15)
    GW.wait(for_="notices", n=1, taken=1)
    GW.wait(for_="idle")
    eq(GW.control("notices")["pending"], [])


def test_refund_notices_by_hand_and_from_the_platform():
    paid_up()
    GW.control("platform-refund", out_trade_no="A00001", out_refund_no="M1",
               fee=5)
    GW.control("platform-refund", out_trade_no="A00001", out_refund_no="M1",
               fee=5, want=409)
    GW.control("refund-notice", [("set.refund_fee", "6")],
               out_refund_no="M1")
    got = inside(SHOP.got[-1][2])
    eq((got["refund_request_source"], got["refund_fee"]),
       ("VENDOR_PLATFORM", "6"))
    GW.control("refund-notice", out_refund_no="M1", kind="wrong-sign")
    try:
        got = inside(SHOP.got[-1][2])
        raise AssertionError("it opens with our key: %r" % got)
    except (subprocess.CalledProcessError, UnicodeDecodeError,
            AttributeError):
        pass
    GW.control("refund-notice", out_refund_no="M9", want=404)


def test_a_refund_needs_a_certificate():
    place()
    GW.control("pay", out_trade_no="A00001", notice=0)
    try:
        ask()
        raise AssertionError("refunded without a certificate")
    except urllib.error.HTTPError as e:
        eq(e.code, 400)
        assert b"No required SSL certificate" in e.read()
    with tempfile.TemporaryDirectory() as folder:
        cert, key = make_certificate(folder)
        g = Gateway(PROGRAM, "--tls-cert", cert, "--tls-key", key,
                    "--side-listen", "127.0.0.1:0")
        f = {"appid": APPID, "mch_id": MCH_ID, "nonce_str": "n",
             "out_trade_no": "nobody", "out_refund_no": "R",
             "total_fee": "1", "refund_fee": "1"}
        f["sign"] = sign(f, KEY, "MD5")
        try:
            for shown in (False, True):
                trust = ssl.create_default_context(cafile=cert)
                if shown:
                    trust.load_cert_chain(cert, key)
                r = urllib.request.Request(g.url + "/secapi/pay/refund",
                                           to_xml(f).encode())
                try:
                    with urllib.request.urlopen(r, context=trust) as answer:
                        text = answer.read().decode()
                    eq((shown, from_xml(text)["err_code"]),
                       (True, "ORDERNOTEXIST"))
                except urllib.error.HTTPError as e:
                    eq((shown, e.code), (False, 400))
            eq(len(g.control("calls", api="refund")["calls"]), 1)
            assert g.control("calls", api="refund")["calls"][0]["cert"]
        finally:
            g.stop()


# ---- tests: a code to scan, and who somebody is ----------------------------

def native(no="N00001", **more):
    return order(no, **{"trade_type": "NATIVE", "product_id": no,
                        "scene_info": None, **more})


def jsapi(openid, no="J00001", **more):
    return order(no, trade_type="JSAPI", openid=openid, scene_info=None,
                 **more)


def page(path, query=None, headers=None):
    """(status, Location, text) of a GET that follows nothing."""
    c = http.client.HTTPConnection(GW.url.split("//")[1], timeout=10)
    target = path + ("?" + urllib.parse.urlencode(query) if query else "")
    c.request("GET", target, headers=headers or {})
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    return r.status, r.headers["Location"], text


def scan(code_url, account="A"):
    """What the phone shows: "phone" or an error's name, and its form."""
    text = page("/scan", {"code_url": code_url},
                {"X-WeChat-Account": account})[2]
    error = re.search('data-error="([a-z-]+)"', text)
    fields = dict(re.findall('name="(\\w+)" value="([^"]*)"', text))
    return error.group(1) if error else "phone", fields


def test_a_code_is_scanned_and_paid():
    r = good(GW.call("unifiedorder", native()))
    assert re.fullmatch("weixin://wxpay/bizpayurl\\?pr=[0-9A-Za-z]{7}",
                        r["code_url"]), r
    eq((r["trade_type"], "mweb_url" in r), ("NATIVE", False))
    what, form = scan(r["code_url"])
    eq(what, "phone")
    eq(scan(r["code_url"], "B")[0], "account")
    GW.post("/cgi-bin/mmpayweb-bin/act", urllib.parse.urlencode(
        {**form, "action": "stay"}).encode())
    GW.wait(for_="notices", out_trade_no="N00001", taken=1)
    q = good(GW.call("orderquery", {"out_trade_no": "N00001"}))
    eq((q["trade_type"], q["trade_state"]), ("NATIVE", "SUCCESS"))
    eq(GW.control("notices", out_trade_no="N00001")["sent"][0]
       ["fields"]["trade_type"], "NATIVE")
    eq(scan(r["code_url"])[0], "paid")


def test_a_code_dies():
    old = good(GW.call("unifiedorder", native()))["code_url"]
    new = good(GW.call("unifiedorder", native()))["code_url"]
    eq((scan(old)[0], scan(new)[0]), ("expired", "phone"))
    other = place("N00003")["prepay_id"]
    code = good(GW.call("unifiedorder", native("N00002", time_expire=None)))
    GW.control("clock", advance=7199)
    eq(scan(code["code_url"])[0], "phone")
    GW.control("clock", advance=1)
    eq(scan(code["code_url"])[0], "expired")
    for bad in ("", "https://shop.example/", "weixin://wxpay/bizpayurl?pr=x",
                "weixin://wxpay/bizpayurl?pr="
                + other):
        eq(scan(bad)[0], "no-code")
    GW.control("close", out_trade_no="N00002")
    eq(scan(code["code_url"])[0], "expired")


def test_what_the_products_need():
    errs(GW.call("unifiedorder", native(product_id=None)), "PARAM_ERROR",
         "缺少参数product_id")
    errs(GW.call("unifiedorder", jsapi(None)), "PARAM_ERROR",
         "缺少参数openid")
    errs(GW.call("unifiedorder", jsapi("o" * 28)), "PARAM_ERROR",
         "appid与openid不匹配")
    fails(GW.call("unifiedorder", order(scene_info=None)),
          "scene_info参数长度有误")
    good(GW.call("unifiedorder", native("N00004")))
    errs(GW.call("unifiedorder", order("N00004")), "INVALID_REQUEST",
         "201 商户订单号重复")
    GW.control("option", same_code=1)
    eq(len({good(GW.call("unifiedorder", native(n)))["code_url"]
            for n in ("N00005", "N00006")}), 1)
    for kind, field in (("no-code-url", "code_url"),
                        ("no-prepay-id", "prepay_id")):
        fault(kind=kind, api="unifiedorder", count=1)
        assert field not in good(GW.call("unifiedorder", native("N00007")))


def authorize(account="A", **more):
    args = {"appid": APPID, "redirect_uri": "http://127.0.0.1/pay?order=1",
            "response_type": "code", "scope": "snsapi_base",
            "state": "abcDEF123", **more}
    return page("/connect/oauth2/authorize",
                {n: v for n, v in args.items() if v is not None},
                {"X-WeChat-Account": account})


def grant(account="A"):
    status, to, _ = authorize(account)
    eq(status, 302)
    query = dict(urllib.parse.parse_qsl(to.split("?", 1)[1]))
    eq((query["order"], query["state"]), ("1", "abcDEF123"))
    return query["code"]


def exchange(code, **more):
    args = {"appid": APPID, "secret": APP_SECRET, "code": code,
            "grant_type": "authorization_code", **more}
    status, _, text = page("/sns/oauth2/access_token", args)
    eq(status, 200)
    return json.loads(text)


def test_the_authorize_page():
    for change, text in (({"redirect_uri": "http://shop.example/"}, "10003"),
                         ({"appid": "wx1"}, "10013"),
                         ({"scope": "snsapi_userinfo"}, "10015"),
                         ({"state": "a-b"}, "10015"),
                         ({"state": None}, "10015")):
        status, _, shown = authorize(**change)
        eq((status, text in shown), (200, True), shown)
    args = {"redirect_uri": "http://127.0.0.1/", "appid": APPID,
            "response_type": "code", "scope": "snsapi_base", "state": "a"}
    assert "10015" in page("/connect/oauth2/authorize", args)[2]
    GW.control("option", no_scope=1)
    assert "10005" in authorize()[2]


def test_a_code_is_exchanged_once():
    code = grant()
    got = exchange(code)
    assert re.fullmatch("o[0-9A-Za-z_-]{27}", got["openid"]), got
    eq((got["scope"], got["expires_in"]), ("snsapi_base", 7200))
    eq(exchange(code)["errcode"], 40163)
    eq(exchange("x")["errcode"], 40029)
    eq(exchange("")["errcode"], 41008)
    eq(exchange(grant(), secret="x")["errcode"], 40125)
    eq(exchange(grant(), appid="x")["errcode"], 40013)
    eq(exchange(grant())["openid"], got["openid"])
    assert exchange(grant("B"))["openid"] != got["openid"]
    old = grant()
    GW.control("clock", advance=301)
    eq(exchange(old)["errcode"], 42003)
    fault(kind="errcode", count=1)
    eq(exchange(grant()), {"errcode": -1, "errmsg": "system error"})
    fault(kind="snapshot", count=1)
    eq(exchange(grant())["is_snapshotuser"], 1)


def bridge(values, **more):
    form = {**values, "url": "http://127.0.0.1/cgi-bin/checkout?order=1",
            "action": "pay", "account": "A", **more}
    return json.loads(GW.post("/bridge", urllib.parse.urlencode(form).encode()))


def test_the_bridge_pays_what_was_signed():
    openid = exchange(grant())["openid"]
    r = good(GW.call("unifiedorder", jsapi(openid)))
    eq((r["trade_type"], "code_url" in r), ("JSAPI", False))
    values = {"appId": APPID, "timeStamp": "1700000000", "nonceStr": "n",
              "package": "prepay_id=" + r["prepay_id"],
              "signType": "HMAC-SHA256"}
    values["paySign"] = sign(values, KEY, "HMAC-SHA256")
    eq(bridge(values, action="cancel"),
       {"err_msg": "get_brand_wcpay_request:cancel"})
    for change, text in (({"account": "B"}, "下单账号与支付账号不一致"),
                         ({"paySign": "0"}, "支付验证签名失败"),
                         ({"timeStamp": "1"}, "支付验证签名失败"),
                         ({"package": "prepay_id=undefined"},
                          "调用支付JSAPI缺少参数：total_fee"),
                         ({"appId": "wx"}, "调用支付JSAPI缺少参数：appId")):
        eq(bridge(values, **change), {
            "err_msg": "get_brand_wcpay_request:fail", "err_desc": text})
    for entries, ok in (("https://127.0.0.1/cgi-bin/", False),
                        ("http://127.0.0.1/cgi-bin", False),
                        ("http://127.0.0.1/cgi-bin/pay/", False),
                        ("http://a.example/ http://127.0.0.1/cgi-bin/", True),
                        ("http://127.0.0.1/", True)):
        GW.control("option", jsapi_directories=entries)
        eq(bridge(values, action="cancel").get("err_desc"),
           None if ok else "当前页面的URL未注册", entries)
    eq(bridge(values), {"err_msg": "get_brand_wcpay_request:ok"})
    GW.wait(for_="notices", out_trade_no="J00001", taken=1)
    q = good(GW.call("orderquery", {"out_trade_no": "J00001"}))
    eq((q["openid"], q["trade_type"]), (openid, "JSAPI"))
    eq(bridge(values)["err_desc"], "该订单已支付")


class Start:
    """What test_v3.py needs of this file."""

    program = property(lambda _: PROGRAM)

    def __call__(self, *args):
        return Gateway(PROGRAM, *[str(a) for a in args])

    def v2(self, api, no):
        """One call of APIv2 about this number."""
        return GW.call(api, order(no) if api == "unifiedorder" else
                       {"out_trade_no": no})


V3 = [str(a) for a in test_v3.v3.STAND_IN]


# ---- run -------------------------------------------------------------------

def main():
    global GW, SHOP, PROGRAM
    PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "build/tests/gateway"
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    tests = [(n, f) for n, f in [*globals().items(), *vars(test_v3).items()]
             if n.startswith("test_") and callable(f) and word.replace(" ", "_") in n]
    if not tests:
        sys.exit("no test is called so")
    print("1..%d" % len(tests))
    failed = 0
    SHOP = Shop()
    GW = Gateway(PROGRAM, "--app-secret", APP_SECRET, *V3)
    test_v3.GW, test_v3.SHOP, test_v3.START = GW, SHOP, Start()
    for number, (name, run) in enumerate(tests, 1):
        GW.control("reset")
        SHOP.reset()
        try:
            run()
            print("ok %d - %s" % (number, name[5:].replace("_", " ")))
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, name[5:].replace("_", " ")))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        sys.stdout.flush()
    if GW.stop() != 0:
        failed += 1
        print("# the gateway did not end with 0")
    print("%d passed, %d failed" % (len(tests) - failed, failed))
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())

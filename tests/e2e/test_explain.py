"""h5pay explain: codes, messages, log events and exit statuses in plain words,
both languages."""

import json
import pathlib
import re

import h5
from case import table, test

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def explain(t, *text):
    """(exit status, entries, stderr)."""
    code, out, err = t.site.h5pay("--json", "explain", *text, conf=False)
    got = [json.loads(line) for line in out.splitlines()]
    return code, [x for x in got if x], err


CHINESE = re.compile("[\u4e00-\u9fff]")


@table("explain knows {0}", [
    # PROTOCOL 2.6
    *[(c, c) for c in (
        "INVALID_REQUEST OUT_TRADE_NO_USED ORDERPAID ORDERCLOSED SYSTEMERROR "
        "NOAUTH NOTENOUGH APPID_NOT_EXIST MCHID_NOT_EXIST "
        "APPID_MCHID_NOT_MATCH LACK_PARAMS SIGNERROR XML_FORMAT_ERROR "
        "REQUIRE_POST_METHOD POST_DATA_EMPTY NOT_UTF8 PARAM_ERROR "
        "FREQUENCY_LIMITED ACCOUNTERROR BANKERROR TRADE_ERROR RULELIMIT "
        # 4, 5
        "ORDERNOTEXIST INVALID_TRANSACTIONID TRADE_STATE_ERROR "
        "REFUND NOTPAY REVOKED USERPAYING PAYERROR ACCEPT "
        # 7
        "BIZERR_NEED_RETRY TRADE_OVERDUE ERROR USER_ACCOUNT_ABNORMAL "
        "INVALID_REQ_TOO_MUCH REFUND_FEE_MISMATCH REFUNDNOTEXIST "
        "PROCESSING CHANGE REFUNDCLOSE 20002 20007").split()],
    ("FREQUENCE_LIMITED", "FREQUENCY_LIMITED"), ("20001", "PARAM_ERROR"),
    ("CLOSED", "ORDERCLOSED"), ("20003", "SYSTEMERROR"),
    ("20100", "SYSTEMERROR"), ("No Bill Exist", "No Bill Exist"),
    ("Bill Creating", "Bill Creating"),
    # v3 spellings, and how people type
    ("SYSTEM_ERROR", "SYSTEMERROR"), ("order_not_exist", "ORDERNOTEXIST"),
    ("noauth", "NOAUTH"),
    # unsigned refusals
    ("签名错误", "SIGNERROR"), ("签名错误，请检查后再试", "SIGNERROR"),
    ("签名错误,请检查后再试。", "SIGNERROR"),
    ("appid参数长度有误", "APPID_NOT_EXIST"),
    ("mch_id参数长度有误", "MCHID_NOT_EXIST"),
    ("不识别的参数body", "PARAM_ERROR"),
    ("201 商户订单号重复", "INVALID_REQUEST"),
    # parts
    ("未开通", "NOAUTH"), ("未配置", "商家存在未配置的参数，请联系商家解决"),
    # exit statuses, pages, alerts
    ("78", "exit 78"), ("exit 1", "exit 1"), ("merchant-error",
                                             "merchant-error"),
    ("disputed", "disputed"), ("overpaid", "overpaid"), ("late", "late"),
    ("wrong-api", "wrong-api"), ("refunded-elsewhere", "refunded-elsewhere"),
    # APIv3: codes, as they are spelt there
    *[(c, c) for c in (
        "SIGN_ERROR MCH_NOT_EXISTS RESOURCE_NOT_EXISTS REQUEST_BLOCKED "
        "OPENID_MISMATCH NO_STATEMENT_EXIST STATEMENT_CREATING "
        "ABNORMAL").split()],
    ("ORDER_CLOSED", "ORDERCLOSED"), ("ORDER_PAID", "ORDERPAID"),
    ("ORDER_NOT_EXIST", "ORDERNOTEXIST"), ("NO_AUTH", "NOAUTH"),
    ("NOT_ENOUGH", "NOTENOUGH"), ("RULE_LIMIT", "RULELIMIT"),
    ("BIZ_ERR_NEED_RETRY", "BIZERR_NEED_RETRY"),
    ("RATELIMIT_EXCEEDED", "FREQUENCY_LIMITED"),
    ("SERVICE_UNAVAILABLE", "SYSTEMERROR"),
    # its messages of a 401
    ("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
     "timestamp与发起请求的时间不得超过5分钟"),
    ("Http头Authorization值格式错误，请检查", "Http头Authorization值格式错误"),
    ("签名信息错误，验签失败", "Http头Authorization值格式错误"),
    ("商户证书序列号有误。请使用签名私钥匹配的证书序列号",
     "商户证书序列号有误"),
    ("商户证书已作废", "商户证书已过期"),
    ("商户未设置APIv3密钥", "商户未设置APIv3密钥"),
    ("商户未申请过证书", "商户证书序列号有误"),
    # and the numbers at the end of Request-ID
    *[(str(n), name) for name, numbers in {
        "ORDERNOTEXIST": [268512771], "FREQUENCY_LIMITED": [268447840],
        "ORDERPAID": [268449538, 268498689],
        "268447843": [268447843, 268449641], "ORDERCLOSED": [268447914],
        "REQUEST_BLOCKED": [268448010, 268443715],
        "SIGN_ERROR": [268443699], "OPENID_MISMATCH": [268501013],
        "268443701": [268443701, 268443704, 268443705, 268447845],
        "OUT_TRADE_NO_USED": [268498688],
        "APPID_MCHID_NOT_MATCH": [268445527],
        "PARAM_ERROR": [268435461, 268435464, 270924358]}.items()
      for n in numbers],
    ("WECHATPAY/SIGNTEST/abc", "WECHATPAY/SIGNTEST/"),
])
def _(t, text, name):
    code, got, err = explain(t, text)
    t.eq((code, err), (0, ""), "exit status and stderr")
    t.eq([x["about"] for x in got], [name], "what it is about")
    (x,) = got
    t.ok(x["kind"] and x["whose"]["en"] and x["whose"]["zh-CN"], x)
    for part in ("cause", "next"):
        t.ok(len(x[part]["en"]) > 5 and not CHINESE.search(x[part]["en"]),
             f"{part} in English: {x}")
        t.ok(CHINESE.search(x[part]["zh-CN"]), f"{part} in Chinese: {x}")


@table("explain knows the cashier's {0}", [
    ("network", "网络环境未能通过安全验证，请稍后再试", "trusted_proxies"),
    ("format", "商家参数格式有误，请联系商家解决", "handoff"),
    ("unconfigured", "商家存在未配置的参数，请联系商家解决", "开发配置"),
    ("expired", "支付请求已失效，请重新发起支付", "重新支付"),
    ("in-wechat", "请在微信外打开订单，进行支付", "浏览器"),
    ("account", "签名验证失败", "重新支付"),
    ("account", "系统繁忙，请稍后再试", "重新支付"),
    ("bad-params", "由于商家传入的H5交易参数有误，该笔交易暂时无法完成，请联系商家解决",
     "trusted_proxies"),
])
def _(t, name, text, word):
    for ask in (name, text, text[:-3], text.replace("，", ",")):
        code, got, err = explain(t, ask)
        t.eq(code, 0, f"exit status for {ask}, {err}")
        t.ok(any(word in x["next"]["zh-CN"] for x in got), f"{ask}: {got}")
    code, got, err = explain(t, text)
    t.eq([x["kind"] for x in got], ["cashier message"], "kind")


@test("explain takes a whole line of the log")
def _(t):
    code, got, err = explain(
        t, "alert wechat-call at=2026-11-23T16:39:58+08:00 program=checkout "
        "api=unifiedorder result=FAIL err_code=APPID_MCHID_NOT_MATCH ms=211")
    t.eq(code, 0, f"exit status, {err}")
    t.eq([x["about"] for x in got], ["APPID_MCHID_NOT_MATCH", "wechat-call"],
         "what it is about")


@test("explain takes unquoted words")
def _(t):
    code, got, err = explain(t, "No", "Bill", "Exist")
    t.eq([x["about"] for x in got], ["No Bill Exist"], "what it is about")


@table("explain does not know {0}, and names what is near", [
    ("NOAUHT", "NOAUTH"), ("ORDERPIAD", "ORDERPAID"),
    ("微信支付网络环境异常", "网络环境未能通过安全验证"),
    ("zzzzzz", None), ("茶", None)])
def _(t, text, near):
    code, out, err = t.site.h5pay("explain", text, conf=False)
    t.eq((code, out), (1, ""), "exit status and stdout")
    t.contains(err, "nothing is known", "stderr")
    if near:
        t.contains(err, near, "stderr")
    else:
        t.lacks(err, "did you mean", "stderr")


@table("explain refuses {0}", [
    ("nothing", [], 64), ("an empty text", [""], 64), ("blanks", ["  "], 64),
    ("a control byte", ["a\x1b[31mb"], 65), ("5000 bytes", ["x" * 5000], 65)])
def _(t, name, args, want):
    code, out, err = t.site.h5pay("explain", *args, conf=False)
    t.eq((code, out), (want, ""), f"exit status and stdout, {err[:200]}")


@test("explain prints one line of eight cells where no terminal is")
def _(t):
    code, out, err = t.site.h5pay("explain", "NOAUTH", conf=False)
    t.eq((code, err), (0, ""), "exit status and stderr")
    (line,) = out.splitlines()
    t.eq(len(line.split("\t")), 8, line)


@test("explain knows every err_code that the programs know")
def _(t):
    source = (ROOT / "common/wechat/v2/message.c").read_text()
    codes = re.findall(r'\{"([A-Z_0-9]{4,})", H5_WECHAT_', source)
    t.ok(len(codes) > 20, f"codes in the source: {codes}")
    for code in codes:
        status, got, err = explain(t, code)
        t.eq(status, 0, f"exit status for {code}")


@test("explain knows every exit status and every event that is logged")
def _(t):
    for n in (0, 1, 64, 65, 66, 69, 70, 74, 75, 78):
        status, got, err = explain(t, str(n))
        t.eq([x["about"] for x in got], [f"exit {n}"], "what it is about")
    events = set()
    for path in [*ROOT.glob("common/**/*.c"), *ROOT.glob("cgi-bin/**/*.c"),
                 *ROOT.glob("admin/*.c")]:
        text = path.read_text()
        events |= set(re.findall(
            r'h5_log_event\([^;"]*?H5_LOG_[A-Z]+,\s*"([a-z-]+)"', text))
        events |= set(re.findall(
            r'\bgive_up\(&?job,[^;"]*?"([a-z-]+)"', text))
        events |= set(re.findall(r'\bevent = (?:[^;]*\? )?"([a-z-]+)"', text))
    t.ok(len(events) > 25, f"events in the sources: {events}")
    known = (ROOT / "templates" / "explain.txt").read_text()
    words = {w for line in known.splitlines() if line.startswith("= ")
             for w in line[2:].split(" | ")}
    t.eq(sorted(events - words), [], "events that explain.txt lacks")


@table("C7: explain takes {0}", [
    ("a line of 0.1.0 with every byte escaped", lambda w: "".join(
        f"\\x{b:02x}" for b in w.encode())),
    ("a line as it is now", lambda w: w),
    ("capitals", lambda w: "".join(f"\\x{b:02X}" for b in w.encode())),
    ("half of each", lambda w: w[:2] + "".join(
        f"\\x{b:02x}" for b in w[2:].encode())),
])
def _(t, _name, spell):
    for words, about in ("签名错误", "SIGNERROR"), ("签名错误，请检查后再试",
                                                "SIGNERROR"):
        for text in (spell(words),
                     f'alert wechat-call at=2026-11-30T16:40:12+08:00 '
                     f'why="WeChat refuses the call: {spell(words)}" ms=3'):
            code, got, err = explain(t, text)
            t.eq(code, 0, f"{text!r}: {err}")
            t.contains([x["about"] for x in got], about, text)
    # What is no text afterwards is taken as it stands.
    code, _, err = explain(t, r"\xff\xfe NOAUTH")
    t.eq(code, 0, err)

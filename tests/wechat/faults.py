#!/usr/bin/env python3
"""What becomes of each fault on WeChat's side.

    faults.py BUILD [word]      only tests with that word in their name

Plays each fault with the stand-in gateway, or with a bare socket where it
plays too well, has build/tests/wxcall hold one conversation, and compares
what it made of it.  Last line: "N passed, N failed".
"""
import gzip
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
import urllib.parse
import urllib.request

APPID = "wx2421b1c4370ec43b"
MCH_ID = "1900000109"
KEY = "192006250b4c09247ec02edce69f6a2d"
CONNECT_MS, TIMEOUT_MS, DEADLINE_MS = 300, 600, 1500
SLACK_MS = 500  # for a busy machine

BUILD = sys.argv[1]
TMP = tempfile.mkdtemp(prefix="h5pay-wechat-")
STATIC = {"next": 0}


# ---- the two sides ---------------------------------------------------------

class Gateway:
    """The stand-in, steered through its side door, which no fault hits."""

    def __init__(self, *args):
        ports = os.path.join(TMP, "ports-%d" % number())
        self.p = subprocess.Popen(
            [BUILD + "/tests/gateway", "--appid", APPID, "--mch-id", MCH_ID,
             "--api-key", KEY, "--listen", "127.0.0.1:0",
             "--side-listen", "127.0.0.1:0", "--port-file", ports, *args],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        line = self.p.stdout.readline().decode()
        if "listening" not in line:
            raise RuntimeError("the gateway did not start: %r" % line)
        self.url = line.split()[-1]
        while True:
            try:
                words = open(ports).read().split()
            except FileNotFoundError:
                words = []
            if len(words) == 2:
                break
        self.door = "http://127.0.0.1:%s/_control/" % words[1]

    def do(self, what, **params):
        body = urllib.parse.urlencode(params).encode()
        with urllib.request.urlopen(self.door + what, body, 10) as r:
            return json.load(r)

    def calls(self, order):
        return self.do("calls", out_trade_no=order)["calls"]

    def close(self):
        self.p.terminate()
        self.p.wait()
        self.p.stdout.close()


class Raw:
    """Accepts, reads a request, sends bytes, closes; over TLS if asked, with
    or without the word that it is the end (close_notify)."""

    def __init__(self, reply, context=None, notify=False):
        self.reply, self.context, self.seen = reply, context, 0
        self.notify = notify
        self.s = socket.create_server(("127.0.0.1", 0))
        self.url = "%s://127.0.0.1:%d" % (
            "https" if context else "http", self.s.getsockname()[1])
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                c, _ = self.s.accept()
            except OSError:
                return
            self.seen += 1
            try:
                c.settimeout(3)
                if self.context:
                    c = self.context.wrap_socket(c, server_side=True)
                data = b""
                while b"</xml>" not in data:
                    more = c.recv(65536)
                    if not more:
                        break
                    data += more
                c.sendall(self.reply)
                if self.notify:
                    c.unwrap()
                c.close()
            except OSError:
                c.close()

    def close(self):
        self.s.close()


def number():
    STATIC["next"] += 1
    return STATIC["next"]


def new_order():
    return "fault%d-%06d" % (os.getpid(), number())


def config(url, backup=None, **gateway):
    path = os.path.join(TMP, "conf-%d" % number())
    keys = dict(url=url, cashier=gateway.pop("cashier", url + "/"),
                connect_timeout_ms=CONNECT_MS, timeout_ms=TIMEOUT_MS,
                deadline_ms=DEADLINE_MS)
    if backup is not None:
        keys["backup_url"] = backup
    sign_type = gateway.pop("sign_type", "HMAC-SHA256")
    key = gateway.pop("api_key", KEY)
    keys.update(gateway)
    with open(path, "w") as f:
        f.write("[merchant]\nappid = %s\nmch_id = %s\napi_key = %s\n"
                "sign_type = %s\n[site]\nbase_url = http://127.0.0.1/pay\n"
                "name = \u5c0f\u5e97\nsecret = %s\n[store]\ndir = %s\n"
                "[gateway]\n" % (APPID, MCH_ID, key, sign_type, "s" * 40,
                                 os.path.join(TMP, "store")))
        for name, value in keys.items():
            f.write("%s = %s\n" % (name, value))
    os.chmod(path, 0o600)
    return path


class Told:
    """What wxcall printed, one dictionary a conversation; and its log."""

    def __init__(self, p):
        self.log = p.stderr.decode("utf-8", "replace")
        text = p.stdout.decode("utf-8", "replace")
        if p.returncode != 0:
            raise AssertionError("wxcall: %d %s" % (p.returncode, self.log))
        self.all = []
        for line in text.splitlines():
            head, _, why = line.partition(" why=")
            d = dict(w.partition("=")[::2] for w in head.split(" "))
            d["why"] = why
            self.all.append(d)
        for secret in (KEY, "<xml", "sign=", "nonce_str"):
            if secret in self.log + text:
                raise AssertionError("%s stands in %s" % (
                    secret, self.log + text))

    def __getitem__(self, name):
        return self.all[0].get(name, "")


def call(conf, api, order, at=None, n=1, env=None):
    at = at or int(__import__("time").time())
    p = subprocess.run(
        [BUILD + "/tests/wxcall", conf, api, order, str(at), str(n)],
        capture_output=True, timeout=60,
        env=dict(os.environ, **(env or {})))
    return Told(p)


def expect(told, **want):
    for name, value in want.items():
        if name == "why":
            good = re.search(value, told["why"])
        elif name == "log":
            good = re.search(value, told.log)
        elif name == "under_ms":
            good = int(told["ms"]) < value + SLACK_MS
        elif name == "over_ms":
            good = int(told["ms"]) >= value - 20  # two clocks
        else:
            good = told[name] == value
        if not good:
            raise AssertionError("want %s=%r, got %r\n%s" % (
                name, value, told.all, told.log))


# ---- faults that the stand-in plays ----------------------------------------
# name, api, fault (kind and what it needs), what must become of it;
# calls: how often the gateway was asked.

NET = dict(code="unreachable")
REMOTE = dict(code="bad-answer")
UNKNOWN = dict(code="unreachable", log="outcome=unknown")
AGAIN = dict(code="ok", verdict="again")
GOOD = dict(code="ok", verdict="success")

ROWS = [
    ("no fault", "unifiedorder", None, dict(GOOD, calls=1)),
    ("slow but in time", "unifiedorder", dict(kind="delay", ms=200), GOOD),
    # not reached
    ("RST on accept", "unifiedorder", dict(kind="connect-reset"), NET),
    ("accepts and is silent", "unifiedorder", dict(kind="connect-hang"),
     dict(NET, under_ms=TIMEOUT_MS)),
    # reached, outcome unknown
    ("closes before the work", "unifiedorder", dict(kind="cut-before"),
     dict(UNKNOWN, calls=1)),
    ("closes after the work", "unifiedorder", dict(kind="cut-after"),
     dict(UNKNOWN, calls=1)),
    ("RST before the work", "unifiedorder",
     dict(kind="cut-before", how="reset"), UNKNOWN),
    ("RST after the work", "unifiedorder",
     dict(kind="cut-after", how="reset"), UNKNOWN),
    ("hangs", "unifiedorder", dict(kind="hang", ms=5000),
     dict(UNKNOWN, under_ms=TIMEOUT_MS, over_ms=TIMEOUT_MS, calls=1)),
    ("headers, then hangs", "unifiedorder", dict(kind="hang-body", ms=5000),
     dict(UNKNOWN, under_ms=TIMEOUT_MS)),
    ("late answer", "unifiedorder", dict(kind="delay-answer", ms=5000),
     dict(UNKNOWN, under_ms=TIMEOUT_MS)),
    ("drips the body", "unifiedorder", dict(kind="drip", ms=50),
     dict(UNKNOWN, under_ms=TIMEOUT_MS)),
    ("drips the header", "unifiedorder", dict(kind="drip-header", ms=50),
     dict(UNKNOWN, under_ms=TIMEOUT_MS)),
    ("half of its Content-Length", "unifiedorder", dict(kind="half"),
     UNKNOWN),
    ("RST in the body", "unifiedorder", dict(kind="half", how="reset"),
     dict(UNKNOWN, calls=1)),
    ("100 Continue without end", "unifiedorder", dict(kind="continue-flood"),
     dict(UNKNOWN, why="the headers have no end")),
    ("headers without end", "unifiedorder", dict(kind="header-bomb"),
     dict(UNKNOWN, why="the headers have no end")),
    # answers that are none
    ("half without a length", "unifiedorder", dict(kind="half-no-length"),
     dict(REMOTE, why="XML")),
    ("100 MB announced", "unifiedorder", dict(kind="huge"),
     dict(REMOTE, why="longer than 65536 bytes")),
    ("100 MB announced, 70 kB wide", "unifiedorder",
     dict(kind="huge", bytes=70000), dict(REMOTE, why="longer than 65536")),
    ("chunks without end", "unifiedorder", dict(kind="endless"),
     dict(REMOTE, why="longer than 65536 bytes")),
    ("gzip nobody asked for", "unifiedorder", dict(kind="gzip"),
     dict(REMOTE, why="XML")),
    ("302 to itself", "unifiedorder", dict(kind="redirect"),
     dict(REMOTE, why="HTTP status 302", calls=1, log="redirects")),
    ("307 to a file", "unifiedorder",
     dict(kind="redirect", status=307, value="file:///etc/passwd"), REMOTE),
    ("nothing", "unifiedorder", dict(kind="empty"), REMOTE),
    ("a page", "unifiedorder", dict(kind="html"), REMOTE),
    ("GBK bytes", "unifiedorder", dict(kind="gbk"), REMOTE),
    ("DOCTYPE", "unifiedorder", dict(kind="doctype"), REMOTE),
    ("doubled element", "orderquery",
     dict(kind="duplicate", name="trade_state", value="SUCCESS"), REMOTE),
    # not WeChat's word to us
    ("no sign", "unifiedorder", dict(kind="unsigned"),
     dict(REMOTE, why="no sign")),
    ("no sign", "orderquery", dict(kind="unsigned"), REMOTE),
    ("no sign", "closeorder", dict(kind="unsigned"), REMOTE),
    ("another key", "unifiedorder", dict(kind="wrong-sign"),
     dict(REMOTE, log="^alert.*merchant.api_key")),
    ("another key", "orderquery", dict(kind="wrong-sign"), REMOTE),
    ("empty sign", "unifiedorder", dict(kind="empty-sign"), REMOTE),
    ("lower-case sign", "unifiedorder", dict(kind="lower-sign"), REMOTE),
    ("MD5 for HMAC", "unifiedorder", dict(kind="md5-sign"),
     dict(REMOTE, log="merchant.sign_type")),
    ("another mch_id", "orderquery",
     dict(kind="other-mch-id", value="1900000110"),
     dict(REMOTE, why="not our mch_id")),
    ("another appid", "orderquery",
     dict(kind="other-appid", value="wx0000000000000000"),
     dict(REMOTE, why="not our appid")),
    ("no mch_id", "unifiedorder", dict(kind="drop-field", name="mch_id"),
     REMOTE),
    # signed, but not about what was asked
    ("another order", "orderquery",
     dict(kind="other-order", value="another-order"),
     dict(REMOTE, why="another order")),
    ("no order", "orderquery", dict(kind="drop-field", name="out_trade_no"),
     dict(REMOTE, why="another order")),
    ("no trade_state", "orderquery",
     dict(kind="drop-field", name="trade_state"),
     dict(REMOTE, why="no trade_state")),
    ("no mweb_url", "unifiedorder", dict(kind="no-mweb-url"),
     dict(REMOTE, why="mweb_url", mweb_url="")),
    ("mweb_url elsewhere", "unifiedorder",
     dict(kind="foreign-mweb-url", value="https://evil.example/"),
     dict(REMOTE, why="mweb_url", mweb_url="")),
    ("CR LF in mweb_url", "unifiedorder", dict(kind="crlf-mweb-url"),
     dict(REMOTE, mweb_url="")),
    ("no prepay_id", "unifiedorder",
     dict(kind="drop-field", name="prepay_id"),
     dict(REMOTE, why="prepay_id", mweb_url="")),
    ("another trade_type", "unifiedorder",
     dict(kind="set-field", name="trade_type", value="JSAPI"),
     dict(REMOTE, why="trade_type", mweb_url="")),
    ("paid without total_fee", "orderquery",
     dict(kind="state", state="SUCCESS", then=dict(
         kind="drop-field", name="total_fee")),
     dict(REMOTE, why="total_fee")),
    ("paid with a crooked total_fee", "orderquery",
     dict(kind="state", state="SUCCESS", then=dict(
         kind="set-field", name="total_fee", value="1.00")),
     dict(REMOTE, why="total_fee")),
    # what nobody documented is no fault
    ("unknown elements", "unifiedorder", dict(kind="unknown-field"), GOOD),
    # refusals
    ("FAIL, wrong signature", "unifiedorder",
     dict(kind="return-fail", value="签名错误"),
     dict(REMOTE, why="签名错误", calls=1, log="^alert.*merchant.api_key")),
    ("FAIL, appid", "unifiedorder",
     dict(kind="return-fail", value="appid参数长度有误"),
     dict(REMOTE, log="^alert.*merchant.appid")),
    ("FAIL, else", "unifiedorder",
     dict(kind="return-fail", value="参数错误"),
     dict(REMOTE, log="^error wechat-call")),
    ("SYSTEMERROR for ever", "unifiedorder", dict(kind="systemerror"),
     dict(AGAIN, under_ms=DEADLINE_MS)),
    ("SYSTEMERROR twice", "unifiedorder", dict(kind="systemerror", count=2),
     dict(GOOD, calls=3)),
    ("SYSTEMERROR twice", "orderquery", dict(kind="systemerror", count=2),
     dict(GOOD, trade_state="NOTPAY", calls=4)),
    ("SYSTEMERROR once", "closeorder", dict(kind="systemerror", count=1),
     dict(GOOD, calls=3)),
    ("SYSTEMERROR, but done", "unifiedorder",
     dict(kind="systemerror-after", count=1), dict(GOOD, calls=2)),
    ("too often", "unifiedorder",
     dict(kind="result-fail", code="FREQUENCY_LIMITED", count=1),
     dict(GOOD, calls=2)),
    ("number taken", "unifiedorder",
     dict(kind="result-fail", code="INVALID_REQUEST",
          value="201 商户订单号重复"),
     dict(code="ok", verdict="taken", calls=1)),
    ("bad parameter", "unifiedorder",
     dict(kind="result-fail", code="INVALID_REQUEST", value="参数格式错误"),
     dict(code="ok", verdict="refused", log="^error")),
] + [
    ("signed refusal " + code, api,
     dict(kind="result-fail", code=code, value="x"),
     dict(code="ok", verdict=verdict, err_code=code, **more))
    for code, api, verdict, more in [
        ("ORDERPAID", "unifiedorder", "paid", {}),
        ("ORDERPAID", "closeorder", "paid", {}),
        ("ORDERCLOSED", "unifiedorder", "closed", {}),
        ("ORDERCLOSED", "closeorder", "closed", {}),
        ("OUT_TRADE_NO_USED", "unifiedorder", "taken", {}),
        ("ORDERNOTEXIST", "orderquery", "unknown-order", {}),
        ("ORDERNOTEXIST", "closeorder", "unknown-order", {}),
        ("TRADE_STATE_ERROR", "closeorder", "not-yet", {}),
        ("NOAUTH", "unifiedorder", "merchant", dict(log="^alert.*platform")),
        ("APPID_NOT_EXIST", "unifiedorder", "merchant",
         dict(log="^alert.*merchant.appid")),
        ("MCHID_NOT_EXIST", "unifiedorder", "merchant", dict(log="^alert")),
        ("APPID_MCHID_NOT_MATCH", "unifiedorder", "merchant",
         dict(log="^alert")),
        ("SIGNERROR", "orderquery", "merchant", dict(log="^alert")),
        ("LACK_PARAMS", "unifiedorder", "refused", dict(log="^error")),
        ("SOMETHING_NEW", "unifiedorder", "refused", dict(log="^error")),
    ]
] + [
    ("HTTP %d over a good answer" % status, api,
     dict(kind="http-status", status=status),
     dict(REMOTE, why="HTTP status %d" % status, calls=calls))
    for status, api, calls in [
        (201, "orderquery", 2), (204, "unifiedorder", 1),
        (404, "unifiedorder", 1), (429, "unifiedorder", 1),
        (500, "unifiedorder", 1), (500, "orderquery", 2),
        (502, "closeorder", 2), (503, "unifiedorder", 1)]
] + [
    ("trade_state " + state, "orderquery", dict(kind="state", state=state),
     dict(GOOD, trade_state=state, paid=paid))
    for state, paid in [
        ("SUCCESS", "1"), ("REFUND", "1"), ("NOTPAY", "0"), ("CLOSED", "0"),
        ("REVOKED", "0"), ("USERPAYING", "0"), ("PAYERROR", "0"),
        ("ACCEPT", "0")]
]


def play(g, conf, api, fault, want):
    order = new_order()
    want = dict(want)
    calls = want.pop("calls", None)
    if api != "unifiedorder":
        expect(call(conf, "unifiedorder", order), **GOOD)
    faults = [fault] if fault else []
    for f in faults:
        f = dict(f)
        faults += [f.pop("then")] if "then" in f else []
        f.setdefault("api", "connect" if f["kind"].startswith("connect")
                     else api)
        if f["api"] != "connect":
            f["out_trade_no"] = order
        g.do("fault", **f)
    try:
        told = call(conf, api, order)
    finally:
        g.do("clear")
    want["log"] = re.compile(want.get("log", ""), re.M)
    expect(told, **want)
    if calls is not None:
        got = len(g.calls(order))
        if got != calls:
            raise AssertionError("%d calls, want %d" % (got, calls))


# ---- hosts, time, connections ----------------------------------------------

def dead_url():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return "http://127.0.0.1:%d" % s.getsockname()[1]


def test_nobody_listens(g, h):
    expect(call(config(dead_url()), "unifiedorder", new_order()),
           code="unreachable", log=r"(?m)^warn wechat-call (?!.*outcome=)",
           under_ms=0)


def test_backup_when_nobody_listens(g, h):
    order = new_order()
    conf = config(dead_url(), backup=h.url, cashier=h.url + "/")
    expect(call(conf, "unifiedorder", order), log="wechat-try-again", **GOOD)
    assert len(h.calls(order)) == 1


def test_backup_when_the_main_host_fails(g, h):
    conf = config(g.url, backup=h.url, cashier=h.url + "/")
    for fault in (dict(kind="http-status", status=500),
                  dict(kind="http-status", status=503),
                  dict(kind="cut-before"), dict(kind="hang", ms=5000)):
        order = new_order()
        g.do("fault", api="unifiedorder", out_trade_no=order, **fault)
        expect(call(conf, "unifiedorder", order), **GOOD)
        assert len(g.calls(order)) == 1 and len(h.calls(order)) == 1, fault
        # the same order, but for nonce_str and sign
        a, b = (x.calls(order)[0]["fields"] for x in (g, h))
        differ = {n for n in set(a) | set(b) if a.get(n) != b.get(n)}
        assert differ == {"nonce_str", "sign"}, differ
    g.do("clear")


def test_no_backup_for_an_answer(g, h):
    conf = config(g.url, backup=h.url)
    for fault in (dict(kind="systemerror"), dict(kind="wrong-sign"),
                  dict(kind="http-status", status=404),
                  dict(kind="return-fail", value="x"), dict(kind="html"),
                  dict(kind="result-fail", code="NOAUTH", value="x")):
        order = new_order()
        g.do("fault", api="unifiedorder", out_trade_no=order, **fault)
        told = call(conf, "unifiedorder", order)
        assert told["verdict"] != "success", fault
        assert h.calls(order) == [], fault
    g.do("clear")


def test_both_hosts_out_of_order(g, h):
    order = new_order()
    for x in (g, h):
        x.do("fault", api="unifiedorder", kind="http-status", status=500,
             out_trade_no=order)
    expect(call(config(g.url, backup=h.url), "unifiedorder", order),
           code="bad-answer", why="HTTP status 500")
    assert len(g.calls(order)) == 1 and len(h.calls(order)) == 1
    g.do("clear"), h.do("clear")


def test_one_deadline_for_all_attempts(g, h):
    order = new_order()
    for x in (g, h):
        x.do("fault", api="unifiedorder", kind="hang", ms=5000,
             out_trade_no=order)
    conf = config(g.url, backup=h.url, timeout_ms=1000, deadline_ms=1300)
    expect(call(conf, "unifiedorder", order), code="unreachable", over_ms=1250,
           under_ms=1300, log="outcome=unknown")
    g.do("clear"), h.do("clear")


def test_a_lost_answer_then_the_same_again(g, h):
    """One order, however often its answer is lost."""
    order, at, conf = new_order(), 0, config(g.url)
    at = g.do("clock")["now_ms"] // 1000
    g.do("fault", api="unifiedorder", kind="cut-after", count=3,
         out_trade_no=order)
    for _ in range(3):
        expect(call(conf, "unifiedorder", order, at), **UNKNOWN)
    expect(call(conf, "unifiedorder", order, at), **GOOD)
    assert g.do("order", out_trade_no=order)["state"] == "NOTPAY"


def test_one_connection_for_many_calls(g, h):
    before = g.do("counters")["api_connections"]
    order, conf = new_order(), config(g.url)
    told = call(conf, "unifiedorder", order, n=8)
    assert [t["verdict"] for t in told.all] == ["success"] * 8
    assert g.do("counters")["api_connections"] == before + 1


def test_the_environment_changes_nothing(g, h):
    home = os.path.join(TMP, "home")
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, ".netrc"), "w") as f:
        f.write("machine 127.0.0.1 login a password b\n")
    env = {n: "http://127.0.0.1:1" for n in (
        "http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY",
        "ALL_PROXY")}
    order = new_order()
    expect(call(config(g.url), "unifiedorder", order,
                env=dict(env, HOME=home)), **GOOD)
    headers = json.dumps(g.calls(order)[0]["headers"]).lower()
    assert "authorization" not in headers and "expect" not in headers
    assert "text/xml; charset=utf-8" in headers and "h5pay/" in headers


def test_md5_where_it_is_configured(g, h):
    order = new_order()
    conf = config(g.url, sign_type="MD5")
    expect(call(conf, "unifiedorder", order), **GOOD)
    expect(call(conf, "orderquery", order), trade_state="NOTPAY", **GOOD)
    expect(call(conf, "closeorder", order), **GOOD)
    expect(call(conf, "orderquery", order), trade_state="CLOSED", **GOOD)
    expect(call(conf, "orderquery", new_order()), code="ok",
           verdict="unknown-order")


def test_our_key_is_wrong(g, h):
    # The stand-in answers as WeChat does: unsigned.
    told = call(config(g.url, api_key="0" * 32), "orderquery", new_order())
    expect(told, code="bad-answer", log="(?m)^alert.*merchant.api_key")


def test_paid_and_closed(g, h):
    order, conf = new_order(), config(g.url)
    expect(call(conf, "unifiedorder", order), **GOOD)
    g.do("pay", out_trade_no=order, notice=0)
    expect(call(conf, "orderquery", order), trade_state="SUCCESS", paid="1",
           total_fee="12800", fee_type="CNY", **GOOD)
    expect(call(conf, "unifiedorder", order), code="ok", verdict="paid")
    expect(call(conf, "closeorder", order), code="ok", verdict="paid")


# ---- bytes that no server should send --------------------------------------

def raw(reply, **want):
    server = Raw(reply)
    try:
        expect(call(config(server.url), "orderquery", new_order()), **want)
        assert server.seen == 1, server.seen
    finally:
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
BODY = b"<xml><return_code>SUCCESS</return_code></xml>"


def test_raw_http_0_9(g, h):
    raw(BODY, code="unreachable")


def test_raw_no_answer(g, h):
    raw(b"", log="outcome=unknown", code="unreachable")


def test_raw_truncated_chunk(g, h):
    raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + BODY, code="unreachable")


def test_raw_gzip_bomb(g, h):
    bomb = gzip.compress(b"<xml>" + b" " * 50000000)
    assert len(bomb) < 65536, len(bomb)
    raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        % len(bomb) + bomb, code="bad-answer", why="XML")


def test_raw_nul_in_the_body(g, h):
    raw(HEAD + b"\r\n" + BODY.replace(b"SUCCESS", b"SUC\0ESS"), code="bad-answer")


def test_raw_utf16(g, h):
    raw(HEAD + b"\r\n\xff\xfe" + BODY.decode().encode("utf-16le"),
        code="bad-answer")


def test_raw_two_documents(g, h):
    raw(HEAD + b"\r\n" + BODY + BODY, code="bad-answer")


def test_raw_two_lengths(g, h):
    for fault in ("two-lengths",):
        order = new_order()
        g.do("fault", kind=fault, api="unifiedorder", out_trade_no=order)
        told = call(config(g.url), "unifiedorder", order)
        assert told["code"] in ("unreachable", "bad-answer"), told.all
    g.do("clear")


def test_raw_status_of_nonsense(g, h):
    raw(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", code="bad-answer",
        why="999")


# ---- TLS -------------------------------------------------------------------

def openssl(*args):
    subprocess.run(["openssl", *args], check=True, cwd=TMP,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(name):
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=" + name, "-keyout", name + ".key",
            "-out", name + ".crt")


def certificate(name, ca, san, days="2"):
    ext = os.path.join(TMP, name + ".ext")
    with open(ext, "w") as f:
        f.write("subjectAltName=%s\n" % san)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name,
            "-keyout", name + ".key", "-out", name + ".csr")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".crt",
            "-CAkey", ca + ".key", "-CAcreateserial", "-days", days,
            "-extfile", ext, "-out", name + ".crt")


def at(name):
    return os.path.join(TMP, name)


def make_certificates():
    authority("ca")
    authority("other-ca")
    certificate("good", "ca", "IP:127.0.0.1")
    certificate("foreign", "other-ca", "IP:127.0.0.1")
    certificate("elsewhere", "ca", "DNS:elsewhere.example")
    certificate("old", "ca", "IP:127.0.0.1", days="-1")


def tls(name, **more):
    """A gateway with that certificate, and a configuration for it."""
    g = Gateway("--tls-cert", at(name + ".crt"), "--tls-key",
                at(name + ".key"))
    more.setdefault("ca_file", at("ca.crt"))
    return g, config(g.url, **more)


def tls_case(name, want, fault=None, **more):
    g, conf = tls(name, **more)
    try:
        if fault:
            g.do("fault", **fault)
        order = new_order()
        expect(call(conf, "unifiedorder", order), **want)
        return g.calls(order), g.do("counters")
    finally:
        g.close()


DISTRUST = dict(code="unreachable", log="(?m)^alert wechat-call (?!.*outcome=)")


def test_tls_good(g, h):
    calls, _ = tls_case("good", GOOD)
    assert len(calls) == 1


def test_tls_connection_is_kept(g, h):
    x, conf = tls("good")
    try:
        told = call(conf, "unifiedorder", new_order(), n=5)
        assert [t["verdict"] for t in told.all] == ["success"] * 5
        assert x.do("counters")["handshakes"] == 1
    finally:
        x.close()


def test_tls_unknown_authority(g, h):
    calls, _ = tls_case("foreign", DISTRUST)
    assert calls == []


def test_tls_the_systems_authorities_do_not_know_it(g, h):
    x, conf = tls("good")
    text = re.sub("ca_file = .*\n", "", open(conf).read())
    with open(conf, "w") as f:
        f.write(text)
    try:
        expect(call(conf, "unifiedorder", new_order()), code="unreachable")
    finally:
        x.close()


def test_tls_another_host(g, h):
    calls, _ = tls_case("elsewhere", DISTRUST)
    assert calls == []


def test_tls_expired(g, h):
    calls, _ = tls_case("old", DISTRUST)
    assert calls == []


def test_tls_distrust_then_a_good_backup(g, h):
    x, _ = tls("foreign")
    y, _ = tls("good")
    order = new_order()
    try:
        conf = config(x.url, backup=y.url, cashier=y.url + "/",
                      ca_file=at("ca.crt"))
        expect(call(conf, "unifiedorder", order),
               log="(?m)^alert wechat-try-again", **GOOD)
        assert x.calls(order) == []
    finally:
        x.close(), y.close()


def test_tls_accepts_and_is_silent(g, h):
    tls_case("good", dict(code="unreachable", under_ms=CONNECT_MS,
                          log="(?m)^warn wechat-call (?!.*outcome=)"),
             fault=dict(kind="connect-hang", api="connect"))


def test_tls_reset_on_accept(g, h):
    tls_case("good", NET, fault=dict(kind="connect-reset", api="connect"))


def test_tls_plain_http_instead(g, h):
    tls_case("good", dict(code="unreachable",
                          log="(?m)^warn wechat-call (?!.*outcome=)"),
             fault=dict(kind="connect-plain", api="connect"))


def test_tls_cut_without_a_length(g, h):
    tls_case("good", REMOTE, fault=dict(kind="half-no-length"))


def tls_end(notify):
    """Half of an answer without a length: TLS alone could tell that more was
    to come, and need not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(at("good.crt"), at("good.key"))
    server = Raw(HEAD + b"\r\n" + BODY[:20], context, notify)
    try:
        told = call(config(server.url, ca_file=at("ca.crt")), "unifiedorder",
                    new_order())
        assert told["code"] in ("unreachable", "bad-answer"), told.all
        assert server.seen == 1, server.seen
    finally:
        server.close()


def test_tls_cut_with_close_notify(g, h):
    tls_end(True)


def test_tls_cut_without_close_notify(g, h):
    tls_end(False)


def tls_version(version, want):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(at("good.crt"), at("good.key"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    server = Raw(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY,
                 context)
    try:
        expect(call(config(server.url, ca_file=at("ca.crt")), "orderquery",
                    new_order()), **want)
    finally:
        server.close()


def test_tls_1_1_only(g, h):
    tls_version(ssl.TLSVersion.TLSv1_1, NET)


def test_tls_1_2_and_1_3(g, h):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        tls_version(version, dict(code="bad-answer", why="no sign"))


# ---- all of it -------------------------------------------------------------

def tests(g, h):
    conf = config(g.url)
    for name, api, fault, want in ROWS:
        yield ("%s: %s" % (api, name),
               lambda a=(api, fault, want): play(g, conf, *a))
    for name, f in sorted(globals().items()):
        if name.startswith("test_"):
            yield name[5:].replace("_", " "), lambda f=f: f(g, h)


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    passed = failed = 0
    g = h = None
    try:
        make_certificates()
        g, h = Gateway(), Gateway()
        for name, run in tests(g, h):
            if word not in name:
                continue
            try:
                run()
                passed += 1
                print("ok - %s" % name)
            except Exception:
                failed += 1
                print("not ok - %s" % name)
                for line in traceback.format_exc(limit=-2).splitlines():
                    print("# " + line)
            sys.stdout.flush()
    finally:
        for x in (g, h):
            if x is not None:
                x.close()
        shutil.rmtree(TMP)
    if passed + failed == 0:
        sys.exit("no test is called so")
    print("wechat: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    sys.exit(main())

"""The log (interface section 8)."""

import re

import h5
from case import table, test

LINE = re.compile(r"^(debug|info|warn|error|alert) [a-z0-9-]+( [a-z_]+=\S+|"
                  r' [a-z_]+="[^"]*")*$')
# A time and the like may stand in front of the level.
LEVEL = re.compile(r"\b(debug|info|warn|error|alert) [a-z0-9-]+")

OPENID = "oUpF8uMEb4qRXf22hE3X68TekukE"


def busy(t, s):
    """Every program has had something to say."""
    order = t.id()
    token = s.ready(order, 5)
    q = {"order": order, "t": token}
    s.get("checkout", "item=%zz")
    s.get("checkout", s.link(order).replace("sig=", "sig=0"))
    s.get("return-page", q)
    s.get("return-page", dict(q, t="A" * 43))
    s.post("query", q)
    s.notify(h5.notice(order, 4))
    s.notify(h5.notice(order, 5, key="0" * 32))
    s.notify(h5.notice(order, 5))
    s.notify(b"<xml>" + OPENID.encode())
    t.gateway.fault("unifiedorder", "result-fail", order=order + "b",
                    name="NOAUTH")
    s.order(order + "b")
    t.gateway.fault("unifiedorder", "wrong-sign", order=order + "c")
    s.order(order + "c")
    s.h5pay("query", order)
    s.h5pay("close", order)
    return order, token


@test("a log line is LEVEL event key=value, with the request id")
def _(t):
    s = t.own_site()
    order, _ = busy(t, s)
    lines = s.log()
    t.ok(len(lines) >= 5, f"lines: {lines}")
    for line in lines:
        m = LEVEL.search(line)
        t.ok(m and m.start() < 40, f"a level and an event: {line!r}")
        t.ok(line.isprintable(), f"nothing unseen: {line!r}")
        if "h5pay" not in line:
            t.matches(line, r"\b(rid|request|req|id)=\S+", "request id")
    t.ok(any(f"order={order}" in x for x in lines), "lines name the order")


@table("no log holds {0}", [
    "a key", "a sign", "a token", "an openid", "a whole XML", "a link's sig"])
def _(t, what):
    s = t.own_site()
    order, token = busy(t, s)
    text = "\n".join(s.log())
    t.ok(order in text, "the log is alive")
    if what == "a key":
        for key in (h5.API_KEY, h5.SECRET, h5.LINK_KEY):
            t.lacks(text, key, "log")
    elif what == "a sign":
        calls = t.gateway.calls(order=order)
        for sign in {c["fields"]["sign"] for c in calls}:
            t.lacks(text, sign, "log")
        t.no(re.findall(r"\b[0-9A-F]{64}\b", text), "a sign")
    elif what == "a token":
        t.lacks(text, token, "log")
    elif what == "an openid":
        t.lacks(text, OPENID, "log")
        t.lacks(text, t.gateway.order(order)["openid"], "log")
    elif what == "a whole XML":
        t.lacks(text, "<xml>", "log")
        t.lacks(text, "<out_trade_no>", "log")
    else:
        sig = h5.link_sig({"order": order, "total_fee": "1", "body": "茶"})
        t.lacks(text, sig, "log")


@test("an error page names the request id that stands in the log")
def _(t):
    s = t.own_site()
    r = s.get("checkout", "item=%zz")
    t.page(r, 400, "bad-request")
    words = set(re.findall(r"[0-9A-Za-z-]{6,}", r.visible))
    line = s.log()[-1]
    ids = re.findall(r"\b(?:rid|request|req|id)=(\S+)", line)
    t.ok(ids and ids[0] in words, f"{ids} is on the page: {r.visible!r}")


@table("the request id of a {0} page stands in the log", [
    "not-found", "bad-link", "gateway-error", "not-allowed", "too-large"])
def _(t, page):
    s = t.own_site()
    order = t.id()
    if page == "not-found":
        r = s.get("checkout", "item=coffee")
    elif page == "bad-link":
        r = s.get("checkout", s.link(order) + "0")
    elif page == "gateway-error":
        form = s.get("checkout", s.link(order)).form("checkout").fields
        t.gateway.fault("unifiedorder", "unsigned", order=order)
        r = s.post("checkout", form)
    elif page == "not-allowed":
        r = s.cgi("checkout", "PUT")
    else:
        r = s.post("checkout", b"x" * 20000)
    t.eq(r.page, page, "page")
    words = set(re.findall(r"[0-9A-Za-z-]{6,}", r.visible))
    ids = set(re.findall(r"\b(?:rid|request|req|id)=(\S+)",
                         "\n".join(s.log())))
    t.ok(ids & words, f"one of {ids} is on the page: {r.visible!r}")


@test("what a stranger sends cannot forge a log line")
def _(t):
    s = t.own_site()
    forged = "\nalert forged order=x"
    s.get("checkout", {"item": "tea", "x" + forged: "1"})
    s.get("checkout", {"item": "tea" + forged})
    s.get("return-page", {"order": "abcdefg", "t": "x" + forged})
    s.notify(("<v" + forged + ">").encode())
    s.notify(h5.notice("nobody" + forged, 5))
    s.notify(h5.notice("nobodys-1", 5, transaction_id="x" + forged))
    s.get("checkout", "item=tea", headers={"User-Agent": "x" + forged},
          env={"REMOTE_ADDR": "1.2.3.4" + forged})
    for line in s.log():
        t.no(re.match(r"\S*\s*alert forged", line) or line.startswith(
            "alert forged"), f"a forged line {line!r}")


@test("without log.file the log goes to stderr")
def _(t):
    s = t.own_site({"log.file": None})
    r = s.get("checkout", "item=%zz")
    t.ok(LEVEL.search(r.stderr), f"stderr: {r.stderr!r}")


@test("a log file may be moved away at any time")
def _(t):
    w = t.own_web()
    w.get("checkout", "item=%zz")
    w.log_file.rename(w.folder / "log.1")
    w.get("checkout", "item=%zz")
    t.ok(w.log(), "a new log")


@test("a log that cannot be written stops nobody")
def _(t):
    s = t.own_site({"log.file": "/proc/nowhere/log"})
    r = s.get("checkout", "item=%zz")
    t.page(r, 400, "bad-request")
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))


@test("a disputed payment is an alert, a merchant's fault too")
def _(t):
    s = t.own_site()
    order, _ = busy(t, s)
    alerts = [x for x in s.log() if re.search(r"\balert ", x)]
    t.ok(any(order in x for x in alerts), f"alerts: {alerts}")
    t.ok(any("NOAUTH" in x for x in alerts), f"alerts: {alerts}")


# (in Python, as WeChat says it, as it stands in the log)
WORDS = [
    ("Chinese", "签名错误，请检查后再试", None),
    ("a bidirectional override", "签名\u202e错误", r"签名\xe2\x80\xae错误"),
    ("an isolate", "a\u2066b\u2069", r"a\xe2\x81\xa6b\xe2\x81\xa9"),
    ("a zero-width space", "a\u200bb", r"a\xe2\x80\x8bb"),
    ("a byte order mark inside", "a\u2060b", r"a\xe2\x81\xa0b"),
    ("a C1 control", "a\x9b31mb", r"a\xc2\x9b31mb"),
    ("a line end of Unicode", "a\u2028b", r"a\xe2\x80\xa8b"),
    ("a tag", "a\U000e0041b", r"a\xf3\xa0\x81\x81b"),
    ("a quote and a backslash", 'a"b\\c', r"a\x22b\x5cc"),
    ("an emoji", "茶\U0001f375", None),
]


@table("C7: the log shows WeChat's words readably: {0}", WORDS)
def _(t, _name, said, shown):
    s = t.own_site()
    order = t.id()
    t.gateway.fault("unifiedorder", "return-fail", order=order, value=said)
    s.order(order)
    (line,) = [x for x in s.log() if " wechat-call " in x and order in x]
    t.contains(line, f'why="WeChat refuses the call: {shown or said}"', "why")
    t.ok(line.isprintable(), f"nothing unseen: {line!r}")
    # And so does the command, to a person.
    t.gateway.fault("orderquery", "return-fail", order=order, value=said)
    code, _, err = s.h5pay("query", order)
    t.eq(code, 69, err)
    t.ok(err.rstrip("\n").isprintable(), f"nothing unseen: {err!r}")
    quiet = [("\\x22", '"'), ("\\x5c", "\\")]
    for escaped, c in quiet:
        shown = shown and shown.replace(escaped, c)
    t.contains(err, shown or said, "stderr")


@table("C7: {0} is cut between characters", [("茶",), ("a茶",), ("\U0001f375",)])
def _(t, char):
    s = t.own_site()
    order = t.id()
    t.gateway.fault("unifiedorder", "return-fail", order=order,
                    value=char * 120)
    s.order(order)
    (line,) = [x for x in s.log() if " wechat-call " in x and order in x]
    t.lacks(line, "\\x", "half a character")

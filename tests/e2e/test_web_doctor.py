"""The doctor's page: there only while doctor.enable lies in the store, fresh
and ours; in two languages; telling no secret; asking WeChat now and then."""

import html
import json
import os
import re
import time

import h5
from case import table, test

FINDINGS = re.compile(r'<span class="gloss">(\S+) · ([^<]*)</span>([^<]*)')
# The words of the two pages for PASS, WARN and FAIL.
VERDICTS = {"en": ("PASS", "WARN", "FAIL"), "zh-CN": ("正常", "提醒", "错误")}


def enable(site):
    """What the merchant does by FTP."""
    path = site.store / "doctor.enable"
    path.touch()
    if site.user:
        os.chown(path, site.store.stat().st_uid, site.store.stat().st_gid)
    return path


def ready(t, *args, **kw):
    """A shop with an order and a sweep behind it, and the file in place."""
    s = t.own_web(*args, **kw)
    s.ready(t.id())
    s.h5pay("sweep")
    enable(s)
    return s


def doctor(s, method="GET", lang="en", **kw):
    return h5.Site.cgi(s, "doctor", method, f"lang={lang}",
                       body={} if method == "POST" else None, **kw)


def closed(t, s, **kw):
    """The page is as one that does not exist."""
    for method in ("GET", "POST", "HEAD"):
        r = doctor(s, method, **kw)
        t.eq(r.status, 404, f"{method}: {r}")
        if method != "HEAD":
            t.page(r, 404, "not-found")
        else:
            t.eq(r.body, b"", "body of HEAD")


def findings(r):
    return [tuple(map(html.unescape, f)) for f in FINDINGS.findall(r.text)]


@test("without doctor.enable the doctor is not there")
def _(t):
    s = t.own_site()
    closed(t, s)
    t.no(s.store.exists(), "a store made by looking")
    s.ready(t.id())
    closed(t, s)
    t.ok([x for x in s.log() if "doctor-closed" in x], "the log says why")


@test("the doctor's 404 is the one of everything unknown")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    mine = doctor(s)
    other = s.get("query", "lang=en")
    rid = r"[0-9a-f]{16}"
    t.eq(re.sub(rid, "", mine.text), re.sub(rid, "", other.text), "the page")
    t.eq(mine.headers, other.headers, "the headers")


@table("a doctor.enable that {0} opens nothing", [
    ("was last changed 61 minutes ago",
     lambda p: os.utime(p, (time.time() - 3660,) * 2)),
    ("claims to come from the future",
     lambda p: os.utime(p, (time.time() + 7200,) * 2)),
    ("is a symbolic link", lambda p: (
        p.rename(p.with_name("elsewhere")), p.symlink_to("elsewhere"))),
    ("is a folder", lambda p: (p.unlink(), p.mkdir())),
    ("is a pipe", lambda p: (p.unlink(), os.mkfifo(p))),
    ("has a second name",
     lambda p: os.link(p, p.parent.parent / "second")),
    ("is somebody else's", lambda p: os.chown(p, 65534, 65534)
     if os.geteuid() == 0 else p.unlink()),
])
def _(t, name, change):
    s = t.own_site()
    s.ready(t.id())
    path = enable(s)
    t.page(doctor(s), 200, "doctor")
    change(path)
    closed(t, s)


@test("an old doctor.enable is not made fresh by its date")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    path = enable(s)
    at = time.time() + 3660
    os.utime(path, (at, at))
    # An hour later the date that can be set says "now", the other does not.
    closed(t, s, prefix=["faketime", "-f", "+61m"], env={"NO_FAKE_STAT": "1"})


@test("a doctor.enable in a store that others may write into opens nothing")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    enable(s)
    s.store.chmod(0o777)
    closed(t, s)


@table("the doctor finds a good shop good, in {0}", [
    ("zh-CN", "可以收款", "原样填写以下内容"),
    ("en", "Payments can work", "enter exactly:")])
def _(t, lang, heading, domain):
    passed, warned, _ = VERDICTS[lang]
    s = ready(t)
    order = s.h5pay("list")[1]
    r = doctor(s, lang=lang)
    t.page(r, 200, "doctor")
    t.eq(r.dom.lang, lang, "language")
    t.eq(findings(r), [], "faults of this machine")
    t.contains(r.visible, domain, "the domain")
    t.contains(r.visible,
               "商户平台 → 产品中心 → 开发配置 → H5支付域名", "where to enter it")
    t.contains(r.text, "<code>127.0.0.1</code>", "the domain")
    r = doctor(s, "POST", lang)
    t.page(r, 200, "doctor")
    t.contains(r.visible, heading, "heading")
    # What a shop on one machine cannot be: public, and at the real WeChat.
    t.eq([f[0] for f in findings(r)], [warned, warned], f"{findings(r)}")
    t.contains(r.visible, f"{passed} × 19", "what is in order")
    t.eq(s.h5pay("list")[1], order, "the orders")
    t.eq([x for x in s.log() if x.startswith(("alert", "error"))], [], "log")


@test("the doctor's button posts, and looking asks WeChat nothing")
def _(t):
    g = t.own_gateway()
    s = ready(t, gateway=g)
    before = len(g.calls())
    r = doctor(s)
    t.eq(len(g.calls()), before, "calls at the gateway")
    (form,) = r.forms
    t.eq((form.method, form.action), ("post", "?lang=en"), "the form")
    doctor(s, "POST")
    t.eq([c["api"] for c in g.calls()[before:] if "api" in c],
         ["orderquery"], "calls at the gateway")


@test("the doctor asks WeChat once in half a minute")
def _(t):
    g = t.own_gateway()
    s = ready(t, gateway=g)
    t.page(doctor(s, "POST"), 200, "doctor")
    before = len(g.calls())
    r = doctor(s, "POST")
    t.page(r, 429, "doctor")
    t.ok(0 < int(r.header("Retry-After")) <= 30, f"{r.headers}")
    t.contains(r.visible, "Please wait", "the page")
    t.eq(len(g.calls()), before, "calls at the gateway")
    later = {"prefix": ["faketime", "-f", "+31s"], "env": {"NO_FAKE_STAT": "1"}}
    t.page(doctor(s, "POST", **later), 200, "doctor")
    t.ok(len(g.calls()) > before, "calls half a minute later")
    t.page(doctor(s, "POST"), 200, "doctor")  # a clock that was set back


@test("two runs of the doctor's at once are one")
def _(t):
    g = t.own_gateway()
    s = ready(t, gateway=g)
    before = len(g.calls())
    runs = [doctor(s, "POST", wait=False) for _ in range(4)]
    replies = []
    for p in runs:
        replies.append(h5.split_cgi(p.stdout.read()))
        p.stdout.close()
        p.stderr.close()
        p.wait()
    t.eq(sorted(r.status for r in replies), [200, 429, 429, 429], "statuses")
    t.eq(len([c for c in g.calls()[before:]
              if c.get("api") == "orderquery"]), 1, "queries")


@test("another site's page cannot press the doctor's button")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    enable(s)
    r = doctor(s, "POST", headers={"Origin": "https://evil.example"})
    t.page(r, 403, "bad-origin")


@table("the doctor finds {0}", [
    ("a wrong key", {"merchant.api_key_file": None,
                     "merchant.api_key": "0" * 32},
     "APIv2 密钥", "not the APIv2 key of this mch_id"),
    ("a program that is not reached",
     {"site.base_url": "http://127.0.0.1:9/pay"}, "无法连接", "cannot be reached"),
    ("what the example left", {"site.name": "My Shop"}, "仍是示例值",
     "still has the value of the example"),
])
def _(t, name, change, zh, en):
    s = ready(t)
    s.configure(change)
    for lang, words in (("en", en), ("zh-CN", zh)):
        (s.store / "doctor.last").unlink(missing_ok=True)
        r = doctor(s, "POST", lang)
        t.page(r, 200, "doctor")
        bad = [f for f in findings(r) if f[0] == VERDICTS[lang][2]]
        t.ok(any(words in f[2] for f in bad), f"{words}: {findings(r)}")
        t.contains(r.visible, "处理办法：" if lang == "zh-CN" else "What to do:",
                   "remedy")


@test("the doctor answers while the configuration is full of faults")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    enable(s)
    s.configure({"site.lang": "fr", "orders.expire_minutes": "1"})
    (s.folder / "api.key").chmod(0o644)
    t.page(s.get("checkout", "item=tea"), 500, "error")
    for method in ("GET", "POST"):
        r = doctor(s, method)
        t.page(r, 200, "doctor")
        t.eq([f[1] for f in findings(r)], ["Configuration"] * 3, f"{r.text}")
        t.matches(r.visible, r"h5pay\.conf:\d+: ", "where")
        t.lacks(r.text, str(s.folder), "a path")
        t.eq(r.forms, [], "nothing to go on with")
    t.no((s.store / "doctor.last").exists(), "a turn that was taken")


@test("the doctor finds a configuration in the document root")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    enable(s)
    root = {"env": {"DOCUMENT_ROOT": str(s.folder)}}
    t.page(s.cgi("checkout", query="item=tea", **root), 500, "error")
    r = doctor(s, **root)
    t.page(r, 200, "doctor")
    t.ok(any(f[1] == "Document root" for f in findings(r)), f"{findings(r)}")


@test("without any configuration the doctor is not there")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    enable(s)
    s.conf_file.rename(s.folder / "h5pay.conf.old")
    closed(t, s)
    s.write("h5pay.conf", "[site]\nname = x\n")
    closed(t, s)


@test("the doctor tells no secret, no folder above, nothing of the business")
def _(t):
    token = "hook-token-of-the-shop"
    s = ready(t, {"hooks.webhook_url": "http://127.0.0.1:9/" + token,
                  "hooks.webhook_secret":
                  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    for _ in range(3):
        s.ready(t.id())
    for lang in ("en", "zh-CN"):
        (s.store / "doctor.last").unlink(missing_ok=True)
        r = doctor(s, "POST", lang)
        t.page(r, 200, "doctor")
        for secret in (*h5.KEYS.values(), token, str(s.folder), "4 orders",
                       "4 个订单", "MfKQ9r8"):
            t.lacks(r.text, secret, "the page")


@test("the doctor says that a secret is handed out, and not where")
def _(t):
    s = ready(t)
    key = s.docroot / "api.key"
    key.write_text(h5.API_KEY)
    key.chmod(0o600)
    s.configure({"merchant.api_key_file": key})
    r = doctor(s, "POST")
    t.contains(r.visible, "everybody can read a secret", "the finding")
    t.lacks(r.text, s.origin + "/api.key", "where")


@test("the command and the store let the doctor's files lie")
def _(t):
    s = ready(t)
    doctor(s, "POST")
    t.ok((s.store / "doctor.last").exists(), "doctor.last")
    code, out, err = s.h5pay("fsck")
    t.eq(code, 0, f"fsck: {out}{err}")
    # A store that holds nothing else yet becomes one.
    new = t.own_site()
    new.store.mkdir(mode=0o700)
    enable(new)
    t.page(doctor(new), 200, "doctor")
    t.eq([p.name for p in new.store.iterdir()], ["doctor.enable"],
         "what looking made")
    new.ready(t.id())
    code, out, err = new.h5pay("--json", "fsck")
    t.eq(code, 0, f"fsck: {json.dumps(out)}{err}")

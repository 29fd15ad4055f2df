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
    t.contains(r.visible, f"{passed} × 20", "what is in order")
    t.eq(s.h5pay("list")[1], order, "the orders")
    t.eq([x for x in s.log() if x.startswith(("alert", "error"))], [], "log")


@table("the doctor's page names the places at WeChat for {0}", [
    ("h5", True, False), ("native", False, False), ("jsapi", False, True),
    ("h5 native jsapi", True, True)])
def _(t, products, domain, inside):
    s = ready(t)
    s.write("app.secret", h5.APP_SECRET + "\n")
    s.configure({"merchant.products": products,
                 "merchant.app_secret_file": s.folder / "app.secret",
                 "gateway.sns_url": s.conf["gateway.url"]})
    for method in "GET", "POST":
        r = doctor(s, method)
        t.page(r, 200, "doctor")
        for there, place in (
                (domain, "H5支付域名"), (inside, "JSAPI支付授权目录"),
                (inside, "网页授权域名")):
            t.eq(place in r.visible, there, f"{method} {place}")
        t.eq(f"<code>{s.conf['site.base_url']}/</code>" in r.text, inside,
             f"{method}: the directory")
        t.eq("AppSecret" in r.visible, inside and method == "POST",
             f"{method}: the secret")


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
        t.matches(r.visible, r"h5pay\.conf, line \d+: ", "where")
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


# --- in the merchant's words -------------------------------------------------

SHELL = re.compile(r"\b(chmod|chown|sudo|apt|openssl rand|sed -i|crontab|systemctl|"
                   r"timedatectl|SIGTERM|errno)\b")
SYSTEM = re.compile(r"No such file|Permission denied|Is a directory|"
                    r"Not a directory|\(os error")
REMEDY = re.compile(r"<details open>\s*<summary>(.*?)</summary>(.*?)</details>",
                    re.S)


def spoken(r):
    """[(found, remedy)] of what is not well, as the reader sees it."""
    text = lambda x: html.unescape(re.sub(r"<[^>]*>", "", x)).strip()
    return [(text(a), text(b)) for a, b in REMEDY.findall(r.text)]


def put(s, name, text, mode=0o600):
    s.write(name, text, mode)


FAULTS = [
    ("an unknown section", {"shop.name": "x"}, None),
    ("an unknown section that is like one", {"sites.name": "x"}, None),
    ("an unknown key", {"site.colour": "x"}, None),
    ("an unknown key that is like one", {"site.nam": "x"}, None),
    ("a key of another section", {"site.appid": "x"}, None),
    ("an empty value", {"site.name": " "}, None),
    ("a missing key", {"merchant.appid": None}, None),
    ("two ways to one value", {"merchant.api_key": "x" * 32}, None),
    ("half a pair", {"merchant.cert_file": "no.pem"}, None),
    ("an appid", {"merchant.appid": "8888"}, None),
    ("a merchant number", {"merchant.mch_id": "wx1"}, None),
    ("a language", {"site.lang": "fr"}, None),
    ("a kind of signature", {"merchant.sign_type": "SHA1"}, None),
    ("a handoff", {"site.handoff": "jump"}, None),
    ("a number", {"orders.expire_minutes": "1"}, None),
    ("a long name", {"site.name": "长" * 2000}, None),
    ("a suffix", {"site.program_suffix": ".f/g"}, None),
    ("a proxy", {"site.trusted_proxies": "cdn.example"}, None),
    ("an alias that is the site", {"site.aliases": "127.0.0.1"}, None),
    ("an alias with a path", {"site.aliases": "a.example/x"}, None),
    ("an origin with a path", {"site.return_origins": "https://a.example/x"},
     None),
    ("an address without https",
     {"hooks.webhook_url": "ftp://shop.example/"}, None),
    ("an address with a query", {"site.base_url": "https://a.example/?x"},
     None),
    ("an address with a user", {"site.base_url": "https://a@a.example/"}, None),
    ("an address with a blank", {"site.base_url": "https://a.example/a b"},
     None),
    ("an address in Chinese", {"site.base_url": "https://商店.例子/pay"}, None),
    ("a secret that is not there", {"merchant.api_key_file": "gone.key"}, None),
    ("a secret that is a folder", {"merchant.api_key_file": "."}, None),
    ("a secret that others can read", {},
     lambda s: (s.folder / "api.key").chmod(0o644)),
    ("a secret that its group can write", {},
     lambda s: (s.folder / "api.key").chmod(0o620)),
    ("a secret of another length", {}, lambda s: put(s, "api.key", "short\n")),
    ("a short secret of ours", {}, lambda s: put(s, "site.secret", "short\n")),
    ("a secret on two lines", {}, lambda s: put(s, "api.key", "a\nb\n")),
    ("a secret in UTF-16", {},
     lambda s: put(s, "api.key", ("x" * 32).encode("utf-16"))),
    ("a webhook's secret", {"hooks.webhook_url": "https://a.example/",
                            "hooks.webhook_secret": "whsec_x"}, None),
    ("a hook that is not there", {"hooks.exec": "hook"}, None),
    ("a hook that cannot be run", {"hooks.exec": "hook"},
     lambda s: put(s, "hook", "#!/bin/sh\n")),
    ("a hook with DOS line ends", {"hooks.exec": "hook"},
     lambda s: put(s, "hook", "#!/bin/sh\r\n", 0o700)),
    ("a hook with a byte order mark", {"hooks.exec": "hook"},
     lambda s: put(s, "hook", "\ufeff#!/bin/sh\n", 0o700)),
    ("a hook without its interpreter", {"hooks.exec": "hook"},
     lambda s: put(s, "hook", "#!/no/php\n", 0o700)),
    ("a command that is not there", {"server.command": "bin/h5pay"}, None),
    ("a configuration that others can read, with a secret",
     {"merchant.api_key": "x" * 32, "merchant.api_key_file": None},
     lambda s: s.conf_file.chmod(0o644)),
    ("a line without =", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf) + "what\n")),
    ("a line twice", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf) + "[site]\nlang = en\n"
        "lang = en\n")),
    ("a section that is not closed", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf) + "[site\n")),
    ("a section with more behind it", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf) + "[site] x\n")),
    ("a key without a name", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf) + "= x\n")),
    ("a file in GBK", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf).encode("gbk"))),
    ("a control byte", {}, lambda s: put(
        s, "h5pay.conf", h5.conf_text(s.conf) + "[pages]\nfoot = \x01\n")),
    ("a catalogue that is not there", {"catalogue.file": "goods.ini"}, None),
    ("an item without a title", {},
     lambda s: put(s, "catalogue.ini", "[tea]\nprice = 1\n")),
    ("an item without a price", {},
     lambda s: put(s, "catalogue.ini", "[tea]\ntitle = 茶\n")),
    ("an item with two prices", {}, lambda s: put(
        s, "catalogue.ini", "[tea]\ntitle = 茶\nprice = 1\nmin_price = 1\n"
        "max_price = 2\n")),
    ("an item with an odd price", {}, lambda s: put(
        s, "catalogue.ini", "[tea]\ntitle = 茶\nprice = 1.234\n")),
    ("an item twice", {}, lambda s: put(
        s, "catalogue.ini", "[tea]\ntitle = 茶\nprice = 1\n[tea]\n"
        "title = 茶\nprice = 1\n")),
    ("an item with an unknown key", {}, lambda s: put(
        s, "catalogue.ini", "[tea]\ntitle = 茶\nprize = 1\nprice = 1\n")),
    ("a catalogue that is cut off", {}, lambda s: put(
        s, "catalogue.ini", "[tea]\ntitle = 茶\nprice = 1")),
    ("templates that are not there", {"pages.templates": "own"}, None),
    ("a template with open braces", {"pages.templates": "own"}, lambda s: (
        (s.folder / "own").mkdir(),
        put(s, "own/paid.html", "{{#open}} no end\n"))),
    ("a template that names nothing", {"pages.templates": "own"}, lambda s: (
        (s.folder / "own").mkdir(),
        put(s, "own/paid.html", "{{> nothing}}\n"))),
    ("a message without =", {"pages.templates": "own"}, lambda s: (
        (s.folder / "own").mkdir(), put(s, "own/messages.en", "word\n"))),
]


@table("the doctor tells a merchant without a shell of {0}", FAULTS)
def _(t, _name, conf, spoil):
    s = t.own_site()
    s.ready(t.id())
    enable(s)
    s.configure(conf)
    if spoil:
        spoil(s)
    told = {}
    for lang in ("zh-CN", "en"):
        r = doctor(s, lang=lang)
        t.page(r, 200, "doctor")
        told[lang] = spoken(r)
        t.ok(told[lang], f"a finding: {r.visible}")
        for found, remedy in told[lang]:
            both = f"{found} | {remedy}"
            t.no(SHELL.search(both), f"a word of a shell: {both}")
            t.no(SYSTEM.search(both), f"a word of the system: {both}")
            t.ok(len(found.split(" · ", 1)[1]) > 8, f"what is found: {both}")
            t.ok(remedy, f"a remedy: {both}")
            if lang == "zh-CN":
                t.no(re.search(r"[A-Za-z]+ [a-z]+ [a-z]+", both),
                     f"English for a Chinese reader: {both}")
            else:
                t.no(re.search(r"[\u4e00-\u9fff]", found.replace("商店", "")
                               .replace("例子", "")), f"Chinese: {both}")
    t.eq(len(told["en"]), len(told["zh-CN"]), f"findings: {told}")
    # What is to be done is not the same for each of two faults.
    t.lacks(" ".join(x[1] for x in told["zh-CN"]), "h5pay.conf.example 中有每一项",
            "the remedy for any fault")

"""h5pay doctor: a good shop passes, and each fault is named with what mends
it."""

import json
import os
import re
import shutil
import socket
import subprocess

import h5
import test_report
from case import table, test


def doctor(site, *args):
    """(exit status, findings); a finding is a dict of the JSON."""
    code, out, err = site.h5pay("--json", "doctor", *args)
    got = json.loads(out)
    if got["ok"] != (code == 0):
        raise AssertionError(f"ok is {got['ok']}, exit {code}")
    return code, got["checks"]


def swept(t, site):
    """The site, with an order and a sweep behind it; the order."""
    order = t.id()
    site.ready(order)
    site.h5pay("sweep")
    return order


def of(checks, name, result=None):
    return [c for c in checks if c["check"] == name
            and (result is None or c["result"] == result)]


def fails(t, site, check, found, remedy, result="fail", args=()):
    """doctor names this finding, with this remedy."""
    code, checks = doctor(site, *args)
    got = of(checks, check, result)
    t.ok(got, f"a {result} of {check}: {checks}")
    text = "\n".join(f"{c['found']} | {c['remedy']}" for c in got)
    t.matches(text, found, f"what {check} found")
    t.matches(text, remedy, f"what mends {check}")
    t.eq(code, 1 if result == "fail" else code, "exit status")
    return checks


# --- good -------------------------------------------------------------------


@table("doctor passes a good shop by {0}", ["fastcgi", "cgi"])
def _(t, mode):
    s = t.own_web(mode=mode)
    swept(t, s)
    code, checks = doctor(s)
    # Other tests' programs run on this machine, too.
    checks = [c for c in checks if c["check"] != "processes"
              or c["result"] == "pass"]
    bad = [c for c in checks if c["result"] != "pass"]
    # What a shop on one machine cannot be: public, and at the real WeChat.
    t.eq([(c["check"], c["result"]) for c in bad],
         [("gateway", "warn"), ("https", "warn")], f"not passed: {bad}")
    t.eq(code, 0, "exit status")
    t.eq({c["check"] for c in checks} - {"processes"}, {
        "configuration", "placeholders", "modes", "store",
        "space", "sweep", "hooks", "command", "certificate", "gateway", "clock",
        "ids-and-key", "api-v3", "https", "domain", "checkout", "headers",
        "return-page", "query", "notify", "buyers", "document-root"},
        "the checks")
    t.contains(of(checks, "domain")[0]["found"],
               "enter exactly 127.0.0.1 at 商户平台", "domain")
    t.eq([c["remedy"] for c in checks if c["result"] == "pass"],
         [None] * (len(checks) - 2), "remedies of what passed")


@test("doctor changes nothing: no order, no alert in the log")
def _(t):
    s = t.own_web()
    order = swept(t, s)
    before = s.show(order)
    doctor(s)
    t.eq(s.show(order), before, "the order")
    code, out, err = s.h5pay("list")
    t.eq(len(out.splitlines()), 1, "orders")
    t.eq([x for x in s.log() if x.startswith(("alert", "error"))], [], "log")


@test("doctor --offline sends nothing")
def _(t):
    g = t.own_gateway()
    s = t.own_web(gateway=g)
    swept(t, s)
    before = len(g.calls())
    code, checks = doctor(s, "--offline")
    t.eq(code, 0, f"exit status, {checks}")
    t.eq(len(g.calls()), before, "calls at the gateway")
    t.eq(of(checks, "checkout") + of(checks, "gateway"), [], "checks")


@test("doctor prints one line a finding; --quiet only what is wrong")
def _(t):
    s = t.own_web()
    swept(t, s)
    code, out, err = s.h5pay("doctor")
    t.eq(code, 0, f"exit status, {out}")
    out = "".join(x + "\n" for x in out.splitlines()
                  if not x.startswith("WARN\tprocesses"))
    for line in out.splitlines():
        cells = line.split("\t")
        t.eq(len(cells), 4, line)
        t.ok(cells[0] in ("PASS", "WARN", "FAIL"), line)
        t.eq(cells[3] == "-", cells[0] == "PASS", line)
    t.matches(err, r"^\d+ pass, \d warn, 0 fail$", "stderr")
    code, out, err = s.h5pay("--quiet", "doctor")
    t.eq([x.split("\t")[1] for x in out.splitlines()
          if "processes" not in x], ["gateway", "https"], out)
    t.eq((code, err), (0, ""), "exit status and stderr")


@test("doctor says nothing secret")
def _(t):
    s = t.own_web()
    code, out, err = s.h5pay("doctor")
    for secret in h5.KEYS.values():
        t.lacks(out + err, secret, "the output")


@test("doctor with a further word is a usage fault")
def _(t):
    code, out, err = t.site.h5pay("doctor", "--dance")
    t.eq((code, out), (64, ""), "exit status and stdout")


# --- this machine -----------------------------------------------------------


@test("doctor reports every fault of the configuration")
def _(t):
    s = t.own_site({"site.lang": "fr", "orders.expire_minutes": "1"})
    code, checks = doctor(s, "--offline")
    t.eq((code, len(checks)), (1, 2), f"exit status and findings: {checks}")
    t.eq({(c["check"], c["result"]) for c in checks},
         {("configuration", "fail")}, "findings")
    t.matches(checks[0]["found"], r"h5pay\.conf:\d+: ", "where")


@test("doctor without a configuration says where it looked")
def _(t):
    s = t.own_site()
    code, out, err = s.h5pay("-c", "/nowhere/h5pay.conf", "doctor", conf=False)
    t.eq(code, 1, f"exit status, {err}")
    t.contains(out, "/nowhere/h5pay.conf", "the finding")


@table("doctor finds the example's {0}", [
    ("appid", {"merchant.appid": "wx0000000000000000"}, "merchant.appid"),
    ("mch_id", {"merchant.mch_id": "0000000000"}, "merchant.mch_id"),
    ("name", {"site.name": "My Shop"}, "site.name"),
    ("base_url", {"site.base_url": "https://shop.example/cgi-bin"},
     "site.base_url"),
    ("api_key", {"merchant.api_key_file": None,
                 "merchant.api_key": "32-bytes-from-pay.weixin.qq.com-"},
     "merchant.api_key"),
    ("secret", {"site.secret_file": None,
                "site.secret": "at-least-32-bytes-of-random-text"},
     "site.secret"),
])
def _(t, name, change, key):
    s = t.own_site(change)
    fails(t, s, "placeholders",
          rf"^{re.escape(key)} still has the value of the example",
          "your own value", args=("--offline",))


@test("doctor warns of one key for two purposes")
def _(t):
    s = t.own_site()
    s.configure({"site.link_key_file": s.folder / "site.secret"})
    fails(t, s, "placeholders", "are the same", "openssl rand", "warn",
          ("--offline",))


@test("doctor finds a secret that others may read, and tells the chmod")
def _(t):
    s = t.own_site()
    (s.folder / "api.key").chmod(0o644)
    fails(t, s, "configuration", r"open to others: chmod o=",
          "correct", args=("--offline",))


@test("doctor finds a catalogue that everybody may write")
def _(t):
    s = t.own_site()
    (s.folder / "catalogue.ini").chmod(0o666)
    fails(t, s, "modes", "everybody can write to .*catalogue.ini",
          r"chmod go-w .*catalogue.ini", args=("--offline",))


@test("doctor finds a folder that is open to others and no store of ours")
def _(t):
    s = t.own_site()
    s.store.mkdir()
    (s.store / "index.html").write_text("a site")
    s.store.chmod(0o755)
    fails(t, s, "store", "cannot hold a store", "chmod 700",
          args=("--offline",))


@test("B9: doctor knows our own error pages, and does not blame the host")
def _(t):
    s = t.own_web()
    s.ready(t.id())
    shutil.rmtree(s.store)
    s.store.mkdir()
    (s.store / "index.html").write_text("a site")
    code, checks = doctor(s)
    for program in ("return-page", "query"):
        (c,) = of(checks, program)
        t.eq(c["result"], "fail", program)
        t.contains(c["found"], "is our program", "found")
        t.contains(c["found"], "store-error", "found")
        t.contains(c["remedy"], "the host is not at fault", "remedy")
    t.eq(code, 1, "exit status")


@test("doctor warns of a store that is not there, and does not make it")
def _(t):
    s = t.own_site()
    fails(t, s, "store", "does not exist yet", "run doctor again", "warn",
          ("--offline",))
    doctor(s)
    t.no(s.store.exists(), "the store")


@test("doctor warns when no sweep was seen")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    fails(t, s, "sweep", "none has run yet",
          r"\* \* \* \* \* h5pay sweep", "warn",
          ("--offline",))


@test("doctor warns when the last sweep is long ago")
def _(t):
    s = t.own_site()
    swept(t, s)
    code, out, err = s.h5pay("--json", "doctor", "--offline",
                             prefix=["faketime", "-f", "+11m"])
    (got,) = of(json.loads(out)["checks"], "sweep")
    t.eq(got["result"], "warn", got)
    t.contains(got["found"], "ended at", "found")


@test("doctor warns of a store below public_html")
def _(t):
    s = t.own_site()
    folder = s.folder / "public_html"
    folder.mkdir()
    s.configure({"store.dir": folder / "orders"})
    s.ready(t.id())
    fails(t, s, "document-root", "below a folder called public_html",
          "move it", "warn", ("--offline",))


@test("doctor finds a hook that cannot be run")
def _(t):
    s = t.own_site()
    hook = s.write("hook", "#!/bin/sh\nexit 0\n", 0o755)
    s.configure({"hooks.exec": hook})
    code, checks = doctor(s, "--offline")
    t.eq(of(checks, "hooks")[0]["result"], "pass", "a good hook")
    hook.unlink()
    code, checks = doctor(s, "--offline")
    t.eq(code, 1, f"exit status, {checks}")


@test("doctor finds a server.command that is not there")
def _(t):
    s = t.own_site({"server.command": "/nowhere/h5pay"})
    code, checks = doctor(s, "--offline")
    t.eq(code, 1, f"exit status, {checks}")
    t.contains(json.dumps(checks), "/nowhere/h5pay", "the finding")


@test("doctor warns of a program that was replaced and still runs")
def _(t):
    s = t.own_site()
    folder = s.folder / "old"
    folder.mkdir()
    program = folder / "checkout"
    program.write_bytes(open("/bin/sleep", "rb").read())
    program.chmod(0o755)
    p = t.mine(Process(s, [program, "60"]))
    t.until("it runs the program", lambda: os.readlink(
        f"/proc/{p.pid}/exe") == str(program))
    program.unlink()
    fails(t, s, "processes", f"process {p.pid} still runs an old checkout",
          "restart", "warn", ("--offline",))


@test("doctor leaves another shop's programs alone")
def _(t):
    s, other = t.own_site(), t.own_site()
    folder = s.folder / "old"
    folder.mkdir()
    program = folder / "checkout"
    program.write_bytes(open("/bin/sleep", "rb").read())
    program.chmod(0o755)
    p = t.mine(Process(other, [program, "60"]))
    t.until("it runs the program", lambda: os.readlink(
        f"/proc/{p.pid}/exe") == str(program))
    program.unlink()
    code, checks = doctor(s, "--offline")
    t.lacks(json.dumps(checks), f"process {p.pid} ", "the findings")


@test("doctor warns of a program that listens on TCP")
def _(t):
    s = t.own_site()
    folder = s.folder / "tcp"
    folder.mkdir()
    program = folder / "notify"
    program.write_bytes(open("/bin/sleep", "rb").read())
    program.chmod(0o755)
    sock = h5.listener()
    p = t.mine(Process(s, [program, "60"], stdin=sock))
    sock.close()
    t.until("it runs the program", lambda: os.readlink(
        f"/proc/{p.pid}/exe") == str(program))
    fails(t, s, "processes", rf"process {p.pid} \(notify\) listens on TCP",
          "CVE-2025-23016", "warn", ("--offline",))


@table("doctor {0} a socket that {1}", [
    ("warns of", "every account may write to", 0o666, 0o755),
    ("is content with", "lies in a closed folder", 0o666, 0o700),
    ("is content with", "others may not write to", 0o660, 0o755)])
def _(t, verdict, why, mode, folder_mode):
    s = t.own_site()
    s.folder.chmod(0o755)
    folder = s.folder / "run"
    folder.mkdir()
    program = folder / "notify"
    program.write_bytes(open("/bin/sleep", "rb").read())
    program.chmod(0o755)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(folder / "sock"))
    sock.listen(1)
    (folder / "sock").chmod(mode)
    folder.chmod(folder_mode)
    p = t.mine(Process(s, [program, "60"], stdin=sock))
    sock.close()
    t.until("it runs the program", lambda: os.readlink(
        f"/proc/{p.pid}/exe") == str(program))
    if verdict == "warns of":
        fails(t, s, "processes", rf"the socket of process {p.pid} \(notify\)",
              "chmod 660", "warn", ("--offline",))
        return
    code, checks = doctor(s, "--offline")
    t.lacks(json.dumps(checks), f"process {p.pid}", "the findings")


class Process:
    """A program of this site's, as far as doctor can tell."""

    def __init__(self, site, args, **kw):
        env = {"H5PAY_CONF": str(site.conf_file)}
        self.process = h5.spawn(args, env=env, **kw)
        self.pid = self.process.pid

    def close(self):
        self.process.kill()
        self.process.wait()


# --- WeChat -----------------------------------------------------------------


@test("doctor finds a wrong key")
def _(t):
    s = t.own_site(keys={**h5.KEYS, "api.key": "0" * 32})
    fails(t, s, "ids-and-key", "not the APIv2 key of this mch_id.*签名错误",
          "APIv2 key")
    t.eq([x for x in s.log() if x.startswith("alert")], [], "log")


@table("doctor finds a wrong {0}", [
    ("mch_id", {"merchant.mch_id": "1999999999"},
     "this merchant number does not exist",
     "mch_id"),
    ("appid", {"merchant.appid": "wx9999999999999999"},
     "appid is not bound to mch_id", "bind them"),
])
def _(t, name, change, found, remedy):
    s = t.own_site(change)
    fails(t, s, "ids-and-key", found, remedy)


@test("doctor finds that H5 payment is not opened")
def _(t):
    g = t.own_gateway()
    g.fault("orderquery", "result-fail", name="NOAUTH",
            value="商户号该产品权限未开通")
    s = t.own_site(gateway=g)
    fails(t, s, "ids-and-key", "not opened for this mch_id", "product centre")


@test("doctor finds an answer that another key signed")
def _(t):
    g = t.own_gateway()
    g.fault("orderquery", "wrong-sign")
    s = t.own_site(gateway=g)
    fails(t, s, "ids-and-key", "signed with another key", "gateway.url")


@table("doctor and a clock that is {0} s off: {1}", [
    (30, "pass"), (-30, "pass"), (100, "warn"), (-100, "warn"), (400, "fail"),
    (-400, "fail")])
def _(t, seconds, result):
    g = t.own_gateway()
    g.advance(seconds)
    s = t.own_site(gateway=g)
    code, checks = doctor(s)
    (clock,) = of(checks, "clock")
    t.eq(clock["result"], result, clock)
    t.contains(clock["found"], "behind" if seconds > 0 else "ahead", "found")
    if result != "pass":
        t.contains(clock["remedy"], "clock", "remedy")


@test("doctor finds a gateway that is not there")
def _(t):
    s = h5.Site(t.build)
    t.mine(s)
    checks = fails(t, s, "gateway", "cannot be reached", "firewall")
    t.eq(of(checks, "ids-and-key")[0]["result"], "fail", "ids-and-key")
    t.contains(of(checks, "ids-and-key")[0]["found"], "not proven", "found")


# --- what stands at WeChat ---------------------------------------------------


def inside(t, conf=None, secret=h5.APP_SECRET, **kw):
    """A site of a merchant who has every product."""
    s = t.own_site({}, **kw)
    s.write("app.secret", secret + "\n")
    s.configure({"merchant.products": "h5 native jsapi",
                 "merchant.app_secret_file": s.folder / "app.secret",
                 "gateway.sns_url": s.conf["gateway.url"], **(conf or {})})
    return s


@table("doctor names the places at WeChat for {0}", [
    ("h5", ["domain"]), ("native", []), ("h5 native", ["domain"]),
    ("jsapi", ["oauth-domain", "pay-directory"]),
    ("native jsapi", ["oauth-domain", "pay-directory"]),
    ("h5 jsapi", ["domain", "oauth-domain", "pay-directory"]),
    ("h5 native jsapi", ["domain", "oauth-domain", "pay-directory"])])
def _(t, products, places):
    s = inside(t, {"merchant.products": products,
                   "site.base_url": "https://pay.example.com/cgi-bin/H5"})
    code, checks = doctor(s, "--offline")
    there = [c for c in checks if c["check"] in (
        "domain", "oauth-domain", "pay-directory")]
    t.eq(sorted(c["check"] for c in there), places, "the places")
    t.eq({c["result"] for c in there} - {"pass"}, set(), there)
    for c in there:
        t.contains(c["found"], "enter exactly " + (
            "https://pay.example.com/cgi-bin/H5/ "
            if c["check"] == "pay-directory" else "pay.example.com "), c)


@table("Q26 Q34 Q35 doctor and base_url {0}", [
    ("https://pay.example.com", "pass", "pay.example.com ",
     "https://pay.example.com/ "),
    ("https://pay.example.com/", "pass", "pay.example.com ",
     "https://pay.example.com/ "),
    ("https://www.pay.example.com:443/a/b/", "pass", "www.pay.example.com ",
     "https://www.pay.example.com/a/b/ "),
    ("https://PAY.example.com/A", "pass", "pay.example.com ",
     "https://pay.example.com/A/ "),
    ("https://pay.example.com:8443/a", "warn", "only pay.example.com",
     "https://pay.example.com:8443/a/ "),
    ("https://203.0.113.9/a", "warn", "203.0.113.9 is an address",
     "https://203.0.113.9/a/ "),
    ("https://[2001:db8::9]:8443/a", "warn", "[2001:db8::9] is an address",
     "https://[2001:db8::9]:8443/a/ ")])
def _(t, base, result, host, directory):
    s = inside(t, {"site.base_url": base})
    code, checks = doctor(s, "--offline")
    (oauth,) = of(checks, "oauth-domain")
    t.eq(oauth["result"], result, oauth)
    t.contains(oauth["found"], host, "the host")
    t.eq(oauth["remedy"] is None, result == "pass", oauth)
    (folder,) = of(checks, "pay-directory")
    t.contains(folder["found"], "enter exactly " + directory, "the directory")


@test("doctor proves the AppSecret without an order")
def _(t):
    g = t.own_gateway()
    s = inside(t, gateway=g)
    code, checks = doctor(s)
    (got,) = of(checks, "app-secret")
    t.eq(got["result"], "pass", got)
    t.eq(len(g.calls("access_token")), 1, "exchanges")
    t.eq(g.calls("unifiedorder"), [], "orders at WeChat")
    t.eq([x for x in s.log() if x.startswith(("alert", "error"))], [], "log")
    t.lacks(json.dumps(checks), h5.APP_SECRET, "the findings")


@test("doctor asks for no AppSecret where JSAPI is not sold")
def _(t):
    g = t.own_gateway()
    s = inside(t, {"merchant.products": "h5 native"}, gateway=g)
    code, checks = doctor(s)
    t.eq(of(checks, "app-secret"), [], "the finding")
    t.eq(g.calls("access_token"), [], "exchanges")


@test("Q29 doctor finds a wrong AppSecret, and says neither")
def _(t):
    wrong = "f" * 32
    s = inside(t, secret=wrong)
    checks = fails(t, s, "app-secret", "rejects the AppSecret.*40125",
                   "merchant.app_secret_file")
    t.lacks(json.dumps(checks), wrong, "the findings")


@table("Q29 doctor and an exchange that answers {0}", [
    (40125, "fail", "merchant.app_secret_file"),
    (40013, "fail", "merchant.appid"),
    (41004, "fail", "merchant.app_secret_file"),
    (40164, "fail", "IP list"),
    (45011, "warn", "again"), (40163, "warn", "again"),
    (40029, "pass", None)])
def _(t, errcode, result, remedy):
    g = t.own_gateway()
    g.fault("access_token", "errcode", n=errcode)
    code, checks = doctor(inside(t, gateway=g))
    (got,) = of(checks, "app-secret")
    t.eq(got["result"], result, got)
    if remedy:
        t.contains(got["remedy"], remedy, "what to do")
        t.contains(got["found"], str(errcode), "WeChat's words")


@table("doctor and an exchange that fails by {0}", [
    "html", "empty", "http-status", "cut-after", "huge"])
def _(t, kind):
    g = t.own_gateway()
    g.fault("access_token", kind)
    fails(t, inside(t, gateway=g), "app-secret", ".", "sns_url|reach")


@test("doctor finds a gateway.sns_url that is not there")
def _(t):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        s = inside(t, {"gateway.sns_url":
                       f"http://127.0.0.1:{closed.getsockname()[1]}"})
        fails(t, s, "app-secret", "cannot be reached", "reach")


# --- our own pages ----------------------------------------------------------


@table("doctor finds that the host {0}", [
    ("adds a Referrer-Policy", '"Referrer-Policy" => "no-referrer"',
     "Referrer-Policy: no-referrer", "site.handoff = page", "fail"),
    ("adds a Content-Security-Policy",
     '"Content-Security-Policy" => "default-src \'self\'"',
     "Content-Security-Policy: default-src", "block the way", "fail"),
    ("changes Cache-Control", '"Cache-Control" => "public, max-age=600"',
     "Cache-Control: public", "switch off the cache", "fail"),
    ("sets a cookie", '"Set-Cookie" => "spy=1"', "cookie", "who tracks",
     "warn"),
])
def _(t, name, header, found, remedy, result):
    s = t.own_web(extra=f"setenv.set-response-header = ( {header} )\n")
    fails(t, s, "headers", found, remedy, result)


@table("doctor {0} among a page's cookies", [
    ("takes our own", "h5c=1; Path=/", "pass"),
    ("finds a longer name", "h5c2=1", "warn"),
    ("finds another name with ours in it", "x=h5c=1", "warn"),
])
def _(t, name, cookie, result):
    s = t.own_web(extra="setenv.set-response-header = "
                  f'( "Set-Cookie" => "{cookie}" )\n')
    t.eq({c["result"] for c in of(doctor(s)[1], "headers")}, {result}, name)


@test("a Referrer-Policy of the host's is only a warning with handoff = page")
def _(t):
    s = t.own_web({"site.handoff": "page"}, extra=(
        'setenv.set-response-header = '
        '( "Referrer-Policy" => "no-referrer" )\n'))
    fails(t, s, "headers", "no-referrer", "handoff = page", "warn")


REDIRECT = """server.modules += ( "mod_redirect" )
$HTTP["url"] =~ "^/cgi-bin/{program}" {{
  url.redirect = ( "" => "/login" )
}}
"""


@test("doctor finds a redirect before notify")
def _(t):
    s = t.own_web(extra=REDIRECT.format(program="notify"))
    fails(t, s, "notify", "answered with 30[128].*redirect",
          "remove the redirect")


@test("doctor finds a redirect before checkout")
def _(t):
    s = t.own_web(extra=REDIRECT.format(program="checkout"))
    fails(t, s, "checkout", "redirects to .*/login", "base_url")


@test("doctor finds a login before everything")
def _(t):
    s = t.own_web(extra='server.modules += ( "mod_access" )\n'
                  '$HTTP["url"] =~ "^/cgi-bin/" { url.access-deny = ( "" ) }\n')
    checks = fails(t, s, "notify", "answered with 403", "login")
    t.eq(of(checks, "checkout")[0]["result"], "fail", "checkout")


@test("doctor finds programs that have another key")
def _(t):
    s = t.own_web()
    s.ready(t.id())
    other = s.write("other.key", "f" * 32 + "\n")
    conf = s.write("other.conf", h5.conf_text(
        {**s.conf, "merchant.api_key_file": other}))
    code, out, err = s.h5pay("--json", "-c", conf, "doctor", conf=False)
    (got,) = of(json.loads(out)["checks"], "notify")
    t.eq(got["result"], "fail", got)
    t.contains(got["remedy"], "another key", "remedy")


@test("doctor finds a site that is not there")
def _(t):
    s = t.own_site({"site.base_url": "http://127.0.0.1:9/cgi-bin"})
    fails(t, s, "checkout", "cannot be reached", "firewall")


@test("doctor finds a store in the document root")
def _(t):
    s = t.own_web()
    s.stop()  # so that no program runs on with the good one
    s.configure({"store.dir": s.docroot / "shop" / "orders"})
    (s.docroot / "shop").mkdir()
    s.start()
    s.h5pay("list")
    checks = fails(t, s, "document-root", "can read the store: http",
                   "move store.dir")
    t.eq(of(checks, "checkout")[0]["result"], "fail", "checkout")


@test("doctor finds a configuration and a secret in the document root")
def _(t):
    s = t.own_web()
    s.ready(t.id())
    key = s.docroot / "api.key"
    key.write_text(h5.API_KEY)
    key.chmod(0o600)
    conf = s.docroot / "h5pay.conf"
    conf.write_text(h5.conf_text({**s.conf, "merchant.api_key_file": key}))
    conf.chmod(0o600)
    code, out, err = s.h5pay("--json", "-c", conf, "doctor", conf=False)
    got = [c["found"] for c in of(json.loads(out)["checks"], "document-root")]
    t.eq(code, 1, "exit status")
    t.contains(" ".join(got), "can read the configuration", "found")
    t.contains(" ".join(got), "can read a secret", "found")
    t.lacks(out, h5.API_KEY, "the output")


@test("doctor finds a proxy's address among the buyers'")
def _(t):
    s = t.own_web()
    s.ready(t.id())
    s.configure({"site.trusted_proxies": "127.0.0.1"})
    fails(t, s, "buyers", "was given 127.0.0.1", "trusted_proxies")


@test("doctor warns of a proxy in front that is not trusted")
def _(t):
    s = t.own_web(
        extra='setenv.add-response-header = ( "Via" => "1.1 cdn" )\n')
    fails(t, s, "buyers", "there is a proxy in front", "trusted_proxies",
          "warn")


# --- as root, over TLS ------------------------------------------------------


@test("doctor as root looks with the eyes of the store's owner")
def _(t):
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user="nobody")
    s.ready(t.id())
    key = s.folder / "api.key"

    def found():
        p = subprocess.run(
            [s.command, "-c", s.conf_file, "--json", "doctor", "--offline"],
            capture_output=True, env={"PATH": os.environ["PATH"]})
        return p.returncode, json.loads(p.stdout)["checks"]

    code, checks = found()
    t.eq(code, 0, f"exit status, {checks}")
    uid = s.store.stat().st_uid
    t.contains(of(checks, "store")[0]["found"], f"uid {uid}", "the store")
    os.chown(key, 0, 0)
    code, checks = found()
    t.eq(code, 1, "exit status")
    (got,) = of(checks, "modes")
    t.contains(got["found"], f"uid {uid}, which owns the store, cannot read "
               f"{key}", "found")
    t.contains(got["remedy"], f"chown {uid} {key}", "remedy")


@test("doctor does not trust a certificate that nobody vouches for")
def _(t):
    place = t.own_site()
    key, cert = place.folder / "tls.key", place.folder / "tls.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    g = t.own_gateway(args=["--tls-cert", cert, "--tls-key", key])
    s = t.own_site(gateway=g)
    checks = fails(t, s, "gateway", "certificate|issuer", "ca_file")
    t.eq(of(checks, "ids-and-key")[0]["result"], "fail", "ids-and-key")
    s.configure({"gateway.ca_file": cert})
    code, checks = doctor(s)
    t.eq([c["result"] for c in of(checks, "ids-and-key")], ["pass"],
         f"once it is vouched for: {checks}")


@test("doctor warns of a backup host that is not there")
def _(t):
    s = t.own_site({"gateway.backup_url": "http://127.0.0.1:9"})
    checks = fails(t, s, "backup", "cannot be reached", "firewall", "warn")
    t.eq(of(checks, "ids-and-key")[0]["result"], "pass", "ids-and-key")


@test("doctor checks the certificate for refunds")
def _(t):
    s = t.own_site()
    for name in ("cert.pem", "key.pem"):
        s.write(name, "no PEM at all\n")
    s.configure({"merchant.cert_file": s.folder / "cert.pem",
                 "merchant.key_file": s.folder / "key.pem"})
    fails(t, s, "certificate", ".", "API security", args=("--offline",))


@table("doctor says of a certificate for refunds of {0} days: {1}", [
    (31, "pass"), (30, "warn"), (1, "warn")])
def _(t, days, result):
    s = t.own_site()
    test_report.certificate(s, days)
    code, checks = doctor(s, "--offline")
    (got,) = of(checks, "certificate")
    t.eq(got["result"], result, got)
    if result == "warn":
        t.contains(got["found"], f"in {days - 1} days", "found")
        t.contains(got["remedy"], "API security", "remedy")

"""Programs and configuration (interface sections 1 and 2)."""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile

import h5
import v3
from case import table, test


def check(site, program="notify", *args, env=None, conf=True):
    """PROGRAM -t: (exit status, stderr)."""
    e = {"PATH": os.environ["PATH"]}
    if conf:
        e["H5PAY_CONF"] = str(site.conf_file)
    p = site.popen([site.bin / program, "-t", *args], env={**e, **(env or {})})
    _, err = p.communicate(timeout=30)
    return p.returncode, err.decode()


def faults(text, site):
    """[(line, words)] of the lines "file:line: words"."""
    return [(int(n), words) for n, words in re.findall(
        rf"^{re.escape(str(site.conf_file))}:(\d+): (.+)$", text, re.M)]


def own_public_key(folder):
    """The merchant's own, in the form of WeChat's."""
    return subprocess.check_output(
        ["openssl", "pkey", "-pubout", "-in", folder / v3.MERCHANT_KEY.name])


def line_of(site, start):
    """The number of the configuration's line that starts so."""
    for n, line in enumerate(site.conf_file.read_text().splitlines(), 1):
        if line.startswith(start):
            return n
    raise KeyError(start)


@table("{0} -t says 0 to a good configuration", h5.PROGRAMS)
def _(t, program):
    code, err = check(t.site, program)
    t.eq(code, 0, f"exit status, {err!r}")


@table("{0} -V prints its version and threads", h5.PROGRAMS)
def _(t, program):
    p = t.site.popen([t.site.bin / program, "-V"], env={})
    out, err = p.communicate(timeout=30)
    t.eq(p.returncode, 0, "exit status")
    t.matches(out.decode(), r"\b\d+\.\d+\.\d+\b", "version")
    t.contains(out.decode(), "thread", "threads")


@table("{0} -t and check tell every fault of APIv3's files at once",
       ["notify", "checkout", "query"])
def _(t, program):
    folder = v3.keep(tempfile.mkdtemp(prefix="h5-v3-"))
    site = t.own_site(v3.conf(folder=folder))
    code, err = check(site, program)
    t.eq(code, 0, f"good: {err!r}")
    (folder / v3.PUBLIC_KEY.name).write_bytes(own_public_key(folder))
    (folder / v3.MERCHANT_CERT.name).write_bytes(
        v3.PLATFORM_CERT.read_bytes())
    want = [(line_of(site, "cert_file"), "merchant.cert_file: does not belong "
             "to merchant.key_file: take both from one download"),
            (line_of(site, "public_key_file"), "merchant.public_key_file: "
             "contains the merchant's own key: use WeChat Pay's "
             "(pub_key.pem), from the merchant platform, API security")]
    code, err = check(site, program)
    t.eq((code, faults(err, site)), (78, want), "-t")
    code, _, err = site.h5pay("check")
    t.eq(faults(err, site), want, f"check, status {code}")
    shutil.rmtree(folder)


@test("h5pay check says 0 to a good configuration")
def _(t):
    code, out, err = t.site.h5pay("check")
    t.eq(code, 0, f"exit status, {out!r} {err!r}")


BAD = [
    ("appid that is none", "merchant.appid", "wechat"),
    ("mch_id with letters", "merchant.mch_id", "12300001x9"),
    ("sign_type SHA1", "merchant.sign_type", "SHA1"),
    ("base_url with plain http", "site.base_url", "http://shop.example/cgi"),
    ("base_url that is no URL", "site.base_url", "shop.example/cgi-bin"),
    ("base_url with a query", "site.base_url", "https://shop.example/c?x=1"),
    ("gateway.url with plain http", "gateway.url", "http://shop.example"),
    ("gateway.url with a userinfo", "gateway.url", "https://a@shop.example"),
    ("cashier with plain http", "gateway.cashier", "http://shop.example/"),
    ("backup_url with plain http", "gateway.backup_url", "http://b.example"),
    ("lang fr", "site.lang", "fr"),
    ("handoff maybe", "site.handoff", "maybe"),
    ("trusted_proxies that are none", "site.trusted_proxies", "10.0.0.0/33"),
    ("trusted_proxies by name", "site.trusted_proxies", "proxy.example"),
    ("allowed_origins with a path", "site.allowed_origins",
     "https://shop.example/x"),
    ("expire_minutes 5", "orders.expire_minutes", "5"),
    ("expire_minutes 10081", "orders.expire_minutes", "10081"),
    ("expire_minutes 6.5", "orders.expire_minutes", "6.5"),
    ("expire_minutes -6", "orders.expire_minutes", "-6"),
    ("query_interval_s soon", "orders.query_interval_s", "soon"),
    ("timeout_ms empty", "gateway.timeout_ms", ""),
    ("threads 0", "server.threads", "0"),
    ("processes many", "server.processes", "many"),
    ("an over-long value", "site.contact", "x" * 4097),
    ("a relative hooks.exec that is not there", "hooks.exec", "no/such/hook"),
    ("webhook_url with plain http", "hooks.webhook_url", "http://s.example/h"),
    ("a ca_file that is not there", "gateway.ca_file", "/no/such/ca.pem"),
    ("a catalogue that is not there", "catalogue.file", "/no/such/file.ini"),
    ("a secret file that is not there", "site.secret_file", "/no/such/secret"),
]


@table("a configuration with {0} is refused by -t and check, with its line",
       BAD)
def _(t, name, key, value):
    s = t.own_site({key: value})
    # Two keys that mean the same would be a fault of their own.
    code, err = check(s)
    t.eq(code, 78, f"exit status of -t, {err!r}")
    line = line_of(s, key.split(".")[1] + " =")
    got = faults(err, s)
    if key == "catalogue.file":
        t.matches(err, r"(?m)^/no/such/file\.ini:1: ", "the catalogue's line")
    else:
        t.contains([n for n, _ in got], line, f"lines of {err!r}")
    code, out, err = s.h5pay("check")
    t.eq(code, 78, f"exit status of check, {err!r}")


@table("a configuration without {0} is refused", [
    "merchant.appid", "merchant.mch_id", "merchant.api_key_file",
    "site.base_url", "site.name", "site.secret_file", "store.dir"])
def _(t, key):
    s = t.own_site({key: None})
    code, err = check(s)
    t.eq(code, 78, f"exit status, {err!r}")
    t.contains(err, key.split(".")[1].replace("_file", ""), "the message")


@table("a {0} is refused", [
    ("short API key", "api.key", "short"),
    ("API key of 33 bytes", "api.key", "x" * 33),
    ("site secret of 31 bytes", "site.secret", "x" * 31),
    ("link key of 31 bytes", "link.key", "x" * 31),
])
def _(t, name, file, text):
    s = t.own_site()
    s.write(file, text + "\n")
    code, err = check(s)
    t.eq(code, 78, f"exit status, {err!r}")
    t.lacks(err, text + "\n", "the secret itself")


def with_text(t, text):
    s = t.own_site()
    s.write("h5pay.conf", h5.conf_text(s.conf) + text)
    return s


@table("{0} is a fault with its line", [
    ("an unknown section", "[shop]\nname = x\n", r"shop"),
    ("an unknown key", "[site]\nnaem = x\n", r"did you mean.*name"),
    ("an unknown key far from any", "[site]\nqqqqqqqq = x\n", r"qqqqqqqq"),
    ("a doubled key", "[orders]\nexpire_minutes = 60\nexpire_minutes = 61\n",
     r"expire_minutes"),
    ("a line that is neither", "[orders]\nthis is no setting\n", r"."),
    ("a key in front of any section", None, r"."),
    ("an unclosed section", "[orders\n", r"."),
])
def _(t, name, text, words):
    if text is None:
        s = t.own_site()
        s.write("h5pay.conf", "lang = en\n" + h5.conf_text(s.conf))
        want = 1
    else:
        s = with_text(t, text)
        want = len(s.conf_file.read_text().splitlines())
    code, err = check(s)
    t.eq(code, 78, f"exit status, {err!r}")
    got = faults(err, s)
    t.ok(any(n in (want, want - 1) for n, _ in got), f"line {want} in {got}")
    t.matches(err, words, "the message")


@test("a section may come again, its keys may not")
def _(t):
    s = with_text(t, "[site]\nlang = en\n[orders]\nexpire_minutes = 60\n")
    code, err = check(s)
    t.eq((code, err), (0, ""), "-t")
    t.eq(s.get("checkout", "item=tea").dom.lang, "en", "the page's language")
    s = with_text(t, "[site]\nname = another\n")
    code, err = check(s)
    t.eq(code, 78, "exit status")
    t.contains(err, "site.name", "the message")


@test("every fault is reported in one run, each with its own line")
def _(t):
    s = t.own_site({"site.lang": "fr", "orders.expire_minutes": "1",
                    "merchant.sign_type": "SHA1", "site.colour": "red"})
    want = sorted(line_of(s, k) for k in (
        "lang =", "expire_minutes =", "sign_type =", "colour ="))
    for code, err in (check(s), s.h5pay("check")[::2]):
        t.eq(code, 78, "exit status")
        t.eq(sorted(n for n, _ in faults(err, s)), want, f"lines of {err!r}")


@test("comments are whole lines; nothing inside a value is one")
def _(t):
    s = t.own_site({"site.name": "Tea # 1; best"})
    s.write("h5pay.conf", "# first\n; second\n\n  # indented\n"
            + h5.conf_text(s.conf))
    t.eq(check(s)[0], 0, "exit status")
    r = s.get("checkout", "item=tea")
    t.contains(r.visible, "Tea # 1; best", "the shop's name")


def words(word, size=4096):
    """As many different words as fit, blanks between them."""
    out = ""
    for i in range(10000):
        more = f"{' ' if out else ''}{word.format(i, i // 200, i % 200 + 1)}"
        if len(out) + len(more) > size:
            return out.ljust(size)[:size].rstrip()
        out += more


@table("{0} may be 4 KiB", [
    ("site.name", "茶" * 1365 + "x"),
    ("site.contact", "x" * 4096),
    ("site.allowed_origins", words("https://shop{0:03}.example")),
    ("site.trusted_proxies", words("10.9.{1}.{2}")),
])
def _(t, key, value):
    s = t.own_site({key: value})
    t.eq(check(s), (0, ""), "-t")
    order = t.id()
    page = s.get("checkout", s.link(order))
    t.page(page, 200, "confirm")
    t.redirect(s.post("checkout", page.form("checkout").fields))
    scene = s.gateway.calls("unifiedorder", order)[0]["fields"]["scene_info"]
    t.ok(len(scene.encode()) <= 256, f"scene_info: {scene}")
    name = json.loads(scene)["h5_info"]["wap_name"]
    t.ok(s.conf["site.name"].startswith(name) and name, f"wap_name {name}")


@table("a secret file of mode {0:o} is {1}", [
    (0o600, "taken"), (0o400, "taken"), (0o644, "refused"),
    (0o604, "refused"), (0o660, "refused"), (0o640, "refused"),
])
def _(t, mode, what):
    # Group-writable files of root are not spoken of.
    root = os.geteuid() == 0
    s = t.own_site(user="nobody" if root and mode == 0o660 else None)
    (s.folder / "api.key").chmod(mode)
    if root and mode == 0o640:
        # Root's own file with the program's own group.
        what = "taken"
    code, err = check(s)
    if what == "taken":
        t.eq(code, 0, f"exit status, {err!r}")
    else:
        t.eq(code, 78, f"exit status, {err!r}")
        t.contains(err, "chmod", "the message says how to mend it")


@test("a configuration with a secret inside must not be readable by others")
def _(t):
    s = t.own_site({"site.secret_file": None, "site.secret": "s" * 32})
    t.eq(check(s)[0], 0, "exit status with 0600")
    s.conf_file.chmod(0o644)
    code, err = check(s)
    t.eq(code, 78, f"exit status with 0644, {err!r}")
    t.contains(err, "chmod", "the message")


@test("a configuration without secrets inside may be readable")
def _(t):
    s = t.own_site()
    s.conf_file.chmod(0o644)
    t.eq(check(s)[0], 0, "exit status")


@table("plain http is allowed to {0}", ["http://127.0.0.1:99",
                                        "http://localhost:99",
                                        "http://[::1]:99"])
def _(t, url):
    s = t.own_site({"gateway.url": url, "gateway.cashier": url + "/",
                    "site.base_url": url + "/cgi-bin"})
    code, err = check(s)
    t.eq(code, 0, f"exit status, {err!r}")


# --- which file -------------------------------------------------------------


def named(t, name):
    """A site whose pages say this name."""
    return t.own_site({"site.name": name})


def shop_of(reply):
    return re.findall(r"Shop\w+", reply.visible)[0] if reply.page == (
        "confirm") else reply


@test("-c is the first place to look, H5PAY_CONF the second")
def _(t):
    a, b = named(t, "ShopA"), named(t, "ShopB")
    r = a.get("checkout", "item=tea", args=["-c", a.conf_file],
              env={"H5PAY_CONF": b.conf_file})
    t.eq(shop_of(r), "ShopA", "with both")
    r = a.get("checkout", "item=tea", env={"H5PAY_CONF": b.conf_file})
    t.eq(shop_of(r), "ShopB", "with the environment alone")


@test("H5PAY_CONF in the environment goes before h5pay.path")
def _(t):
    a, b = named(t, "ShopA"), named(t, "ShopB")
    a.bin = a.folder / "cgi-bin"
    shutil.copytree(a.build / "cgi-bin", a.bin)
    (a.bin / "h5pay.path").write_text(str(a.conf_file) + "\n")
    r = a.get("checkout", "item=tea", conf=False)
    t.eq(shop_of(r), "ShopA", "h5pay.path alone")
    r = a.get("checkout", "item=tea", conf=False, cwd="/")
    t.eq(shop_of(r), "ShopA", "h5pay.path from another folder")
    r = a.get("checkout", "item=tea", env={"H5PAY_CONF": b.conf_file})
    t.eq(shop_of(r), "ShopB", "with the environment")


@table("under FastCGI the configuration comes by {0}", [
    "option", "environment", "parameter"])
def _(t, how):
    w = t.own_web({"site.name": "ShopW"}, how=how)
    t.eq(shop_of(w.get("checkout", "item=tea")), "ShopW", "the shop")


@test("a client's header cannot name a configuration")
def _(t):
    a, b = named(t, "ShopA"), named(t, "ShopB")
    r = a.get("checkout", "item=tea",
              headers={"H5PAY_CONF": str(b.conf_file)})
    t.eq(shop_of(r), "ShopA", "the shop")


@test("h5pay finds its configuration by -c, then by H5PAY_CONF")
def _(t):
    a, b = named(t, "ShopA"), named(t, "ShopB")
    order = t.id()
    a.ready(order)
    t.eq(a.h5pay("show", order)[0], 0, "by -c")
    t.eq(a.h5pay("show", order, conf=False,
                 env={"H5PAY_CONF": str(a.conf_file)})[0], 0, "by environment")
    code, _, _ = a.h5pay("show", order, env={"H5PAY_CONF": str(b.conf_file)})
    t.eq(code, 0, "-c goes first")


BROKEN = [
    ("no configuration at all", lambda s: {"H5PAY_CONF": "/no/such/file"}),
    ("a configuration that is bad", lambda s: {}),
]


@table("with {0} {1} answers 500 and tells the buyer nothing", [
    (what[0], program, what[1]) for what in BROKEN
    for program in ("checkout", "return-page", "query")])
def _(t, what, program, env):
    s = t.own_site({"site.lang": "fr"} if "bad" in what else {})
    r = s.get(program, "item=tea" if program == "checkout" else
              "order=abcdefg&t=x", env=env(s))
    t.eq((r.status, r.page), (500, "error"), f"{r}")
    t.lacks(r.text, str(s.folder), "the page")
    t.lacks(r.text, "h5pay.conf", "the page")
    t.lacks(r.text, "lang", "the page's text") if False else None
    t.ok("conf" in r.stderr or "lang" in r.stderr, f"stderr: {r.stderr!r}")


@test("with a bad configuration notify answers 500 with the FAIL bytes")
def _(t):
    s = t.own_site({"site.lang": "fr"})
    r = s.notify(h5.notice("order-1", 5))
    t.ok(r.status == 500, f"status {r.status}")
    t.ok(h5.FAIL.match(r.body), f"{r.body!r}")
    t.contains(r.stderr, "lang", "stderr")


@table("{0} below DOCUMENT_ROOT is refused", [
    "a configuration", "a secret", "a store"])
def _(t, what):
    s = t.own_site()
    root = s.folder / "htdocs"
    root.mkdir(mode=0o700)
    if what == "a configuration":
        new = root / "h5pay.conf"
        shutil.copy(s.conf_file, new)
        new.chmod(0o600)
        env = {"H5PAY_CONF": new}
    elif what == "a secret":
        shutil.copy(s.folder / "api.key", root / "api.key")
        (root / "api.key").chmod(0o600)
        s.configure({"merchant.api_key_file": root / "api.key"})
        env = {}
    else:
        s.configure({"store.dir": root / "store"})
        env = {}
    r = s.get("checkout", "item=tea", env={**env, "DOCUMENT_ROOT": root})
    t.eq((r.status, r.page), (500, "error"), f"{r}")
    t.contains(r.stderr + "\n".join(s.log()), str(root), "the log says what")
    r = s.get("checkout", "item=tea",
              env={**env, "DOCUMENT_ROOT": s.folder / "elsewhere"})
    t.eq(r.status, 200, "status under another root")


@test("the store is created with mode 0700, its files for the owner alone")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    for path in [s.store, *s.store.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        t.eq(mode & 0o077, 0, f"mode {mode:o} of {path}")
    t.eq(stat.S_IMODE(s.store.stat().st_mode), 0o700, "mode of the store")


@test("a store's folder made by hand is closed to others")
def _(t):
    s = t.own_site()
    s.store.mkdir()
    s.store.chmod(0o755)
    t.eq(s.get("checkout", "item=tea").status, 200, "status of a GET")
    t.eq(stat.S_IMODE(s.store.stat().st_mode), 0o755, "mode after it")
    s.ready(t.id())
    t.eq(stat.S_IMODE(s.store.stat().st_mode), 0o700, "mode of the store")


@table("B9: a store that {0} opened to others goes on, closed again, and says "
       "so", [("a panel", 0o755), ("an FTP program", 0o2775)])
def _(t, who, mode):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    for path in [s.store, *s.store.rglob("*")]:
        path.chmod(mode if path.is_dir() else 0o644)
    t.success(s.notify(h5.notice(order, 5)))
    t.eq(stat.S_IMODE(s.store.stat().st_mode), 0o700, "mode of the store")
    s.ready(t.id(), 5)
    t.contains("\n".join(s.log()), "mode-mended", "the log")
    t.contains("\n".join(s.log()), f"was={mode:o} now=700", "the log")
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 0, f"fsck --repair: {out}")
    for path in [s.store, *s.store.rglob("*")]:
        if path.is_dir():
            t.eq(path.stat().st_mode & 0o077, 0, f"mode of {path}")

@test("B9: what is no store is not closed, whatever store.dir says")
def _(t):
    s = t.own_site()
    s.store.mkdir()
    (s.store / "index.html").write_text("a site")
    (s.store / "format").write_text("JPEG")
    s.store.chmod(0o755)
    t.page(s.get("checkout", "item=tea"), 503, "store-error")
    t.eq(stat.S_IMODE(s.store.stat().st_mode), 0o755, "its mode")
    t.contains("\n".join(s.log()), "chmod 700", "the log")


@test("a template of the merchant's own replaces the compiled-in one")
def _(t):
    s = t.own_site()
    folder = s.folder / "templates"
    folder.mkdir()
    ours = h5.pathlib.Path(__file__).resolve().parents[2] / "templates"
    source = (ours / "foot.html").read_text()
    (folder / "foot.html").write_text(source + "<p>OUR OWN FOOT</p>")
    s.configure({"pages.templates": folder})
    t.contains(s.get("checkout", "item=tea").visible, "OUR OWN FOOT", "page")
    (folder / "foot.html").write_text("{{#open}}")
    code, out, err = s.h5pay("check")
    t.eq(code, 78, f"exit status, {out!r} {err!r}")
    t.contains(out + err, "foot.html", "the message")


@test("a title that WeChat does not take is cut at a character")
def _(t):
    s = t.own_site(catalogue="[tea]\ntitle = " + "茶" * 50 + "\nprice = 1\n")
    page = s.get("checkout", "item=tea")
    t.contains(page.visible, "茶" * 42, "the page")
    form = page.form("checkout")
    t.redirect(s.post("checkout", form.fields))
    calls = s.gateway.calls("unifiedorder", form.get("order"))
    t.eq(calls[0]["fields"]["body"], "茶" * 42, "body")


@test("check, -t and doctor tell the faults of catalogue and template in one "
      "run")
def _(t):
    s = t.own_site(catalogue="[tea]\ntitle = Tea\nprice = x\n")
    own = s.folder / "own"
    own.mkdir()
    (own / "confirm.html").write_text("{{#open}} no end\n")
    s.configure({"pages.templates": own})
    answers = {
        "notify -t": check(s),
        "return-page -t": check(s, "return-page"),
        "check": s.h5pay("check")[::2],
        "doctor": s.h5pay("doctor", "--offline")[:2],
    }
    for what, (code, said) in answers.items():
        t.eq(code, {"doctor": 1}.get(what, 78), f"{what}: exit, {said!r}")
        t.contains(said, "catalogue.ini:3: ", what)
        t.contains(said, "confirm.html:1: ", what)


@table("a catalogue with {0} is refused by check", [
    ("no price", "[x]\ntitle = X\n"),
    ("a price with three decimals", "[x]\ntitle = X\nprice = 1.001\n"),
    ("a price of 0", "[x]\ntitle = X\nprice = 0\n"),
    ("a negative price", "[x]\ntitle = X\nprice = -1\n"),
    ("a price and a range", "[x]\ntitle = X\nprice = 1\nmin_price = 1\n"
                            "max_price = 2\n"),
    ("half a range", "[x]\ntitle = X\nmin_price = 1\n"),
    ("a range upside down", "[x]\ntitle = X\nmin_price = 2\nmax_price = 1\n"),
    ("no title", "[x]\nprice = 1\n"),
    ("an item name with a blank", "[a b]\ntitle = X\nprice = 1\n"),
    ("an item name of 33 bytes", "[" + "a" * 33 + "]\ntitle = X\nprice = 1\n"),
    ("a doubled item", "[x]\ntitle = X\nprice = 1\n[x]\ntitle = Y\nprice = 2\n"),
    ("an unknown key", "[x]\ntitle = X\nprice = 1\ncolour = red\n"),
    ("max_qty 0", "[x]\ntitle = X\nprice = 1\nmax_qty = 0\n"),
])
def _(t, name, text):
    s = t.own_site(catalogue=text)
    code, out, err = s.h5pay("check")
    t.eq(code, 78, f"exit status, {out!r} {err!r}")
    t.matches(out + err, r"catalogue\.ini:\d+: ", "file and line")


HALVES = [
    ("cut in a price", "[tea]\ntitle = Tea\nprice = 1"),
    ("cut in max_qty", "[tea]\ntitle = Tea\nprice = 9\nmax_qty = 1"),
    ("without its last line feed", "[tea]\ntitle = Tea\nprice = 12999.00"),
    ("without its last line feed, in DOS lines",
     "[tea]\r\ntitle = Tea\r\nprice = 1\r"),
    ("of no bytes", ""),
    ("without the end it promises",
     "# must end with: # end\n[tea]\ntitle = Tea\nprice = 1\n"),
    ("with half of the end it promises",
     "# must end with: # end\n[tea]\ntitle = Tea\nprice = 1\n# en\n"),
]


@table("A2: a catalogue {0} is refused, and sells nothing", HALVES)
def _(t, name, text):
    s = t.own_site(catalogue=text)
    code, out, err = s.h5pay("check")
    t.eq(code, 78, f"exit status, {out!r} {err!r}")
    t.matches(out + err, r"catalogue\.ini:\d+: .*(half a file|cut short)",
              "file and line")
    t.eq(check(s, "checkout")[0], 78, "checkout -t")
    t.page(s.get("checkout", "item=tea"), 500, "error")


@table("A2: a running program keeps the catalogue before one {0}", HALVES)
def _(t, name, text):
    whole = "[tea]\ntitle = Tea\nprice = 12999.00\n"
    w = t.own_web(catalogue=whole)
    t.contains(w.get("checkout", "item=tea").visible, "12999.00", "page")
    w.write("catalogue.ini", text)
    for _ in range(3):
        r = w.get("checkout", "item=tea")
        t.page(r, 200, "confirm")
        t.contains(r.visible, "12999.00", "page")
    t.page(w.get("checkout", "item=coffee"), 404, "not-found")
    told = [x for x in w.log() if " catalogue " in x]
    t.eq(len(told), 1, f"lines about it in the log, {told!r}")
    t.matches(told[0], "^alert ", "its level")
    w.write("catalogue.ini", whole.replace("12999", "13999"))
    t.contains(w.get("checkout", "item=tea").visible, "13999.00", "page")


@table("A2: notices and signed links go on beside half a catalogue, as {0}",
       ["cgi", "fastcgi"])
def _(t, mode):
    order = t.id()
    w = t.own_web(mode=mode)
    w.write("catalogue.ini", "[tea]\ntitle = Tea\nprice = 1")
    w.ready(order, 5)
    t.success(w.notify(h5.notice(order, 5)))
    t.eq(w.show(order)["state"], "paid", "state")


@test("A2: a program that has sold nothing yet keeps what it started with")
def _(t):
    w = t.own_web(catalogue="[tea]\ntitle = Tea\nprice = 12999.00\n")
    # Another item's page: the process runs.
    t.page(w.get("checkout", "order=x"), 400, "bad-request")
    w.write("catalogue.ini", "[tea]\ntitle = Tea\nprice = 1")
    t.contains(w.get("checkout", "item=tea").visible, "12999.00", "page")


@table("A2: a configuration {0} is {1}", [
    ("without its last line feed", "taken, with a warning", None, ""),
    ("in DOS lines and cut before the last line feed",
     "taken, with a warning", None, "\r"),
    ("with the end it promises", "good", "# end", "\n# end\n"),
    ("with the end it promises and no line feed", "taken, with a warning",
     "# end", "\n# end"),
    ("without the end it promises", "refused", "# end", "\n"),
    ("with half of the end it promises", "refused", "# end", "\n# e\n"),
    ("that promises an end and says none", "refused", "", "\n"),
])
def _(t, name, what, promise, end):
    s = t.own_site()
    text = s.conf_file.read_text().rstrip("\n") + end
    if promise is not None:
        text = f"# must end with: {promise}\n" + text
    s.conf_file.write_bytes(text.encode())
    line = len(text.splitlines())
    for code, said in (check(s), s.h5pay("check")[::2]):
        t.eq(code, 78 if what == "refused" else 0, f"exit status, {said!r}")
        if "warning" in what:
            t.contains(faults(said, s), (line, "warning: the last line has "
                       "no line feed: is this the whole file?"), "warning")
        elif what == "refused":
            t.contains(faults(said, s), (line, "the file is cut short: its "
                       "first line says how it must end"), "fault")
        else:
            t.eq(said, "", "stderr")
    answer = json.loads(s.h5pay("check", "--json")[1])
    t.eq(len(answer.get("warnings", [])), int("warning" in what), "warnings")
    t.eq(len(answer["faults"]), int(what == "refused"), "faults")
    if what != "refused":
        t.page(s.get("checkout", "item=tea"), 200, "confirm")


def in_namespace(t, over, name, conf):
    """A prefix that runs a program with a folder of its own over OVER, in
    which NAME is this configuration."""
    import subprocess

    script = ('mount -t tmpfs none "$1" && mkdir -p "$1/$(dirname "$2")" && '
              'cat >"$1/$2" <"$3" && chmod 600 "$1/$2" && shift 3 && '
              'exec "$@"')
    prefix = [*h5.own_mounts(), "sh", "-c", script, "sh", over, name, conf]
    if subprocess.run([*map(str, prefix), "true"],
                      capture_output=True).returncode:
        t.skip("needs a mount namespace of its own")
    return prefix


@table("without any other word the configuration is {0}", [
    "h5pay/h5pay.conf under the account's home", "/etc/h5pay/h5pay.conf"])
def _(t, where):
    import pwd

    s = named(t, "ShopA")
    if where.startswith("/etc"):
        over, name = "/etc", "h5pay/h5pay.conf"
    else:
        over, name = pwd.getpwuid(os.geteuid()).pw_dir, "h5pay/h5pay.conf"
        if str(s.bin).startswith(over + "/"):
            # It would be covered.
            s.bin = shutil.copytree(s.bin, s.folder / "programs")
    prefix = in_namespace(t, over, name, s.conf_file)
    # HOME is not looked at: under suEXEC there is none.
    r = s.get("checkout", "item=tea", conf=False, prefix=prefix,
              env={"HOME": "/nowhere", "PATH": os.environ["PATH"]})
    t.eq(shop_of(r), "ShopA", "the shop")


@test("shop_url is where every page leads back to; by default the origin")
def _(t):
    s = t.own_site({"site.shop_url": "https://shop.example/tea?x=1&y=2"})
    for site, want in ((s, "https://shop.example/tea?x=1&y=2"),
                       (t.site, "http://127.0.0.1")):
        order = t.id()
        token = site.ready(order, 5)
        t.success(site.notify(h5.notice(order, 5)))
        for r in (site.get("query", {"order": order, "t": token}),
                  site.get("checkout", "item=coffee")):
            hrefs = [a.get("href", "").rstrip("/") for a in r.dom.links]
            t.contains(hrefs, want, f"links of {r.page}")


@test("a new price in the catalogue needs no restart")
def _(t):
    w = t.own_web()
    t.contains(w.get("checkout", "item=tea").visible, "0.01", "page")
    w.write("catalogue.ini", h5.CATALOGUE.replace("price = 0.01",
                                                  "price = 0.02"))
    t.contains(w.get("checkout", "item=tea").visible, "0.02", "page")


@test("a catalogue that became bad is our fault, not the buyer's")
def _(t):
    s = t.own_site()
    s.write("catalogue.ini", "[tea]\nprice = x\n")
    r = s.get("checkout", "item=tea")
    t.page(r, 500, "error")
    t.lacks(r.visible, "catalogue", "the page")
    t.contains(r.stderr + "\n".join(s.log()), "catalogue", "the log")


@test("B7: a secret with a mark before it, as Notepad saves it, is taken")
def _(t):
    s = t.own_site({"merchant.api_key": None,
                    "merchant.api_key_file": "apiv2.txt"})
    s.write("apiv2.txt", "\ufeff" + h5.API_KEY + "\r\n")
    code, out, err = s.h5pay("check")
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))


@test("B7: check names the xn-- form of a Chinese host")
def _(t):
    s = t.own_site()
    s.configure({"site.base_url": "https://商店.中国/cgi-bin"})
    code, out, err = s.h5pay("check")
    t.eq(code, 78, "exit status")
    t.contains(err, "https://xn--czrs0t.xn--fiqs8s/cgi-bin", "the mend")


@test("B7: check names the DOS line ends of a hook, and the mend")
def _(t):
    s = t.own_site()
    hook = s.write("hook.sh", "#!/bin/sh\r\ncat >/dev/null\r\nexit 0\r\n",
                   0o700)
    s.configure({"hooks.exec": str(hook)})
    code, out, err = s.h5pay("check")
    t.eq(code, 78, "exit status")
    t.contains(err, "DOS line ends", "the fault")
    t.contains(err, "sed -i", "the mend")

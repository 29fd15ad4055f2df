"""h5pay init and h5pay config show: from nothing to a link."""

import json
import os
import pwd
import re
import shutil
import subprocess

import h5
from case import table, test

KEY = h5.API_KEY
GOOD = {"appid": h5.APPID, "mch-id": h5.MCH_ID,
        "base-url": "https://pay.test.example/pay", "name": "茶 & Co"}


class Place:
    """A folder in which nothing is set up yet."""

    def __init__(self, t, user="nobody"):
        # Its programs and its account; its own configuration is not used.
        self.s = t.own_site(user=user if os.geteuid() == 0 else None)
        if not self.s.user:
            lib = self.s.folder / "lib"
            shutil.copytree(self.s.bin, lib / "cgi-bin")
            self.s.command = shutil.copy(self.s.command, lib / "h5pay")
        self.dir = self.s.folder / "h5pay"
        self.conf = self.dir / "h5pay.conf"
        self.key = self.s.write("the.key", KEY + "\n")

    def init(self, *args, root=False, stdin="", env=None, yes=True, conf=None,
             key=None, **values):
        a = [str(self.s.command), "-c", str(conf or self.conf), "init",
             "--offline", *(["--yes"] if yes else []), *map(str, args)]
        if key:
            a.append(key)
        for name, value in values.items():
            a += ["--" + name.replace("_", "-"), str(value)]
        e = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})}
        if root or not self.s.user:
            p = subprocess.run(a, input=stdin.encode(), capture_output=True,
                               env=e, timeout=120)
            return p.returncode, p.stdout.decode(), p.stderr.decode()
        p = self.s.popen(a, env=e)
        out, err = p.communicate(stdin.encode(), timeout=120)
        return p.returncode, out.decode(), err.decode()

    def good(self, *args, **kw):
        values = {n.replace("-", "_"): v for n, v in GOOD.items()}
        if "api_key" not in kw:
            kw["api_key_file"] = self.key
        return self.init(*args, **{**values, **kw})

    def h5pay(self, *args):
        return self.s.h5pay("-c", self.conf, *args, conf=False)

    def files(self):
        return {p.relative_to(self.dir): (p.read_bytes() if p.is_file()
                                          else None, p.stat().st_mode,
                                          p.stat().st_uid, p.stat().st_gid)
                for p in sorted(self.dir.rglob("*"))}


@test("init with everything on the line asks nothing and sells")
def _(t):
    p = Place(t)
    code, out, err = p.good(web="nginx")
    t.eq((code, err), (0, ""), f"exit status, {out}")
    t.contains(out, f"{p.conf}: good", "what check says")
    t.contains(out, "PASS", "doctor")
    t.lacks(out, "FAIL", "what the doctor says")
    t.lacks(out + err, KEY, "the key")
    link = out.strip().splitlines()[-1]
    t.matches(link, r"^https://pay\.test\.example/pay/checkout\?order=test-\d+"
              r"&total_fee=1&body=Test&sig=[0-9a-f]{64}$", "the last line")
    t.eq((p.dir / "secrets/api_key").read_text(), KEY + "\n", "the key's file")
    made = [(p.dir / "secrets" / n).read_text().strip()
            for n in ("site_secret", "link_key", "webhook_secret")]
    t.eq(len(set(made)), 3, "three secrets")
    t.ok(all(len(x) >= 50 for x in made), "long ones")
    for path, (_, mode, _, _) in p.files().items():
        t.eq(mode & 0o027, 0, f"mode of {path}: {mode:o}")
    t.ok((p.dir / "catalogue.ini").exists(), "the catalogue")
    t.no(list(p.dir.rglob("*.new")), "left over")
    # And it sells.
    env, _ = p.s.request("checkout", query=link.split("?")[1])
    env["H5PAY_CONF"] = str(p.conf)
    q = p.s.popen([p.s.bin / "checkout"], env=env)
    got, _ = q.communicate(timeout=30)
    t.page(h5.split_cgi(got), 200, "confirm")


@test("init as root makes everything the account's, and check agrees")
def _(t):
    if os.geteuid() != 0:
        t.skip("needs root")
    p = Place(t)
    code, out, err = p.good(root=True, user="nobody", web="none")
    t.eq(code, 0, f"exit status, {out} {err}")
    t.contains(out, "account nobody", "whom check looks as")
    who = pwd.getpwnam("nobody")
    for path, (_, mode, uid, gid) in p.files().items():
        theirs = str(path) in ("orders", "log")
        t.eq((uid, gid), (who.pw_uid if theirs else 0, who.pw_gid), path)
        t.eq(mode & 0o007, 0, f"{path}: {mode:o}")
        t.eq(bool(mode & 0o020), False, f"{path}: {mode:o}")
    code, out, err = p.h5pay("list")
    t.eq(code, 0, f"list as the account: {err}")


@test("init keeps what is there, byte for byte, and changes one thing")
def _(t):
    p = Place(t)
    t.eq(p.good()[0], 0, "the first time")
    text = p.conf.read_text().replace(
        "[gateway]", "#  my own words\t\n\n;and these\n[gateway]")
    text = text.replace("\nname = ", "\n \tname=")
    p.s.write("h5pay/h5pay.conf", text)
    before = p.files()
    code, out, err = p.init(name="新的店")
    t.eq(code, 0, f"exit status, {out} {err}")
    after = p.files()
    changed = {str(x) for x in after if after[x] != before.get(x)}
    t.eq(changed, {"h5pay.conf"}, "what changed")
    want = text.replace(" \tname=" + GOOD["name"], "name = 新的店")
    t.eq(p.conf.read_text(), want, "the configuration")
    t.eq(after.keys(), before.keys(), "files")
    # Nothing to do is nothing done.
    ino = p.conf.stat().st_ino
    code, out, err = p.init(name="新的店")
    t.eq((code, p.conf.stat().st_ino), (0, ino), "the same file")
    code, out, err = p.init()
    t.eq((code, p.conf.stat().st_ino), (0, ino), f"--yes alone: {err}")


@test("init changes the API key and no other secret")
def _(t):
    p = Place(t)
    t.eq(p.good()[0], 0, "the first time")
    before = p.files()
    other = p.s.write("other.key", "﻿" + "n" * 32 + "\r\n")
    code, out, err = p.init(api_key_file=other)
    t.eq(code, 0, f"exit status, {out} {err}")
    after = p.files()
    t.eq({str(x) for x in after if after[x][0] != before[x][0]},
         {"secrets/api_key"}, "what changed")
    t.eq((p.dir / "secrets/api_key").read_text(), "n" * 32 + "\n", "the key")


@test("init takes an inline key out of the configuration")
def _(t):
    p = Place(t)
    t.eq(p.good()[0], 0, "the first time")
    p.s.write("h5pay/h5pay.conf", p.conf.read_text().replace(
        "api_key_file = secrets/api_key", "api_key = " + "i" * 32))
    code, out, err = p.init(api_key_file=p.key)
    t.eq(code, 0, f"exit status, {out} {err}")
    t.lacks(p.conf.read_text(), "iiii", "the configuration")
    t.contains(p.conf.read_text(), "\napi_key_file = secrets/api_key\n", "it")


@table("init refuses {0}, in two languages, and writes nothing", [
    ("an appid that is none", {"appid": "gh_12345"}),
    ("the example's appid", {"appid": "wx0000000000000000"}),
    ("a merchant number with letters", {"mch_id": "12300001x9"}),
    ("zeros", {"mch_id": "0000000000"}),
    ("http", {"base_url": "http://pay.test.example/pay"}),
    ("a query", {"base_url": "https://pay.test.example/pay?x=1"}),
    ("the example's host", {"base_url": "https://shop.example/pay"}),
    ("no name", {"name": ""}),
    ("the example's name", {"name": "My Shop"}),
    ("two lines", {"name": "a\nb"}),
    ("another server", {"web": "iis"}),
    ("a relative folder", {"web": "htaccess", "public": "public_html"}),
    ("a key of 31 bytes", {"api_key": "x" * 31}),
    ("a key of 33 bytes", {"api_key": "x" * 33}),
    ("a key that is not there", {"key": "site.nmae=x"}),
    ("a bad value", {"key": "orders.expire_minutes=5"}),
    ("no value", {"key": "orders.expire_minutes"}),
])
def _(t, name, change):
    p = Place(t)
    said = []
    for lang in ("en", "zh-CN"):
        code, out, err = p.good(lang=lang, **change)
        t.eq(code, 64, f"exit status, {out} {err}")
        t.no(p.dir.exists(), "something was written")
        t.lacks(out + err, "x" * 31, "the key")
        said.append(err)
    if "key" not in change:
        t.no(re.search(r"[一-鿿]", said[0]), f"Chinese in {said[0]!r}")
        t.ok(re.search(r"[一-鿿]", said[1]), f"no Chinese in {said[1]!r}")


@test("init --yes names each option that is missing")
def _(t):
    p = Place(t)
    code, out, err = p.init(name="X")
    t.eq(code, 64, f"exit status, {out}")
    for option in ("--appid", "--mch-id", "--api-key-file", "--base-url"):
        t.contains(err, option, "what is missing")
    t.lacks(err, "--name", "what is there")
    t.no(p.dir.exists(), "something was written")


@test("init warns of a key on the command line and takes it from stdin")
def _(t):
    p = Place(t)
    values = {n.replace("-", "_"): v for n, v in GOOD.items()}
    code, out, err = p.init(api_key=KEY, **values)
    t.eq(code, 0, f"exit status, {out} {err}")
    t.contains(err, "warning: a key on the command line", "the warning")
    t.lacks(out + err, KEY, "the key")
    shutil.rmtree(p.dir)
    code, out, err = p.init(api_key_file="-", stdin=KEY + "\n", **values)
    t.eq((code, err), (0, ""), f"exit status, {out}")


@test("a key on the command line is gone from the process list")
def _(t):
    p = Place(t)
    # It waits for an answer while we look.
    q = p.s.popen([p.s.command, "-c", p.conf, "init", "--api-key", KEY],
                  env={"PATH": os.environ["PATH"]})
    try:
        asked = b""
        while b"appid:" not in asked:
            asked += os.read(q.stderr.fileno(), 4096)
        args = open(f"/proc/{q.pid}/cmdline", "rb").read()
        t.contains(args, b"init", "its arguments")
        t.lacks(args, KEY.encode(), "its arguments")
    finally:
        h5.kill_all(q)


ANSWERS = [h5.APPID, h5.MCH_ID, KEY, GOOD["base-url"], "店", "021-5555",
           "h5", "none"]


@table("init asks in {0}", [
    ("English", {"LANG": "en_US.UTF-8"}, "merchant number"),
    ("Chinese", {"LANG": "zh_CN.UTF-8"}, "商户号"),
    ("Chinese by LC_ALL", {"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"},
     "商户号"),
    ("English without a locale", {"LANG": ""}, "merchant number")])
def _(t, name, env, words):
    p = Place(t)
    # A wrong answer is told at once, and asked again.
    answers = ANSWERS[:1] + ["12"] + ANSWERS[1:]
    code, out, err = p.init(yes=False, env=env,
                            stdin="\n".join(answers) + "\n")
    t.eq(code, 0, f"exit status, {out} {err}")
    t.contains(err, words, "the questions")
    t.eq(err.count("mch_id: "), 2, "asked twice")
    t.contains(err, "API安全" if "商" in words else "API security", "where")
    t.contains(err, "H5支付域名", "where the domain goes")
    t.lacks(out + err, KEY, "the key")
    t.contains(p.conf.read_text(), "contact = 021-5555\n", "an answer")


@test("init asked again offers what is there, and Enter keeps it")
def _(t):
    p = Place(t)
    t.eq(p.good()[0], 0, "the first time")
    before = p.files()
    code, out, err = p.init(yes=False, stdin="\n" * 20)
    t.eq(code, 0, f"exit status, {out} {err}")
    for word in (h5.APPID, h5.MCH_ID, GOOD["name"]):
        t.contains(err, f"[{word}]", "what Enter means")
    t.eq(p.files(), before, "files")


@test("init asks for the products, and for the AppSecret where jsapi is one")
def _(t):
    p = Place(t)
    secret = "0123456789abcdef0123456789abcdef"
    answers = [*ANSWERS[:6], "h5 alipay", "native jsapi", "short", secret,
               "none"]
    code, out, err = p.init(yes=False, stdin="\n".join(answers) + "\n")
    t.eq(code, 0, f"exit status, {out} {err}")
    t.eq(err.count("products [h5]: "), 2, "asked twice")
    t.eq(err.count("app_secret: "), 2, "asked twice")
    t.lacks(out + err, secret, "the secret")
    conf = p.conf.read_text()
    t.contains(conf, "\nproducts = native jsapi\n", "the products")
    t.contains(conf, "\napp_secret_file = secrets/app_secret\n", "its file")
    t.eq((p.dir / "secrets/app_secret").read_text(), secret + "\n",
         "the secret")
    # On the line, and again: it asks nothing.
    code, out, err = p.init("--products", "h5", yes=True)
    t.eq(code, 0, f"exit status, {out} {err}")
    t.contains(p.conf.read_text(), "\nproducts = h5\n", "the products")


@table("answers that end after {0} write nothing", range(6))
def _(t, n):
    p = Place(t)
    code, out, err = p.init(yes=False,
                            stdin="".join(x + "\n" for x in ANSWERS[:n]))
    t.eq(code, 64, f"exit status, {out}")
    t.contains(err, "Nothing was written", "why")
    t.no(p.dir.exists(), "something was written")


@test("a key that is typed at a terminal is not shown")
def _(t):
    p = Place(t)
    master, slave = h5.terminal()
    if p.s.user:
        os.fchown(slave, pwd.getpwnam(p.s.user).pw_uid, -1)
    q = subprocess.Popen(
        [p.s.command, "-c", p.conf, "init", "--offline"], stdin=slave,
        stdout=slave, stderr=slave, user=p.s.user and "nobody",
        extra_groups=[] if p.s.user else None,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})
    os.close(slave)
    seen = b""

    def until(mark):
        nonlocal seen
        while mark not in seen:
            seen += os.read(master, 4096)

    try:
        for mark, answer in zip(
                (b"appid: ", b"mch_id: ", b"api_key: ", b"base_url: ",
                 b"name: ", b"contact []: ", b"products [h5]: ",
                 b"web [none]: "), ANSWERS):
            until(mark)
            os.write(master, answer.encode() + b"\n")
        until(b"sig=")
    finally:
        q.kill()
        q.wait()
        os.close(master)
    t.lacks(seen, KEY.encode(), "the terminal")
    t.contains(seen, h5.APPID.encode(), "the echo of the others")
    t.eq((p.dir / "secrets/api_key").read_text(), KEY + "\n", "the key")


@table("init refuses a configuration {0}", [
    ("below public_html", "public_html/h5pay", None),
    ("deep below htdocs", "htdocs/a/b/h5pay", None),
    ("beside an index.html", "site/h5pay", "site/index.html"),
    ("below a folder with .htaccess", "site/x/h5pay", "site/.htaccess"),
    ("behind a link into wwwroot", "link/h5pay", "->wwwroot"),
    ("below --public", "pay/conf", "--public"),
])
def _(t, name, where, mark):
    p = Place(t)
    folder = p.s.folder
    args = {}
    if mark == "->wwwroot":
        (folder / "wwwroot").mkdir()
        (folder / "link").symlink_to(folder / "wwwroot")
    elif mark == "--public":
        args = {"web": "htaccess", "public": folder / "pay"}
    (folder / where).parent.mkdir(parents=True, exist_ok=True)
    if mark and mark[0] not in "-":
        (folder / mark).touch()
    if p.s.user:
        for x in folder.rglob("*"):
            os.lchown(x, pwd.getpwnam(p.s.user).pw_uid, -1)
    code, out, err = p.good(conf=folder / where / "h5pay.conf", **args)
    t.eq(code, 78, f"exit status, {out}")
    t.contains(err, "web server hands out", "why")
    t.no((folder / where).exists(), "something was written")


@test("init changes any key, and a fault leaves all as it was")
def _(t):
    p = Place(t)
    t.eq(p.good()[0], 0, "the first time")
    code, out, err = p.init("orders.expire_minutes=30", "site.lang=en")
    t.eq(code, 0, f"exit status, {out} {err}")
    text = p.conf.read_text()
    t.contains(text, "#expire_minutes = 120\nexpire_minutes = 30\n", "it")
    before = p.files()
    code, out, err = p.init("gateway.ca_file=/no/such/file")
    t.eq(code, 78, f"exit status, {out}")
    t.matches(err, rf"{p.conf}:\d+: gateway\.ca_file", "the fault's place")
    t.eq(p.files(), before, "files")


@table("init {0} for {1}", [(how, web) for web in (
    "nginx", "apache", "lighttpd", "caddy", "haproxy")
    for how in ("prints the lines", "writes the lines")])
def _(t, how, web):
    p = Place(t)
    file = p.s.folder / "server.conf"
    where = file if how.startswith("writes") else "-"
    code, out, err = p.good(web=web, web_file=where)
    t.eq(code, 0, f"exit status, {out} {err}")
    text = file.read_text() if where == file else out
    t.contains(text, "h5pay by FastCGI", "its head")
    t.lacks(text, "/usr/lib/h5pay", "paths of another installation")
    t.contains(p.conf.read_text(), "\nprocesses = 2\n", "server.processes")
    if where == file:
        # What somebody changed is not overwritten.
        p.s.write("server.conf", text + "# mine\n")
        code, out, err = p.init(web=web, web_file=where)
        t.eq(code, 0, f"exit status, {out} {err}")
        t.contains(out, f"kept {file}", "what is said")
        t.eq(file.read_text(), text + "# mine\n", "the file")


@test("init for .htaccess puts the programs where visitors come")
def _(t):
    p = Place(t)
    public = p.s.folder / "public_html"
    public.mkdir()
    if p.s.user:
        os.chown(public, pwd.getpwnam(p.s.user).pw_uid, -1)
    code, out, err = p.good(web="htaccess", public=public / "pay")
    t.eq(code, 0, f"exit status, {out} {err}")
    pay = public / "pay"
    for name in (*h5.PROGRAMS, "doctor"):
        mode = (pay / f"{name}.fcgi").stat().st_mode & 0o7777
        t.eq(mode, 0o711, f"mode of {name}")
    t.eq((pay / "h5pay.path").read_text(), f"{p.conf}\n", "h5pay.path")
    t.eq((pay / ".htaccess").stat().st_mode & 0o777, 0o644, "mode")
    t.contains(out.strip().splitlines()[-1],
               "https://pay.test.example/pay/checkout.fcgi?", "the link")
    # It finds its configuration by itself.
    env, _ = p.s.request("checkout",
                         query=out.strip().splitlines()[-1].split("?")[1])
    env.pop("H5PAY_CONF")
    q = p.s.popen([pay / "checkout.fcgi"], env=env)
    got, _ = q.communicate(timeout=30)
    t.page(h5.split_cgi(got), 200, "confirm")


@test("init --json is one object")
def _(t):
    p = Place(t)
    code, out, err = p.good("--json")
    t.eq((code, err), (0, ""), "exit status and stderr")
    got = json.loads(out)
    t.eq(got["file"], str(p.conf), "file")
    t.eq(got["check"]["ok"], True, "check")
    t.eq(got["doctor"]["ok"], True, "doctor")
    t.contains(got["written"], str(p.conf), "written")
    t.contains(json.dumps(got["link"]), "sig=", "link")


@test("a killed init leaves no half configuration, and the next one ends it")
def _(t):
    p = Place(t)
    values = {n.replace("-", "_"): v for n, v in GOOD.items()}
    for n in range(1, 40):
        # SIGKILL at the n-th name that a file gets.
        q = p.s.popen(
            ["strace", "-qq", "-o", "/dev/null", "-e",
             f"inject=/^rename:signal=KILL:when={n}", p.s.command, "-c",
             p.conf, "init", "--yes", "--offline", "--api-key-file", p.key,
             *[x for k, v in values.items()
               for x in ("--" + k.replace("_", "-"), v)]],
            env={"PATH": os.environ["PATH"]})
        out, err = q.communicate(timeout=120)
        if n == 1 and b"strace" in err:
            t.skip("no strace")
        if p.conf.exists():
            break
    t.ok(n > 3, f"killed {n} times before the configuration was there")
    made = (p.dir / "secrets/site_secret").read_bytes()
    code, out, err = p.good()
    t.eq(code, 0, f"exit status, {out} {err}")
    t.eq((p.dir / "secrets/site_secret").read_bytes(), made, "the secret")
    t.eq(p.h5pay("check")[0], 0, "check")


# --- config show ------------------------------------------------------------

@test("config show tells what holds, marks defaults and hides secrets")
def _(t):
    s = t.own_site({"site.secret_file": None, "site.secret": h5.SECRET,
                    "store.dir": "store", "orders.expire_minutes": "30"})
    code, out, err = s.h5pay("config", "show")
    t.eq((code, err), (0, ""), "exit status")
    rows = {r[0]: r[1:] for r in (x.split("\t") for x in out.splitlines())}
    t.eq(rows["merchant.appid"][0], h5.APPID, "appid")
    t.matches(rows["merchant.appid"][1], r"^line \d+$", "from")
    t.eq(rows["orders.expire_minutes"][0], "30", "expire_minutes")
    t.eq(rows["orders.query_interval_s"], ["3", "default"], "a default")
    t.eq(rows["site.secret"][0], "(hidden)", "a secret")
    t.eq(rows["store.dir"][0], str(s.store), "a path as it is understood")
    t.eq(rows["merchant.api_key_file"][0], str(s.folder / "api.key"), "a file")
    t.lacks(rows, "merchant.api_key", "the twin of what is set")
    t.eq(rows["gateway.backup_url"][1], "default", "a derived default")
    t.eq(rows["site.shop_url"], ["http://127.0.0.1", "default"], "derived")
    for text in h5.KEYS.values():
        t.lacks(out, text, "a secret")
    got = json.loads(s.h5pay("--json", "config", "show")[1])
    t.eq(got["file"], str(s.conf_file), "file")
    keys = {k["key"]: k for k in got["keys"]}
    t.eq(keys.keys(), rows.keys(), "the same keys")
    t.eq(keys["site.secret"]["value"], None, "a secret in JSON")
    t.eq((keys["site.secret"]["secret"], keys["site.secret"]["default"]),
         (True, False), "marks")
    t.eq((keys["orders.query_interval_s"]["value"],
          keys["orders.query_interval_s"]["default"],
          keys["orders.query_interval_s"]["line"]), ("3", True, None),
         "a default in JSON")


@table("config show: {0}", [
    ("nothing", ["config"], 64), ("another word", ["config", "set"], 64),
    ("too much", ["config", "show", "x"], 64)])
def _(t, name, args, status):
    t.eq(t.site.h5pay(*args)[0], status, "exit status")


@test("config show of a faulty configuration is 78 with its faults")
def _(t):
    s = t.own_site({"site.lang": "fr"})
    code, out, err = s.h5pay("config", "show")
    t.eq((code, out), (78, ""), "exit status and stdout")
    t.contains(err, "site.lang", "the fault")

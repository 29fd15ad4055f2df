"""h5.py - what the tests from outside stand on.

    Site      a configuration, secrets, a catalogue and a store in a folder of
              its own; runs the programs as plain CGI and the command h5pay
    Web       a Site behind lighttpd, by FastCGI or by mod_cgi
    Gateway   the stand-in for WeChat Pay (tests/gateway)
    Reply     what a program answered, and its page taken apart
    Browser   follows links, forms and redirects as a browser does

Nothing here knows how the suite is built: what it knows stands in
docs/INTERFACE.md.  Ports are never fixed, and nothing sleeps: listening
sockets are bound here and handed over, so that a connection waits in the
kernel until the server is up.
"""

import ctypes
import functools
import hashlib
import hmac
import html.parser
import http.client
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

PROGRAMS = ("checkout", "return-page", "notify", "query")

APPID = "wx8888888888888888"
MCH_ID = "1230000109"
API_KEY = "8934e7d15453e97507ef794cf7b0519d"
APP_SECRET = "0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f"
SECRET = "order-and-form-tokens-of-this-test-shop"
LINK_KEY = "pay-links-of-this-test-shop-are-signed-so"
KEYS = {"api.key": API_KEY, "site.secret": SECRET, "link.key": LINK_KEY}

PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"
)
WECHAT = PHONE + " MicroMessenger/8.0.50.2701(0x28003253) NetType/WIFI"

CATALOGUE = """\
[tea]
title = 龙井茶 100 克
price = 0.01
max_qty = 5

[cup]
title = Cup & saucer <blue>
price = 128.00

[gift]
title = 礼品卡
min_price = 1.00
max_price = 500.00
"""

SUCCESS = (
    b"<xml><return_code><![CDATA[SUCCESS]]></return_code>"
    b"<return_msg><![CDATA[OK]]></return_msg></xml>"
)
FAIL = re.compile(
    rb"\A<xml><return_code><!\[CDATA\[FAIL\]\]></return_code>"
    rb"<return_msg><!\[CDATA\[[ -~]+\]\]></return_msg></xml>\Z"
)

# --- processes --------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """What a child of ours leaves behind becomes our own child, so that
    stop_family finds it: detached deliveries, FastCGI programs whose server
    was killed."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent(sig=signal.SIGKILL):
    """Get this signal when the parent ends."""
    _libc.prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0)


def _child():
    die_with_parent(signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def spawn(args, **kw):
    """Popen in a session of its own; gets SIGTERM when this process dies."""
    return subprocess.Popen(
        [str(a) for a in args],
        start_new_session=True,
        preexec_fn=_child,
        **kw,
    )


def _stat(pid):
    """(comm, state, ppid) of a process, or None."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    comm, rest = text[text.index("(") + 1 :].rsplit(")", 1)
    fields = rest.split()
    return comm, fields[0], int(fields[1])


def family(root):
    """Every living descendant of a process: {pid: comm}."""
    parents = {}
    names = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(entry)
            if stat and stat[1] not in "ZX":
                names[int(entry)] = stat[0]
                parents[int(entry)] = stat[2]
    out = {}
    wave = {root}
    while wave:
        wave = {p for p, pp in parents.items() if pp in wave and p not in out}
        out.update({p: names[p] for p in wave})
    return out


def reap_adopted():
    """Take the status of every adopted child that ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def stop_family(pids, patience=10.0):
    """SIGTERM to these processes, SIGKILL to those that do not go."""
    end = time.monotonic() + patience
    for pid in pids:
        _kill(pid, signal.SIGTERM)
    while time.monotonic() < end:
        alive = [p for p in pids if alive_process(p)]
        if not alive:
            return True
        time.sleep(0.01)
    for pid in pids:
        _kill(pid, signal.SIGKILL)
    return False


def alive_process(pid):
    stat = _stat(pid)
    return stat is not None and stat[1] not in "ZX"


def _kill(pid, sig):
    try:
        os.kill(pid, sig)
    except (ProcessLookupError, PermissionError):
        pass


def kill_all(process):
    """Kill a process and what it started, and collect it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.communicate()


class Skip(Exception):
    """This test says nothing here."""


@functools.lru_cache
def sanitized(program):
    made = pathlib.Path(program).read_bytes()
    return b"__asan_init" in made or b"__tsan_init" in made


def no_complaint(text):
    """No sanitizer says anything in what a program wrote.  Under strace the one
    for leaks cannot look, and says that."""
    if "LeakSanitizer does not work under ptrace" in text:
        text = text.replace("LeakSanitizer", "")
    if re.search(r"(Address|Leak|Thread)Sanitizer|runtime error:", text):
        raise AssertionError(f"a sanitizer complains: {text[-4000:]}")


class Late(Exception):
    """Something that had to happen did not."""


def until(what, check, timeout=60.0):
    """The first true value of check(); Late(what) after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        got = check()
        if got:
            return got
        if time.monotonic() > end:
            raise Late(f"{what}: not within {timeout:g} s")
        time.sleep(0.01)


def own_mounts():
    """A prefix that gives a command a mount namespace of its own, in which it
    may mount."""
    if os.geteuid() == 0:
        return ["unshare", "--mount"]
    return ["unshare", "--map-current-user", "--keep-caps", "--mount"]


def terminal():
    """(master, slave) of a pseudo terminal; where the machine has none, of a
    devpts of our own."""
    try:
        return os.openpty()
    except OSError:
        return own_terminal()


# In a namespace of its own: sends both ends of a terminal and goes.
OWN_TERMINAL = """
import fcntl, os, socket, struct, sys
flags = os.O_RDWR | os.O_NOCTTY
master = os.open(sys.argv[1] + "/ptmx", flags)
fcntl.ioctl(master, 0x40045431, struct.pack("i", 0))  # TIOCSPTLCK
slave = fcntl.ioctl(master, 0x5441, flags)  # TIOCGPTPEER
socket.send_fds(socket.socket(fileno=int(sys.argv[2])), [b"."], [master, slave])
"""
MOUNT_DEVPTS = """\
mount -t devpts -o newinstance,ptmxmode=0666 none "$1" && shift && exec "$@"
"""


def own_terminal():
    here, there = socket.socketpair()
    with here, there, tempfile.TemporaryDirectory() as folder:
        got = subprocess.run(
            [*own_mounts(), "sh", "-c", MOUNT_DEVPTS, "sh", folder,
             sys.executable, "-c", OWN_TERMINAL, folder, str(there.fileno())],
            pass_fds=[there.fileno()], capture_output=True, text=True)
        if got.returncode:
            raise Skip(f"no pseudo terminal here: {got.stderr.strip()}")
        return tuple(socket.recv_fds(here, 1, 2)[1])


def listener(port=0, host="127.0.0.1"):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(1024)
    return s


# --- pages ------------------------------------------------------------------


class Form:
    def __init__(self, action, method):
        self.action = action
        self.method = method
        self.fields = []  # (name, value) in order, hidden and visible
        self.visible = set()
        self.text = ""

    def __repr__(self):
        return f"<{self.method} {self.action} {self.fields} {self.text!r}>"

    def get(self, name):
        return dict(self.fields).get(name)

    def with_(self, **change):
        """The fields as a dict, changed; None takes one out."""
        out = dict(self.fields)
        for name, value in change.items():
            if value is None:
                out.pop(name, None)
            else:
                out[name] = str(value)
        return out


class _Reader(html.parser.HTMLParser):
    VOID = set("area base br col embed hr img input link meta source".split())

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.main = None
        self.mains = 0
        self.forms = []
        self.links = []
        self.tags = []
        self.lang = None
        self.title = ""
        self.text = []
        self._open = []
        self._select = self._option = False
        self.unclosed = []

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.tags.append((tag, a))
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "html":
            self.lang = a.get("lang")
        elif tag == "main":
            self.main = a
            self.mains += 1
        elif tag == "form":
            self.forms.append(Form(a.get("action"), a.get("method")))
        elif tag == "a":
            self.links.append(a)
            a["text"] = ""
        elif tag in ("input", "select", "textarea", "button"):
            if self.forms and "form" in self._open and a.get("name"):
                self.forms[-1].fields.append((a["name"], a.get("value") or ""))
                if tag != "button" and a.get("type") != "hidden":
                    self.forms[-1].visible.add(a["name"])
                self._select = tag == "select"
        elif tag == "option" and self._select:
            # The first option is chosen until the buyer chooses another.
            self._select = False
            self._option = a.get("value") is None
            name, _ = self.forms[-1].fields[-1]
            self.forms[-1].fields[-1] = (name, a.get("value") or "")

    def handle_endtag(self, tag):
        if tag in self._open:
            while True:
                top = self._open.pop()
                if top == tag:
                    break
                if top not in ("p", "li", "dt", "dd"):
                    self.unclosed.append(top)

    def handle_data(self, data):
        if "style" in self._open or "script" in self._open:
            return
        if self._open and self._open[-1] == "title":
            self.title += data
            return
        self.text.append(data)
        if self._option:
            self._option = False
            name, _ = self.forms[-1].fields[-1]
            self.forms[-1].fields[-1] = (name, data.strip())
        if "form" in self._open and self.forms:
            self.forms[-1].text += data
        if "a" in self._open and self.links:
            self.links[-1]["text"] += data


class Reply:
    """An answer.  headers: list of (name, value) as sent."""

    def __init__(self, status, headers, body, url=""):
        self.status = status
        self.headers = headers
        self.body = body
        self.url = url
        self.stderr = ""
        self.exit = None
        self._page = None

    def header(self, name):
        """The value, None if absent; more than one is a fault."""
        got = [v for n, v in self.headers if n.lower() == name.lower()]
        if len(got) > 1:
            raise AssertionError(f"{name} sent {len(got)} times: {got}")
        return got[0] if got else None

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def dom(self):
        if self._page is None:
            self._page = _Reader()
            self._page.feed(self.text)
            self._page.close()
        return self._page

    @property
    def page(self):
        return (self.dom.main or {}).get("data-page")

    @property
    def state(self):
        return (self.dom.main or {}).get("data-state")

    @property
    def alert(self):
        return (self.dom.main or {}).get("data-alert")

    @property
    def forms(self):
        return self.dom.forms

    def form(self, program, **fields):
        """The form that posts to a program and has these field values."""
        for f in self.forms:
            path = urllib.parse.urlsplit(f.action or "").path
            if not re.search(rf"(^|/){program}(\.\w+)?$", path):
                continue
            if all(f.get(k) == str(v) for k, v in fields.items()):
                return f
        raise AssertionError(
            f"no form to {program} with {fields} on page {self.page}: "
            f"{self.forms}"
        )

    def has_form(self, program, **fields):
        try:
            return self.form(program, **fields)
        except AssertionError:
            return None

    @property
    def visible(self):
        """The words a person reads."""
        return " ".join(" ".join(self.dom.text).split())

    def __repr__(self):
        main = ""
        if (self.header("Content-Type") or "").startswith("text/html"):
            main = f" page={self.page} state={self.state}"
        return f"<{self.status}{main} {self.body[:200]!r}>"


def split_cgi(raw):
    """A CGI program's output: Reply."""
    head, sep, body = raw.partition(b"\r\n\r\n")
    if not sep:
        head, sep, body = raw.partition(b"\n\n")
    status = 200
    headers = []
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            raise AssertionError(f"not a CGI header: {line!r} in {raw[:300]!r}")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value.strip()))
    return Reply(status, headers, body)


def form_body(fields):
    """fields (a dict, pairs, or bytes as they are) as a form's body."""
    if isinstance(fields, (bytes, type(None))):
        return fields
    if isinstance(fields, str):
        return fields.encode()
    return urllib.parse.urlencode(fields).encode()


# --- signatures and messages ------------------------------------------------


def link_sig(fields, key=LINK_KEY):
    """sig of a signed pay link (interface section 3)."""
    lines = [
        f"{n}={v}".encode()
        for n, v in sorted(fields.items(), key=lambda kv: kv[0].encode())
        if n not in ("sig", "lang")
    ]
    return hmac.new(key.encode(), b"\n".join(lines), hashlib.sha256).hexdigest()


def link_query(fields, key=LINK_KEY, **more):
    """The query string of a signed pay link."""
    fields = {n: str(v) for n, v in fields.items()}
    all_ = dict(fields, sig=link_sig(fields, key), **more)
    return urllib.parse.urlencode(all_)


def wx_sign(fields, key=API_KEY, sign_type="HMAC-SHA256"):
    text = "&".join(
        f"{n}={v}"
        for n, v in sorted(fields.items(), key=lambda kv: kv[0].encode())
        if n != "sign" and v != ""
    )
    text += "&key=" + key
    if sign_type == "MD5":
        return hashlib.md5(text.encode()).hexdigest().upper()
    return (
        hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    )


def wx_xml(fields):
    """As the gateway writes a notice: everything CDATA but total_fee."""
    out = ["<xml>"]
    for name, value in fields.items():
        if name == "total_fee":
            out.append(f"<{name}>{value}</{name}>")
        else:
            out.append(f"<{name}><![CDATA[{value}]]></{name}>")
    out.append("</xml>")
    return "".join(out).encode()


_transaction = iter(range(1, 10**9))


def transaction_id():
    return f"4200{os.getpid():08d}{time.time_ns() // 1000 % 10**7:07d}" + (
        f"{next(_transaction):09d}"
    )


def notice_fields(order, fee, transaction=None, /, **change):
    """The fields of a good payment notice, unsigned.  A change of None takes
    a field out."""
    fields = {
        "appid": APPID,
        "bank_type": "OTHERS",
        "cash_fee": str(fee),
        "fee_type": "CNY",
        "is_subscribe": "N",
        "mch_id": MCH_ID,
        "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c",
        "openid": "oUpF8uMEb4qRXf22hE3X68TekukE",
        "out_trade_no": order,
        "result_code": "SUCCESS",
        "return_code": "SUCCESS",
        "time_end": "20261123164012",
        "total_fee": str(fee),
        "trade_type": "MWEB",
        "transaction_id": transaction or transaction_id(),
    }
    for name, value in change.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    return fields


def notice(order, fee, transaction=None, /, *, key=API_KEY,
           signed_by="HMAC-SHA256", **change):
    """The bytes of a signed payment notice."""
    fields = notice_fields(order, fee, transaction, **change)
    fields["sign"] = wx_sign(fields, key, signed_by)
    return wx_xml(fields)


# --- the stand-in gateway ---------------------------------------------------

from gateway import Gateway  # noqa: E402  (one file an instrument)

# --- a shop -----------------------------------------------------------------


class Site:
    """A shop with its own configuration, store and log, without a web server:
    programs run as plain CGI, one process a request."""

    def __init__(self, build, gateway=None, conf=None, catalogue=CATALOGUE,
                 user=None, folder=None, base_url=None, keys=KEYS):
        self.build = pathlib.Path(build).resolve()
        self.gateway = gateway
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="h5-"))
        self.own_folder = folder is None
        self.user = user  # run everything as this account (needs root)
        self.base_url = base_url or "http://127.0.0.1/cgi-bin"
        self.bin = self.build / "cgi-bin"
        self.command = self.build / "h5pay"
        if user:
            # The account may not be able to look into the build folder.
            self.bin = self.folder / "lib" / "cgi-bin"
            shutil.copytree(self.build / "cgi-bin", self.bin)
            self.command = self.folder / "lib" / "h5pay"
            shutil.copy(self.build / "h5pay", self.command)
            self.folder.chmod(0o755)
        self.store = self.folder / "store"
        self.log_file = self.folder / "log"
        self.conf_file = self.folder / "h5pay.conf"
        for name, text in keys.items():
            self.write(name, text + "\n")
        if catalogue is not None:
            self.write("catalogue.ini", catalogue)
        self.conf = {
            "merchant.appid": APPID,
            "merchant.mch_id": MCH_ID,
            "merchant.api_key_file": self.folder / "api.key",
            "site.base_url": self.base_url,
            "site.name": "测试商店",
            "site.contact": "021-5555 0100",
            "site.contact_wechat": "<tea>_shop",
            "site.secret_file": self.folder / "site.secret",
            "site.link_key_file": self.folder / "link.key",
            "store.dir": self.store,
            "catalogue.file": self.folder / "catalogue.ini",
            "log.file": self.log_file,
            "server.command": self.command,
        }
        if gateway is not None:
            self.conf["gateway.url"] = gateway.url
            self.conf["gateway.cashier"] = gateway.url + "/"
        else:
            # Nobody listens there.
            self.conf["gateway.url"] = "http://127.0.0.1:9"
            self.conf["gateway.cashier"] = "http://127.0.0.1:9/"
        self.configure(conf or {})

    # -- files

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        new = path.with_name(path.name + ".new")
        data = text if isinstance(text, bytes) else text.encode()
        new.write_bytes(data)
        new.chmod(mode)
        if self.user:
            who = pwd.getpwnam(self.user)
            os.chown(new, who.pw_uid, who.pw_gid)
        new.rename(path)
        return path

    def configure(self, change):
        """Write the configuration with these keys changed; None takes one
        out."""
        for key, value in change.items():
            if value is None:
                self.conf.pop(key, None)
            else:
                self.conf[key] = value
        self.write("h5pay.conf", conf_text(self.conf))
        if self.user:
            who = pwd.getpwnam(self.user)
            os.chown(self.folder, who.pw_uid, who.pw_gid)

    def log(self):
        """The log's lines so far."""
        try:
            return self.log_file.read_text().splitlines()
        except FileNotFoundError:
            return []

    # -- the programs as plain CGI

    def request(self, program, method="GET", query="", body=None, headers=(),
                env=None, conf=True):
        """(environment, body) of a request, as a web server hands it on."""
        if isinstance(query, dict):
            query = urllib.parse.urlencode(query)
        body = form_body(body)
        e = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "tests",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "/cgi-bin/" + program,
            "REQUEST_URI": f"/cgi-bin/{program}" + (f"?{query}" if query else ""),
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_PORT": "4711",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_USER_AGENT": PHONE,
        }
        if conf:
            e["H5PAY_CONF"] = str(self.conf_file)
        if body is not None:
            e["CONTENT_LENGTH"] = str(len(body))
            e["CONTENT_TYPE"] = "application/x-www-form-urlencoded"
        for name, value in dict(headers).items():
            name = name.upper().replace("-", "_")
            if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                name = "HTTP_" + name
            e[name] = value
        for name, value in (env or {}).items():
            if value is None:
                e.pop(name, None)
            else:
                e[name] = str(value)
        return e, body

    def cgi(self, program, method="GET", query="", body=None, headers=(),
            env=None, prefix=(), args=(), conf=True, timeout=60,
            limits=None, cwd=None, stdin=None, wait=True):
        """Run a program for one request, as a web server would by CGI.
        headers: a dict; prefix: a command to run it under; stdin: the bytes
        that really come, if they are not the body that was announced."""
        # A site behind a web server has a request of another kind.
        e, body = Site.request(self, program, method, query, body, headers,
                               env, conf)
        given = stdin if stdin is not None else (body or b"")
        p = self.popen([*prefix, self.bin / program, *args], env=e,
                       cwd=cwd or self.bin, limits=limits)
        if not wait:
            p.stdin.write(given)
            p.stdin.close()
            return p
        try:
            out, err = p.communicate(given, timeout=timeout)
        except subprocess.TimeoutExpired:
            kill_all(p)
            raise Late(f"{program}: no answer within {timeout} s") from None
        if not out:
            raise AssertionError(
                f"{program} printed nothing (exit {p.returncode}): {err!r}"
            )
        reply = split_cgi(out)
        reply.stderr = err.decode("utf-8", "replace")
        no_complaint(reply.stderr)
        reply.exit = p.returncode
        query = e["QUERY_STRING"]
        reply.url = f"{self.base_url}/{program}" + (f"?{query}" if query else "")
        return reply

    def popen(self, args, env=None, cwd=None, limits=None):
        who = pwd.getpwnam(self.user) if self.user else None

        def prepare():
            signal.pthread_sigmask(signal.SIG_SETMASK, set())
            if limits:
                limits()
            if who:
                os.setgroups([])
                os.setgid(who.pw_gid)
                os.setuid(who.pw_uid)

        return subprocess.Popen(
            [str(a) for a in args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=prepare,
        )

    def get(self, program, query="", **kw):
        return self.cgi(program, "GET", query, **kw)

    def post(self, program, fields=b"", **kw):
        return self.cgi(program, "POST", kw.pop("query", ""), fields, **kw)

    def notify(self, body, **kw):
        headers = {"Content-Type": "text/xml", **kw.pop("headers", {})}
        return self.post("notify", body, headers=headers, **kw)

    # -- the operator's command

    def h5pay(self, *args, conf=True, env=None, timeout=60, stdin=b"",
              cwd=None, prefix=()):
        """(exit status, stdout, stderr) of h5pay."""
        if "faketime" in prefix and sanitized(self.command):
            raise Skip("libfaketime and the sanitizer do not get on")
        e = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})}
        c = ["-c", self.conf_file] if conf else []
        p = self.popen([*prefix, self.command, *c, *args], env=e, cwd=cwd)
        try:
            out, err = p.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            kill_all(p)
            raise Late(f"h5pay {args}: not within {timeout} s") from None
        no_complaint(err.decode(errors="replace"))
        return p.returncode, out.decode(), err.decode()

    def show(self, order):
        """The order as h5pay show --json gives it, None if there is none."""
        code, out, err = self.h5pay("--json", "show", order)
        if code == 66:
            return None
        if code != 0:
            raise AssertionError(f"h5pay show {order}: {code} {out}{err}")
        return json.loads(out)

    # -- walks

    def link(self, order, total_fee=1, body="茶", key=LINK_KEY, **more):
        """The query of a signed pay link."""
        terms = {"order": order, "total_fee": total_fee, "body": body, **more}
        return link_query(terms, key)

    def order(self, order, total_fee=1, body="茶", headers=(), **more):
        """Send a buyer through the confirmation page: the 303's Reply."""
        page = self.get("checkout", self.link(order, total_fee, body, **more),
                        headers=headers)
        form = page.form("checkout")
        return self.post("checkout", form.fields, headers=headers)

    def token(self, reply):
        """t of an order, from the redirect_url in a 303 to the cashier."""
        return return_params(reply.header("Location"))["t"]

    def ready(self, order, total_fee=1, **more):
        """An order that awaits payment; its token."""
        reply = self.order(order, total_fee, **more)
        if reply.status != 303:
            raise AssertionError(f"checkout: {reply} {self.log()[-3:]}")
        return self.token(reply)

    def close(self):
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def conf_text(conf):
    """{"section.key": value} as INI."""
    sections = {}
    for key, value in conf.items():
        section, name = key.split(".", 1)
        sections.setdefault(section, []).append(f"{name} = {value}\n")
    return "".join(
        f"[{section}]\n{''.join(lines)}\n" for section, lines in sections.items()
    )


def query_params(url):
    return dict(
        urllib.parse.parse_qsl(
            urllib.parse.urlsplit(url).query, keep_blank_values=True
        )
    )


def return_params(cashier_url):
    """order and t from the redirect_url of a cashier link."""
    return query_params(query_params(cashier_url)["redirect_url"])


# --- behind lighttpd --------------------------------------------------------

LIGHTTPD = shutil.which("lighttpd") or "/usr/sbin/lighttpd"

_COMMON = """\
server.modules = ( "mod_indexfile", "mod_setenv" )
server.document-root = "{docroot}"
server.bind = "127.0.0.1"
server.port = {port}
server.systemd-socket-activation = "enable"
server.errorlog = "{folder}/lighttpd.log"
server.max-request-size = 4096
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html; charset=utf-8",
    ".css" => "text/css; charset=utf-8", ".svg" => "image/svg+xml" )
"""

_FASTCGI = """\
server.modules += ( "mod_fastcgi" )
fastcgi.server = (
{servers})
"""

_FASTCGI_ONE = """\
  "/cgi-bin/{program}" => (( "bin-path" => "{bin}/{program}{args}",
    "socket" => "{folder}/{program}.sock",
    "max-procs" => {procs},
    "check-local" => "disable",
    "bin-environment" => ({environment}),
    "bin-copy-environment" => ( "PATH" ) )),
"""

_CGI = """\
server.modules += ( "mod_cgi", "mod_alias" )
alias.url = ( "/cgi-bin/" => "{bin}/" )
$HTTP["url"] =~ "^/cgi-bin/" {{
  cgi.assign = ( "" => "" )
  setenv.add-environment = ( "H5PAY_CONF" => "{conf}" )
}}
"""


class Web(Site):
    """A Site behind lighttpd.  mode: "fastcgi" or "cgi"."""

    def __init__(self, build, gateway=None, conf=None, mode="fastcgi",
                 port=None, how="option", extra="", procs=1, **kw):
        self.mode = mode
        self.how = how  # how the programs are told their configuration
        self.extra = extra  # more lines of lighttpd configuration
        self.procs = procs
        self.socket = port if port is not None else listener()
        self.port = self.socket.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.server = None
        super().__init__(build, gateway, conf,
                         base_url=self.origin + "/cgi-bin", **kw)
        self.docroot = self.folder / "www"
        self.docroot.mkdir(exist_ok=True)
        self.start()

    def lighttpd_conf(self):
        text = _COMMON.format(docroot=self.docroot, port=self.port,
                              folder=self.folder)
        if self.mode == "cgi":
            return text + _CGI.format(bin=self.bin, conf=self.conf_file) + (
                self.extra
            )
        args, environment = "", ""
        if self.how == "option":
            args = f" -c {self.conf_file}"
        elif self.how == "environment":
            environment = f' "H5PAY_CONF" => "{self.conf_file}" '
        elif self.how == "parameter":
            text += (
                "setenv.add-environment = "
                f'( "H5PAY_CONF" => "{self.conf_file}" )\n'
            )
        servers = "".join(
            _FASTCGI_ONE.format(program=p, bin=self.bin, args=args,
                                folder=self.folder, procs=self.procs,
                                environment=environment)
            for p in PROGRAMS
        )
        return text + _FASTCGI.format(servers=servers) + self.extra

    def start(self):
        path = self.write("lighttpd.conf", self.lighttpd_conf())
        self.server_out = open(self.folder / "lighttpd.out", "ab")
        # The socket becomes descriptor 3, as systemd hands it over.
        self.server = spawn(
            ["sh", "-c", 'exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 '
             'exec "$0" -D -f "$1"', LIGHTTPD, path],
            stdin=self.socket,
            stdout=self.server_out,
            stderr=self.server_out,
        )

    def pids(self, program):
        """The living processes of a program, oldest first."""
        comm = program[:15]
        return sorted(
            p for p, c in family(self.server.pid).items() if c == comm
        )

    def workers(self, program):
        """Those of them that answer requests: all but a supervisor."""
        pids = self.pids(program)
        below = [p for p in pids if (_stat(p) or ("", "", 0))[2] in pids]
        return below or pids

    def stop(self):
        """Stop lighttpd and everything it started; True if all went by
        themselves."""
        if self.server is None:
            return True
        pids = list(family(self.server.pid))
        self.server.terminate()
        clean = True
        try:
            self.server.wait(10)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
            clean = False
        clean = stop_family(pids) and clean
        self.server_out.close()
        self.server = None
        return clean

    def close(self):
        self.stop()
        self.socket.close()
        out = (self.folder / "lighttpd.out").read_text(errors="replace")
        super().close()
        no_complaint(out)

    # -- requests over the wire, with the same arguments as plain CGI

    def request(self, method, path, body=None, headers=(), timeout=60):
        body = form_body(body)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        h = {"User-Agent": PHONE, "Connection": "close"}
        if body is not None:
            h["Content-Type"] = "application/x-www-form-urlencoded"
        h.update(dict(headers))
        try:
            c.request(method, path, body=body, headers=h)
            r = c.getresponse()
            return Reply(r.status, r.getheaders(), r.read(), self.origin + path)
        finally:
            c.close()

    def cgi(self, program, method="GET", query="", body=None, headers=(), **kw):
        if kw:
            return super().cgi(program, method, query, body, headers, **kw)
        if isinstance(query, dict):
            query = urllib.parse.urlencode(query)
        path = f"/cgi-bin/{program}" + (f"?{query}" if query else "")
        return self.request(method, path, body, headers)


# --- a browser --------------------------------------------------------------


def origin_of(url):
    u = urllib.parse.urlsplit(url)
    return f"{u.scheme}://{u.netloc}"


class Browser:
    """Goes from page to page over HTTP.  Sends Referer by the policy
    strict-origin (or the page's own) and Origin with a
    POST, follows redirects, keeps a history."""

    def __init__(self, user_agent=PHONE, lang="zh-CN,zh;q=0.9", headers=()):
        self.headers = {"User-Agent": user_agent, "Accept-Language": lang,
                        "Accept": "text/html", **dict(headers)}
        self.url = None
        self.reply = None
        self.trail = []  # (method, url, status, request headers)

    def _referer(self, to, policy):
        if self.url is None or policy == "no-referrer":
            return None
        if policy not in ("origin", "strict-origin") and origin_of(self.url) == origin_of(to):
            return self.url.split("#")[0]
        return origin_of(self.url) + "/"

    def _go(self, method, url, body=None, policy=None):
        body = form_body(body)
        policy = policy or (
            self.reply.header("Referrer-Policy") if self.reply else None
        )
        origin = origin_of(self.url) if self.url else None
        referer = self._referer(url, policy)
        for _ in range(10):
            u = urllib.parse.urlsplit(url)
            h = dict(self.headers)
            if referer:
                h["Referer"] = referer
            if method == "POST":
                h["Content-Type"] = "application/x-www-form-urlencoded"
                if origin:
                    h["Origin"] = origin
            c = http.client.HTTPConnection(u.hostname, u.port, timeout=60)
            try:
                path = (u.path or "/") + (f"?{u.query}" if u.query else "")
                c.request(method, path, body=body, headers=h)
                r = c.getresponse()
                reply = Reply(r.status, r.getheaders(), r.read(), url)
            finally:
                c.close()
            self.trail.append((method, url, reply.status, h))
            if reply.status not in (301, 302, 303, 307, 308):
                self.url, self.reply = url, reply
                return reply
            # A redirect keeps the referrer of the page that started it, cut
            # to its origin where the target is on another one.
            to = urllib.parse.urljoin(url, reply.header("Location"))
            if reply.header("Referrer-Policy") == "no-referrer":
                referer = None
            elif referer and origin_of(referer) != origin_of(to):
                referer = origin_of(referer) + "/"
            url, method, body = to, "GET", None
        raise AssertionError(f"redirects for ever: {self.trail[-3:]}")

    def open(self, url):
        """Type an address: no Referer."""
        self.url = self.reply = None
        return self._go("GET", url)

    def follow(self, href, policy=None):
        return self._go("GET", urllib.parse.urljoin(self.url, href),
                        policy=policy)

    def submit(self, form, **change):
        fields = form.with_(**change) if change else form.fields
        url = urllib.parse.urljoin(self.url, form.action or "")
        if (form.method or "get").lower() == "post":
            return self._go("POST", url, urllib.parse.urlencode(fields))
        return self._go("GET", url + "?" + urllib.parse.urlencode(fields))


def together(n, work):
    """Run work(0) ... work(n - 1) at the same time; their results in
    order."""
    gate = threading.Barrier(n)
    out = [None] * n
    failed = []

    def one(i):
        gate.wait()
        try:
            out[i] = work(i)
        except BaseException as e:  # handed to the caller below
            failed.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]
    return out

"""paths.py - every path of every program, and what it may answer when one of
its calls fails."""

import re
import time

import world

h5 = world.h5

FEE = 1200
OWN_FAULT = {(500, "error"), (503, "store-error"), (503, "busy")}
NO_GATEWAY = {(502, "gateway-error")}
# What reads the request failed: for us it is as if the buyer had left.
READS = {"read", "poll", "FCGX_GetStr", "FCGX_Accept_r"}
EXITS = {70, 74, 75, 78}


class Path:
    """name; program; start: the store it begins with; request: (environment,
    body), or args of the command; also: further (status, page) or exit
    codes; before: done before each run; fcgi: a worker is started for it; acks: its good
    answer promises that all is durable; at: seconds after the stores were
    made; later: seconds from a run to its repetition; alone: it depends on
    what else runs here."""

    def __init__(self, name, program, start, request=None, args=None, also=(),
                 before=None, fcgi=False, acks=False, at=10, later=None, alone=False):
        self.name = name
        self.program = program
        self.start = start
        self.request = request
        self.args = args
        self.also = set(also)
        self.before = before
        self.fcgi = fcgi
        self.acks = acks
        self.at = at
        self.alone = alone
        self.places = None  # of its calls, four bytes each; learned
        # An order that a fault left without an answer is the same order at
        # WeChat only with the same times.
        self.later = (0 if program == "checkout" else 900
                      ) if later is None else later


    def place(self, n):
        return self.places[4 * n:4 * n + 4]


def prepare(w):
    """Stores to start from; orders: A awaiting, P paid at WeChat and not
    known here, D paid, R refunding."""
    s = w.site
    w.tokens = {}
    orders = {"A": "Awaiting01", "P": "Payment01", "D": "Donepaid01",
              "E": "Refund0001"}
    w.form = s.get("checkout", s.link("Fresh00001", FEE)).form(
        "checkout").fields
    w.item = s.get("checkout", "item=tea&qty=2").form("checkout").fields
    for name, order in orders.items():
        w.tokens[name] = s.ready(order, FEE)
    w.orders = orders
    w.keep("awaiting")
    w.paid = {}
    for name in "PDE":
        w.paid[name] = w.gateway.pay(orders[name])["transaction_id"]
    for name in "DE":
        got = s.notify(h5.notice(orders[name], FEE, w.paid[name]))
        assert got.body == h5.SUCCESS, got
    w.keep("paid")
    w.gateway.option(refund_s=0, refund_gap_s=0, bill_early=1)
    code, out, err = s.h5pay("refund", orders["E"], "--yes")
    assert code == 0, err
    w.keep("refunding")
    # A writer was killed in the middle of its line.
    w.reset("awaiting")
    path = next(w.store.rglob(orders["P"] + ".ledger"))
    with open(path, "ab") as f:
        f.write(b'{"n":3,"at":"2026-11-23T16:40:12+08:00","event":"pa')
    w.keep("torn")
    w.made = int(time.time())
    w.down = w.conf("down", {"gateway.url": "http://127.0.0.1:9"})
    w.handoff = w.conf("handoff", {"site.handoff": "page"})
    w.hooked = w.conf("hooked", {"hooks.exec": w.folder / "hook"})
    w.webhook = w.conf("webhook", {
        "hooks.webhook_url": "http://127.0.0.1:9/hook",
        "hooks.webhook_secret": "whsec_" + "QUJD" * 8})
    w.fast = w.conf("fast", {"server.threads": "1"})


def web(w):
    s = w.site
    o, t = w.orders, w.tokens

    def get(program, query="", **kw):
        return s.request(program, "GET", query, **kw)

    def post(program, fields, **kw):
        return s.request(program, "POST", "", fields, **kw)

    def notice(order, fee=FEE, tx=None, **kw):
        return s.request(
            "notify", "POST", "", h5.notice(order, fee, tx or "42000012342026",
                                            **kw),
            headers={"Content-Type": "text/xml"})

    link = s.link("Fresh00001", FEE)
    again = {"order": o["A"], "t": t["A"], "again": "1"}
    click = {"order": o["A"], "t": t["A"]}
    click_paid = {"order": o["P"], "t": t["P"]}
    seen = {"order": o["D"], "t": t["D"]}
    json = {"Accept": "application/json"}
    expired = s.link("Fresh00002", FEE, expires="1700000000")
    other = s.get("checkout", s.link("Other00001", FEE)).form(
        "checkout").fields
    conflict = s.link(o["A"], FEE + 1)
    good = notice(o["P"], tx=w.paid["P"])
    out = [
        Path("checkout link", "checkout", "awaiting", get("checkout", link)),
        Path("checkout item", "checkout", "nothing",
             get("checkout", "item=tea&qty=2")),
        Path("checkout item, amount asked", "checkout", "nothing",
             get("checkout", "item=gift&lang=en")),
        Path("checkout bad link", "checkout", "nothing",
             get("checkout", link[:-2] + "00")),
        Path("checkout link expired", "checkout", "nothing",
             get("checkout", expired)),
        Path("checkout unknown item", "checkout", "nothing",
             get("checkout", "item=none")),
        Path("checkout unknown parameter", "checkout", "nothing",
             get("checkout", "item=tea&x=y")),
        Path("checkout inside WeChat", "checkout", "nothing",
             get("checkout", link, headers={"User-Agent": h5.WECHAT})),
        Path("checkout conflict", "checkout", "awaiting",
             get("checkout", conflict)),
        Path("checkout of a paid order", "checkout", "paid",
             get("checkout", s.link(o["D"], FEE))),
        Path("checkout PUT", "checkout", "nothing",
             s.request("checkout", "PUT", link)),
        Path("checkout too large", "checkout", "nothing",
             post("checkout", b"x" * 17000)),
        Path("checkout foreign origin", "checkout", "nothing",
             post("checkout", w.form,
                  headers={"Origin": "https://evil.example"})),
        Path("checkout order, no store yet", "checkout", "nothing",
             post("checkout", w.form), also=NO_GATEWAY, acks=True),
        Path("checkout order", "checkout", "awaiting",
             post("checkout", w.form), also=NO_GATEWAY, acks=True),
        Path("checkout order of an item", "checkout", "awaiting",
             post("checkout", w.item), also=NO_GATEWAY, acks=True),
        Path("checkout order, handoff page", "checkout", "awaiting",
             post("checkout", w.form, env={"H5PAY_CONF": w.handoff}),
             also=NO_GATEWAY, acks=True),
        Path("checkout pay again", "checkout", "awaiting",
             post("checkout", again), also=NO_GATEWAY, acks=True),
        Path("checkout pay again, paid at WeChat", "checkout", "awaiting",
             post("checkout", {**click_paid, "again": "1"}),
             also=NO_GATEWAY, acks=True),
        Path("checkout handoff", "checkout", "awaiting",
             get("checkout", {**click, "go": "1"})),
        Path("checkout, WeChat unreachable", "checkout", "awaiting",
             post("checkout", other, env={"H5PAY_CONF": w.down})),
        Path("notify good", "notify", "awaiting", good, acks=True),
        Path("notify good, torn tail", "notify", "torn", good, acks=True),
        Path("notify repeated", "notify", "paid",
             notice(o["D"], tx=w.paid["D"])),
        Path("notify forged", "notify", "awaiting",
             notice(o["P"], key="0" * 32)),
        Path("notify malformed", "notify", "awaiting",
             post("notify", b"<xml><a>1</b></xml>")),
        Path("notify wrong amount", "notify", "awaiting",
             notice(o["A"], FEE + 1)),
        Path("notify unknown order", "notify", "awaiting",
             notice("Nobodys001")),
        Path("notify refund", "notify", "refunding", w.refund_notice,
             acks=True),
        Path("notify GET", "notify", "awaiting", get("notify")),
        Path("return-page awaiting", "return-page", "awaiting",
             get("return-page", click)),
        Path("return-page paid", "return-page", "paid",
             get("return-page", {**seen, "lang": "en"})),
        Path("return-page wrong token", "return-page", "awaiting",
             get("return-page", {**click, "t": t["P"]})),
        Path("query page awaiting", "query", "awaiting", get("query", click)),
        Path("query page paid", "query", "paid", get("query", seen)),
        Path("query click, unpaid", "query", "awaiting",
             post("query", click), also=NO_GATEWAY),
        Path("query click, paid at WeChat", "query", "awaiting",
             post("query", click_paid), also=NO_GATEWAY),
        Path("query click, known as paid", "query", "paid",
             post("query", seen)),
        Path("query JSON", "query", "awaiting",
             post("query", click_paid, headers=json), also={(502, None)}),
        Path("query JSON, WeChat unreachable", "query", "awaiting",
             post("query", click, headers=json,
                  env={"H5PAY_CONF": w.down})),
        Path("query foreign token", "query", "awaiting",
             post("query", {**click, "t": t["P"]})),
        Path("checkout: FastCGI", "checkout", "awaiting",
             post("checkout", w.form), also=NO_GATEWAY, acks=True, fcgi=True),
        Path("notify: FastCGI", "notify", "awaiting", good, acks=True,
             fcgi=True),
        Path("return-page: FastCGI", "return-page", "awaiting",
             get("return-page", click), fcgi=True),
        Path("query: FastCGI", "query", "awaiting", post("query", click_paid),
             also=NO_GATEWAY, fcgi=True),
    ]
    for program in h5.PROGRAMS:
        out.append(Path(f"{program} -t", program, "nothing", args=["-t"]))
    return out


def command(w):
    s = w.site
    o = w.orders
    day = w.day

    def close_open():
        w.gateway.set_state(o["A"], "NOTPAY")

    def path(name, start, *args, conf=None, **kw):
        return Path("h5pay " + name, "h5pay", start,
                    args=["-c", conf or s.conf_file, *args], **kw)

    wechat = {69}
    return [
        path("check", "nothing", "check"),
        path("explain", "nothing", "explain", "ORDERPAID"),
        path("link", "nothing", "link", "--order", "Fresh00003",
             "--total-fee", "5", "--body", "Tea"),
        path("list", "refunding", "list"),
        path("list --json", "refunding", "list", "--json", "--state", "paid"),
        path("show", "refunding", "show", o["E"]),
        path("show --json", "refunding", "show", "--json", o["E"]),
        path("show nobody", "paid", "show", "Nobodys001"),
        path("query", "awaiting", "query", o["P"], also=wechat, acks=True),
        path("query --json, unpaid", "awaiting", "query", "--json", o["A"],
             also=wechat),
        path("close", "awaiting", "close", o["A"], also=wechat,
             before=close_open, acks=True),
        path("refund", "paid", "refund", o["D"], "--fee", "500", "--yes",
             also=wechat, acks=True),
        path("sweep", "awaiting", "sweep", also=wechat, acks=True, at=900),
        path("sweep, hook", "paid", "sweep", "--order", o["D"],
             conf=w.hooked, also=wechat, acks=True),
        path("sweep, webhook down", "paid", "sweep", "--order", o["D"],
             conf=w.webhook, also=wechat),
        path("sweep, refund", "refunding", "sweep", "--order", o["E"],
             also=wechat, acks=True),
        path("hook list", "paid", "hook", "list", conf=w.hooked),
        path("hook retry", "paid", "hook", "retry", o["D"], conf=w.hooked,
             also=wechat, acks=True),
        path("hook test", "paid", "hook", "test", conf=w.hooked, also=wechat),
        path("bill", "paid", "bill", day, also=wechat),
        path("reconcile", "awaiting", "reconcile", day, also=wechat),
        path("reconcile --fix", "awaiting", "reconcile", day, "--fix",
             also=wechat),
        path("report", "refunding", "report", day, "-o", w.folder / "report"),
        path("export csv", "refunding", "export", "--format", "csv"),
        path("export json", "refunding", "export", "--format", "json"),
        path("status", "refunding", "status"),
        path("status --prometheus", "refunding", "status", "--prometheus",
             w.folder / "prom"),
        path("support", "refunding", "support", o["E"], "-o",
             w.folder / "support"),
        # What cannot be read is a finding.
        path("fsck", "refunding", "fsck", also={1}),
        path("fsck --repair", "torn", "fsck", "--repair", also={1}),
        # It looks at what else runs on this machine: not for the sample.
        path("doctor", "paid", "doctor", also={1, 69}, alone=True),
    ]


# --- one answer beside another ----------------------------------------------

VARIES = [
    (rb"\b[0-9a-f]{16,64}\b", b"#"),
    (rb"after \d+ ms", b"after # ms"),
    (rb"\w+\tprocesses\t[^\n]*", b"processes#"),
    (rb"\d+ MiB left", b"# MiB left"),
    (rb"\d+ s (ahead of|behind) WeChat", b"# s beside WeChat"),
    (rb"prepay_id=wx\w+", b"prepay_id=#"),
    (rb"package=\d+", b"package=#"),
    (rb"\b(?:[0-9a-f]{4}-){3}[0-9a-f]{4}\b", b"order#"),
    (rb"\bh5c=[^;\r\n]+", b"h5c=browser#"),
    (rb"name=\"form\" value=\"[\w-]+\"", b"form#"),
    (rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\+08:00)?", b"time#"),
    (rb"\b\d\d:\d\d(:\d\d)?\b", b"time#"),
]


def same(data):
    """An answer without what is another in each run."""
    for what, instead in VARIES:
        data = re.sub(what, instead, data)
    return re.sub(rb"(?i)content-length: \d+", b"content-length: #", data)


def whole(raw):
    """A Reply, or None: half of one, or none at all."""
    try:
        r = h5.split_cgi(raw)
        length = r.header("Content-Length")
    except (AssertionError, ValueError, UnicodeDecodeError):
        return None
    if b"\r\n\r\n" not in raw or not raw.startswith(b"Status: "):
        return None
    if length is None or int(length) != len(r.body):
        return None
    return r


def judge_notify(r, good, run, path):
    if r.body == h5.SUCCESS:
        if good.body != h5.SUCCESS:
            return "SUCCESS for what deserves none"
        if run.early:
            return "SUCCESS before the ledger is durable"
        return None
    if not h5.FAIL.match(r.body):
        return f"neither SUCCESS nor FAIL: {r.body[:200]!r}"
    if r.status not in (good.status, 200, 500):
        return f"status {r.status}"
    return None


def judge_problem(r, allowed):
    """A refusal in the words of programs: whole, and one of ours."""
    if r.status not in {s for s, _ in allowed}:
        return f"answers {r.status} as a problem"
    try:
        told = r.json
    except ValueError:
        return f"half a problem: {r.body[:200]!r}"
    return None if told.get("status") == r.status else "another status"


def judge_page(r, good, run, path):
    if same(run.out) == path.good:
        return None
    kind = r.header("Content-Type") or ""
    page = r.page if kind.startswith("text/html") else None
    allowed = OWN_FAULT | path.also
    if path.request[0]["REQUEST_METHOD"] == "HEAD":
        return None if r.status in {s for s, _ in allowed} else "status"
    if run.name in READS:
        allowed = allowed | {(400, "bad-request")}
    if kind.startswith("application/problem+json"):
        return judge_problem(r, allowed)
    if (r.status, page) not in allowed:
        return f"answers {r.status} {page}"
    if page is not None and not r.body.rstrip().endswith(b"</html>"):
        return "half a page"
    return None


def judge_web(run, path):
    """None, or what is wrong with an answer of a web program."""
    good = whole(path.good_raw)
    if not run.out:
        # Nothing at all: the web server answers 500.
        if run.exit == 0 and run.name not in ("write", "FCGX_PutStr",
                                              "FCGX_FClose", "accept4",
                                              "FCGX_Accept_r"):
            return "no answer, and exit 0"
        return None
    r = whole(run.out)
    if r is None:
        return f"half an answer: {run.out[:80]!r} ... {run.out[-80:]!r}"
    if path.program in ("notify", "control"):
        return judge_notify(r, good, run, path)
    if path.acks and r.status == good.status and run.early:
        return "good, before the ledger is durable"
    return judge_page(r, good, run, path)


def judge_command(run, path):
    if run.exit == path.good_exit and same(run.out) == path.good:
        return None
    if run.exit == path.good_exit and path.good_exit not in (0, 1):
        return None
    if run.exit not in EXITS | path.also:
        return (f"exit {run.exit}, {len(run.out)} bytes, not "
                f"{path.good_exit} with {len(path.good_raw)}: "
                f"{run.err[-300:]!r}")
    if not run.err and not run.out:
        return f"exit {run.exit} without a word"
    return None


def acknowledged(run, path):
    """Does the answer promise that what was asked for is done?"""
    if not path.acks:
        return False
    if path.args is not None:
        return run.exit == 0
    r = whole(run.out)
    if r is None:
        return False
    if path.program in ("notify", "control"):
        return r.body == h5.SUCCESS
    return r.status == whole(path.good_raw).status

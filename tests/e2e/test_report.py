"""h5pay export, status, report and support."""

import csv
import datetime
import html.parser
import io
import json
import re
import subprocess
import time

import h5
from case import table, test

BEIJING = datetime.timezone(datetime.timedelta(hours=8))


def today():
    return datetime.datetime.now(BEIJING).date().isoformat()


def shop(t, **conf):
    """A shop with four orders: paid, awaiting, disputed, and one paid by
    query."""
    s = t.own_site(conf)
    ids = {k: t.id(k[:3]) for k in ("paid", "open", "disputed", "asked")}
    for order in ids.values():
        s.ready(order, 628, body='=cmd|"x", 茶', attach="座 7, 王小明")
    end = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 28800))
    t.success(s.notify(h5.notice(ids["paid"], 628, time_end=end)))
    t.refused(s.notify(h5.notice(ids["disputed"], 627, time_end=end)))
    t.gateway.pay(ids["asked"])
    code, out, err = s.h5pay("query", ids["asked"])
    t.eq(code, 0, f"query, {err!r}")
    return s, ids


# --- export -----------------------------------------------------------------


@test("export --format csv is RFC 4180, formulas defused")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("export", "--format", "csv")
    t.eq((code, err), (0, ""), "exit status")
    t.eq(out.count("\r\n"), 5, "lines")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    t.eq({r["order"] for r in rows}, set(ids.values()), "orders")
    by = {r["order"]: r for r in rows}
    paid = by[ids["paid"]]
    t.eq((paid["state"], paid["total_fee"], paid["yuan"], paid["body"],
          paid["attach"], paid["paid_via"], paid["attempts"],
          paid["refunded_fee"], paid["out_trade_no"]),
         ("paid", "628", "6.28", "'=cmd|\"x\", 茶", "座 7, 王小明", "notify",
          "1", "0", ids["paid"]), "the paid one")
    t.matches(paid["paid_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$",
              "paid_at")
    t.eq(by[ids["disputed"]]["alerts"], "disputed", "alerts")
    t.eq(by[ids["open"]]["paid_at"], "", "paid_at of an unpaid one")


@test("export --bom begins with a byte order mark, and only then")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("export", "--format", "csv", "--bom")
    t.ok(out.startswith("\ufefforder,"), out[:20])
    code, out, err = s.h5pay("export", "--format", "csv")
    t.ok(out.startswith("order,"), out[:20])


@table("A11: {0} leaves export so that a spreadsheet neither runs nor "
       "shortens it", [
    ("a formula with a full-width sign", {"body": "＝1+1"}, "body", "'＝1+1"),
    ("a formula behind a blank", {"body": " =1+1"}, "body", "' =1+1"),
    ("a formula behind a wide blank", {"attach": "　@SUM(A1)"}, "attach",
     "'　@SUM(A1)"),
    ("a member's number of 18 digits", {"attach": "440106199001012345"},
     "attach", "`440106199001012345"),
    ("a number with zeros in front", {"attach": "007"}, "attach", "`007"),
    ("a price", {}, "yuan", "6.28"),
    ("WeChat's number", {}, "transaction_id", "`TRANSACTION"),
])
def _(t, what, terms, column, want):
    s = t.own_site()
    order = t.id()
    s.ready(order, 628, **terms)
    t.success(s.notify(h5.notice(order, 628)))
    known = s.show(order)
    for args in ([], ["--bom"]):
        code, out, err = s.h5pay("export", "--format", "csv", *args)
        t.eq(code, 0, f"exit status, {err!r}")
        (row,) = csv.DictReader(io.StringIO(out.lstrip("\ufeff"), newline=""))
        t.eq(row[column], want.replace("TRANSACTION",
                                       known["transaction_id"]), column)


@test("A11: an order's number is taken back as export writes it")
def _(t):
    s = t.own_site()
    order = "20261130000000000017"
    s.ready(order, 628)
    code, out, err = s.h5pay("export", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out, newline=""))
    t.eq(row["order"], "`" + order, "order")
    for verb in ("show", "query", "close"):
        code, out, err = s.h5pay("--json", verb, row["order"])
        t.contains((0, 1), code, f"{verb}: exit status, {err!r}")
        t.eq(json.loads(out)["order"], order, verb)


@test("export --format json is show --json, a line an order")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("export", "--format", "json")
    t.eq(code, 0, f"exit status, {err!r}")
    got = {o["order"]: o for o in map(json.loads, out.splitlines())}
    t.eq(set(got), set(ids.values()), "orders")
    for order in ids.values():
        t.eq(got[order], s.show(order), order)


@test("export --since and --until choose by the time an order was made")
def _(t):
    s, ids = shop(t)
    for args, n in ((["--since", "today"], 4), (["--until", "today"], 0),
                    (["--since", "1h", "--until", today()], 0),
                    (["--since", "1h"], 4)):
        code, out, err = s.h5pay("export", "--format", "json", *args)
        t.eq((code, len(out.splitlines())), (0, n), str(args))


@table("export {0} is a usage fault", [
    "", "--format xml", "--format json --bom", "--format csv --since x",
    "--format csv x", "--what"])
def _(t, args):
    code, out, err = t.site.h5pay("export", *args.split())
    t.eq((code, out), (64, ""), f"exit status and stdout, {err!r}")


@test("export prints the others when an order is broken, exit 65")
def _(t):
    s, ids = shop(t)
    (ledger,) = [p for p in s.store.rglob("*") if ids["open"] in p.name]
    ledger.write_bytes(b"!" + ledger.read_bytes()[1:])
    code, out, err = s.h5pay("export", "--format", "json")
    t.eq((code, len(out.splitlines())), (65, 3), f"exit status, {err!r}")
    t.contains(err, ids["open"], "stderr")


# --- status -----------------------------------------------------------------


@test("status counts orders, amounts, what is open, and the last sweep")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("--json", "status")
    t.eq((code, err), (0, ""), "exit status")
    got = json.loads(out)
    t.eq((got["orders"]["paid"], got["orders"]["awaiting"],
          got["amount_fen"]["paid"], got["alerts"]["disputed"],
          got["unresolved"], got["hooks_pending"], got["last_sweep"],
          got["broken"]),
         (2, 2, 1256, 1, 2, 0, None, 0), "the counts")
    before = time.time()
    code, out, err = s.h5pay("sweep")
    t.eq(code, 0, f"sweep, {err!r}")
    code, out, err = s.h5pay("--json", "status")
    at = datetime.datetime.fromisoformat(json.loads(out)["last_sweep"])
    t.ok(before - 2 < at.timestamp() < time.time() + 1, f"last sweep {at}")
    code, out, err = s.h5pay("status")
    t.contains(out, "paid\t2\t12.56\n", "for a person")
    code, out, err = s.h5pay("fsck")
    t.eq(code, 0, f"fsck, {out}{err}")


@test("status counts events that the shop has not taken")
def _(t):
    s, ids = shop(t, **{"hooks.exec": "/bin/false"})
    code, out, err = s.h5pay("--json", "status")
    t.ok(json.loads(out)["hooks_pending"] >= 2, out)


def certificate(s, days, start="-1h"):
    """The shop's certificate for refunds: so many days from start, as
    faketime says it."""
    cert, key = s.folder / "refunds.pem", s.folder / "refunds.key"
    args = ["faketime", "-f", start, "openssl", "req", "-x509", "-newkey",
            "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
            "-days", days, "-subj", "/CN=" + s.conf["merchant.mch_id"]]
    subprocess.run([str(a) for a in args], check=True, capture_output=True)
    key.chmod(0o600)
    s.configure({"merchant.cert_file": cert, "merchant.key_file": key})
    return cert


def told(s):
    return [x for x in s.log() if "certificate-" in x]


def on_report(s):
    """The report's line about the certificate; None: it has none."""
    code, out, err = s.h5pay("report", today(), "--json")
    return next((p["order"] for p in json.loads(out)["problems"]
                 if p["problem"] == "certificate"), "no line")


@table("a certificate for refunds of {0} days from {1}: {2} days left", [
    (32, "-1h", 31, False), (31, "-1h", 30, False), (30, "-1h", 29, True),
    (1, "-1h", 0, True), (2, "-25h", 0, True), (1, "-25h", -1, True),
    (1, "-49h", -2, True), (1, "-9601h", -400, True),
    (3650, "-1h", 3649, False)])
def _(t, days, start, left, alarm):
    s, ids = shop(t)
    certificate(s, days, start)
    code, out, err = s.h5pay("--json", "status")
    t.eq((code, err), (0, ""), "exit status")
    (got,) = json.loads(out)["certificates"]
    t.eq((got["certificate"], got["days"], got["alarm"]),
         ("api", left, alarm), got)
    ends = datetime.datetime.fromisoformat(got["ends"]).timestamp()
    t.eq((ends - time.time()) // 86400, left, "the day it ends")
    code, out, err = s.h5pay("status")
    t.eq("certificate\tapi\t" in out, alarm, out)
    if alarm:
        t.contains(out, "ended" if left < 0 else "ends", "status")
    s.h5pay("sweep")
    t.eq(len(told(s)), alarm, "alerts")
    if alarm:
        t.ok(told(s)[0].startswith("alert"), told(s))
        t.contains(told(s)[0], f"days={left}", "the alert")
    t.eq(on_report(s), None if alarm else "no line", "the report")


@test("a certificate that ends is told once a day, by a whole sweep alone")
def _(t):
    s, ids = shop(t)
    certificate(s, 3)
    s.h5pay("sweep", "--order", ids["paid"])
    s.h5pay("status")
    t.eq(len(told(s)), 0, "alerts of a sweep of one order")
    s.h5pay("sweep")
    s.h5pay("sweep")
    t.eq(len(told(s)), 1, "alerts of two sweeps")
    note = s.store / "certificates"
    t.eq(note.stat().st_mode & 0o777, 0o600, "mode")
    at = int(note.read_text())
    # A day and a second ago; a clock that was set back; what is no time.
    for i, text in enumerate([f"{at - 86401}\n", f"{at + 9999}\n", "",
                              "soon\n", "9" * 30 + "\n", "-" + "9" * 25 + "\n",
                              "x" * 4096]):
        note.write_text(text)
        s.h5pay("sweep")
        s.h5pay("sweep")
        t.eq(len(told(s)), 2 + i, f"alerts after {text[:20]!r}")
    note.write_text(f"{at - 86300}\n")
    s.h5pay("sweep")
    t.eq(len(told(s)), 8, "alerts within the day")
    code, out, err = s.h5pay("fsck")
    t.eq(code, 0, f"fsck, {out}{err}")


@table("a certificate for refunds that is {0} is told with its reason", [
    ("no certificate", b"hello\n", "PEM"),
    ("empty", b"", "PEM"), ("cut", 200, "PEM")])
def _(t, name, text, why):
    s, ids = shop(t)
    cert = certificate(s, 300)
    cert.write_bytes(cert.read_bytes()[:text] if text == 200 else text)
    code, out, err = s.h5pay("--json", "status")
    (got,) = json.loads(out)["certificates"]
    t.eq((got["ends"], got["days"], got["alarm"]), (None, None, True), got)
    code, out, err = s.h5pay("status")
    t.matches(out, f"certificate\tapi\t.*{why}", "status")
    s.h5pay("sweep")
    t.contains(told(s)[0], why, "the alert")
    t.eq(on_report(s), None, "the report")


@test("a shop without a certificate is told of none")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("--json", "status")
    t.eq(json.loads(out)["certificates"], [], "status")
    s.h5pay("sweep")
    t.eq(told(s), [], "alerts")
    t.eq(on_report(s), "no line", "the report")


SAMPLE = re.compile(r'[a-z0-9_]+(\{[a-z]+="[^"\\]*"\})? \d+\Z')


@test("status --prometheus writes a whole text file in one step")
def _(t):
    s, ids = shop(t)
    path = s.folder / "h5pay.prom"
    path.write_text("old")
    inode = path.stat().st_ino
    code, out, err = s.h5pay("status", "--prometheus", path)
    t.eq((code, out, err), (0, "", ""), "exit status and output")
    t.ok(path.stat().st_ino != inode, "replaced, not rewritten")
    t.eq(path.stat().st_mode & 0o777, 0o644, "mode")
    text = path.read_text()
    t.ok(text.endswith("\n"), "final newline")
    typed = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            t.eq(kind, "gauge", name)
            t.no(name in typed, f"{name} typed twice")
            typed.add(name)
        elif not line.startswith("# HELP "):
            t.matches(line, SAMPLE.pattern, "a sample")
            t.ok(re.split(r"[{ ]", line)[0] in typed, f"{line} is typed")
    t.contains(text, 'h5pay_orders{state="paid"} 2\n', "orders")
    t.contains(text, 'h5pay_order_amount_fen{state="paid"} 1256\n', "fen")
    t.contains(text, "h5pay_unresolved_orders 2\n", "open")
    for order in ids.values():
        t.lacks(text, order, "labels")
    t.eq([p.name for p in s.folder.iterdir() if "prom" in p.name],
         ["h5pay.prom"], "files left")


@test("status --prometheus into a folder that is not there exits 74")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("status", "--prometheus",
                             s.folder / "nowhere" / "x.prom")
    t.eq(code, 74, f"exit status, {err!r}")


@table("status {0} is a usage fault", ["x", "--prometheus", "--what"])
def _(t, args):
    code, out, err = t.site.h5pay("status", *args.split())
    t.eq((code, out), (64, ""), f"exit status and stdout, {err!r}")


# --- report -----------------------------------------------------------------


class Page(html.parser.HTMLParser):
    VOID = {"meta", "line", "rect"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.loads = [], [], [], []
        self.rows, self.lang = [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.tags.append((tag, a))
        if tag == "html":
            self.lang = a["lang"]
        for name in ("src", "href", "data", "action"):
            if name in a:
                self.loads.append(a[name])
        if tag == "tr":
            self.rows.append([])
        if tag not in self.VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes another")

    def handle_data(self, data):
        if self.open and self.open[-1] in ("style", "title"):
            return
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1].append(data)
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def report(t, s, *args):
    code, out, err = s.h5pay("report", *args)
    t.eq((code, err), (0, ""), f"exit status of report {args}")
    return out, Page(out)


@test("report is one file that loads nothing, problems first")
def _(t):
    s, ids = shop(t)
    out, page = report(t, s, "today", "--lang", "en")
    t.eq(page.open, [], "elements left open")
    t.eq(page.loads, [], "what it loads")
    t.lacks(out, "<script", "the page")
    t.lacks(out, "{{", "the page")
    t.eq(page.lang, "en", "lang")
    t.ok(page.text.index("Open problems") < page.text.index("Orders by hour"),
         "problems first")
    t.contains(page.text, ids["disputed"], "problems")
    t.contains(page.text, "No sweep in the last ten minutes", "problems")
    t.contains(page.text, "orders 4", "figures")
    t.contains(page.text, "received (yuan) 12.56", "figures")
    t.contains(page.text, "share of orders paid 50 %", "figures")


@test("report shows the same numbers as bars and as tables")
def _(t):
    s, ids = shop(t)
    out, page = report(t, s, "today", "--lang", "en")
    hours = [r for r in page.rows if re.fullmatch(r"\d\d", r[0])]
    t.eq(len(hours), 24, "hours")
    t.eq([sum(int(r[i]) for r in hours) for i in (1, 2, 3, 4)],
         [2, 0, 1, 1], "paid, abandoned, failed, open")
    days = [r for r in page.rows if re.fullmatch(r"\d\d-\d\d", r[0])]
    t.eq((len(days), days[-1]), (30, [today()[5:], "12.56"]), "days")
    wait = {r[0]: r[1] for r in page.rows if r[0].startswith(("<", "by"))}
    t.eq(wait["by query"], "1", "learned by query")
    bars = [a["class"] for tag, a in page.tags if tag == "rect"]
    t.eq(sorted(set(bars)), ["failed", "open", "paid"], "bars")
    for tag, a in page.tags:
        if tag == "rect":
            t.ok(float(a["y"]) + float(a["height"]) <= 156.05 and
                 float(a["y"]) >= 7.9, f"a bar inside the chart: {a}")


@test("report --json is the numbers of the page")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("report", "today", "--json")
    t.eq((code, err), (0, ""), "exit status")
    r = json.loads(out)
    t.eq((r["period"], r["orders"], r["orders_paid"], r["paid_fee"]),
         (today(), 4, 2, 1256), "figures")
    t.contains([p["order"] for p in r["problems"]], ids["disputed"],
               "problems")
    t.eq([sum(h[k] for h in r["hours"])
          for k in ("paid", "abandoned", "failed", "open")],
         [2, 0, 1, 1], "hours")
    t.eq(r["days"][-1], {"day": today(), "paid_fee": 1256}, "days")
    t.eq(sum(x["payments"] for x in r["order_to_paid"]), 2, "waits")
    t.eq(r["learned_by_query"], 1, "learned by query")


@test("report speaks the shop's language, or the one that is asked for")
def _(t):
    s, ids = shop(t)
    out, page = report(t, s, "today")
    t.eq(page.lang, "zh-CN", "lang")
    t.contains(page.text, "待处理的问题", "words")
    s.configure({"site.lang": "en"})
    out, page = report(t, s, "today")
    t.eq(page.lang, "en", "lang")
    out, page = report(t, s, "today", "--lang", "zh-CN")
    t.eq(page.lang, "zh-CN", "lang")


@test("both languages of the report have the same words")
def _(t):
    s = t.own_site()
    texts = {}
    for lang in ("en", "zh-CN"):
        out, page = report(t, s, "today", "--lang", lang)
        texts[lang] = [a for tag, a in page.tags if tag in ("h2", "section")]
        t.eq(out.count("></"), texts.setdefault("n", out.count("></")),
             "empty elements")
    t.eq(texts["en"], texts["zh-CN"], "sections")


@test("report of a month covers its days, -o writes a file of 0600")
def _(t):
    s, ids = shop(t)
    path = s.folder / "report.html"
    month = today()[:7]
    out, page = report(t, s, month, "--lang", "en", "-o", path)
    t.eq(out, "", "stdout")
    t.eq(path.stat().st_mode & 0o777, 0o600, "mode")
    page = Page(path.read_text())
    days = [r for r in page.rows if re.fullmatch(r"\d\d-\d\d", r[0])]
    year, number = map(int, month.split("-"))
    after = datetime.date(year + number // 12, number % 12 + 1, 1)
    t.eq(len(days), (after - datetime.date(year, number, 1)).days, "days")
    t.contains(page.text, month, "period")
    out, page = report(t, s, "2024-02", "--lang", "en")
    t.contains(page.text, "No data for this period.", "an empty month")


@test("a shop's name cannot leave its place in the report")
def _(t):
    s = t.own_site({"site.name": "<b>&\"Tea\"</b>"})
    out, page = report(t, s, "today", "--lang", "en")
    t.lacks(out, "<b>", "the page")
    t.contains(page.text, '<b>&"Tea"</b>', "the name")


@table("report {0} is a usage fault", [
    "", "whenever", "2026-13", "today --lang fr", "today today", "--what"])
def _(t, args):
    code, out, err = t.site.h5pay("report", *args.split())
    t.eq((code, out), (64, ""), f"exit status and stdout, {err!r}")


@test("report of a day to come exits 65, into nowhere 74")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("report", "2999-01")
    t.eq(code, 65, f"exit status, {err!r}")
    code, out, err = s.h5pay("report", "today", "-o", s.folder / "no" / "x")
    t.eq(code, 74, f"exit status, {err!r}")


# --- support ----------------------------------------------------------------


@test("support tells an order's whole story and no secret")
def _(t):
    s, ids = shop(t, **{"merchant.api_key": h5.API_KEY,
                        "merchant.api_key_file": None,
                        "hooks.webhook_url":
                            "http://127.0.0.1:9/hook-path-secret",
                        "hooks.webhook_secret":
                            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    s.write("h5pay.conf", "# old_key = forgotten-old-secret\n" +
            s.conf_file.read_text())
    shown = s.show(ids["paid"])
    code, out, err = s.h5pay("support", ids["paid"])
    t.eq((code, err), (0, ""), "exit status")
    for part in (ids["paid"], shown["transaction_id"], '"event":"paid"',
                 "== versions", "== configuration", "== log",
                 "info order-paid", f"appid = {h5.APPID}",
                 "api_key = (hidden)", "webhook_secret = (hidden)"):
        t.contains(out, part, "the bundle")
    for secret in (h5.API_KEY, h5.SECRET, h5.LINK_KEY, "whsec_",
                   "hook-path-secret", "forgotten", "prepay_id=", "王小明",
                   '"spbill_create_ip":"127'):
        t.lacks(out, secret, "the bundle")
    for other in (ids["open"], ids["asked"]):
        t.lacks(out, other, "another's order")


@test("support --json is one object, -o a file of 0600")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("--json", "support", ids["open"])
    t.eq(code, 0, f"exit status, {err!r}")
    got = json.loads(out)
    t.eq(got["order"]["order"], ids["open"], "order")
    t.contains(got["versions"], "h5pay ", "versions")
    path = s.folder / "bundle.txt"
    code, out, err = s.h5pay("support", ids["open"], "-o", path)
    t.eq((code, out), (0, ""), f"exit status and stdout, {err!r}")
    t.eq(path.stat().st_mode & 0o777, 0o600, "mode")
    t.contains(path.read_text(), ids["open"], "the file")


@test("support without a log says where to look")
def _(t):
    s, ids = shop(t)
    s.configure({"log.file": None})
    code, out, err = s.h5pay("support", ids["open"])
    t.contains(out, "log.file is not set", "the bundle")
    s.configure({"log.file": s.folder / "gone" / "log"})
    code, out, err = s.h5pay("support", ids["open"])
    t.eq(code, 0, f"exit status, {err!r}")


@test("support of an order that does not exist exits 66, without one 64")
def _(t):
    s, ids = shop(t)
    code, out, err = s.h5pay("support", "nobodys-order")
    t.eq((code, out), (66, ""), f"exit status, {err!r}")
    for args in ([], ["a", "b"], ["--what", "abcdefg"]):
        code, out, err = s.h5pay("support", *args)
        t.eq((code, out), (64, ""), f"exit status of {args}, {err!r}")
    code, out, err = s.h5pay("support", ids["open"], "-o",
                             s.folder / "no" / "x")
    t.eq(code, 74, f"exit status, {err!r}")

"""h5pay bill and reconcile: WeChat's bill of a day against the orders."""

import csv
import datetime
import gzip
import io
import json
import shutil
import time

import h5
import test_ways
from case import table, test

BEIJING = datetime.timezone(datetime.timedelta(hours=8))


class Day:
    """A day some days ago, in Beijing."""

    def __init__(self, ago):
        date = datetime.datetime.now(BEIJING).date()
        self.date = date - datetime.timedelta(days=ago)
        self.text = self.date.isoformat()
        self.start = int(datetime.datetime.combine(
            self.date, datetime.time(), BEIJING).timestamp())

    def at(self, hour, minute=0):
        return self.start + hour * 3600 + minute * 60


def shop(t, ago=1, **conf):
    """A shop with a gateway of its own, whose clock may be moved."""
    g = t.own_gateway()
    return t.own_site(conf, gateway=g), g, Day(ago)


def paid(t, s, g, when, fee=628, tell=True, **more):
    """An order that was paid at that time; told: known here as paid."""
    order = t.id()
    g.control("clock", set=when)
    s.ready(order, fee, **more)
    g.pay(order)
    if tell:
        code, out, err = s.h5pay("query", order)
        t.eq(code, 0, f"query, {err!r}")
    return order


def later(g, day):
    """When the bill of that day is there."""
    g.control("clock", set=day.at(24 + 10))


def bill(t, s, *args, want=0):
    code, out, err = s.h5pay("bill", *args)
    t.eq(code, want, f"exit status of bill {args}, {out!r} {err!r}")
    return out, err


def reconcile(t, s, *args, want=0):
    """Differences and sums."""
    code, out, err = s.h5pay("--json", "reconcile", *args)
    t.eq(code, want, f"exit status of reconcile {args}, {out!r} {err!r}")
    rows = [json.loads(line) for line in out.splitlines()]
    return rows[:-1], rows[-1], err


def kinds(rows):
    return sorted((r["difference"], r["order"]) for r in rows)


# --- bill -------------------------------------------------------------------


@test("bill keeps WeChat's file as it came and prints where")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12))
    later(g, day)
    out, err = bill(t, s, day.text)
    path = s.store / "bills" / f"{day.text}.ALL.csv.gz"
    t.eq(out, f"{path}\n", "stdout")
    data = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    t.contains(data, "`" + order + ",`", "the bill")
    t.eq(path.stat().st_mode & 0o777, 0o600, "mode")
    (call,) = [c for c in g.calls("downloadbill")]
    t.eq((call["fields"]["bill_date"], call["fields"]["bill_type"],
          call["fields"]["tar_type"]),
         (day.text.replace("-", ""), "ALL", "GZIP"), "the request")
    out, err = bill(t, s, "--json", day.text)
    got = json.loads(out)
    t.eq((got["date"], got["type"], got["path"], got["payments"],
          got["refunds"], got["settled_fee"]),
         (day.text, "ALL", str(path), 1, 0, 628), "--json")
    code, out, err = s.h5pay("fsck")
    t.eq(code, 0, f"fsck beside a kept bill, {out}{err}")


@test("bill --type SUCCESS is another file, yesterday is a day")
def _(t):
    s, g, day = shop(t)
    paid(t, s, g, day.at(12))
    later(g, day)
    out, err = bill(t, s, "yesterday", "--type", "SUCCESS")
    t.contains(out, f"{day.text}.SUCCESS.csv.gz", "stdout")


@test("a bill that was not packed is kept as text")
def _(t):
    s, g, day = shop(t)
    paid(t, s, g, day.at(12))
    later(g, day)
    g.control("fault", api="downloadbill", kind="bill-plain")
    out, err = bill(t, s, day.text)
    t.ok(out.endswith(".ALL.csv\n"), out)
    rows, sums, err = reconcile(t, s, day.text, "--kept")
    t.eq(sums["payments"], 1, "payments")


@table("bill exits {1} when WeChat says {0}", [
    ("No Bill Exist", 1, "20002", "no trade"),
    ("Bill Creating", 75, "20002", "10:00"),
    ("invalid bill_date", 65, "20001", "three months"),
    ("sign error", 78, "20001", "api_key"),
    ("invalid appid", 78, "20001", "appid"),
    ("closed", 78, "20007", "switched off"),
    ("system error", 75, "20003", "later"),
    ("system error", 75, "20100", "later"),
    ("CompressGZip Error", 75, "20003", "later"),
    ("something new", 69, "20999", "something new"),
])
def _(t, text, want, code, word):
    s, g, day = shop(t)
    g.control("fault", api="downloadbill", kind="bill-error", name=code,
              value=text)
    out, err = bill(t, s, day.text, want=want)
    t.eq(out, "", "stdout")
    t.contains(err, word, "stderr")
    t.no((s.store / "bills").exists(), "a kept bill")


@table("bill exits {1} after {0}", [
    ("half", 69), ("half-no-length", 69), ("empty", 69), ("html", 69),
    ("http-status", 69), ("cut-before", 69), ("gzip", 69), ("huge", 69),
    ("redirect", 69), ("doctype", 69)])
def _(t, kind, want):
    s, g, day = shop(t)
    if kind == "doctype":
        g.control("fault", api="downloadbill", kind="bill-error",
                  value="<!DOCTYPE")
    else:
        paid(t, s, g, day.at(12))
        later(g, day)
        g.control("fault", api="downloadbill", kind=kind)
    out, err = bill(t, s, day.text, want=want)
    t.eq(out, "", "stdout")
    t.no((s.store / "bills").exists(), "a kept bill")


@test("a bill that comes at the second attempt is good")
def _(t):
    s, g, day = shop(t)
    paid(t, s, g, day.at(12))
    later(g, day)
    g.control("fault", api="downloadbill", kind="cut-after", count=1)
    bill(t, s, day.text)
    t.eq(len(g.calls("downloadbill")), 2, "calls")


@test("a bill whose totals do not fit is told, exit 65")
def _(t):
    s, g, day = shop(t)
    paid(t, s, g, day.at(12))
    later(g, day)
    g.control("fault", api="downloadbill", kind="bill-totals")
    out, err = bill(t, s, day.text, want=65)
    t.contains(err, "totals", "stderr")
    code, out, err = s.h5pay("reconcile", day.text)
    t.eq((code, out), (65, ""), f"reconcile, {err!r}")


@table("bill {0} is a usage fault", [
    "", "whenever", "today --type HALF", "today yesterday", "--what"])
def _(t, args):
    s, g, day = shop(t)
    bill(t, s, *args.split(), want=64)


@test("bill of a day to come exits 65, of an unreachable WeChat 69")
def _(t):
    s, g, day = shop(t)
    bill(t, s, "2999-01-01", want=65)
    s.configure({"gateway.url": "http://127.0.0.1:9"})
    bill(t, s, day.text, want=69)


# --- reconcile --------------------------------------------------------------


@test("a day on which all is well has no difference")
def _(t):
    s, g, day = shop(t)
    for hour in (0, 12, 23):
        paid(t, s, g, day.at(hour, 59), fee=100 + hour,
             body="tea, `green`, 100 g")
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text)
    t.eq(rows, [], "differences")
    t.eq((sums["date"], sums["payments"], sums["settled_fee"],
          sums["differences"], sums["held"], sums["elsewhere"]),
         (day.text, 3, 335, 0, 0, 0), "sums")
    code, out, err = s.h5pay("reconcile", day.text)
    t.eq((code, out), (0, ""), "for a person")
    t.contains(err, "3 payments (3.35 yuan)", "stderr")
    code, out, err = s.h5pay("--quiet", "reconcile", day.text)
    t.eq((code, out, err), (0, "", ""), "quiet")


@test("a day without trade, here and there, has no difference")
def _(t):
    s, g, day = shop(t)
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text)
    t.eq((rows, sums["payments"]), ([], 0), "differences")


@test("what WeChat was paid for and nobody here knows is missing-here")
def _(t):
    s, g, day = shop(t)
    other = t.own_site({}, gateway=g)
    order = paid(t, other, g, day.at(12))
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([(r["difference"], r["order"], r["out_trade_no"], r["there"],
           r["here"], r["held"]) for r in rows],
         [("missing-here", None, order, "628", None, False)], "differences")
    code, out, err = s.h5pay("reconcile", day.text)
    t.eq(code, 1, "exit status")
    cells = out.rstrip("\n").split("\t")
    t.eq(cells[:6], ["missing-here", "-", "-", order, "-", "628"],
         "tab-separated")


@test("what was paid here and is not in the bill is missing-there")
def _(t):
    s, g, day = shop(t)
    paid(t, s, g, day.at(11))
    order = paid(t, s, g, day.at(12))
    later(g, day)
    g.control("fault", api="downloadbill", kind="bill-drop", name=order)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([(r["difference"], r["order"], r["here"], r["there"])
          for r in rows], [("missing-there", order, "628", None)],
         "differences")
    # All gone: WeChat says that there is no bill.
    g.control("fault", api="downloadbill", kind="bill-error",
              value="No Bill Exist")
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([r["difference"] for r in rows], ["missing-there"] * 2,
         "differences")


@test("another amount in the bill is amount, whatever the fee")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12))
    later(g, day)
    g.control("fault", api="downloadbill", kind="bill-amount", name=order,
              n=629)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([(r["difference"], r["order"], r["here"], r["there"])
          for r in rows], [("amount", order, "628", "629")], "differences")


@test("a payment that nobody told us is state, and --fix mends it")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12), tell=False)
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([(r["difference"], r["order"], r["here"], r["there"])
          for r in rows], [("state", order, "awaiting", "SUCCESS")],
         "differences")
    t.eq(s.show(order)["state"], "awaiting", "looking changes nothing")
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.eq(rows, [], "differences after --fix")
    t.contains(err, "asked WeChat about 1 orders", "stderr")
    got = s.show(order)
    t.eq((got["state"], got["paid_via"]), ("paid", "query"), "the order")


@test("--fix while WeChat answers nothing lists all the same, exit 69")
def _(t):
    s, g, day = shop(t, **{"gateway.timeout_ms": "500"})
    order = paid(t, s, g, day.at(12), tell=False)
    later(g, day)
    g.fault("orderquery", "cut-before")
    code, out, err = s.h5pay("reconcile", day.text, "--fix")
    t.eq(code, 69, f"exit status, {err!r}")
    t.contains(out, f"state\t-\t{order}", "stdout")


@test("a difference of the last hour is held for a day, then counted")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(23, 30), tell=False)
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text)
    t.eq([(r["difference"], r["held"]) for r in rows], [("state", True)],
         "differences")
    t.eq((sums["differences"], sums["held"]), (0, 1), "sums")
    early = Day(2)
    g.control("reset")
    order = paid(t, s, g, early.at(23, 30), tell=False)
    later(g, early)
    rows, sums, err = reconcile(t, s, early.text, want=1)
    t.eq([(r["difference"], r["held"]) for r in rows], [("state", False)],
         "differences a day later")


@test("a payment of midnight that stands in the next day's bill is found there")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(22, 59))
    later(g, day)
    g.control("fault", api="downloadbill", kind="bill-drop", name=order,
              count=2)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq(kinds(rows), [("missing-there", order)], "before")
    # The next day's bill, as far as the stand-in is concerned: the order
    # there, kept under its name.
    g.clear()
    out, err = bill(t, s, day.text)
    kept = s.store / "bills"
    tomorrow = Day(0)
    (kept / f"{day.text}.ALL.csv.gz").rename(
        kept / f"{tomorrow.text}.ALL.csv.gz")
    g.control("fault", api="downloadbill", kind="bill-error",
              value="No Bill Exist")
    rows, sums, err = reconcile(t, s, day.text)
    t.eq(rows, [], "differences")


def with_line(t, s, day, change):
    """Write the kept bill of a day, its one line changed."""
    path = s.store / "bills" / f"{day.text}.ALL.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode("utf-8-sig").split(
        "\r\n")
    names = lines[0].split(",")
    sums = lines[2].split(",")
    row = dict(zip(names, lines[1][1:].split(",`")))
    row.update(change)
    lines[1] = "`" + ",`".join(row.values())
    money = {"应结订单总金额": "应结订单金额", "退款总金额": "退款金额",
             "手续费总金额": "手续费", "订单总金额": "订单金额",
             "申请退款总金额": "申请退款金额"}
    lines[3] = "`" + ",`".join(
        "1" if n == "总交易单数" else row[money[n]] if n in money else "0.00"
        for n in sums)
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))


@table("a line that says {0} is {2}", [
    ("a fee two fen too high", {"手续费": "0.06000"}, "fee"),
    ("a fee one fen off", {"手续费": "0.05000"}, "nothing"),
    ("a refund nobody asked for",
     {"交易状态": "REFUND", "商户退款单号": "R-1", "微信退款单号": "5000",
      "应结订单金额": "0.00", "订单金额": "0.00", "退款金额": "1.00",
      "申请退款金额": "1.00", "退款状态": "SUCCESS", "手续费": "-0.01000"},
     "refund-missing-here"),
    ("another trade type and number",
     {"交易类型": "JSAPI", "商户订单号": "somebody-elses",
      "微信订单号": "42"}, "elsewhere"),
    ("another appid and number",
     {"公众账号ID": "wx0000000000000000", "商户订单号": "somebody-elses",
      "微信订单号": "42"},
     "elsewhere"),
    ("another transaction", {"微信订单号": "4200000000000000000000000001"},
     "state missing-there"),
    ("another merchant", {"商户号": "1000000001"}, "refused"),
])
def _(t, name, change, want):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12))
    later(g, day)
    bill(t, s, day.text)
    with_line(t, s, day, change)
    if want == "refused":
        code, out, err = s.h5pay("reconcile", day.text, "--kept")
        t.eq(code, 65, f"exit status, {err!r}")
        t.contains(err, "another merchant", "stderr")
        return
    code, out, err = s.h5pay("--json", "reconcile", day.text, "--kept")
    rows = [json.loads(line) for line in out.splitlines()]
    got = sorted(r["difference"] for r in rows[:-1])
    if want == "elsewhere":
        t.eq((got, rows[-1]["elsewhere"]), (["missing-there"], 1), "found")
    elif want == "nothing":
        t.eq((code, got), (0, []), "found")
    elif want == "refund-missing-here":
        t.eq(got, ["missing-there", want], "found")
    else:
        t.eq((code, got), (1, sorted(want.split())), "found")


@test("reconcile --csv is RFC 4180 with a heading")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12), tell=False)
    later(g, day)
    code, out, err = s.h5pay("reconcile", day.text, "--csv")
    t.eq(code, 1, f"exit status, {err!r}")
    rows = list(csv.reader(io.StringIO(out, newline="")))
    t.eq(rows[0][:4], ["DIFFERENCE", "HELD", "ORDER", "OUT_TRADE_NO"],
         "heading")
    t.eq(rows[1][:6], ["state", "", order, order, "awaiting", "SUCCESS"],
         "row")
    t.eq((len(rows), {len(r) for r in rows}), (2, {9}), "shape")


@test("an order that is broken is named, exit 65")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12))
    later(g, day)
    (ledger,) = [p for p in s.store.rglob("*") if order in p.name]
    data = ledger.read_bytes()
    ledger.write_bytes(b"!" + data[1:])
    code, out, err = s.h5pay("reconcile", day.text)
    t.eq(code, 65, f"exit status, {out!r} {err!r}")
    t.contains(err, order, "stderr")


@table("reconcile {0} is a usage fault", [
    "", "whenever", "today --back 0", "today --back 401", "today today",
    "--json --csv today", "--what today"])
def _(t, args):
    s, g, day = shop(t)
    code, out, err = s.h5pay("reconcile", *args.split())
    t.eq(code, 64, f"exit status, {err!r}")


@test("reconcile --kept without a kept bill exits 65, of tomorrow 65")
def _(t):
    s, g, day = shop(t)
    code, out, err = s.h5pay("reconcile", day.text, "--kept")
    t.eq(code, 65, f"exit status, {err!r}")
    code, out, err = s.h5pay("reconcile", "2999-01-01")
    t.eq(code, 65, f"exit status, {err!r}")


@test("reconcile passes on that the bill is not made yet, exit 75")
def _(t):
    s, g, day = shop(t)
    g.control("clock", set=day.at(24 + 8))
    code, out, err = s.h5pay("reconcile", day.text)
    t.eq(code, 75, f"exit status, {err!r}")


@test("a bill and the two notices of one payment agree")
def _(t):
    s, g, day = shop(t)
    order = t.id()
    g.control("clock", set=day.at(9))
    s.ready(order, 1)
    g.pay(order)
    when = time.strftime("%Y%m%d%H%M%S", time.gmtime(day.at(9) + 28800))
    body = h5.notice(order, 1, g.order(order)["transaction_id"],
                     time_end=when)
    t.success(s.notify(body))
    t.success(s.notify(body))
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text)
    t.eq((rows, sums["payments"]), ([], 1), "differences")


# --- refunds ----------------------------------------------------------------


def refund_shop(t):
    """A shop whose one order was paid yesterday, on a stand-in that refunds
    at once."""
    g = t.own_gateway(args=["--plain-refund"])
    g.option(refund_s=0)
    s = t.own_site({}, gateway=g)
    day = Day(1)
    return s, g, day, paid(t, s, g, day.at(12))


@test("a refund from here and from the bill agree")
def _(t):
    s, g, day, order = refund_shop(t)
    code, out, err = s.h5pay("refund", order, "--fee", "100", "--yes")
    t.eq(code, 0, f"refund, {err!r}")
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.eq(rows, [], "differences")
    t.eq((sums["payments"], sums["refunds"], sums["refund_fee"]),
         (1, 1, 100), "sums")
    out, err = bill(t, s, day.text, "--type", "REFUND", "--json")
    t.eq(json.loads(out)["refunds"], 1, "REFUND")


@test("a refund that is not done here yet is state, and --fix mends it")
def _(t):
    s, g, day, order = refund_shop(t)
    g.option(refund_s=30)
    code, out, err = s.h5pay("refund", order, "--yes")
    t.eq((code, s.show(order)["state"]), (0, "refunding"), f"refund, {err!r}")
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([(r["difference"], r["order"], r["there"]) for r in rows],
         [("state", order, "SUCCESS")], "differences")
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.eq((rows, s.show(order)["state"]), ([], "refunded"), "after --fix")


@test("a refund made at the merchant platform is refund-missing-here")
def _(t):
    s, g, day, order = refund_shop(t)
    other = t.own_site({}, gateway=g)
    # The other shop shares the merchant: it learns of the order and refunds.
    shutil.copytree(s.store, other.store)
    other.store.chmod(0o700)
    code, out, err = other.h5pay("refund", order, "--fee", "100", "--yes")
    t.eq(code, 0, f"refund, {err!r}")
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, want=1)
    t.eq([(r["difference"], r["order"], r["there"]) for r in rows],
         [("refund-missing-here", order, "100")], "differences")
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.contains(err, "asked WeChat about 1 orders", "stderr")
    t.eq((rows, s.show(order)["state"]), ([], "partly-refunded"),
         "A1: --fix takes it in")
    t.ok(g.calls("refundquery", order), "A1: WeChat was asked")


@test("A1: --fix counts the orders that WeChat told it about")
def _(t):
    s, g, day, order = refund_shop(t)
    g.control("platform-refund", out_trade_no=order, out_refund_no="M1")
    later(g, day)
    g.fault("refundquery", "systemerror", order=order)
    rows, sums, err = reconcile(t, s, day.text, "--fix", want=69)
    t.contains(err, "asked WeChat about 0 orders", "stderr")


# --- A10: what another system calls its goods -------------------------------


def with_foreign(t, s, day, name, cut=None):
    """Put another system's payment of 1.00 before the others of a kept bill:
    its goods' name and attach; cut: leave so many columns of it."""
    path = s.store / "bills" / f"{day.text}.ALL.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode("utf-8-sig").split(
        "\r\n")
    names = lines[0].split(",")
    row = dict(zip(names, lines[1][1:].split(",`")))
    row.update({"交易类型": "JSAPI", "商户订单号": "other-1",
                "微信订单号": "4200000000000000000000000001",
                "应结订单金额": "1.00", "订单金额": "1.00",
                "手续费": "0.01000", "商品名称": name})
    lines.insert(1, "`" + ",`".join(list(row.values())[:cut]))
    sums = dict(zip(lines[-3].split(","), lines[-2][1:].split(",`")))
    for total, more in (("总交易单数", 1), ("应结订单总金额", 100),
                        ("订单总金额", 100), ("手续费总金额", 1)):
        fen = round(float(sums[total]) * (1 if total == "总交易单数" else 100))
        fen += more
        sums[total] = (str(fen) if total == "总交易单数"
                       else f"{fen // 100}.{fen % 100:02}")
    lines[-2] = "`" + ",`".join(sums.values())
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))


@table("A10: {0} in another system's line spoils no bill", [
    ("a line feed", "两份套餐\n（第二份半价）"),
    ("DOS line ends", "两份套餐\r\n\r\n（第二份半价）"),
    ("a comma and a back-tick", "两份套餐,`第二份半价"),
    ("what looks like the columns behind it", "餐,`,`0.01000,`0.60%,`9.00,`"),
    ("a line that begins like a trade", "餐\n`2026-11-23 12:00"),
    ("a line like the totals", "餐\n总交易单数,应结订单总金额\n`1,`1.00"),
    ("WeChat's own escapes", "两份套餐\\ \\n（第二份半价）"),
])
def _(t, what, name):
    s, g, day = shop(t)
    paid(t, s, g, day.at(12))
    later(g, day)
    bill(t, s, day.text)
    with_foreign(t, s, day, name)
    rows, sums, err = reconcile(t, s, day.text, "--kept")
    t.eq((rows, sums["payments"], sums["elsewhere"], sums["unreadable"]),
         ([], 2, 1, 0), "all of the day is compared")


@test("A10: a line that cannot be read is listed, and the rest is compared")
def _(t):
    s, g, day = shop(t)
    order = paid(t, s, g, day.at(12))
    late = paid(t, s, g, day.at(13), tell=False)
    later(g, day)
    bill(t, s, day.text)
    with_foreign(t, s, day, "tea", cut=8)
    rows, sums, err = reconcile(t, s, day.text, "--kept", want=1)
    t.eq(kinds(rows), [("state", late), ("unreadable", None)], "differences")
    (odd,) = [r for r in rows if r["difference"] == "unreadable"]
    t.eq((odd["line"], odd["transaction_id"], odd["there"]),
         (2, "4200000000000000000000000001", "line 2"), "the line")
    t.eq((sums["payments"], sums["unreadable"],
          sums["unreadable_settled_fee"], sums["unreadable_refund_fee"]),
         (2, 1, 100, 0), "what the totals say of it")
    code, out, err = s.h5pay("reconcile", day.text, "--kept", "--csv")
    t.contains(out, "unreadable,,,,,line 2,", "as CSV")
    t.contains(err, "1 lines could not be read: by the totals 1.00 yuan paid",
               "stderr")
    t.lacks(out, order, "what agrees")


@test("A10: an order whose line cannot be read is not missing there")
def _(t):
    s, g, day = shop(t)
    paid(t, s, g, day.at(12))
    later(g, day)
    bill(t, s, day.text)
    path = s.store / "bills" / f"{day.text}.ALL.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode("utf-8-sig")
    lines = text.split("\r\n")
    lines[1] = ",`".join(lines[1].split(",`")[:-3])
    path.write_bytes(gzip.compress("\r\n".join(lines).encode()))
    rows, sums, err = reconcile(t, s, day.text, "--kept", want=1)
    t.eq([r["difference"] for r in rows], ["unreadable"], "differences")


# --- A12: orders that are missing here --------------------------------------


def lost(t, hook=True):
    """A shop whose store came out of a backup made before the payment: the
    site, the stand-in, the day and the order."""
    told = None
    s, g, day = shop(t)
    if hook:
        told = s.folder / "told"
        s.write("hook", f"#!/bin/sh\ncat >>{told}\n", 0o700)
        s.configure({"hooks.exec": s.folder / "hook"})
    other = t.own_site({}, gateway=g)
    order = paid(t, other, g, day.at(12))
    later(g, day)
    return s, g, day, order, told


@test("A12: reconcile --fix writes an order that is missing here, and tells the "
      "shop only by the operator's word")
def _(t):
    s, g, day, order, told = lost(t)
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.eq(rows, [], f"differences left, {err}")
    shown = s.show(order)
    t.eq((shown["state"], shown["alerts"], shown["total_fee"],
          shown["paid_via"]), ("paid", ["unrecorded"], 628, "query"), "order")
    t.ok(shown["transaction_id"], "transaction")
    t.eq(shown["created_at"][:10], day.text, "the day of its payment")
    t.eq(s.h5pay("sweep")[0], 0, "sweep")
    t.eq(s.h5pay("sweep", "--order", order)[0], 0, "sweep --order")
    t.no(told.exists(), "the shop was not told")
    t.eq(s.h5pay("hook", "list")[1], "", "nothing is due")
    t.contains(s.h5pay("list", "--since", day.text)[1], order, "list")
    t.contains("\n".join(s.log()), "order-unrecorded", "the log")
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.eq((rows, len(s.show(order)["attempts"])), ([], 1), "again")
    t.eq(s.h5pay("archive", "--before", "2099-01-01")[1],
         "archived\t0\nkept\t1\n", "an alert keeps it")
    code, out, err = s.h5pay("hook", "retry", order)
    t.eq(code, 0, f"hook retry: {err}")
    t.contains(told.read_text(), "order.paid", "the shop was told")
    t.contains(told.read_text(), "order.alert", "of the alert first")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")


@test("A12: a missing order that was refunded comes with its refunds")
def _(t):
    other, g, day, order = refund_shop(t)
    code, out, err = other.h5pay("refund", order, "--fee", "100", "--yes")
    t.eq(code, 0, f"refund: {err!r}")
    later(g, day)
    s = t.own_site({}, gateway=g)
    rows, sums, err = reconcile(t, s, day.text, "--fix", want=0)
    shown = s.show(order)
    t.eq((shown["state"], shown["alerts"]),
         ("partly-refunded", ["unrecorded"]), "order")


@test("A12: what WeChat does not confirm, and numbers of another form, are only "
      "listed")
def _(t):
    s, g, day = shop(t)
    mine = paid(t, s, g, day.at(12))
    later(g, day)
    bill(t, s, day.text)
    for number in ("somebody-elses", "no.form.of-ours", "abc"):
        with_line(t, s, day, {"商户订单号": number,
                              "微信订单号": "4200000000000000000000000042"})
        rows, sums, err = reconcile(t, s, day.text, "--fix", "--kept",
                                    want=1)
        t.contains(" ".join(r["difference"] for r in rows), "missing-here",
                   number)
        t.eq(s.show(number), None, f"{number} is not written")


@test("A12: a later attempt of a missing order is written with those before "
      "it")
def _(t):
    s, g, day = shop(t)
    other = t.own_site({"orders.query_interval_s": "1"}, gateway=g)
    order = t.id()
    g.control("clock", set=day.at(12))
    token = other.ready(order, 628)
    g.fault("unifiedorder", "result-fail", order=order, count=1,
            name="INVALID_REQUEST", value="201 商户订单号重复")
    later_one = order + "_2"
    t.redirect(other.post(
        "checkout", {"order": order, "t": token, "again": "1"},
        prefix=["faketime", "-f", "+5m"]))
    g.pay(later_one)
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    shown = s.show(order)
    t.eq([(a["out_trade_no"], a["state"]) for a in shown["attempts"]],
         [(order, "closed"), (later_one, "paid")], "attempts")
    t.eq((shown["state"], shown["alerts"]), ("paid", ["unrecorded"]), "order")


# --- products ----------------------------------------------------------------


@table("a payment by {0} is refunded, and agrees with the bill of a shop that "
       "has {1}", [("native", "h5 native jsapi"), ("jsapi", "jsapi")])
def _(t, via, products):
    g, day = t.own_gateway(args=["--plain-refund"]), Day(1)
    g.option(refund_s=0)
    g.control("clock", set=day.at(12))
    s = test_ways.shop(t, products, gateway=g)
    if via == "native":
        order, _ = test_ways.scan(t, s)
        g.pay(order)
    else:
        order, back = test_ways.inside(t, s)
        r = s.get("checkout", back, headers=test_ways.ua(h5.WECHAT))
        page = test_ways.go(t, s, r, h5.WECHAT)
        t.contains(test_ways.invoke(s, page)["err_msg"], ":ok", "paid")
    t.eq(s.h5pay("query", order)[0], 0, "query")
    code, out, err = s.h5pay("refund", order, "--fee", "2", "--yes")
    t.eq(code, 0, f"refund, {err!r}")
    later(g, day)
    rows, sums, err = reconcile(t, s, day.text, "--fix")
    t.eq(s.show(order)["state"], "partly-refunded", "state")
    t.eq((rows, sums["payments"], sums["refunds"]), ([], 1, 1), "agrees")
    path = s.store / "bills" / f"{day.text}.ALL.csv.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    other = text.replace(via.upper(), "MWEB")
    path.write_bytes(gzip.compress(other.encode()))
    rows, sums, err = reconcile(t, s, day.text, "--kept", want=1)
    t.eq({(r["difference"], r["order"], r["here"], r["there"]) for r in rows},
         {("product", order, via.upper(), "MWEB")}, "another product")
    # A number that nobody here knows is this shop's to explain all the same.
    path.write_bytes(gzip.compress(text.replace(order, "nobody0001").encode()))
    rows, sums, err = reconcile(t, s, day.text, "--kept", want=1)
    t.contains([r["difference"] for r in rows], "missing-here", "nobody's")

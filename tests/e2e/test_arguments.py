"""What stands on h5pay's line: every option of every verb, as h5pay help --table
names them, in each way of getting it wrong; and its help in both languages."""

import pathlib
import re
import subprocess
import time
import urllib.parse

import h5
from case import table, test

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BAD = {"number": "many", "fen": "12.80", "yuan": "12.805", "past": "whenever",
       "coming": "whenever", "word": "nonsense"}
STATUS = {"number": 64, "fen": 65, "yuan": 65, "past": 64, "coming": 65,
          "word": 64}


class Table:
    """What h5pay help --table tells."""

    def __init__(self, t):
        code, out, err = t.site.h5pay("help", "--table", conf=False)
        t.eq((code, err), (0, ""), "exit status and stderr")
        self.verbs, self.options = {}, {}
        for line in out.splitlines():
            kind, name, *rest = line.split("\t")
            if kind == "verb":
                self.verbs[name] = rest[0], rest[1], int(rest[2])
            else:
                self.options.setdefault(name, []).append(rest)

    def each(self):
        """(verb, option, letter, kind, form), those that all verbs have with
        list."""
        for verb, options in self.options.items():
            for name, letter, kind, form, _ in options:
                yield verb if verb != "-" else "list", name, letter, kind, form


def line(t, verb, *words):
    """A call that names no configuration: it is read before one is needed."""
    return t.site.h5pay(verb, *words, conf=False)


@test("each option without its value says which, its form and an example")
def _(t):
    seen = 0
    for verb, name, letter, kind, form in Table(t).each():
        if kind == "flag":
            continue
        for words in ([name], [name, "--json"],
                      *([["-" + letter]] if letter != "-" else [])):
            code, out, err = line(t, verb, *words)
            t.eq((code, out), (64, ""), f"{verb} {words}: {err}")
            t.contains(err, f"{words[0]} needs a value: {words[0]} {form}, "
                       f"such as {words[0]} ", f"{verb} {words}")
        seen += 1
    t.ok(seen >= 20, f"{seen} options")


@test("each option that is given twice is refused by its name")
def _(t):
    for verb, name, letter, kind, form in Table(t).each():
        example = {"number": "2", "fen": "5", "yuan": "5", "past": "today",
                   "coming": "1h", "text": "abcdefg", "file": "x",
                   "order": "abcdefg"}.get(kind)
        if kind == "word":
            continue
        if kind == "flag":
            continue  # twice says the same as once
        code, out, err = line(t, verb, name, example, f"{name}={example}")
        t.eq((code, out), (64, ""), f"{verb} {name}: {err}")
        t.contains(err, f"{name} is given twice", f"{verb} {name}")


@test("each option with a wrong value says which, what is wanted, an example")
def _(t):
    seen = set()
    for verb, name, letter, kind, form in Table(t).each():
        if kind not in BAD:
            continue
        for words in ([name, BAD[kind]], [f"{name}={BAD[kind]}"]):
            code, out, err = line(t, verb, *words)
            t.eq((code, out), (STATUS[kind], ""), f"{verb} {words}: {err}")
            t.contains(err, f"{name} \"{BAD[kind]}\"", f"{verb} {words}")
            t.matches(err, "such as|use ", f"{verb} {words}")
        seen.add(kind)
    t.eq(seen, set(BAD), "kinds that were tried")


@test("each flag with a value, and each name that is misspelt, is refused")
def _(t):
    for verb, name, letter, kind, form in Table(t).each():
        if kind == "flag":
            code, out, err = line(t, verb, name + "=1")
            t.eq((code, out), (64, ""), f"{verb} {name}=1: {err}")
            t.contains(err, f"{name} takes no value", f"{verb} {name}")
        if len(name) < 6:
            continue
        wrong = name[:3] + name[4] + name[3] + name[5:]
        if wrong == name:
            continue
        code, out, err = line(t, verb, wrong)
        t.eq((code, out), (64, ""), f"{verb} {wrong}: {err}")
        t.contains(err, f'there is no option "{wrong}"', f"{verb} {wrong}")
        t.contains(err, f'did you mean "{name}"', f"{verb} {wrong}")


@test("each verb says which operand is missing, and which is too many")
def _(t):
    for verb, (operand, example, least) in Table(t).verbs.items():
        if least > 0:
            code, out, err = line(t, verb)
            t.eq((code, out), (64, ""), f"{verb}: {err}")
            t.contains(err, f"{operand} is missing", verb)
            t.contains(err, f"h5pay {verb} {example}", verb)
        if verb in ("explain", "init"):
            continue  # take any number of words
        code, out, err = line(t, verb, "a", "b", "surplus")
        t.eq((code, out), (64, ""), f"{verb} a b surplus: {err}")
        t.matches(err, "is not expected", verb)


@table("h5pay {0} is told what is meant", [
    ("list --sate paid", 64, ['"--sate"', '"--state"']),
    ("list --state piad", 64, ['"piad"', '"paid"']),
    ("lsit", 64, ['"lsit"', '"list"']),
    ("hook lst", 64, ['"lst"', '"list"']),
    ("link --total-fee 12.80", 65, ["--total-fee 1280", "--yuan 12.80"]),
    ("link --total-fee 0", 65, ["--total-fee", "fen"]),
    ("link --yuan 12,80", 65, ["--yuan", "--yuan 12.80"]),
    ("link --order x", 65, ["--order", "--order 20261123-0007"]),
    ("link --total-fee 1 --yuan 1", 64, ["--total-fee or --yuan"]),
    ("link", 64, ["--order ID", "--yuan YUAN", "--total-fee FEN",
                  "--body TEXT"]),
    ("link --order abcdefg", 64, ["--body TEXT"]),
    ("refund abcdefg --yes --fee 1 --yuan 1", 64, ["--fee or --yuan"]),
    ("refund", 64, ["ID is missing", "h5pay refund 20261123-0007"]),
    ("refund --yes", 64, ["ID is missing"]),
    ("list -n 0", 64, ["-n", "from 1 to 100000"]),
    ("list -nx", 64, ["-n", "from 1 to 100000"]),
    ("list -y", 64, ['"-y"']),
    ("list -qy", 64, ['"-qy"']),
    ("list --", 64, ["configuration"]),
    ("list -- --json", 64, ['"--json" is not expected']),
    ("sweep --for 86401", 64, ["--for", "86400"]),
])
def _(t, words, status, parts):
    s = t.own_site({"site.lang": "fr"})
    code, out, err = s.h5pay(*words.split())
    if "configuration" in parts:
        # Nothing is wrong with the line.
        t.eq(code, 78, f"exit status, {err!r}")
        return
    t.eq((code, out), (status, ""), f"exit status, {err!r}")
    for part in parts:
        t.contains(err, part, "stderr")


@table("h5pay {0} names what is missing before the verb", [
    ("-c", ["-c needs a value: -c FILE", "/etc/h5pay/h5pay.conf"]),
    ("--config", ["--config needs a value: --config FILE"]),
    ("-c list", ["a verb is missing", 'behind -c "list"']),
    ("-c x -c y list", ["-c is given twice"]),
    ("-c x list -c y", ["-c is given twice"]),
    ("--sate paid list", ['"--sate"', "stand behind it"]),
    ("-Z", ['"-Z"']),
])
def _(t, words, parts):
    code, out, err = t.site.h5pay(*words.split(), conf=False)
    t.eq((code, out), (64, ""), f"exit status, {err!r}")
    for part in parts:
        t.contains(err, part, "stderr")


@test("options stand before and behind operands, and behind -- nothing is one")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    want = s.h5pay("show", order, "--json")[1]
    for words in (["--json", "show", order], ["show", "--json", "--", order],
                  ["-q", "show", order, "--json"],
                  ["show", "-q", order, "--json"]):
        t.eq(s.h5pay(*words), (0, want, ""), f"{words}")
    code, out, err = s.h5pay("show", "--", "--json")
    t.eq((code, out), (66, ""), f"an order called --json, {err!r}")
    code, out, err = s.h5pay("explain", "--", "--nonsense", conf=False)
    t.eq(code, 1, f"a text that looks like an option, {err!r}")
    body = "--yes, with milk"
    code, out, err = s.h5pay("link", "--order", t.id(), "--yuan", "1",
                             f"--body={body}")
    t.eq(code, 0, f"exit status, {err!r}")
    q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(out.strip()).query))
    t.eq(q["body"], body, "a value that begins with --")


@table("link --expires {0} ends the link then", [
    ("90s", 90), ("30m", 1800), ("1h", 3600), ("2d", 172800)])
def _(t, text, seconds):
    before = int(time.time())
    code, out, err = t.site.h5pay("link", "--order", t.id(), "--yuan", "12.8",
                                  "--body", "x", "--expires", text)
    after = int(time.time())
    t.eq(code, 0, f"exit status, {err!r}")
    q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(out.strip()).query))
    t.ok(before + seconds <= int(q["expires"]) <= after + seconds,
         f"expires {q['expires']}")
    t.eq(q["total_fee"], "1280", "total_fee")
    t.eq(q["sig"], h5.link_sig(q), "sig")


@table("link --expires {0} is refused", [
    "0h", "-1h", "1", "1w", "1.5h", "yesterday", "today", "h", "1000001d",
    "2999-01-01"])
def _(t, text):
    code, out, err = t.site.h5pay("link", "--order", t.id(), "--yuan", "1",
                                  "--body", "x", f"--expires={text}")
    t.eq((code, out), (65, ""), f"exit status, {err!r}")
    t.contains(err, "expires", "stderr")


# --- the help ---------------------------------------------------------------


def help_of(t, *words, **env):
    code, out, err = t.site.h5pay(*words, conf=False, env={
        "LC_ALL": "", "LC_MESSAGES": "", "LANG": "", **env})
    t.eq((code, err), (0, ""), f"{words} {env}")
    return out


CHINESE = re.compile("[\u4e00-\u9fff]{4}")


@table("the help is in {0} under {1}", [
    ("Chinese", "LC_ALL=zh_CN.UTF-8"), ("Chinese", "LC_MESSAGES=zh_TW"),
    ("Chinese", "LANG=zh"), ("Chinese", "LANG=zh_CN.GB18030"),
    ("English", "LANG=en_GB.UTF-8"), ("English", "LANG="),
    ("English", "LC_ALL=C LANG=zh_CN.UTF-8"),
    ("English", "LC_MESSAGES=en_US LANG=zh_CN.UTF-8"),
    ("Chinese", "LC_MESSAGES=zh_CN LANG=en_US.UTF-8"),
    ("English", "LANG=de_DE.UTF-8"),
])
def _(t, language, env):
    env = dict(x.split("=") for x in env.split())
    for words in (["--help"], ["help"], ["help", "list"], ["list", "-h"]):
        got = bool(CHINESE.search(help_of(t, *words, **env)))
        t.eq(got, language == "Chinese", f"{words}")


@test("help VERB is the verb's own help, and each names each of its options")
def _(t):
    told = Table(t)
    for lang in ("en", "zh_CN.UTF-8"):
        overview = help_of(t, "help", LANG=lang)
        for verb in told.verbs:
            text = help_of(t, "help", verb, LANG=lang)
            t.eq(help_of(t, verb, "--help", LANG=lang), text, f"{verb} -h")
            t.matches(overview, rf"(?m)^  {verb} +\S", verb)
            for name, letter, kind, form, _ in told.options.get(verb, []):
                mark = f"-{letter}, " if letter != "-" else ""
                want = f"{mark}{name}" + (f" {form}" if kind != "flag" else "")
                t.matches(text, rf"(?m)^ +{re.escape(want)}(  |$)",
                          f"{lang} {verb} {name}")
                usage = text.split("\n\n")[0]
                if letter == "-" and "[OPTION...]" not in usage:
                    t.contains(usage, name, f"usage of {verb}")
            for name in set(re.findall(r"(?m)^ {2,6}(?:-\w, )?(--[a-z-]+)",
                                       text)) - {"--json"}:
                t.contains([o[0] for o in told.options.get(verb, [])], name,
                           f"{lang} {verb}")


@test("no line of the help is wider than 80 columns")
def _(t):
    import unicodedata

    def width(text):
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
                   for c in text)

    for lang in ("en", "zh_CN.UTF-8"):
        for verb in ("", *Table(t).verbs):
            for x in help_of(t, "help", *verb.split(),
                             LANG=lang).splitlines():
                t.ok(width(x) <= 80, f"{lang} {verb}: {x}")


# --- an order by its other numbers --------------------------------------------


def two_attempts(t, s):
    """An order whose second attempt was paid: (id, number, transaction)."""
    order = t.id()
    token = s.ready(order, 5)
    t.gateway.fault("unifiedorder", "err_code", order, text="ORDERCLOSED")
    return order, token


@test("every verb that takes ID takes a transaction_id")
def _(t):
    s = t.own_site({"hooks.exec": "/bin/true"})
    order, other = t.id(), t.id()
    s.ready(order, 5)
    s.ready(other, 5)
    tx = h5.transaction_id()
    t.success(s.notify(h5.notice(order, 5, tx)))
    for words in (["show"], ["query"], ["support"], ["hook", "retry"],
                  ["sweep", "--order"]):
        code, out, err = s.h5pay(*words, tx)
        t.eq(code, 0, f"{words}: {err!r}")
        if words != ["sweep", "--order"]:
            t.contains(out, order, f"{words}")
            t.lacks(out, other, f"{words}")
    t.eq(s.h5pay("close", tx)[0], 1, "close of a paid order")
    code, out, err = s.h5pay("refund", tx, "--yes")
    t.contains(err, f"refund {order}-r1", "refund: the order's own number")
    for sign in "`":  # as a bill has it
        t.eq(s.h5pay("show", sign + tx)[0], 0, f"with {sign}")


@test("a transaction that nothing knows, and a number of no attempt, exit 66")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    for name in (h5.transaction_id(), "4200" + "9" * 24, order + "_2",
                 order + "_999", "nobodys_2", "4" * 33):
        code, out, err = s.h5pay("show", name)
        t.eq((code, out), (66, ""), f"{name}: {err!r}")
        t.contains(err, name.partition("_")[0], f"{name}")


@test("an order that is called like a transaction is shown before it")
def _(t):
    s = t.own_site()
    tx = h5.transaction_id()
    payer = t.id()
    s.ready(tx, 7)
    s.ready(payer, 5)
    t.success(s.notify(h5.notice(payer, 5, tx)))
    t.eq(s.show(tx)["order"], tx, "the id counts first")


@test("a transaction is found whatever day its number seems to name")
def _(t):
    s = t.own_site()
    today = time.strftime("%Y%m%d", time.gmtime(time.time() + 8 * 3600))
    later = time.strftime("%Y%m%d", time.gmtime(time.time() + 40 * 86400))
    for i, middle in enumerate((today, later, "20010101", "20261399",
                                "00000000")):
        order = t.id()
        s.ready(order, 5)
        tx = f"420000{i:04d}{middle}{i:010d}"
        t.success(s.notify(h5.notice(order, 5, tx)))
        t.eq(s.show(tx)["order"], order, tx)


@test("a second payment's transaction finds its order too")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    first, second = h5.transaction_id(), h5.transaction_id()
    t.success(s.notify(h5.notice(order, 5, first)))
    s.notify(h5.notice(order, 5, second))
    o = s.show(order)
    t.contains(str(o["events"]), second, "the second payment in the ledger")
    t.eq(s.show(second)["order"], order, "by the second")


# --- list -------------------------------------------------------------------


@test("list --find looks into ids, numbers, body and attach")
def _(t):
    s = t.own_site()
    a, b = t.id("find-a"), t.id("find-b")
    s.ready(a, 5, body="Green Tea", attach="table 7")
    s.ready(b, 5, body="龙井茶")
    tx = h5.transaction_id()
    t.success(s.notify(h5.notice(b, 5, tx)))

    def found(*words):
        code, out, err = s.h5pay("list", *words)
        t.eq(code, 0, f"{words}: {err!r}")
        return [x.split("\t")[0] for x in out.splitlines()]

    for text, want in (("tea", [a]), ("龙井", [b]), ("table 7", [a]),
                       (tx, [b]), (tx[5:20], [b]), (a, [a]),
                       ("find-", [a, b]), ("nothing of it", [])):
        t.eq(found("--find", text), want, text)
    t.eq(found("--find", "find-", "--state", "paid"), [b], "with a state")
    t.eq(found("--find=find-", "-n1"), [b], "the newest")
    t.eq(found("--find=find-", "-n", "1", "--until", "1h"), [], "and a time")


@test("list -n gives the newest, oldest first, in every form")
def _(t):
    s = t.own_site()
    ids = []
    for i in range(5):
        ids.append(t.id())
        s.ready(ids[-1], 5)
    whole = s.h5pay("list")[1].splitlines()
    t.eq([x.split("\t")[0] for x in whole], ids, "all")
    for n in (1, 2, 5, 9):
        for words in (["-n", str(n)], [f"-n{n}"], [f"--limit={n}"]):
            t.eq(s.h5pay("list", *words)[1].splitlines(), whole[-n:],
                 f"{words}")
    t.eq(len(s.h5pay("--json", "list", "-n", "2")[1].splitlines()), 2, "json")


# --- on a terminal ------------------------------------------------------------


def on_terminal(t, s, columns, *words, status=0, **env):
    import fcntl
    import os
    import struct
    import termios

    master, slave = h5.terminal()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen([s.command, "-c", s.conf_file, *words], stdout=slave,
                         stderr=slave, stdin=slave,
                         env={"PATH": os.environ["PATH"], "NO_COLOR": "1",
                              "TERM": "xterm", **env})
    os.close(slave)
    out = b""
    try:
        while chunk := os.read(master, 65536):
            out += chunk
    except OSError:  # the other end is closed
        pass
    os.close(master)
    t.eq(p.wait(), status, f"exit status of {words}")
    return out.decode().replace("\r\n", "\n")


def width(text):
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


@table("list fits a terminal of {0} columns", [40, 80, 200])
def _(t, columns):
    s = t.own_site()
    for body in ("茶" * 42, "tea " * 31, "x"):
        s.ready(t.id(), 123456, body=body)
    text = on_terminal(t, s, columns, "list")
    rows = text.splitlines()
    t.eq(len(rows), 4, "rows")
    for row in rows:
        t.ok(width(row) <= columns, f"{width(row)} columns: {row}")
    t.contains(rows[0], "YUAN", "heading")
    t.contains(rows[1], "1234.56", "yuan")
    t.lacks(text, "123456", "fen")
    if columns == 200:
        t.contains(text, "茶" * 42, "the whole body")
    elif columns == 80:
        t.contains(text, "茶..", "a body cut short")


@table("show fits a terminal of {0} columns", [40, 60, 80, 200])
def _(t, columns):
    s = t.own_site({"hooks.exec": "/bin/false"})
    order = t.id()
    body = "茶" * 42
    s.ready(order, 12345, body=body, attach="no blank in it " + "x" * 100)
    t.success(s.notify(h5.notice(order, 12345)))
    t.until("a delivery that fails",
            lambda: "undelivered" in s.h5pay("show", order)[1])
    text = on_terminal(t, s, columns, "show", order)
    t.contains("".join(text.split()), body, "the whole body")
    t.contains("".join(text.split()), "x" * 100, "the whole of attach")
    for row in text.splitlines():
        t.ok(width(row) <= columns, f"{width(row)} columns: {row}")
    t.contains(text, "123.45 yuan (12345 fen)", "amount")
    t.contains(text, "total_fee=123.45 yuan", "an event's amount")
    t.lacks(text, f"out_trade_no={order}", "what each line would repeat")

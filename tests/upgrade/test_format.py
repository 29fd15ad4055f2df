"""Formats of the store: what raises one, and who refuses it (docs/UPGRADE.md).

"next" is a version that knows format 2 (next.c): its `close` needs it."""

import json
import pathlib
import re
import subprocess

import h5
import old
import packed
from case import table, test

FEE = old.FEE
PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "UPGRADE.md"
WORD = "h5pay store 1\n"


def today_build(t):
    return pathlib.Path(t.build).resolve()


def next_build(t):
    return today_build(t) / "tests" / "next"


def first_build(t):
    """0.1.0 itself."""
    folder = today_build(t) / "h5pay-0.1.0" / "build"
    if not (folder / "h5pay").exists():
        t.skip("commit 3331183 (0.1.0) is not in this repository")
    return folder


BUILDS = {"0.1.0": first_build, "next": next_build,
          "today": today_build}


def shop(t):
    g = t.own_gateway(args=["--plain-refund"])
    g.control("clock", set=old.THEN_UNIX)
    return t.mine(old.Shop(t.build, g)), g


def word(s):
    return (s.store / "format").read_text()


def version(s):
    return s.h5pay("-V", conf=False)[1].strip()


def shown(s, orders):
    """What these programs show of them; "next" has another word for one
    event."""
    return {o: json.loads(json.dumps(s.show(o)).replace('"shut"', '"closed"'))
            for o in orders}


def use(t, s, g):
    """Everything that a shop does in a day, but for a close and a new
    order."""
    tx = old.remember(g, "v010-awaiting", pay=True)
    t.success(s.notify(h5.notice("v010-awaiting", FEE, tx), prefix=old.SOON,
                       env=old.UTC))
    old.remember(g, "v010-asked", pay=True)
    t.eq(s.then("query", "v010-asked")[0], 0, "query")
    old.remember(g, "v010-paid", pay=True)
    t.eq(s.then("refund", "v010-paid", "--yes")[0], 0, "refund")
    q = {"order": "v010-second", "t": old.BUYERS["tokens"]["v010-second"]}
    t.redirect(s.post("checkout", dict(q, again="1"), prefix=old.SOON,
                      env=old.UTC))
    t.refused(s.notify(h5.notice("v010-created", FEE - 1), prefix=old.SOON,
                       env=old.UTC))
    s.mend_hook()
    s.then("sweep")


def raise_format(t, s, by):
    code, _, err = s.under(by).then("close", "v010-unreached")
    t.eq(code, 0, f"close: {err}")


def refused_whole(t, s):
    """These programs refuse every order of the store."""
    for args in (["list"], ["show", "v010-paid"], ["sweep"], ["status"],
                 ["query", "v010-awaiting"], ["fsck", "--repair"]):
        code, out, err = s.h5pay(*args)
        t.eq((code, out), (78, ""), f"{args}: {err}")
    t.refused(s.notify(h5.notice("v010-awaiting", FEE)))
    for program in "return-page", "query":
        r = s.get(program, {"order": "v010-paid",
                            "t": old.BUYERS["tokens"]["v010-paid"]})
        t.eq((r.status, r.page), (503, "store-error"), program)
    r = s.post("checkout", old.BUYERS["forms"][0])
    t.eq((r.status, r.page), (503, "store-error"), "checkout")


# --- raising it -------------------------------------------------------------


@test("an upgrade alone can be undone: the version before goes on")
def _(t):
    s, g = shop(t)
    newer = s.under(next_build(t))
    use(t, newer, g)
    t.eq(word(s), WORD, "the format")
    orders = sorted(p.stem for p in s.store.rglob("*.ledger"))
    t.eq(shown(s, orders), shown(newer, orders), "the orders")
    t.eq(s.show("v010-asked")["state"], "paid", "state")


@test("the first new order raises the format, and 0.1.0 refuses the store")
def _(t):
    s, g = shop(t)
    before = s.shows()
    t.redirect(s.post("checkout", old.BUYERS["forms"][0], prefix=old.SOON,
                      env=old.UTC))
    t.eq(word(s), f"h5pay store 2\n{version(s)}\n", "the format")
    t.eq(s.shows(), before, "the orders of before")
    refused_whole(t, s.under(first_build(t)))


@test("the first write of something newer raises the format")
def _(t):
    s, g = shop(t)
    raise_format(t, s, next_build(t))
    t.eq(word(s), f"h5pay store 3\n{version(s)}\n", "the format")
    (ledger,) = s.store.rglob("v010-unreached.ledger")
    t.contains(ledger.read_text(), '"event":"shut"', "the newer event")
    newer = s.under(next_build(t))
    t.eq(newer.show("v010-unreached")["state"], "closed", "state")
    t.eq(newer.h5pay("fsck", "--repair")[0], 0, "fsck")


@test("a store of a newer format is refused as a whole, with both versions")
def _(t):
    s, g = shop(t)
    raise_format(t, s, next_build(t))
    before = packed.pack(s.store)
    refused_whole(t, s)
    t.ok(packed.pack(s.store) == before, "no byte of it has changed")
    for args in (["list"], ["check"]):
        code, out, err = s.h5pay(*args)
        t.eq(code, 78, f"{args}: {out}")
        t.contains(err, f"store {s.store}: its format is 3, raised by "
                   f"{version(s)}, and {version(s)} knows 2 at most", "why")
        t.contains(err, "docs/UPGRADE.md", "what to do")


@test("0.1.0 itself refuses a store of a newer format as a whole")
def _(t):
    s, g = shop(t)
    raise_format(t, s, next_build(t))
    refused_whole(t, s.under(first_build(t)))


@test("what 0.1.0 said of format 2 it still says")
def _(t):
    s, g = shop(t)
    (s.store / "format").write_text("h5pay store 2\n")
    first = s.under(first_build(t))
    text = (old.OLD / "said" / "format-2").read_text()
    said = re.findall(r"^\$ h5pay (.*)\n((?:.*\n)*?)exit (\d+)$", text, re.M)
    t.eq(len(said), 6, "commands")
    for args, words, status in said:
        code, out, err = first.h5pay(*args.split())
        t.eq((str(code), out + err), (status, s.here(words)), args)


@test("check of the newer version says what it will change")
def _(t):
    s, g = shop(t)
    newer = s.under(next_build(t))
    code, out, err = newer.h5pay("check")
    t.eq((code, err), (0, ""), "check")
    t.contains(out, f"store {s.store}: its format is 1; this version makes it "
               "3 with the first write that needs it", "check")
    got = json.loads(newer.h5pay("--json", "check")[1])
    t.eq(got["store"], {"format": 1, "newest": 3}, "JSON")
    t.eq(word(s), WORD, "the format")
    raise_format(t, s, next_build(t))
    t.lacks(newer.h5pay("check")[1], "format", "check afterwards")
    t.lacks(t.site.h5pay("check")[1], "format", "check without a store")


@test("a program that runs refuses every order once the format is raised")
def _(t):
    w = t.own_web()
    order, other = t.id(), t.id()
    q = {"order": order, "t": w.ready(order, 5)}
    w.ready(other, 5)
    t.page(w.get("query", q), 200, "result", "awaiting")
    code, _, err = old.Shop.under(w, next_build(t)).h5pay("close", other)
    t.eq(code, 0, f"close: {err}")
    for program in "query", "return-page":
        t.page(w.get(program, q), 503, "store-error")
    t.refused(w.notify(h5.notice(order, 5)))
    t.page(w.order(t.id(), 5), 503, "store-error")
    lines = [x for x in w.log() if "knows 2 at most" in x]
    t.ok(lines and lines[0].startswith("alert "), "an alert in the log")


# --- the page, line by line -------------------------------------------------


def blocks():
    """The page's commands, a block each; the first names what they use."""
    return re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.M | re.S)


class Steps:
    def __init__(self, t, s, before, after):
        self.t, self.s = t, s
        self.names = {
            "old": before, "new": after, "live": s.folder / "live",
            "conf": s.conf_file, "store": s.store,
            "copy": s.folder / "copy",
        }
        names, self.up, self.switch, self.look, self.ask, self.back, \
            self.restore = blocks()
        t.eq(re.findall(r"^(\w+)=", names, re.M), list(self.names),
             "the names on the page")

    def run(self, block, want=0):
        p = subprocess.run(
            ["sh", "-eu"], input=block, text=True, capture_output=True,
            env={"PATH": h5.os.environ["PATH"], "LANG": "C.UTF-8",
                 **{n: str(v) for n, v in self.names.items()}})
        self.t.eq(p.returncode, want, f"{block}{p.stdout}{p.stderr}")
        return p.stdout


@table("the page leads from {0} to {1}, and back", [
    ("0.1.0", "today"), ("0.1.0", "next"), ("today", "next")])
def _(t, before, after):
    s, g = shop(t)
    step = Steps(t, s, BUILDS[before](t), BUILDS[after](t))
    step.run(step.up)
    step.run(step.switch)
    live = s.under(step.names["live"])
    t.contains(step.run(step.look), "v010-torn\tcreated", "list")
    use(t, live, g)
    before = shown(live, old.SHOW)
    step.run(step.ask)
    # What a crash once cut is mended, and told, by either.
    live.h5pay("fsck", "--repair")
    step.run(step.back)
    t.eq(shown(live, old.SHOW), before, "the orders, back again")
    t.eq(live.then("refund", "v010-asked", "--fee", "100", "--yes")[0], 0,
         "a refund of what was paid under the newer version")


@table("the page leads back from {0} to {1} after the format was raised", [
    ("next", "0.1.0"), ("next", "today")])
def _(t, after, before):
    s, g = shop(t)
    before, after = BUILDS[before](t), BUILDS[after](t)
    s.mend_hook()
    step = Steps(t, s, before, after)
    step.run(step.up)
    step.run(step.switch)
    live = s.under(step.names["live"])
    # Paid under the newer version, after the copy.
    tx = old.remember(g, "v010-awaiting", pay=True)
    t.success(live.notify(h5.notice("v010-awaiting", FEE, tx),
                          prefix=old.SOON, env=old.UTC))
    raise_format(t, s, after)
    step.run(step.ask, want=78)
    step.run(step.restore)
    t.eq(word(s), WORD, "the format of the copy")
    t.eq((live.show("v010-awaiting")["state"],
          live.show("v010-awaiting")["transaction_id"]), ("paid", tx),
         "what sweep learned from WeChat")
    t.eq((s.folder / "store.newer" / "format").read_text()[:13],
         "h5pay store 3", "the newer store is kept")

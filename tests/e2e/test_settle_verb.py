"""h5pay settle: what was settled by hand (interface section 6)."""


import h5
from case import table, test


def disputed(t, s, fee=5):
    order = t.id()
    s.ready(order, fee)
    t.refused(s.notify(h5.notice(order, fee + 1)))
    t.eq(s.show(order)["alerts"], ["disputed"], "alerts")
    return order


def paid(t, s, fee=500):
    order = t.id()
    s.ready(order, fee)
    t.success(s.notify(h5.notice(order, fee)))
    return order


def settled(s, order):
    return [e for e in s.show(order)["events"] if e["event"] == "settled"]


@test("C17: a dispute that was settled by hand is no longer open")
def _(t):
    s = t.own_site()
    order, other = disputed(t, s), disputed(t, s)
    code, out, err = s.h5pay("settle", order, "--disputed-done",
                             "退回 5 月 3 日，李")
    t.eq((code, out, err), (0, f"{order}\tawaiting\n", ""), "settle")
    o = s.show(order)
    t.eq(o["alerts"], [], "open alerts")
    t.eq([e["event"] for e in o["events"]][-2:], ["alert", "settled"],
         "the history")
    (e,) = settled(s, order)
    t.eq((e["how"], e["note"]), ("disputed-done", "退回 5 月 3 日，李"), "how")
    t.ok(e["by"], "who")
    rows = {r.split("\t")[0]: r for r in s.h5pay("list")[1].splitlines()}
    t.lacks(rows[order], "disputed", "list")
    t.contains(rows[other], "disputed", "list")
    status = s.h5pay("status")[1]
    t.contains(status, "disputed\t1\t", "status")
    t.lacks(s.h5pay("show", order)[1], "alert\tdisputed", "show")
    report = s.h5pay("report", "today", "--json")[1]
    t.contains(report, other, "the report")
    t.lacks(report, order, "the report")
    # The same again, or another note, changes nothing.
    t.eq(s.h5pay("settle", order, "--disputed-done", "again")[0], 0, "again")
    t.eq(s.show(order), o, "the order")
    # The buyer still must not pay a second time.
    t.page(s.get("checkout", s.link(order, 5)), 200, "result")
    # Another payment that does not fit is open again.
    t.refused(s.notify(h5.notice(order, 7)))
    t.eq(s.show(order)["alerts"], ["disputed"], "alerts")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")


@test("C17: who settled it is the person, not the account of the programs")
def _(t):
    s = t.own_site()
    order = disputed(t, s)
    code, _, err = s.h5pay("settle", order, "--disputed-done", "ok",
                           env={"SUDO_USER": "li"})
    t.eq(code, 0, err)
    t.eq(settled(s, order)[0]["by"], "li", "by")
    order = disputed(t, s)
    t.eq(s.h5pay("settle", order, "--disputed-done", "ok",
                 env={"SUDO_USER": "a\nb"})[0], 0, "a name with a line end")
    t.ok(settled(s, order)[0]["by"].isprintable(), "by")


@test("C17: money that went back by hand counts, once")
def _(t):
    s = t.own_site()
    order = paid(t, s)

    def refunded(fee, want, state):
        code, out, err = s.h5pay("settle", order, "--refunded", fee, "--yes")
        t.eq(code, want, err)
        t.eq(s.show(order)["state"], state, f"state after {fee}")

    refunded("501", 1, "paid")
    refunded("200", 0, "partly-refunded")
    before = s.show(order)
    refunded("200", 0, "partly-refunded")
    t.eq(s.show(order), before, "the same again")
    refunded("100", 1, "partly-refunded")
    refunded("500", 0, "refunded")
    t.eq([e["refund_fee"] for e in settled(s, order)], [200, 500], "history")
    t.eq(s.h5pay("fsck")[0], 0, "fsck")
    # No more can go back by WeChat.
    t.ok(s.h5pay("refund", order, "--fee", "1", "--yes")[0] != 0, "refund")
    t.eq(s.show(order)["state"], "refunded", "state")


@table("C17: settle {0} is {1}", [
    ("without a word", 64, []),
    ("with both", 64, ["--refunded", "1", "--disputed-done", "x", "--yes"]),
    ("--refunded without --yes and a terminal", 64, ["--refunded", "1"]),
    ("--refunded 1.50", 65, ["--refunded", "1.50", "--yes"]),
    ("--refunded 0", 65, ["--refunded", "0", "--yes"]),
    ("--refunded -1", 65, ["--refunded", "-1", "--yes"]),
    ("with an empty note", 65, ["--disputed-done", ""]),
    ("with a line end", 65, ["--disputed-done", "a\nb"]),
    ("with an escape", 65, ["--disputed-done", "a\x1b[0m"]),
    ("with 257 bytes", 65, ["--disputed-done", "x" * 257]),
    ("with another option", 64, ["--dispute", "x", "--what"]),
    ("--disputed-done of one that is not disputed", 1,
     ["--disputed-done", "x"]),
    ("--refunded of one that is not paid", 1, ["--refunded", "1", "--yes"])])
def _(t, _what, status, args):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    before = s.show(order)
    code, out, err = s.h5pay("settle", order, *args)
    t.eq((code, out), (status, ""), err)
    t.ok(err, "a word why")
    t.eq(s.show(order), before, "the order")


@test("C17: settle of no order is 66")
def _(t):
    s = t.own_site()
    s.ready(t.id(), 5)
    t.eq(s.h5pay("settle", "nobody-1", "--disputed-done", "x")[0], 66, "exit")
    t.eq(s.h5pay("settle", "--disputed-done", "x")[0], 64, "no id")


@test("C17: the shop is told of money that went back by hand")
def _(t):
    s = t.own_site()
    s.write("hook", "#!/bin/sh\ncat >> " + str(s.folder / "told") + "\n",
            0o700)
    s.configure({"hooks.exec": s.folder / "hook"})
    order = paid(t, s)
    t.until("order.paid", lambda: (s.folder / "told").exists())
    t.eq(s.h5pay("settle", order, "--refunded", "500", "--yes")[0], 0, "settle")
    t.contains((s.folder / "told").read_text(), '"order.refunded"', "told")

"""docs/ALERTS.md is followed as it stands, after the alerts that it names."""

import shlex

import h5
import page
import test_certificates
from case import test
from test_bill import lost
from test_hooks import Receiver
from test_refund import Shop


def follower(t, s, order):
    p = page.Page(t, "ALERTS.md", s.command)
    p.names = {"conf": s.conf_file, "order": order}
    t.contains(p.follow("", 0), order, "the story")
    return p


@test("ALERTS: every block of the page is followed here")
def _(t):
    left = page.unfollowed(t, "ALERTS.md", __file__)
    t.eq(left, [], "not followed")


@test("ALERTS: a disputed order is asked about and closed")
def _(t):
    s = t.own_site({"orders.query_interval_s": "0"})
    order = t.id()
    s.ready(order, 5)
    t.refused(s.notify(h5.notice(order, 4)))
    t.eq(s.show(order)["alerts"], ["disputed"], "alerts")
    p = follower(t, s, order)
    p.follow("disputed", 0)
    p.follow("disputed", 1)
    got = s.show(order)
    t.eq((got["state"], got["alerts"]), ("closed", ["disputed"]), "the order")


@test("ALERTS: the shop is told of an order that was missing here")
def _(t):
    s, g, day, order, told = lost(t)
    code, out, err = s.h5pay("reconcile", day.text, "--fix")
    t.eq(s.show(order)["alerts"], ["unrecorded"], f"alerts {out} {err}")
    p = follower(t, s, order)
    p.follow("unrecorded", 0)
    t.contains(told.read_text(), order, "what the shop heard")


@test("ALERTS: a late payment is given back")
def _(t):
    x = Shop(t)
    order = t.id()
    x.s.ready(order, 5)
    t.eq(x.s.h5pay("close", order)[0], 0, "close")
    tx = x.g.control("pay", out_trade_no=order, notice=0,
                     force=1)["transaction_id"]
    t.success(x.s.notify(h5.notice(order, 5, tx)))
    t.eq(x.s.show(order)["alerts"], ["late"], "alerts")
    p = follower(t, x.s, order)
    p.follow("late", 0)
    t.eq(x.s.show(order)["refunds"][0]["refund_fee"], 5, "given back")


@test("ALERTS: of an overpaid order the surplus is given back")
def _(t):
    x = Shop(t)
    order = t.id()
    token = x.s.ready(order, 5)
    # WeChat takes the first number no more: a second attempt.
    x.g.fault("unifiedorder", "result-fail", order=order,
              code="INVALID_REQUEST", text="201 商户订单号重复")
    t.redirect(x.s.post("checkout", {"order": order, "t": token, "again": "1"},
                        prefix=["faketime", "-f", "+5m"]))
    x.g.clear()
    for number in (order, order + "_2"):
        tx = x.g.control("pay", out_trade_no=number, notice=0,
                         force=1)["transaction_id"]
        t.success(x.s.notify(h5.notice(number, 5, tx)))
    t.eq(x.s.show(order)["alerts"], ["overpaid"], "alerts")
    p = follower(t, x.s, order)
    p.follow("overpaid", 0)
    (back,) = x.asked()
    t.eq(back["refund_fee"], "5", "once")


@test("ALERTS: what the shop did not take is delivered once it is mended")
def _(t):
    r = t.mine(Receiver())
    r.answer = 500
    s = t.own_site({"hooks.webhook_url": r.url, "hooks.webhook_secret":
                    "whsec_" + "QUFB" * 8})
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("a delivery that fails", lambda: r.got)
    p = follower(t, s, order)
    r.answer = 204
    t.contains(p.follow("hook-failed", 0), order, "hook list and retry")
    t.until("the delivery", lambda: s.h5pay("hook", "list")[1] == "")


@test("ALERTS: a sweep after the clock was mended, the doctor after a refusal")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    p = follower(t, s, order)
    p.follow("clock-wrong, clock-jumped", 0)
    t.contains(p.follow("A refusal that only you can mend", 0), "ids-and-key",
               "what the doctor says")


@test("ALERTS: a chain without its issuer's certificate, until it is set")
def _(t):
    ca = test_certificates.authority(t)
    shown = test_certificates.chain(ca, {})
    x = test_certificates.Shop(
        t, test_certificates.Server(ca.folder, shown[:1])).under(ca)
    x.sweep()
    t.contains(x.told()[0], "alert certificate-wrong", "the alert")
    command = x.s.folder / "h5pay"
    command.write_text("#!/bin/sh\nexec " + shlex.join(
        map(str, [*x.prefix, x.s.command])) + ' "$@"\n')
    command.chmod(0o700)
    p = page.Page(t, "ALERTS.md", command)
    p.names = {"conf": x.s.conf_file}
    t.contains(p.follow("certificate-ends, certificate-wrong", 0),
               "is missing", "what the doctor says")
    x.server.show(ca.folder, shown)
    t.contains(p.follow("certificate-ends, certificate-wrong", 0),
               "browsers trust it", "what the doctor says then")

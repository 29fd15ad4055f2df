"""Keys are changed while buyers pay (interface sections 2 and 4)."""

import base64
import hashlib
import hmac

import os
import time

import h5
from case import table, test
from test_hooks import Receiver
from test_notify import refund_notice

OLD_SECRET, OLD_LINK = h5.SECRET, h5.LINK_KEY
NEW = "k" * 40
OLD_API, NEW_API = h5.API_KEY, "n" * 32


def change(s, name, previous=True):
    """The key of site.NAME is another one from now on."""
    old = s.conf.pop(f"site.{name}_file")
    s.configure({f"site.{name}": NEW,
                 f"site.{name}_previous_file": old if previous else None})


@table("C6: after site.secret was changed a buyer's page of before is {0}", [
    ("good with the previous key", True), ("unknown without it", False)])
def _(t, _name, kept):
    s = t.own_site({"orders.query_interval_s": 0})
    order = t.id()
    q = {"order": order, "t": s.ready(order, 100)}
    change(s, "secret", kept)
    if not kept:
        for program in ("return-page", "query"):
            t.page(s.get(program, q), 404, "not-found")
        return
    t.page(s.get("return-page", q), 200, "return")
    to = h5.query_params(t.redirect(s.post("query", q)))
    t.ok(to["t"] != q["t"], "what follows has a token by the present key")
    t.page(s.get("query", to), 200, "result", "awaiting")
    again = t.redirect(s.post("checkout", {**q, "again": "1"}))
    t.eq(h5.return_params(again)["t"], to["t"], "t of the return page")
    t.page(s.get("return-page", {**q, "t": q["t"][:-1] + "_"}), 404,
           "not-found")


@table("C6: a form shown before site.secret was changed is {0}", [
    ("taken with the previous key", True), ("refused without it", False)])
def _(t, _name, kept):
    s = t.own_site()
    form = s.get("checkout", "item=tea").form("checkout")
    change(s, "secret", kept)
    reply = s.post("checkout", form.fields)
    if kept:
        t.redirect(reply)
    else:
        t.page(reply, 403, "bad-link")
    other = form.with_(form="A" * 43)
    t.page(s.post("checkout", other), 403, "bad-link")


@table("C6: a link signed before site.link_key was changed is {0}", [
    ("good with the previous key", True), ("bad without it", False)])
def _(t, _name, kept):
    s = t.own_site()
    order = t.id()
    link = s.link(order)
    change(s, "link_key", kept)
    if not kept:
        return t.page(s.get("checkout", link), 403, "bad-link")
    form = s.get("checkout", link).form("checkout")
    t.redirect(s.post("checkout", form.fields))
    t.page(s.get("checkout", s.link(t.id(), key="x" * 40)), 403, "bad-link")
    code, out, err = s.h5pay("link", "--order", t.id(), "--total-fee", "1",
                             "--body", "tea")
    t.eq(code, 0, err)
    s.configure({"site.link_key_previous_file": None})
    t.page(s.get("checkout", out.strip().partition("?")[2]), 200, "confirm")


@test("C6: while its secret is changed a webhook carries both signatures")
def _(t):
    new, old = b"n" * 24, b"o" * 24
    receiver = t.mine(Receiver())
    s = t.own_site({
        "hooks.webhook_url": receiver.url,
        "hooks.webhook_secret": "whsec_" + base64.b64encode(new).decode(),
        "hooks.webhook_secret_previous":
            "whsec_" + base64.b64encode(old).decode()})
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the delivery", lambda: receiver.events("order.paid"))
    headers, body = receiver.got[0]
    h = {k.lower(): v for k, v in headers.items()}
    signed = f"{h['webhook-id']}.{h['webhook-timestamp']}.".encode() + body
    t.eq(h["webhook-signature"].split(),
         ["v1," + base64.b64encode(hmac.new(k, signed, hashlib.sha256)
                                   .digest()).decode() for k in (new, old)],
         "webhook-signature")


@table("C6: check warns of {0}", [
    ("site.secret_previous",), ("site.link_key_previous",),
    ("hooks.webhook_secret_previous",), ("merchant.sign_type_previous",)])
def _(t, key):
    s = t.own_site()
    t.lacks(s.h5pay("check")[1], "_previous", "check without one")
    s.configure({key: "MD5" if "type" in key else
                 "whsec_" + base64.b64encode(b"o" * 24).decode()})
    code, out, err = s.h5pay("check")
    t.eq(code, 0, err)
    t.contains(out, f"warning: {key} ", "the warning")


# --- the merchant's key -----------------------------------------------------


def changed(t, previous=True, web=False, gateway=None, **conf):
    """A shop whose APIv2 key was changed, at WeChat and here."""
    g = gateway or t.own_gateway(key=NEW_API, args=["--plain-refund"])
    conf = {"orders.query_interval_s": 0, **conf}
    if previous:
        conf["merchant.api_key_previous_file"] = "api.key.old"
    keys = {**h5.KEYS, "api.key": NEW_API, "api.key.old": OLD_API}
    return (t.own_web if web else t.own_site)(conf, gateway=g, keys=keys), g


def old(order, fee, tx=None, **more):
    return h5.notice(order, fee, tx, key=OLD_API, **more)


def new(order, fee, tx=None, **more):
    return h5.notice(order, fee, tx, key=NEW_API, **more)


@table("C6: a notice by the previous key is a reason to ask, as {0}", [
    ("plain CGI", False, {}), ("FastCGI", True, {}),
    ("FastCGI with a supervisor", True, {"server.processes": "1"})])
def _(t, _how, web, conf):
    s, g = changed(t, web=web, **conf)
    order = t.id()
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    t.refused(s.notify(old(order, 5, tx)))
    t.until("what WeChat says", lambda: s.show(order)["state"] == "paid")
    after = s.show(order)
    t.eq((after["paid_via"], after["transaction_id"]), ("query", tx), "paid")
    # WeChat repeats it until it hears that it is known.
    t.success(s.notify(old(order, 5, tx)))
    t.success(s.notify(new(order, 5, tx)))
    t.eq(s.show(order)["events"], after["events"], "events")
    lines = [x for x in s.log() if " notice-previous-key " in x]
    t.eq([x.rsplit("known=", 1)[1] for x in lines], ["no", "yes"], "log")
    t.ok(all(OLD_API not in x and NEW_API not in x for x in s.log()), "keys")


@table("C6: of a notice by the previous key nothing is believed: {0}", [
    ("it was not paid", 5, {}), ("another amount", 6, {}),
    ("another currency", 5, {"fee_type": "USD"})])
def _(t, _what, fee, change):
    s, g = changed(t)
    order = t.id()
    s.ready(order, 5)
    t.refused(s.notify(old(order, fee, **change)))
    g.wait("calls", api="orderquery", out_trade_no=order, n=1, done=1)
    t.until("the answer", lambda: any(
        e["event"] == "queried" for e in s.show(order)["events"]))
    o = s.show(order)
    t.eq((o["state"], o["alerts"], o["transaction_id"]),
         ("awaiting", [], None), "the order")


@table("C6: {0} makes nobody ask", [
    ("a previous key that is not set", False, lambda o: old(o, 5)),
    ("an unknown order", True, lambda o: old("nobodys-" + o, 5)),
    ("the other type", True, lambda o: old(o, 5, signed_by="MD5")),
    ("another key", True, lambda o: h5.notice(o, 5, key="x" * 32)),
    ("another appid", True, lambda o: old(o, 5, appid="wx0000000000000000")),
    ("another merchant", True, lambda o: old(o, 5, mch_id="1230000110")),
    ("result_code FAIL", True, lambda o: old(o, 5, result_code="FAIL"))])
def _(t, _what, previous, notice):
    s, g = changed(t, previous)
    order = t.id()
    s.ready(order, 5)
    g.pay(order)
    t.refused(s.notify(notice(order)))
    t.eq(s.show(order)["state"], "awaiting", "state")
    # Whatever it started would have come before this.
    t.eq(s.h5pay("query", order)[0], 0, "query")
    t.eq(len(g.calls("orderquery")), 1, "questions")


@test("C6: a flood of one notice by the previous key asks once an interval")
def _(t):
    s, g = changed(t, **{"orders.query_interval_s": 3600})
    order = t.id()
    s.ready(order, 5)
    body = old(order, 5)
    for _ in range(20):
        t.refused(s.notify(body))
    g.wait("calls", api="orderquery", out_trade_no=order, n=1, done=1)
    code, out, err = s.h5pay("sweep", "--order", order, "--ask")
    t.eq((code, out), (0, ""), err)
    t.eq(len(g.calls("orderquery")), 1, "questions")


@test("C6: money for a closed order is found by a notice of the previous key")
def _(t):
    s, g = changed(t)
    order = t.id()
    s.ready(order, 5)
    t.eq(s.h5pay("close", order, prefix=["faketime", "-f", "+6m"])[0], 0, "close")
    g.control("pay", out_trade_no=order, notice=0, force=1)
    t.refused(s.notify(old(order, 5, g.order(order)["transaction_id"])))
    t.until("the alert", lambda: s.show(order)["alerts"] == ["late"])


@test("C6: after the key was changed here alone nothing is believed")
def _(t):
    # WeChat still has the old one: its answers are not ours.
    g = t.own_gateway(key=OLD_API)
    s = t.own_site({"orders.query_interval_s": 0}, gateway=g)
    order = t.id()
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    s.write("api.key", NEW_API + "\n")
    s.write("api.key.old", OLD_API + "\n")
    s.configure({"merchant.api_key_previous_file": s.folder / "api.key.old"})
    t.refused(s.notify(old(order, 5, tx)))
    t.eq(s.h5pay("query", order)[0], 69, "query")
    t.eq(s.show(order)["state"], "awaiting", "state")
    # And once WeChat has the new one, all goes on.
    s.write("api.key", OLD_API + "\n")
    s.configure({"merchant.api_key_previous_file": None})
    t.success(s.notify(old(order, 5, tx)))


@table("C6: a refund notice by the {0} key is {1}", [
    ("present", "a hint", NEW_API, True), ("previous", "a hint", OLD_API, True),
    ("previous", "refused where that is not set", OLD_API, False)])
def _(t, _which, _what, key, previous):
    s, g = changed(t, previous)
    g.option(refund_s=0)
    order = t.id()
    s.ready(order, 5)
    tx = g.pay(order)["transaction_id"]
    t.success(s.notify(new(order, 5, tx)))
    g.control("platform-refund", out_trade_no=order, out_refund_no="M1")
    notice = refund_notice(order, "M1", key=key)
    if key == OLD_API and not previous:
        t.refused(s.notify(notice))
        t.eq(s.show(order)["state"], "paid", "state")
        return
    t.success(s.notify(notice))
    t.until("the refund", lambda: s.show(order)["state"] == "refunded")
    # What it said of the amount was hearsay.
    t.success(s.notify(refund_notice(order, "M2", fee=1, key=key)))
    t.eq(s.show(order)["state"], "refunded", "state")


DAY = 86400


def aged(s, key, days, inline):
    """merchant.KEY_previous in a file that was written so many days ago."""
    value = {key: OLD_API} if inline else {
        f"{key}_file": s.folder / "old.key"}
    s.write("old.key", OLD_API + "\n")
    s.configure(value)
    at = time.time() - days * DAY
    os.utime(s.conf_file if inline else s.folder / "old.key", (at, at))


@table("C6: check {0} a previous merchant key {1} that is {2} days old", [
    (verdict, "in h5pay.conf" if inline else "in a file", days, inline)
    for verdict, days in (("fails", 31), ("fails", 200), ("warns of", 29),
                          ("warns of", 0), ("warns of", -1))
    for inline in (False, True)])
def _(t, verdict, _where, days, inline):
    s = t.own_site()
    aged(s, "merchant.api_key_previous", days, inline)
    code, out, err = s.h5pay("check")
    found = [c for c in s.h5pay("doctor", "--offline")[1].splitlines()
             if "merchant.api_key_previous" in c]
    t.eq(len(found), 1, "lines of the doctor")
    if verdict == "fails":
        t.eq(code, 78, out)
        t.contains(err, "merchant.api_key_previous: the file that holds it was "
                   "written more than 30 days ago", "check")
        t.contains(found[0], "FAIL", "the doctor")
    else:
        t.eq((code, err), (0, ""), "check")
        t.contains(out, "warning: merchant.api_key_previous ", "check")
        t.contains(found[0], "WARN", "the doctor")
    # Payments do not stop for it.
    for program in h5.PROGRAMS:
        p = s.popen([s.bin / program, "-t"],
                    env={"H5PAY_CONF": str(s.conf_file)})
        out, err = p.communicate(timeout=30)
        t.eq((p.returncode, err), (0, b""), f"{program} -t")
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))


@test("C6: an old file of another previous key is a warning")
def _(t):
    s = t.own_site()
    s.write("old.key", "o" * 40 + "\n")
    s.configure({"site.secret_previous_file": s.folder / "old.key"})
    at = time.time() - 400 * DAY
    os.utime(s.folder / "old.key", (at, at))
    code, out, err = s.h5pay("check")
    t.eq((code, err), (0, ""), "check")
    t.contains(out, "warning: site.secret_previous ", "the warning")

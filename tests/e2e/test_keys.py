"""Keys are changed while buyers pay (interface section 2, *_previous)."""

import base64
import hashlib
import hmac

import h5
from case import table, test
from test_hooks import Receiver

OLD_SECRET, OLD_LINK = h5.SECRET, h5.LINK_KEY
NEW = "k" * 40


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
    ("hooks.webhook_secret_previous",)])
def _(t, key):
    s = t.own_site()
    t.lacks(s.h5pay("check")[1], "_previous", "check without one")
    s.configure({key: "whsec_" + base64.b64encode(b"o" * 24).decode()})
    code, out, err = s.h5pay("check")
    t.eq(code, 0, err)
    t.contains(out, f"warning: {key} ", "the warning")

"""The whole payment through each server, by the files of deploy/."""

import http.client
import os
import urllib.parse

import behind
import h5
from case import table


def press(browser, action):
    """A button of the cashier."""
    form = next(f for f in browser.reply.forms if "action" in dict(f.fields))
    fields = dict(form.fields, action=action)
    return browser._go("POST", urllib.parse.urljoin(browser.url, form.action),
                       urllib.parse.urlencode(fields))


def buy(t, w, order, fee):
    """A browser at the cashier."""
    b = h5.Browser(headers={"X-Forwarded-For": "203.0.113.9"})
    b.open(w.url("checkout", w.link(order, fee)))
    t.page(b.reply, 200, "confirm")
    b.submit(b.reply.form("checkout"))
    t.eq([s for m, _, s, _ in b.trail if m == "POST"][-1], w.redirect,
         "POST checkout")
    t.eq(b.reply.page, "cashier", f"at the cashier: {b.reply}")
    return b


def pay_by_notice(t, w):
    order = t.id()
    b = buy(t, w, order, 880)
    press(b, "pay")
    t.ok(b.reply.page in ("return", "result"), f"came back: {b.reply}")
    paid = t.until("the notice", lambda: (
        lambda o: o["state"] == "paid" and o)(w.show(order)))
    t.eq(paid["paid_via"], "notify", "paid_via")
    t.eq(paid["attempts"][0]["spbill_create_ip"], "203.0.113.9",
         "the buyer's address")
    b.open(b.url)
    t.page(b.reply, 200, "result", "paid")
    t.until("the hook", (w.folder / "heard" / order).exists)


def pay_by_query(t, w):
    order = t.id()
    b = buy(t, w, order, 12800)
    back = h5.query_params(b.url)["redirect_url"]
    t.gateway.pay(order, notice=0)
    b.follow(back)
    t.page(b.reply, 200, "return")
    b.submit(b.reply.form("query"))
    t.page(b.reply, 200, "result", "paid")
    t.contains(b.reply.visible, "128.00", "amount")
    t.eq(w.show(order)["paid_via"], "query", "paid_via")


@table("a buyer pays behind {0}", list(behind.ALL.items()))
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    pay_by_notice(t, w)
    pay_by_query(t, w)
    t.refused(w.notify(b"<xml>"))
    t.page(w.get("checkout", "item=nothing"), 404, "not-found")
    r = w.post("checkout", b"x" * 20000)
    t.page(r, 413, "too-large")
    if w.user:
        t.eq(w.store.owner(), w.user, "owner of the store")


@table("behind {0} an untrusted X-Forwarded-For is not believed",
       list(behind.ALL.items()))
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway, {"site.trusted_proxies": None}))
    order = t.id()
    t.redirect(w.order(order, 5))
    t.eq(w.show(order)["attempts"][0]["spbill_create_ip"], "127.0.0.1",
         "the address that connected")


def post(url, body, *lines):
    """A POST with these header lines, as they stand."""
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=60)
    c.putrequest("POST", u.path)
    for name, value in lines:
        c.putheader(name, value)
    c.endheaders(body)
    r = c.getresponse()
    reply = h5.Reply(r.status, r.getheaders(), r.read(), url)
    c.close()
    return reply


@table("B6: behind {0} a chunked notice is taken", list(behind.ALL.items()))
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    order = t.id()
    w.ready(order, 5)
    body = h5.notice(order, 5)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(x), x)
                      for x in (body[:100], body[100:], b""))
    r = post(w.url("notify"), chunks, ("Content-Type", "text/xml"),
             ("Transfer-Encoding", "chunked"))
    t.success(r)
    t.eq(w.show(order)["state"], "paid", "state")


@table("B2: behind {0} two X-Forwarded-For lines are one list",
       list(behind.ALL.items()))
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    order = t.id()
    form = w.get("checkout", w.link(order, 5)).form("checkout")
    body = h5.form_body(form.fields)
    r = post(w.url("checkout"), body, ("X-Forwarded-For", "1.1.1.1"),
             ("X-Forwarded-For", "203.0.113.7:4711"),
             ("Content-Type", "application/x-www-form-urlencoded"),
             ("Content-Length", str(len(body))))
    t.eq(r.status, w.redirect, "status")
    t.eq(w.show(order)["attempts"][0]["spbill_create_ip"], "203.0.113.7",
         "the buyer's address")


@table("behind {0} nothing but the programs is handed out", [
    (n, s) for n, s in behind.ALL.items() if issubclass(s, behind.Htaccess)])
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    for path in (".htaccess", "h5pay.path", "checkout.fcgi.new"):
        (w.bin / path).touch()
        r = w.request("GET", "/pay/" + path)
        t.ok(r.status in (403, 404), f"{path}: {r}")


@table("behind {0} the doctor answers while its file is there", [
    (n, s) for n, s in behind.ALL.items() if issubclass(s, behind.Htaccess)])
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    w.ready(t.id())
    t.page(w.cgi("doctor"), 404, "not-found")
    enable = w.store / "doctor.enable"
    enable.touch()
    os.chown(enable, w.store.stat().st_uid, w.store.stat().st_gid)
    t.page(w.cgi("doctor"), 200, "doctor")
    r = w.post("doctor", {})
    t.page(r, 200, "doctor")
    t.contains(r.visible, "appid " + h5.APPID, "what WeChat knows")
    t.lacks(r.visible, "FAIL ", "a fault")
    enable.unlink()
    t.page(w.cgi("doctor"), 404, "not-found")

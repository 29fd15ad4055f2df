"""FastCGI processes: stopping, replacing, surviving (interface section 1)."""

import os
import shutil
import signal
import threading

import h5
from case import table, test


def own(t, conf=None, **kw):
    """A Web with programs of its own, so that they may be replaced."""
    w = t.own_web(conf, **kw)
    return w


def copied(t, conf=None, **kw):
    site_bin = {}

    class Copied(h5.Web):
        def start(self):
            if not site_bin:
                self.bin = self.folder / "lib"
                shutil.copytree(self.build / "cgi-bin", self.bin)
                site_bin["done"] = True
            super().start()

    return t.mine(Copied(t.build, t.gateway, conf, **kw))


@table("{1} lets a FastCGI {0} finish and exit", [
    (p, s) for p in h5.PROGRAMS for s in ("SIGTERM", "SIGUSR1")])
def _(t, program, name):
    w = own(t)
    w.get(program, "item=tea")
    (pid,) = w.pids(program)
    os.kill(pid, getattr(signal, name))
    t.until(f"{program} to exit", lambda: not h5.alive_process(pid))
    # lighttpd starts another, about a second later.
    t.until("the next request", lambda: w.get(
        program, "item=tea").status < 500)


@table("{0} with a request in hand finishes it first", ["SIGTERM", "SIGUSR1"])
def _(t, name):
    w = own(t)
    order = t.id()
    page = w.get("checkout", w.link(order))
    fields = page.form("checkout").fields
    t.gateway.fault("unifiedorder", "delay", order=order, ms=700)
    got = []
    worker = threading.Thread(
        target=lambda: got.append(w.post("checkout", fields)))
    worker.start()
    t.gateway.wait("calls", api="unifiedorder", out_trade_no=order, n=1)
    (pid,) = w.pids("checkout")
    os.kill(pid, getattr(signal, name))
    worker.join()
    t.redirect(got[0])
    t.until("checkout to exit", lambda: not h5.alive_process(pid))


@test("many requests at once are served by the threads of one process")
def _(t):
    w = own(t)
    w.get("checkout", "item=tea")
    (pid,) = w.pids("checkout")
    forms = [w.get("checkout", w.link(t.id())).form("checkout").fields
             for _ in range(8)]
    start = h5.time.monotonic()
    for f in forms:
        t.gateway.fault("unifiedorder", "delay", order=dict(f)["order"],
                        ms=3000)
    got = h5.together(8, lambda i: w.post("checkout", forms[i]))
    took = h5.time.monotonic() - start
    t.eq({r.status for r in got}, {303}, "statuses")
    t.ok(took < 20, f"side by side: {took:.1f} s for 8 of 3 s")
    t.eq(w.pids("checkout"), [pid], "processes")


@test("a new configuration is taken up between requests")
def _(t):
    w = own(t, {"site.name": "ShopOne"})
    t.contains(w.get("checkout", "item=tea").visible, "ShopOne", "page")
    w.configure({"site.name": "ShopTwo"})
    t.until("the new name", lambda: "ShopTwo" in w.get(
        "checkout", "item=tea").visible)


@test("a new secret file is taken up between requests")
def _(t):
    w = own(t)
    order = t.id()
    q = {"order": order, "t": w.ready(order)}
    t.page(w.get("return-page", q), 200, "return")
    w.write("site.secret", "y" * 40 + "\n")
    t.until("the old token to be refused",
            lambda: w.get("return-page", q).status == 404)


@test("a new configuration that is bad is not taken up, and the log says why")
def _(t):
    w = own(t, {"site.name": "ShopOne"})
    w.get("checkout", "item=tea")
    pids = w.pids("checkout")
    w.configure({"site.lang": "fr", "site.name": "ShopTwo"})

    def said():
        r = w.get("checkout", "item=tea")
        t.page(r, 200, "confirm")
        t.contains(r.visible, "ShopOne", "page")
        return [x for x in w.log() if "lang" in x or "config" in x.lower()]

    lines = t.until("a word in the log", said)
    t.ok(lines, "a word in the log")
    # Beside it there may be the one that tries the new configuration.
    t.contains(w.pids("checkout"), pids[0], "processes")
    w.configure({"site.lang": "en"})
    t.until("the mended configuration", lambda: "ShopTwo" in w.get(
        "checkout", "item=tea").visible)


@table("a program that began {0} takes up all of its configuration", [
    ("with an unknown language", lambda w: w.configure({"site.lang": "fr"})),
    ("with a command that is missing",
     lambda w: w.configure({"server.command": w.folder / "none"})),
    ("without the file", lambda w: w.conf_file.unlink())])
def _(t, _how, spoil):
    class Late(h5.Web):
        def start(self):
            spoil(self)
            super().start()

    w = t.mine(Late(t.build, t.gateway, {"server.processes": "2"}))
    t.page(w.get("checkout", "item=tea"), 500, "error")
    (pid,) = w.pids("checkout")
    w.configure({"site.lang": "en", "server.command": w.command})
    t.until("the mended configuration",
            lambda: w.get("checkout", "item=tea").status == 200)

    def supervised():
        t.eq(w.get("checkout", "item=tea").status, 200, "status meanwhile")
        return len(w.workers("checkout")) == 2

    # Before it the trial of the new pair, and a sanitizer's own process, look
    # like workers.
    t.until("the log says so", lambda: w.get(
        "checkout", "item=tea").status == 200 and any(
            "starting-over" in x for x in w.log()))
    t.until("two workers", supervised)
    # The process is the same: its web server has nothing to start.
    t.eq(w.pids("checkout")[0], pid, "the supervisor")


@table("a replaced program is taken up between requests with {0} processes",
       [0, 2])
def _(t, processes):
    w = copied(t, {"server.processes": str(processes)})
    t.eq(w.get("checkout", "item=tea").status, 200, "status")
    old = t.until("the workers", lambda: len(w.workers("checkout")) == (
        processes or 1) and w.workers("checkout"))
    new = w.bin / "checkout.new"
    shutil.copy(w.build / "cgi-bin" / "checkout", new)
    new.rename(w.bin / "checkout")
    lost = []

    def replaced():
        r = w.get("checkout", "item=tea")
        if r.status != 200:
            lost.append(r)
        return r.status == 200 and not set(w.workers("checkout")) & set(old)

    t.until("other processes", replaced)
    # A supervisor keeps the socket.  Without one lighttpd makes another, once
    # it has seen the end of the old program; until then, a second at the
    # most, it says 503 itself.
    t.eq({r.status for r in lost}, {503} if lost and not processes else set(),
         "answers while the program was replaced")


@test("a program replaced by one that does not work is not taken up")
def _(t):
    w = copied(t)
    w.get("checkout", "item=tea")
    pids = w.pids("checkout")
    new = w.bin / "checkout.new"
    new.write_text("#!/bin/sh\nexit 78\n")
    new.chmod(0o755)
    new.rename(w.bin / "checkout")
    for _ in range(20):
        t.eq(w.get("checkout", "item=tea").status, 200, "status")
    t.eq(w.pids("checkout"), pids, "processes")


@test("with server.processes a killed worker is replaced, no 503")
def _(t):
    w = own(t, {"server.processes": "2"})
    w.get("checkout", "item=tea")
    pids = t.until("a supervisor and two workers",
                   lambda: len(w.pids("checkout")) == 3 and w.pids("checkout"))
    t.eq(len(w.workers("checkout")), 2, "workers")
    for _ in range(5):
        t.until("a worker to kill", lambda: w.workers("checkout") != pids[:1])
        os.kill(w.workers("checkout")[0], signal.SIGKILL)
        for _ in range(4):
            t.eq(w.get("checkout", "item=tea").status, 200, "status")
    t.until("two workers again", lambda: len(w.pids("checkout")) == 3)


@test("a supervisor that is stopped takes its workers along")
def _(t):
    w = own(t, {"server.processes": "2"})
    w.get("query", "order=abcdefg&t=x")
    pids = t.until("three processes",
                   lambda: len(w.pids("query")) == 3 and w.pids("query"))
    boss = [p for p in pids if h5._stat(p)[2] not in pids][0]
    os.kill(boss, signal.SIGTERM)
    t.until("all three to be gone",
            lambda: not any(h5.alive_process(p) for p in pids))


@test("a supervisor that is killed takes its workers along")
def _(t):
    w = own(t, {"server.processes": "2"})
    w.get("query", "order=abcdefg&t=x")
    pids = t.until("three processes",
                   lambda: len(w.pids("query")) == 3 and w.pids("query"))
    boss = [p for p in pids if h5._stat(p)[2] not in pids][0]
    os.kill(boss, signal.SIGKILL)
    t.until("all three to be gone",
            lambda: not any(h5.alive_process(p) for p in pids))


@test("when lighttpd stops, nothing of the suite is left")
def _(t):
    w = own(t, {"server.processes": "2"})
    for p in h5.PROGRAMS:
        w.get(p, "x=1")
    pids = list(h5.family(w.server.pid))
    w.server.terminate()
    w.server.wait(10)
    t.until("all processes to be gone",
            lambda: not any(h5.alive_process(p) for p in pids))


@test("a client that goes away in the middle of a body harms nobody")
def _(t):
    import socket

    w = own(t)
    for _ in range(5):
        s = socket.create_connection(("127.0.0.1", w.port))
        s.sendall(b"POST /cgi-bin/notify HTTP/1.1\r\nHost: x\r\n"
                  b"Content-Length: 5000\r\n\r\n<xml>")
        s.close()
    order = t.id()
    w.ready(order, 5)
    t.success(w.notify(h5.notice(order, 5)))


@test("long headers and a long User-Agent are borne")
def _(t):
    r = t.web.get("checkout", "item=tea", headers={
        "User-Agent": "x" * 4000, "X-Long": "y" * 200,
        "Accept-Language": "en," * 300})
    t.page(r, 200, "confirm")


@test("limits of a query string: 400 or 414, never a crash")
def _(t):
    r = t.web.get("checkout", "item=tea&x=" + "y" * 7000)
    t.page(r, 200, "confirm")
    r = t.web.get("checkout", "item=tea&x=" + "y" * 9000)
    t.ok(r.status in (400, 414, 431), f"status {r.status}")
    r = t.site.get("checkout", "item=tea&x=" + "y" * 100000)
    t.page(r, 400, "bad-request")


@test("a Host header changes no address that is handed out")
def _(t):
    order = t.id()
    page = t.site.get("checkout", t.site.link(order),
                      headers={"Host": "evil.example"})
    t.lacks(page.text, "evil.example", "the page")
    to = t.redirect(t.site.post("checkout", page.forms[0].fields,
                                headers={"Host": "evil.example"}))
    t.lacks(to, "evil", "Location")


@test("proxy settings of the environment are not followed")
def _(t):
    order = t.id()
    page = t.site.get("checkout", t.site.link(order))
    env = {"http_proxy": "http://127.0.0.1:9",
           "HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    t.redirect(t.site.post("checkout", page.forms[0].fields, env=env))

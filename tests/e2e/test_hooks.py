"""Events to the shop (interface section 5)."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import shutil
import signal
import tempfile
import threading
import time

import h5
from case import table, test

HOOK = """\
#!/bin/sh
# Writes each delivery as a file of its own, then answers as told.
f=$(mktemp {out}/new.XXXXXX)
cat >"$f"
env >"$f.env"
echo "$#" >"$f.argc"
mv "$f" "{out}/$(date +%s%N)-$$.json"
mv "$f.env" "{out}/$$.env"
[ -e {out}/slow ] && sleep 30
[ -e {out}/fail ] && exit 1
exit 0
"""


class Book:
    """What a hook program wrote down."""

    def __init__(self, folder):
        self.top = folder
        self.folder = folder / "book"
        self.folder.mkdir()
        self.program = folder / "hook"
        self.write(HOOK.format(out=self.folder))

    def write(self, text):
        self.program.write_text(text)
        self.program.chmod(0o700)

    def close(self):
        shutil.rmtree(self.top, ignore_errors=True)

    def events(self, type_=None, order=None):
        out = []
        for p in sorted(self.folder.glob("*.json")):
            try:
                e = json.loads(p.read_text())
            except ValueError:
                raise AssertionError(f"not JSON: {p.read_text()!r}") from None
            if (type_ is None or e["type"] == type_) and (
                    order is None or e["order"]["order"] == order):
                out.append(e)
        return out

    def environments(self):
        return [dict(line.split("=", 1) for line in p.read_text().splitlines()
                     if "=" in line) for p in self.folder.glob("*.env")]

    def flag(self, name, on=True):
        path = self.folder / name
        path.touch() if on else path.unlink(missing_ok=True)


def with_hook(t, web=True, conf=None, **kw):
    """A site with a hook program, there before the servers start."""
    book = t.mine(Book(pathlib.Path(tempfile.mkdtemp(prefix="h5-hook-"))))
    make = t.own_web if web else t.own_site
    return make({"hooks.exec": book.program, **(conf or {})}, **kw), book


def ready(t, s, fee=5):
    order = t.id()
    return order, s.ready(order, fee)


@table("a payment by {0} fires order.paid with {1}", [
    ("notice", "FastCGI"), ("notice", "plain CGI"), ("query", "FastCGI"),
    ("query", "plain CGI")])
def _(t, via, how):
    s, book = with_hook(t, web=how == "FastCGI")
    order, token = ready(t, s)
    if via == "notice":
        tx = h5.transaction_id()
        t.success(s.notify(h5.notice(order, 5, tx)))
    else:
        t.gateway.pay(order)
        tx = t.gateway.order(order)["transaction_id"]
        t.redirect(s.post("query", {"order": order, "t": token}))
    (e,) = t.until("the event", lambda: book.events("order.paid", order))
    t.eq(sorted(e), ["at", "id", "order", "type"], "keys")
    t.matches(e["at"], r"\+08:00$", "at")
    o = e["order"]
    t.eq((o["order"], o["state"], o["total_fee"], o["transaction_id"],
          o["paid_via"]),
         (order, "paid", 5, tx, "notify" if via == "notice" else "query"),
         "the order in it")
    (env,) = book.environments()
    t.eq((env["H5PAY_EVENT"], env["H5PAY_ORDER"], env["H5PAY_TOTAL_FEE"],
          env["H5PAY_TRANSACTION_ID"]), ("order.paid", order, "5", tx),
         "environment")
    t.until("delivered in the ledger", lambda: "delivered" in [
        x["event"] for x in s.show(order)["events"]])


@test("a close fires order.closed, an alert order.alert")
def _(t):
    s, book = with_hook(t)
    a, _ = ready(t, s)
    t.eq(s.h5pay("close", a)[0], 0, "close")
    t.until("order.closed", lambda: book.events("order.closed", a))
    b, _ = ready(t, s)
    t.refused(s.notify(h5.notice(b, 4)))
    (e,) = t.until("order.alert", lambda: book.events("order.alert", b))
    t.eq(e["order"]["alerts"], ["disputed"], "alerts")


@test("32 notices and queries at once make one order.paid id")
def _(t):
    s, book = with_hook(t)
    order, token = ready(t, s)
    t.gateway.pay(order)
    tx = t.gateway.order(order)["transaction_id"]
    body = h5.notice(order, 5, tx)
    q = {"order": order, "t": token}

    def one(i):
        return s.notify(body) if i % 2 else s.post("query", q)

    for r in h5.together(32, one):
        t.ok(r.status in (200, 303), f"{r}")
    t.until("the event", lambda: book.events("order.paid", order))
    t.until("quiet", lambda: not s.h5pay("hook", "list")[1])
    ids = {e["id"] for e in book.events("order.paid", order)}
    t.eq(len(ids), 1, f"ids {ids}")


@test("the reply does not wait for a slow hook")
def _(t):
    s, book = with_hook(t)
    book.flag("slow")
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    # It is killed, and that is noted, after ten seconds.
    t.lacks([x["event"] for x in s.show(order)["events"]], "undelivered",
            "events when the reply is there")
    t.until("the hook to have started", lambda: book.events("order.paid"))


@test("a hook that fails is tried again with the same id until it takes it")
def _(t):
    s, book = with_hook(t, web=False)
    book.flag("fail")
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    (first,) = t.until("the first try",
                       lambda: book.events("order.paid", order))
    t.until("the failure to be noted", lambda: "undelivered" in [
        x["event"] for x in s.show(order)["events"]])
    t.contains(s.h5pay("hook", "list")[1], first["id"], "hook list")
    book.flag("fail", False)
    s.h5pay("sweep", prefix=["faketime", "-f", "+1d"])
    got = book.events("order.paid", order)
    t.eq([e["id"] for e in got], [first["id"]] * 2, "ids")
    t.contains([x["event"] for x in s.show(order)["events"]], "delivered",
               "events")
    t.eq(s.h5pay("hook", "list")[1], "", "hook list after it")


@test("hook retry and hook test need an order, and somebody who listens")
def _(t):
    s, _ = with_hook(t, web=False)
    t.eq(s.h5pay("hook", "retry", "nobodys-1")[0], 66, "no such order")
    t.eq(t.site.h5pay("hook", "retry", "nobodys-1")[0], 66, "no such order")
    order, _ = ready(t, s)
    t.eq(s.h5pay("hook", "retry", order)[0], 0, "nothing is due")
    order, _ = ready(t, t.site)
    for args in (("retry", order), ("test",)):
        code, out, err = t.site.h5pay("hook", *args)
        t.eq((code, out), (78, ""), f"without a hook: {err}")


@test("hook retry delivers now what waits for its back-off")
def _(t):
    s, book = with_hook(t, web=False)
    book.flag("fail")
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the failure to be noted", lambda: "undelivered" in [
        x["event"] for x in s.show(order)["events"]])
    book.flag("fail", False)
    s.h5pay("sweep")
    t.eq(len(book.events()), 1, "nothing before its time")
    code, out, err = s.h5pay("hook", "retry", order)
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    t.eq(len(book.events()), 2, "deliveries")


@test("hook retry and hook test speak JSON when asked")
def _(t):
    s, _ = with_hook(t, web=False)
    order, _ = ready(t, s)
    for args, want in ((("retry", order), {"order": order, "delivered": True}),
                       (("test",), {"ok": True})):
        code, out, err = s.h5pay("hook", *args, "--json")
        t.eq((code, json.loads(out)), (0, want), f"hook {args}")


@test("hook test delivers made-up events")
def _(t):
    s, book = with_hook(t, web=False)
    code, out, err = s.h5pay("hook", "test")
    t.eq(code, 0, f"exit status, {err!r}")
    for e in book.events():
        t.matches(e["id"], r"^evt_test_", "id")
    t.eq(len(book.events()), 4, "one of each type")
    book.flag("fail")
    code, out, err = s.h5pay("hook", "test")
    t.no(code == 0, "exit status of a hook that fails")


@test("a hook that hangs is killed after ten seconds and tried again")
def _(t):
    s, book = with_hook(t, web=False)
    book.flag("slow")
    order, _ = ready(t, s)
    start = time.monotonic()
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the failure to be noted", lambda: "undelivered" in [
        x["event"] for x in s.show(order)["events"]])
    took = time.monotonic() - start
    # By itself it would go on for half a minute, and succeed.
    t.ok(took > 8, f"noted after {took:.1f} s")


@test("a delivery that was interrupted is due again at once, with its id")
def _(t):
    s, book = with_hook(t, web=False)
    book.flag("slow")
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    (first,) = t.until("the hook to have started",
                       lambda: book.events("order.paid", order))
    # The delivering command is killed, and the hook with it.
    for pid, comm in h5.family(os.getpid()).items():
        if comm in ("h5pay", "hook", "sleep"):
            try:
                cmd = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if comm != "h5pay" or order.encode() in cmd:
                if comm == "h5pay":
                    os.kill(pid, signal.SIGKILL)
    book.flag("slow", False)
    t.until("the lock of the killed one to be free", lambda: (
        s.h5pay("sweep"), len(book.events("order.paid", order)) == 2)[1], 20)
    ids = {e["id"] for e in book.events("order.paid", order)}
    t.eq(ids, {first["id"]}, "ids")


@test("without server.command and h5pay the event waits for sweep")
def _(t):
    s, book = with_hook(t, web=False)
    order, _ = ready(t, s)
    s.configure({"server.command": "/bin/false"})
    t.success(s.notify(h5.notice(order, 5)))
    t.eq(book.events(), [], "deliveries")
    code, out, err = s.h5pay("sweep")
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq(len(book.events("order.paid", order)), 1, "deliveries")


@test("copies of a notice that come together start one delivery")
def _(t):
    place = pathlib.Path(tempfile.mkdtemp(prefix="h5-once-"))
    started = place / "started"
    started.touch()
    command = place / "h5pay"
    book = t.mine(Book(place))
    # Before the server: what server.command names has to be there.
    command.write_text(f"#!/bin/sh\necho \"$*\" >>{started}\n"
                       f"exec {pathlib.Path(t.build).resolve()}/h5pay \"$@\"\n")
    command.chmod(0o700)
    s = t.own_web({"hooks.exec": book.program, "server.processes": "2",
                   "server.command": command})
    order = t.id()
    s.ready(order, 5)
    body = h5.notice(order, 5)
    # A supervisor renews its workers when the store was made; one that stands
    # still in the middle of that has none.
    s.stop()
    s.start()
    s.notify(b"<xml></xml>")
    supervisor = h5.until("a supervisor and its workers", lambda: set(
        s.pids("notify")) - set(s.workers("notify"))).pop()
    # It gets to hear of all of them at the same time.
    os.kill(supervisor, signal.SIGSTOP)
    try:
        h5.until("it stands still", lambda: h5._stat(supervisor)[1] == "T")
        for _ in range(20):
            t.success(s.notify(body))
    finally:
        os.kill(supervisor, signal.SIGCONT)
    h5.until("the delivery", lambda: s.show(order)["events"][-1]["event"] ==
             "delivered")
    t.success(s.notify(body))
    t.eq(len([x for x in started.read_text().splitlines() if order in x]), 1,
         "deliveries started")
    t.eq(len(book.events("order.paid", order)), 1, "events")


@test("h5pay is found in the programs' parent folder without server.command")
def _(t):
    s, book = with_hook(t, conf={"server.command": None})
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the event", lambda: book.events("order.paid", order))


@test("return-page starts no delivery")
def _(t):
    s, book = with_hook(t, web=False)
    order, token = ready(t, s)
    s.configure({"server.command": "/bin/false"})
    t.success(s.notify(h5.notice(order, 5)))
    s.configure({"server.command": s.command})
    t.page(s.get("return-page", {"order": order, "t": token}), 200, "result")
    time.sleep(0.3)  # nothing to wait for: nothing must happen
    t.eq(book.events(), [], "deliveries")


@test("events of one order arrive in their order")
def _(t):
    s, book = with_hook(t, web=False)
    book.flag("fail")
    order, _ = ready(t, s)
    t.refused(s.notify(h5.notice(order, 4)))
    t.success(s.notify(h5.notice(order, 5)))
    t.until("a first try, written down", lambda: "undelivered" in s.h5pay(
        "show", order, "--json")[1])
    book.flag("fail", False)
    for p in book.folder.glob("*.json"):
        p.unlink()
    # 75 while the program that the second notice started is at work.
    t.until("both taken", lambda: s.h5pay("hook", "retry", order)[0] == 0)
    t.eq(len(book.events(order=order)), 2, "deliveries")
    t.eq([e["type"] for e in book.events(order=order)],
         ["order.alert", "order.paid"], "types")


@test("the hook gets no descriptor, no shell and no arguments")
def _(t):
    s, book = with_hook(t)
    book.write("#!/bin/sh\ncat >/dev/null\n"
               f"exec ls /proc/self/fd >{book.folder}/fds\n")
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    path = book.folder / "fds"
    fds = t.until("the hook", lambda: path.exists() and path.read_text())
    # 3 is the folder that ls reads.
    t.ok(set(fds.split()) <= {"0", "1", "2", "3"}, f"descriptors {fds}")


# --- webhooks ---------------------------------------------------------------

SECRET = base64.b64encode(b"a secret of twenty-four b").decode()


class Receiver:
    """A shop's web server on 127.0.0.1."""

    def __init__(self):
        self.got = []
        self.answer = 204
        self.delay = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                n = int(self.headers["Content-Length"])
                receiver.got.append((dict(self.headers), self.rfile.read(n)))
                time.sleep(receiver.delay)
                self.send_response(receiver.answer)
                if receiver.answer in (301, 302):
                    self.send_header("Location", receiver.url + "/else")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def events(self, type_=None):
        return [json.loads(b) for _, b in self.got
                if type_ is None or json.loads(b)["type"] == type_]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def with_webhook(t, web=False):
    r = t.mine(Receiver())
    make = t.own_web if web else t.own_site
    s = make({"hooks.webhook_url": r.url,
              "hooks.webhook_secret": "whsec_" + SECRET})
    return s, r


@test("a webhook is signed as Standard Webhooks says")
def _(t):
    s, r = with_webhook(t, web=True)
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the delivery", lambda: r.events("order.paid"))
    headers, body = r.got[0]
    h = {k.lower(): v for k, v in headers.items()}
    e = json.loads(body)
    t.eq(h["webhook-id"], e["id"], "webhook-id")
    t.matches(h["content-type"], r"^application/json", "Content-Type")
    t.ok(abs(int(h["webhook-timestamp"]) - time.time()) < 60, "timestamp")
    signed = f"{h['webhook-id']}.{h['webhook-timestamp']}.".encode() + body
    want = "v1," + base64.b64encode(
        hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()
    ).decode()
    t.contains(h["webhook-signature"].split(), want, "webhook-signature")
    t.eq((e["type"], e["order"]["order"], e["order"]["state"]),
         ("order.paid", order, "paid"), "the event")


@table("a webhook answered {0} is tried again with the same id", [
    500, 503, 404, 301, 302, 199])
def _(t, status):
    if status == 199:
        status = 304
    s, r = with_webhook(t)
    r.answer = status
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the first try", lambda: r.got)
    t.until("the failure to be noted", lambda: "undelivered" in [
        x["event"] for x in s.show(order)["events"]])
    r.answer = 200
    code, out, err = s.h5pay("sweep", prefix=["faketime", "-f", "+2d"])
    t.eq(code, 0, f"exit status, {out!r} {err!r}")
    t.eq(len({e["id"] for e in r.events("order.paid")}), 1, "ids")
    t.eq(len(r.got), 2, "deliveries; a redirect is not followed")
    t.contains([x["event"] for x in s.show(order)["events"]], "delivered",
               "events")


@test("a shop that does not answer does not hold notify")
def _(t):
    s, r = with_webhook(t, web=True)
    r.delay = 8
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    t.lacks([x["event"] for x in s.show(order)["events"]], "delivered",
            "events when the reply is there")


@test("with exec and webhook both are told, each until it took it")
def _(t):
    r = t.mine(Receiver())
    s, book = with_hook(t, web=False, conf={
        "hooks.webhook_url": r.url,
        "hooks.webhook_secret": "whsec_" + SECRET})
    book.flag("fail")
    order, _ = ready(t, s)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("both to be tried", lambda: book.events() and r.got)
    t.until("the failure to be noted", lambda: "undelivered" in [
        x["event"] for x in s.show(order)["events"]])
    book.flag("fail", False)
    s.h5pay("sweep", prefix=["faketime", "-f", "+2d"])
    t.eq(len(r.got), 1, "webhook deliveries")
    t.eq(len(book.events()), 2, "exec deliveries")
    t.eq(len({e["id"] for e in [*book.events(), *r.events()]}), 1, "ids")

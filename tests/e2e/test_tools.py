"""What shop programmers and operators watch with: h5pay logs, watch, trigger,
listen, and hook test."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import time

import h5
from case import table, test

TYPES = ["order.paid", "order.closed", "order.refunded", "order.alert"]
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
STATES = {"order.paid": "paid", "order.closed": "closed",
          "order.refunded": "refunded", "order.alert": "created"}


class Running:
    """A verb that goes on; its lines, as they come."""

    def __init__(self, t, s, *words):
        self.out = s.folder / f"out-{t.id()}"
        self.err = s.folder / f"err-{t.id()}"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [s.command, "-c", s.conf_file, *words], stdout=out,
                stderr=err, stdin=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"]})
        t.mine(self)

    def lines(self):
        return self.out.read_text().splitlines()

    def said(self):
        return self.err.read_text()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def with_log(t, **conf):
    s = t.own_site(conf)
    path = s.folder / "h5pay.log"
    s.configure({"log.file": path})
    return s, path


# --- logs -------------------------------------------------------------------


@test("logs shows the end, an order's lines by any number, a request's")
def _(t):
    s, path = with_log(t)
    a, b = t.id(), t.id()
    s.ready(a, 5)
    s.ready(b, 5)
    tx = h5.transaction_id()
    t.success(s.notify(h5.notice(a, 5, tx)))
    whole = path.read_text().splitlines()
    t.ok(len(whole) >= 5, f"{len(whole)} lines")
    code, out, err = s.h5pay("logs")
    t.eq((code, out.splitlines(), err), (0, whole[-50:], ""), "the end")
    t.eq(s.h5pay("logs", "-n", "2")[1].splitlines(), whole[-2:], "-n 2")
    mine = [x for x in whole if f"={a} " in x + " "]
    t.ok(0 < len(mine) < len(whole), "lines of one order")
    t.eq(s.h5pay("logs", a)[1].splitlines(), mine, "an order's")
    t.eq(s.h5pay("logs", tx)[1].splitlines(), mine, "by its transaction")
    t.eq(s.h5pay("logs", a, "-n1")[1].splitlines(), mine[-1:], "its last")
    request = re.search(r" request=(\w+)", mine[0]).group(1)
    t.eq(s.h5pay("logs", request)[1].splitlines(),
         [x for x in whole if f"request={request}" in x], "a request's")
    # A part of a value, and a word outside values, is none.
    for word in (a[:-1], request[:-1], "order", "info"):
        code, out, err = s.h5pay("logs", word)
        t.eq((code, out), (1, ""), f"{word}")
        t.contains(err, word, "stderr")


@test("logs --json splits lines as they were written")
def _(t):
    s, path = with_log(t)
    path.write_text('warn odd-event at=2026-11-23T16:40:12+08:00 '
                    'why="two words, a \\" and = sign" order=A-1001 n=5 x\n'
                    'info second order=A-1001\n'
                    'info unfinished order=A-10')
    path.chmod(0o600)
    code, out, err = s.h5pay("--json", "logs")
    rows = [json.loads(x) for x in out.splitlines()]
    t.eq(len(rows), 2, "whole lines alone")
    t.eq((rows[0]["level"], rows[0]["event"], rows[0]["order"], rows[0]["n"],
          rows[0]["text"]), ("warn", "odd-event", "A-1001", "5", "x"), "values")
    t.matches(rows[0]["why"], "^two words, a .*= sign$", "in quotes")


@test("logs -f goes on across a rotation, a cut, and a file that comes later")
def _(t):
    s, path = with_log(t)
    r = Running(t, s, "logs", "-f")
    path.touch(0o600)

    def write(text):
        with open(path, "a") as f:
            f.write(text)

    def last(text):
        t.until(text, lambda: r.lines()[-1:] == [text])

    write("info a order=x\n")
    last("info a order=x")
    write("info b or")
    write("der=x\n")
    last("info b order=x")
    path.rename(s.folder / "h5pay.log.1")
    with open(s.folder / "h5pay.log.1", "a") as f:
        f.write("info late order=x\n")
    path.touch(0o600)
    write("info c order=x\n")
    last("info c order=x")
    os.truncate(path, 0)
    write("info d\n")
    last("info d")
    t.eq([x.split()[1] for x in r.lines()], ["a", "b", "late", "c", "d"],
         "each line once")
    t.no(r.process.poll() is not None, "it has ended")


@test("logs -f ID follows one order alone")
def _(t):
    s, path = with_log(t)
    a, b = t.id(), t.id()
    s.ready(a, 5)
    r = Running(t, s, "logs", "-f", a)
    t.until("the past", lambda: r.lines())
    before = len(r.lines())
    s.ready(b, 5)
    t.success(s.notify(h5.notice(a, 5)))
    t.until("the payment", lambda: any("order-paid" in x for x in r.lines()))
    t.ok(len(r.lines()) > before, "more lines")
    t.lacks(r.out.read_text(), b, "the other order")


@table("logs says where the log is if log.file {0}", [
    ("is not set", None, ["error log", "journalctl", "log.file ="]),
    ("is syslog", "syslog", ["journalctl", "syslog"])])
def _(t, name, value, parts):
    s = t.own_site()
    s.configure({"log.file": value})
    code, out, err = s.h5pay("logs")
    t.eq((code, out), (78, ""), f"exit status, {err!r}")
    for part in parts:
        t.contains(err, part, "stderr")


@test("logs of a file that is not there, or is a link, exits unlike 0")
def _(t):
    s, path = with_log(t)
    s.h5pay("list")
    path.unlink(missing_ok=True)
    code, out, err = s.h5pay("logs")
    t.ok(code in (66, 74), f"exit status {code}, {err!r}")
    t.contains(err, str(path), "stderr")
    path.symlink_to("/etc/passwd")
    code, out, err = s.h5pay("logs")
    t.eq((code, out), (74, ""), f"a link, {err!r}")


# --- watch ------------------------------------------------------------------


@test("watch tells events as they come and ends with the payment")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    r = Running(t, s, "watch", order)
    t.until("the past", lambda: len(r.lines()) == 2)
    t.eq([x.split("\t")[2] for x in r.lines()], ["created", "prepaid"], "so far")
    asked = len(t.gateway.calls("orderquery", order))
    t.success(s.notify(h5.notice(order, 5)))
    t.eq(r.process.wait(60), 0, "exit status")
    t.eq([x.split("\t")[2] for x in r.lines()],
         ["created", "prepaid", "paid"], "events, each once")
    t.eq([x.split("\t") for x in s.h5pay("show", order)[1].splitlines()
          if x.startswith("event")], [x.split("\t") for x in r.lines()],
         "the lines of show")
    t.eq(len(t.gateway.calls("orderquery", order)), asked, "WeChat was asked")


@test("watch --json gives the whole order at each change, watch --ask asks")
def _(t):
    s = t.own_site({"orders.query_interval_s": "1"})
    order = t.id()
    s.ready(order, 5)
    r = Running(t, s, "--json", "watch", "--ask", order)
    t.until("the past", lambda: r.lines())
    t.gateway.pay(order)
    t.eq(r.process.wait(60), 0, "exit status")
    rows = [json.loads(x) for x in r.lines()]
    t.eq((rows[0]["state"], rows[-1]["state"]), ("awaiting", "paid"), "states")
    t.eq(rows[-1], s.show(order), "as show --json")


@test("watch of a closed order exits 1, of none 66, and gives up after --for")
def _(t):
    s = t.own_site()
    order, open_one = t.id(), t.id()
    s.ready(order, 5)
    s.ready(open_one, 5)
    t.eq(s.h5pay("close", order)[0], 0, "close")
    t.eq(s.h5pay("watch", order)[0], 1, "closed")
    t.eq(s.h5pay("watch", "nobodys-order")[0], 66, "no such order")
    code, out, err = s.h5pay("watch", "--for", "1", open_one)
    t.eq(code, 75, f"exit status, {err!r}")
    t.contains(err, open_one, "stderr")


# --- test events ------------------------------------------------------------


def hooked(t, port=None):
    s = t.own_site()
    out = s.folder / "told"
    hook = s.write("hook.sh", f"""#!/bin/sh
printf '%s %s ' "$H5PAY_EVENT" "$H5PAY_TEST" >>{out}
cat >>{out}
echo >>{out}
[ ! -e {out}.refuse ]
""", mode=0o700)
    conf = {"hooks.exec": hook}
    if port is not None:
        conf |= {"hooks.webhook_url": f"http://127.0.0.1:{port}/hook",
                 "hooks.webhook_secret": SECRET}
    s.configure(conf)
    return s, out


def told(out):
    rows = []
    for line in out.read_text().splitlines():
        kind, flag, body = line.split(" ", 2)
        rows.append((kind, flag, json.loads(body)))
    return rows


@table("trigger {0} sends a test event of that type", TYPES)
def _(t, kind):
    s, out = hooked(t)
    code, said, err = s.h5pay("trigger", kind)
    t.eq(code, 0, f"exit status, {err!r}")
    ((event, flag, body),) = told(out)
    t.eq((event, flag, body["type"], body["test"]), (kind, "1", kind, True),
         "what it says")
    t.matches(body["id"], "^evt_test_", "id")
    t.eq(body["order"]["state"], STATES[kind], "state of the made-up order")
    t.eq(bool(body["order"]["alerts"]), kind == "order.alert", "alerts")
    t.eq(bool(body["order"]["refunds"]), kind == "order.refunded", "refunds")
    t.eq(s.h5pay("list")[1], "", "nothing is stored")


@table("trigger {0} is no type", ["order.piad", "paid", "order.", "ORDER.PAID"])
def _(t, kind):
    code, out, err = t.site.h5pay("trigger", kind)
    t.eq((code, out), (64, ""), f"exit status, {err!r}")
    t.contains(err, f'"{kind}"', "stderr")
    t.contains(err, "order.refunded", "stderr")


@test("trigger without a hook exits 78, refused by the shop 69")
def _(t):
    t.eq(t.own_site().h5pay("trigger", "order.paid")[0], 78, "no hook")
    s, out = hooked(t)
    (out.parent / (out.name + ".refuse")).touch()
    code, said, err = s.h5pay("trigger", "order.closed")
    t.eq((code, said), (69, ""), f"refused, {err!r}")
    t.contains(err, "order.closed: exec", "stderr")


@test("hook test sends each type once, with the test flag; a real event has none")
def _(t):
    s, out = hooked(t)
    code, said, err = s.h5pay("hook", "test")
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq([(k, f, b["test"]) for k, f, b in told(out)],
         [(k, "1", True) for k in TYPES], "events")
    t.eq(len({b["id"] for _, _, b in told(out)}), 4, "ids")
    out.unlink()
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the real one", out.exists)
    t.until("all of it", lambda: out.read_text().endswith("\n"))
    kind, flag, body = out.read_text().strip().split(" ", 2)
    t.eq((kind, flag), ("order.paid", ""), "H5PAY_TEST")
    t.lacks(json.loads(body), "test", "members of a real event")


# --- listen -----------------------------------------------------------------


def listening(t, *words):
    s, _ = hooked(t, port=1)
    s.configure({"hooks.exec": None})
    r = Running(t, s, "listen", "--port", "0", *words)
    t.until("its address", lambda: "http://127.0.0.1:" in r.said())
    port = int(re.search(r"127\.0\.0\.1:(\d+)/", r.said()).group(1))
    s.configure({"hooks.webhook_url": f"http://127.0.0.1:{port}/"})
    return s, r, port


def signed(body, event_id="evt_x", at=None, secret=SECRET):
    at = str(int(time.time()) if at is None else at)
    mac = hmac.new(base64.b64decode(secret[6:]),
                   f"{event_id}.{at}.".encode() + body, hashlib.sha256)
    return {"webhook-id": event_id, "webhook-timestamp": at,
            "webhook-signature":
                "v1," + base64.b64encode(mac.digest()).decode()}


def talk(port, raw):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as c:
        c.sendall(raw)
        c.shutdown(socket.SHUT_WR)
        got = b""
        while part := c.recv(4096):
            got += part
    return int(got.split(b" ")[1]) if got else 0


def post(port, body, headers, method="POST", length=None):
    head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    return talk(port, f"{method} / HTTP/1.1\r\nHost: x\r\n{head}Content-Length: "
                f"{len(body) if length is None else length}\r\n\r\n".encode()
                + body)


@test("listen takes what trigger and hook test send, and says good")
def _(t):
    s, r, port = listening(t, "-n", "5")
    t.eq(s.h5pay("trigger", "order.paid")[0], 0, "trigger")
    t.eq(s.h5pay("hook", "test")[0], 0, "hook test")
    t.eq(r.process.wait(60), 0, "exit status after five")
    rows = [x.split("\t") for x in r.lines()]
    t.eq([(x[1], x[2], x[3]) for x in rows],
         [("good", k, "test-order") for k in ["order.paid", *TYPES]], "lines")
    t.ok(all(json.loads(x[4])["test"] for x in rows), "bodies")


@test("listen refuses what is not signed with our secret, and says why")
def _(t):
    s, r, port = listening(t, "--json")
    body = b'{"id":"evt_x","type":"order.paid","order":{"order":"A-1"}}'
    good = signed(body)
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    now = int(time.time())

    def without(name):
        return {k: v for k, v in good.items() if k != name}

    cases = [
        ("good", body, good, 204, None),
        ("two signatures", body,
         {**good, "webhook-signature": "v1,AAAA " + good["webhook-signature"]},
         204, None),
        ("upper case", body, {k.upper(): v for k, v in good.items()}, 204,
         None),
        ("another secret", body, signed(body, secret=other), 401, "signature"),
        ("a changed body", body + b" ", good, 401, "signature"),
        ("another id", body, {**good, "webhook-id": "evt_y"}, 401, "signature"),
        ("a prefix of it", body,
         {**good, "webhook-signature": good["webhook-signature"][:-1]}, 401,
         "signature"),
        ("too old", body, signed(body, at=now - 400), 400, "clock"),
        ("to come", body, signed(body, at=now + 400), 400, "clock"),
        ("no number", body, {**good, "webhook-timestamp": "soon"}, 400,
         "timestamp"),
        ("no id", body, without("webhook-id"), 400, "missing"),
        ("no signature", body, without("webhook-signature"), 400, "missing"),
        ("no timestamp", body, without("webhook-timestamp"), 400, "missing"),
    ]
    for name, sent, headers, status, why in cases:
        t.eq(post(port, sent, headers), status, name)
        row = json.loads(r.lines()[-1])
        t.eq(row["good"], why is None, name)
        if why is None:
            t.eq(row["body"], body.decode(), f"body of {name}")
        else:
            t.contains(row["why"], why, name)
    t.eq(len(r.lines()), len(cases), "a line each")


@test("listen outlives what is no request")
def _(t):
    s, r, port = listening(t)
    body = b"\x1b[2J\xff\x00"
    for name, raw in {
        "nothing": b"", "half a line": b"POST / HT",
        "no head's end": b"POST / HTTP/1.1\r\nHost: x\r\n",
        "a head without end": b"POST / HTTP/1.1\r\nA: " + b"x" * 40000,
        "a get": b"GET / HTTP/1.1\r\n\r\n",
        "no length": b"POST / HTTP/1.1\r\n\r\n",
        "a negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "a huge length":
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "less than its length":
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
    }.items():
        try:
            t.ok(talk(port, raw) in (0, 400), name)
        except OSError:
            pass  # it hung up before all was sent
    t.eq(post(port, body, signed(body)), 204, "bytes, but signed")
    t.lacks(r.out.read_text(), "\x1b", "what a terminal would obey")
    t.no(r.process.poll() is not None, "it has ended")
    t.eq(s.h5pay("trigger", "order.paid")[0], 0, "trigger after all that")


@test("listen says what is missing: the secret, a free port")
def _(t):
    code, out, err = t.site.h5pay("listen")
    t.eq((code, out), (78, ""), f"no secret, {err!r}")
    t.contains(err, "hooks.webhook_secret", "stderr")
    s, r, port = listening(t)
    code, out, err = s.h5pay("listen", "--port", str(port))
    t.eq((code, out), (74, ""), f"a taken port, {err!r}")
    t.contains(err, "--port", "stderr")
    r.process.send_signal(signal.SIGTERM)
    t.eq(r.process.wait(60), -signal.SIGTERM, "a signal ends it")

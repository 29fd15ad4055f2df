#!/usr/bin/env python3
"""Speaks FastCGI to a web program over a unix socket, and plain CGI, and
watches how it lives and dies.

usage: fcgi_wire.py [-v] PROGRAM [WORD...]    PROGRAM: build/tests/echo

Needs nothing but the standard library.  Each trial has a folder, a socket
and a configuration of its own.  Nothing sleeps for a guessed time: trials
wait for an answer, a line in the log, or the end of a process; LIMIT_S only
bounds how long a failure takes.  Prints TAP and "N passed, N failed"."""

import concurrent.futures
import os
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

LIMIT_S = 60
# A stop takes a moment, and on a busy machine a few; less than the ten seconds
# after which a supervisor kills and a silent peer is given up.
STOP_S = 8
SIDE_BY_SIDE = 4
BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
GET_VALUES, GET_VALUES_RESULT = 9, 10
KEEP_CONN = 1
PROGRAM = None
TRIALS = []


def trial(f):
    TRIALS.append(f)
    return f


class Skip(Exception):
    """This trial says nothing here."""


class Failed(Exception):
    pass


def short(value):
    text = repr(value)
    return text if len(text) < 400 else text[:200] + " ... " + text[-200:]


def check(what, got, want):
    if got != want:
        raise Failed("%s: got %s, want %s" % (what, short(got), short(want)))


def check_in(what, part, whole):
    if part not in whole:
        raise Failed("%s: no %r in %s" % (what, part, short(whole)))


# --- the wire ---------------------------------------------------------------

def record(kind, content=b"", rid=1, padding=0):
    return struct.pack("!BBHHBB", 1, kind, rid, len(content), padding,
                       0) + content + b"\0" * padding


def length(n):
    return struct.pack("!B", n) if n < 128 else struct.pack("!I", n | 1 << 31)


def params(pairs):
    out = b""
    for name, value in pairs.items():
        name, value = name.encode(), value.encode()
        out += length(len(name)) + length(len(value)) + name + value
    return out


def begin(flags=0, role=1):
    return record(BEGIN, struct.pack("!HB5x", role, flags))


def head(pairs, flags=0):
    return begin(flags) + record(PARAMS, params(pairs)) + record(PARAMS)


def whole(pairs, body=b"", flags=0):
    out = head(pairs, flags)
    for i in range(0, len(body), 65535):
        out += record(STDIN, body[i:i + 65535])
    return out + record(STDIN)


def get(**more):
    pairs = {"REQUEST_METHOD": "GET", "QUERY_STRING": "a=1",
             "GATEWAY_INTERFACE": "CGI/1.1", "REMOTE_ADDR": "192.0.2.1"}
    pairs.update(more)
    return pairs


def post(body, **more):
    return get(**dict({"REQUEST_METHOD": "POST",
                       "CONTENT_LENGTH": str(len(body))}, **more))


class Answer:
    """What came back: status, headers (lower-case names), body."""

    def __init__(self, raw):
        self.ended = False
        self.raw = raw
        out = b""
        at = 0
        while at + 8 <= len(raw):
            _, kind, _, n, pad, _ = struct.unpack("!BBHHBB", raw[at:at + 8])
            content = raw[at + 8:at + 8 + n]
            at += 8 + n + pad
            if kind == STDOUT:
                out += content
            elif kind == END:
                self.ended = True
        self.parse(out)

    def parse(self, out):
        self.status, self.headers, self.body = None, {}, b""
        self.top = out
        top, sep, self.body = out.partition(b"\r\n\r\n")
        if not sep:
            return
        for line in top.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        self.status = int(self.headers["status"].split()[0])

    def text(self):
        return self.body.decode("utf-8", "replace")

    def said(self, name):
        for line in self.text().split("\n"):
            if line.startswith(name + "="):
                return line[len(name) + 1:]
        return None


def cgi_answer(out):
    a = Answer(b"")
    a.parse(out)
    return a


# --- a program under trial --------------------------------------------------

class Shop:
    """A folder with a configuration and a copy of the program."""

    def __init__(self, **more):
        self.dir = tempfile.mkdtemp(prefix="h5pay-fcgi-")
        os.mkdir(os.path.join(self.dir, "bin"))
        self.program = os.path.join(self.dir, "bin", "echo")
        self.install()
        self.conf = os.path.join(self.dir, "h5pay.conf")
        self.write(self.conf, **more)
        self.runs = []

    def install(self):
        """The program, put under its name the way an upgrade does it.  By a
        process of its own: what another thread starts meanwhile would inherit
        a file that is being written, and until it is gone the kernel runs no
        such file ("Text file busy")."""
        subprocess.run(["cp", PROGRAM, self.program + ".new"], check=True)
        os.rename(self.program + ".new", self.program)

    def text(self, name="First", store="store", server=(), hooks=()):
        return "\n".join([
            "[merchant]", "appid = wx0123456789abcdef",
            "mch_id = 1900000109", "api_key = " + "0123456789abcdef" * 2,
            "[site]", "base_url = http://127.0.0.1/cgi-bin",
            "name = " + name, "secret = " + "0123456789abcdef" * 2,
            "[store]", "dir = " + os.path.join(self.dir, store),
            "[server]", *server, *(["[hooks]"] + list(hooks) if hooks else []),
            ""])

    def write(self, path, **more):
        """Replaces a configuration the way an editor does."""
        with open(path + ".new", "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(self.text(**more))
        os.rename(path + ".new", path)

    def run(self, *args, **more):
        r = Run(self, args if args else ("-c", self.conf), **more)
        self.runs.append(r)
        return r

    def close(self):
        for r in self.runs:
            r.kill()
        shutil.rmtree(self.dir)


class Run:
    """The program as FastCGI on a socket of its own."""

    def __init__(self, shop, args, env=None, opened=None, mode=0o600,
                 listener=None):
        self.path = os.path.join(shop.dir, "s%d" % len(shop.runs))
        self.listener = listener
        if listener is None:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.path)
            os.chmod(self.path, mode)
            self.listener.listen(1024)
        self.lines, self.news = [], threading.Condition()
        # opened: the program as it was when it was opened, whatever its
        # name stands for by now.
        self.p = subprocess.Popen(
            [shop.program] + list(args), stdin=self.listener,
            executable=None if opened is None else "/proc/self/fd/%d" % opened,
            pass_fds=[] if opened is None else [opened],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={} if env is None else env, cwd=shop.dir)
        # Only the program holds the socket now: when it is gone, a client
        # is told.
        self.listener.close()
        threading.Thread(target=self.read_log, daemon=True).start()

    def read_log(self):
        for line in self.p.stderr:
            with self.news:
                self.lines.append(line.decode("utf-8", "replace").rstrip())
                self.news.notify_all()

    def log(self, word, after=0):
        """Waits for a line with the word; its number from 1 on."""
        until = time.monotonic() + LIMIT_S
        with self.news:
            while True:
                for i in range(after, len(self.lines)):
                    if word in self.lines[i]:
                        return i + 1
                left = until - time.monotonic()
                if left <= 0:
                    raise Failed("no %r in the log: %r" % (word, self.lines))
                self.news.wait(left)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(LIMIT_S)
        s.connect(self.path)
        return s

    def send(self, raw):
        s = self.connect()
        s.sendall(raw)
        return s

    @staticmethod
    def receive(s):
        raw = b""
        try:
            while True:
                some = s.recv(65536)
                if not some:
                    break
                raw += some
        except ConnectionResetError:
            pass
        s.close()
        return Answer(raw)

    def ask(self, pairs, body=b"", flags=0):
        return self.receive(self.send(whole(pairs, body, flags)))

    def ok(self):
        a = self.ask(get())
        check("status", a.status, 200)
        return a

    def end(self, limit_s=LIMIT_S):
        try:
            return self.p.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise Failed("still running after %g s" % limit_s)

    def stop(self, sig=signal.SIGTERM):
        self.p.send_signal(sig)
        check("exit", self.end(STOP_S), 0)

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(w) for w in f.read().split()]


def wait_gone(pid):
    """Waits for the end of a process that is not ours."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        import select
        if not select.select([fd], [], [], LIMIT_S)[0]:
            raise Failed("process %d is still there" % pid)
    finally:
        os.close(fd)


class Fifo:
    """A request that asks for hold=PATH is in hand until let go."""

    def __init__(self, shop, name="fifo"):
        # In the store, where a confined program may look, under a name that
        # the store takes for a leftover of its own.
        store = os.path.join(shop.dir, "store")
        os.makedirs(store, 0o700, exist_ok=True)
        self.path = os.path.join(store, ".tmp-" + name)
        os.mkfifo(self.path)

    def query(self):
        return get(QUERY_STRING="hold=" + self.path)

    def taken(self):
        """Waits until the program has it open."""
        self.fd = os.open(self.path, os.O_WRONLY)

    def let_go(self):
        os.close(self.fd)


# --- requests ---------------------------------------------------------------

@trial
def a_request_is_read_and_answered(shop):
    r = shop.run()
    a = r.ask(get(HTTP_USER_AGENT="Firefox", HTTP_ACCEPT="text/html",
                  HTTP_ACCEPT_LANGUAGE="zh", HTTP_ORIGIN="https://a.example",
                  HTTP_REFERER="https://b.example/", CONTENT_TYPE="text/xml",
                  HTTP_X_FORWARDED_FOR="1.2.3.4", DOCUMENT_ROOT="/srv/www"))
    check("status", a.status, 200)
    check("ended", a.ended, True)
    for name, want in (
            ("method", "GET"), ("query", "a=1"), ("user_agent", "Firefox"),
            ("accept", "text/html"), ("accept_language", "zh"),
            ("origin", "https://a.example"), ("content_type", "text/xml"),
            ("referer", "https://b.example/"), ("forwarded_for", "1.2.3.4"),
            ("remote_addr", "192.0.2.1"), ("document_root", "/srv/www"),
            ("site", "First")):
        check(name, a.said(name), want)
    check("length", a.headers["content-length"], str(len(a.body)))
    r.stop()


@trial
def a_body_arrives_whole_however_it_is_cut_up(shop):
    r = shop.run()
    body = bytes(range(256)) * 200
    a = r.ask(post(body), body)
    check("one record", a.body.endswith(b"body=%d:" % len(body) + body), True)
    s = r.send(head(post(body)))
    for i in range(0, len(body), 777):
        s.sendall(record(STDIN, body[i:i + 777], padding=i % 8))
    s.sendall(record(STDIN))
    a = r.receive(s)
    check("many records", a.body.endswith(body), True)
    small = b"a=1&b=2"
    s = r.connect()
    for byte in whole(post(small), small):
        s.sendall(bytes([byte]))
    check("byte by byte", r.receive(s).body.endswith(b"body=7:" + small), True)
    r.stop()


@trial
def long_names_and_values_are_read_and_capped(shop):
    r = shop.run()
    more = {"N" * 200: "v" * 300, "HTTP_USER_AGENT": "u" * 70000,
            "HTTP_ORIGIN": "https://" + "o" * 500,
            "HTTP_X_FORWARDED_FOR": "1.1.1.1, " * 1000 + "9.9.9.9",
            "QUERY_STRING": "q=" + "x" * 8000}
    raw = params(get(**more))
    s = r.send(begin())
    for i in range(0, len(raw), 60000):
        s.sendall(record(PARAMS, raw[i:i + 60000]))
    s.sendall(record(PARAMS) + record(STDIN))
    a = r.receive(s)
    check("status", a.status, 200)
    check("user_agent", a.said("user_agent"), "u" * 1024)
    check("origin", a.said("origin"), "https://" + "o" * 500)
    check("query", a.said("query"), "q=" + "x" * 8000)
    check("nearest address", a.said("forwarded_for").endswith(", 9.9.9.9"),
          True)
    check("addresses", len(a.said("forwarded_for")), 1024)
    a = r.ask(get(QUERY_STRING="q=" + "x" * 9000))
    check("over-long query", a.status, 400)
    r.stop()


# B2: nginx before 1.23 hands the lines of a header on one by one.
@trial
def doubled_lines_of_forwarded_for_are_one_list(shop):
    r = shop.run()
    one = {"HTTP_X_FORWARDED_FOR": "1.1.1.1"}
    two = {"HTTP_X_FORWARDED_FOR": "8.8.8.8, 10.0.0.1"}
    none = {"HTTP_X_FORWARDED_FOR": ""}
    for lines, want in (((one, two), "1.1.1.1,8.8.8.8, 10.0.0.1"),
                        ((none, two), "8.8.8.8, 10.0.0.1"),
                        ((one, none), "1.1.1.1,"),
                        ((two, one, one), "8.8.8.8, 10.0.0.1,1.1.1.1,1.1.1.1")):
        raw = params(get()) + b"".join(params(x) for x in lines)
        a = r.receive(r.send(begin() + record(PARAMS, raw) + record(PARAMS)
                             + record(STDIN)))
        check("the list", a.said("forwarded_for"), want)
    r.stop()


@trial
def empty_parameters_count_as_absent(shop):
    r = shop.run()
    a = r.ask(get(CONTENT_LENGTH="", CONTENT_TYPE="", REMOTE_USER="",
                  QUERY_STRING="", DOCUMENT_ROOT=""))
    check("status", a.status, 200)
    check("query", a.said("query"), "")
    check("post", r.ask(post(b"", CONTENT_LENGTH="")).status, 200)
    r.stop()


@trial
def a_length_that_does_not_fit_is_400_or_413(shop):
    r = shop.run()
    body = b"hello"
    for value, want in (
            ("5", 200), ("05", 200), ("0", 400), ("4", 400), ("6", 400),
            ("", 200), ("-2", 400), ("+5", 400), (" 5", 400), ("5 ", 400),
            ("0x5", 400), ("5abc", 400), ("5,5", 400), ("1e3", 400),
            ("65536", 400), ("65537", 413), ("4294967301", 413),
            ("18446744073709551621", 413), ("1" + "0" * 20, 413),
            ("9" * 4000, 413)):
        a = r.ask(post(body, CONTENT_LENGTH=value), body)
        check("length " + value[:30], a.status, want)
        page = {200: "", 400: "bad-request", 413: "too-large"}[want]
        check_in("length " + value[:30], page, a.text())
    pairs = post(body)
    del pairs["CONTENT_LENGTH"]
    check("none", r.ask(pairs, body).status, 200)
    check("get with a body", r.ask(get(), body).status, 400)
    check("get with a length",
          r.ask(get(CONTENT_LENGTH="5"), body).status, 200)
    check("empty post", r.ask(post(b"")).status, 200)
    r.ok()
    r.stop()


# B6: Caddy, and whoever was sent chunks, names no length: the stream's end
# is the body's.
@trial
def a_body_without_a_length_is_read_to_its_end(shop):
    r = shop.run()
    pairs = post(b"")
    del pairs["CONTENT_LENGTH"]
    chunked = dict(pairs, HTTP_TRANSFER_ENCODING="chunked")
    for name, p in (("none", pairs), ("empty", dict(pairs, CONTENT_LENGTH="")),
                    # Caddy's, for chunks.
                    ("-1", dict(pairs, CONTENT_LENGTH="-1")),
                    ("chunked", chunked)):
        for body in (b"", b"hello", bytes(range(256)) * 256):
            a = r.ask(p, body)
            check(f"{name}, {len(body)} bytes", a.status, 200)
            check("body", a.body.endswith(b"body=%d:" % len(body) + body),
                  True)
        a = r.ask(p, b"x" * 65537)
        check(name + ", too large", a.status, 413)
        s = r.send(head(p) + record(STDIN, b"hel"))
        s.shutdown(socket.SHUT_WR)
        check(name + ", half closed", r.receive(s).status, 400)
        s = r.send(head(p) + record(STDIN, b"hel") + record(ABORT))
        check(name + ", aborted", r.receive(s).status, 400)
    r.stop()


@trial
def a_body_that_is_cut_is_400_and_the_next_request_is_served(shop):
    r = shop.run()
    s = r.send(head(post(b"hello")) + record(STDIN, b"hel"))
    s.shutdown(socket.SHUT_WR)
    check("half closed", r.receive(s).status, 400)
    s = r.send(head(post(b"hello")) + record(STDIN, b"hello"))
    s.shutdown(socket.SHUT_WR)
    check("no end of stream", r.receive(s).status, 400)
    s = r.send(head(post(b"hello")) + record(STDIN, b"hel") + record(ABORT))
    check("aborted", r.receive(s).status, 400)
    for part in (b"", b"\1", begin(), head(post(b"hello")),
                 head(post(b"hello")) + record(STDIN, b"he"),
                 whole(post(b"hello"), b"hello")):
        r.send(part).close()
    for _ in range(32):
        r.ok()
    r.stop()


@trial
def what_is_not_fastcgi_is_dropped(shop):
    r = shop.run()
    for raw in (b"GET / HTTP/1.0\r\n\r\n" * 10, b"\0" * 64, b"\xff" * 64,
                record(STDIN, b"x"), record(PARAMS),
                begin() + record(PARAMS, b"\x7f"),
                begin() + record(PARAMS, b"\x84\0\0\0")):
        s = r.send(raw)
        s.shutdown(socket.SHUT_WR)
        a = r.receive(s)
        check("status of %r" % raw[:20], a.status, None)
    # To libfcgi this is a request without parameters.
    s = r.send(begin() + record(STDIN, b"x"))
    s.shutdown(socket.SHUT_WR)
    check("no parameters", r.receive(s).status, 400)
    for _ in range(32):
        r.ok()
    r.stop()


@trial
def a_management_record_is_answered(shop):
    r = shop.run()
    s = r.send(record(GET_VALUES, params({"FCGI_MPXS_CONNS": ""}), rid=0) +
               whole(get()))
    a = r.receive(s)
    check("status", a.status, 200)
    check("result", a.raw[1], GET_VALUES_RESULT)
    r.stop()


@trial
def a_body_over_the_limit_is_413_and_not_kept(shop):
    r = shop.run()
    r.ok()
    before = memory_kib(r.p.pid)
    body = b"x" * (4 << 20)
    for _ in range(4):
        a = r.ask(post(body), body)
        check("status", a.status, 413)
        check_in("page", 'data-page="too-large"', a.text())
    if memory_kib(r.p.pid, "VmSize") < 1 << 30:  # no sanitizer's shadow
        check("grown by less than 2 MiB",
              memory_kib(r.p.pid) - before < 2048, True)
    a = r.ask(post(b"", CONTENT_LENGTH="99999999999"))
    check("announced only", a.status, 413)
    # Far over it: the program may close before all is sent, but answers.
    s = r.send(head(post(b"", CONTENT_LENGTH="99999999999")))
    some = b"".join(record(STDIN, b"x" * 32768) for _ in range(8))
    try:
        for _ in range(256):
            s.sendall(some)
    except (BrokenPipeError, ConnectionResetError):
        pass
    check("far over", r.receive(s).status, 413)
    r.ok()
    r.stop()


def memory_kib(pid, what="VmHWM"):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(what + ":"):
                return int(line.split()[1])
    return 0


@trial
def methods_are_checked_before_all_else(shop):
    r = shop.run()
    for method in ("PUT", "get", "GETX", "DELETE", "OPTIONS", "TRACE", "GET,",
                   "POST, HEAD", "A" * 3000):
        a = r.ask(post(b"", REQUEST_METHOD=method, CONTENT_LENGTH="99999999"))
        check(method[:9], a.status, 405)
        check("allow", a.headers.get("allow"), "GET, HEAD, POST")
        check_in("page", 'data-page="not-allowed"', a.text())
    pairs = get()
    del pairs["REQUEST_METHOD"]
    check("none", r.ask(pairs).status, 400)
    check("nothing at all", r.ask({}).status, 400)
    r.stop()


@trial
def head_is_get_without_the_body(shop):
    r = shop.run()
    # The process id and the method's length are the same in both.
    a = r.ask(get(QUERY_STRING="large=1"))
    b = r.ask(get(REQUEST_METHOD="HEAD", QUERY_STRING="large=1"))
    check("status", b.status, 200)
    check("body", b.body, b"")
    check("headers", b.headers, a.headers)
    check("length", a.headers["content-length"], "200000")
    r.stop()


@trial
def a_large_answer_arrives_whole(shop):
    r = shop.run()
    check("body", r.ask(get(QUERY_STRING="large=1")).body,
          b"0123456789" * 20000)
    r.stop()


@trial
def a_connection_is_closed_after_its_answer(shop):
    r = shop.run()
    a = r.ask(get(), flags=KEEP_CONN)
    check("status", a.status, 200)
    r.stop()


@trial
def a_handler_that_leaves_nothing_is_500(shop):
    r = shop.run()
    a = r.ask(get(QUERY_STRING="nothing=1"))
    check("status", a.status, 500)
    check_in("page", 'data-page="error"', a.text())
    r.log("no-answer")
    r.stop()


@trial
def an_error_page_names_the_request_id_of_the_log(shop):
    r = shop.run()
    a = r.ask(get(REQUEST_METHOD="PUT"))
    n = r.log("request at=")
    rid = r.lines[n - 1].split("request=")[1].split()[0]
    check("sixteen digits", len(rid), 16)
    check_in("page", rid, a.text())
    r.stop()


@trial
def many_requests_at_once_get_each_their_own_answer(shop):
    r = shop.run()
    bad = []

    def client(k):
        for i in range(40):
            body = b"%d-%d-" % (k, i) + b"x" * (i * 37)
            try:
                a = r.ask(post(body), body)
            except OSError as e:
                bad.append((k, i, e))
                return
            if a.status != 200 or not a.body.endswith(b":" + body):
                bad.append((k, i, a.status))

    threads = [threading.Thread(target=client, args=(k,)) for k in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("wrong answers", bad, [])
    r.stop()


@trial
def as_many_requests_are_in_hand_as_there_are_threads(shop):
    shop.write(shop.conf, server=["threads = 24"])
    r = shop.run()
    holds = [Fifo(shop, "f%d" % i) for i in range(24)]
    socks = [r.send(whole(h.query())) for h in holds]
    for h in holds:
        h.taken()
    for h in holds:
        h.let_go()
    for s in socks:
        check("status", r.receive(s).status, 200)
    r.stop()


# --- life and death ---------------------------------------------------------

@trial
def a_stop_while_idle_is_prompt(shop):
    for sig in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        r = shop.run()
        r.ok()
        r.stop(sig)


@trial
def a_stop_at_once_after_the_start_is_obeyed(shop):
    for _ in range(20):
        r = shop.run()
        r.p.send_signal(signal.SIGTERM)
        # Before main has blocked the signal, its default action ends us.
        check("exit", r.end(2) in (0, -signal.SIGTERM), True)


@trial
def a_stop_lets_the_requests_in_hand_finish(shop):
    for sig in (signal.SIGTERM, signal.SIGUSR1):
        r = shop.run()
        holds = [Fifo(shop, "%s%d" % (sig.name, i)) for i in range(3)]
        socks = [r.send(whole(h.query())) for h in holds]
        for h in holds:
            h.taken()
        r.p.send_signal(sig)
        r.log("leaving")
        for h in holds:
            h.let_go()
        for s in socks:
            a = r.receive(s)
            check("status", a.status, 200)
            check("ended", a.ended, True)
        check("exit", r.end(2), 0)


@trial
def a_stop_under_load_breaks_no_answer(shop):
    r = shop.run()
    bad, served = [], threading.Semaphore(0)

    def client():
        while True:
            try:
                s = r.send(whole(post(b"hello"), b"hello"))
                a = r.receive(s)
            except OSError:
                return  # the socket is gone, or the backlog with it
            if a.raw and not (a.ended and a.status == 200):
                bad.append(a.raw)
            if not a.raw:
                return
            served.release()

    threads = [threading.Thread(target=client) for _ in range(16)]
    for t in threads:
        t.start()
    for _ in range(500):
        served.acquire()
    r.stop()
    for t in threads:
        t.join()
    check("torn answers", bad, [])


@trial
def a_silent_peer_is_given_up(shop):
    shop.write(shop.conf, server=["threads = 1"])
    r = shop.run()
    silent = r.send(begin()[:5])
    t = time.monotonic()
    r.ok()
    check("after 5 s, and it ends", 5 < time.monotonic() - t < LIMIT_S, True)
    silent.close()
    r.stop()


@trial
def half_bodies_are_given_up(shop):
    shop.write(shop.conf, server=["threads = 2"])
    r = shop.run()
    body = b"x" * 100
    halves = [r.send(head(post(body)) + record(STDIN, body[:50]))
              for _ in range(2)]
    t = time.monotonic()
    r.ok()
    check("after 5 s, and it ends", 5 < time.monotonic() - t < LIMIT_S, True)
    for s in halves:
        s.close()
    r.stop()


def run_short(r):
    """From now on the program can open nothing more; the limit before."""
    used = {int(n) for n in os.listdir("/proc/%d/fd" % r.p.pid)}
    free = min(n for n in range(len(used) + 1) if n not in used)
    old = resource.prlimit(r.p.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(r.p.pid, resource.RLIMIT_NOFILE, (free, old[1]))
    return old


@trial
def short_shortages_end_nobody(shop):
    shop.write(shop.conf, server=["threads = 3"])
    r = shop.run()
    r.ok()
    for k in range(2):
        n = len(r.lines)
        old = run_short(r)
        # Each thread meets it; then one may serve what waits for all.
        waiting = [r.send(whole(get())) for _ in range(3)]
        for _ in waiting:
            n = r.log("not-accepted", n)
        resource.prlimit(r.p.pid, resource.RLIMIT_NOFILE, old)
        for s in waiting:
            check("status", r.receive(s).status, 200)
        # Longer than one may last.
        until = time.monotonic() + 11
        while k == 0 and time.monotonic() < until:
            r.ok()
            time.sleep(0.2)
    r.ok()
    r.stop()


@trial
def a_shortage_that_lasts_ends_the_worker(shop):
    r = shop.run()
    r.ok()
    run_short(r)
    waiting = r.send(whole(get()))
    r.log("not-accepted")
    check("exit", r.end(), 74)
    waiting.close()


@trial
def a_killed_worker_is_replaced(shop):
    shop.write(shop.conf, server=["processes = 2", "threads = 4"])
    r = shop.run()
    first = int(r.ok().said("pid"))
    check("a worker", first in children(r.p.pid), True)
    for _ in range(3):
        kids = children(r.p.pid)
        n = len(r.lines)
        os.kill(kids[0], signal.SIGKILL)
        r.log("worker-ended", n)
        for _ in range(20):
            r.ok()
    r.stop()


@trial
def a_worker_that_crashes_is_replaced_and_not_in_a_hurry(shop):
    shop.write(shop.conf, server=["processes = 1", "threads = 2"])
    r = shop.run()
    t = time.monotonic()
    for i in range(3):
        a = r.ask(get(QUERY_STRING="crash=1"))
        check("crashed", a.status, None)
        r.ok()
    check("pauses of a second", time.monotonic() - t > 2, True)
    check_in("signal", "signal=6", r.lines[r.log("worker-ended") - 1])
    r.stop()


@trial
def lengths_of_two_gigabytes_cost_no_more_than_a_worker(shop):
    """libfcgi ends the process that reads them: the supervisor starts another,
    and requests that come meanwhile are answered."""
    shop.write(shop.conf, server=["processes = 2", "threads = 4"])
    r = shop.run()
    r.ok()
    for n in (0x7ffffffe, 0x7fffffff):
        for pair in ((n, n), (4, n), (n, 4)):
            lines = len(r.lines)
            s = r.send(begin() + record(PARAMS, b"".join(map(length, pair))))
            s.shutdown(socket.SHUT_WR)
            check("an answer", r.receive(s).status, None)
            for _ in range(4):
                r.ok()
            for line in r.lines[lines:]:
                if "worker-ended" in line:
                    check_in("how", "signal=6", line)
    r.stop()


@trial
def workers_do_not_outlive_their_supervisor(shop):
    shop.write(shop.conf, server=["processes = 3"])
    r = shop.run()
    r.ok()
    until = time.monotonic() + LIMIT_S
    while len(children(r.p.pid)) < 3 and time.monotonic() < until:
        r.ok()
    kids = children(r.p.pid)
    check("workers", len(kids), 3)
    r.p.kill()
    for pid in kids:
        wait_gone(pid)


@trial
def a_stop_reaches_the_workers_and_lets_them_finish(shop):
    shop.write(shop.conf, server=["processes = 2"])
    for sig in (signal.SIGTERM, signal.SIGUSR1):
        r = shop.run()
        hold = Fifo(shop, sig.name)
        s = r.send(whole(hold.query()))
        hold.taken()
        r.p.send_signal(sig)
        r.log("leaving")
        hold.let_go()
        check("status", r.receive(s).status, 200)
        check("exit", r.end(3), 0)


# --- replaced files ---------------------------------------------------------

@trial
def a_good_new_configuration_ends_the_run(shop):
    r = shop.run()
    r.ok()
    hold = Fifo(shop)
    s = r.send(whole(hold.query()))
    hold.taken()
    shop.write(shop.conf, name="Second")
    r.log("why=replaced")
    hold.let_go()
    check("in hand", r.receive(s).said("site"), "First")
    check("exit", r.end(), 0)


@trial
def a_bad_new_configuration_is_refused_once(shop):
    r = shop.run()
    r.ok()
    shop.write(shop.conf, name="Second", server=["threads = many"])
    n = r.log("replacement-refused")
    check_in("why", "h5pay.conf:", r.lines[n - 1])
    check_in("why", "threads", r.lines[n - 1])
    check("still the old one", r.ok().said("site"), "First")
    shop.write(shop.conf, name="Third", server=["treads = 3"])
    r.log("replacement-refused", n)
    check("refusals", sum("replacement-refused" in l for l in r.lines), 2)
    shop.write(shop.conf, name="Fourth")
    check("exit", r.end(), 0)


@trial
def a_changed_template_ends_the_run(shop):
    templates = os.path.join(shop.dir, "templates")
    os.mkdir(templates)
    shop.write(shop.conf, server=["[pages]", "templates = " + templates])
    r = shop.run()
    r.ok()
    with open(os.path.join(templates, "error.html"), "w") as f:
        f.write("<main data-page=\"error\">{{#open}}</main>")
    n = r.log("replacement-refused")
    check_in("why", "error.html", r.lines[n - 1])
    r.ok()
    with open(f.name, "w") as f:
        f.write("<main data-page=\"error\"></main>\n")
    check("exit", r.end(), 0)


@trial
def a_removed_configuration_changes_nothing(shop):
    r = shop.run()
    r.ok()
    os.rename(shop.conf, shop.conf + ".away")
    r.log("replacement-refused")
    check("still the old one", r.ok().said("site"), "First")
    r.stop()


@trial
def a_new_program_ends_the_run(shop):
    r = shop.run()
    r.ok()
    shop.install()
    r.log("why=replaced")
    check("exit", r.end(), 0)


@trial
def a_program_replaced_while_it_starts_ends_the_run(shop):
    old = os.open(shop.program, os.O_RDONLY)
    shop.install()
    r = shop.run(opened=old)
    os.close(old)
    r.log("why=replaced")
    check("exit", r.end(), 0)


@trial
def a_new_program_that_is_slow_to_answer_is_tried_again(shop):
    r = shop.run()
    r.ok()
    busy = os.path.join(shop.dir, "busy")
    open(busy, "w").close()
    with open(shop.program + ".new", "w") as f:
        f.write("#!/bin/sh\nwhile [ -e %s ]; do sleep 0.1; done\n" % busy)
        os.fchmod(f.fileno(), 0o755)
    os.rename(shop.program + ".new", shop.program)
    n = r.log("replacement-refused")
    check_in("why", "in time", r.lines[n - 1])
    r.ok()
    os.unlink(busy)
    r.log("why=replaced")
    check("exit", r.end(), 0)


@trial
def a_new_program_that_does_not_run_is_refused(shop):
    r = shop.run()
    r.ok()
    with open(shop.program + ".new", "w") as f:
        f.write("#!/bin/sh\necho not today >&2\nexit 1\n")
        os.fchmod(f.fileno(), 0o755)
    os.rename(shop.program + ".new", shop.program)
    n = r.log("replacement-refused")
    check_in("why", "not today", r.lines[n - 1])
    r.ok()
    os.unlink(shop.program)
    r.ok()
    r.stop()


def serve_through(r, change, until):
    """Asks without pause while change happens; every answer must come."""
    bad, done = [], threading.Event()

    def client():
        while not done.is_set():
            try:
                a = r.ask(get())
            except OSError as e:
                bad.append(e)
                return
            if a.status != 200:
                bad.append(a.raw)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        change()
        until()
    finally:
        done.set()
        for t in threads:
            t.join()
    check("lost or bad answers", bad, [])


@trial
def a_supervisor_starts_over_and_loses_no_request(shop):
    server = ["processes = 2", "threads = 4"]
    shop.write(shop.conf, server=server)
    r = shop.run()
    r.ok()
    old = children(r.p.pid)

    def change():
        shop.write(shop.conf, server=server, name="Second")
        r.log("starting-over")

    def until():
        for pid in old:
            wait_gone(pid)
        check("site", r.ok().said("site"), "Second")

    serve_through(r, change, until)
    check("same process", r.p.poll(), None)
    n = len(r.lines)
    shop.write(shop.conf, server=["processes = x"], name="Third")
    r.log("replacement-refused", n)
    check("site", r.ok().said("site"), "Second")
    r.stop()


@trial
def a_supervisor_starts_over_with_a_new_program(shop):
    server = ["processes = 2", "threads = 4"]
    shop.write(shop.conf, server=server)
    r = shop.run()
    hold = Fifo(shop)
    s = r.send(whole(hold.query()))
    hold.taken()
    old = children(r.p.pid)

    def change():
        shop.install()
        r.log("starting-over")

    def until():
        while len([k for k in children(r.p.pid) if k not in old]) < 2:
            r.ok()

    serve_through(r, change, until)
    exe = os.readlink("/proc/%d/exe" % r.p.pid)
    check("runs the new file", exe, os.path.realpath(shop.program))
    # The one whose request is still in hand belongs to the new supervisor.
    hold.let_go()
    check("in hand", r.receive(s).status, 200)
    r.stop()


# --- configurations ---------------------------------------------------------

@trial
def without_a_configuration_a_buyer_learns_nothing(shop):
    bad = os.path.join(shop.dir, "bad.conf")
    with open(bad, "w") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write("[merchant]\napid = x\n[nonsense]\n")
    for args in (("-c", bad), ("-c", os.path.join(shop.dir, "none"))):
        r = shop.run(*args)
        a = r.ask(get())
        check("status", a.status, 500)
        check_in("page", 'data-page="error"', a.text())
        check("path told", shop.dir in a.text(), False)
        r.log("no-configuration")
        r.log(args[1])
        if args[1] == bad:
            n = r.log("configuration-fault")
            r.log("configuration-fault", n)
        r.stop()


@trial
def a_configuration_that_is_mended_is_taken_up(shop):
    late = os.path.join(shop.dir, "late.conf")
    r = shop.run("-c", late)
    check("before", r.ask(get()).status, 500)
    shop.write(late, name="Late")
    until = time.monotonic() + LIMIT_S
    while True:
        a = r.ask(get())
        if a.status == 200 or time.monotonic() > until:
            break
    check("site", a.said("site"), "Late")
    r.stop()


@trial
def a_request_may_name_the_configuration(shop):
    other = os.path.join(shop.dir, "other.conf")
    shop.write(other, name="Other")
    r = shop.run("-c", shop.conf)
    check("-c wins", r.ask(get(H5PAY_CONF=other)).said("site"), "First")
    r.stop()
    env = {"H5PAY_CONF": shop.conf}
    r = Run(shop, (), env)
    shop.runs.append(r)
    check("the start environment wins",
          r.ask(get(H5PAY_CONF=other)).said("site"), "First")
    r.stop()
    r = Run(shop, ())
    shop.runs.append(r)
    check("none", r.ask(get()).status, 500)
    check("header", r.ask(get(HTTP_H5PAY_CONF=other)).status, 500)
    check("first", r.ask(get(H5PAY_CONF=shop.conf)).said("site"), "First")
    check("other", r.ask(get(H5PAY_CONF=other)).said("site"), "Other")
    check("first", r.ask(get(H5PAY_CONF=shop.conf)).said("site"), "First")
    check("none", r.ask(get()).status, 500)
    check("wrong", r.ask(get(H5PAY_CONF=other + "x")).status, 500)
    check("long", r.ask(get(H5PAY_CONF="/" * 5000)).status, 500)
    shop.write(other, name="Changed")
    check("exit", r.end(), 0)


@trial
def two_shops_in_one_process_are_kept_apart(shop):
    confs = {}
    for name in ("Red", "Green", "Blue"):
        confs[name] = os.path.join(shop.dir, name)
        shop.write(confs[name], name=name)
    r = Run(shop, ())
    shop.runs.append(r)
    bad = []

    def client(k):
        for i in range(60):
            name = list(confs)[(k + i) % 3]
            a = r.ask(get(H5PAY_CONF=confs[name]))
            if a.said("site") != name:
                bad.append((name, a.status, a.said("site")))

    threads = [threading.Thread(target=client, args=(k,)) for k in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("mixed up", bad, [])
    r.stop()


@trial
def nothing_of_ours_lies_below_the_document_root(shop):
    r = shop.run()
    a = r.ask(get(DOCUMENT_ROOT=shop.dir))
    check("status", a.status, 500)
    check_in("page", 'data-page="error"', a.text())
    r.log("below-document-root")
    check("elsewhere", r.ask(get(DOCUMENT_ROOT="/srv/www")).status, 200)
    check("again", r.ask(get(DOCUMENT_ROOT=shop.dir)).status, 500)
    r.stop()


@trial
def a_store_that_cannot_be_opened_is_503_until_it_can(shop):
    blocked = os.path.join(shop.dir, "store")
    with open(blocked, "w"):
        pass
    r = shop.run()
    a = r.ask(get())
    check("status", a.status, 503)
    check_in("page", 'data-page="store-error"', a.text())
    check("method first", r.ask(get(REQUEST_METHOD="PUT")).status, 405)
    r.log("store-not-open")
    os.unlink(blocked)
    r.ok()
    r.stop()


@trial
def a_worker_watches_what_its_supervisor_does_not_know(shop):
    etc = os.path.join(shop.dir, "bin", "h5pay.path")
    shop.write(shop.conf, server=["processes = 1"])
    with open(etc, "w") as f:
        f.write(shop.conf + "\n")
    other = os.path.join(shop.dir, "other.conf")
    shop.write(other, name="Other")
    r = Run(shop, ())
    shop.runs.append(r)
    check("beside the program", r.ok().said("site"), "First")
    check("other", r.ask(get(H5PAY_CONF=other)).said("site"), "Other")
    old = children(r.p.pid)
    shop.write(other, name="Changed")
    r.log("why=replaced")
    for pid in old:
        wait_gone(pid)
    check("other", r.ask(get(H5PAY_CONF=other)).said("site"), "Changed")
    check("same supervisor", r.p.poll(), None)
    r.stop()


# --- deliveries -------------------------------------------------------------

def command(shop):
    """Stands in for h5pay: tells what it was given, then waits."""
    path = os.path.join(shop.dir, "command")
    out = os.path.join(shop.dir, "told")
    os.mkfifo(out)
    wait = Fifo(shop, "wait")
    with open(path, "w") as f:
        os.fchmod(f.fileno(), 0o755)
        f.write("#!/bin/sh\nfds=$(ls -l /proc/$$/fd)\n"
                "{ echo \"$*\"; echo $PPID; echo \"$fds\"; env; } >%s\n"
                "cat %s\n" % (out, wait.path))
    shop.write(shop.conf, server=["command = " + path],
               hooks=["exec = /bin/true"])
    return out, wait


def told(out):
    with open(out) as f:
        lines = f.read().split("\n")
    return lines


@trial
def a_delivery_starts_detached_after_the_answer(shop):
    out, wait = command(shop)
    r = shop.run()
    a = r.ask(get(QUERY_STRING="order=ORDER-1"))
    check("status", a.status, 200)
    lines = told(out)
    check("arguments", lines[0],
          "-c %s sweep --order ORDER-1" % shop.conf)
    check("not a child of ours", int(lines[1]) != r.p.pid, True)
    fds = [l.split()[-3:] for l in lines if "->" in l]
    for fd, _, target in fds:
        if int(fd) < 3:
            check("fd " + fd, target, "/dev/null")
        else:
            # The shell's own: its script and what it saved.
            check("fd %s is the socket" % fd, "socket" in target, False)
    check("children", children(r.p.pid), [])
    wait.taken()
    r.stop()
    wait.let_go()


@trial
def plain_cgi_is_answered_before_the_delivery_ends(shop):
    out, wait = command(shop)
    env = cgi_env(shop, QUERY_STRING="order=ORDER-2", HTTP_COOKIE="secret",
                  PATH="/usr/bin:/bin")
    p = subprocess.run([shop.program], env=env, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=LIMIT_S)
    check("exit", p.returncode, 0)
    check("status", cgi_answer(p.stdout).status, 200)
    lines = told(out)
    check("arguments", lines[0],
          "-c %s sweep --order ORDER-2" % shop.conf)
    names = [l.split("=")[0] for l in lines if "=" in l and "->" not in l]
    check_in("environment", "PATH", names)
    for name in names:
        check(name, name.startswith(("HTTP_", "QUERY_", "REQUEST_")), False)
    wait.taken()
    wait.let_go()


@trial
def a_delivery_that_cannot_start_is_logged(shop):
    shop.write(shop.conf, server=["command = " + shop.program],
               hooks=["exec = /bin/true"])
    r = shop.run()
    r.ok()
    os.unlink(shop.program)
    check("status", r.ask(get(QUERY_STRING="order=ORDER-3")).status, 200)
    r.log("delivery-not-started")
    r.stop()


# --- deliveries of a program with a supervisor ------------------------------

def status_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return {n: v.strip() for n, v in (l.split(":", 1) for l in f)}


def bookkeeper(shop, **more):
    """An h5pay that adds its arguments and what it may not do to a file."""
    book = os.path.join(shop.dir, "book")
    path = os.path.join(shop.dir, "h5pay")
    with open(path + ".new", "w") as f:
        os.fchmod(f.fileno(), 0o755)
        f.write("#!/bin/sh\n"
                "n=$(sed -n 's/^NoNewPrivs:\t//p' /proc/self/status)\n"
                "echo \"$n $(env | grep -c H5PAY_) $*\" >>%s\n" % book)
    os.rename(path + ".new", path)
    server = ["command = " + path] + list(more.pop("server", ()))
    more.setdefault("hooks", ["exec = /bin/true"])
    shop.write(shop.conf, server=server, **more)

    def lines(n=0):
        """What is there, once it is n lines."""
        until = time.monotonic() + LIMIT_S
        while True:
            got = []
            if os.path.exists(book):
                with open(book) as f:
                    got = f.read().split("\n")[:-1]
            if len(got) >= n or time.monotonic() > until:
                return got
            time.sleep(0.01)
    return lines


def orders(lines):
    return sorted(l.split()[-1] for l in lines if " --order " in l)


@trial
def a_supervisor_delivers_with_the_rights_its_workers_gave_up(shop):
    lines = bookkeeper(shop, server=["processes = 2"])
    r = shop.run()
    check("status", r.ask(get(QUERY_STRING="order=ORDER-4")).status, 200)
    check("delivery", lines(1),
          ["0 0 -c %s sweep --order ORDER-4" % shop.conf])
    check("supervisor", status_of(r.p.pid)["NoNewPrivs"], "0")
    for pid in children(r.p.pid):
        check("worker", status_of(pid)["NoNewPrivs"], "1")
    r.stop()


@trial
def what_is_asked_while_a_supervisor_starts_over_is_done(shop):
    server = ["processes = 2", "threads = 4"]
    lines = bookkeeper(shop, server=server)
    r = shop.run()
    r.ok()
    asked = []
    for name in ("Second", "Third", "Fourth"):
        bookkeeper(shop, server=server, name=name)
        site = None
        while site != name:
            asked.append("ORDER-%d" % (1000 + len(asked)))
            a = r.ask(get(QUERY_STRING="order=" + asked[-1]))
            check("status", a.status, 200)
            site = a.said("site")
            lines(len(asked) - 8)  # no faster than they start
    check("deliveries", orders(lines(len(asked))), asked)
    check("complaints", [l for l in r.lines if "not-asked" in l], [])
    r.stop()


@trial
def a_supervisor_that_stops_does_what_the_last_request_asked(shop):
    lines = bookkeeper(shop, server=["processes = 1"])
    r = shop.run()
    hold = Fifo(shop)
    s = r.send(whole(get(QUERY_STRING="hold=%s&order=ORDER-5" % hold.path)))
    hold.taken()
    r.p.send_signal(signal.SIGTERM)
    r.log("leaving")
    hold.let_go()
    check("status", r.receive(s).status, 200)
    check("exit", r.end(), 0)
    check("delivery", orders(lines(1)), ["ORDER-5"])


def borrow(pid, want):
    """A copy of the descriptor of another process that is want."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    for fd in os.listdir("/proc/%d/fd" % pid):
        if int(fd) < 3:
            continue
        got = libc.syscall(438, pidfd, int(fd), 0)  # pidfd_getfd
        if got < 0:
            raise Failed("pidfd_getfd: errno %d" % ctypes.get_errno())
        os.set_inheritable(got, False)
        if stat.S_ISSOCK(os.fstat(got).st_mode):
            s = socket.socket(fileno=got)
            if s.type == want:
                return s
            s.close()
        else:
            os.close(got)
    raise Failed("no such socket")


@trial
def a_worker_that_was_taken_over_cannot_misuse_its_supervisor(shop):
    if os.geteuid() != 0:
        raise Skip("not root: a worker's socket cannot be had")
    lines = bookkeeper(shop, server=["processes = 1"])
    r = shop.run()
    r.ok()
    (worker,) = children(r.p.pid)
    s = borrow(worker, socket.SOCK_SEQPACKET)
    for bad in (b"", b"d", b"x", b"dORDER-6 --for", b"d../../etc/passwd",
                b"d-c", b"dORDER-6\0x", b"dORDER-6\n", b"s1", b"d" + b"A" * 29,
                b"d" + b"A" * 5000, b"\xff" * 64):
        at = len(r.lines)
        s.send(bad)
        if bad:
            r.log("errand-refused", at)
    for _ in range(50):
        s.send(b"s")
    s.send(b"dORDER-7")
    s.close()
    check("started", sorted(l.split("sweep ")[1] for l in lines(2)),
          ["--for 10", "--order ORDER-7"])
    r.ok()
    r.stop()


@trial
def privileges_of_a_program_alone_depend_on_whether_it_has_a_hook(shop):
    for hooks, want in (([], "1"), (["exec = /bin/true"], "0")):
        shop.write(shop.conf, hooks=hooks)
        r = shop.run()
        r.ok()
        check("FastCGI", status_of(r.p.pid)["NoNewPrivs"], want)
        r.stop()
        hold = Fifo(shop, "cgi" + want)
        p = subprocess.Popen(
            [shop.program], stdin=subprocess.DEVNULL,
            env=cgi_env(shop, QUERY_STRING="hold=" + hold.path),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        hold.taken()
        check("plain CGI", status_of(p.pid)["NoNewPrivs"], want)
        hold.let_go()
        p.communicate()


# --- plain CGI --------------------------------------------------------------

def cgi_env(shop, **more):
    env = {k: v for k, v in get().items()}
    env["H5PAY_CONF"] = shop.conf
    env.update(more)
    return env


def cgi(shop, body=b"", args=(), **more):
    env = cgi_env(shop, **more)
    p = subprocess.run([shop.program] + list(args), env=env, input=body,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=LIMIT_S, cwd=shop.dir)
    check("exit", p.returncode, 0)
    return cgi_answer(p.stdout)


@trial
def plain_cgi_answers_one_request(shop):
    a = cgi(shop, HTTP_USER_AGENT="Firefox")
    check("status", a.status, 200)
    check("user_agent", a.said("user_agent"), "Firefox")
    check("remote_addr", a.said("remote_addr"), "192.0.2.1")
    a = cgi(shop, b"hello", REQUEST_METHOD="POST", CONTENT_LENGTH="5")
    check("body", a.body.endswith(b"body=5:hello"), True)
    a = cgi(shop, b"hello, more than that", REQUEST_METHOD="POST",
            CONTENT_LENGTH="5")
    check("no byte too many", a.body.endswith(b"body=5:hello"), True)
    for length_, want in (("6", 400), ("5x", 400), ("", 400), ("70000", 413),
                          ("9" * 30, 413)):
        a = cgi(shop, b"hello", REQUEST_METHOD="POST", CONTENT_LENGTH=length_)
        check("length " + length_, a.status, want)
    check("head", cgi(shop, REQUEST_METHOD="HEAD").body, b"")
    a = cgi(shop, REQUEST_METHOD="PUT")
    check("put", (a.status, a.headers.get("allow")), (405, "GET, HEAD, POST"))
    check("no method", cgi(shop, REQUEST_METHOD="").status, 400)
    check("no configuration", cgi(shop, H5PAY_CONF="/nowhere").status, 500)


@trial
def plain_cgi_believes_no_argument_of_a_visitor(shop):
    other = os.path.join(shop.dir, "other.conf")
    shop.write(other, name="Other")
    a = cgi(shop, args=("-c", other), QUERY_STRING="-c+" + other)
    check("site", a.said("site"), "First")
    check("-t", cgi(shop, args=("-t",), QUERY_STRING="-t").status, 200)
    check("-x", cgi(shop, args=("-x",), QUERY_STRING="-x").status, 200)
    a = cgi(shop, args=("-c", other), QUERY_STRING="a=1")
    check("a wrapper's argument", a.said("site"), "Other")


@trial
def plain_cgi_lives_with_closed_descriptors(shop):
    def close_all():
        for fd in (0, 2):
            os.close(fd)
    p = subprocess.run([shop.program], env=cgi_env(shop), cwd=shop.dir,
                       stdout=subprocess.PIPE, preexec_fn=close_all,
                       timeout=LIMIT_S)
    check("exit", p.returncode, 0)
    check("status", cgi_answer(p.stdout).status, 200)


# --- options, hardening -----------------------------------------------------

def options(shop, *args):
    p = subprocess.run([shop.program] + list(args), env={}, cwd=shop.dir,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=LIMIT_S)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


@trial
def options_do_what_they_say(shop):
    check("good", options(shop, "-t", "-c", shop.conf), (0, "", ""))
    bad = os.path.join(shop.dir, "bad.conf")
    with open(bad, "w") as f:
        os.fchmod(f.fileno(), 0o600)
        f.write("[merchant]\napid = x\n[nonsense]\n")
    code, out, err = options(shop, "-t", "-c", bad)
    check("bad", (code, out), (78, ""))
    for line in (2, 3):
        check_in("fault", "%s:%d: " % (bad, line), err)
    check("none", options(shop, "-t")[0], 78)
    code, out, err = options(shop, "-V")
    check("version", (code, err), (0, ""))
    check_in("threads", "threads 16", out)
    check("help", options(shop, "-h")[0], 0)
    check("unknown", options(shop, "-x")[0], 64)
    check("no argument", options(shop, "-c")[0], 64)
    check("left over", options(shop, "-t", "word")[0], 64)


@trial
def a_run_is_hardened(shop):
    r = shop.run()
    r.ok()
    with open("/proc/%d/status" % r.p.pid) as f:
        status = dict(line.split(":", 1) for line in f)
    check("NoNewPrivs", status["NoNewPrivs"].strip(), "1")
    check("Umask", status["Umask"].strip(), "0077")
    ignored = int(status["SigIgn"].strip(), 16)
    for sig in (signal.SIGPIPE, signal.SIGXFSZ):
        check(sig.name, bool(ignored >> (sig - 1) & 1), True)
    with open("/proc/%d/limits" % r.p.pid) as f:
        limits = f.read()
    for line in limits.split("\n"):
        if line.startswith("Max core file size"):
            check("core", line.split()[4:6], ["0", "0"])
        if line.startswith("Max open files"):
            check("files", line.split()[3], "1024")
    owner = os.stat("/proc/%d/environ" % r.p.pid).st_uid
    check("not dumpable", owner, 0)
    for fd in os.listdir("/proc/%d/fdinfo" % r.p.pid):
        if int(fd) < 3:
            continue
        with open("/proc/%d/fdinfo/%s" % (r.p.pid, fd)) as f:
            flags = [l for l in f if l.startswith("flags:")][0]
        check("close-on-exec of %s" % fd,
              bool(int(flags.split()[1], 8) & os.O_CLOEXEC), True)
    r.stop()


@trial
def a_socket_that_others_reach_is_told_of(shop):
    """The run's socket is a file in the trial's folder, by its mode 0700."""
    r = shop.run()
    r.ok()
    check("in a closed folder", [l for l in r.lines if "socket" in l], [])
    r.stop()
    for mode, told in ((0o660, False), (0o666, True)):
        os.chmod(shop.dir, 0o755)
        r = shop.run(mode=mode)
        r.ok()
        if told:
            check_in("word", "chmod 660",
                     r.lines[r.log("socket-not-private") - 1])
        else:
            check("others may not write", [l for l in r.lines
                                           if "socket" in l], [])
        r.stop()
    for address, family in ((("127.0.0.1", 0), socket.AF_INET),
                            (b"\0" + shop.dir.encode(), socket.AF_UNIX)):
        with socket.socket(family) as s:
            s.bind(address)
            s.listen(1)
            r = shop.run(listener=s)
        r.log("socket-not-private")
        r.p.terminate()
        check("exit", r.end(), 0)


# --- main -------------------------------------------------------------------

def name_of(f):
    return f.__name__.replace("_", " ")


def try_out(f):
    """(why it failed, a Skip, or None; seconds; the programs' last words)"""
    shop = Shop()
    start = time.monotonic()
    try:
        f(shop)
        why = None
    except Skip as e:
        why = e
    except (Failed, OSError, subprocess.SubprocessError) as e:
        why = "%s: %s" % (type(e).__name__, e)
    took = time.monotonic() - start
    lines = [l for r in shop.runs for l in r.lines[-20:]]
    shop.close()
    return why, took, lines


def main():
    global PROGRAM
    words = [a for a in sys.argv[1:] if a != "-v"]
    if not words:
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(words[0])
    number = passed = failed = 0
    todo = [f for f in TRIALS
            if not words[1:] or any(w in name_of(f) for w in words[1:])]
    if not todo:
        sys.exit("no test is called so")
    print("1..%d" % len(todo), flush=True)
    # Most of a trial is waiting for a second to pass in the program.
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        trials = {pool.submit(try_out, f): f for f in todo}
        for trial in concurrent.futures.as_completed(trials):
            f = trials[trial]
            why, took, lines = trial.result()
            number += 1
            if why is None:
                passed += 1
                print("ok %d - %s (%.1f s)" % (number, name_of(f), took))
            elif isinstance(why, Skip):
                print("ok %d - %s # SKIP %s" % (number, name_of(f), why))
            else:
                failed += 1
                print("not ok %d - %s" % (number, name_of(f)))
                print("# " + why)
                print("".join("#   %s\n" % l for l in lines), end="")
            sys.stdout.flush()
    print("fcgi: %d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()

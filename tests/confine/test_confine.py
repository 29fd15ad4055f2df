#!/usr/bin/env python3
"""What a confined program can no longer do, tried from inside.

usage: test_confine.py BUILD [WORD...]

Each of the four programs, with the real one's table and another handler
(probe.c), runs under its supervisor and tries things; then alone, where the
same things must work, or the trial proves nothing.  Prints TAP and "N passed,
N failed"."""

import ctypes
import errno
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import fcgi_wire as wire  # noqa: E402
from fcgi_wire import check, check_in, get  # noqa: E402

BUILD = None
PROGRAMS = ("checkout", "return-page", "notify", "query")
NETWORK = ("checkout", "query")
LEVEL = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)
DENIED = {errno.EACCES, errno.EPERM, errno.EXDEV}


class Skip(Exception):
    pass


class Shop(wire.Shop):
    """A shop whose things lie apart, as they should."""

    def __init__(self, program):
        wire.PROGRAM = os.path.join(BUILD, "confine", program)
        self.name = program
        self.server = ["processes = 1", "threads = 2"]
        self.gateway = socket.create_server(("127.0.0.1", 0))
        self.other = socket.create_server(("127.0.0.1", 0))
        super().__init__()
        self.sweep()

    def sweep(self):
        """Makes the store: before that nothing is closed."""
        subprocess.run([os.path.join(BUILD, "h5pay"), "-c", self.conf,
                        "sweep"], check=True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def text(self, log="log/log", store="store", **more):
        for name in ("log", "keys", "goods", "outside", "ca", "data"):
            os.makedirs(self.path(name), 0o700, exist_ok=True)
        self.file("keys/site.secret", "s" * 40 + "\n")
        self.file("goods/catalogue.ini", "[tea]\ntitle = Tea\nprice = 1.00\n")
        self.file("outside/file", "untouched")
        self.file("ca/ca.pem", "")
        return "\n".join([
            "[merchant]", "appid = wx0123456789abcdef",
            "mch_id = 1900000109", "api_key = " + "0123456789abcdef" * 2,
            "[site]", "base_url = http://127.0.0.1/cgi-bin", "name = Shop",
            "secret_file = " + self.path("keys/site.secret"),
            "[gateway]", "url = http://127.0.0.1:%d"
            % self.gateway.getsockname()[1],
            "cashier = http://127.0.0.1/",
            "ca_file = " + self.path("ca/ca.pem"),
            "[catalogue]", "file = " + self.path("goods/catalogue.ini"),
            "[store]", "dir = " + self.path(store),
            "[log]", "file = " + self.path(log),
            "[server]", *self.server, ""])

    def file(self, name, text):
        with open(self.path(name), "w") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(text)

    def log(self):
        try:
            with open(self.path("log/log")) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def close(self):
        super().close()
        self.gateway.close()
        self.other.close()


def until(what, seen):
    end = time.monotonic() + wire.LIMIT_S
    while True:
        got = seen()
        if got:
            return got
        if time.monotonic() > end:
            raise wire.Failed("not seen: " + what)
        time.sleep(0.01)


def tried(r, do, a="", b=""):
    """The errno of a trial."""
    answer = r.ask(get(QUERY_STRING="do=%s&a=%s&b=%s" % (do, a, b)))
    check("status of %s %s" % (do, a), answer.status, 200)
    return int(answer.said("errno"))


def trials(shop, p):
    """(what, arguments, works when confined, from which level on it cannot)"""
    writes = p != "return-page"
    net = p in NETWORK
    gate = shop.gateway.getsockname()[1]
    other = shop.other.getsockname()[1]
    s, out = shop.path("store"), shop.path("outside")
    mark = s + "/orders/.tmp-"
    yield "read", (s + "/format",), True, 1
    yield "list", (s + "/orders",), True, 1
    yield "make", (mark + "1",), writes, 1
    yield "write", (s + "/talk",), writes, 1
    yield "mkdir", (s + "/.tmp-d",), writes, 1
    yield "make", (mark + "2",), writes, 1
    yield "rename", (mark + "2", mark + "3"), writes, 1
    yield "link", (mark + "1", mark + "4"), writes, 1
    yield "cut", (s + "/talk",), writes, 3
    yield "remove", (mark + "1",), writes, 1
    yield "fifo", (s + "/.tmp-fifo",), False, 1
    yield "symlink", (s + "/.tmp-link", "/etc"), False, 1
    yield "write", (shop.path("log/log"),), True, 1
    yield "make", (shop.path("log/log.new"),), True, 1
    yield "read", (shop.path("log/log"),), False, 1
    yield "remove", (shop.path("log/log.old"),), False, 1
    yield "read", (shop.conf,), False, 1
    yield "write", (shop.conf,), False, 1
    yield "read", (shop.path("keys/site.secret"),), False, 1
    yield "read", (shop.program,), False, 1
    yield "write", (shop.path("goods/catalogue.ini"),), False, 1
    yield "read", (shop.path("goods/catalogue.ini"),), p == "checkout", 1
    yield "read", (shop.path("ca/ca.pem"),), net, 1
    yield "read", ("/etc/hosts",), net, 1
    yield "read", ("/etc/passwd",), False, 1
    yield "list", ("/etc",), False, 1
    yield "list", ("/tmp",), False, 1
    yield "read", ("/proc/self/environ",), False, 1
    yield "make", (out + "/new",), False, 1
    yield "mkdir", (out + "/folder",), False, 1
    yield "write", (out + "/file",), False, 1
    yield "cut", (out + "/file",), False, 3
    yield "link", (s + "/format", out + "/format"), False, 1
    yield "remove", (out + "/file",), False, 1
    yield "exec", ("/bin/true",), False, 1
    yield "exec", ("/usr/bin/env",), False, 1
    # What may be read may not be run either.
    yield "read", (s + "/.tmp-program",), True, 1
    yield "exec", (s + "/.tmp-program",), False, 1
    yield "connect", (str(gate),), net, 4
    yield "connect", (str(other),), False, 4
    yield "bind", ("0",), False, 4
    yield "signal", (str(os.getpid()),), False, 6
    yield "abstract", ("h5pay-probe-%d" % os.getpid(),), False, 6
    if net:
        yield "name", ("localhost",), True, 1


def prepare(shop):
    for name in ("log/log.old", "store/orders/.tmp-1", "log/log.new"):
        if os.path.exists(shop.path(os.path.dirname(name))):
            shop.file(name, "")
    for name in ("store/orders/.tmp-1", "log/log.new"):
        if os.path.exists(shop.path(name)):
            os.unlink(shop.path(name))
    for at in ("outside/new", "outside/format", "store/orders/.tmp-2",
               "store/orders/.tmp-3", "store/orders/.tmp-4",
               "store/.tmp-fifo", "store/.tmp-link"):
        if os.path.lexists(shop.path(at)):
            os.unlink(shop.path(at))
    for at in ("outside/folder", "store/.tmp-d"):
        if os.path.isdir(shop.path(at)):
            os.rmdir(shop.path(at))
    shop.file("outside/file", "untouched")
    shutil.copy("/bin/true", shop.path("store/.tmp-program"))


def need(level):
    if LEVEL < level:
        raise Skip("Landlock level %d, needs %d" % (LEVEL, level))


def is_confined(p):
    def run():
        need(1)
        shop = Shop(p)
        peer = socket.socket(socket.AF_UNIX)
        peer.bind("\0h5pay-probe-%d" % os.getpid())
        peer.listen(8)
        try:
            wrong = walk(shop, p, confined=True)
            check("confined", wrong, [])
            check("nothing outside was touched",
                  sorted(os.listdir(shop.path("outside"))), ["file"])
            with open(shop.path("outside/file")) as f:
                check("its content", f.read(),
                      "untouched" if LEVEL >= 3 else "")
            line = [l for l in shop.log() if " confined " in " " + l]
            check("lines that tell the level", len(line), 1)
            check_in("line", "landlock=%d" % LEVEL, line[0])
            check_in("line", "store=" + ("read" if p == "return-page"
                                         else "written"), line[0])
            tcp = "gateway" if p in NETWORK else "none"
            check_in("line", "tcp=" + (tcp if LEVEL >= 4 else "open"),
                     line[0])
        finally:
            peer.close()
            shop.close()
    run.__name__ = "%s is kept to its own" % p
    return run


def is_free(p):
    """The control: alone, the same trials do what they try."""
    def run():
        shop = Shop(p)
        shop.server = ["threads = 2"]
        shop.write(shop.conf)
        peer = socket.socket(socket.AF_UNIX)
        peer.bind("\0h5pay-probe-%d" % os.getpid())
        peer.listen(8)
        try:
            check("alone", walk(shop, p, confined=False), [])
        finally:
            peer.close()
            shop.close()
    run.__name__ = "%s without a supervisor can do all of it" % p
    return run


def walk(shop, p, confined):
    r = shop.run()
    until("an answer", lambda: tried(r, "read", "/dev/null") == 0)
    prepare(shop)
    wrong = []
    for do, args, works, level in trials(shop, p):
        got = tried(r, do, *args)
        may = not confined or works or LEVEL < level
        if may and got != 0 or not may and got not in DENIED:
            # What an earlier refusal kept from being there.
            if not (confined and got == errno.ENOENT and not works):
                wrong.append("%s %s: %s" % (do, " ".join(args), os.strerror(
                    got)))
        shop.gateway.settimeout(0)
    r.stop()
    return wrong


def status_is_hardened():
    shop = Shop("notify")
    try:
        r = shop.run()
        until("an answer", lambda: tried(r, "read", "/dev/null") == 0)
        for pid in [r.p.pid] + wire.children(r.p.pid):
            status = wire.status_of(pid)
            check("umask", status["Umask"], "0077")
            check("NoNewPrivs", status["NoNewPrivs"],
                  "0" if pid == r.p.pid else "1")
            with open("/proc/%d/limits" % pid) as f:
                core = [l for l in f if l.startswith("Max core file size")]
            check("core", core[0].split()[4:6], ["0", "0"])
            check("owner of /proc/PID",
                  os.stat("/proc/%d/environ" % pid).st_uid, 0)
        check("dumpable", tried(r, "dumpable"), 0)
        r.stop()
    finally:
        shop.close()


def replaced_files_renew_the_workers():
    """A log that lies beside a secret has a rule of its own, not its
    folder's."""
    need(1)
    shop = Shop("notify")
    try:
        shop.write(shop.conf, log="keys/log")
        log = shop.path("keys/log")
        r = shop.run()
        until("an answer", lambda: tried(r, "read", "/dev/null") == 0)
        check("log", tried(r, "write", log), 0)
        check("secret", tried(r, "write", shop.path("keys/site.secret")),
              errno.EACCES)
        check("beside it", tried(r, "make", shop.path("keys/new")),
              errno.EACCES)
        os.rename(log, log + ".1")
        until("the new log to be written", lambda: os.path.exists(log)
              and tried(r, "write", log) == 0)
        with open(log) as f:
            check_in("its first line", "renewing-workers", f.readline())
            check("complaints", [l for l in f if "worker-ended" in l], [])
        check("the supervisor is the same", r.p.poll(), None)
        r.stop()
    finally:
        shop.close()


def a_log_beside_the_store_opens_no_store():
    """What may be added to the log's folder may not be added to the store."""
    need(1)
    shop = Shop("return-page")
    try:
        shop.write(shop.conf, log="data/log", store="data/store")
        shop.sweep()
        r = shop.run()
        until("an answer", lambda: tried(r, "read", "/dev/null") == 0)
        check("log", tried(r, "write", shop.path("data/log")), 0)
        check("store", tried(r, "write", shop.path("data/store/talk")),
              errno.EACCES)
        check("file in the store", tried(r, "make", shop.path(
            "data/store/.tmp-1")), errno.EACCES)
        r.stop()
    finally:
        shop.close()


def a_bundle_is_read_by_its_name():
    """Replaced, and at once."""
    need(1)
    shop = Shop("query")
    try:
        r = shop.run()
        until("an answer", lambda: tried(r, "read", "/dev/null") == 0)
        bundle = shop.path("ca/ca.pem")
        for _ in range(3):
            shop.file("ca/new", "")
            os.rename(shop.path("ca/new"), bundle)
            check("bundle", tried(r, "read", bundle), 0)
        r.stop()
    finally:
        shop.close()


def nothing_is_closed_to_requests_that_name_their_configuration():
    shop = Shop("notify")
    try:
        os.makedirs(shop.path("bin"), exist_ok=True)
        shop.file("bin/h5pay.path", shop.conf + "\n")
        r = wire.Run(shop, [])
        shop.runs.append(r)
        until("an answer", lambda: tried(r, "read", "/etc/passwd") == 0)
        line = [l for l in shop.log() if "not-confined" in l]
        check("lines", len(line), 1)
        check_in("line", "H5PAY_CONF", line[0])
        r.stop()
    finally:
        shop.close()


def main():
    global BUILD
    BUILD = os.path.abspath(sys.argv[1])
    words = sys.argv[2:]
    todo = [is_confined(p) for p in PROGRAMS] + [is_free(p) for p in PROGRAMS]
    todo += [status_is_hardened, replaced_files_renew_the_workers,
             a_log_beside_the_store_opens_no_store, a_bundle_is_read_by_its_name,
             nothing_is_closed_to_requests_that_name_their_configuration]
    todo = [(f, f.__name__.replace("_", " ")) for f in todo]
    if words:
        todo = [(f, n) for f, n in todo if any(w in n for w in words)]
    if not todo:
        sys.exit("no test is called so")
    passed = failed = 0
    for f, name in todo:
        try:
            f()
            why = None
        except Skip as e:
            print("ok - %s # SKIP %s" % (name, e))
            continue
        except (wire.Failed, OSError) as e:
            why = "%s: %s" % (type(e).__name__, e)
        passed, failed = passed + (why is None), failed + (why is not None)
        print("%sok %d - %s" % ("" if why is None else "not ",
                                passed + failed, name))
        if why is not None:
            print("# " + why)
        sys.stdout.flush()
    print("confine: %d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

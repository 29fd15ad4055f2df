"""boot.py BUILD - the systemd units under systemd as process 1.

Installs the package of BUILD/deb into a fresh Debian 12 with nginx, boots it
by systemd-nspawn in a network of its own, and does what README.Debian says:
sockets and timers enabled, a buyer sent through, workers killed, restarted,
upgraded, stopped, the machine switched off and on.  Needs root, debootstrap,
a mirror and systemd-nspawn; says what is missing and leaves it out.  Ends in
'N passed, N failed'."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "e2e"))

import debian  # noqa: E402
import h5  # noqa: E402
from debian import LeftOut, run  # noqa: E402
from gateway import Gateway  # noqa: E402

CLONE_NEWNET = 0x40000000
BASE = "http://127.0.0.1/pay"
SOCKETS = [f"h5pay@{p}.socket" for p in h5.PROGRAMS]
SERVICES = [f"h5pay@{p}.service" for p in h5.PROGRAMS]
TIMERS = ["h5pay-sweep.timer", "h5pay-report.timer"]
CONTENT = ["systemd", "systemd-sysv", "dbus", "nginx-light"]


def want(ok, what):
    if not ok:
        raise AssertionError(what)


def bookworm(root, deb):
    """A Debian with what the package depends on."""
    needs = [re.split(r"[ |(]", d.strip())[0] for d in run(
        "dpkg-deb", "-f", deb, "Depends").stdout.split(",")]
    debian.bootstrap(root, "bookworm", CONTENT + needs)


class Machine:
    """The Debian in root, switched on and off."""

    def __init__(self, root):
        self.root = root
        self.process = None
        self.pid = None  # its process 1, as seen from here
        self.state = None  # what systemd says of itself, once up

    def chroot(self, *args, **kw):
        return run("chroot", self.root, "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   "DEBIAN_FRONTEND=noninteractive", *args, **kw)

    def on(self):
        """Boot; this process goes into its network."""
        # A machine whose /run is a disk (a container's may be) has no place
        # that nspawn takes; so it gets a /run of its own.
        script = ('mount -t tmpfs tmpfs /run && exec systemd-nspawn --quiet '
                  '--boot --private-network --register=no --keep-unit '
                  '--machine=h5pay-boot -D "$1"')
        self.console = open(self.root.parent / "console", "ab")
        self.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script, "sh", str(self.root)],
            stdin=subprocess.DEVNULL, stdout=self.console,
            stderr=self.console, start_new_session=True,
            preexec_fn=h5.die_with_parent)

        def leader():
            if self.process.poll() is not None:
                raise LeftOut("systemd-nspawn does not boot here: " +
                              self.said())
            for pid, comm in h5.family(self.process.pid).items():
                if comm == "systemd" and h5._stat(pid)[2] == self.process.pid:
                    return pid
            return None

        self.pid = h5.until("process 1", leader, 60)
        h5.until("systemd to take commands", lambda: self.inside(
            "test", "-S", "/run/systemd/private").returncode == 0, 120)
        state = self.inside("systemctl", "is-system-running", "--wait")
        self.state = state.stdout.strip()
        with open(f"/proc/{self.pid}/ns/net") as net:
            if h5._libc.setns(net.fileno(), CLONE_NEWNET) != 0:
                raise LeftOut("its network cannot be entered")

    def off(self):
        """Shut down; how nspawn ended."""
        if self.process is None:
            return None
        self.inside("systemctl", "poweroff")
        try:
            return self.process.wait(90)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.kill()

    def kill(self):
        if self.process is not None:
            pids = h5.family(self.process.pid)
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            h5.stop_family(pids, 5)
            self.console.close()
        self.process = None

    def said(self):
        text = (self.root.parent / "console").read_text(errors="replace")
        return " | ".join(text.splitlines()[-3:])

    def inside(self, *args, **kw):
        return run("nsenter", "-a", "-t", self.pid, "-r", "-w", "--", "env",
                   "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *args, **kw)

    def systemctl(self, *args):
        got = self.inside("systemctl", *args)
        want(got.returncode == 0, f"systemctl {args}: {got.stderr}" +
             self.inside("journalctl", "-n", "20", "--no-pager").stdout)
        return got.stdout.strip()

    def shown(self, unit, what):
        return self.systemctl("show", "-P", what, unit)

    def state_of(self, unit):
        return self.inside("systemctl", "is-active", unit).stdout.strip()

    def status(self, pid):
        """Lines of /proc/PID/status in the machine, as a dict."""
        text = self.inside("cat", f"/proc/{pid}/status").stdout
        return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.M))

    def kill9(self, pid):
        # By the shell: a small Debian has no other kill.
        got = self.inside("sh", "-c", f"kill -9 {pid}")
        want(got.returncode == 0, got.stderr)

    def inodes(self, *paths):
        return self.inside("stat", "-L", "-c", "%i", *paths).stdout.split()

    def children(self, pid):
        text = self.inside("cat", f"/proc/{pid}/task/{pid}/children").stdout
        return text.split()


class Shop:
    def __init__(self, machine, build, deb):
        self.m, self.deb, self.build = machine, deb, build
        self.gateway = None

    def install(self):
        root = self.m.root
        shutil.copy(self.deb, root / "h5pay.deb")
        got = self.m.chroot("dpkg", "-i", "/h5pay.deb")
        want(got.returncode == 0, got.stdout + got.stderr)
        for name, text in (("api_key", h5.API_KEY), ("link_key", h5.LINK_KEY)):
            path = root / "etc/h5pay/secrets" / name
            path.write_text(text + "\n")
            path.chmod(0o640)
            self.m.chroot("chown", "root:h5pay", f"/etc/h5pay/secrets/{name}")
        (root / "etc/nginx/sites-enabled/default").unlink(missing_ok=True)
        (root / "etc/nginx/sites-enabled/shop").write_text(
            "server { listen 127.0.0.1:80; "
            "include /etc/nginx/snippets/h5pay.conf; }\n")

    def fill_in(self):
        """As README.Debian says; the file keeps its owner and mode."""
        path = self.m.root / "etc/h5pay/h5pay.conf"
        text = path.read_text()
        for key, value in (("appid", h5.APPID), ("mch_id", h5.MCH_ID),
                           ("base_url", BASE), ("url", self.gateway.url),
                           ("cashier", self.gateway.url + "/")):
            text, n = re.subn(f"(?m)^#?{key} = .*", f"{key} = {value}", text)
            want(n == 1, key)
        path.write_text(text)
        got = self.h5pay("check")
        want(got.returncode == 0, got.stdout + got.stderr)

    def h5pay(self, *args):
        return self.m.inside("setpriv", "--reuid", "h5pay", "--regid", "h5pay",
                             "--clear-groups", "h5pay", *args)

    def show(self, order):
        got = self.h5pay("--json", "show", order)
        want(got.returncode == 0, got.stderr)
        return h5.json.loads(got.stdout)

    def get(self, path):
        c = http.client.HTTPConnection("127.0.0.1", 80, timeout=30)
        try:
            c.request("GET", "/pay/" + path, headers={
                "Connection": "close", "User-Agent": h5.PHONE})
            r = c.getresponse()
            return h5.Reply(r.status, r.getheaders(), r.read(), path)
        finally:
            c.close()

    def link(self, order):
        return "checkout?" + h5.link_query(
            {"order": order, "total_fee": 880, "body": "Tea"})

    def buy(self, order):
        """A browser at the cashier."""
        b = h5.Browser()
        b.open(f"{BASE.removesuffix('/pay')}/pay/{self.link(order)}")
        want(b.reply.page == "confirm", f"{b.reply}")
        b.submit(b.reply.form("checkout"))
        want(b.reply.page == "cashier", f"{b.reply}")
        return b


class Load(threading.Thread):
    """A buyer who asks for the same page again and again."""

    def __init__(self, shop):
        super().__init__()
        self.shop, self.ended = shop, threading.Event()
        self.good, self.bad = 0, []
        self.start()

    def run(self):
        path = self.shop.link("boot-load")
        while not self.ended.is_set():
            try:
                r = self.shop.get(path)
                if (r.status, r.page) == (200, "confirm"):
                    self.good += 1
                else:
                    self.bad.append(str(r))
            except OSError as e:
                self.bad.append(str(e))

    def end(self):
        before = self.good
        h5.until("some more", lambda: self.good > before + 5 or self.bad)
        self.ended.set()
        self.join()
        want(not self.bad, f"{len(self.bad)} failed: {self.bad[:2]}")


# --- the tests, in this order -----------------------------------------------


def the_machine_is_up(s):
    want(s.m.state in ("running", "degraded"), s.m.state)
    failed = s.m.systemctl("list-units", "--failed", "--plain", "--no-legend")
    want("h5pay" not in failed, failed)
    for unit in (*SOCKETS, *TIMERS):
        want(s.m.state_of(unit) == "inactive", f"{unit} runs unasked")


def sockets_and_timers_are_enabled(s):
    s.m.systemctl("enable", "--now", *SOCKETS, *TIMERS)
    for unit in (*SOCKETS, *TIMERS):
        want(s.m.state_of(unit) == "active", unit)
    for unit in SERVICES:
        want(s.m.state_of(unit) == "inactive", f"{unit} before a request")
    got = s.m.inside("stat", "-c", "%U:%G:%a", "/run/h5pay/notify.sock")
    want(got.stdout.strip() == "www-data:www-data:660", got.stdout)


def a_buyer_pays_by_notice(s):
    b = s.buy("boot-notice")
    form = next(f for f in b.reply.forms if "action" in dict(f.fields))
    b._go("POST", h5.urllib.parse.urljoin(b.url, form.action),
          h5.urllib.parse.urlencode(dict(form.fields, action="pay")))
    want(b.reply.page in ("return", "result"), f"{b.reply}")
    h5.until("the notice", lambda: s.show("boot-notice")["state"] == "paid")
    want(s.show("boot-notice")["paid_via"] == "notify", "paid_via")


def a_buyer_pays_by_query(s):
    b = s.buy("boot-query")
    back = h5.query_params(b.url)["redirect_url"]
    s.gateway.pay("boot-query", notice=0)
    b.follow(back)
    want(b.reply.page == "return", f"{b.reply}")
    b.submit(b.reply.form("query"))
    want((b.reply.page, b.reply.state) == ("result", "paid"), f"{b.reply}")
    s.paid_page = b.url.split("/pay/", 1)[1]


def programs_are_shut_in(s):
    for unit in SERVICES:
        want(s.m.state_of(unit) == "active", unit)
        pid = s.m.shown(unit, "MainPID")
        for p in (pid, *s.m.children(pid)):
            st = s.m.status(p)
            uid = s.m.inside("id", "-u", "h5pay").stdout.strip()
            want(st["Uid"].split() == [uid] * 4, f"{unit}: {st['Uid']}")
            want(int(st["CapEff"], 16) == 0, f"{unit}: {st['CapEff']}")
            want((st["NoNewPrivs"], st["Seccomp"]) == ("1", "2"),
                 f"{unit}: not shut in")
    got = s.m.inside("stat", "-c", "%U:%a", "/var/lib/h5pay")
    want(got.stdout.strip() == "h5pay:700", got.stdout)


def a_killed_worker_is_replaced(s):
    main = s.m.shown("h5pay@checkout.service", "MainPID")
    before = s.m.children(main)
    want(len(before) == 2, f"workers: {before}")
    load = Load(s)
    s.m.kill9(before[0])
    h5.until("another worker", lambda: len(
        set(s.m.children(main)) - {before[0]}) == 2)
    load.ended.set()
    load.join()
    # What the killed one had in hand is lost, and nothing else.
    want(len(load.bad) <= 1, f"{load.bad}")
    want(s.m.shown("h5pay@checkout.service", "MainPID") == main, "MainPID")
    want(s.get(s.link("boot-load")).page == "confirm", "afterwards")


def a_killed_program_is_started_again(s):
    unit = "h5pay@checkout.service"
    main = s.m.shown(unit, "MainPID")
    s.m.kill9(main)
    # The socket keeps what comes in the meantime.
    want(s.get(s.link("boot-load")).page == "confirm", "afterwards")
    h5.until("the new one", lambda: s.m.shown(unit, "MainPID") not in (
        "0", main))
    want(s.m.shown(unit, "NRestarts") == "1", "restarts")


def no_request_fails_in_a_restart(s):
    load = Load(s)
    for _ in range(3):
        before = load.good
        s.m.systemctl("restart", "h5pay@checkout.service")
        h5.until("a page", lambda: load.good > before or load.bad)
    load.end()


def no_request_fails_in_an_upgrade(s):
    """The package under its next number."""
    tree = s.m.root.parent / "next"
    run("dpkg-deb", "-R", s.deb, tree)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+next",
                              control.read_text()))
    run("dpkg-deb", "--root-owner-group", "-b", tree, s.m.root / "next.deb")
    main = s.m.shown("h5pay@checkout.service", "MainPID")
    files = "/usr/lib/h5pay/checkout", f"/proc/{main}/exe"
    old, runs = s.m.inodes(*files)
    want(old == runs, "it runs the installed program")
    load = Load(s)
    got = s.m.inside("dpkg", "-i", "/next.deb")
    want(got.returncode == 0, got.stdout + got.stderr)
    # It starts over as the same process.
    new = h5.until("the new program", lambda: (
        lambda i: i[0] == i[1] and i)(s.m.inodes(*files)))
    want(new[0] != old, "the upgrade brought no other file")
    load.end()


def sweep_and_report_run(s):
    s.m.systemctl("start", "h5pay-sweep.service")
    want(s.m.shown("h5pay-sweep.service", "Result") == "success", "sweep")
    # WeChat has yesterday's bill from ten on, by its own clock; before, the
    # report says so (the timer comes later).
    early = time.gmtime(time.time() + 8 * 3600).tm_hour < 10
    s.m.inside("systemctl", "start", "h5pay-report.service")
    want(s.m.shown("h5pay-report.service", "ExecMainStatus") ==
         ("75" if early else "0"), "report")
    for unit in TIMERS:
        want(s.m.shown(unit, "NextElapseUSecRealtime") or
             s.m.shown(unit, "NextElapseUSecMonotonic"), f"{unit}: no next")
    want(s.h5pay("status").returncode == 0, "status")


def stopped_is_stopped(s):
    s.m.systemctl("stop", *SOCKETS, *SERVICES)
    r = s.get(s.link("boot-load"))
    want((r.status, r.page) == (502, "server-502"), f"{r}")
    s.m.systemctl("start", *SOCKETS)
    r = s.get(s.link("boot-load"))
    want(r.page == "confirm", f"started again: {r}" + s.m.inside(
        "journalctl", "-n", "30", "--no-pager").stdout)


def all_is_back_after_a_reboot(s):
    want(s.m.off() == 0, "switched off: " + s.m.said())
    s.m.on()
    for unit in (*SOCKETS, *TIMERS):
        want(s.m.state_of(unit) == "active", unit)
    r = s.get(s.paid_page)
    want((r.page, r.state) == ("result", "paid"), f"{r}")
    want(s.h5pay("fsck").returncode == 0, "fsck")


TESTS = (the_machine_is_up, sockets_and_timers_are_enabled,
         a_buyer_pays_by_notice, a_buyer_pays_by_query, programs_are_shut_in,
         a_killed_worker_is_replaced, a_killed_program_is_started_again,
         no_request_fails_in_a_restart, no_request_fails_in_an_upgrade,
         sweep_and_report_run, stopped_is_stopped, all_is_back_after_a_reboot)


def one(s, t):
    name = t.__name__.replace("_", " ")
    try:
        t(s)
        print(f"ok      {name}", flush=True)
        return True
    except (AssertionError, h5.Late, OSError) as e:
        print(f"FAILED  {name}: {e}", flush=True)
        return False


def check(build, folder):
    (deb,) = build.glob("deb/h5pay_*.deb")
    root = folder / "root"
    bookworm(root, deb)
    s = Shop(Machine(root), build, deb)
    try:
        s.install()
        s.m.on()
        s.gateway = Gateway(build, quiet=True)
        s.fill_in()
        passed = [one(s, t) for t in TESTS]
    finally:
        s.m.off()
        if s.gateway:
            s.gateway.close()
    print(f"{sum(passed)} passed, {len(passed) - sum(passed)} failed")
    return not all(passed)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    # So that what was booted is switched off whoever ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    try:
        debian.need("systemd-nspawn", "debootstrap", "nsenter", "unshare")
        with tempfile.TemporaryDirectory(prefix="h5-boot-") as folder:
            return check(build, pathlib.Path(folder))
    except LeftOut as e:
        print(f"# nothing was booted: {e}")
        print("0 passed, 0 failed")
        return 0


if __name__ == "__main__":
    sys.exit(main())

"""What happens to a shop while it runs: upgrades, log rotation, backups, and
what the web servers say when the suite does not."""

import gzip
import os
import re
import shutil
import subprocess
import threading

import behind
import h5
from case import table, test

LASTING = [(n, behind.ALL[n]) for n in (
    "lighttpd mod_fastcgi", "Apache mod_fcgid by .htaccess",
    "Apache mod_proxy_fcgi and spawn-fcgi", "Apache suEXEC and mod_fcgid",
    "nginx and spawn-fcgi", "nginx and systemd sockets")]


class Load:
    """Buyers who order without a pause until stop(); what they saw."""

    def __init__(self, t, w, buyers=3, pay=False):
        self.t, self.w, self.pay = t, w, pay
        self.ids = iter([t.id() for _ in range(5000)])
        self.orders, self.faults = [], []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.buy)
                        for _ in range(buyers)]
        for thread in self.threads:
            thread.start()

    def buy(self):
        while not self.over.is_set():
            with self.lock:
                order = next(self.ids)
            try:
                self.one(order)
            except Exception as e:
                self.faults.append(f"{order}: {e!r}")

    def one(self, order):
        w = self.w
        reply = w.order(order, 5)
        if reply.status != 303:
            raise AssertionError(f"checkout: {reply}")
        q = {"order": order, "t": w.token(reply)}
        reply = w.get("return-page", q)
        if (reply.status, reply.page) != (200, "return"):
            raise AssertionError(f"return-page: {reply}")
        reply = w.get("query", q)
        if (reply.status, reply.page) != (200, "result"):
            raise AssertionError(f"query: {reply}")
        if self.pay:
            self.w.gateway.pay(order, notice=0)
        reply = w.notify(h5.notice(order, 5, total_fee="6"))
        if reply.status != 200:
            raise AssertionError(f"notify: {reply}")
        self.orders.append(order)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        return self.orders


@table("an upgrade under load behind {0}: no request fails", LASTING)
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    load = Load(t, w)
    try:
        t.until("orders", lambda: len(load.orders) >= 3 or load.faults)
        for program in h5.PROGRAMS:
            path = w.bin / w.comm(program)
            # The stages of an upload: a new name, then rename.
            new = path.with_name(path.name + ".new")
            shutil.copy2(path, new)
            if w.user:
                shutil.chown(new, path.owner(), path.group())
            inode = new.stat().st_ino
            new.rename(path)

            def fresh():
                mine = [running(p) for p in w.pids(program)]
                return load.faults or mine and set(mine) == {inode}

            try:
                h5.until(f"{program} to be the new one", fresh, 30)
            except h5.Late as e:
                t.fail(f"{e}: {[(p, running(p)) for p in w.pids(program)]}, "
                       f"new {inode}; {w.server_log()}")
        n = len(load.orders)
        t.until("more orders", lambda: len(load.orders) >= n + 3
                or load.faults)
    finally:
        load.stop()
    t.eq(load.faults, [], f"requests that failed; {w.server_log()}")


def running(pid):
    """The inode of a process's program."""
    try:
        return os.stat(f"/proc/{pid}/exe").st_ino
    except OSError:
        return None


@test("logrotate under load loses no line")
def _(t):
    logrotate = behind.tool("logrotate")
    w = t.mine(behind.Nginx(t.build, t.gateway))
    logs = w.folder / "logs"
    logs.mkdir(mode=0o750)
    w.give(logs)
    before, w.log_file = w.log_file, logs / "h5pay.log"
    w.configure({"log.file": w.log_file})
    h5.until("the new configuration", lambda: w.get(
        "checkout", "item=nothing") and w.log_file.exists())
    text = (behind.DEPLOY / "logrotate" / "h5pay").read_text().replace(
        "/var/log/h5pay", str(logs))
    who = w.user or str(os.getuid())
    text = re.sub(r"\bsu h5pay h5pay", f"su {who} {who}", text)
    text = re.sub(r"0640 h5pay h5pay", f"0640 {who} {who}", text)
    if not w.user:
        text = re.sub(r".*\b(su|create) .*\n", "", text)
    conf = w.folder / "rotate.conf"
    conf.write_text(text)
    conf.chmod(0o644)
    load = Load(t, w)
    try:
        for i in range(1, 5):
            n = len(load.orders)
            t.until("orders", lambda: len(load.orders) >= n + 3
                    or load.faults)
            got = subprocess.run(
                [logrotate, "-f", "-s", w.folder / "rotate.state", conf],
                capture_output=True, text=True)
            t.eq(got.returncode, 0, got.stderr)
    finally:
        orders = load.stop()
    t.eq(load.faults, [], "requests that failed")
    t.ok(len(list(logs.glob("*.gz"))) >= 2, "compressed logs")
    lines = []
    # What was in hand while the new configuration came is told in the old log.
    for path in [before, *logs.iterdir()]:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        t.ok(data == b"" or data.endswith(b"\n"), f"{path} ends whole")
        lines += data.decode().splitlines()
    made = [m[1] for x in lines for m in [
        re.match(r"info order-created .*\border=(\S+)", x)] if m]
    t.eq(sorted(made), sorted(orders), "orders that the logs name")


@test("a copy of a running store passes fsck and settles what was in flight")
def _(t):
    rsync = behind.tool("rsync")
    faketime = behind.tool("faketime")
    # Its clock is moved below, and others beside this test ask for the time.
    w = t.mine(behind.Nginx(t.build, t.own_gateway()))
    copy = w.folder / "copy"
    load = Load(t, w, pay=True)
    try:
        t.until("orders", lambda: len(load.orders) >= 10 or load.faults, 30)
        n = len(load.orders)
        got = subprocess.run([rsync, "-a", f"{w.store}/", f"{copy}/"],
                             capture_output=True, text=True)
        # 24: a file vanished while it was copied.
        t.ok(got.returncode in (0, 24), f"rsync: {got}")
        t.until("more", lambda: len(load.orders) > n or load.faults)
    finally:
        load.stop()
    t.eq(load.faults, [], "requests that failed")
    finished = load.orders[:n]
    # The machine is lost; the copy is what there is.
    w.stop()
    shutil.rmtree(w.store)
    w.configure({"store.dir": copy, "hooks.exec": None})
    code, out, err = w.h5pay("fsck", "--repair")
    t.eq(code, 0, f"fsck --repair: {out}{err}")
    code, out, err = w.h5pay("fsck")
    t.eq(code, 0, f"fsck: {out}{err}")
    for order in finished:
        t.ok(w.show(order) is not None, f"{order} is in the copy")
    w.gateway.advance(3600)
    code, out, err = w.h5pay("sweep", prefix=[faketime, "-f", "+1h"])
    t.eq(code, 0, f"sweep: {out}{err}")
    code, out, err = w.h5pay("--json", "list")
    t.eq(code, 0, err)
    there = [h5.json.loads(x) for x in out.splitlines()]
    t.ok(len(there) >= n, "orders in the copy")
    for o in there:
        want = "paid" if o["order"] in load.orders else o["state"]
        t.eq(o["state"], want, o["order"])


# --- what the servers say themselves ----------------------------------------


def end_programs(w):
    """The programs are gone, and nobody starts them again."""
    if isinstance(w, behind.NginxFcgiwrap):
        h5.stop_family([w.servers[0].pid, *h5.family(w.servers[0].pid)])
    else:
        w.spawn("stop")
    h5.until("the programs to end", lambda: not w.pids("checkout"))


def too_large(w):
    return w.post("checkout", b"x" * 140000)


def no_program(w):
    end_programs(w)
    return w.get("checkout", "item=tea")


def bad_program(w):
    """A program that does not run: what an upload cut short leaves."""
    path = w.bin / w.comm("checkout")
    new = path.with_name("checkout.new")
    new.write_text("#!/bin/sh\nexit 1\n")
    new.chmod(0o755)
    if w.user:
        shutil.chown(new, path.owner(), path.group())
    new.rename(path)
    return w.get("checkout", "item=tea")


@table("{0} says {1} in our design", [
    ("lighttpd mod_fastcgi", 413, too_large),
    ("lighttpd mod_cgi", 413, too_large),
    ("lighttpd mod_cgi", 500, bad_program),
    ("Apache mod_cgid", 413, too_large),
    ("Apache mod_cgid", 500, bad_program),
    ("Apache mod_fcgid by .htaccess", 500, too_large),
    ("Apache mod_cgid by the same .htaccess", 500, bad_program),
    ("Apache mod_proxy_fcgi and spawn-fcgi", 503, no_program),
    ("nginx and spawn-fcgi", 413, too_large),
    ("nginx and spawn-fcgi", 502, no_program),
    ("nginx and fcgiwrap", 413, too_large),
    ("nginx and fcgiwrap", 502, no_program),
])
def _(t, name, status, provoke):
    extra = ""
    if name.startswith("lighttpd"):
        extra = "server.max-request-size = 128\n"
    w = t.mine(behind.ALL[name](t.build, t.gateway, extra=extra))
    r = provoke(w)
    t.eq((r.status, r.page), (status, f"server-{status}"), f"{r}")
    t.matches(r.header("Content-Type"), "^text/html", "type")
    t.contains(r.text, "<style>", "style")


# --- the buyer's address, by the server's own module ------------------------


@table("with {0} the server itself finds the buyer's address", [
    ("mod_extforward", behind.Lighttpd,
     'server.modules += ( "mod_extforward" )\n'
     'extforward.forwarder = ( "127.0.0.1" => "trust" )\n', ()),
    ("mod_remoteip", behind.ApacheProxy,
     "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n",
     ("remoteip",)),
    ("mod_remoteip and mod_fcgid", behind.ApacheFcgid,
     "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n",
     ("remoteip",)),
    ("the realip module", behind.Nginx,
     "set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; "
     "real_ip_recursive on;", ()),
])
def _(t, name, server, extra, modules):
    class Here(server):
        pass

    if modules:
        Here.modules = (*server.modules, *modules)
    w = t.mine(Here(t.build, t.gateway, {"site.trusted_proxies": None},
                    extra=extra))
    order = t.id()
    t.redirect(w.order(order, 5))
    t.eq(w.show(order)["attempts"][0]["spbill_create_ip"], "203.0.113.9",
         "the buyer's address")

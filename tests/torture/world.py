"""world.py - where the runs happen: a shop, a stand-in for WeChat, programs
that fork a run an order (faults.c), and what a store holds."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import h5  # noqa: E402
import fcgi_wire  # noqa: E402

SECONDS = 60  # a run that takes longer hangs

SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:abort_on_error=0:"
                    "allocator_may_return_null=1",
    "LSAN_OPTIONS": "exitcode=99:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=99",
}


class Run:
    """How one run ended."""

    def __init__(self, line, out, err):
        words = line.split()
        status, calls, reached, later, self.name, address, early, fds = words
        self.status = int(status)
        self.calls = int(calls)
        self.reached = reached != "0"
        self.later = int(later)  # calls of that kind that came after
        self.address = int(address, 16)
        self.early = early != "0"
        self.fds = int(fds)
        self.out = out
        self.err = err

    @property
    def exit(self):
        return (os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status)
                else -os.WTERMSIG(self.status))


class Server:
    """A program that waits before main, and forks for each run."""

    def __init__(self, program, args, env, folder, now, listen=None):
        self.program = pathlib.Path(program)
        self.folder = folder
        self.listen = listen
        orders, self.orders = os.pipe()
        self.reports, reports = os.pipe()
        env = {k: str(v) for k, v in env.items()}
        env.update(SANITIZERS, H5_TORTURE="1", H5_TORTURE_NOW=str(now))

        def prepare():
            os.dup2(orders, 198)
            os.dup2(reports, 199)
            if listen is not None:
                os.dup2(listen.fileno(), 0)
            h5.die_with_parent(signal.SIGKILL)

        self.p = subprocess.Popen(
            [str(program), *map(str, args)], env=env, cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            close_fds=False, preexec_fn=prepare)
        os.close(orders)
        os.close(reports)
        self.report = os.fdopen(self.reports, "r")
        self.base = None

    def begin(self, n, sticky, later, stdin, out):
        """Starts a run; its process id."""
        os.write(self.orders, (
            f"{n} {int(sticky)} {later} {SECONDS} {stdin} {out} "
            f"{self.folder / 'err'}\n").encode())
        return int(self.report.readline())

    def end(self, out=b""):
        line = self.report.readline()
        return Run(line, out, (self.folder / "err").read_bytes())

    def run(self, n=0, sticky=False, later=0, body=b"", out=None):
        (self.folder / "in").write_bytes(body)
        self.begin(n, sticky, later, self.folder / "in",
                   out or self.folder / "out")
        run = self.end()
        run.out = b"" if out else (self.folder / "out").read_bytes()
        return run

    def ask(self, n, sticky, later, env, body):
        """One request by FastCGI, then SIGTERM."""
        pid = self.begin(n, sticky, later, "-", self.folder / "out")
        s = h5.socket.socket()
        s.settimeout(0.02)
        raw = b""
        told = False
        end = time.monotonic() + SECONDS
        try:
            s.connect(self.listen.getsockname())
            s.sendall(fcgi_wire.whole(env, body or b""))
            # Until the answer is there, the program is gone, or it says
            # in its log that it cannot accept.
            while time.monotonic() < end:
                try:
                    some = s.recv(65536)
                    if not some:
                        break
                    raw += some
                except TimeoutError:
                    stat = h5._stat(pid)
                    if stat is None or stat[1] in "ZX":
                        break
                    if (not told and b"accept" in
                            (self.folder / "err").read_bytes()):
                        told = True
                        end = min(end, time.monotonic() + 0.3)
        except OSError:
            pass
        s.close()
        h5._kill(pid, signal.SIGTERM)
        run = self.end()
        self.drain()
        out = fcgi_wire.Answer(raw)
        run.out = out.top if out.ended else b""
        return run

    def drain(self):
        """Connections that nobody took."""
        self.listen.setblocking(False)
        try:
            while True:
                self.listen.accept()[0].close()
        except BlockingIOError:
            pass

    def where(self, run):
        """File and line of the call that failed."""
        if self.base is None:
            maps = pathlib.Path(f"/proc/{self.p.pid}/maps").read_text()
            self.base = next(int(line.split("-", 1)[0], 16)
                             for line in maps.splitlines()
                             if line.endswith(str(self.program)))
        got = subprocess.run(
            ["addr2line", "-e", self.program, hex(run.address - self.base - 1)],
            capture_output=True, text=True).stdout.split()
        place = got[0] if got else "?"
        return place.replace(str(ROOT) + "/", "").replace("./", "")

    def close(self):
        os.close(self.orders)
        self.p.wait()
        self.report.close()


def tree(folder):
    """{path: bytes, None for a folder} below a folder."""
    out = {}
    for top, folders, files in os.walk(folder):
        for name in folders:
            out[os.path.join(top, name)] = None
        for name in files:
            path = os.path.join(top, name)
            with open(path, "rb") as f:
                out[path] = f.read()
    return out


def restore(folder, wanted):
    now = tree(folder)
    if now == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not wanted:
        return
    os.mkdir(folder, 0o700)
    for path in sorted(wanted):
        if wanted[path] is None:
            os.mkdir(path, 0o700)
        else:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(fd, wanted[path])
            os.close(fd)


# Events that say how a walk went, not what became of the order.
PASSING = {"queried", "unreached", "closing", "undelivered"}


def events(files):
    """{order: [events that decide something]} of a tree."""
    out = {}
    for path, data in files.items():
        if data is None or not path.endswith(".ledger"):
            continue
        kinds = []
        for line in data.split(b"\n")[:-1]:
            try:
                kinds.append(json.loads(line)["event"])
            except (ValueError, KeyError):
                break  # a torn tail, which fsck looks at
        out[pathlib.Path(path).stem] = [k for k in kinds if k not in PASSING]
    return out


class World:
    """One shop with one WeChat, and the stores that runs start from."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="h5t-", dir=base))
        self.gateway = h5.Gateway(
            self.build, args=["--plain-refund", "--keep", "10"], quiet=True)
        (self.folder / "site").mkdir()
        hook = self.folder / "hook"
        hook.write_text("#!/bin/sh\nexec cat >/dev/null\n")
        hook.chmod(0o700)
        self.site = h5.Site(self.build, self.gateway,
                            folder=self.folder / "site")
        self.site.configure({"server.command": "/bin/true",
                             "limits.starts_total_per_minute": 0})
        self.store = self.site.store
        self.starts = {"nothing": {}}
        self.checker = None

    def keep(self, name):
        self.starts[name] = tree(self.store)

    def reset(self, name):
        restore(self.store, self.starts[name])

    def conf(self, name, change):
        """The path of another configuration of this shop."""
        path = self.site.folder / (name + ".conf")
        path.write_text(h5.conf_text({**self.site.conf, **change}))
        path.chmod(0o600)
        return path

    def look(self):
        """({order: times paid}, what fsck says) by the library."""
        if self.checker is None:
            self.checker = subprocess.Popen(
                [self.build / "fault" / "check"], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.checker.stdin.write(f"list {self.store}\n")
        self.checker.stdin.flush()
        paid = {}
        line = self.checker.stdout.readline()
        while line.startswith("order "):
            _, order, times, how = line.rstrip("\n").split(" ", 3)
            paid[order] = int(times) if how == "ok" else how
            line = self.checker.stdout.readline()
        return paid, line.strip()

    def close(self):
        if self.checker:
            self.checker.stdin.close()
            self.checker.wait()
        self.gateway.close()
        shutil.rmtree(self.folder, ignore_errors=True)

"""runner.py - runs sections side by side and tells what became of each.

A section is a command that prints TAP ("ok ...", "not ok ..." with remarks
below it) and ends in "N passed, N failed".  It may take as long as it needs,
but it is ended if none of its tests ends for QUIET seconds.  What a section
prints before its first test ends (it compiles what it needs) counts as well.
tests/run has the list of sections; test_runner.py tests this file."""

import os
import re
import signal
import subprocess
import sys
import time

QUIET = 120  # seconds without a test that ends
TELL = 30  # seconds between two lines about a section that runs
GRACE = 5  # seconds between SIGTERM and SIGKILL
NO_SUCH_TEST = b"no test is called so"

COUNT = re.compile(rb"\b(\d+) passed, (\d+) failed")
PLAN = re.compile(rb"1\.\.(\d+)$")
ENDED = re.compile(rb"(not )?ok\b")
BAD = re.compile(r"not ok\b|FAIL|Traceback |make: \*\*\*|.*\berror:|.*ERROR:")
REMARK = ("#", " ", "\t")
BLOCKS, BLOCK = 20, 40  # failures shown, and lines of each


def living():
    """{pid: (parent, start time)} of every process that has not ended."""
    out = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    words = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if words[0] not in "ZX":
                out[int(entry)] = (int(words[1]), words[19])
    return out


def family(root):
    """{pid: start time} of a process and of all that descend from it."""
    every = living()
    out, wave = {}, {root} & every.keys()
    while wave:
        out.update({p: every[p][1] for p in wave})
        wave = {p for p, (parent, _) in every.items()
                if parent in wave and p not in out}
    return out


class Section:
    """One command.

    after   sections that must have ended before
    needs   sections that must have passed before
    first   a cheap one: it runs before the others and, if it fails, they are
            not started
    seconds about how long it takes, for the order
    cost    how many of the lanes it fills
    speaks  any output is progress, not the end of a test alone
    quiet   seconds without progress after which it is ended"""

    def __init__(self, name, command, after=(), needs=(), first=False,
                 seconds=10, cost=1, env=None, speaks=False, quiet=QUIET):
        self.name = name
        self.command = command
        self.after = tuple(after) + tuple(needs)
        self.needs = tuple(needs)
        self.first = first
        self.seconds = seconds
        self.cost = cost
        self.env = env or {}
        self.speaks = speaks
        self.quiet = quiet
        self.may_be_empty = False  # it was asked for a test it may not have
        self.state = "waiting"
        self.passed = self.failed = self.skipped = 0
        self.took = 0.0
        self.process = self.log = None

    # -- the process

    def start(self, logs, root):
        self.log = logs / (self.name + ".log")
        self.state = "running"
        self.begun = self.heard = self.told = time.monotonic()
        self.rest = b""
        self.planned = self.oks = self.bads = 0
        self.last = self.counted = None
        self.no_such_test = False
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                self.command, cwd=root, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": "",
                     **self.env})
        self.reader = open(self.log, "rb")

    def look(self):
        """Read what it says; True once it has ended.  Ends it if it makes no
        progress."""
        code = self.process.poll()
        self.read()
        if code is None:
            if time.monotonic() - self.heard < self.quiet:
                return False
            self.stop()
            self.read()
            self.note(f"not ok - no test ended for {self.quiet:g} s"
                      f"{'; the last one: ' + self.last if self.last else ''}")
            self.end("hangs")
            return True
        self.read(last=True)
        self.end(code)
        return True

    def read(self, last=False):
        text = self.rest + self.reader.read()
        lines = text.split(b"\n")
        self.rest = b"" if last else lines.pop()
        if lines and (self.speaks or not self.last):
            self.heard = time.monotonic()
        for line in lines:
            self.line(line)

    def line(self, line):
        plan = PLAN.match(line)
        if plan:
            self.planned = int(plan[1])
        found = COUNT.findall(line)
        if found:
            self.counted = [int(n) for n in found[-1]]
        self.no_such_test |= line.endswith(NO_SUCH_TEST)
        ended = ENDED.match(line)
        if not ended:
            return
        self.heard = time.monotonic()
        self.last = line.decode(errors="replace")
        self.skipped += b"# SKIP" in line
        if ended[1]:
            self.bads += 1
            print(f"  !! {self.name}: {self.last}", flush=True)
        else:
            self.oks += b"# SKIP" not in line

    def note(self, text):
        with open(self.log, "ab") as f:
            f.write((text + "\n").encode())

    def end(self, code):
        """Its own count is the section's.  One that was ended has none: what
        it said of each test counts.  One that counts nothing is one check."""
        self.took = time.monotonic() - self.begun
        self.reader.close()
        if self.may_be_empty and self.no_such_test:
            self.state = "empty"
            return
        if code == "hangs":
            self.passed, self.failed = self.oks, self.bads + 1
        elif self.counted:
            self.passed, self.failed = self.counted
            self.failed = max(self.failed, self.bads)
        else:
            self.passed, self.failed = self.oks or code == 0, self.bads
        if code != 0 and self.failed == 0:
            self.failed = 1
        if self.passed + self.failed == 0:
            self.failed = 1  # a section that proves nothing is a fault
        self.passed = int(self.passed)
        self.state = "failed" if self.failed else "passed"

    def stop(self):
        """End it with all that it started."""
        if self.process is None or self.process.poll() is not None:
            return
        pids = family(self.process.pid)
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
        every = living()
        for pid, start in pids.items():
            if every.get(pid, (0, None))[1] == start:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait()

    # -- what is said of it

    def tell(self):
        now = time.monotonic()
        if now - self.told < TELL:
            return
        self.told = now
        done = self.oks + self.bads + self.skipped
        of = f" of {self.planned}" if self.planned else " done"
        print(f".... {self.name:<14} {done:>5}{of}, {self.bads} failed, "
              f"{now - self.begun:.0f} s", flush=True)

    def report(self):
        if self.state == "empty":
            return
        mark = "ok  " if self.state == "passed" else "FAIL"
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{mark} {self.name:<14} {self.passed:>5} passed, {self.failed} "
              f"failed{skipped}  {self.took:.1f} s", flush=True)
        if self.state == "failed":
            for line in failures(self.log.read_text(errors="replace")):
                print("     | " + line)
            print(f"     | ({self.log})", flush=True)


def failures(text):
    """The failures with their remarks; if nothing says so, the last words."""
    blocks, keep, trace = [], False, False
    lines = text.splitlines()
    for line in lines:
        if BAD.match(line):
            blocks.append([line])
            keep, trace = True, line.startswith("Traceback")
        elif keep and (line.startswith(REMARK) or trace):
            blocks[-1].append(line)
            # The exception itself stands at the margin below its trace.
            trace = trace and line.startswith(REMARK)
        else:
            keep = False
    if not blocks:
        yield from [x for x in lines if not x.startswith("ok ")][-BLOCK:]
    for block in blocks[:BLOCKS]:
        yield from block[:BLOCK]
        if len(block) > BLOCK:
            yield f"#   and {len(block) - BLOCK} lines more"
    if len(blocks) > BLOCKS:
        yield f"and {len(blocks) - BLOCKS} failures more"


class Run:
    """All sections, as many at a time as there are lanes."""

    def __init__(self, todo, logs, root, lanes, keep=False):
        self.todo = list(todo)
        self.by_name = {s.name: s for s in self.todo}
        self.logs = logs
        self.root = root
        self.lanes = lanes
        self.keep = keep

    def of(self, names):
        return [self.by_name[n] for n in names if n in self.by_name]

    def ready(self, s):
        before = self.of(s.after)
        if not s.first and not s.speaks:
            before += [x for x in self.todo if x.first]
        return all(x.state not in ("waiting", "running") for x in before)

    def obstacle(self, s):
        """The section whose failure is why this one is not started."""
        for x in self.of(s.needs):
            if x.state not in ("waiting", "running", "passed"):
                return x
        for x in self.todo:
            if x.first and x.state == "failed" and not self.keep:
                return x
        return None

    def weight(self, s):
        """Seconds from its start to the end of all that waits for it."""
        return s.seconds + max([self.weight(x) for x in self.todo
                                if s.name in x.after], default=0)

    def next(self):
        """A section that can be started now."""
        load = sum(s.cost for s in self.todo if s.state == "running")
        waiting = [s for s in self.todo if s.state == "waiting"]
        for s in sorted(waiting, key=lambda s: (not s.first, -self.weight(s))):
            if self.ready(s) and (
                    load == 0 or load + s.cost <= self.lanes):
                return s
        return None

    def drop(self):
        """Sections that will not be started."""
        for s in self.todo:
            if s.state == "waiting" and self.obstacle(s):
                s.state = "dropped"
                why = self.obstacle(s)
                print(f"---- {s.name:<14} not started: {why.name} "
                      f"{'failed' if why.state == 'failed' else 'did not run'}",
                      flush=True)

    def all(self):
        """Run everything; (passed, failed)."""
        try:
            while True:
                self.drop()
                s = self.next()
                if s:
                    s.start(self.logs, self.root)
                    continue
                running = [s for s in self.todo if s.state == "running"]
                if not running:
                    break
                ended = False
                for s in running:
                    if s.look():
                        ended = True
                        s.report()
                    else:
                        s.tell()
                if not ended:
                    time.sleep(0.1)
        finally:
            for s in self.todo:
                s.stop()
        return (sum(s.passed for s in self.todo),
                sum(s.failed for s in self.todo))


def interruptible():
    """SIGTERM ends a run as Ctrl-C does, and leaves nothing behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))

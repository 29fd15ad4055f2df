#!/usr/bin/env python3
"""Is what make test says to be believed?  Each test runs a few sections that
are one line of shell.  The clock is the tests' own where patience matters.

    test_runner.py [WORD ...]"""

import contextlib
import io
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import runner
from runner import Run, Section

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = None  # of this test
HANGS = "while :; do sleep 1; done"


def sh(name, script, **kw):
    return Section(name, ["sh", "-c", script], **kw)


def run(*sections, lanes=2, keep=False):
    """(passed, failed, what was printed)"""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        passed, failed = Run(sections, FOLDER, FOLDER, lanes, keep).all()
    return passed, failed, said.getvalue()


def eq(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def until(what, check):
    end = time.monotonic() + 60
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"not within a minute: {what}")
        time.sleep(0.01)


class Clock:
    """In place of time: an hour passes when the test says so."""

    def __init__(self):
        self.past = 0
        self.sleep = time.sleep

    def monotonic(self):
        return time.monotonic() + self.past


@contextlib.contextmanager
def watched(section):
    """A section that was started, and its clock."""
    clock = runner.time = Clock()
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            section.start(FOLDER, FOLDER)
            yield clock, said
    finally:
        section.stop()
        runner.time = time


def alive(pid):
    return runner.living().get(pid) is not None


# ---- patience ----------------------------------------------------------------

def test_a_section_that_hangs_is_ended_with_all_that_it_started():
    pids = FOLDER / "pids"
    s = sh("hangs", f"echo 'ok 1 - good'; setsid sh -c '{HANGS}' & "
           f"echo $$ $! >pids; echo noise; trap '' TERM; {HANGS}")
    with watched(s) as (clock, _):
        until("its processes", lambda: pids.exists() and
              len(pids.read_text().split()) == 2)
        until("its test", lambda: not s.look() and s.last)
        clock.past = runner.QUIET - 60
        eq(s.look(), False, "ended before its time")
        clock.past = runner.QUIET + 60
        runner.GRACE, grace = 0.1, runner.GRACE
        eq(s.look(), True, "ended")
        runner.GRACE = grace
    eq((s.state, s.passed, s.failed), ("failed", 1, 1), "its count")
    # Killed; whoever adopted them reaps them when it comes to that.
    until("its processes to be gone", lambda: not any(
        map(alive, map(int, pids.read_text().split()))))
    eq(f"no test ended for {runner.QUIET} s; the last one: ok 1 - good"
       in s.log.read_text(), True, "the log says why")


def test_a_section_that_goes_on_may_take_as_long_as_it_needs():
    s = sh("long", "exec <door; for i in 1 2 3 4 5; do read x; echo ok $i; "
           "done; echo 5 passed, 0 failed")
    os.mkfifo(FOLDER / "door")
    with watched(s) as (clock, _), open(FOLDER / "door", "w") as door:
        for n in range(1, 6):
            clock.past += runner.QUIET - 60
            eq(s.look(), False, "ended")
            print("go", file=door, flush=True)
            until(f"test {n}", lambda: s.look() or s.oks == n)
        until("its end", lambda: s.state != "running" or s.look())
    eq((s.state, s.passed, s.failed), ("passed", 5, 0), "its count")


def noise(patient, **kw):
    """Does a section live on that makes noise and ends no test?"""
    with contextlib.suppress(FileExistsError):
        os.mkfifo(FOLDER / "door")
    s = sh("noise", f"{patient}; read x <door; echo noise; {HANGS}", **kw)
    with watched(s) as (clock, _):
        until("its first words", lambda: not s.look() and (
            s.log.stat().st_size or patient == ":"))
        clock.past += runner.QUIET - 60
        size = s.log.stat().st_size
        (FOLDER / "door").write_text("go\n")
        until("its noise", lambda: s.log.stat().st_size > size)
        s.look()
        clock.past += 90
        return not s.look()


def test_noise_is_progress_before_the_first_test_and_in_a_build_alone():
    eq(noise(":"), True, "what it needs is compiled: lives on")
    eq(noise("echo ok 1"), False, "after its first test: lives on")
    eq(noise("echo ok 1", speaks=True), True, "a build: lives on")


def test_a_long_section_tells_how_far_it_is():
    s = sh("far", "echo 1..9; echo ok 1; echo ok 2 '# SKIP no reason'; "
           f"echo not ok 3; {HANGS}")
    with watched(s) as (clock, said):
        until("its tests", lambda: not s.look() and s.bads)
        s.tell()
        eq("...." in said.getvalue(), False, "told at once")
        clock.past = runner.TELL
        s.tell()
        s.tell()
    told = re.findall(r"^\.\.\.\. far +3 of 9, 1 failed, \d+ s$",
                      said.getvalue(), re.M)
    eq(len(told), 1, f"lines in {said.getvalue()!r}")


# ---- what is shown -----------------------------------------------------------

def test_failures_are_shown_with_their_remarks_and_nothing_else():
    good = "for i in $(seq 500); do echo ok $i - good; done"
    s = sh("mixed", f"{good}; echo not ok 501 - bad; echo '#   because'; "
           f"{good}; echo 1000 passed, 1 failed; exit 1")
    passed, failed, said = run(s)
    eq((passed, failed), (1000, 1), "the count")
    shown = [x for x in said.splitlines() if x.startswith("     | ")]
    eq(shown[:2], ["     | not ok 501 - bad", "     | #   because"], "shown")
    eq(len(shown), 3, "lines shown, with the log's name")
    eq(said.startswith("  !! mixed: not ok 501 - bad\n"), True,
       "said when it happens")


def test_a_traceback_and_a_compilers_error_are_failures():
    text = ("ok 1\nTraceback (most recent call last):\n  File x\nOops: y\n"
            "ok 2\na.c:1:2: error: no\n    1 | x\nok 3\n")
    eq(list(runner.failures(text)),
       ["Traceback (most recent call last):", "  File x", "Oops: y",
        "a.c:1:2: error: no", "    1 | x"], "shown")
    eq(list(runner.failures("ok 1\nkilled\n")), ["killed"], "last words")
    many = list(runner.failures("not ok\n" * (runner.BLOCKS + 7)))
    eq(many[-1], "and 7 failures more", "the end of many")


# ---- what is counted ---------------------------------------------------------

def test_counts_add_up():
    want = {
        "echo ok 1; echo a: 3 passed, 0 failed": (3, 0),
        "echo 1 passed, 9 failed; echo 4 passed, 2 failed; exit 1": (4, 2),
        "echo 4 passed, 0 failed; exit 1": (4, 1),
        "echo not ok 1; echo 4 passed, 0 failed": (4, 1),
        "echo 0 passed, 0 failed": (0, 1),
        "echo ok 1; echo ok 2; kill -9 $$": (2, 1),
        "echo nothing is counted": (1, 0),
        "echo nothing is counted; exit 3": (0, 1),
    }
    todo = [sh(f"s{n}", script) for n, script in enumerate(want)]
    passed, failed, said = run(*todo)
    for s, script in zip(todo, want):
        eq((s.passed, s.failed), want[script], script)
    eq((passed, failed), tuple(map(sum, zip(*want.values()))), "the sum")
    eq(len(re.findall(r"^(ok  |FAIL) s\d ", said, re.M)), len(want),
       "sections told of")


# ---- what is started ---------------------------------------------------------

def test_a_cheap_section_that_fails_keeps_the_others_from_starting():
    def shop():
        return [sh("tests", "touch ran", needs=["build"]),
                sh("build", ":", first=True, speaks=True),
                sh("lint", "echo not ok 1; exit 1", first=True)]

    passed, failed, said = run(*shop())
    eq((passed, failed), (1, 1), "the count")
    eq("tests          not started: lint failed" in said, True, said)
    eq((FOLDER / "ran").exists(), False, "started")
    passed, failed, _ = run(*shop(), keep=True)
    eq((passed, failed), (2, 1), "the count with KEEP=1")
    eq((FOLDER / "ran").exists(), True, "started with KEEP=1")


def test_nothing_starts_on_a_build_that_failed():
    s = sh("tests", "touch ran", needs=["build"])
    passed, failed, said = run(
        sh("build", "exit 1"), s, sh("more", ":", needs=["tests"]), keep=True)
    eq((passed, failed), (0, 1), "one failure, not one a test")
    eq((FOLDER / "ran").exists(), False, "started")
    eq("more           not started: tests did not run" in said, True, said)


def test_the_longest_starts_first_and_the_lanes_are_kept():
    note = "echo {0} >>order; set -- busy-*; [ $# -le 2 ] || exit 1; rm busy-{0}"
    todo = [sh(n, f"touch busy-{n}; " + note.format(n), seconds=seconds, **kw)
            for n, seconds, kw in (
                ("small", 1, {}), ("large", 90, {}), ("middle", 9, {}),
                ("base", 1, {}), ("tower", 80, {"needs": ["base"]}))]
    passed, failed, _ = run(*todo, lanes=1)
    eq((passed, failed), (5, 0), "the count")
    eq((FOLDER / "order").read_text().split(),
       ["large", "base", "tower", "middle", "small"], "order")
    eq(run(*[sh(s.name, s.command[2]) for s in todo])[1], 0,
       "never more than two")


def test_a_section_without_the_test_that_was_asked_for_is_passed_over():
    todo = [sh("none", "echo no test is called so; exit 1"),
            sh("one", "echo 1 passed, 0 failed")]
    todo[0].may_be_empty = True
    passed, failed, said = run(*todo)
    eq((passed, failed), (1, 0), "the count")
    eq("none" in said, False, "told of")
    eq(run(sh("whole", "echo no test is called so; exit 1"))[1], 1,
       "failures, if nobody asked")


# ---- as a whole --------------------------------------------------------------

def test_make_test_knows_its_sections():
    def tests_run(*args):
        return subprocess.run([sys.executable, ROOT / "tests" / "run", *args],
                              capture_output=True, text=True)

    listed = tests_run("-l").stdout.split()
    for name in ("lint", "unit", "e2e", "e2e-asan", "check-runner"):
        eq(name in listed, True, f"{name} is listed")
    got = tests_run("no-such-section")
    eq((got.returncode, got.stderr),
       (1, "no such section: no-such-section\n"), "another name")


def test_a_suite_that_is_ended_names_the_tests_that_were_running():
    (FOLDER / "test_it.py").write_text(
        "import pathlib, time\nfrom case import test\n\n"
        "@test('it goes on for ever')\ndef _(t):\n"
        f"    pathlib.Path('{FOLDER}/begun').touch()\n"
        "    while True:\n        time.sleep(1)\n")
    p = subprocess.Popen(
        [sys.executable, ROOT / "tests/e2e/run.py", "--tests", FOLDER],
        stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until("the test", (FOLDER / "begun").exists)
        # It is told that it has begun before the test runs.
        p.send_signal(signal.SIGTERM)
        out = p.communicate(timeout=60)[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)
    eq(re.search(r"^not ok 1 - it goes on for ever\n#   was running for \d+ s$",
                 out, re.M) is not None, True, out)


def main():
    global FOLDER
    words = sys.argv[1:]
    tests = [(n[5:].replace("_", " "), f) for n, f in globals().items()
             if n.startswith("test_")]
    tests = [(n, f) for n, f in tests
             if not words or any(w in n for w in words)]
    if not tests:
        sys.exit("no test is called so")
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="h5pay-test-") as folder:
            FOLDER = pathlib.Path(folder)
            try:
                test()
                print(f"ok {number} - {name}")
            except Exception:
                failed += 1
                print(f"not ok {number} - {name}")
                for line in traceback.format_exc(limit=-3).splitlines():
                    print("#   " + line)
        sys.stdout.flush()
    print(f"runner: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs the tests from outside, several at a time, and prints TAP.

    run.py [--build DIR] [--tests FOLDER] [--without FILES] [-j N] [-v]
           [WORD ...]

A WORD picks files (notify: test_notify.py) or sentences that contain it.
FILES are left out (demo,explain).  SIGTERM tells which tests were running.
"""

import argparse
import collections
import contextlib
import importlib
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import case  # noqa: E402
import h5  # noqa: E402

SECONDS = 100  # for one test: less than the patience of tests/runner
BEGUN = "begun"


def load(folder):
    sys.path.insert(0, str(folder))
    for path in sorted(folder.glob("test_*.py")):
        importlib.import_module(path.stem)


def chosen(words, without):
    for module, sentence, run, row in case.TESTS:
        if module.removeprefix("test_") in without:
            continue
        if not words or any(
            module == "test_" + w or w in sentence for w in words
        ):
            yield module, sentence, run, row


def too_late(*_):
    raise case.Failed(f"not done within {SECONDS} s")


def one(shelf, number, test):
    """(ok, text) of one test; ok is None if it was skipped."""
    ok, text, told = attempt(shelf, number, test)
    if ok is False and told:
        text += "\nlogs:\n" + "\n".join(told)
    return ok, text


def attempt(shelf, number, test):
    """(ok, text, lines of the logs)"""
    _, _, run, row = test
    t = case.Case(shelf, number)
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(SECONDS)
    try:
        run(t, *row)
        ok, text = True, ""
    except case.Skipped as e:
        ok, text = None, str(e)
    except case.Failed as e:
        where = traceback.extract_tb(e.__traceback__)
        line = [f for f in where if "/test_" in f.filename][-1:]
        at = f" ({os.path.basename(line[0].filename)}:{line[0].lineno})" if (
            line) else ""
        ok, text = False, str(e) + at
    except Exception:
        ok, text = False, traceback.format_exc(limit=-6)
    finally:
        signal.alarm(0)
        told = t.logs()
        try:
            t.close()
        except Exception:
            ok, text = False, text + traceback.format_exc(limit=-3)
    return ok, text, told


def work(build, tests, todo, done):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    h5.adopt_orphans()
    shelf = case.Shelf(build)
    try:
        while True:
            number = todo.get()
            if number is None:
                break
            start = time.monotonic()
            done.put((number, BEGUN, "", start))
            ok, text = one(shelf, number, tests[number])
            h5.reap_adopted()
            done.put((number, ok, text, time.monotonic() - start))
    finally:
        try:
            shelf.close()
        except AssertionError as e:
            # Of the servers that many tests shared.
            done.put((None, False, str(e), 0))
        h5.stop_family(list(h5.family(os.getpid())), 5)
        done.put((None, True, "", 0))


class Ended(Exception):
    """SIGTERM: somebody lost patience."""


def leave(*_):
    raise Ended


def ended(tests, running, workers, done):
    """Name the tests that are running, those that began just now among them:
    a worker's word takes a moment to come."""
    with contextlib.suppress(multiprocessing.queues.Empty):
        while True:
            number, ok, _, start = done.get(timeout=0.5)
            if ok == BEGUN:
                running[number] = start
            else:
                running.pop(number, None)
    for number, start in running.items():
        print(f"not ok {number + 1} - {tests[number][1]}\n"
              f"#   was running for {time.monotonic() - start:.0f} s",
              flush=True)
    for w in workers:
        w.terminate()
    # Past the clean-up of multiprocessing, which would wait for the workers.
    os._exit(143)


def forget_old_clocks():
    """faketime names its shared memory by process id and leaves some behind;
    the next process with that id would refuse to start."""
    for path in pathlib.Path("/dev/shm").glob("*faketime_*"):
        pid = path.name.rpartition("_")[2]
        if pid.isdigit() and not pathlib.Path("/proc", pid).exists():
            path.unlink(missing_ok=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default=str(HERE.parent.parent / "build"))
    p.add_argument("--tests", type=pathlib.Path, default=HERE)
    p.add_argument("--without", type=lambda s: s.split(","), default=[])
    p.add_argument("-j", type=int, default=(os.cpu_count() or 2) + 2)
    p.add_argument("-v", action="store_true", help="the slowest tests and files")
    p.add_argument("words", nargs="*")
    a = p.parse_args()
    load(a.tests.resolve())
    tests = list(chosen(a.words, a.without))
    if not tests:
        sys.exit("no test is called so")
    forget_old_clocks()
    context = multiprocessing.get_context("fork")
    todo, done = context.Queue(), context.Queue()
    for number in range(len(tests)):
        todo.put(number)
    workers = []
    for _ in range(min(a.j, len(tests))):
        todo.put(None)
        w = context.Process(target=work, args=(a.build, tests, todo, done))
        w.start()
        workers.append(w)
    print(f"1..{len(tests)}", flush=True)
    passed = failed = skipped = 0
    slow = []
    files = collections.Counter()
    left = set(range(len(tests)))
    running = {}
    closed = 0
    signal.signal(signal.SIGTERM, leave)
    try:
        while left or closed < len(workers):
            try:
                number, ok, text, took = done.get(timeout=5)
            except multiprocessing.queues.Empty:
                if any(w.is_alive() for w in workers):
                    continue
                break
            if ok == BEGUN:
                running[number] = took
                continue
            if number is None:
                closed += ok
                failed += not ok
                if not ok:
                    print("not ok - the servers that tests shared end well")
                    print("#   " + text.replace("\n", "\n#   "))
                continue
            left.discard(number)
            running.pop(number)
            sentence = tests[number][1]
            slow.append((took, sentence))
            files[tests[number][0]] += took
            if ok is None:
                skipped += 1
                print(f"ok {number + 1} - {sentence} # SKIP {text}")
            elif ok:
                passed += 1
                print(f"ok {number + 1} - {sentence}")
            else:
                failed += 1
                print(f"not ok {number + 1} - {sentence}")
                for line in text.splitlines():
                    print("#   " + line)
            sys.stdout.flush()
    except KeyboardInterrupt:
        for w in workers:
            w.terminate()
        sys.exit(130)
    except Ended:
        ended(tests, running, workers, done)
    for number in sorted(left):
        failed += 1
        print(f"not ok {number + 1} - {tests[number][1]}")
        print("#   its worker ended before it did")
    for w in workers:
        w.join()
    if a.v:
        for took, sentence in sorted(slow, reverse=True)[:15]:
            print(f"# {took:6.2f} s  {sentence}")
        for module, took in files.most_common():
            print(f"# {took:6.1f} s  in all of {module}")
    tail = f" ({skipped} skipped)" if skipped else ""
    print(f"{a.tests.resolve().name}: {passed} passed, {failed} failed{tail}")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()

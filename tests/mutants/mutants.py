#!/usr/bin/env python3
"""Single changes that break a promise, one by one: a test must see each.

    mutants.py --build DIR [--seconds N] [--only TEXT] [--range A-B] [--again]
               [--table FILE]

The list is tests/mutants/list.  A change is made in a copy of the tree, what
its test needs is built, the test is run, and has to fail; before that it has
to pass on the unchanged copy.  A change that does not compile, or whose old
text is not there exactly once, is a fault of the list; one that no test sees
is a fault of the tests.  What was found is kept in DIR/mutants/results until
the tree changes, so the run can be cut into pieces: --seconds.  Prints TAP.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIST = ROOT / "tests" / "mutants" / "list"
LIMIT = 300  # seconds for one test
COMPILER = ["CC=ccache gcc"] if shutil.which("ccache") else []

# What has to be built before a target may run, so that a failure to build is
# not taken for a test that fails.
NEEDS = {"e2e": ["all", "instruments"],
         "check-wechat": ["tests/wxcall", "tests/gateway"],
         "check-fcgi": ["tests/echo"],
         "check-engine": ["engine/contract-conflict",
                          "engine/unit/test_settle"],
         "check-deploy": ["all", "instruments"],
         "check-fault": ["all"]}


NO_MATTER = ("docs/", "tests/lint/", "tests/mutants/", "tests/README")


class Mutant:
    def __init__(self, name, number):
        self.name = name
        self.number = number
        self.file = self.kill = None
        self.old = []
        self.new = []

    def mark(self, tree):
        """Which change, on which tree: what a result is kept under."""
        own = repr((self.file, self.kill, self.old, self.new))
        return f"{tree}-{hashlib.sha256(own.encode()).hexdigest()[:8]}"

    @property
    def target(self):
        return self.kill.split(None, 1)[0]

    @property
    def what(self):
        return (self.kill.split(None, 1) + [""])[1]

    def check(self):
        if not self.file or not self.kill or not self.old or not self.new:
            sys.exit(f"{LIST}:{self.number}: {self.name}: needs file, kill, "
                     "- and +")

    def mutated(self, text):
        """The changed text, or None: the old one is not there once."""
        old, new = "\n".join(self.old), "\n".join(self.new)
        return text.replace(old, new) if text.count(old) == 1 else None


def read_list():
    out = []
    for n, line in enumerate(LIST.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        mark, _, rest = line.partition(" ")
        if mark == "==":
            out.append(Mutant(rest, n))
        elif mark == "file":
            out[-1].file = rest
        elif mark == "kill":
            out[-1].kill = rest
        elif mark == "-":
            out[-1].old.append(rest)
        elif mark == "+":
            out[-1].new.append(rest)
        else:
            sys.exit(f"{LIST}:{n}: not == file kill - +")
    for m in out:
        m.check()
    names = [m.name for m in out]
    for name in names:
        if names.count(name) > 1:
            sys.exit(f"{LIST}: two are named {name}")
    return out


def remove_gone(to, names):
    """Takes out of the copy what is no longer in the tree: a wildcard of the
    Makefile would go on to build it."""
    for folder, below, files in os.walk(to):
        here = pathlib.Path(folder)
        if here == to:
            below[:] = [b for b in below if not b.startswith("build")]
        for name in files:
            if str((here / name).relative_to(to)) not in names:
                (here / name).unlink()


def copy_tree(to):
    """What git knows, as it stands here; what is the same is left alone, so
    that it need not be built again."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                           capture_output=True).stdout.decode().split("\0")
    names = [n for n in names if n and (ROOT / n).is_file()]
    remove_gone(to, set(names))
    for name in names:
        source, target = ROOT / name, to / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        os.utime(target)
    print_ = hashlib.sha256()
    for name in sorted(names):
        # What is written about the product changes no result.
        if not name.startswith(NO_MATTER):
            print_.update(name.encode() + (ROOT / name).read_bytes())
    return print_.hexdigest()[:16]


class Tree:
    def __init__(self, path):
        self.path = path
        self.sound = {}  # test: does it pass on the unchanged tree?

    def make(self, *words, limit=LIMIT):
        try:
            got = subprocess.run(
                ["make", "-s", "--no-print-directory", "B=build", *COMPILER,
                 f"-j{os.cpu_count() or 2}", *words],
                cwd=self.path, stdin=subprocess.DEVNULL, timeout=limit,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "MAKEFLAGS": "", "CCACHE_NOHASHDIR": "1"})
            return got.returncode, got.stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            return 124, "too late"

    def build(self, m):
        if m.target == "unit":
            return self.make(*(f"build/unit/test_{w}" for w in m.what.split()))
        return self.make(*(w if w in ("all", "instruments") else "build/" + w
                           for w in NEEDS.get(m.target,
                                              ["all", "instruments"])))

    def run(self, m):
        words = [m.target] + ([f"T={m.what}"] if m.what else [])
        return self.make(*words)

    def passes(self, m):
        if m.kill not in self.sound:
            code, text = self.build(m)
            if code == 0:
                code, text = self.run(m)
            self.sound[m.kill] = code == 0 and "not ok" not in text
            if not self.sound[m.kill]:
                print("# " + "\n# ".join(text.splitlines()[-12:]))
        return self.sound[m.kill]


def killer(text):
    """The first test that failed, as it names itself."""
    m = re.search(r"^not ok(?: \d+)?(?: -)? *(.*)$", text, re.M)
    return m.group(1).split("  #")[0].strip() if m else ""


def try_one(tree, m):
    """(verdict, the test that failed)"""
    path = tree.path / m.file
    sound = path.read_text()
    mutated = m.mutated(sound)
    if mutated is None:
        return "lost", "the old text is not there once"
    if not tree.passes(m):
        return "unsound", "the test fails on the unchanged tree"
    path.write_text(mutated)
    try:
        code, text = tree.build(m)
        if code:
            return "broken", "does not build: " + text.strip()[-200:]
        code, text = tree.run(m)
    finally:
        path.write_text(sound)
    if code == 0:
        return "survived", ""
    by = killer(text)
    return ("killed", by) if by else ("unclear", text.strip()[-300:])


def read_results(path, mutants, print_):
    marks = {m.mark(print_): m.name for m in mutants}
    out = {}
    if path.exists():
        for line in path.read_text().splitlines():
            mark, _, verdict, by = line.split("\t", 3)
            if mark in marks:
                out[marks[mark]] = (verdict, by)
    return out


def table(mutants, results, path):
    rows = ["| change | in | seen by | which says |", "|---|---|---|---|"]
    for m in mutants:
        verdict, by = results.get(m.name, ("not run", ""))
        rows.append(f"| {m.name} | `{m.file}` | `make {m.target}"
                    + (f" T='{m.what}'" if " " in m.what else
                       f" T={m.what}" if m.what else "")
                    + "` | " + (by.replace("|", "\\|") if verdict == "killed"
                                else f"**{verdict}**") + " |")
    pathlib.Path(path).write_text("\n".join(rows) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--seconds", type=int, default=0)
    p.add_argument("--only", default="")
    p.add_argument("--range", default="", help="A-B, by number")
    p.add_argument("--again", action="store_true",
                   help="those, too, that are known to be killed")
    p.add_argument("--table", help="write the table of results there")
    a = p.parse_args()
    mutants = read_list()
    home = ROOT / a.build / "mutants"
    home.mkdir(parents=True, exist_ok=True)
    tree = Tree(home / "tree")
    print_ = copy_tree(tree.path)
    kept = home / "results"
    results = read_results(kept, mutants, print_)
    first, last = (int(x) for x in (a.range or f"1-{len(mutants)}").split("-"))
    end = time.monotonic() + a.seconds if a.seconds else None
    passed = failed = left = 0
    for n, m in enumerate(mutants, 1):
        if (a.only and a.only not in m.name and a.only not in m.file) or (
                not first <= n <= last):
            continue
        if a.again or results.get(m.name, ("",))[0] != "killed":
            if end and time.monotonic() > end:
                left += 1
                continue
            verdict, by = try_one(tree, m)
            by = by.replace("\t", " ").replace("\n", " ")
            results[m.name] = (verdict, by)
            with open(kept, "a") as f:
                f.write(f"{m.mark(print_)}\t{m.name}\t{verdict}\t{by}\n")
        verdict, by = results[m.name]
        good = verdict == "killed"
        passed += good
        failed += not good
        print(f"{'ok' if good else 'not ok'} {n} - {m.name}: {verdict}"
              f"{': ' if by else ''}{by}", flush=True)
    if a.table:
        table(mutants, results, a.table)
    if left:
        print(f"# {left} left for the next piece: run it again")
    print(f"mutants: {passed} passed, {failed} failed")
    return 1 if failed or left or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

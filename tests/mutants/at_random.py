#!/usr/bin/env python3
"""Changes at random places of the product's heart: which does no test see?

    at_random.py --build DIR [--n 200] [--seed 1] [--seconds N] [--only WORDS]
                 [--part 1/2] [--survivors] [--show] [--table FILE]

The places (places.py) of pay, order, store, wechat and hooks are shuffled by
the seed, and their kinds taken in turn.  A change is made in a copy of the
tree; the unit tests of its room run under the sanitizers, then the tests from
outside that concern it; the first that fails has seen it.  A change that does
not compile is thrown again.  None gets more than --most seconds, of one core.

What was found is kept in DIR/mutants/random-SEED: on the same tree the run
goes on where it was cut (--seconds).  A change is kept by its function, its
text and which of its like it is there, so that --survivors finds what nothing
had seen on a later tree, too, and tries it once more.  --part 1/2 and --part
2/2 may run side by side, each in a copy of its own; a run without it joins
what they found.  tests/mutants/harmless
names the changes that change nothing that matters, each with its reason.
Prints TAP.
"""

import argparse
import os
import pathlib
import random
import re
import subprocess
import sys
import time

import mutants
import places

sys.path.insert(0, str(mutants.ROOT / "tests" / "e2e"))

import h5  # noqa: E402

ROOT = mutants.ROOT
HARMLESS = ROOT / "tests" / "mutants" / "harmless"
ROOMS = ("pay", "order", "store", "wechat", "hooks")
ASAN = ("-g -O0 -fsanitize=address,undefined -fno-sanitize-recover=all "
        "-fno-omit-frame-pointer")
CONTRACT = "engine/contract-files engine/contract-conflict"
PROGRAMS = ["all", "build/tests/gateway", "build/tests/wxcall",
            "build/bench/orders"]

# Where a file begins so: its unit tests, and what runs from outside.
CONCERNED = (
    ("common/pay/limit", "limit pay", "limits pay"),
    ("common/pay/reconcile", "reconcile bill", "bill"),
    ("common/pay/ref", "refund settle pay hooks", "refund notify sweep"),
    ("common/pay/returned", "pay refund settle", "refund notify query"),
    ("common/pay/", "pay settle limit refund",
     "pay query notify again sweep command"),
    ("common/order/order_json", "order ledger hooks",
     "query command report hooks"),
    ("common/order/", "order due event number settle pay refund ledger "
     "store_format hooks", "notify pay refund sweep command report"),
    ("common/store/", f"store store_fault store_check store_format ledger "
     f"{CONTRACT} store_race settle", "crash command sweep pay notify"),
    ("common/wechat/bill", "bill reconcile", "bill report"),
    ("common/wechat/v2/call_bill", "wxpay", "bill check-wechat"),
    ("common/wechat/v2/call_refund", "wxmsg_refund wxpay refund",
     "refund check-wechat"),
    ("common/wechat/certificate", "wxpay", "refund doctor"),
    ("common/wechat/v2/converse", "wxmsg wxpay", "check-wechat sweep pay"),
    ("common/wechat/", "wxmsg wxmsg_refund wxpay sign xml refund pay",
     "check-wechat pay refund notify query doctor"),
    ("common/hooks/", "hooks", "hooks keys notify"),
)


def tests_of(file):
    for begin, units, outside in CONCERNED:
        if file.startswith(begin):
            return units.split(), outside.split()
    raise KeyError(file)


class Late(Exception):
    pass


class Tree:
    def __init__(self, path):
        self.path = path
        self.end = None
        self.words = ["make", "-s", "--no-print-directory",
                      *mutants.COMPILER]
        self.env = {**os.environ, "MAKEFLAGS": "", "CCACHE_NOHASHDIR": "1",
                    "CMOCKA_MESSAGE_OUTPUT": "TAP", "T": ""}

    def left(self):
        return max(0.1, self.end - time.monotonic()) if self.end else 600

    def run(self, words, most=600):
        """(status or None if it did not end, what it wrote); it is ended at
        the first test that fails."""
        end = time.monotonic() + min(most, self.left())
        p = subprocess.Popen(words, cwd=self.path, env=self.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(p.stdout.fileno(), False)
        text = b""
        try:
            while p.poll() is None:
                text += p.stdout.read() or b""
                if re.search(rb"^not ok.*\n", text, re.M):
                    break
                if time.monotonic() > end:
                    return None, text.decode(errors="replace")
                time.sleep(0.02)
            text += p.stdout.read() or b""
            return p.poll() or 0, text.decode(errors="replace")
        finally:
            # With all that it started.
            h5.stop_family([p.pid], 5)
            p.wait()
            h5.stop_family(list(h5.family(os.getpid())), 2)
            h5.reap_adopted()
            p.stdout.close()

    def build(self, tree, targets):
        own = ["B=build"] if tree == "build" else [
            "B=build-asan", "HARDEN=", f"CFLAGS={ASAN}",
            "LDFLAGS=-fuse-ld=gold"]
        if tree == "build":
            own += ["OPTIMISE=-O0 -g0"]
        return self.run(self.words + own + targets)

    def unit(self, name):
        """The test that failed, or None."""
        path = f"build-asan/{'' if '/' in name else 'unit/test_'}{name}"
        # On a busy machine one that ends may take long: twice, then.
        for most in (20, 35):
            status, text = self.run([path], most)
            if status is not None:
                break
        if status is None and self.left() < 1:
            raise Late
        if status is None:
            return f"{name}: does not end"
        by = mutants.killer(text)
        return by or (f"{name}: ends with {status}" if status else None)

    def outside(self, name):
        """A test that fails by load alone is not taken: it runs again."""
        if name == "check-wechat":
            words, name = [sys.executable, "tests/wechat/faults.py",
                           "build"], []
        else:
            words, name = [sys.executable, "tests/e2e/run.py", "--build",
                           "build", "-j", "3"], [name]
        for turn in range(3):
            status, text = self.run(words + name)
            if status is None:
                raise Late
            by = mutants.killer(text)
            if not by:
                return " ".join(words[1:]) + f" ends with {status}" if (
                    status) else None
            status, text = self.run(words + [by])
            if status is None or mutants.killer(text):
                return by
        return None


def seen_by(tree, units, outside):
    for name in units:
        by = tree.unit(name)
        if by:
            return by
    status, text = tree.build("build", PROGRAMS)
    if status is None:
        raise Late
    if status:
        return "does not link: " + text[-100:]
    for name in outside:
        by = tree.outside(name)
        if by:
            return by
    return None


def unit_targets(units):
    return [f"build-asan/{'' if '/' in u else 'unit/test_'}{u}"
            for u in units]


def try_one(tree, place, text, most):
    """(verdict, by whom)"""
    units, outside = tests_of(place.file)
    path = tree.path / place.file
    path.write_text(place.mutated(text))
    tree.end = time.monotonic() + most
    try:
        status, said = tree.build("build-asan", unit_targets(units))
        if status:
            return "broken", said.strip()[-120:]
        by = seen_by(tree, units, outside)
        return ("seen", by) if by else ("survived", "")
    except Late:
        return "survived", f"not all tests in {most} s"
    finally:
        tree.end = None
        path.write_text(text)


def sound(tree, print_, kept):
    """Builds everything once; every test has to pass on what is unchanged."""
    if kept.exists() and kept.read_text() == print_:
        return
    units, outside = [], []
    for _, u, o in CONCERNED:
        units += [x for x in u.split() if x not in units]
        outside += [x for x in o.split() if x not in outside]
    status, text = tree.build("build-asan", unit_targets(units))
    if status != 0:
        sys.exit("does not build: " + text[-2000:])
    by = seen_by(tree, units, outside)
    if by:
        sys.exit(f"fails on the unchanged tree: {by}")
    kept.write_text(print_)


def drawn(files, seed):
    """Every place in the order of its turn."""
    r = random.Random(seed)
    left = {}
    for kind in places.KINDS:
        left[kind] = [p for f, text in files.items()
                      for p in places.of_file(f, text) if p.kind == kind]
        r.shuffle(left[kind])
    while any(left.values()):
        for kind in places.KINDS:
            if left[kind]:
                yield left[kind].pop()


def read_results(path):
    out = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, verdict, by = line.split("\t")[:3]
            out[name] = (verdict, by)
    return out


def read_harmless():
    """{id: reason}"""
    out = {}
    for n, line in enumerate(HARMLESS.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            _, found, why = rest.partition(": ")
            if not found or len(name) != 10:
                sys.exit(f"{HARMLESS}:{n}: not ID FILE WHERE: REASON")
            out[name] = why
    return out


def said(place, text):
    """What is changed, in one line."""
    old = re.sub(r"\s+", " ", place.old)
    new = re.sub(r"\s+", " ", place.new)
    at = f"{place.file[7:]}:{places.line_of(text, place.start)}"
    change = {"negate": f"not ({old})", "term": f"without {old}",
              "drop": f"without {old}"}.get(place.kind, f"{old} -> {new}")
    return f"{at} {place.where}: {change}"


def table(rows, path):
    out = ["| change | seen by |", "|---|---|"]
    for what, verdict, by in rows:
        what, by = (x.replace("|", "\\|") for x in (what, by))
        out.append(f"| `{what}` | {by if verdict == 'seen' else '**nothing**'}"
                   " |")
    pathlib.Path(path).write_text("\n".join(out) + "\n")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--n", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--seconds", type=int, default=0)
    p.add_argument("--most", type=int, default=60, help="seconds for each")
    p.add_argument("--only", default="", help="words of the change")
    p.add_argument("--part", default="1/1", help="A/B: one of B runs side by side")
    p.add_argument("--survivors", action="store_true",
                   help="once more those that no test had seen")
    p.add_argument("--show", action="store_true", help="draw, run nothing")
    p.add_argument("--table", help="write the table of results there")
    a = p.parse_args()
    os.nice(15)
    h5.adopt_orphans()
    home = ROOT / a.build / "mutants"
    home.mkdir(parents=True, exist_ok=True)
    files = {str(f.relative_to(ROOT)): f.read_text() for room in ROOMS
             for f in sorted((ROOT / "common" / room).rglob("*.c"))}
    kept = home / f"random-{a.seed}"
    results, harmless = read_results(kept), read_harmless()
    part, parts = (int(x) for x in a.part.split("/"))
    tree = Tree(home / f"random-tree-{part}")
    if not a.show:
        sound(tree, mutants.copy_tree(tree.path), home / "random-sound")
    begun = time.monotonic()
    rows, left = [], 0
    turns = drawn(files, a.seed)
    if a.survivors:
        turns = [p for p in turns
                 if results.get(p.id, ("",))[0] == "survived"]
    others = 0
    for place in turns:
        if len(rows) + left + others == a.n:
            break
        text = files[place.file]
        what = said(place, text)
        verdict, by = results.get(place.id, ("", ""))
        if verdict == "broken":
            continue
        if a.show:
            print(place.id, place.kind, what)
            left += 1
            continue
        if int(place.id, 16) % parts != part - 1 or a.only not in what:
            others += 1
            continue
        if place.id in harmless:
            verdict, by = "harmless", harmless[place.id]
        elif not verdict or a.survivors:
            if a.seconds and time.monotonic() - begun > a.seconds:
                left += 1
                continue
            at = time.monotonic()
            verdict, by = try_one(tree, place, text, a.most)
            by = re.sub(r"\s+", " ", by)
            with open(kept, "a") as f:
                f.write(f"{place.id}\t{verdict}\t{by}\t{place.kind}\t{what}\t"
                        f"{time.monotonic() - at:.1f}\n")
            if verdict == "broken":
                continue
        rows.append((what, verdict, by))
        print(f"{'not ok' if verdict == 'survived' else 'ok'} {len(rows)} - "
              f"{place.id} {what}: {verdict}{': ' if by else ''}{by}",
              flush=True)
    if a.table:
        table(rows, a.table)
    n = {v: sum(r[1] == v for r in rows)
         for v in ("seen", "harmless", "survived")}
    if left and not a.show:
        print(f"# {left} left for the next piece: run it again")
    print(f"random mutants: {n['seen']} seen, {n['harmless']} harmless, "
          f"{n['survived']} survived")
    return 1 if n["survived"] or (left and not a.show) else 0


if __name__ == "__main__":
    sys.exit(main())

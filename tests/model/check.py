#!/usr/bin/env python3
"""The model of the walks (docs/MODEL.md): the whole one holds, and each of the
rules in TRAILS, taken out, is missed.

    tests/model/check.py --build B [--troubles N] [--write]

Prints TAP.  --troubles: how many things may go wrong in one run of the whole
model; more than 2 takes minutes.  --write: writes the trails anew."""

import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "walks.pml"
# Rules that the model misses, with how much has to go wrong for it.
TRAILS = {
    "spoken": 1, "their_time": 2, "same_number": 1, "confirmed_close": 1,
    "closing_first": 1, "number_first": 1, "paid_there": 1, "right_clock": 1,
    "clock_again": 1, "second_payment": 1, "late_money": 1, "told_once": 1,
    "returned_first": 1, "announced": 2, "stays": 1, "close_rest": 1,
    "ack_last": 2,
}


def rules():
    """The rules of the model, by number."""
    text = MODEL.read_text()
    return dict((name, int(number)) for name, number in
                re.findall(r"^#define (\w+) (\d+)$", text, re.M)
                if f"rule: {name}" in text)


def run(words, cwd, **env):
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True,
                          env={**os.environ, **env}, errors="replace")


def build(at, name, *flags):
    done = run(["gcc", "-O0", "-w", "-DMEMLIM=6000", *flags,
                "-o", name, "pan.c"], at)
    if done.returncode:
        sys.exit(done.stderr)


def trail(at, rule, troubles):
    """What happens without the rule, as text; None: nothing that must not."""
    for old in at.glob("*.trail"):
        old.unlink()
    env = {"WITHOUT": str(rules()[rule]), "TROUBLES": str(troubles)}
    found = run(["./shortest", "-m5000", "-n"], at, **env).stdout
    if not (at / "walks.pml.trail").exists():
        return None
    said = re.findall(r"SAY (.*)", run(["./shortest", "-r", "-n"], at,
                                       **env).stdout)
    if "pan:1: invalid end state" in found:
        said.append("=> nothing more happens, and the order is not settled")
    return "".join(line.rstrip() + "\n" for line in said)


def tell(n, sentence, out):
    """1 if the search whose output this is was cut short or found a fault."""
    good = ("errors: 0" in out and "not completed" not in out and
            "max search depth too small" not in out and "stored" in out)
    print(f"{'' if good else 'not '}ok {n} - {sentence}")
    if not good:
        print("# " + out.replace("\n", "\n# "))
    return not good


def figures(out):
    states = re.search(r"(\d+) states, stored", out)
    depth = re.search(r"depth reached (\d+)", out)
    return (f"{states.group(1)} states, depth {depth.group(1)}"
            if states and depth else "nothing was searched")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--build", default="build")
    args.add_argument("--troubles", type=int, default=2)
    args.add_argument("--write", action="store_true")
    args = args.parse_args()
    if not shutil.which("spin"):
        print("ok 1 - the model holds # SKIP spin is not installed")
        return 0
    at = pathlib.Path(args.build).resolve() / "model"
    at.mkdir(parents=True, exist_ok=True)
    shutil.copy(MODEL, at)
    made = run(["spin", "-a", "walks.pml"], at)
    if made.returncode or "rror" in made.stdout:
        sys.exit(made.stdout + made.stderr)
    build(at, "whole", "-DSAFETY", "-DCOLLAPSE")
    build(at, "ends", "-DNP", "-DCOLLAPSE")
    build(at, "shortest", "-DSAFETY", "-DBFS")
    failed = 0

    began = time.monotonic()
    out = run(["./whole", "-m5000", "-n"], at,
              TROUBLES=str(args.troubles)).stdout
    took = time.monotonic() - began
    failed += tell(1, f"whatever {args.troubles} things go wrong, the whole "
                      "model holds", out)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"# {figures(out)}, {took:.1f} s, {memory // 1024} MiB")
    out = run(["./ends", "-l", "-m5000", "-n"], at, TROUBLES="1").stdout
    failed += tell(2, "whatever goes wrong, every run comes to an end", out)

    for n, (rule, troubles) in enumerate(TRAILS.items(), 3):
        said = trail(at, rule, troubles)
        path = HERE / "trails" / f"{rule}.txt"
        if args.write and said:
            path.parent.mkdir(exist_ok=True)
            path.write_text(said)
        good = said is not None and path.exists() and (
            path.read_text() == said)
        failed += not good
        print(f"{'' if good else 'not '}ok {n} - without the rule {rule} it "
              "fails by the trail that is committed")
        if not good:
            print("# " + (said or "no trail").replace("\n", "\n# "))
    print(f"model: {2 + len(TRAILS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

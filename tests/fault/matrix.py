"""matrix.py - every storage call of a request fails, in every way, one by one.

    matrix.py --build build [--jobs N] [--part I/N]

A case: a store, one request under shim.so with one step failing, then a look
without faults, the same request again, and a look once more.
  I1 what was acknowledged is there        I2 old or new, never broken
  I3 paid is never undone                  I4 one paid event, never two
  I5 after one repetition it is done       I6 at most one leftover file
The last part is the control: a notify that does not look whether its writes
work must be caught."""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import sys
import time

import lab

# Late: the order is closed, so that the notice adds two lines as one unit.
REQUESTS = (("nothing", "checkout"), ("empty", "checkout"),
            ("awaiting", "notify"), ("paid", "notify"), ("torn", "notify"),
            ("closed", "notify"), ("awaiting", "query"), ("torn", "query"),
            ("awaiting", "sweep"), ("refunding", "sweep"), ("paid", "refund"),
            ("paid", "deliver"))
CALLS_THAT_LOOK = ("read", "fstat", "fstatat", "fstatfs", "readdir")
WECHAT_WAITS_S = 5
PAID = ("paid", "refunding", "refunded")


def plans(names):
    """Every fault that a step of this name can have."""
    for n, name in enumerate(names, 1):
        for what in ("EIO", "ENOSPC", "EDQUOT", "EINTR"):
            for how in ("once", "sticky"):
                yield f"{n}:before:{what}:{how}"
                # It happened, and yet an error is reported.
                if name not in CALLS_THAT_LOOK and (
                        what != "EINTR" or name == "close"):
                    yield f"{n}:after:{what}:{how}"
                if what != "EINTR" and name == "write":
                    yield f"{n}:mid:{what}:{how}"
        yield f"{n}:before:kill:once"
        yield f"{n}:after:kill:once"
        if name == "write":
            yield f"{n}:mid:kill:once"
            yield f"{n}:mid:short:once"
            yield f"{n}:mid:short:sticky"


class Broken(Exception):
    pass


class Slow(Broken):
    """A wait that the fault causes is there each time; a machine that had no
    time for us is not."""


def need(ok, what):
    if not ok:
        raise Broken(what)


def done(o, start, what):
    """Is this what the request was for?"""
    if what == "checkout":
        return "prepaid" in o["events"]
    if what == "deliver":
        return "delivered" in o["events"]
    if what == "refund":
        return o["state"] in ("refunding", "refunded")
    return o["state"] == ("refunded" if start == "refunding" else "paid")


def leftovers(folder):
    return [name for _, _, names in os.walk(folder) for name in names
            if name.startswith(".tmp-")]


def look(room, was_paid, acknowledged, start, what):
    """The invariants, as the store is now; the order or None."""
    left = leftovers(room.store)
    need(len(left) <= 1, f"I6 leftovers {left}")
    o = room.show()
    if o is None:
        need(not was_paid and what == "checkout", "I1 the order is gone")
        need(not acknowledged, "I1 acknowledged and gone")
        return None
    paid = o["events"].count("paid")
    need(paid <= 1, f"I4 paid {paid} times")
    need(o["events"].count("delivered") <= 1, "I4 delivered twice")
    need(len(room.wechat.refunds) <= 1, f"I4 refunds {room.wechat.refunds}")
    if was_paid:
        need(o["state"] in PAID, f"I3 paid became {o['state']}")
    if o["state"] in PAID:
        need(o["transaction_id"] == lab.TRANSACTION, "I2 another payment")
        need(paid == 1, "I4 paid without its event")
    if start == "closed":
        need(o["events"].count("alert") == paid, "I2 half of a unit")
    if acknowledged:
        need(done(o, start, what), f"I1 acknowledged and {o}")
    ids = {json.loads(x)["id"] for x in room.events.read_text().splitlines()}
    need(len(ids) <= 1, f"I4 one event, two ids: {ids}")
    if "delivered" in o["events"]:
        need(ids, "I1 delivered, and the shop has nothing")
    return o


def case(room, start, what, plan, program=None):
    room.reset(start)
    was_paid = start in ("paid", "refunding")
    begun = time.monotonic()
    good, code, out = room.run(what, {"H5_FAULT": plan}, program)
    if time.monotonic() - begun > WECHAT_WAITS_S:
        raise Slow("longer than WeChat waits, three times")
    need(code >= 0 or (code == -9 and ":kill:" in plan), f"ended by {-code}")
    # A reply that was cut off is none: WeChat asks again.
    if what == "notify" and out.endswith(b"</xml>") and not good:
        need(lab.h5.FAIL.match(out.split(b"\r\n\r\n", 1)[-1]),
             f"neither SUCCESS nor FAIL: {out[-90:]}")
    after = look(room, was_paid, good and code >= 0, start, what)
    was_paid = was_paid or (after is not None and after["state"] in PAID)
    again, code, out = room.run(what, None, program)
    # There is nothing left to refund when the first one went through.
    need(again or what == "refund",
         f"I5 the repetition failed: {code} {out[-200:]}")
    look(room, was_paid, True, start, what)


def count(room, start, what, program=None):
    """The steps of a run without faults."""
    names = room.folder / "steps"
    names.unlink(missing_ok=True)
    room.reset(start)
    good, code, out = room.run(what, {"H5_FAULT_COUNT": names}, program)
    if not good:
        sys.exit(f"{start} {what}: fails without a fault: {code} {out}")
    return names.read_text().split()


# What strace calls it: what the shim does.  fcntl, newfstatat and close are
# called by the C library, too; a lseek in a plain file cannot fail.
CALLS = {"openat": "openat", "read": "read", "pread64": "read",
         "write": "write", "pwrite64": "write", "fsync": "fsync",
         "fdatasync": "fdatasync", "linkat": "linkat", "renameat": "renameat",
         "renameat2": "renameat", "unlinkat": "unlinkat",
         "ftruncate": "ftruncate", "mkdirat": "mkdirat", "flock": "flock",
         "fstatfs": "fstatfs", "getdents64": "readdir"}
NOT_COUNTED = ("newfstatat", "fstat", "close", "fcntl", "lseek")


def uncounted(room):
    """Calls that reach the store past the shim, as the kernel sees them."""
    bad = []
    report = room.folder / "strace"
    for start, what in REQUESTS:
        shim = collections.Counter(count(room, start, what))
        room.reset(start)
        room.run(what, under=[shutil.which("strace"), "-f", "-y", "-s0", "-qq",
                              "-o", report])
        seen = collections.Counter()
        for call, fd in re.findall(r"^\d+ +(\w+)\((.*?/site/store.*?)[,)]",
                                   report.read_text(), re.M):
            seen[CALLS.get(call, call)] += 1
        bad += [f"{what} on {start}: {n} {call}, counted {shim[call]}"
                for call, n in seen.items()
                if call not in NOT_COUNTED and n > shim[call]]
        if not seen:
            bad.append(f"{what} on {start}: strace saw nothing")
    return bad


def walk(build, todo, program=None):
    """(cases, violations) of these (start, what, plan)."""
    room = lab.Lab(build)
    bad = []
    try:
        for start, what, plan in todo:
            for turn in range(3):
                try:
                    case(room, start, what, plan, program)
                    if program is None:
                        print(f"ok - {what} on {start}, {plan}", flush=True)
                    break
                except (Broken, AssertionError) as e:
                    if turn < 2 and isinstance(e, Slow):
                        continue
                    bad.append(f"{start} {what} {plan}: {e}")
                    break
    finally:
        room.close()
    return len(todo), bad


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--jobs", type=int, default=4)
    p.add_argument("--part", default="1/1", metavar="I/N",
                   help="every N-th case only, from the I-th")
    args = p.parse_args()
    begun = time.monotonic()
    at, step = map(int, args.part.split("/"))
    passed, failed = run(args.build, args.jobs, at - 1, step)
    print(f"# {time.monotonic() - begun:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def run(build, jobs, first=0, step=1):
    room = lab.Lab(build)
    broken = room.tools / "broken" / "notify"
    todo = []
    try:
        for start, what in REQUESTS:
            names = count(room, start, what)
            mine = [(start, what, plan) for plan in plans(names)]
            print(f"# {what} on {start}: {len(names)} steps, "
                  f"{len(mine)} cases", flush=True)
            todo += mine
        blind = uncounted(room)
        control = [("awaiting", "notify", plan) for plan in
                   plans(count(room, "awaiting", "notify", broken))
                   if ":EIO:once" in plan]
    finally:
        room.close()
    todo = todo[first::step]
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        parts = [pool.submit(walk, build, todo[i::jobs]) for i in range(jobs)]
        bad = sorted(b for part in parts for b in part.result()[1])
        caught = pool.submit(walk, build, control, broken).result()[1]
    print(f"# {len(todo)} cases, {len(bad)} violations")
    bad += blind
    for line in bad:
        print("not ok - " + line)
    if not caught:
        print("not ok - the control, writes unchecked, was not caught")
    print(f"# control (writes unchecked): {len(caught)} of {len(control)} "
          "cases violated, as they must")
    return (max(0, len(todo) - len(bad)) + bool(caught),
            len(bad) + (not caught))


if __name__ == "__main__":
    sys.exit(main())

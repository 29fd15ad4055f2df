"""crash_model.py - what a power cut may leave, and what h5pay makes of it.

    crash_model.py --build build [--quick] [--part I/N]

Real runs under shim.so give a trace.  For each point of it the model holds
what is surely on disk, and what may be.  Of a file that was not synced since:
only the first bytes of what was written, at every byte (then nothing, zeros or
old rubbish), or all but one block of 512 bytes, wherever its border lies.
Entries of a folder that was not synced since: each one for itself, in any
order.  Files and folders are independent.  Each such state is built as a real
store and looked at by the library: acknowledged is there, broken is nothing,
paid once, and a sweep finds what is not at rest; the same again after fsck
--repair.  "Held" are states in which the ledger refuses the order and nothing
acknowledged is lost (see Disk.holds)."""

import argparse
import concurrent.futures
import itertools
import math
import os
import pathlib
import random
import shutil
import sys
import time

import lab
import matrix

STATES_AT_ONE_POINT = 1024
BLOCK = 512


class Disk:
    """Files by inode, folders by path; sure content and what may follow."""

    def __init__(self, root, fine):
        self.root = str(root)
        self.fine = fine  # a write may tear at every byte
        self.sure = {}  # inode: bytes
        self.now = {}  # inode: bytes
        self.versions = {}  # inode: what may be on disk, oldest first
        self.writes = {}  # inode: how many were not synced
        self.sure_entries = {}  # path: inode, or "folder"
        self.loose = []  # (path, inode, "folder" or None) not synced
        if os.path.isdir(root):
            for path in pathlib.Path(root).rglob("*"):
                if path.is_dir():
                    self.sure_entries[str(path)] = "folder"
                else:
                    ino = path.stat().st_ino
                    self.sure[ino] = self.now[ino] = path.read_bytes()
                    self.sure_entries[str(path)] = ino
            self.sure_entries[self.root] = "folder"

    def apply(self, verb, ino, number, path, data):
        if verb == "write":
            old = self.now.get(ino, b"").ljust(number, b"\0")
            new = old[:number] + data + old[number + len(data):]
            self.writes[ino] = self.writes.get(ino, 0) + 1
            self.change(ino, self.torn(ino, new) + [new])
        elif verb == "cut":
            self.change(ino, [self.now.get(ino, b"")[:number]])
        elif verb == "sync":
            if ino in self.now:
                self.sure[ino] = self.now[ino]
                self.versions.pop(ino, None)
                self.writes.pop(ino, None)
            for entry in [x for x in self.loose
                          if os.path.dirname(x[0]) == path]:
                self.settle(entry)
                self.loose.remove(entry)
        elif verb in ("entry", "folder"):
            what = "folder" if verb == "folder" else ino
            self.now.setdefault(ino, b"")
            self.loose.append((path, what))
        elif verb == "gone":
            self.loose.append((path, None))

    def torn(self, ino, new):
        """What may be there of everything since the last sync: its first
        bytes, and the rest is not there, is zeros, or is what a block held
        before; or all of it but one block."""
        sure = self.sure.get(ino, b"")
        begin = len(os.path.commonprefix([sure, new]))
        n = len(new)
        step = 1 if self.fine else max(1, (n - begin) // 2)
        out = []
        for k in range(begin, n, step):
            out += [new[:k], new[:k] + bytes(n - k),
                    new[:k] + b"\xa5" * (n - k)]
        for k in range(begin - BLOCK + 1, n, step):
            a, b = max(k, begin), min(k + BLOCK, n)
            out.append(new[:a] + bytes(b - a) + new[b:])
        return out

    def change(self, ino, news):
        self.versions.setdefault(ino, [self.sure.get(ino, b"")]).extend(news)
        self.now[ino] = news[-1]

    def settle(self, entry):
        path, what = entry
        if what is None:
            self.sure_entries.pop(path, None)
        else:
            self.sure_entries[path] = what

    def choices(self, files, entries):
        """All combinations where they can be counted; else each file in all
        its versions, the others old or new, and some drawn by lot."""
        sides = files + entries
        if math.prod(map(len, sides)) <= STATES_AT_ONE_POINT:
            yield from itertools.product(*sides)
            return
        for i, side in enumerate(sides):
            for others in (0, -1):
                for one in side:
                    yield tuple(one if i == j else s[others]
                                for j, s in enumerate(sides))
        rnd = random.Random(len(sides))
        for _ in range(STATES_AT_ONE_POINT // 2):
            yield tuple(rnd.choice(s) for s in sides)

    def states(self):
        """Every {path: bytes or None for a folder} a cut may leave now."""
        inodes = sorted(self.versions)
        files = [list(dict.fromkeys(self.versions[i])) for i in inodes]
        entries = [[False, True] for _ in self.loose]
        for choice in self.choices(files, entries):
            content = dict(self.sure)
            content.update(zip(inodes, choice))
            tree = dict(self.sure_entries)
            for (path, what), there in zip(self.loose, choice[len(inodes):]):
                if there and what is None:
                    tree.pop(path, None)
                elif there:
                    tree[path] = what
            yield {p: None if w == "folder" else content.get(w, b"")
                   for p, w in tree.items() if self.reachable(p, tree)}

    def holds(self):
        """Did a writer add a line behind one whose writer was killed before
        its sync?  If then the power fails before the second one's sync is
        done, and the disk has written the second line and not the first, that
        looks like a ledger that was damaged later: it is not guessed at."""
        return any(n > 1 for n in self.writes.values())

    def reachable(self, path, tree):
        while path != self.root:
            path = os.path.dirname(path)
            if tree.get(path) != "folder":
                return False
        return True


class Checker:
    """The library's look at a store (check.c), many stores a process."""

    def __init__(self, room):
        self.room = room
        self.place = room.folder / "state"

    def look(self, root, state):
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(mode=0o700)
        for path in sorted(state):
            to = str(self.place) + path[len(root):]
            if state[path] is None:
                os.makedirs(to, 0o700, exist_ok=True)
            else:
                fd = os.open(to, os.O_WRONLY | os.O_CREAT, 0o600)
                os.write(fd, state[path])
                os.close(fd)
        return self.room.check("mend", self.place, lab.ORDER)


def judge(words, acknowledged):
    """None, or what is wrong with this look."""
    if len(words) != 11 or words[0] != "ok" or words[5] != "ok":
        return f"does not open: {words}"
    if words[6] != "0":
        return f"broken: {words}"
    for code, paid, swept, times in (words[1:5], words[7:11]):
        if code not in ("ok", "not-found"):
            return f"the order is {code}"
        if acknowledged and code != "ok":
            return "acknowledged and gone"
        if acknowledged == "paid" and paid != "1":
            return f"acknowledged and paid {paid} times"
        if int(paid) > 1:
            return "paid twice"
        if swept != "ok" or (code == "ok") != (int(times) > 0):
            return f"a sweep finds it {times} times ({swept})"
    return None


# A run: the store it starts from, then what happens on it.  A plan kills the
# process at the K-th call of a name; "both" is two kinds of writers at the
# same time.
RUNS = (
    ("nothing", [("checkout", None)]),
    ("empty", [("checkout", None), ("notify", None), ("notify", None)]),
    ("torn", [("notify", None), ("query", None)]),
    ("awaiting", [("query", None), ("notify", None)]),
    ("awaiting", [("both", None)]),
    ("awaiting", [("both", None), ("notify", None)]),
    ("awaiting", [("sweep", None), ("notify", None)]),
    # Put away, and back: what was paid is there once at each moment.
    ("paid", [("archive", None), ("notify", None)]),
    ("paid", [("archive", None), ("restore", None)]),
    # Two lines, one unit.
    ("closed", [("notify", None), ("notify", None)]),
    ("paid", [("refund", None), ("sweep", None)]),
    # The first writer dies after its write, the second one answers.
    ("awaiting", [("notify", "write 1 after"), ("notify", None)]),
    ("awaiting", [("notify", "write 1 mid"), ("notify", None)]),
    ("awaiting", [("query", "write 1 after"), ("notify", None)]),
    ("closed", [("notify", "write 1 after"), ("notify", None)]),
    ("torn", [("notify", "ftruncate 1 after"), ("notify", None)]),
    ("torn", [("notify", "write 1 after"), ("notify", None)]),
    ("paid", [("refund", "write 1 after"), ("refund", None)]),
    # ... or adds a line of its own: the one run with states that are held.
    ("awaiting", [("unpaid query", "write 1 after"), ("notify", None)]),
    ("empty", [("checkout", "linkat 1 after"), ("checkout", None),
               ("notify", None)]),
    ("nothing", [("checkout", "linkat 2 after"), ("checkout", None),
                 ("notify", None)]),
)


def plan_of(room, start, what, words):
    """The shim's plan for "NAME K WHERE"."""
    name, k, where = words.split()
    names = matrix.count(room, start, what.split()[-1])
    at = [n for n, x in enumerate(names, 1) if x == name][int(k) - 1]
    return f"{at}:{where}:kill:once"


def trace(room, start, steps, fine, program=None):
    """[(verb, inode, number, path, bytes)] of these runs."""
    steps = [(what, plan and plan_of(room, start, what, plan))
             for what, plan in steps]
    room.reset(start)
    disk = Disk(room.store, fine)
    if start == "torn":
        # Its tail was written by somebody who never synced it.
        for ino, data in list(disk.sure.items()):
            if data.endswith(b'"pa'):
                whole = data[:data.rindex(b"\n") + 1]
                disk.sure[ino] = whole
                disk.versions[ino] = [whole, data]
    path = room.folder / "trace"
    path.unlink(missing_ok=True)
    env = {"H5_FAULT_TRACE": path}
    for what, plan in steps:
        if what == "both":
            both(room, env)
            continue
        room.wechat.paid = not what.startswith("unpaid")
        good, code, out = room.run(
            what.split()[-1], {**env, "H5_FAULT": plan} if plan else env,
            program if what == "notify" else None)
        if good == bool(plan):
            sys.exit(f"{start} {steps}: {code} {out}")
    ops = []
    for line in path.read_text().splitlines():
        verb, ino, number, where = line.split(" ", 3)
        where, _, data = where.rpartition(" ")
        ops.append((verb, int(ino), int(number), where, bytes.fromhex(data)))
    return disk, ops


def both(room, env):
    """A notice and a click at the same time, four of each."""
    import concurrent.futures

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda w: room.run(w, env)[0],
                            ("notify", "query") * 4))
    if not all(got):
        sys.exit(f"two writers: {got}")


def explore(checker, room, start, disk, ops, limit):
    """(states looked at, held, violations) over every point of a trace."""
    bad = []
    seen = set()
    held = 0
    acknowledged = {"nothing": None, "empty": None, "paid": "paid"}.get(
        start, "order")
    for at in range(len(ops) + 1):
        for state in disk.states():
            key = hash((acknowledged, tuple(sorted(state.items()))))
            if key in seen:
                continue
            seen.add(key)
            wrong = judge(checker.look(str(room.store), state), acknowledged)
            if wrong and wrong.startswith("broken") and disk.holds():
                held += 1
            elif wrong:
                bad.append(f"step {at}: {wrong}")
            if len(seen) >= limit:
                return len(seen), held, bad
        if at == len(ops):
            break
        verb, ino, number, path, data = ops[at]
        if verb == "reply":
            led_on = data.startswith(b"Status: 303 ")
            if data.endswith(lab.h5.SUCCESS) or (
                    led_on and b"query" in data and b"cashier" not in data):
                acknowledged = "paid"
            elif led_on and acknowledged is None:
                acknowledged = "order"
        else:
            disk.apply(verb, ino, number, path, data)
    return len(seen), held, bad


def walk(build, runs, quick):
    """[(name, steps, states, held, violations)] of these runs."""
    room = lab.Lab(build)
    out = []
    try:
        for start, steps, program in runs:
            name = "+".join(w for w, _ in steps) + " on " + start
            disk, ops = trace(room, start, steps, not quick, program)
            n, held, bad = explore(Checker(room), room, start, disk, ops,
                                   40 if quick else 10 ** 9)
            out.append((name, len(ops), n, held, bad))
            if not bad:
                print(f"ok - power is cut in {name}", flush=True)
    finally:
        room.close()
    return out


def run(build, quick, jobs=3, first=0, step=1):
    early = pathlib.Path(build).resolve() / "fault" / "broken" / "early"
    todo = [("awaiting", [("notify", None)], early)]
    for start, steps in RUNS[first::step]:
        both = steps[0][0] == "both" and not quick
        todo += [(start, steps, None)] * (4 if both else 1)
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        parts = [pool.submit(walk, build, todo[i::jobs], quick)
                 for i in range(jobs)]
        results = [None] * len(todo)
        for i, part in enumerate(parts):
            results[i::jobs] = part.result()
    _, _, n, _, caught = results.pop(0)
    total = held = two = 0
    bad = []
    for (_, steps, _), (name, ops, k, kept, wrong) in zip(todo[1:], results):
        print(f"# {name}: {ops} steps, {k} states, {kept} held, "
              f"{len(wrong)} violations")
        total += k
        two += k if len(steps) > 1 or steps[0][0] == "both" else 0
        held += kept
        bad += [f"{name}, {w}" for w in wrong]
    print(f"# {total} states, {two} of them with two writers, {held} held for "
          f"the operator, {len(bad)} violations")
    for line in bad[:40]:
        print("not ok - " + line)
    if not caught:
        print("not ok - the control, an answer before the sync, not caught")
    print(f"# control (no sync before the answer): {len(caught)} of {n} "
          "states violated, as they must")
    return total - len(bad) + bool(caught), len(bad) + (not caught)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--quick", action="store_true")
    p.add_argument("--jobs", type=int, default=3)
    p.add_argument("--part", default="1/1", metavar="I/N",
                   help="every N-th run only, from the I-th")
    args = p.parse_args()
    begun = time.monotonic()
    at, step = map(int, args.part.split("/"))
    passed, failed = run(args.build, args.quick, args.jobs, at - 1, step)
    print(f"# {time.monotonic() - begun:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

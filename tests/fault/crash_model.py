"""crash_model.py - what a power cut may leave, and what h5pay makes of it.

    crash_model.py --build build [--quick]

Real runs under shim.so give a trace.  For each point of it the model holds
what is surely on disk, and what may be: data of a file that was not synced
since (torn at every byte: then nothing, zeros or old rubbish; each file for
itself),
and entries of a folder that was not synced since (each one for itself, in any
order).  Each such state is built as a real store and looked at by the
library: acknowledged is there, broken is nothing, paid once, and a sweep
finds what is not at rest; the same again after fsck --repair.  "Held" are the
states in which an unacknowledged line lost its line feed alone (see
Disk.lacks_its_end)."""

import argparse
import itertools
import os
import pathlib
import shutil
import sys
import time

import lab

STATES_AT_ONE_POINT = 4096


class Disk:
    """Files by inode, folders by path; sure content and what may follow."""

    def __init__(self, root, fine):
        self.root = str(root)
        self.fine = fine  # a write may tear at every byte
        self.sure = {}  # inode: bytes
        self.now = {}  # inode: bytes
        self.versions = {}  # inode: what may be on disk, oldest first
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
            self.change(ino, self.torn(old, number, data) + [new])
        elif verb == "cut":
            self.change(ino, [self.now.get(ino, b"")[:number]])
        elif verb == "sync":
            if ino in self.now:
                self.sure[ino] = self.now[ino]
                self.versions.pop(ino, None)
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

    def torn(self, old, number, data):
        """A write of which only the first bytes arrived: the rest is not
        there, is zeros, or is what a block held before."""
        n = len(data)
        step = 1 if self.fine else max(1, n // 2)
        out = []
        for k in range(0, n, step):
            head = old[:number] + data[:k]
            out += [head + old[number + k:],
                    head + bytes(n - k) + old[number + n:],
                    head + b"\xa5" * (n - k) + old[number + n:]]
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

    def states(self):
        """Every {path: bytes or None for a folder} a cut may leave now."""
        inodes = sorted(self.versions)
        files = [list(dict.fromkeys(self.versions[i])) for i in inodes]
        entries = [[False, True] for _ in self.loose]
        choices = itertools.product(*files, *entries)
        for choice in itertools.islice(choices, STATES_AT_ONE_POINT):
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

    def lacks_its_end(self, state):
        """Is all of a line there but its line feed, with another byte in its
        place?  The ledger does not guess then: it holds the order for the
        operator, and acknowledges nothing."""
        ends = [now for i, now in self.now.items() if i in self.versions]
        return any(data and data[:-1] == now[:-1] and data != now
                   for data in state.values() for now in ends)

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


# A run: the store it starts from, then what happens on it.  A plan cuts a
# process off; "both" is two writers at the same time.
RUNS = (
    ("nothing", [("checkout", None)]),
    ("empty", [("checkout", None), ("notify", None), ("notify", None)]),
    ("torn", [("notify", None), ("query", None)]),
    ("awaiting", [("query", None), ("notify", None)]),
    ("awaiting", [("both", None)]),
    ("awaiting", [("both", None), ("notify", None)]),
    ("awaiting", [("sweep", None), ("notify", None)]),
    # The first writer dies after its write, the second one answers.
    ("awaiting", [("notify", "9:after:kill:once"), ("notify", None)]),
    ("awaiting", [("notify", "9:mid:kill:once"), ("notify", None)]),
    ("torn", [("notify", "9:after:kill:once"), ("notify", None)]),
    ("empty", [("checkout", "31:after:kill:once"), ("checkout", None),
               ("notify", None)]),
    ("nothing", [("checkout", "66:after:kill:once"), ("checkout", None),
                 ("notify", None)]),
)


def trace(room, start, steps, fine, program=None):
    """[(verb, inode, number, path, bytes)] of these runs."""
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
        good, code, out = room.run(
            what, {**env, "H5_FAULT": plan} if plan else env,
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


def explore(checker, room, disk, ops, seen, limit):
    """(states looked at, held, violations) over every point of a trace."""
    bad = []
    held = 0
    looked = 0
    acknowledged = None
    for at in range(len(ops) + 1):
        for state in disk.states():
            key = (acknowledged, tuple(sorted(state.items())))
            if hash(key) in seen:
                continue
            seen.add(hash(key))
            looked += 1
            wrong = judge(checker.look(str(room.store), state), acknowledged)
            if (wrong and wrong.startswith("broken") and
                    acknowledged != "paid" and disk.lacks_its_end(state)):
                held += 1
            elif wrong:
                bad.append(f"step {at}: {wrong}")
            if looked >= limit:
                return looked, held, bad
        if at == len(ops):
            break
        verb, ino, number, path, data = ops[at]
        if verb == "reply":
            if b"SUCCESS" in data or (b"303" in data and b"query" in data and
                                      b"cashier" not in data):
                acknowledged = "paid"
            elif b"303" in data and acknowledged is None:
                acknowledged = "order"
        else:
            disk.apply(verb, ino, number, path, data)
    return looked, held, bad


def run(build, quick):
    room = lab.Lab(build)
    checker = Checker(room)
    limit = 40 if quick else 10 ** 9
    total = held = 0
    bad = []
    try:
        for start, steps in RUNS:
            seen = set()
            words = "+".join(w for w, _ in steps)
            for turn in range(1 if quick else 4):
                if turn and "both" not in words:
                    break
                disk, ops = trace(room, start, steps, not quick)
                n, kept, wrong = explore(checker, room, disk, ops, seen, limit)
                total += n
                held += kept
                bad += [f"{words} on {start}, {w}" for w in wrong]
                print(f"# {words} on {start}: {len(ops)} steps, {n} states, "
                      f"{kept} held, {len(wrong)} violations", flush=True)
        early = room.tools / "broken" / "early"
        disk, ops = trace(room, "awaiting", [("notify", None)], not quick,
                          early)
        n, _, caught = explore(checker, room, disk, ops, set(), limit)
    finally:
        room.close()
    print(f"# {total} states, {held} of them held for the operator, "
          f"{len(bad)} violations")
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
    args = p.parse_args()
    begun = time.monotonic()
    passed, failed = run(args.build, args.quick)
    print(f"# {time.monotonic() - begun:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

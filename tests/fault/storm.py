"""storm.py - notices and queries by FastCGI, many at once: what make soak and
make races share.

    soak   workers are killed with SIGKILL all the while
    races  nobody is killed; 64 of one order at once
    storm.py --sum FILE    adds up the runs that --log FILE has written

An order is created, then gets notices that are good, repeated, forged (wrong
key, wrong amount) and clicks on "I have paid", in waves of connections that
are opened together (load.c, which looks at every answer).  At the end the
whole store is looked at by the library, and what the shop's hook got (hook.c)
is counted."""

import argparse
import collections
import contextlib
import fcntl
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

import lab

h5 = lab.h5
F_SETPIPE_SZ = 1031
KINDS = ("notices", "clicks", "wrong keys", "wrong amounts")


def transaction(order):
    return "42" + "".join(str(ord(c) % 10) for c in order).rjust(26, "0")[-26:]


# --- one buyer after the other ------------------------------------------------


def line_of(site, order):
    """What load wants to know of an order."""
    fields = h5.notice_fields(order, lab.FEE, transaction(order))
    wrong = {**fields, "total_fee": str(lab.FEE + 1)}
    parts = [order, site.link(order, lab.FEE, "tea")]
    for f, key in ((fields, h5.API_KEY), (fields, "x" * 32),
                   (wrong, h5.API_KEY)):
        parts.append(h5.wx_xml({**f, "sign": h5.wx_sign(f, key)}).decode())
    return "\t".join(parts) + "\n"


class Buyer(multiprocessing.Process):
    """Feeds a load, order after order, until over() or args.rounds."""

    def __init__(self, room, args, who, over):
        super().__init__()
        self.room, self.args, self.who, self.over = room, args, who, over
        self.out = room.folder / f"load{who}"
        self.start()

    def run(self):
        args = self.args
        with open(self.out, "wb") as out:
            p = subprocess.Popen(
                [self.room.tools / "load", self.room.folder, str(args.width),
                 str(args.waves), *map(str, args.mix),
                 str(args.seed + self.who)], stdin=subprocess.PIPE, stdout=out)
        # No more than two orders ahead, so that the end is the end.
        fcntl.fcntl(p.stdin, F_SETPIPE_SZ, 4096)
        n = 0
        while not self.over() and n != args.rounds:
            line = line_of(self.room.site, f"S{self.who}x{n:07d}")
            p.stdin.write(line.encode())
            p.stdin.flush()
            n += 1
        p.stdin.close()
        sys.exit(p.wait())

    def said(self):
        """Every whole line of the load, as three words."""
        text = self.out.read_text() if self.out.exists() else ""
        return [x.split(" ", 2)
                for x in text[:text.rfind("\n") + 1].splitlines()]

    def orders(self):
        """[(order, how often it was acknowledged)] up to now."""
        return [(x[1], int(x[2])) for x in self.said() if x[0] == "order"]


def harvest(buyers):
    """(counts, [(order, acknowledged)]) when all have ended."""
    count = collections.Counter()
    answered = []
    for b in buyers:
        b.join()
        if b.exitcode:
            count[f"!load ended by {b.exitcode}"] += 1
        count.update({x[2]: int(x[1]) for x in b.said() if x[0] == "count"})
        answered += b.orders()
    return count, answered


# --- the whole ----------------------------------------------------------------


def start(site, program, folder, binary=None, env=None):
    path = str(folder / (program + ".sock"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1024)
    p = subprocess.Popen(
        [binary or site.bin / program, "-c", site.conf_file], stdin=listener,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, env={**os.environ, **(env or {})})
    listener.close()
    return p


def workers(parents):
    """The processes that a supervisor keeps."""
    out = []
    for p in parents:
        try:
            text = pathlib.Path(
                f"/proc/{p.pid}/task/{p.pid}/children").read_text()
        except OSError:
            continue
        out += [int(w) for w in text.split()]
    return out


def kill_all_the_while(parents, every, seed, buyers):
    rnd = random.Random(seed)
    kills = 0
    while any(b.is_alive() for b in buyers):
        time.sleep(every * rnd.uniform(0.2, 1.8))
        alive = workers(parents)
        if alive:
            try:
                os.kill(rnd.choice(alive), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
    return kills


def look(room, store, answered):
    """{order: paid events} of the whole store, and what is wrong."""
    p = subprocess.run([room.tools / "check"], text=True,
                       input=f"list {store}\n", capture_output=True)
    paid = {}
    bad = []
    for line in p.stdout.splitlines():
        words = line.split()
        if words[0] == "order":
            paid[words[1]] = int(words[2])
        if words[0] == "order" and words[3:] != ["ok"]:
            bad.append("broken: " + line)
        if words[0] == "end" and words[1:] != ["ok", "0"]:
            bad.append("store: " + line)
    if p.returncode or "\nend " not in p.stdout:
        bad.append(f"the look ended by {p.returncode}")
    bad += [f"lost: {o}" for o, good in answered if good and not paid.get(o)]
    bad += [f"created and gone: {o}" for o, _ in answered if o not in paid]
    bad += [f"doubled: {o}, {n} times" for o, n in paid.items() if n > 1]
    return paid, bad


def events(room):
    """What the shop got: {order: [ids of order.paid]}."""
    ids = collections.defaultdict(list)
    for line in (room.folder / "events").read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "order.paid":
            ids[event["order"]["order"]].append(event["id"])
    return ids


def delivered(room, paid):
    """(orders whose event did not reach the shop, or under two ids; events).
    Sweeps deliver what a kill took, a failed delivery after five seconds."""
    due = {o for o, n in paid.items() if n}
    for _ in range(8):
        room.site.h5pay("sweep", timeout=900)
        ids = events(room)
        if due <= set(ids):
            break
        time.sleep(1)
    bad = [f"unfulfilled: {o}" for o in due if o not in ids]
    bad += [f"two ids: {o} {i}" for o, i in ids.items() if len(set(i)) > 1]
    bad += [f"event of an order that is not paid: {o}"
            for o in ids if o not in due]
    return bad, sum(map(len, ids.values()))


def options(words=None):
    p = argparse.ArgumentParser()
    p.add_argument("--build", type=pathlib.Path, default="build")
    p.add_argument("--seconds", type=float, default=1800)
    p.add_argument("--rounds", type=int, default=-1, help="orders a buyer")
    p.add_argument("--kill-every", type=float, default=0.035)
    p.add_argument("--width", type=int, default=24, help="connections at once")
    p.add_argument("--waves", type=int, default=4)
    p.add_argument("--mix", type=int, nargs=4, default=(80, 4, 8, 8),
                   metavar="WEIGHT", help=", ".join(KINDS))
    p.add_argument("--buyers", type=int, default=4)
    p.add_argument("--processes", type=int, default=16, help="of each program")
    p.add_argument("--threads", type=int, default=4)
    p.add_argument("--pause-us", type=int, default=1000,
                   help="before each write and sync: others come between")
    p.add_argument("--races", action="store_true",
                   help="64 at once for each order, nobody is killed")
    p.add_argument("--seed", type=int, default=time.time_ns() // 10**6 % 10**9)
    p.add_argument("--notify", type=pathlib.Path, help="another one: a control")
    p.add_argument("--log", type=pathlib.Path, help="gets a line of figures")
    p.add_argument("--sum", type=pathlib.Path, help="add up such lines")
    args = p.parse_args(words)
    if args.races:
        # As many threads as requests; some of these say something else than
        # the rest, or what two write at one place would be the same.
        args.width, args.waves = 64, 1
        args.processes = args.width // args.threads
        args.mix, args.kill_every = (54, 4, 0, 6), 0
    return args


def main():
    args = options()
    if args.sum:
        return add_up(args.sum)
    passed, failed = run(args)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def add_up(log):
    """Every run counts, those that failed too."""
    total = collections.Counter()
    for line in log.read_text().splitlines():
        total["runs"] += 1
        total.update(json.loads(line))
    for name, n in total.items():
        print(f"{name}: {n}")
    return 1 if total["violations"] else 0


def control(build):
    """Races of a notify that locks nothing must be caught, sooner or later:
    on a busy machine fewer meet."""
    args = options(["--build", str(build), "--rounds", "4", "--races",
                    "--pause-us", "40000"])
    args.notify = args.build / "fault" / "broken" / "unlocked"
    for turn in range(1, 11):
        with contextlib.redirect_stdout(None):
            _, caught = run(args)
        if caught:
            break
    print(f"# control (nothing locked): {caught} violations in turn {turn}, "
          "as they must")
    print(f"{'' if caught else 'not '}ok - the control, nothing locked, is "
          "caught", flush=True)
    return int(caught > 0), int(not caught)


def run(args):
    room = lab.Lab(args.build)
    parents = []
    try:
        room.wechat.transaction = transaction
        shutil.copy(room.tools / "hook", room.folder / "hook")
        (room.folder / "events").touch()
        shutil.rmtree(room.store, ignore_errors=True)
        room.site.configure({
            "hooks.exec": room.folder / "hook",
            "server.processes": args.processes,
            "server.threads": args.threads, "log.file": "/dev/null"})
        return storm(room, args, parents)
    finally:
        for q in parents:
            q.terminate()
        for q in parents:
            q.wait()
        room.close()


def rage(room, args, parents):
    """(kills, counts, [(order, acknowledged)]) of the storm itself."""
    env = {"LD_PRELOAD": str(room.tools / "shim.so"),
           "H5_FAULT_ROOT": str(room.store),
           "H5_FAULT_PAUSE_US": str(args.pause_us)}
    for program in ("checkout", "notify", "query"):
        binary = args.notify if program == "notify" else None
        parents.append(start(room.site, program, room.folder, binary,
                             env if args.pause_us else None))
    until = time.monotonic() + args.seconds
    buyers = [Buyer(room, args, who, lambda: time.monotonic() > until)
              for who in range(args.buyers)]
    kills = 0
    if args.kill_every:
        kills = kill_all_the_while(parents, args.kill_every, args.seed, buyers)
    return kills, *harvest(buyers)


def storm(room, args, parents):
    begun = time.monotonic()
    kills, count, answered = rage(room, args, parents)
    took = time.monotonic() - begun
    paid, bad = look(room, room.store, answered)
    wrong, n_events = delivered(room, paid)
    bad += wrong
    bad += [f"{what}: {n}" for what, n in count.items()
            if n and what.startswith("!")]
    # One kill can take the requests of its threads with it.
    if count["replies lost"] > args.threads * kills:
        bad.append(f"{count['replies lost']} replies lost by {kills} kills")
    if not any(good for _, good in answered):
        bad.append("nothing was paid")
    figures = {
        "seconds": round(took), "kills": kills, **count,
        "orders paid": sum(n > 0 for n in paid.values()),
        "orders acknowledged": sum(good > 0 for _, good in answered),
        "events the shop got": n_events, "violations": len(bad)}
    if not bad:
        print("ok - what was acknowledged is in the store, once")
    print(f"# seed {args.seed}")
    for name, n in figures.items():
        print(f"# {name}: {n}")
    for line in bad[:40]:
        print("not ok - " + line)
    if args.log:
        with open(args.log, "a") as f:
            f.write(json.dumps(figures) + "\n")
    return max(0, len(answered) - len(bad)), len(bad)


if __name__ == "__main__":
    sys.exit(main())

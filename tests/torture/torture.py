"""torture.py - in every path of every program, each call of ours into libc,
OpenSSL, curl, mxml, zlib and libfcgi fails in its turn.

    torture.py --build build-asan [--minutes M] [--every K --first F]
               [--all] [--lanes N] [--list] [--table] [WORDS ...]
    torture.py --build build-asan --sample PATHS

The sample is a few calls of some paths, others with each commit.

A case: a store, one run of which the n-th call fails (once, or that kind of
call from then on), a look at the answer and at the store, and where the store
was touched, the same again without faults.
Of the calls that come from one place in the code (with six callers around it)
the first and the last of a run fail.  What all runs of a program do alike
before they look at the request (configuration, catalogue, keys) fails in the
first path of the program alone; --all lets each call fail in each path.
  no crash, no report of a sanitizer, no leak, no descriptor left, no hang
  the right answer: the good one, or the one that stands for our own fault
  what was acknowledged is in the store, and was durable before
  fsck finds nothing, and the repetition succeeds
The control is a notify that does not look whether its writes work.
What is done is kept below the build; a run that was stopped goes on."""

import argparse
import copy
import hashlib
import json
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

import paths
import world

h5 = world.h5

FAULTS_SHOWN = 40
SAMPLED = 6  # calls of a path in a sample
MOST = 20000  # calls of one run: more is a mistake of ours


class Wrong(Exception):
    pass


def need(ok, what):
    if not ok:
        raise Wrong(what)


# --- a path -----------------------------------------------------------------


def server(w, path):
    folder = w.folder / "run"
    folder.mkdir(exist_ok=True)
    now = w.made + path.at
    program = w.build / "torture" / (path.program)
    if path.request is None:
        args = path.args
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        if path.program != "h5pay":
            env["H5PAY_CONF"] = w.site.conf_file
        return world.Server(program, args, env, folder, now)
    if path.fcgi:
        return world.Server(program, ["-c", w.fast], {"PATH": "/usr/bin:/bin"},
                            folder, now, h5.listener())
    return world.Server(program, [], path.request[0], folder, now)


def one(w, s, path, n=0, sticky=False, later=0):
    if path.before:
        path.before()
    env, body = path.request or (None, None)
    if path.fcgi:
        return s.ask(n, sticky, later, env, body)
    return s.run(n, sticky, later, body or b"")


def crashed(run):
    """Any path, any fault."""
    need(run.exit != -14, f"hangs: {world.SECONDS} s are over")
    need(run.exit >= 0, f"ended by signal {-run.exit}: {run.err[-400:]!r}")
    need(run.exit != 99 and b"Sanitizer" not in run.err and
         b"runtime error" not in run.err,
         f"sanitizer: {sanitizer(run.err)}")
    need(run.fds == 0, f"{run.fds} descriptors left")


def sanitizer(err):
    text = err.decode("utf-8", "replace")
    lines = [x.strip() for x in text.splitlines()
             if re.search(r"ERROR|runtime error|leak of|#[1-5] ", x)]
    return "\n    ".join(re.sub(r"0x[0-9a-f]+ ", "", x) for x in lines[:12])


def learn(w, s, path):
    """What this path says and leaves when nothing fails."""
    said = []
    for _ in range(2):
        w.reset(path.start)
        run = one(w, s, path)
        crashed(run)
        said.append(paths.same(run.out))
        path.good_raw, path.good, path.good_exit = run.out, said[-1], run.exit
        path.calls = run.calls
        path.places = (s.folder / "err.calls").read_bytes()
    if said[0] != said[1]:
        raise Wrong(f"answers differ without a fault:\n{said[0]!r}\n{said[1]!r}")
    need(not run.early, "answered before it was durable, without a fault")
    path.events = world.events(world.tree(w.store))
    full(w, s, path)
    run = one(w, s, path, later=path.later)
    path.again = paths.same(run.out)
    path.again_exit = run.exit
    path.events_again = world.events(world.tree(w.store))
    path.paid, end = w.look()
    need(end == "end ok 0", f"fsck without a fault: {end}")


def numbers(path, args):
    """The calls that fail in this walk, each in its turn."""
    if args.sample:
        every = max(1, path.calls // SAMPLED)
        first = random.Random(f"{commit()} {path.name}").randint(1, every)
        return range(first, path.calls + 1, every)
    if args.every != 1 or args.all:
        # Until a run comes to its end before.
        return range(args.first, MOST, args.every)
    by_place = {}
    for n in range(alike(path), path.calls):
        by_place.setdefault(path.place(n), []).append(n + 1)
    return sorted({n for found in by_place.values()
                   for n in (found[0], found[-1])})


def alike(path):
    """How many calls come before this run does what another one does not."""
    first = path.first
    n = 0
    while (first is not path and n < min(path.calls, first.calls) and
           path.place(n) == first.place(n)):
        n += 1
    return n


def full(w, s, path):
    """An answer that nobody takes: the command says so."""
    if path.args is None or not path.good_raw:
        return
    before = world.tree(w.store)
    w.reset(path.start)
    if path.before:
        path.before()
    run = s.run(out="/dev/full")
    crashed(run)
    if path.program == "h5pay":
        need(run.exit == 74 and run.err,
             f"stdout is full: exit {run.exit}, {run.err[-200:]!r}")
    world.restore(w.store, before)


def judge(run, path):
    if path.request is None:
        return paths.judge_command(run, path)
    return paths.judge_web(run, path)


def case(w, s, path, n, sticky):
    """One fault: the run, None if it came to its end before."""
    w.reset(path.start)
    run = one(w, s, path, n, sticky)
    if not run.reached:
        return run
    crashed(run)
    wrong = judge(run, path)
    need(wrong is None, wrong)
    files = world.tree(w.store)
    touched = files != w.starts[path.start]
    acknowledged = paths.acknowledged(run, path)
    if acknowledged:
        need(world.events(files) in (path.events, path.events_again),
             f"acknowledged, and the store has {world.events(files)}, "
             f"not {path.events}")
    if not touched:
        return run
    after(w, s, path)
    return run


def after(w, s, path):
    """The same again without faults, and what is there then."""
    run = one(w, s, path, later=path.later)
    crashed(run)
    if path.request is None:
        need(run.exit in (path.good_exit, path.again_exit),
             f"the repetition exits {run.exit}: {run.err[-300:]!r}")
    else:
        need(paths.same(run.out) in (path.good, path.again),
             f"the repetition answers {run.out[:120]!r}")
    got = world.events(world.tree(w.store))
    for order, kinds in path.events.items():
        need(set(kinds) <= set(got.get(order, [])),
             f"after the repetition {order} has {got.get(order)}, not {kinds}")
        need(got[order].count("paid") <= 1, f"{order} is paid twice")
    paid, end = w.look()
    need(end == "end ok 0", f"fsck: {end}")
    need(paid == path.paid, f"the library finds {paid}, not {path.paid}")


# --- a lane: paths one after another ----------------------------------------


def kind_of(path):
    """Paths of a kind begin alike."""
    if path.request:
        return path.program, path.fcgi, path.request[0]["REQUEST_METHOD"]
    return path.program, path.args[2:3] in (["check"], ["explain"], ["link"])


class Lane:
    def __init__(self, build, names=None):
        self.w = world.World(build)
        prepare(self.w)
        self.paths = {p.name: p
                      for p in paths.web(self.w) + paths.command(self.w)}
        firsts = {}
        for p in self.paths.values():
            p.first = firsts.setdefault(kind_of(p), p)

    def walk(self, name, args, until, out):
        """Adds to the results of one path; next: where it goes on when the
        time was up."""
        path = self.paths[name]
        s = server(self.w, path)
        begun = time.monotonic()
        try:
            self.learn_first(path.first)
            learn(self.w, s, path)
            out["calls"] = path.calls
            done = out.pop("next", 0)
            for n in numbers(path, args):
                if n < done:
                    continue
                if time.monotonic() > until:
                    out["next"] = n
                    break
                if not self.number(s, path, n, out):
                    break
        except Wrong as e:
            out["faults"].append(str(e))
        finally:
            s.close()
        out["seconds"] = round(
            out.get("seconds", 0) + time.monotonic() - begun, 1)

    def control(self):
        """A fault that a broken notify is caught with, or None."""
        path = copy.copy(self.paths["notify good"])
        path.program = "control"
        s = server(self.w, path)
        out = {"cases": 0, "faults": [], "names": {}}
        try:
            learn(self.w, s, path)
            for n in range(path.calls, 0, -1):
                self.tried(s, path, n, False, out)
                if out["faults"]:
                    return out["faults"][0]
        finally:
            s.close()
        return None

    def learn_first(self, path):
        if path.places is None:
            s = server(self.w, path)
            learn(self.w, s, path)
            s.close()

    def number(self, s, path, n, out):
        """The n-th call fails once; and from then on, where another of its
        kind comes after it.  False: there is no n-th call."""
        run = self.tried(s, path, n, False, out)
        if run.reached and run.later:
            self.tried(s, path, n, True, out)
        return run.reached

    def tried(self, s, path, n, sticky, out):
        wrong = None
        try:
            run = case(self.w, s, path, n, sticky)
        except Wrong as e:
            wrong = str(e)
            # Once more, for what it was and where.
            self.w.reset(path.start)
            run = one(self.w, s, path, n, sticky)
        if run.reached or wrong:
            out["cases"] += 1
            out["names"][run.name] = out["names"].get(run.name, 0) + 1
        if wrong:
            out["faults"].append(f"{n} {run.name} "
                                 f"{'for ever' if sticky else 'once'} "
                                 f"{s.where(run)}: {wrong}")
        return run

    def close(self):
        self.w.close()


def prepare(w):
    import datetime

    paths.prepare(w)
    beijing = datetime.timezone(datetime.timedelta(hours=8))
    w.day = (datetime.datetime.now(beijing)).date().isoformat()
    # WeChat's refund notice, as the stand-in sends it.
    w.refund_notice = refund_notice(w)


def refund_notice(w):
    """The request that brings it: what the stand-in sends is caught."""
    import http.server

    caught = []

    class Catch(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_POST(self):
            caught.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(world.h5.SUCCESS)))
            self.end_headers()
            self.wfile.write(world.h5.SUCCESS)

    door = http.server.HTTPServer(("127.0.0.1", 0), Catch)
    thread = threading.Thread(target=door.handle_request)
    thread.start()
    w.gateway.control(
        "refund-notice", out_refund_no=w.orders["E"] + "-r1",
        url=f"http://127.0.0.1:{door.server_address[1]}/notify")
    thread.join()
    door.server_close()
    return w.site.request("notify", "POST", "", caught[0],
                          headers={"Content-Type": "text/xml"})


# --- all of it --------------------------------------------------------------


class Book:
    """What was done, for these programs."""

    def __init__(self, build, fresh):
        self.path = build / "torture" / "done.json"
        digest = hashlib.sha256()
        for p in sorted((build / "torture").iterdir()):
            if p.is_file() and p.suffix == "":
                digest.update(p.read_bytes())
        self.key = digest.hexdigest()
        self.done = {}
        self.lock = threading.Lock()
        self.fresh = fresh
        self.read()

    def read(self):
        """Another one may be at work on other paths."""
        if not self.fresh and self.path.exists():
            old = json.loads(self.path.read_text())
            if old["key"] == self.key:
                self.done = {**old["done"], **self.done}

    def add(self, what, result):
        with self.lock:
            self.read()
            self.done[what] = result
            if self.fresh:
                return
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps({"key": self.key, "done": self.done}))
            new.rename(self.path)


def work(build, todo, book, args, until, lock):
    lane = Lane(build)
    try:
        while True:
            with lock:
                if not todo or time.monotonic() > until:
                    return
                name = todo.pop(0)
                book.read()
                got = book.done.get(name, {"calls": 0, "cases": 0,
                                           "faults": [], "names": {}})
                if name in book.done and "next" not in got:
                    continue
            lane.walk(name, args, until, got)
            book.add(name, got)
            if "next" in got:
                return
            print(f"# {name}: {got['calls']} calls, {got['cases']} "
                  f"cases, {len(got['faults'])} faults, "
                  f"{got.get('seconds', 0)} s", flush=True)
            if not got["faults"]:
                print(f"ok - {name}", flush=True)
            for line in got["faults"][:FAULTS_SHOWN]:
                print(f"not ok - {name}: {line}", flush=True)
    finally:
        lane.close()


def commit():
    """What a sample is drawn by."""
    got = subprocess.run(["git", "rev-parse", "HEAD"], cwd=world.ROOT,
                         capture_output=True, text=True)
    return got.stdout.strip()


def unknown_calls(build):
    """Calls of ours that are neither let fail nor let alone."""
    objects = [build / "libh5.a", *build.glob("obj/*.o")]
    for source in [*world.ROOT.glob("cgi-bin/**/*.c"),
                   *world.ROOT.glob("admin/*.c")]:
        objects.append(build / "obj" / source.parent.name /
                       (source.stem + ".o"))
    got = subprocess.run(["nm", "-A", *objects], capture_output=True,
                         text=True).stdout
    used, ours = set(), set()
    for line in got.splitlines():
        words = line.split()
        if len(words) > 1:
            (used if words[-2] == "U" else ours).add(words[-1])
    here = world.ROOT / "tests" / "torture"
    known = set(subprocess.run(
        ["sh", here / "calls.sh", here / "faults.c"], capture_output=True,
        text=True).stdout.split())
    for line in (here / "not-failed.txt").read_text().splitlines():
        if not line.startswith("#"):
            known |= set(line.split())
    return sorted(n for n in used - ours - known
                  if not n.startswith(("__asan", "__ubsan", "_GLOBAL_")))


def wanted(lane, words, sample):
    names = list(lane.paths)
    if sample:
        names = [n for n in names if not lane.paths[n].alone]
        return random.Random(commit()).sample(names, min(sample, len(names)))
    if words:
        names = [n for n in names if any(w in n for w in words)]
    return names


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build-asan")
    p.add_argument("--minutes", type=float, default=1e6)
    p.add_argument("--every", type=int, default=1)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--lanes", type=int, default=2)
    p.add_argument("--all", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("--table", action="store_true",
                   help="what is done, for the documents")
    p.add_argument("--sample", type=int)
    p.add_argument("words", nargs="*")
    args = p.parse_args()
    build = pathlib.Path(args.build).resolve()
    lane = Lane(build)
    todo = wanted(lane, args.words, args.sample)
    caught = None if args.list or args.table else lane.control()
    lane.close()
    if args.list:
        print("\n".join(todo))
        return 0
    new = unknown_calls(build)
    if new:
        print("not ok - calls that are neither in faults.c nor in "
              f"not-failed.txt: {' '.join(new)}\n0 passed, {len(new)} failed")
        return 1
    begun = time.monotonic()
    book = Book(build, args.every != 1 or bool(args.sample))
    if args.table:
        print_table(todo, book)
        return 0
    left = [n for n in todo
            if n not in book.done or "next" in book.done[n]]
    lock = threading.Lock()
    threads = [threading.Thread(target=work, args=(
        build, left, book, args, begun + 60 * args.minutes, lock))
        for _ in range(args.lanes)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return report(todo, book, begun, caught)


def print_table(todo, book):
    print("| path | calls | cases | faults |\n|---|---|---|---|")
    for name in todo:
        if name in book.done:
            r = book.done[name]
            print(f"| {name} | {r['calls']:,} | {r['cases']:,} | "
                  f"{len(r['faults'])} |")


def report(todo, book, begun, caught):
    done = {n: book.done[n] for n in todo if n in book.done}
    cases = sum(r["cases"] for r in done.values())
    whole = [n for n in done if "next" not in done[n]]
    faults = sum(len(r["faults"]) for r in done.values())
    print(f"# {len(whole)} of {len(todo)} paths done, {cases} cases, "
          f"{faults} faults, {time.monotonic() - begun:.0f} s")
    if len(whole) < len(todo):
        print("# not finished: the same command goes on from here")
    if caught:
        print(f"# control: {caught}")
    else:
        print("not ok - the control, writes unchecked, was not caught")
        faults += 1
        cases += 1
    print(f"{cases - faults} passed, {faults} failed")
    return 1 if faults or not cases else 0


if __name__ == "__main__":
    sys.exit(main())

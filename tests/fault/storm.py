"""storm.py - notices and queries by FastCGI, many at once: what make soak and
make races share.

    soak   workers are killed with SIGKILL all the while
    races  nobody is killed; 64 of one order at once

An order is created, then gets notices that are good, repeated, forged (wrong
key, wrong amount) and clicks on "I have paid", in waves of connections that
are opened together.  At the end the whole store is looked at by the library,
and what the shop's hook got is counted."""

import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import lab

h5 = lab.h5


def transaction(order):
    return "42" + "".join(str(ord(c) % 10) for c in order).rjust(26, "0")[-26:]


# --- FastCGI ------------------------------------------------------------------


def record(kind, content):
    return struct.pack("!BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def size(n):
    return struct.pack("!B", n) if n < 128 else struct.pack("!I", n | 1 << 31)


def request(program, body, content_type, query=""):
    pairs = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": "POST" if body is not None else "GET",
        "SCRIPT_NAME": "/cgi-bin/" + program, "QUERY_STRING": query,
        "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1",
        "HTTP_USER_AGENT": h5.PHONE,
    }
    if body is not None:
        pairs["CONTENT_TYPE"] = content_type
        pairs["CONTENT_LENGTH"] = str(len(body))
    text = b""
    for name, value in pairs.items():
        name, value = name.encode(), value.encode()
        text += size(len(name)) + size(len(value)) + name + value
    return (record(1, struct.pack("!HB5x", 1, 0)) + record(4, text) +
            record(4, b"") + (record(5, body) if body else b"") +
            record(5, b""))


def answer(raw):
    """What came on standard output; None if it did not come whole."""
    out = b""
    at = 0
    while at + 8 <= len(raw):
        _, kind, _, n, pad, _ = struct.unpack("!BBHHBB", raw[at:at + 8])
        if kind == 6:
            out += raw[at + 8:at + 8 + n]
        if kind == 3 and at + 8 + n <= len(raw):
            return out
        at += 8 + n + pad
    return None


def wave(asked):
    """The answers to [(socket path, request)], all sent before one is read;
    None for one that was lost."""
    socks = []
    for path, data in asked:
        s = socket.socket(socket.AF_UNIX)
        try:
            s.connect(path)
            s.sendall(data)
        except OSError:
            pass
        socks.append(s)
    out = []
    for s in socks:
        raw = b""
        s.settimeout(30)
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                raw += piece
        except OSError:
            pass
        s.close()
        out.append(answer(raw))
    return out


# --- one buyer after the other ------------------------------------------------


def buyer(who, site, sockets, args, until, pipe):
    rnd = random.Random(args.seed + who)
    count = collections.Counter()
    taken = []
    n = 0
    while time.monotonic() < until and (not args.rounds or n < args.rounds):
        n += 1
        order = f"S{who}x{n:07d}"
        token = create(site, sockets, order, count)
        if token is None:
            count["orders not created"] += 1
            continue
        good = 0
        for _ in range(args.waves):
            good += one_wave(rnd, sockets, args, order, token, count)
        if good:
            taken.append(order)
        count["orders"] += 1
    pipe.send((count, taken))


def create(site, sockets, order, count):
    """t of a new order; a lost answer is asked for again."""
    path = sockets["checkout"]
    for _ in range(5):
        query = site.link(order, lab.FEE)
        page = wave([(path, request("checkout", None, "", query))])[0]
        if page is None:
            count["lost"] += 1
            continue
        form = h5.split_cgi(page).form("checkout").fields
        got = wave([(path, request("checkout", h5.form_body(form),
                                   "application/x-www-form-urlencoded"))])[0]
        if got is None:
            count["lost"] += 1
            continue
        reply = h5.split_cgi(got)
        if reply.status == 303:
            return site.token(reply)
    return None


def one_wave(rnd, sockets, args, order, token, count):
    """How many of this wave were acknowledged."""
    good = h5.notice(order, lab.FEE, transaction(order))
    click = h5.form_body({"order": order, "t": token})
    kinds = []
    asked = []
    for _ in range(args.width):
        kind = rnd.choices(("notice", "click", "wrong key", "wrong amount"),
                           args.mix)[0]
        body = {"notice": good, "click": click}.get(kind)
        if kind == "wrong key":
            body = h5.notice(order, lab.FEE, transaction(order), key="x" * 32)
        elif kind == "wrong amount":
            body = h5.notice(order, lab.FEE + 1, transaction(order))
        program = "query" if kind == "click" else "notify"
        asked.append((sockets[program], request(
            program, body, "text/xml" if program == "notify" else
            "application/x-www-form-urlencoded")))
        kinds.append(kind)
    taken = 0
    for kind, out in zip(kinds, wave(asked)):
        count["clicks" if kind == "click" else "notices"] += 1
        if out is None:
            count["lost"] += 1
        elif kind in ("wrong key", "wrong amount"):
            count["forged"] += 1
            count["forged and taken"] += b"SUCCESS" in out
        elif kind == "notice" and b"SUCCESS" in out:
            taken += 1
        elif kind == "notice":
            count["refused: " + out.split(b"return_msg")[1][:40].decode()] += 1
        elif b"303" in out.split(b"\r\n")[0]:
            taken += 1
        else:
            count["click: " + out.split(b"\r\n")[0].decode()] += 1
    return taken


# --- the whole ----------------------------------------------------------------


def start(site, program, folder):
    path = str(folder / (program + ".sock"))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1024)
    p = subprocess.Popen(
        [site.bin / program, "-c", site.conf_file], stdin=listener,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)
    listener.close()
    return path, p


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


def kill_all_the_while(parents, until, every, children):
    rnd = random.Random(7)
    kills = 0
    while time.monotonic() < until and any(c.is_alive() for c in children):
        time.sleep(every * rnd.uniform(0.2, 1.8))
        alive = workers(parents)
        if alive:
            try:
                os.kill(rnd.choice(alive), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
    return kills


HOOK = """#!/bin/sh
read -r event
printf '%s\\n' "$event" >>{folder}/events
"""


def look(room, taken):
    """[(order, paid events)] of the whole store, and what is wrong."""
    p = subprocess.run([room.tools / "check"], text=True,
                       input=f"{room.store} -\n", capture_output=True)
    paid = {}
    bad = []
    for line in p.stdout.splitlines():
        words = line.split()
        if words[0] == "order":
            paid[words[1]] = int(words[2])
        elif words[0] != "end" or words[1:] != ["ok", "0"]:
            bad.append("store: " + line)
    bad += [f"lost: {o}" for o in taken if not paid.get(o)]
    bad += [f"doubled: {o}, {n} times" for o, n in paid.items() if n > 1]
    return paid, bad


def delivered(room, paid):
    """Orders whose event did not reach the shop, or under two ids."""
    for _ in range(6):
        room.site.h5pay("sweep", timeout=900)
    ids = collections.defaultdict(set)
    for line in (room.folder / "events").read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "order.paid":
            ids[event["order"]["order"]].add(event["id"])
    bad = [f"unfulfilled: {o}" for o, n in paid.items() if n and not ids[o]]
    return bad + [f"two ids: {o} {i}" for o, i in ids.items() if len(i) > 1]


def options(words=None):
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--seconds", type=float, default=1800)
    p.add_argument("--rounds", type=int, default=0, help="orders a buyer")
    p.add_argument("--kill-every", type=float, default=0.1)
    p.add_argument("--width", type=int, default=16, help="connections at once")
    p.add_argument("--waves", type=int, default=4)
    p.add_argument("--mix", type=int, nargs=4, default=(80, 4, 8, 8))
    p.add_argument("--buyers", type=int, default=2)
    p.add_argument("--seed", type=int, default=20261123)
    return p.parse_args(words)


def main():
    passed, failed = run(options())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def run(args):
    os.nice(5)
    room = lab.Lab(args.build)
    parents = []
    try:
        room.wechat.transaction = transaction
        hook = room.folder / "hook"
        hook.write_text(HOOK.format(folder=room.folder))
        hook.chmod(0o700)
        (room.folder / "events").touch()
        shutil.rmtree(room.store, ignore_errors=True)
        room.site.configure({
            "hooks.exec": hook, "server.processes": 2, "server.threads": 4,
            "log.file": "/dev/null"})
        return storm(room, args, parents)
    finally:
        for q in parents:
            q.terminate()
        for q in parents:
            q.wait()
        room.close()


def storm(room, args, parents):
    sockets = {}
    for program in ("checkout", "notify", "query"):
        sockets[program], q = start(room.site, program, room.folder)
        parents.append(q)
    begun = time.monotonic()
    until = begun + args.seconds
    children, pipes = [], []
    for who in range(args.buyers):
        mine, theirs = multiprocessing.Pipe()
        c = multiprocessing.Process(target=buyer, args=(
            who, room.site, sockets, args, until, theirs))
        c.start()
        children.append(c)
        pipes.append(mine)
    kills = 0
    if args.kill_every:
        kills = kill_all_the_while(parents, until, args.kill_every, children)
    count = collections.Counter()
    taken = []
    for pipe in pipes:
        c, t = pipe.recv()
        count += c
        taken += t
    for c in children:
        c.join()
    took = time.monotonic() - begun
    paid, bad = look(room, taken)
    bad += delivered(room, paid)
    if count["forged and taken"]:
        bad.append(f"forged and taken: {count['forged and taken']}")
    # One kill can take the requests of its four threads with it.
    if count["lost"] > 4 * kills:
        bad.append(f"{count['lost']} replies lost by {kills} kills")
    if not taken:
        bad.append("nothing was paid")
    print(f"# {took:.0f} s, {kills} kills, {len(paid)} orders, "
          f"{len(taken)} acknowledged")
    for name in sorted(count):
        print(f"# {name}: {count[name]}")
    for line in bad[:40]:
        print("not ok - " + line)
    return max(0, count["orders"] - len(bad)), len(bad)


if __name__ == "__main__":
    sys.exit(main())

"""Killed at any moment, nothing acknowledged is lost (interface 4, 7)."""

import os
import random
import signal
import threading

import h5
from case import table, test
from test_command import ledger


@test("kill -9 of notify under load loses nothing that was acknowledged")
def _(t):
    s = t.own_web({"server.processes": "2"})
    orders = [t.id() for _ in range(30)]
    for o in orders:
        s.ready(o, 5)
    s.notify(b"<xml></xml>")
    acknowledged = set()
    done = threading.Event()
    lock = threading.Lock()

    def sender(i):
        # Each order's notice again and again, as WeChat does, until SUCCESS.
        rng = random.Random(i)
        mine = [(o, h5.notice(o, 5, f"42{i:02}{n:024}"))
                for n, o in enumerate(orders) if n % 4 == i]
        while mine:
            o, body = rng.choice(mine)
            try:
                r = s.notify(body)
            except OSError:
                continue
            if r.status == 200 and r.body == h5.SUCCESS:
                with lock:
                    acknowledged.add(o)
                mine = [m for m in mine if m[0] != o]

    def killer():
        rng = random.Random(7)
        while not done.is_set():
            workers = s.workers("notify")
            if len(s.pids("notify")) > len(workers):
                try:
                    os.kill(rng.choice(workers), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            done.wait(0.05)

    k = threading.Thread(target=killer)
    k.start()
    try:
        h5.together(4, sender)
    finally:
        done.set()
        k.join()
    t.eq(acknowledged, set(orders), "orders that were acknowledged")
    for o in orders:
        got = s.show(o)
        t.eq((got["state"], [e["event"] for e in got["events"]].count("paid")),
             ("paid", 1), o)
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 0, f"fsck: {out!r} {err!r}")


@test("kill -9 of checkout at any time leaves orders that can be paid")
def _(t):
    s = t.own_site()
    rng = random.Random(11)
    links = []
    for i in range(25):
        order = t.id()
        form = s.get("checkout", s.link(order, 5)).form("checkout").fields
        links.append((order, form))
        p = s.cgi("checkout", "POST", body=form, wait=False)
        try:
            p.wait(rng.uniform(0, 0.02))
        except h5.subprocess.TimeoutExpired:
            p.kill()
        p.wait()
        p.stdout.close()
        p.stderr.close()
    code, out, err = s.h5pay("fsck", "--repair")
    t.eq(code, 0, f"fsck: {out!r} {err!r}")
    for order, form in links:
        t.redirect(s.post("checkout", form))
        t.success(s.notify(h5.notice(order, 5)))
        t.eq(s.show(order)["state"], "paid", "state")


@test("kill -9 of plain CGI notify at any time: old state or paid, no third")
def _(t):
    s = t.own_site()
    rng = random.Random(13)
    for i in range(25):
        order = t.id()
        s.ready(order, 5)
        body = h5.notice(order, 5)
        p = s.cgi("notify", "POST", body=body, wait=False)
        try:
            p.wait(rng.uniform(0, 0.01))
        except h5.subprocess.TimeoutExpired:
            p.kill()
        p.wait()
        said = p.stdout.read()
        p.stdout.close()
        p.stderr.close()
        state = s.show(order)["state"]
        t.ok(state in ("awaiting", "paid"), f"state {state}")
        if h5.SUCCESS in said:
            t.eq(state, "paid", "state of an order that was acknowledged")
        t.success(s.notify(body))
        o = s.show(order)
        t.eq((o["state"], [e["event"] for e in o["events"]].count("paid")),
             ("paid", 1), "after the repetition")


TORN = [
    ("half a line", lambda b: b[:len(b) - len(b.splitlines(True)[-1]) // 2]),
    ("a line without its line feed", lambda b: b[:-1]),
    ("another byte than its line feed", lambda b: b[:-1] + b"\xa5"),
    ("one byte more", lambda b: b + b"{"),
    ("a page of zeros", lambda b: b + b"\0" * 4096),
    ("rubbish", lambda b: b + os.urandom(100).replace(b"\n", b"x")),
]


@table("a ledger that ends in {0} is read, and healed by the next writer",
       TORN)
def _(t, name, spoil):
    s = t.own_site()
    order = t.id()
    token = s.ready(order, 5)
    path = ledger(s, order)
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    state = s.show(order)["state"]
    t.ok(state in ("created", "awaiting"), f"state {state}")
    t.eq(s.get("query", {"order": order, "t": token}).status, 200, "query")
    t.success(s.notify(h5.notice(order, 5)))
    t.eq(s.show(order)["state"], "paid", "state")
    code, out, err = s.h5pay("fsck")
    t.eq(code, 0, f"fsck: {out!r} {err!r}")
    t.ok(path.read_bytes().endswith(b"\n"), "whole lines")


@test("a file system that fails every fsync acknowledges nothing")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    body = h5.notice(order, 5)
    for call in ("fdatasync", "fsync"):
        r = s.notify(body, prefix=[
            "strace", "-f", "-qq", "-o", "/dev/null", "-e",
            f"inject={call}:error=EIO"])
        if call == "fdatasync":
            t.refused(r)
            t.eq(s.show(order)["state"], "awaiting", "state")
    t.success(s.notify(body))


@test("a failed write of a new order sends nothing to WeChat")
def _(t):
    s = t.own_site()
    s.ready(t.id())
    for call in ("fsync", "linkat", "write"):
        order = t.id()
        form = s.get("checkout", s.link(order)).form("checkout").fields
        env = {} if call != "write" else None
        r = None
        if call == "write":
            continue  # the answer itself is a write; see no_writes
        r = s.post("checkout", form, env=env, prefix=[
            "strace", "-f", "-qq", "-o", "/dev/null", "-e",
            f"inject={call}:error=ENOSPC"])
        t.page(r, 503, "store-error")
        t.eq(t.gateway.calls(order=order), [], f"calls after {call} failed")
        t.redirect(s.post("checkout", form))


@test("planted links and pipes in the store are not followed")
def _(t):
    s = t.own_site()
    order = t.id()
    s.ready(order, 5)
    path = ledger(s, order)
    outside = s.folder / "outside"
    outside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(outside)
    before = outside.read_bytes()
    t.refused(s.notify(h5.notice(order, 5)))
    t.eq(outside.read_bytes(), before, "the file outside")
    path.unlink()
    os.mkfifo(path)
    t.refused(s.notify(h5.notice(order, 5), timeout=10))

"""ways.py - one order, 64 buyers at once, some by H5 and some by QR code: a
part of make races.

Each order is begun by POSTs of its pay link that arrive together, and asked
for again in a second wave.  The stand-in keeps what WeChat would: a number
can be paid from its unifiedorder until its closeorder.  Never may two numbers
of one order be payable.  Some answers get lost after the work was done, so
that nobody here knows what became of a number.  At the end the one number
that can be paid is paid, and the order with it."""

import argparse
import collections
import contextlib
import pathlib
import random
import re
import shutil
import socket
import struct
import sys
import threading
import time
import urllib.parse

import lab
import storm

h5 = lab.h5
WIDTH = 64
VIAS = ("h5", "native")
TRADE = {"MWEB": "h5", "NATIVE": "native"}
PATIENCE_S = 120
# What a buyer may be told; anything else is a fault.
MAY = {200, 303, 429, 502, 503}


# --- WeChat -----------------------------------------------------------------


class _Books(lab._WeChat):
    def do_POST(self):
        # The books are right whenever the answer comes, or does not.
        time.sleep(self.server.rnd.uniform(0, 0.01))
        super().do_POST()

    def lose(self):
        if self.server.rnd.random() < self.server.losses:
            self.server.lost += 1
            raise ConnectionResetError("the answer is lost")

    def unifiedorder(self, asked):
        number, way = asked["out_trade_no"], TRADE[asked["trade_type"]]
        s = self.server
        with s.lock:
            known = s.numbers.get(number)
            if known == "closed":
                return {"result_code": "FAIL", "err_code": "ORDERCLOSED",
                        "err_code_des": "closed"}
            if known not in (None, way):
                return {"result_code": "FAIL", "err_code": "INVALID_REQUEST",
                        "err_code_des": "201 another way"}
            s.numbers[number] = way
            s.made[way] += known is None
            s.look(number)
        self.lose()
        answer = {"trade_type": asked["trade_type"],
                  "prepay_id": "wx" + number}
        if way == "h5":
            answer["mweb_url"] = s.url + "/cashier?prepay_id=wx1"
        else:
            answer["code_url"] = "weixin://wxpay/bizpayurl?pr=" + number[-7:]
        return answer

    def orderquery(self, asked):
        number = asked["out_trade_no"]
        with self.server.lock:
            known = self.server.numbers.get(number)
        if known is None:
            return {"result_code": "FAIL", "err_code": "ORDERNOTEXIST",
                    "err_code_des": "no such order"}
        return {"out_trade_no": number, "trade_state_desc": "x",
                "trade_state": "CLOSED" if known == "closed" else "NOTPAY"}

    def closeorder(self, asked):
        number = asked["out_trade_no"]
        with self.server.lock:
            known = self.server.numbers.get(number)
            # It is burnt, if WeChat never heard of it.
            self.server.numbers[number] = "closed"
        self.lose()
        if known is None:
            return {"result_code": "FAIL", "err_code": "ORDERNOTEXIST",
                    "err_code_des": "no such order"}
        return {}


class Books(lab.WeChat):
    """What can be paid, by number: h5, native or closed."""

    request_queue_size = 256

    def __init__(self, seed, losses):
        super().__init__()
        self.RequestHandlerClass = _Books
        self.lock = threading.Lock()
        self.rnd = random.Random(seed)
        self.losses, self.lost = losses, 0
        self.numbers = {}
        self.made = collections.Counter()
        self.wrong = []

    def payable(self, order):
        """Under the lock, or when nobody orders any more."""
        return [n for n, way in self.numbers.items()
                if way != "closed" and n.partition("_")[0] == order]

    def look(self, number):
        order = number.partition("_")[0]
        both = self.payable(order)
        if len(both) > 1:
            self.wrong.append(f"{order}: payable at once: {' '.join(both)}")


# --- buyers -----------------------------------------------------------------


def record(kind, data):
    return struct.pack(">BBHHBB", 1, kind, 1, len(data), 0, 0) + data


def pairs(values):
    out = b""
    for name, value in values.items():
        for part in (name, value):
            out += struct.pack(">I", len(part) | 1 << 31)
        out += name.encode() + value.encode()
    return out


def request(fields):
    body = urllib.parse.urlencode(fields).encode()
    return (record(1, struct.pack(">HB5x", 1, 0)) + record(4, pairs({
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/cgi-bin/checkout",
        "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1", "HTTP_USER_AGENT": h5.PHONE,
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body))})) + record(4, b"") +
        record(5, body) + record(5, b""))


def answer(s):
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            break
        data += more
    out = b""
    while len(data) >= 8:
        _, kind, _, n, pad, _ = struct.unpack(">BBHHBB", data[:8])
        if kind == 6:
            out += data[8:8 + n]
        data = data[8 + n + pad:]
    m = re.match(rb"Status: (\d+)", out)
    where = re.search(rb"^Location: (\S+)", out, re.M)
    return (int(m.group(1)) if m else 0,
            where.group(1).decode() if where else "")


def wave(path, posts):
    """All but the last record of each, then all of those.  Statuses, and an
    address that one was sent to."""
    sockets = []
    for fields in posts:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(path)
        r = request(fields)
        s.sendall(r[:-8])
        sockets.append((s, r[-8:]))
    for s, last in sockets:
        s.sendall(last)
    statuses, address = collections.Counter(), ""
    for s, _ in sockets:
        status, where = answer(s)
        statuses[status] += 1
        address = where or address
        s.close()
    return statuses, address


# --- the whole --------------------------------------------------------------


class Ways:
    def __init__(self, room, books, args):
        self.room, self.books, self.args = room, books, args
        self.site, self.rnd = room.site, books.rnd
        self.bad = []
        self.count = collections.Counter()

    def wave(self, posts):
        got, address = wave(str(self.room.folder / "checkout.sock"), posts)
        for status, n in got.items():
            self.count[f"answers {status}"] += n
        strange = set(got) - MAY
        if strange:
            self.bad.append(f"answered {sorted(strange)}")
        # Of the page that follows, or of the one after the cashier.
        return urllib.parse.unquote(address)

    def mixed(self, fields):
        return [{**fields, "via": self.rnd.choice(VIAS)}
                for _ in range(WIDTH)]

    def order(self, n):
        order = f"W{n:07d}"
        page = self.site.get("checkout", self.site.link(order, lab.FEE))
        address = self.wave(self.mixed(dict(page.form("checkout").fields)))
        token = re.search(r"[?&]t=([\w-]+)", address).group(1)
        for _ in range(2):
            self.wave(self.mixed({"order": order, "t": token, "again": "1"}))
        self.end(order)

    def end(self, order):
        """What can be paid is known here, and paid."""
        shown = self.site.show(order)
        ways = [a.get("product", "h5") for a in shown["attempts"]]
        self.count["orders"] += 1
        self.count["attempts"] += len(ways)
        self.count["changes of way"] += sum(
            a != b for a, b in zip(ways, ways[1:]))
        can = self.books.payable(order)
        here = {a["out_trade_no"]: a["state"] for a in shown["attempts"]}
        for number in can:
            if here.get(number) != "awaiting":
                self.bad.append(f"{number} can be paid, and is "
                                f"{here.get(number)} here")
        if len(can) != 1:
            self.count[f"orders with {len(can)} that can be paid"] += 1
        if not can:
            return
        way = {v: k for k, v in TRADE.items()}[self.books.numbers[can[0]]]
        reply = self.site.notify(h5.notice(can[0], lab.FEE, trade_type=way))
        shown = self.site.show(order)
        if (reply.body, shown["state"], shown["alerts"]) != (
                h5.SUCCESS, "paid", []):
            self.bad.append(f"{order}: {shown['state']} {shown['alerts']}")
        self.count["orders paid"] += 1


def run(args):
    room = lab.Lab(args.build)
    books = Books(args.seed, args.losses)
    parents = []
    try:
        shutil.rmtree(room.store, ignore_errors=True)
        room.site.configure({
            "gateway.url": books.url, "gateway.backup_url": books.url,
            "gateway.cashier": books.url + "/",
            "gateway.deadline_ms": 60000,
            "merchant.products": " ".join(VIAS),
            "orders.query_interval_s": 1, "server.processes": 16,
            "server.threads": 4, "log.file": "/dev/null"})
        parents.append(storm.start(room.site, "checkout", room.folder,
                                   args.checkout))
        ways = Ways(room, books, args)
        for n in range(args.rounds):
            ways.order(n)
        bad = ways.bad + books.wrong
        code, out, err = room.site.h5pay("fsck")
        if code:
            bad.append(f"fsck {out!r} {err!r}")
        # The answer was lost, and so were those of the other tries.
        if ways.count["answers 502"] > books.lost:
            bad.append(f"{books.lost} answers lost: too few for the 502s")
        for way in VIAS:
            if not books.made[way]:
                bad.append(f"nobody paid by {way}")
        if not ways.count["changes of way"]:
            bad.append("no way was changed")
    finally:
        for q in parents:
            q.terminate()
        for q in parents:
            q.wait()
        books.shutdown()
        room.close()
    if not bad:
        print("ok - 64 at once by two ways: never two numbers to pay")
    print(f"# seed {args.seed}, answers of WeChat lost: {books.lost}")
    for name, n in sorted(ways.count.items()):
        print(f"# {name}: {n}")
    for line in bad[:40]:
        print("not ok - " + line)
    print(end="", flush=True)
    return ways.count["orders"] if not bad else 0, len(bad)


def options(words=None):
    p = argparse.ArgumentParser()
    p.add_argument("--build", type=pathlib.Path, default="build")
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--losses", type=float, default=0.05)
    p.add_argument("--seed", type=int, default=time.time_ns() // 10**6 % 10**9)
    p.add_argument("--checkout", type=pathlib.Path,
                   help="another one: a control")
    args = p.parse_args(words)
    args.build = pathlib.Path(args.build).resolve()
    return args


def control(build):
    """Programs that talk with WeChat about one order at the same time must be
    caught."""
    args = options(["--build", str(build), "--rounds", "3"])
    args.checkout = args.build / "fault" / "broken" / "together"
    for turn in range(1, 6):
        with contextlib.redirect_stdout(None):
            _, caught = run(args)
        if caught:
            break
    print(f"{'' if caught else 'not '}ok - the control, many conversations "
          f"about one order, is caught (turn {turn})", flush=True)
    return int(caught > 0), int(not caught)


def main():
    args = options()
    passed, failed = run(args)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""flat.py - does a program that lives long grow?  Each web program as FastCGI
behind lighttpd, good and bad requests mixed, every status looked at; memory
after 10,000, 50,000, 100,000, 200,000 and 400,000 of them.

    flat.py --build build [PROGRAM ...]"""

import argparse
import pathlib
import re
import subprocess
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import h5  # noqa: E402

MARKS = (10000, 50000, 100000, 200000, 400000)
GROWTH_KIB = 128  # over the last 200,000: before, arenas of malloc fill up
ASKERS = 8
ORDERS = 64
LEDGER = 4096  # bytes; longer ones were written by the requests
FEE = 628
FORM = "application/x-www-form-urlencoded"


def memory(pids):
    """(RSS, PSS) of these processes together, KiB."""
    rss = pss = 0
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        rss += int(re.search(r"^Rss:\s+(\d+)", text, re.M)[1])
        pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return rss, pss


class Mix:
    """Orders, half of them paid, and requests about them."""

    def __init__(self, web, gateway):
        self.web = web
        self.orders = []
        for i in range(ORDERS):
            order = f"Flat{i:06d}"
            page = web.get("checkout", web.link(order, FEE))
            fields = page.form("checkout").fields
            token = web.token(web.post("checkout", fields))
            paid = i % 2 == 1
            tx = f"42000012342026{i:014d}"
            if paid:
                got = web.notify(h5.notice(order, FEE, tx))
                assert got.body == h5.SUCCESS, got
            self.orders.append((order, token, paid, tx, fields))

    def lines(self, program):
        out = []
        for one in self.orders:
            out += getattr(self, program.replace("-", "_"))(*one)
        # Refused before anything is looked at.
        out += [("405", "PUT", program, "", ""),
                ("400,404,200,403", "GET", program + "?x=%ff%", "", "")
                if program != "notify" else ("405", "GET", program, "", "")]
        return ["\t".join((may, method, "/cgi-bin/" + path, kind, body))
                for may, method, path, kind, body in out]

    def notify(self, order, token, paid, tx, fields):
        xml = "text/xml"
        good = h5.notice(order, FEE, tx).decode()
        return [
            ("200", "POST", "notify", xml, good),
            ("200", "POST", "notify", xml,
             h5.notice(order, FEE, tx, key="0" * 32).decode()),
            ("200", "POST", "notify", xml, good[:-20]),
            ("200", "POST", "notify", xml,
             h5.notice("Nobodys" + order[4:], FEE, tx).decode()),
            ("413", "POST", "notify", xml, "x" * 70000)
            if order.endswith("7") else ("200", "POST", "notify", xml, "<"),
        ]

    def return_page(self, order, token, paid, tx, fields):
        page = "return-page?" + urllib.parse.urlencode(
            {"order": order, "t": token})
        return [("200", "GET", page, "", ""),
                ("200", "GET", page + "&lang=en", "", ""),
                ("404", "GET", page + "x", "", ""),
                ("405", "POST", "return-page", FORM, "a=b")]

    def query(self, order, token, paid, tx, fields):
        own = urllib.parse.urlencode({"order": order, "t": token})
        return [("200", "GET", "query?" + own, "", ""),
                ("303", "POST", "query", FORM, own),
                ("404", "POST", "query", FORM, own + "x"),
                ("400", "POST", "query", FORM, own + "&more=1")]

    def checkout(self, order, token, paid, tx, fields):
        link = self.web.link(order, FEE)
        form = urllib.parse.urlencode(fields)
        again = urllib.parse.urlencode(
            {"order": order, "t": token, "again": "1"})
        goes = "200" if paid else "303"
        return [("200", "GET", "checkout?" + link, "", ""),
                (goes, "POST", "checkout", FORM, form),
                # Of an open order each would be lines more in its ledger.
                *([(goes, "POST", "checkout", FORM, again)] if paid else []),
                ("403", "GET", "checkout?" + link[:-4] + "0000", "", ""),
                ("409", "GET", "checkout?" + self.web.link(order, FEE + 1),
                 "", ""),
                ("200", "GET", "checkout?item=tea&qty=2", "", ""),
                ("404", "GET", "checkout?item=none", "", ""),
                ("403", "POST", "checkout", FORM,
                 urllib.parse.urlencode({"item": "tea"}))]


def ask(web, lines, seconds):
    """How many answers came; every one is right, or it ends here."""
    file = web.folder / "mixed"
    file.write_text("\n".join(lines) + "\n")
    started = [subprocess.Popen(
        ["wrk", "-t1", "-c1", f"-d{seconds}s", "--timeout", "20s", "-s",
         HERE / "mixed.lua", web.origin, "--", file],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(ASKERS)]
    total = 0
    for p in started:
        head, told = p.communicate()[1].split("\n", 1)
        good, bad = map(int, head.split())
        if bad:
            sys.exit(f"not ok - {bad} wrong answers: {told}")
        total += good
    return total


def walk(web, program, lines):
    """[(requests, RSS, PSS)], each printed as it is seen."""
    ask(web, lines, 1)  # every thread has been at work
    pids = web.workers(program)
    total, seen = 0, []
    for mark in MARKS:
        while total < mark:
            total += ask(web, lines, 2)
        if web.workers(program) != pids:
            sys.exit(f"not ok - {program} was started anew")
        seen.append((total, *memory(pids)))
        print("| {} | {:,} | {:,} | {:,} |".format(program, *seen[-1]),
              flush=True)
    return seen


def growth(build, program):
    """KiB of RSS from the last mark but one to the last.  In a shop of its
    own, whose ledgers must not grow meanwhile: it takes more to read a longer
    one."""
    gateway = h5.Gateway(build, quiet=True, args=["--keep", "10"])
    web = h5.Web(build, gateway, {"orders.query_interval_s": 60,
                                  "limits.starts_total_per_minute": 0})
    try:
        seen = walk(web, program, Mix(web, gateway).lines(program))
        longest = max(f.stat().st_size for f in
                      (web.store / "orders").glob("*/*/*.ledger"))
        print(f"# {program}: the longest ledger is {longest:,} bytes")
        if longest > LEDGER:
            sys.exit("not ok - a ledger grew meanwhile")
        return seen[-1][1] - seen[-2][1]
    finally:
        web.close()
        gateway.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("programs", nargs="*")
    args = p.parse_args()
    if h5.shutil.which("wrk") is None:
        sys.exit("make flat needs wrk (Debian: apt-get install wrk)")
    bad = 0
    print("| program | requests | RSS KiB | PSS KiB |\n|---|---|---|---|")
    for program in args.programs or h5.PROGRAMS:
        grown = growth(args.build, program)
        if grown > GROWTH_KIB:
            print(f"not ok - {program} grew by {grown} KiB")
            bad += 1
    n = len(args.programs or h5.PROGRAMS)
    print(f"{n - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

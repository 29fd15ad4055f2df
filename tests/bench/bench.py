"""make bench: h5pay beside what could be reached at all.

Starts everything itself.  Each row is measured in turns (limit, h5pay, limit,
h5pay ...) behind one lighttpd, every answer is looked at, and afterwards the
store.  Absolute figures do not travel; ratios of one run do.

    make bench [ROUNDS=5] [MANY=100000] [T=notify]

The report is build/bench/report.md, the chart chart.svg beside it.
"""

import argparse
import base64
import concurrent.futures
import hashlib
import hmac
import os
import pathlib
import platform
import random
import re
import resource
import statistics
import subprocess
import sys
import time
import types
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import h5  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
LIMIT_THREADS = 16  # of a limit program: at its best with them
CONNECTIONS = 64
LATENCY_MS = 200
FILES = 10000  # of the limit program that appends
# Of a turn of conversations: what its end cuts off is 0.2 s of it.
TURN_S = 10


class Wrong(Exception):
    """An answer, or the store, is not what it has to be."""


# --- what the kernel counts -------------------------------------------------


def of_each(pids, name):
    """(pid, text of that file in /proc) of each process that is still there:
    a sweep comes and goes meanwhile."""
    for pid in pids:
        try:
            yield pid, pathlib.Path(f"/proc/{pid}/{name}").read_text()
        except (FileNotFoundError, ProcessLookupError):
            pass


def cpu_s(pids):
    spent = {}
    for pid, text in of_each(pids, "stat"):
        fields = text.rsplit(")", 1)[1].split()
        spent[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return spent


def cpu_since(before):
    after = cpu_s(before)
    if not after:
        raise Wrong("no process of the program was left")
    return sum(after[pid] - before[pid] for pid in after)


def pss_mib(pids):
    return sum(int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
               for _, text in of_each(pids, "smaps_rollup")) / 1024


# --- one measurement --------------------------------------------------------


class Shot:
    """What wrk saw in one go.  CPU is the program's own, without lighttpd."""

    def __init__(self, web, pids, method, lines, status, want, path="",
                 seconds=1, connections=CONNECTIONS):
        file = web.folder / "requests"
        threads = 2  # each takes every second line
        if len(lines) < threads:
            lines = lines * threads
        file.write_text("\n".join(lines) + "\n")
        before = cpu_s(pids)
        p = subprocess.run(
            ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s",
             "--timeout", "20s", "-s", HERE / "send.lua", web.origin, "--",
             method, file, str(threads), str(status), want, path],
            capture_output=True, text=True, check=True)
        self.cpu = cpu_since(before)
        head, first = p.stderr.split("\n", 1)
        good, bad, again, us, p50, p99, most = map(int, map(float,
                                                            head.split()))
        if bad or not good:
            raise Wrong(f"{method} {path or lines[0]}: {bad} of {good + bad} "
                        f"answers are wrong: {first}")
        self.good, self.again = good, again
        self.rate = good * 1e6 / us
        self.cpu_us = self.cpu * 1e6 / good
        self.p50_ms, self.p99_ms, self.max_ms = p50 / 1e3, p99 / 1e3, most / 1e3
        self.pss = pss_mib(pids)


def spread(values, digits=2):
    return (f"{statistics.median(values):,.{digits}f} "
            f"({min(values):,.{digits}f}-{max(values):,.{digits}f})")


class Row:
    """One line of the report: figure against target."""

    def __init__(self, name, values, target, least=None, most=None, note="",
                 digits=2):
        self.name, self.values, self.target = name, values, target
        self.value = statistics.median(values)
        self.least, self.most, self.note = least, most, note
        self.digits = digits
        self.held = not (least is not None and self.value < least
                         or most is not None and self.value > most)

    def line(self):
        word = "-" if self.least is None and self.most is None else (
            "yes" if self.held else "**no**")
        return (f"| {self.name} | {spread(self.values, self.digits)} | "
                f"{self.target} | {word} | {self.note} |")


def sync_all(paths):
    """Each was synced once, as every ledger is when its order is made: the
    first sync of a file may have to write its folder too."""
    def sync(path):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for _ in pool.map(sync, paths):
            pass


# --- the bench --------------------------------------------------------------


class Bench:
    def __init__(self, build, rounds, many=100000):
        self.many = many  # orders of a large store
        self.build = pathlib.Path(build).resolve()
        self.tools = self.build / "bench"
        self.rounds = rounds
        self.rows = []
        self.more = []  # paragraphs

    def row(self, *a, **k):
        row = Row(*a, **k)
        self.rows.append(row)
        print(f"{row.name:56} {spread(row.values, row.digits):>26}  "
              f"{row.target}{'' if row.held else '  MISSED'}", flush=True)

    def orders(self, web, prefix, first, count, *still_open):
        subprocess.run([self.tools / "orders", web.store, prefix, str(first),
                        str(count), *map(str, still_open)], check=True)

    def web(self, gateway=None, conf=None, limits=()):
        """A shop behind lighttpd and, behind the same, limit programs:
        (name, arguments)."""
        lines = ""
        folder = pathlib.Path(h5.tempfile.mkdtemp(prefix="h5-bench-"))
        for name, args in limits:
            h5.shutil.copy(self.tools / "limit", folder / name)
            args = args.replace("@", str(folder))
            lines += (f'fastcgi.server += ( "/{name}" => (( "bin-path" => '
                      f'"{folder}/{name} {args}", "socket" => '
                      f'"{folder}/{name}.sock", "max-procs" => 1, '
                      '"check-local" => "disable" )) )\n')
        # All buyers come from one machine, faster than any shop's.
        conf = {"limits.starts_total_per_minute": 0, **(conf or {})}
        web = h5.Web(self.build, gateway, conf, extra=lines, folder=folder)
        for p in h5.PROGRAMS:
            h5.until(p, lambda p=p: web.pids(p))
        return web

    def done(self, web):
        web.close()
        h5.shutil.rmtree(web.folder, ignore_errors=True)

    def pair(self, web, ours, limit):
        """Turns: limit, h5pay, limit, h5pay; two lists.  The first turn warms
        up and is thrown away."""
        a, b = [], []
        for n in range(-1, self.rounds):
            x, y = limit(n), ours(n)
            if n >= 0:
                a.append(x)
                b.append(y)
        return a, b

    def ratio_rows(self, name, a, b, least, cpu_most=None, p99=False):
        rates = [y.rate / x.rate for x, y in zip(a, b)]
        self.row(f"{name}: requests/s, of the limit's", rates, f">= {least}",
                 least=least, note=f"{spread([x.rate for x in a], 0)} limit, "
                 f"{spread([y.rate for y in b], 0)} h5pay")
        cpu = [y.cpu_us / x.cpu_us for x, y in zip(a, b)]
        self.row(f"{name}: CPU of the program, of the limit's", cpu,
                 f"<= {cpu_most}" if cpu_most else "-", most=cpu_most,
                 note=f"{spread([x.cpu_us for x in a], 0)} us limit, "
                 f"{spread([y.cpu_us for y in b], 0)} us h5pay")
        if p99:
            late = [y.p99_ms / x.p99_ms for x, y in zip(a, b)]
            self.row(f"{name}: p99, of the limit's", late, "<= 2", most=2,
                     note=f"{spread([y.p99_ms for y in b], 1)} ms h5pay")

    # -- notices

    def notify(self):
        each = 20000  # more than a turn of one second takes
        web = self.web(limits=[
            ("l-append", f"append {LIMIT_THREADS} @/many {FILES}"),
            ("l-post", f"post {LIMIT_THREADS}")])
        for i in range(FILES):
            d = web.folder / "many" / f"{i % 16:x}" / f"{i // 16 % 16:x}"
            d.mkdir(parents=True, exist_ok=True)
            (d / str(i)).write_bytes(b"o" * 700 + b"\n")
        self.orders(web, "BENCH", 0, each * (self.rounds + 1))
        sync_all((web.folder / "many").glob("*/*/*"))
        sync_all((web.store / "orders").glob("*/*/*.ledger"))
        # Not in the order in which the ledgers lie on the disk: neighbours
        # would share a write, as those of the limit program do not.
        numbers = list(range(each * (self.rounds + 1)))
        for n in range(0, len(numbers), each):
            part = numbers[n:n + each]
            random.Random(n).shuffle(part)
            numbers[n:n + each] = part
        bodies = [h5.notice(f"BENCH{i:08d}", 1).decode() for i in numbers]
        want = "=" + h5.SUCCESS.decode()
        ours, append, post = (web.pids(p) for p in
                              ("notify", "l-append", "l-post"))
        said = []

        def durable(n):
            lines = bodies[(n + 1) * each:(n + 2) * each]
            got = Shot(web, ours, "POST", lines, 200, want, "/cgi-bin/notify")
            # The second time round they would be repetitions.
            if got.again:
                raise Wrong("more notices were taken than were prepared")
            said.append((got.good, n))
            return got

        def limit(n):
            return Shot(web, append, "POST", bodies[:each], 200,
                        "=<xml>good</xml>", "/l-append")

        a, b = self.pair(web, durable, limit)
        self.ratio_rows("notify, durable", a, b, 0.80, 1.5, p99=True)
        self.more.append(self.paid(web, said, each))
        a, b = self.pair(
            web,
            lambda n: Shot(web, ours, "POST", bodies[:1000], 200, want,
                           "/cgi-bin/notify"),
            lambda n: Shot(web, post, "POST", bodies[:1000], 200,
                           "=<xml>good</xml>", "/l-post"))
        self.ratio_rows("notify, repetition", a, b, 0.85)
        self.row("memory, notify under load: PSS MiB", [y.pss for y in b],
                 "<= 12", most=12, digits=1)
        self.done(web)

    def paid(self, web, said, each):
        """Every acknowledged notice is in the store: what was sent and not
        acknowledged, at most one a connection, may be there or not."""
        for good, n in said:
            first = (n + 1) * each
            have = 0
            for path in (web.store / "orders").glob("*/*/*.ledger"):
                if first <= int(path.stem[5:]) < first + each:
                    have += b'"event":"paid"' in path.read_bytes()
            if not good <= have <= good + CONNECTIONS:
                raise Wrong(f"{good} notices acknowledged, {have} in the store")
        code, out, err = web.h5pay("fsck")
        if code != 0:
            raise Wrong(f"fsck: {code} {out}{err}")
        return (f"{sum(g for g, _ in said):,} acknowledged notices were looked "
                "for in the store and found; fsck found nothing wrong.")

    # -- pages

    def pages(self):
        def token(order):
            return self._token("order", order)

        # Addresses on the page: as long as those of a port of the system's.
        probe = h5.Site(self.build, base_url="http://127.0.0.1:40000/cgi-bin")
        self.orders(probe, "BENCH", 0, 1)
        size = {}
        for p in ("return-page", "query"):
            r = probe.get(p, {"order": "BENCH00000000",
                              "t": token("BENCH00000000")})
            if r.status != 200:
                raise Wrong(f"{p}: {r}")
            size[p] = len(r.body)
        probe.close()
        limits = {"return-page": "l-return", "query": "l-query"}
        web = self.web(limits=[
            (limits[p], f"hello {LIMIT_THREADS} {size[p]}") for p in size])
        self.orders(web, "BENCH", 0, 1000)
        idle = {p: pss_mib(web.pids(p)) for p in h5.PROGRAMS}
        for p in size:
            lines = [f"/cgi-bin/{p}?order=BENCH{i:08d}&t="
                     f"{token(f'BENCH{i:08d}')}" for i in range(1000)]
            a, b = self.pair(
                web,
                lambda n: Shot(web, web.pids(p), "GET", lines, 200,
                               f"#{size[p]}"),
                lambda n: Shot(web, web.pids(limits[p]), "GET",
                               [f"/{limits[p]}"], 200, f"#{size[p]}"))
            self.ratio_rows(f"{p} GET, {size[p]:,} bytes", a, b, 0.80)
            self.row(f"memory, {p} under load: PSS MiB", [y.pss for y in b],
                     "<= 12", most=12, digits=1)
        self.row("memory, idle: PSS of the largest program, MiB",
                 [max(idle.values())], "<= 4", most=4,
                 note=", ".join(f"{p} {v:.1f}" for p, v in idle.items()))
        self.growth_of_memory(web, size, token)
        self.done(web)

    def growth_of_memory(self, web, size, token):
        p = "return-page"
        lines = [f"/cgi-bin/{p}?order=BENCH{i:08d}&t={token(f'BENCH{i:08d}')}"
                 for i in range(1000)]
        total, marks = 0, []
        while total < 200000:
            got = Shot(web, web.pids(p), "GET", lines, 200, f"#{size[p]}",
                       seconds=4)
            total += got.good
            marks.append(got.pss)
        self.row("memory, return-page, over 200,000 requests: growth, MiB",
                 [marks[-1] - marks[0]], "0", most=0.1,
                 note=f"{total:,} requests, {marks[0]:.1f} to {marks[-1]:.1f}")

    # -- conversations

    def checkout(self):
        for buyers, threads, pss in ((64, 32, 20), (256, 128, 60)):
            self.buyers(buyers, threads, pss)

    def buyers(self, buyers, threads, pss):
        folder = pathlib.Path(h5.tempfile.mkdtemp(prefix="h5-bench-tls-"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
             folder / "key", "-out", folder / "crt", "-days", "2", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True)
        g = h5.Gateway(self.build, args=[
            "--tls-cert", folder / "crt", "--tls-key", folder / "key",
            "--latency-ms", str(LATENCY_MS), "--side-listen", "127.0.0.1:0",
            "--port-file", folder / "ports"])
        api = g.url
        g.url = "http://127.0.0.1:" + (folder / "ports").read_text().split()[1]
        web = self.web(g, {
            "gateway.url": api, "gateway.cashier": api + "/",
            "gateway.ca_file": folder / "crt", "server.processes": 2,
            "server.threads": threads, "orders.query_interval_s": 0})
        ideal = buyers / (LATENCY_MS / 1000)
        each = int(ideal * (TURN_S + 1))
        good, made, bare = [], [], []
        spent = {}
        for n in range(-1, self.rounds):
            ids = [f"BUY{(n + 1) * each + i:08d}" for i in range(each)]
            least = self.bare_client(web, g, api, ids, buyers)
            self.let_end(g)
            before = g.counters()
            got = Shot(web, web.pids("checkout"), "POST",
                       [self.order_form(i) for i in ids], 303, "@checkmweb",
                       "/cgi-bin/checkout", TURN_S, buyers)
            if got.again:
                raise Wrong("more orders were taken than were prepared")
            after = g.counters()
            spent = {k: after[k] - before[k] for k in
                     ("unifiedorder", "api_connections", "handshakes")}
            made = ids
            if n >= 0:
                got.handshakes = spent["handshakes"] / got.good
                good.append(got)
                bare.append(least)
        self.conversation("checkout POST", buyers, ideal, good, pss)
        self.beside_bare(buyers, good, bare)
        have = {p.stem for p in (web.store / "orders").glob("*/*/*.ledger")
                if b'"event":"prepaid"' in p.read_bytes()}
        known = [i for i in made if i in have]
        good = []
        for n in range(self.rounds):
            self.let_end(g)
            before = g.counters()
            got = Shot(web, web.pids("query"), "POST",
                       [self.query_form(i) for i in known], 303, "@query",
                       "/cgi-bin/query", TURN_S, buyers)
            got.handshakes = (g.counters()["handshakes"] -
                              before["handshakes"]) / got.good
            got.asked = (g.counters()["orderquery"] -
                         before["orderquery"]) / got.good
            if n > 0 or self.rounds == 1:
                good.append(got)
        self.conversation("query POST", buyers, ideal, good, pss)
        self.more.append(
            f"query POST, {buyers} buyers: {good[-1].asked:.2f} questions to "
            "the gateway per answer.")
        self.done(web)
        g.close()
        h5.shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def let_end(g):
        """The buyers of the turn before left in the middle of a conversation,
        and what serves it is not free before its end."""
        seen = {}

        def silent():
            c = g.counters()
            seen.setdefault((c["unifiedorder"], c["orderquery"]),
                            time.monotonic())
            return time.monotonic() - max(seen.values()) > LATENCY_MS / 500

        h5.until("the last turn's conversations to end", silent)

    def bare_client(self, web, g, api, ids, buyers):
        """What this machine can do at all: the same orders to the same
        gateway over TLS, by wrk alone, without a web server or h5pay."""
        lines = [self.unified(f"L{i}") for i in ids]
        alone = types.SimpleNamespace(folder=web.folder, origin=api)
        got = Shot(alone, [g.process.pid], "POST", lines, 200, "mweb_url",
                   "/pay/unifiedorder", TURN_S, buyers)
        if got.again:
            raise Wrong("the bare client ran out of orders")
        return got

    @staticmethod
    def unified(number):
        fields = {
            "appid": h5.APPID, "mch_id": h5.MCH_ID, "device_info": "WEB",
            "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c", "body": "tea",
            "sign_type": "HMAC-SHA256", "out_trade_no": number,
            "total_fee": "1", "fee_type": "CNY", "trade_type": "MWEB",
            "spbill_create_ip": "203.0.113.7",
            "time_start": time.strftime(
                "%Y%m%d%H%M%S", time.gmtime(time.time() + 8 * 3600)),
            "time_expire": time.strftime(
                "%Y%m%d%H%M%S", time.gmtime(time.time() + 10 * 3600)),
            "notify_url": "http://127.0.0.1/cgi-bin/notify",
            "scene_info": '{"h5_info": {"type":"Wap","wap_url":'
                          '"http://127.0.0.1/","wap_name": "tea"}}'}
        fields["sign"] = h5.wx_sign(fields)
        return h5.wx_xml(fields).decode()

    def beside_bare(self, buyers, good, bare):
        name = f"checkout POST, {buyers} buyers"
        self.row(f"{name}: orders/s, of a bare client's",
                 [y.rate / x.rate for x, y in zip(bare, good)], "-",
                 note=f"{spread([x.rate for x in bare], 0)} bare")
        self.row(f"{name}: p50 beyond a bare client's, ms",
                 [y.p50_ms - x.p50_ms for x, y in zip(bare, good)], "-",
                 digits=1, note=f"{spread([x.p50_ms for x in bare], 1)} bare")
        self.row(f"{name}: p99 beyond a bare client's, ms",
                 [y.p99_ms - x.p99_ms for x, y in zip(bare, good)], "-",
                 digits=1, note=f"{spread([x.p99_ms for x in bare], 1)} bare")
        self.row(f"{name}: CPU of the stand-in for a bare client's order, us",
                 [x.cpu_us for x in bare], "-", digits=0)

    @staticmethod
    def _token(purpose, text):
        mac = hmac.new(h5.SECRET.encode(), f"{purpose}\n{text}".encode(),
                       hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")

    def order_form(self, order):
        fields = {"order": order, "total_fee": "1", "body": "tea"}
        fields["sig"] = h5.link_sig(fields)
        fields["form"] = self._token("form", f"{order}\n\n1\n1")
        return urllib.parse.urlencode(fields)

    def query_form(self, order):
        return urllib.parse.urlencode(
            {"order": order, "t": self._token("order", order)})

    def conversation(self, what, buyers, ideal, shots, pss):
        least = 0.95 if buyers == 64 else 0.90
        name = f"{what}, {buyers} buyers"
        self.row(f"{name}: of buyers / 0.2 s", [s.rate / ideal for s in shots],
                 f">= {least}", least=least,
                 note=f"{spread([s.rate for s in shots], 0)} a second")
        over50 = [s.p50_ms - LATENCY_MS for s in shots]
        over99 = [s.p99_ms - LATENCY_MS for s in shots]
        small = buyers == 64
        self.row(f"{name}: added p50, ms", over50, "<= 5" if small else "-",
                 most=5 if small else None, digits=1)
        self.row(f"{name}: added p99, ms", over99, "<= 40" if small else "-",
                 most=40 if small else None, digits=1)
        self.row(f"{name}: TLS handshakes per order",
                 [s.handshakes for s in shots], "< 0.05", most=0.05, digits=3)
        self.row(f"{name}: CPU us", [s.cpu_us for s in shots], "<= 900",
                 most=900, digits=0)
        self.row(f"{name}: PSS MiB under load", [s.pss for s in shots],
                 f"<= {pss}", most=pss, digits=1)

    # -- plain CGI

    def cgi(self):
        site = h5.Site(self.build)
        self.orders(site, "BENCH", 0, 1)
        order = "BENCH00000000"
        query = urllib.parse.urlencode(
            {"order": order, "t": self._token("order", order)})
        link = h5.link_query({"order": "CHECK00001", "total_fee": "1",
                              "body": "tea"})
        body = site.write("body", h5.notice(order, 1))
        nothing = "/dev/null"
        bare = self.tools / "limit"
        dynamic, crypto = (self.tools / f"linked-{n}"
                           for n in ("dynamic", "crypto"))
        rows = (("return-page", "GET", query, nothing, bare, 1.5),
                ("notify", "POST", "", body, bare, 1.5),
                ("return-page", "GET", query, nothing, crypto, None),
                ("notify", "POST", "", body, crypto, None),
                ("checkout", "GET", link, nothing, dynamic, 1.3),
                ("query", "GET", query, nothing, dynamic, 1.3))
        for program, method, query, stdin, limit, most in rows:
            a, b = [], []
            for n in range(-1, self.rounds):
                x = self.spawn(limit, "GET", "", nothing, site)
                y = self.spawn(self.build / "cgi-bin" / program, method, query,
                               stdin, site)
                if n >= 0:
                    a.append(x / 1e3)
                    b.append(y / 1e3)
            word = {bare: "a bare C program", crypto:
                    "one linked to OpenSSL", dynamic:
                    "one linked to curl and the rest"}[limit]
            self.row(f"plain CGI, {program}: start to answer, of {word}",
                     [y / x for x, y in zip(a, b)],
                     f"<= {most}" if most else "-", most=most,
                     note=f"{spread(a, 1)} ms, {spread(b, 1)} ms")
        self.static(site, query, body, nothing)
        self.instructions(site, order)
        site.close()

    def static(self, site, query, body, nothing):
        """What make dist-static built, if it did."""
        folder = self.build / "static" / "programs" / "cgi-bin"
        for program, method, q, stdin in (
                ("return-page", "GET", query, nothing),
                ("notify", "POST", "", body)):
            if not (folder / program).exists():
                return
            took = [self.spawn(folder / program, method, q, stdin, site) / 1e3
                    for _ in range(self.rounds)]
            self.row(f"plain CGI, static {program}: start to answer, ms", took,
                     "<= 3", most=3)

    def spawn(self, program, method, query, stdin, site):
        env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method,
               "QUERY_STRING": query, "SCRIPT_NAME": "/cgi-bin/x",
               "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
               "HTTP_USER_AGENT": h5.PHONE, "H5PAY_CONF": str(site.conf_file),
               "CONTENT_LENGTH": str(os.path.getsize(stdin)),
               "CONTENT_TYPE": "text/xml"}
        p = subprocess.run([self.tools / "spawn", "20", stdin, program],
                           env=env, capture_output=True, text=True)
        if p.returncode != 0:
            raise Wrong(f"{program}: {p.stderr}")
        return int(p.stdout.split()[0])

    def instructions(self, site, order):
        """What one process executes for one request: does not waver."""
        if h5.shutil.which("valgrind") is None:
            return
        out = site.folder / "callgrind"
        counted = []
        t = self._token("order", order)
        for program, args in (("return-page", ("GET", {"order": order, "t": t})),
                              ("notify", ("POST", "", h5.notice(order, 1)))):
            site.cgi(program, *args, prefix=(
                "valgrind", "-q", "--tool=callgrind",
                f"--callgrind-out-file={out}"))
            total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(),
                              re.M)[1]
            counted.append(f"{program} {int(total) / 1e6:.1f} million")
        self.more.append("Instructions of one plain CGI process (callgrind): "
                         + ", ".join(counted) + ".")

    # -- growth

    def growth(self):
        """Two stores that end in the same open orders of today; in the larger
        one they have the paid ones of years before them."""
        still_open = 100
        sizes = (1000, self.many)
        webs = [self.web() for n in sizes]
        # The larger first, and then at once to the sweep: three minutes after
        # it was made an open order is asked about, and nobody answers here.
        for n, web in reversed(list(zip(sizes, webs))):
            began = time.monotonic()
            self.orders(web, "BENCH", 0, n, still_open)
            print(f"{n:,} orders made in {time.monotonic() - began:.0f} s",
                  flush=True)
        self.commands(webs, sizes, still_open)
        # Paid ones from all over: the same page and the same answer.
        picks = [[i * (n // 1000) for i in range(900)] for n in sizes]

        def page(k):
            lines = ["/cgi-bin/return-page?" + urllib.parse.urlencode(
                {"order": f"BENCH{i:08d}",
                 "t": self._token("order", f"BENCH{i:08d}")})
                for i in picks[k]]
            return Shot(webs[k], webs[k].pids("return-page"), "GET", lines,
                        200, "data-page=")

        def notice(k):
            lines = [h5.notice(f"BENCH{i:08d}", 1, f"4200{i:024d}").decode()
                     for i in picks[k]]
            return Shot(webs[k], webs[k].pids("notify"), "POST", lines, 200,
                        "=" + h5.SUCCESS.decode(), "/cgi-bin/notify")

        self.growth_row("return-page, CPU", *(
            [x.cpu_us for x in side] for side in
            self.pair(webs[0], lambda n: page(1), lambda n: page(0))))
        self.growth_row("notify, repetition, CPU", *(
            [x.cpu_us for x in side] for side in
            self.pair(webs[0], lambda n: notice(1), lambda n: notice(0))))
        for web in webs:
            self.done(web)

    def growth_row(self, name, small, large):
        self.row(f"growth, {name}: at {self.many:,} orders, of that at 1,000",
                 [y / x for x, y in zip(small, large)], "<= 1.1", most=1.1,
                 note=f"{spread(small, 0)} us, {spread(large, 0)} us")

    def command(self, web, *args):
        """One run: CPU in us, and what it printed."""
        def spent():
            u = resource.getrusage(resource.RUSAGE_CHILDREN)
            return u.ru_utime + u.ru_stime

        before = spent()
        code, out, err = web.h5pay(*args, timeout=600)
        if code != 0:
            raise Wrong(f"{args}: {code} {out[-300:]}{err[-300:]}")
        return ((spent() - before) * 1e6, out)

    def commands(self, webs, sizes, still_open):
        last = f"BENCH{sizes[0] - 1:08d}", f"BENCH{sizes[1] - 1:08d}"
        took = {}
        self.command(webs[0], "sweep")  # looks at every order once
        took["first sweep"] = [self.command(webs[1], "sweep")[0]]
        for name, args, times in (
                (f"sweep, {still_open} open", ("sweep",), 10),
                (f"list --since today, {still_open} rows",
                 ("list", "--since", "today"), 10),
                ("show", ("show", None), 20)):
            cpu = [[], []]
            for n in range(-1, self.rounds):
                for k in (0, 1):
                    got = [self.command(webs[k], *(
                        last[k] if a is None else a for a in args))
                        for _ in range(times)]
                    rows = got[-1][1].count("BENCH")
                    if args[0] == "list" and rows != still_open:
                        raise Wrong(f"list shows {rows} orders")
                    if n >= 0:
                        cpu[k].append(sum(g[0] for g in got) / times)
            self.growth_row(f"{name}, CPU", *cpu)
        for verb in ("fsck", "list"):
            self.command(webs[1], verb)
            took[verb] = [self.command(webs[1], verb)[0]
                          for _ in range(min(self.rounds, 3))]
        # Of a second of CPU: what one core does that is not shared.
        for verb, least in (("fsck", 50000), ("list", None),
                            ("first sweep", None)):
            self.row(f"{verb} of {sizes[1]:,} orders, read-cached: orders in a "
                     "second of CPU", [sizes[1] * 1e6 / us for us in took[verb]],
                     f">= {least:,}" if least else "-", least=least, digits=0)

    # -- calls

    def calls(self):
        out = subprocess.run([self.tools / "calls"], capture_output=True,
                             text=True, check=True).stdout
        lines = ["| call | ns of CPU | allocations |", "|---|---|---|"]
        for line in out.splitlines():
            name, ns, n = line.split("\t")
            lines.append(f"| {name} | {int(ns):,} | {n} |")
            print(f"{name:40} {ns:>8} ns {n:>6} allocations")
        self.more.append("\n".join(lines))

    # -- the report

    def head(self):
        commit = subprocess.run(["git", "describe", "--always", "--dirty"],
                                capture_output=True, text=True).stdout.strip()
        fs = subprocess.run(["stat", "-f", "-c", "%T", h5.tempfile.gettempdir()],
                            capture_output=True, text=True).stdout.strip()
        return (f"{time.strftime('%Y-%m-%d %H:%M')} UTC, commit {commit}, "
                f"{os.cpu_count()} cores, {platform.system()} "
                f"{platform.release()}, store on {fs}, "
                f"{self.rounds} rounds, load average at the start "
                f"{os.getloadavg()[0]:.1f}.")

    def report(self, head):
        self.tools.mkdir(exist_ok=True)
        text = ["# make bench", "", head, "",
                "Medians, in brackets least and most. Ratios are of turns that "
                "stood side by side.", "",
                "| what | measured | target | held | absolute |",
                "|---|---|---|---|---|",
                *(r.line() for r in self.rows), ""]
        for part in self.more:
            text += [part, ""]
        (self.tools / "report.md").write_text("\n".join(text))
        (self.tools / "chart.svg").write_text(self.chart())

    def chart(self):
        """Ratios to the limit as bars; the mark is the target."""
        rows = [r for r in self.rows if "of " in r.name and r.value < 10]
        top, out = 24, []
        for i, r in enumerate(rows):
            y = top + i * 26
            mark = r.least or r.most
            colour = "#2e7d32" if r.held else "#b23b3b"
            out.append(
                f'<text x="440" y="{y + 13}" text-anchor="end">{r.name}</text>'
                f'<rect x="450" y="{y}" width="{r.value * 150:.0f}" '
                f'height="17" fill="{colour}"/>'
                f'<text x="{456 + r.value * 150:.0f}" y="{y + 13}">'
                f'{r.value:.2f}</text>')
            if mark:
                x = 450 + mark * 150
                out.append(f'<path d="M{x:.0f} {y - 3}v23" stroke="#000" '
                           'stroke-width="2"/>')
        width = 560 + int(max([r.value for r in rows] or [1]) * 150)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
                f'height="{top + len(rows) * 26 + 10}" font-family="sans-serif"'
                ' font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
                '<text x="8" y="14">Ratio to the limit; the line is the '
                f'target</text>{"".join(out)}</svg>\n')


PARTS = ("notify", "pages", "checkout", "cgi", "growth", "calls")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--many", type=int, default=100000)
    p.add_argument("parts", nargs="*")
    a = p.parse_args()
    if h5.shutil.which("wrk") is None:
        sys.exit("make bench needs wrk (Debian: apt-get install wrk)")
    if set(a.parts) - set(PARTS):
        sys.exit(f"parts: {' '.join(PARTS)}")
    h5.adopt_orphans()
    b = Bench(a.build, a.rounds, a.many)
    head = b.head()
    print(head)
    wrong = []
    for name in a.parts or PARTS:
        try:
            getattr(b, name)()
        except Wrong as e:
            wrong.append(f"{name}: {e}")
            b.more.append(f"**{name} gave a wrong answer and was left.**")
        b.report(head)
    print(f"{b.tools}/report.md, chart.svg")
    if wrong:
        sys.exit("bench: " + "\n".join(wrong))


if __name__ == "__main__":
    main()

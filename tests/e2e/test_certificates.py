"""The site's own TLS certificate: looked at by sweep and doctor, told by
status, the log and the report."""

import datetime
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import h5
import test_web_doctor
from case import table, test

HOST = "pay.test.example"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


class Authority:
    """A root, whose certificate the system trusts, and what it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.make("root", ca=True)

    def openssl(self, *args, start=None):
        faked = ["faketime", "-f", start] if start else []
        subprocess.run([*faked, "openssl", *map(str, args)], check=True,
                       capture_output=True, cwd=self.folder)

    def make(self, name, by=None, days=90, start="-1h", ca=False, cn=None,
             more=()):
        """NAME.pem and NAME.key."""
        lines = [f"basicConstraints=critical,CA:{str(ca).upper()}", *more]
        (self.folder / f"{name}.ext").write_text("\n".join(lines) + "\n")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     f"{name}.key", "-out", f"{name}.csr", "-subj",
                     f"/CN={cn or 'Test ' + name}")
        signer = ["-CA", f"{by}.pem", "-CAkey", f"{by}.key",
                  "-CAcreateserial"] if by else ["-signkey", f"{name}.key"]
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-extfile",
                     f"{name}.ext", "-out", f"{name}.pem", "-days", days,
                     *signer, start=start)

    def leaf(self, by="middle", names=f"DNS:{HOST}", use="serverAuth", **kw):
        self.make("leaf", by, more=[f"subjectAltName={names}",
                                    f"extendedKeyUsage={use}"], **kw)


class Server:
    """Shows certificates to whoever comes; counts them."""

    def __init__(self, folder, chain):
        self.show(folder, chain)
        self.start()

    def show(self, folder, chain):
        text = "".join((folder / f"{name}.pem").read_text() for name in chain)
        (folder / "shown.pem").write_text(text)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "shown.pem",
                                     folder / f"{chain[0]}.key")

    def start(self, seen=lambda: None):
        self.seen, self.came, self.got = seen, 0, []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                one, _ = self.listening.accept()
            except OSError:
                return
            self.came += 1
            self.seen()
            with one:
                self.answer(one)

    def answer(self, one):
        one.settimeout(30)
        got = b""
        try:
            with self.context.wrap_socket(one, server_side=True) as tls:
                got = tls.recv(1)
        except OSError:
            pass  # it went at once: in some versions that is a reset
        self.got.append(got)

    def close(self):
        # What is blocked in accept wakes up.
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


class Plain(Server):
    """Knows no TLS."""

    def __init__(self):
        self.start()

    def answer(self, one):
        one.recv(1)
        one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class Mute(Server):
    """Says nothing until the other side goes."""

    def __init__(self, seen=lambda: None):
        self.start(seen)

    def answer(self, one):
        while one.recv(4096):
            pass


def world(t, s, root):
    """A prefix for programs on a machine that trusts root, and knows HOST."""
    hosts = s.folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {HOST} old.test.example "
                     "a.test.example\n")
    script = (f'mount --bind "$1" /etc/hosts && mount --bind "$2" {BUNDLE} && '
              'shift 2 && exec "$@"')
    prefix = [*h5.own_mounts(), "sh", "-c", script, "sh", str(hosts),
              str(root)]
    if not os.path.isfile(BUNDLE) or subprocess.run(
            [*prefix, "true"], capture_output=True).returncode:
        t.skip("needs a mount namespace of its own")
    return prefix


class Shop:
    def __init__(self, t, server, host=HOST, **conf):
        self.t, self.server = t, server
        t.mine(server)
        self.s = t.own_site({"site.base_url": f"https://{host}:{server.port}/pay",
                             **conf})
        self.ca = None

    def under(self, ca):
        self.prefix = world(self.t, self.s, ca.folder / "root.pem")
        return self

    def run(self, *args):
        return self.s.h5pay(*args, prefix=self.prefix)

    def sweep(self):
        code, out, err = self.run("sweep")
        self.t.eq((code, out, err), (0, "", ""), "sweep")

    def status(self):
        """(as programs read it, what a person sees of certificates)"""
        (got,) = json.loads(self.s.h5pay("--json", "status")[1])["certificates"]
        seen = [x for x in self.s.h5pay("status")[1].splitlines()
                if x.startswith("certificate")]
        return got, seen

    def told(self, event="certificate-"):
        return [x for x in self.s.log() if event in x]

    def reported(self):
        day = datetime.datetime.now(datetime.timezone(
            datetime.timedelta(hours=8))).strftime("%Y-%m-%d")
        out = self.s.h5pay("report", day, "--json")[1]
        return [p["problem"] for p in json.loads(out)["problems"]
                if "certificate" in p["problem"]]

    def doctor(self, *args, **kw):
        out = self.s.h5pay("doctor", "--json", *args, prefix=self.prefix,
                           **kw)[1]
        return [c for c in json.loads(out)["checks"] if c["check"] == "tls"]


    def page(self):
        """(verdict, words) on the doctor's page, for a Chinese merchant; good
        news is only counted there."""
        (self.s.store / "doctor.enable").touch(mode=0o600)
        r = self.s.post("doctor", query="lang=zh-CN", prefix=self.prefix)
        return [(f[0], f[2]) for f in test_web_doctor.findings(r)
                if f[1] == "网站证书"]


def authority(t):
    folder = t.own_site().folder / "ca"
    folder.mkdir()
    return Authority(folder)


def chain(ca, what):
    """What the server shows, by the words of the tables below."""
    ca.make("middle", "root", ca=True, **what.get("middle", {}))
    ca.leaf(**what.get("leaf", {}))
    return what.get("shows", ["leaf", "middle"])


GOOD, SOON, FAIL = ("pass", None), ("warn", "ends"), ("fail", "wrong")
CHAINS = [
    ("good for 90 days", {}, GOOD, 89, ""),
    ("good for 31 days", {"leaf": {"days": 31}}, GOOD, 30, ""),
    ("good, for every name below the domain",
     {"leaf": {"names": "DNS:*.test.example"}}, GOOD, 89, ""),
    ("good, with its root, in another order",
     {"shows": ["leaf", "root", "middle"]}, GOOD, 89, ""),
    ("signed by a root itself", {"leaf": {"by": "root"}, "shows": ["leaf"]},
     GOOD, 89, ""),
    ("good for 30 days less an hour", {"leaf": {"days": 30}}, SOON, 29, ""),
    ("good until tonight", {"leaf": {"days": 1}}, SOON, 0, ""),
    ("older than the chain's next, which ends first",
     {"middle": {"days": 12}}, SOON, 11, ""),
    ("over", {"leaf": {"days": 1, "start": "-49h"}}, ("fail", "ends"), -2, ""),
    ("good, and its issuer's is over",
     {"middle": {"days": 1, "start": "-25h"}}, ("fail", "ends"), -1, ""),
    ("shown alone", {"shows": ["leaf"]}, FAIL, 89, "Test middle"),
    ("shown twice, without its issuer's", {"shows": ["leaf", "leaf"]}, FAIL, 89,
     "Test middle"),
    ("shown with another issuer's", {"shows": ["leaf", "root"]}, FAIL, 89,
     "Test middle"),
    ("for another name", {"leaf": {"names": "DNS:www.test.example,DNS:x.example"}},
     FAIL, 89, "www.test.example, x.example"),
    ("for a name one level below",
     {"leaf": {"names": f"DNS:*.{HOST}"}}, FAIL, 89, f"*.{HOST}"),
    ("for another name, over and shown alone",
     {"leaf": {"names": "DNS:x.example", "days": 1, "start": "-49h"},
      "shows": ["leaf"]}, FAIL, -2, "x.example"),
    ("for no name", {"leaf": {"names": "email:a@x.example"}}, FAIL, 89,
     "no name"),
    ("signed by itself", {"leaf": {"by": None}, "shows": ["leaf"]}, FAIL, 89,
     f"{HOST}"),
    ("not valid yet", {"leaf": {"start": "+71h"}}, FAIL, 92, ""),
    ("for clients alone", {"leaf": {"use": "clientAuth"}}, FAIL, 89,
     "purpose"),
]


@table("a site's certificate that is {0}", CHAINS)
def _(t, name, what, want, days, words):
    ca = authority(t)
    if what.get("leaf", {}).get("by", "") is None:
        what = {**what, "leaf": {**what["leaf"], "cn": HOST}}
    x = Shop(t, Server(ca.folder, chain(ca, what))).under(ca)
    result, event = want
    got, seen = x.status()
    t.eq((got["certificate"], got["ends"], got["days"], got["alarm"], seen),
         ("site", None, None, False, []), f"before the first look, {got}")
    x.sweep()
    t.until("the end of the look", lambda: x.server.got)
    t.eq(x.server.got, [b""], "what was sent after the handshake")
    got, seen = x.status()
    t.eq((got["days"], got["alarm"]), (days, event is not None), got)
    ends = datetime.datetime.fromisoformat(got["ends"]).timestamp()
    t.eq((ends - time.time()) // 86400, days, "the day it ends")
    t.eq(got["why"] is not None, event == "wrong", got)
    t.contains(got["why"] or "", words, "why")
    t.eq(len(seen), event is not None, f"status, {seen}")
    if seen:
        t.ok(seen[0].startswith("certificate\tsite\t"), seen)
    t.eq([x.split()[1] for x in x.told()],
         [f"certificate-{event}"] if event else [], "told")
    if event:
        t.ok(x.told()[0].startswith("alert "), x.told())
        t.contains(x.told()[0], "certificate=site", "the alert")
        t.contains(x.told()[0], words if event == "wrong" else f"days={days}",
                   "the alert")
    t.eq(x.reported(), ["certificate_site"] if event else [], "the report")
    (found,) = x.doctor()
    t.eq(found["result"], result, found)
    t.contains(found["found"], words, "the doctor")
    t.contains(found["found"], HOST, "the doctor")
    t.eq(found["remedy"] is None, result == "pass", found)
    told = x.page()
    t.eq([f[0] for f in told],
         {"pass": [], "warn": ["提醒"], "fail": ["错误"]}[result], "the page")
    for verdict, said in told:
        t.contains(said, words, "the page")
        t.ok(HOST in said and any("一" <= c <= "鿿" for c in said), said)
    t.eq(x.s.h5pay("fsck")[0], 0, "fsck")


@test("a sweep looks at the site's certificate once a day, others never")
def _(t):
    ca = authority(t)
    x = Shop(t, Server(ca.folder, chain(ca, {"leaf": {"days": 3}}))).under(ca)
    order = t.id()
    x.run("sweep", "--order", order)
    x.run("list")
    x.run("status")
    t.eq(x.server.came, 0, "looks of a sweep of one order, list and status")
    x.sweep()
    x.sweep()
    t.eq((x.server.came, len(x.told())), (1, 1), "looks and alerts of two sweeps")
    note, kept = x.s.store / "certificates", x.s.store / "certificates.site"
    t.eq(kept.stat().st_mode & 0o777, 0o600, "mode")
    note.write_text(f"{int(note.read_text()) - 86401}\n")
    x.sweep()
    t.eq((x.server.came, len(x.told())), (2, 2), "a day later")


def day_passes(x):
    (x.s.store / "certificates").unlink()


@table("a site that {0} has no certificate to tell of, and keeps what was seen", [
    ("does not answer", Mute), ("speaks plain http", Plain),
    ("is not there", None)])
def _(t, name, kind):
    ca = authority(t)
    x = Shop(t, Server(ca.folder, chain(ca, {"leaf": {"days": 9}}))).under(ca)
    x.sweep()
    before = x.status()
    t.eq(before[0]["days"], 8, "seen")
    other = Mute() if kind is None else kind()
    if kind is None:
        other.close()
    else:
        t.mine(other)
    # The same host: the port is another.
    x.s.configure({"site.base_url": f"https://{HOST}:{other.port}/pay"})
    got, seen = x.status()
    t.eq((got["ends"], got["alarm"], seen), (None, False, []),
         "at another address")
    day_passes(x)
    began = time.monotonic()
    x.sweep()
    t.ok(time.monotonic() - began < 20, "a sweep ends in time")
    t.eq(len(x.told("certificate-not-seen")), 1, x.told())
    t.ok(x.told("certificate-not-seen")[0].startswith("warn "), x.told())
    t.eq(x.status(), (got, seen), "still nothing")
    if kind != Mute:  # it would wait for each page
        (found,) = x.doctor()
        t.eq((found["result"], found["remedy"] is None), ("warn", False), found)
    # Back at the address of before, what was seen there counts.
    x.s.configure({"site.base_url": f"https://{HOST}:{x.server.port}/pay"})
    t.eq(x.status(), before, "what was kept")


@test("a site that does not answer keeps no event from the shop")
def _(t):
    ca = authority(t)
    came = []
    told = t.own_site().folder / "told"
    server = Mute(seen=lambda: came.append(told.exists()))
    hook = told.with_name("hook")
    hook.write_text(f"#!/bin/sh\ncat >/dev/null\necho x >>{told}\n")
    hook.chmod(0o700)
    x = Shop(t, server, **{"hooks.exec": hook}).under(ca)
    order = t.id()
    x.s.order(order)
    # Nothing is delivered behind the reply.
    x.s.configure({"server.command": "/bin/true"})
    t.success(x.s.notify(h5.notice(order, 1)))
    t.ok(not told.exists(), "not told yet")
    x.s.configure({"server.command": x.s.command})
    x.run("sweep")
    t.eq(came, [True], "had the shop been told when the site was looked at?")


@table("what was kept of a site's certificate and is {0} is not believed", [
    ("empty", ""), ("cut", "HOST 2000000000 good"),
    ("without an end", "HOST soon good \n"),
    ("before all time", "HOST -5 good \n"),
    ("beyond all time", "HOST 99999999999999999999 good \n"),
    ("of another verdict", "HOST 2000000000 fine \n"),
    ("of another host", "x.example 2000000000 good \n"),
    ("of two lines and a zero byte", "HOST 2000000000 good \0\n"),
    ("long", "HOST 2000000000 other " + "x" * 9000 + "\n")])
def _(t, name, text):
    x = Shop(t, Mute())
    x.s.h5pay("fsck")
    kept = x.s.store / "certificates.site"
    kept.write_text(text.replace("HOST", f"{HOST}:{x.server.port}"))
    got, seen = x.status()
    t.eq((got["ends"], got["alarm"], seen), (None, False, []), got)
    kept.write_text(f"{HOST}:{x.server.port} 2000000000 good \n")
    got, seen = x.status()
    t.eq((got["ends"] is None, got["alarm"]), (False, False), f"good, {got}")


@test("a site without TLS, on this machine, has no certificate to watch")
def _(t):
    s = t.own_site()
    s.h5pay("sweep")
    t.eq(json.loads(s.h5pay("--json", "status")[1])["certificates"], [],
         "status")
    t.ok(not (s.store / "certificates.site").exists(), "nothing was kept")

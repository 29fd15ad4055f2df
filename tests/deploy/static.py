"""static.py BUILD - the tarball of make dist-static on a host that has nothing.

Unpacks it into an empty folder, fills the configuration in as README-FTP.txt
says, and runs the programs there by chroot (so it needs root) as plain CGI,
against the stand-in gateway over TLS.  Ends in 'N passed, N failed'."""

import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import h5  # noqa: E402
import sbom  # noqa: E402
from gateway import Gateway  # noqa: E402

NAME_SERVER = "127.7.7.53"
HOME = pathlib.PurePosixPath("/home/shop")
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt",
           "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
           "/etc/ssl/cert.pem")


class Names(threading.Thread):
    """A name server: every A is 127.0.0.1, nothing else exists."""

    def __init__(self):
        super().__init__(daemon=True)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.s.bind((NAME_SERVER, 53))
        self.asked = 0
        self.start()

    def run(self):
        while True:
            q, who = self.s.recvfrom(512)
            end = q.index(b"\0", 12) + 5
            a = q[end - 4:end - 2] == b"\0\1"
            self.asked += 1
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1" if a else b""
            self.s.sendto(q[:2] + b"\x81\x80\0\1" + (b"\0\1" if a else b"\0\0")
                          + b"\0" * 4 + q[12:end] + answer, who)


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True,
                   capture_output=True)


def authority(folder, name):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert,
            "-days", "2", "-subj", f"/CN={name}")
    return key, cert


def server_cert(folder, ca):
    key, cert = folder / "server.key", folder / "server.pem"
    (folder / "ext").write_text("subjectAltName=DNS:gateway.test,DNS:wx.test\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", key, "-out", folder / "csr", "-subj",
            "/CN=gateway.test")
    openssl("x509", "-req", "-in", folder / "csr", "-CA", ca[1], "-CAkey",
            ca[0], "-CAcreateserial", "-days", "2", "-extfile",
            folder / "ext", "-out", cert)
    return key, cert


class Host(h5.Site):
    """An account on a shared host, in a root folder of its own."""

    def __init__(self, root, tree, gateway):
        self.root, self.gateway = root, gateway
        self.base_url = "https://localhost/pay"
        self.bin = HOME / "public_html" / "pay"
        self.command = HOME / "h5pay" / "bin" / "h5pay"
        home = root / str(HOME)[1:]
        home.mkdir(parents=True)
        for part in ("public_html", "h5pay"):
            shutil.copytree(tree / part, home / part)
        self.account = home / "h5pay"
        for d in ("dev", "etc", "proc", "tmp"):
            (root / d).mkdir()
        # The store names its files by /proc, which every host has.
        subprocess.run(["mount", "-t", "proc", "proc", root / "proc"],
                       check=True)
        for name, minor in (("null", 3), ("urandom", 9)):
            os.mknod(root / "dev" / name, stat.S_IFCHR | 0o666,
                     os.makedev(1, minor))
        self.put("/etc/hosts", "127.0.0.1 localhost gateway.test\n")
        self.put("/etc/resolv.conf", f"nameserver {NAME_SERVER}\n")
        secrets = self.account / "secrets"
        secrets.mkdir(mode=0o700)
        for name, text in (("api_key", h5.API_KEY), ("site_secret", h5.SECRET),
                           ("link_key", h5.LINK_KEY)):
            (secrets / name).write_text(text + "\n")
            (secrets / name).chmod(0o600)
        self.port = gateway.api.rsplit(":", 1)[1]

    def put(self, path, text):
        path = self.root / path[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def fill_in(self, ca_file=None, host="gateway.test"):
        """h5pay.conf from the example, as its reader would."""
        text = (self.account / "h5pay.conf.example").read_text()
        for key, value in (
                ("appid", h5.APPID), ("mch_id", h5.MCH_ID),
                ("base_url", self.base_url),
                ("link_key_file", "secrets/link_key"),
                ("url", f"https://{host}:{self.port}"),
                ("cashier", self.gateway.api + "/"),
                ("ca_file", ca_file)):
            if value is not None:
                text, n = re.subn(f"(?m)^#?{key} = .*", f"{key} = {value}",
                                  text)
                assert n == 1, key
        conf = self.account / "h5pay.conf"
        conf.write_text(text)
        conf.chmod(0o600)

    def cgi(self, program, *args, env=None, **kw):
        env = {"DOCUMENT_ROOT": str(HOME / "public_html"),
               "REMOTE_ADDR": "114.80.1.9", **(env or {})}
        return super().cgi(program + ".fcgi", *args, env=env,
                           **{**kw, "conf": False})

    def h5pay(self, *args, **kw):
        return super().h5pay("-c", HOME / "h5pay" / "h5pay.conf", *args,
                             **{**kw, "conf": False})

    def popen(self, args, env=None, cwd=None, limits=None):
        def inside():
            os.chroot(self.root)
            os.chdir(str(cwd or "/"))

        return subprocess.Popen(
            [str(a) for a in args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
            start_new_session=True, preexec_fn=inside)

    def close(self):
        subprocess.run(["umount", self.root / "proc"], check=True)

    def said(self):
        log = self.account / "h5pay.log"
        return log.read_text() if log.exists() else ""


def want(ok, what):
    if not ok:
        raise AssertionError(what)


def programs_are_static(s):
    for f in (*(s.tree / "public_html/pay").glob("*.fcgi"),
              s.tree / "h5pay/bin/h5pay"):
        out = subprocess.run(["readelf", "-lhd", f], check=True, text=True,
                             capture_output=True).stdout
        want("INTERP" not in out and "(NEEDED)" not in out, f"{f}: not static")
        want("DYN" in out, f"{f}: not at an address of chance")
        want(os.access(f, os.X_OK), f"{f}: mode")
    want(sorted(f.stem for f in (s.tree / "public_html/pay").glob("*.fcgi"))
         == sorted((*h5.PROGRAMS, "doctor")), "which")


def sums_are_right(s):
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=s.tree,
                   check=True)
    listed = {line.split("  ", 1)[1] for line in
              (s.tree / "SHA256SUMS").read_text().splitlines()}
    there = {str(f.relative_to(s.tree)) for f in s.tree.rglob("*")
             if f.is_file()} - {"SHA256SUMS"}
    want(listed == there, f"not in both: {listed ^ there}")


def bill_of_materials_is_what_is_linked(s):
    maps = (s.build / "static" / "programs").rglob("*.map")
    sbom.same_libraries(s.tree / "h5pay.spdx.json", sbom.in_maps(maps),
                        "STATIC_LINK")


def no_file_names_where_it_was_built(s):
    for f in s.tree.rglob("*"):
        want(not f.is_file() or str(s.build.parent).encode()
             not in f.read_bytes(), f)


def check_is_content(s):
    s.host.fill_in(ca_file="/ca.pem")
    code, out, err = s.host.h5pay("check")
    want(code == 0, f"check: {code} {out}{err}")


def buy(s, order):
    r = s.host.order(order, 880)
    want(r.status == 303, f"{r} {r.stderr} {s.host.said()[-500:]}")
    return s.host.token(r)


def buyer_pays_by_notice(s):
    s.host.fill_in(ca_file="/ca.pem")
    token = buy(s, "static-notice")
    r = s.host.notify(h5.notice("static-notice", 880))
    want(r.body == h5.SUCCESS, f"{r.body}")
    r = s.host.get("return-page", {"order": "static-notice", "t": token})
    want(r.page in ("return", "result"), f"{r}")
    want(s.host.show("static-notice")["paid_via"] == "notify", "paid_via")


def buyer_pays_by_query(s):
    token = buy(s, "static-query")
    s.gateway.pay("static-query", notice=0)
    r = s.host.get("return-page", {"order": "static-query", "t": token})
    want(r.page == "return", f"{r}")
    r = s.host.post("query", r.form("query").fields)
    want(r.status == 303, f"{r}")
    r = s.host.get("query", r.header("Location").split("?", 1)[1])
    want((r.page, r.state) == ("result", "paid"), f"{r}")
    want(s.host.show("static-query")["paid_via"] == "query", "paid_via")


def sweep_asks(s):
    buy(s, "static-sweep")
    code, out, err = s.host.h5pay("query", "static-sweep")
    want("static-sweep" in out, f"query: {code} {out}{err}")
    code, out, err = s.host.h5pay("sweep")
    want(code == 0, f"sweep: {code} {out}{err}")


def doctor_opens_and_closes(s):
    enable = s.host.account / "orders" / "doctor.enable"
    want(s.host.cgi("doctor").page == "not-found", "closed at first")
    enable.touch()
    r = s.host.cgi("doctor", query="lang=zh-CN")
    want(r.page == "doctor" and "H5支付域名" in r.text, f"{r}")
    r = s.host.cgi("doctor", "POST", "lang=en", {})
    want("WeChat knows appid" in r.visible, r.visible)
    want(str(HOME) not in r.text, "a folder above")
    enable.unlink()
    want(s.host.cgi("doctor").page == "not-found", "closed at last")


def the_readme_sells(s):
    """catalogue.ini and the page with the button, as step 6 says."""
    shutil.copy(s.host.account / "catalogue.ini.example",
                s.host.account / "catalogue.ini")
    conf = s.host.account / "h5pay.conf"
    text, n = re.subn(r"(?m)^#file = catalogue\.ini", "file = catalogue.ini",
                      conf.read_text())
    want(n == 1, "#file = catalogue.ini in the example")
    conf.write_text(text)
    page = h5.Reply(200, [], (s.host.account / "buy-button.html").read_bytes())
    (link,), (form,) = page.dom.links, page.forms
    for url in (link["href"], form.action + "?" + h5.urllib.parse.urlencode(
            form.with_(qty="2"))):
        place, _, query = url.partition("?")
        want(place == "https://shop.example/pay/checkout.fcgi", url)
        r = s.host.get("checkout", query)
        want(r.page == "confirm", f"{url}: {r}")
    comment = re.findall(r"checkout\S*", (
        s.host.account / "catalogue.ini.example").read_text())
    want(all(c.startswith("checkout.fcgi") for c in comment), f"{comment}")


def refused(s, order, pattern):
    r = s.host.order(order, 880)
    want(r.status >= 500, f"{r}")
    want(re.search(pattern, s.host.said() + r.stderr, re.I),
         s.host.said()[-500:])


def wrong_authority_is_refused(s):
    s.host.put("/other.pem", s.other.read_text())
    s.host.fill_in(ca_file="/other.pem")
    refused(s, "static-wrong", "certificate|issuer")


def bundle_is_found(s):
    s.host.fill_in()
    for i, path in enumerate(BUNDLES):
        s.host.put(path, s.ca.read_text())
        buy(s, f"static-bundle-{i}")
        s.host.put(path, s.other.read_text())
        refused(s, f"static-other-{i}", "certificate|issuer")
        (s.host.root / path[1:]).unlink()
    refused(s, "static-none", "no CA bundle")


def name_server_is_asked(s):
    s.host.fill_in(ca_file="/ca.pem", host="wx.test")
    before = s.names.asked
    buy(s, "static-names")
    want(s.names.asked > before, "nobody asked the name server")


def answers_soon(s):
    s.host.fill_in(ca_file="/ca.pem")
    took = {}
    for what, query in (("a page", "item=nothing"),
                        ("a confirmation", s.host.link("static-time", 880))):
        times = []
        for _ in range(30):
            start = time.monotonic()
            s.host.get("checkout", query)
            times.append((time.monotonic() - start) * 1000)
        took[what] = sorted(times)[15]
    print("  ms from start to answer, median of 30, the caller's fork "
          "included:", json.dumps({k: round(v, 1) for k, v in took.items()}))
    want(all(v < 1000 for v in took.values()), f"{took}")


TESTS = (programs_are_static, sums_are_right,
         bill_of_materials_is_what_is_linked, no_file_names_where_it_was_built,
         check_is_content,
         buyer_pays_by_notice, buyer_pays_by_query, sweep_asks,
         doctor_opens_and_closes, the_readme_sells,
         wrong_authority_is_refused, bundle_is_found, name_server_is_asked,
         answers_soon)


class Setting:
    def __init__(self, build, folder):
        self.build = build.resolve()
        tarball, = build.glob("h5pay-*-static.tar.gz")
        with tarfile.open(tarball) as t:
            t.extractall(folder / "tar")
        self.tree, = (folder / "tar").iterdir()
        ca, (_, self.other) = authority(folder, "ca"), authority(folder, "other")
        self.ca = ca[1]
        key, cert = server_cert(folder, ca)
        ports = folder / "ports"
        ports.write_text("")
        self.names = Names()
        self.gateway = Gateway(build, args=[
            "--tls-cert", cert, "--tls-key", key, "--side-listen",
            "127.0.0.1:0", "--port-file", ports])
        side = ports.read_text().split()[1]
        self.gateway.api = self.gateway.url
        self.gateway.url = f"http://127.0.0.1:{side}"
        self.host = Host(folder / "root", self.tree, self.gateway)
        self.host.put("/ca.pem", self.ca.read_text())


def main():
    if os.geteuid() != 0:
        sys.exit("static.py: chroot needs root")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="h5-static-") as folder:
        s = Setting(pathlib.Path(sys.argv[1]), pathlib.Path(folder))
        for t in TESTS:
            name = t.__name__.replace("_", " ")
            try:
                t(s)
                print(f"ok      {name}")
            except Exception as e:
                failed += 1
                print(f"FAILED  {name}: {e}")
        s.gateway.close()
        s.host.close()
    print(f"{len(TESTS) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())

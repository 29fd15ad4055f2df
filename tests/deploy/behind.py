"""behind.py - a shop behind a real web server, by the files of deploy/.

The shipped files are used as they are but for their paths, which lead into the
test's own folder: /usr/lib/h5pay, /etc/h5pay, /run/..., /usr/share/h5pay.  What
surrounds them (a port, a log, modules) is as small as the server allows.
Nothing below /etc is read but mime types and nginx's fastcgi_params, and no
service of the system is touched.
"""

import contextlib
import http.client
import os
import pathlib
import pwd
import random
import re
import shutil
import socket
import subprocess

import h5
from case import Skipped

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
ACCOUNT = "www-data"
MODULES = pathlib.Path("/usr/lib/apache2/modules")


def tool(name, package=None):
    """The path of a command; without it the test is left out."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        raise Skipped(f"{package or name} is not installed")
    return found


def account():
    """Whom the servers' workers run as: root starts them as www-data."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise Skipped(f"no account {ACCOUNT}") from None
    return ACCOUNT


def free_port():
    """A port that was free a moment ago, for servers that take no socket
    from us.  start() tries again when somebody was faster.  It is below those
    that the kernel gives to whoever connects, also while its server restarts."""
    while True:
        port = random.randrange(12000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def listens(path):
    """Somebody listens on this unix socket; bound is not enough."""
    with open("/proc/net/unix") as f:
        return any(x[3] == "00010000" and x[-1] == str(path)
                   for x in map(str.split, f))


class Behind(h5.Site):
    suffix = ""
    settings = {"server.processes": "2"}
    redirect = 303  # the status of our redirects as it passes them on
    own_account = True  # programs run as the web server's workers do

    def __init__(self, build, gateway, conf=None, extra="", user=None):
        self.extra = extra  # more of the surrounding configuration
        self.check()
        self.servers = []
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        super().__init__(build, gateway, user=user or account(),
                         base_url=self.origin + "/pay")
        try:
            self.prepare(conf or {})
            self.start()
        except BaseException:
            self.close()
            raise

    def check(self):
        """Skipped, if something is not installed."""

    def prepare(self, conf):
        if self.user is None:
            # Programs of its own: the tests replace them.
            lib = self.folder / "lib"
            shutil.copytree(self.bin, lib / "cgi-bin")
            shutil.copy(self.command, lib / "h5pay")
            self.bin, self.command = lib / "cgi-bin", lib / "h5pay"
        for name in ("run", "www", "heard"):
            path = self.folder / name
            path.mkdir()
            self.give(path)
        self.errors = self.folder / "www" / "pay" / "errors"
        shutil.copytree(self.build / "errors", self.errors)
        hook = self.write("hook", "#!/bin/sh\ncat >'%s'/$H5PAY_ORDER\n"
                          % (self.folder / "heard"), 0o700)
        self.configure({
            "server.command": self.command,
            "site.program_suffix": self.suffix,
            "site.trusted_proxies": "127.0.0.1",
            "hooks.exec": hook,
            **self.settings, **conf})

    def give(self, path):
        if self.user:
            who = pwd.getpwnam(self.user)
            os.chown(path, who.pw_uid, who.pw_gid)

    def paths(self):
        """What the shipped files name, and what stands for it here."""
        return {
            "/usr/lib/h5pay": self.bin,
            "/usr/bin/h5pay": self.command,
            "/etc/h5pay/h5pay.conf": self.conf_file,
            "/home/merchant/h5pay/h5pay.conf": self.conf_file,
            "/usr/share/h5pay/errors": self.errors,
            "/run/lighttpd": self.folder / "run",
            "/run/h5pay": self.folder / "run",
            "/run/fcgiwrap.socket": self.folder / "run" / "fcgiwrap.sock",
        }

    def shipped(self, name):
        """The text of a file below deploy/, with this test's paths."""
        text = (DEPLOY / name).read_text()
        paths = self.paths()
        return re.sub("|".join(map(re.escape, paths)),
                      lambda m: str(paths[m[0]]), text)

    # -- servers

    def launch(self, args, env=None):
        out = open(self.folder / "server.out", "ab")
        p = h5.spawn(args, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                     env={"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
                          **(env or {})}, cwd="/")
        out.close()
        self.servers.append(p)
        return p

    def serve(self, args):
        """Start the web server; it answers when this returns."""
        p = self.launch(args)

        def up():
            if p.poll() is not None:
                raise AssertionError(f"{args[0]} ended: {self.server_log()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except ConnectionRefusedError:
                return False

        try:
            h5.until(f"{args[0]} to answer", up, 20)
        except h5.Late as e:
            raise AssertionError(f"{e}: {self.server_log()}") from None

    def server_log(self):
        out = []
        for name in ("server.out", "server.log"):
            path = self.folder / name
            if path.exists():
                out += path.read_text(errors="replace").splitlines()[-15:]
        return "\n".join(out)

    def pids(self, program):
        """The living processes of a program, oldest first."""
        comm = self.comm(program)[:15]
        out = []
        for p, c in h5.family(os.getpid()).items():
            if c == comm:
                try:
                    exe = os.readlink(f"/proc/{p}/exe")
                except OSError:
                    continue
                if exe.startswith(str(self.folder)) or exe.startswith(
                        str(self.bin)):
                    out.append(p)
        return sorted(out)

    def comm(self, program):
        return program + self.suffix

    def stop(self):
        pids = set()
        for p in self.servers:
            pids.update(h5.family(p.pid))
        for program in h5.PROGRAMS:
            pids.update(self.pids(program))
        for p in reversed(self.servers):
            if p.poll() is None:
                p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        h5.stop_family(pids, 5)
        h5.reap_adopted()
        self.servers = []

    def close(self):
        self.stop()
        super().close()

    # -- requests over the wire

    def request(self, method, path, body=None, headers=(), timeout=60):
        body = h5.form_body(body)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        h = {"User-Agent": h5.PHONE, "Connection": "close",
             "X-Forwarded-For": "203.0.113.9"}
        if body is not None:
            h["Content-Type"] = "application/x-www-form-urlencoded"
        h.update(dict(headers))
        try:
            c.request(method, path, body=body, headers=h)
            r = c.getresponse()
            return h5.Reply(r.status, r.getheaders(), r.read(),
                            self.origin + path)
        finally:
            c.close()

    def cgi(self, program, method="GET", query="", body=None, headers=(),
            **kw):
        if isinstance(query, dict):
            query = h5.urllib.parse.urlencode(query)
        path = f"/pay/{program}{self.suffix}" + (f"?{query}" if query else "")
        return self.request(method, path, body, headers)

    def url(self, program, query=""):
        return f"{self.origin}/pay/{program}{self.suffix}?{query}"


# --- lighttpd ---------------------------------------------------------------

LIGHTTPD = """\
server.modules = ( "mod_access" )
server.document-root = "{folder}/www"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/server.log"
mimetype.assign = ( ".html" => "text/html; charset=utf-8" )
{who}{extra}
"""


class Lighttpd(Behind):
    file = "lighttpd/50-h5pay.conf"
    modules = 'server.modules += ( "mod_fastcgi" )\n'

    def check(self):
        tool("lighttpd")

    def start(self):
        who = ""
        if self.user:
            who = (f'server.username = "{self.user}"\n'
                   f'server.groupname = "{self.user}"\n')
        log = self.folder / "server.log"
        log.touch()
        self.give(log)
        conf = self.write("lighttpd.conf", LIGHTTPD.format(
            folder=self.folder, port=self.port, who=who, extra=self.extra)
            + self.modules + self.shipped(self.file))
        self.serve([tool("lighttpd"), "-D", "-f", conf])


class LighttpdCgi(Lighttpd):
    file = "lighttpd/50-h5pay-cgi.conf"
    modules = 'server.modules += ( "mod_alias", "mod_setenv", "mod_cgi" )\n'
    settings = {"server.processes": "0"}


# --- Apache -----------------------------------------------------------------

APACHE = """\
ServerRoot {folder}
PidFile {folder}/run/apache.pid
Listen 127.0.0.1:{port}
ServerName shop.test
ErrorLog {folder}/server.log
DocumentRoot {folder}/www
Mutex file:{folder}/run
DefaultRuntimeDir {folder}/run
StartServers 1
{who}{modules}
<IfModule mod_mime.c>
TypesConfig /etc/mime.types
</IfModule>
<Directory {folder}/www>
    AllowOverride {override}
    Require all granted
</Directory>
"""
BASIC = "mpm_event authz_core mime alias env dir".split()


class Apache(Behind):
    modules = ()
    override = "None"
    more = ""  # what the host adds

    def check(self):
        tool("apache2")
        for m in (*BASIC, *self.modules):
            if not (MODULES / f"mod_{m}.so").exists():
                raise Skipped(f"mod_{m} of Apache is not installed")

    def load(self):
        return "".join(
            f"LoadModule {m}_module {MODULES}/mod_{m}.so\n"
            for m in (*BASIC, *self.modules))

    def part(self):
        """The shipped part of the server's own configuration."""
        return ""

    def start(self):
        who = f"User {ACCOUNT}\nGroup {ACCOUNT}\n" if self.user else ""
        conf = self.write("apache.conf", APACHE.format(
            folder=self.folder, port=self.port, who=who, modules=self.load(),
            override=self.override) + self.more.format(folder=self.folder)
            + self.part() + self.extra)
        self.serve([tool("apache2"), "-D", "FOREGROUND", "-f", conf])


class Htaccess(Apache):
    """The host loads a module; the merchant uploads .htaccess and the rest."""

    suffix = ".fcgi"
    override = "FileInfo Options=ExecCGI"
    settings = {"server.processes": "0", "server.threads": "1"}
    file = "apache/htaccess"
    by_setenv = False  # h5pay.path names the configuration, or SetEnv

    def prepare(self, conf):
        super().prepare(conf)
        self.upload(self.folder / "www" / "pay")

    def upload(self, pay):
        for program in (*h5.PROGRAMS, "doctor"):
            path = pay / (program + self.suffix)
            shutil.copy(self.bin / program, path)
            path.chmod(0o711)
        self.bin = pay
        text = self.shipped(self.file)
        if self.by_setenv:
            text = text.replace("#SetEnv", "SetEnv")
        else:
            (pay / "h5pay.path").write_text(f"{self.conf_file}\n")
        (pay / ".htaccess").write_text(text)
        (pay / ".htaccess").chmod(0o644)


class ApacheFcgid(Htaccess):
    modules = ("fcgid",)
    more = ("FcgidIPCDir {folder}/run/fcgid\n"
            "FcgidProcessTableFile {folder}/run/fcgid_shm\n")


class ApacheFcgidSetEnv(ApacheFcgid):
    by_setenv = True


class ApacheHtaccessCgi(Htaccess):
    modules = ("cgid",)
    more = "ScriptSock {folder}/run/cgisock\n"
    by_setenv = True


class ApacheMinimal(ApacheHtaccessCgi):
    """The host switches programs on; .htaccess may not say Options."""

    suffix = ".cgi"
    file = "apache/htaccess-minimal"
    override = "FileInfo"
    more = ("ScriptSock {folder}/run/cgisock\n<Directory {folder}/www/pay>\n"
            "Options +ExecCGI\nAddHandler cgi-script .cgi\n</Directory>\n")


class ApacheCgid(Apache):
    modules = ("cgid",)
    more = "ScriptSock {folder}/run/cgisock\n"
    settings = {"server.processes": "0"}

    def part(self):
        return self.shipped("apache/h5pay-cgid.conf")


class Spawned(Behind):
    """The programs on sockets by deploy/spawn-fcgi/h5pay-spawn."""

    def spawn(self, what="start"):
        env = {
            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
            "H5PAY_BIN": str(self.bin), "H5PAY_CONF": str(self.conf_file),
            "H5PAY_RUN": str(self.folder / "run"),
            "H5PAY_USER": self.user or "", "H5PAY_WEB": self.user or "",
        }
        return subprocess.run(
            [DEPLOY / "spawn-fcgi" / "h5pay-spawn", what], env=env,
            capture_output=True, text=True)

    def back_ends(self):
        got = self.spawn()
        if got.returncode != 0:
            raise AssertionError(f"h5pay-spawn: {got.stdout}{got.stderr}")


class ApacheProxy(Apache, Spawned):
    modules = ("proxy", "proxy_fcgi")

    def check(self):
        tool("spawn-fcgi")
        super().check()

    def part(self):
        return self.shipped("apache/h5pay-proxy.conf")

    def start(self):
        self.back_ends()
        super().start()


# --- suEXEC -----------------------------------------------------------------

SUEXEC_CONF = pathlib.Path("/etc/apache2/suexec/www-data")


class Suexec(Htaccess):
    """Root, the docroot that the machine's suEXEC allows, and an account with
    a number that it accepts: nobody."""

    modules = ("suexec",)
    merchant = "nobody"

    def __init__(self, build, gateway, conf=None):
        self.home = None
        super().__init__(build, gateway, conf, user=self.merchant)

    def check(self):
        super().check()
        if os.geteuid() != 0:
            raise Skipped("suEXEC needs root")
        suexec = pathlib.Path("/usr/lib/apache2/suexec")
        if not suexec.exists() or not SUEXEC_CONF.exists():
            raise Skipped("apache2-suexec-custom is not installed")
        self.docroot = pathlib.Path(SUEXEC_CONF.read_text().split("\n")[0])
        if not self.docroot.is_dir():
            raise Skipped(f"suEXEC's document root {self.docroot} is not there")
        account()

    def prepare(self, conf):
        self.home = pathlib.Path(h5.tempfile.mkdtemp(
            prefix="h5pay-test-", dir=self.docroot))
        self.home.chmod(0o755)
        super().prepare(conf)

    def upload(self, pay):
        who = pwd.getpwnam(self.merchant)
        www = self.home / "pay"
        shutil.copytree(pay, www)
        super().upload(www)
        for path in (www, *www.rglob("*")):
            os.chown(path, who.pw_uid, who.pw_gid)
        self.more += (
            f"SuexecUserGroup {self.merchant} nogroup\n"
            f"Alias /pay/ {www}/\n<Directory {www}>\n"
            f"AllowOverride {self.override}\nRequire all granted\n"
            "</Directory>\n")

    def start(self):
        self.give_run()
        super().start()

    def give_run(self):
        # Apache's own sockets are its own account's.
        who = pwd.getpwnam(ACCOUNT)
        os.chown(self.folder / "run", who.pw_uid, who.pw_gid)

    def close(self):
        super().close()
        if self.home:
            shutil.rmtree(self.home, ignore_errors=True)


class SuexecFcgid(Suexec):
    modules = ("suexec", "fcgid")
    more = ApacheFcgid.more


class SuexecCgid(Suexec):
    modules = ("suexec", "cgid")
    more = ApacheHtaccessCgi.more


# --- nginx ------------------------------------------------------------------

NGINX = """\
daemon off;
pid {folder}/run/nginx.pid;
error_log {folder}/server.log;
{who}
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/run/nb; fastcgi_temp_path {folder}/run/nf;
  proxy_temp_path {folder}/run/np; uwsgi_temp_path {folder}/run/nu;
  scgi_temp_path {folder}/run/ns;
  default_type text/html;
  charset utf-8;
  {extra}
  server {{
    listen 127.0.0.1:{port};
    root {folder}/www;
{site}
  }}
}}
"""


class Nginx(Spawned):
    file = "nginx/h5pay.conf"

    def check(self):
        tool("nginx", "nginx-light")
        tool("spawn-fcgi")

    def start(self):
        self.back_ends()
        who = f"user {self.user};" if self.user else ""
        conf = self.write("nginx.conf", NGINX.format(
            folder=self.folder, port=self.port, who=who, extra=self.extra,
            site=self.shipped(self.file)))
        self.serve([tool("nginx"), "-c", conf,
                    "-e", self.folder / "server.log"])


class NginxFcgiwrap(Nginx):
    file = "nginx/h5pay-fcgiwrap.conf"
    settings = {"server.processes": "0"}

    def check(self):
        super().check()
        tool("fcgiwrap")

    def back_ends(self):
        who = ["-u", self.user, "-g", self.user] if self.user else []
        sock = self.folder / "run" / "fcgiwrap.sock"
        self.launch([tool("spawn-fcgi"), "-n", "-M", "0660", *who,
                     "-s", sock, "--", tool("fcgiwrap"), "-f", "-c", "4"])
        h5.until("fcgiwrap.sock", lambda: listens(sock))


# --- Caddy and HAProxy ------------------------------------------------------

CADDY = """\
{{
	admin off
	auto_https off
}}
http://127.0.0.1:{port} {{
	bind 127.0.0.1
{site}
}}
"""


class Caddy(Spawned):
    def check(self):
        tool("caddy")
        tool("spawn-fcgi")

    def start(self):
        self.back_ends()
        # We play a proxy in front of it.
        site = self.shipped("caddy/h5pay.caddy").replace(
            "\t\ttransport fastcgi",
            "\t\ttrusted_proxies 127.0.0.1/32\n\t\ttransport fastcgi")
        conf = self.write("Caddyfile", CADDY.format(port=self.port, site=site))
        self.serve(["env", f"HOME={self.folder}", tool("caddy"), "run",
                    "--config", conf, "--adapter", "caddyfile"])


HAPROXY = """\
global
    maxconn 256
{who}
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend web
    bind 127.0.0.1:{port}
    {rule}
"""


class Haproxy(Spawned):
    redirect = 302  # what it makes of our 303

    def request(self, *args, **kw):
        reply = super().request(*args, **kw)
        if reply.status == 303:
            raise AssertionError("HAProxy hands 303 on: say so in its file")
        if reply.status == self.redirect:
            reply.status = 303
        return reply

    def check(self):
        tool("haproxy")
        tool("spawn-fcgi")

    def start(self):
        self.back_ends()
        part = self.shipped("haproxy/h5pay.cfg")
        (rule,) = [x.lstrip("# ") for x in part.splitlines()
                   if x.startswith("#   use_backend ")]
        who = (f"    user {self.user}\n    group {self.user}"
               if self.user else "")
        own = self.write("haproxy.cfg", HAPROXY.format(
            port=self.port, rule=rule, who=who))
        self.serve([tool("haproxy"), "-db", "-f", own,
                    "-f", self.write("h5pay.cfg", part)])


# --- systemd ----------------------------------------------------------------


class SocketActivated(Nginx):
    """systemd's part is played by systemd-socket-activate, which listens and
    starts the program on the first request as StandardInput=socket does."""

    def check(self):
        super().check()
        tool("systemd-socket-activate", "systemd")

    def back_ends(self):
        unit = self.shipped("systemd/h5pay@.service")
        if "StandardInput=socket" not in unit:
            raise AssertionError("h5pay@.service does not hand the socket over")
        (line,) = [x for x in unit.splitlines() if x.startswith("ExecStart=")]
        for program in h5.PROGRAMS:
            sock = self.folder / "run" / f"{program}.sock"
            args = line.removeprefix("ExecStart=").replace(
                "%i", program).split()
            if self.user:
                args = ["setpriv", "--reuid", self.user, "--regid", self.user,
                        "--clear-groups", *args]
            self.launch(["systemd-socket-activate", "--inetd", "-l", sock,
                         *args])
            h5.until(f"{program}.sock", lambda: listens(sock))
            self.give(sock)


ALL = {
    "lighttpd mod_fastcgi": Lighttpd,
    "lighttpd mod_cgi": LighttpdCgi,
    "Apache mod_fcgid by .htaccess": ApacheFcgid,
    "Apache mod_fcgid by .htaccess with SetEnv": ApacheFcgidSetEnv,
    "Apache mod_cgid by the same .htaccess": ApacheHtaccessCgi,
    "Apache mod_cgid by .htaccess without Options": ApacheMinimal,
    "Apache mod_cgid": ApacheCgid,
    "Apache mod_proxy_fcgi and spawn-fcgi": ApacheProxy,
    "Apache suEXEC and mod_fcgid": SuexecFcgid,
    "Apache suEXEC and mod_cgid": SuexecCgid,
    "nginx and spawn-fcgi": Nginx,
    "nginx and fcgiwrap": NginxFcgiwrap,
    "nginx and systemd sockets": SocketActivated,
    "Caddy and spawn-fcgi": Caddy,
    "HAProxy and spawn-fcgi": Haproxy,
}

"""readme_inside.py ROOT SOURCE GATEWAY SERVER... - README.md, followed
literally, in a root folder of its own: readme.py starts it as process 1 of
its own processes, mounts and network.  What README and h5pay init print is what
is run; the reader's part (ids, the site's own file) is played here.  Prints
"ok SERVER" or "not ok SERVER: why"."""

import http.client
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

PHONE = ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, "
         "like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36")
KEY = "8934e7d15453e97507ef794cf7b0519d"
SITES = {
    "nginx": ("/etc/nginx/sites-enabled/default",
              "server {\n\tlisten 80;\n\troot /var/www/html;\n%s\n}\n"),
    "caddy": ("/etc/caddy/Caddyfile", "http://127.0.0.1 {\n%s\n}\n"),
}
START = {"nginx": "nginx", "apache": "apachectl start",
         "lighttpd": "service lighttpd start",
         "caddy": "caddy start --config /etc/caddy/Caddyfile >/dev/null 2>&1"}
STOP = {"nginx": "nginx -s quit", "apache": "apachectl stop",
        "lighttpd": "service lighttpd stop", "caddy": "caddy stop"}
HTACCESS_SITE = """\
LoadModule suexec_module /usr/lib/apache2/modules/mod_suexec.so
<VirtualHost *:80>
SuexecUserGroup merchant merchant
Alias /pay/ /home/merchant/public_html/pay/
<Directory /home/merchant/public_html>
AllowOverride FileInfo Options=ExecCGI
Require all granted
</Directory>
</VirtualHost>
"""


class Wrong(Exception):
    pass


def sh(command, user=None, data=""):
    """One line, as somebody types it."""
    args = ["sh", "-c", 'sudo() { "$@"; }\n' + command]
    if user:
        args = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups",
                "env", f"HOME=/home/{user}", *args]
    p = subprocess.run(args, input=data, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    if p.returncode:
        raise Wrong(f"{command}: {p.returncode}: {p.stdout[-900:]}")
    return p.stdout


def fetch(url, fields=None):
    u = urllib.parse.urlsplit(url)
    c = http.client.HTTPConnection(u.hostname, u.port or 80, timeout=30)
    body = fields and urllib.parse.urlencode(fields)
    headers = {"User-Agent": PHONE, "Referer": "http://127.0.0.1/"}
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    c.request("POST" if body else "GET",
              u.path + (f"?{u.query}" if u.query else ""), body, headers)
    r = c.getresponse()
    return r.status, r.getheader("Location"), r.read().decode()


def fields(page):
    return dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"',
                           page))


def buy(link, order, command):
    """A buyer's walk: confirm, cashier, notice."""
    end = time.monotonic() + 30
    while True:
        try:
            status, _, page = fetch(link)
            break
        except OSError:
            if time.monotonic() > end:
                raise
    if status != 200 or 'data-page="confirm"' not in page:
        raise Wrong(f"{link}: {status} {page[-400:]}")
    status, to, page = fetch(link.split("?")[0], fields(page))
    if status not in (302, 303):
        raise Wrong(f"the button: {status} {page[-400:]}")
    _, _, page = fetch(to)
    form = re.search(r'<form[^>]*action="([^"]+)"', page)
    if not form:
        raise Wrong(f"no cashier at {to}")
    fetch(urllib.parse.urljoin(to, form[1].replace("&amp;", "&")),
          {**fields(page), "action": "pay"})
    while "paid" not in (out := sh(command)):
        if time.monotonic() > end:
            raise Wrong(f"never paid: {out}")


def typed(server, base):
    return "\n".join(["wx8888888888888888", "1230000109", KEY, base, "茶店", "",
                      *([] if server == "htaccess" else [""])]) + "\n"


def lines(readme):
    block = re.search(r"## Go live.*?```\n(.*?)```", readme, re.S)[1]
    return block.strip().splitlines()


def told(out):
    """(commands, lines for files) below "--- next"."""
    part = out.split("--- next\n")[1].split("\n--- ")[0].splitlines()
    return ([x[2:] for x in part if x.startswith("$ ")],
            [x.split(":  ")[1] for x in part if ":  " in x])


def own_server(server, readme, gateway):
    out = ""
    for line in lines(readme):
        line = line.replace("--web nginx", f"--web {server}")
        if line.startswith(("git clone", "make", "sudo make")):
            continue  # done once, for all of them
        if " init " in line:
            out = sh(line.replace("h5pay init", "h5pay init --offline"),
                     data=typed(server, "http://127.0.0.1/pay"))
            # Nobody reaches WeChat from here: the stand-in plays it.
            sh("h5pay init --yes --offline --web none "
               f"gateway.url={gateway} gateway.cashier={gateway}/")
        elif line.startswith("#"):
            commands, written = told(out)
            if server in SITES:
                path, text = SITES[server]
                pathlib.Path(path).write_text(text % written[0])
            sh(START[server])
            for command in commands:
                sh(command)
        elif " link " in line:
            buy(sh(line).strip(), "test-0001", "h5pay show test-0001")
        elif " doctor" in line:
            sh(line + " --offline")
        else:
            out2 = sh(line)
            if " show " in line and "paid" not in out2:
                raise Wrong(out2)
    for name in ("checkout", "return-page", "notify", "query"):
        subprocess.run(["pkill", "-x", name])


def shared_host(readme, gateway):
    row = next(x for x in readme.splitlines() if "shared host with a shell" in x)
    build, init = re.findall(r"`([^`]+)`", row)[:2]
    sh("useradd -m -s /bin/sh merchant && chmod 755 /home/merchant && "
       "install -d -o merchant -g merchant /home/merchant/public_html && "
       "cp -r /root/h5pay /home/merchant/src && "
       "chown -R merchant: /home/merchant/src && "
       "sed -i '1s|.*|/home|' /etc/apache2/suexec/www-data")
    pathlib.Path("/etc/apache2/sites-enabled/000-default.conf").write_text(
        HTACCESS_SITE)
    sh("a2dismod -q -f fcgid; a2enmod -q cgid")
    sh(f"cd ~/src && {build}", "merchant")
    out = sh(f"cd ~/src && {init} --offline".replace("~", "/home/merchant"),
             "merchant", typed("htaccess", "http://127.0.0.1/pay"))
    command = "cd ~/src && build/h5pay "
    sh(command + "init --yes --offline --web none "
       f"gateway.url={gateway} gateway.cashier={gateway}/", "merchant")
    sh("apachectl start")
    link = out.strip().splitlines()[-1]
    order = re.search(r"order=([^&]+)", link)[1]
    buy(link, order, f"/home/merchant/src/build/h5pay -c "
        f"/home/merchant/h5pay/h5pay.conf show {order}")


def wechat(gateway):
    """A stand-in that has seen nothing yet: (process, URL)."""
    p = subprocess.Popen(
        [gateway, "--appid", "wx8888888888888888", "--mch-id", "1230000109",
         "--api-key", KEY, "--allowed-domains", "127.0.0.1", "--listen",
         "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    return p, p.stdout.readline().split()[-1]


def main():
    root, source, gateway, *servers = sys.argv[1:]
    os.chroot(root)
    os.chdir("/root")
    os.environ.update(HOME="/root", LANG="C.UTF-8", DEBIAN_FRONTEND=
                      "noninteractive", GIT_CONFIG_COUNT="1",
                      GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*",
                      PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    sh("ip link set lo up")
    try:
        for line in lines(pathlib.Path(source, "README.md").read_text()):
            if line.startswith("git clone"):
                sh(line.replace("REPOSITORY", source))
                os.chdir("h5pay")
            elif line.startswith(("make", "sudo make")):
                sh(line)
                print(f"# {line}", flush=True)
    except Wrong as e:
        print(f"not ok build: {e}", flush=True)
        return
    readme = pathlib.Path("README.md").read_text()
    for server in servers:
        p, url = wechat(gateway)
        try:
            if server == "htaccess":
                shared_host(readme, url)
            else:
                own_server(server, readme, url)
            print(f"ok {server}", flush=True)
        except (Wrong, OSError, IndexError) as e:
            print(f"not ok {server}: {e}".replace("\n", " | "), flush=True)
        finally:
            p.kill()
            p.wait()
            subprocess.run(STOP.get(server, "apachectl stop"), shell=True,
                           capture_output=True)
            subprocess.run("rm -rf /etc/h5pay /var/lib/h5pay /var/log/h5pay "
                           "/run/h5pay", shell=True)


main()

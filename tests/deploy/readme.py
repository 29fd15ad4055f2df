"""readme.py BUILD [SERVER...] - README.md leads a new user to a paid order: followed
literally, in a root folder in which nothing of h5pay is there, by
readme_inside.py.  Needs root, overlayfs and the five servers."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INSIDE = pathlib.Path(__file__).with_name("readme_inside.py")
SERVERS = ("nginx", "apache", "lighttpd", "caddy", "htaccess")
# This machine below, what is written above, in memory.
MOUNT = """\
set -e
top=$1; shift
mount -t tmpfs none "$top"
mkdir "$top/up" "$top/work" "$top/whole"
mount -t overlay none -o "lowerdir=/,upperdir=$top/up,workdir=$top/work" \\
    "$top/whole"
for d in dev sys; do mount --rbind /$d "$top/whole/$d"; done
mount -t proc none "$top/whole/proc"
mount -t tmpfs none "$top/whole/tmp"
mount -t tmpfs none "$top/whole/run"
mkdir -p "$top/whole/run/lock"
for d in "$TREE" "$GIT"; do
	mkdir -p "$top/whole$d"; mount --rbind "$d" "$top/whole$d"
done
for d in /etc/h5pay /var/lib/h5pay /var/log/h5pay; do
	rm -rf "$top/whole$d"
done
exec "$@"
"""



def why_not():
    if os.geteuid() != 0:
        return "needs root"
    for name in ("nginx", "apache2", "lighttpd", "caddy", "useradd", "ip"):
        if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            return f"{name} is not installed"
    if not pathlib.Path("/etc/apache2/suexec/www-data").exists():
        return "apache2-suexec-custom is not installed"
    return None


def main():
    servers = tuple(sys.argv[2:]) or SERVERS
    gateway = pathlib.Path(sys.argv[1]).resolve() / "tests" / "gateway"
    why = why_not()
    if why:
        print(f"readme: {why}")
        return 1
    git = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--path-format=absolute",
         "--git-common-dir"], check=True, capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as top:
        p = subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork",
             "--kill-child", "sh", "-c", MOUNT, "sh", top, sys.executable,
             INSIDE, f"{top}/whole", ROOT, gateway, *servers],
            env={**os.environ, "TREE": str(ROOT), "GIT": git.stdout.strip()},
            stdout=subprocess.PIPE, text=True)
        good = bad = 0
        for line in p.stdout:
            print(line, end="", flush=True)
            good += line.startswith("ok ")
            bad += line.startswith("not ok ")
        p.wait()
    bad += good + bad == 0 or p.returncode != 0
    print(f"readme: {good} passed, {bad} failed")
    return 1 if bad or good != len(servers) else 0


sys.exit(main())

"""debian.py - a Debian in a folder, from where this machine's apt gets its own.

Nothing here names a mirror: sources, proxies and further certificates are
those of the machine."""

import os
import pathlib
import re
import shutil
import subprocess

APT = pathlib.Path("/etc/apt")
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
# How packages are fetched, of all that apt knows.
FETCH = re.compile(r"Acquire::(https?|Check-\w|Retries|Max-ValidTime)")


class LeftOut(Exception):
    """It cannot run here; why."""


def run(*args, **kw):
    return subprocess.run([str(a) for a in args], capture_output=True,
                          text=True, **kw)


def need(*tools):
    if os.geteuid() != 0:
        raise LeftOut("this needs root")
    for tool in tools:
        if shutil.which(tool) is None:
            raise LeftOut(f"{tool} is not installed")


def _sources():
    """The machine's sources: stanzas of deb822, and single lines."""
    for path in (APT / "sources.list",
                 *sorted((APT / "sources.list.d").glob("*"))):
        text = path.read_text() if path.is_file() else ""
        if path.suffix == ".sources":
            yield from (s.strip() for s in re.split(r"\n\s*\n", text))
        else:
            yield from (x.strip() for x in text.splitlines())


def mirror():
    """Where this machine's apt gets Debian from."""
    for source in _sources():
        found = re.search(r"^URIs: *(\S+)", source, re.M) or re.search(
            r"^deb (?:\[[^]]*\] )?(\S+)", source)
        if found:
            return found[1]
    raise LeftOut("no mirror in /etc/apt")


def bootstrap(root, dist, include=()):
    """A minimal Debian dist in root, with these packages."""
    got = run("debootstrap", "--variant=minbase",
              *(["--include=" + ",".join(include)] if include else []),
              dist, root, mirror())
    if got.returncode != 0:
        raise LeftOut("debootstrap failed: " + got.stdout[-300:])


def _settle_apt(root, dist):
    """The machine's Debian sources, of this distribution."""
    with open("/etc/os-release") as f:
        release = dict(x.rstrip().split("=", 1) for x in f if "=" in x)
    mine = release.get("VERSION_CODENAME", "").strip('"')
    of_mine = re.compile(rf"\b{re.escape(mine)}\b") if mine else None
    sources = [of_mine.sub(dist, s) for s in _sources()
               if of_mine and s.startswith(("Types: deb", "deb "))
               and of_mine.search(s) and "debian" in s]
    # debootstrap wrote one line of its own, which stays where the machine
    # has none for it.
    if sources and release.get("ID") == "debian":
        (root / "etc/apt/sources.list").write_text("")
        for i, s in enumerate(sources):
            kind = "list" if s.startswith("deb ") else "sources"
            (root / f"etc/apt/sources.list.d/machine{i}.{kind}").write_text(
                s + "\n")
    lines = [x for x in run("apt-config", "dump").stdout.splitlines()
             if FETCH.match(x)]
    (root / "etc/apt/apt.conf.d/90machine").write_text("\n".join(lines) + "\n")


def take_settings(root, dist):
    """What makes the machine's network usable there: names, sources and
    certificates."""
    for name in ("etc/resolv.conf", "etc/hosts", BUNDLE):
        if (pathlib.Path("/") / name).is_file():
            shutil.copy(pathlib.Path("/") / name, root / name)
    _settle_apt(root, dist)


# The root is a mount of its own, so that what runs there may change how / is
# mounted, as unshare -m does.
ENTER = """\
mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
mount --rbind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/dev/shm" &&
mount -t tmpfs tmpfs "$1/run" || exit 70
root=$1
shift
chroot "$root" env -i HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \\
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    NODE_EXTRA_CA_CERTS=/""" + BUNDLE + """ "$@"
"""


def inside(root, *args):
    """The command line that runs args in root, with mounts and process ids
    of its own: what it leaves behind ends with it."""
    npm = [f"{n}={v}" for n, v in os.environ.items()
           if n.lower().startswith("npm_config_")]
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
            ENTER, "sh", str(root), *npm, *map(str, args)]

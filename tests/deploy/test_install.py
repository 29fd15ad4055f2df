"""make install, uninstall and dist."""

import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

import behind
import h5
from case import test


class Folder:
    def __init__(self, t):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="h5-install-"))
        t.mine(self)

    def close(self):
        shutil.rmtree(self.path)


def make(t, *words, **kw):
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", "--no-print-directory", f"B={os.path.relpath(t.build, behind.ROOT)}",
         *words], cwd=behind.ROOT, env=env, capture_output=True, text=True, **kw)


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if not p.is_dir())


@test("make install puts everything below DESTDIR and prefix, uninstall takes "
      "it out")
def _(t):
    d = Folder(t).path
    where = [f"DESTDIR={d}", "prefix=/opt/pay", "sysconfdir=/opt/pay/etc"]
    got = make(t, "install", *where)
    t.eq(got.returncode, 0, got.stderr)
    there = files(d)
    t.eq([f for f in there if not f.startswith("opt/pay/")], [], "elsewhere")
    for program in h5.PROGRAMS:
        path = d / "opt/pay/libexec/h5pay" / program
        t.eq(path.stat().st_mode & 0o7777, 0o755, f"mode of {program}")
        said = subprocess.run([path, "-V"], capture_output=True, text=True)
        t.contains(said.stdout, "h5pay", "-V")
    t.ok((d / "opt/pay/bin/h5pay").exists(), "the command")
    for name in ("share/h5pay/errors/502.html", "share/man/man1/h5pay.1",
                 "share/man/man5/h5pay.conf.5",
                 "share/man/man8/h5pay-programs.8",
                 "share/bash-completion/completions/h5pay",
                 "share/zsh/site-functions/_h5pay",
                 "share/fish/vendor_completions.d/h5pay.fish",
                 "share/h5pay/deploy/nginx/h5pay.conf",
                 "share/h5pay/h5pay.conf.example"):
        t.ok((d / "opt/pay" / name).exists(), name)
    unit = (d / "opt/pay/lib/systemd/system/h5pay@.service").read_text()
    t.contains(unit, "ExecStart=/opt/pay/libexec/h5pay/%i -c "
               "/opt/pay/etc/h5pay/h5pay.conf", "unit")
    for path in (d / "opt/pay/share/h5pay/deploy").rglob("*"):
        if path.is_file() and path.name != "README.md":
            for old in ("/usr/lib/h5pay", "/usr/share/h5pay", " /etc/h5pay/"):
                t.lacks(path.read_text(), old, str(path))
    mine = d / "opt/pay/etc/h5pay/h5pay.conf"
    mine.parent.mkdir(parents=True)
    mine.touch()
    got = make(t, "uninstall", *where)
    t.eq(got.returncode, 0, got.stderr)
    t.eq(files(d), ["opt/pay/etc/h5pay/h5pay.conf"], "what is left")


@test("make install as Debian does puts programs where the examples look")
def _(t):
    d = Folder(t).path
    got = make(t, "install", f"DESTDIR={d}", "prefix=/usr",
               "libexecdir=/usr/lib")
    t.eq(got.returncode, 0, got.stderr)
    for name in ("50-h5pay.conf",):
        shipped = behind.DEPLOY / "lighttpd" / name
        t.eq((d / "usr/share/h5pay/deploy/lighttpd" / name).read_text(),
             shipped.read_text(), name)
    t.ok((d / "usr/lib/h5pay/checkout").exists(), "the programs")


@test("make dist holds what is committed, the same bytes each time")
def _(t):
    if not (behind.ROOT / ".git").exists():
        t.skip("this is no git tree")
    b = pathlib.Path(t.build)

    def once():
        got = make(t, "dist")
        t.eq(got.returncode, 0, got.stderr)
        (path,) = b.glob("h5pay-[0-9]*[0-9].tar.gz")
        return path.read_bytes(), path

    first, path = once()
    t.eq(once()[0], first, "bytes")
    committed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD"], cwd=behind.ROOT,
        capture_output=True, text=True, check=True).stdout.split("\0")
    with tarfile.open(path) as tar:
        names = sorted(m.name.split("/", 1)[1] for m in tar if not m.isdir())
    t.eq(names, sorted(n for n in committed if n), "files")

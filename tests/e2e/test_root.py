"""C2: h5pay started as root acts on nothing that somebody else can write."""

import os
import pwd
import subprocess

from case import table, test

PATH = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
OTHER = 1  # daemon: neither root nor the store's owner


def shop(t, user):
    """A shop of that account's with a paid order, whose hook notes that it
    ran.  Its files lie one folder below another."""
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user=user)
    s.uid = pwd.getpwnam(user).pw_uid if user else 0
    s.ran = s.folder / "ran"
    s.inner = s.folder / "inner"
    s.inner.mkdir()
    s.hook = s.inner / "hook"
    s.hook.write_text(f"#!/bin/sh\nid -u >>{s.ran}\n")
    s.hook.chmod(0o755)
    for path in (s.inner, s.hook):
        os.chown(path, s.uid, -1)
    s.number = t.id()
    s.ready(s.number)
    t.gateway.pay(s.number)
    s.h5pay("query", s.number)
    s.configure({"hooks.exec": s.hook})
    return s


def sweep(s, conf=None):
    p = subprocess.run([s.command, "-c", conf or s.conf_file, "sweep",
                        "--order", s.number], capture_output=True, text=True,
                       env=PATH)
    return p.returncode, p.stderr


def move_conf(s, where):
    """The configuration in a folder of its own; the paths in it stay good."""
    path = where / "h5pay.conf"
    path.write_text(s.conf_file.read_text())
    path.chmod(0o600)
    os.chown(path, s.uid, -1)
    return path


def new_folder(s, mode, owner):
    path = s.folder / "apart"
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, -1)
    return path


def linked(s, target, owner=OTHER):
    """A link of somebody's in a folder of the owner's."""
    path = s.folder / "link"
    path.symlink_to(target)
    os.chown(path, owner, -1, follow_symlinks=False)
    return path


def own(path, mode=None, group=-1):
    os.chown(path, OTHER if mode is None else path.stat().st_uid, group)
    if mode is not None:
        path.chmod(mode)


BAD = [
    ("a configuration of somebody else's", lambda s: own(s.conf_file)),
    ("a configuration that anybody writes",
     lambda s: own(s.conf_file, 0o602)),
    ("a configuration that a foreign group writes",
     lambda s: own(s.conf_file, 0o620, OTHER)),
    ("a configuration in a folder of somebody else's",
     lambda s: move_conf(s, new_folder(s, 0o755, OTHER))),
    ("a configuration in a folder that anybody writes",
     lambda s: move_conf(s, new_folder(s, 0o777, s.uid))),
    ("a configuration behind somebody else's link",
     lambda s: linked(s, s.conf_file)),
    ("a configuration behind a link that leads through a foreign folder",
     lambda s: linked(s, move_conf(s, new_folder(s, 0o755, OTHER)), s.uid)),
    ("a configuration behind a link in a folder of somebody else's",
     lambda s: (new_folder(s, 0o755, OTHER) / "c").symlink_to(s.conf_file) or
     s.folder / "apart" / "c"),
    ("a secret of somebody else's",
     lambda s: own(s.folder / "api.key")),
    ("a hook of somebody else's", lambda s: own(s.hook)),
    ("a hook that anybody writes", lambda s: own(s.hook, 0o757)),
    ("a hook in a folder of somebody else's", lambda s: own(s.inner)),
    ("a hook in a folder that anybody writes",
     lambda s: own(s.inner, 0o777)),
    ("a hook behind somebody else's link",
     lambda s: s.configure({"hooks.exec": linked(s, s.hook)})),
]


@table("C2: root becomes nobody for {0}", BAD)
def _(t, name, spoil):
    s = shop(t, "nobody")
    conf = spoil(s)
    code, err = sweep(s, conf)
    t.eq(code, 78, f"exit status, {err!r}")
    t.contains(err, "root does not act on /", "why")
    t.eq(s.ran.exists(), False, "the hook ran")


@table("C2: a shop of root's runs nothing for {0}", BAD)
def _(t, name, spoil):
    s = shop(t, None)
    conf = spoil(s)
    code, err = sweep(s, conf)
    t.eq(code, 78, f"exit status, {err!r}")
    t.contains(err, "root does not act on /", "why")
    t.eq(s.ran.exists(), False, "the hook ran")


@table("C2: root goes on with {0}", [
    ("a configuration and a hook of the owner's", lambda s: None),
    ("a configuration of root's",
     lambda s: os.chown(s.conf_file, 0, pwd.getpwnam("nobody").pw_gid)),
    ("a hook of root's", lambda s: os.chown(s.hook, 0, 0)),
    ("a hook that the owner's own group writes",
     lambda s: own(s.hook, 0o775, pwd.getpwnam("nobody").pw_gid)),
    ("a configuration in a sticky folder",
     lambda s: move_conf(s, new_folder(s, 0o1777, 0))),
    ("a configuration behind a link of its own",
     lambda s: linked(s, s.conf_file, s.uid)),
])
def _(t, name, change):
    s = shop(t, "nobody")
    code, err = sweep(s, change(s))
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq(s.ran.read_text(), f"{s.uid}\n", "whom the hook ran as")


@test("C2: a shop of root's runs the hook that is root's")
def _(t):
    s = shop(t, None)
    code, err = sweep(s)
    t.eq(code, 0, f"exit status, {err!r}")
    t.eq(s.ran.read_text(), "0\n", "whom the hook ran as")


@test("C2: root follows no store that is a link")
def _(t):
    s = shop(t, "nobody")
    real = s.store.rename(s.folder / "real")
    s.store.symlink_to(real)
    code, err = sweep(s)
    t.eq(code, 78, f"exit status, {err!r}")
    t.eq(s.ran.exists(), False, "the hook ran")

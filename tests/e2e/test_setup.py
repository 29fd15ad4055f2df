"""Setting a shop up: check, whose eyes it looks with, and where the log goes."""

import json
import os
import pwd
import subprocess
import sys

import h5
from case import table, test

PATH = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def as_root(s, *args):
    p = subprocess.run([str(a) for a in (s.command, "-c", s.conf_file, *args)],
                       capture_output=True, text=True, env=PATH)
    return p.returncode, p.stdout, p.stderr


# --- C1: one loader ---------------------------------------------------------

@table("C1: a catalogue with {0} and a template with {2} are both told", [
    ("a broken section", "[tea\n", "an open section", "{{#a}}"),
    ("no items", None, "an open section", "{{#a}}"),
    ("a bad price", "[tea]\ntitle = T\nprice = 1.234\n", "a stray end", "{{/a}}"),
    ("bytes that are no text", b"\xff\xfe[tea]\n", "bytes", b"\xff{{a}}"),
])
def _(t, name, catalogue, fault, template):
    s = t.own_site()
    folder = s.folder / "templates"
    folder.mkdir()
    html = folder / "confirm.html"
    html.write_bytes(template if isinstance(template, bytes)
                     else template.encode())
    s.configure({"pages.templates": folder})
    if catalogue is None:
        (s.folder / "catalogue.ini").unlink()
    else:
        s.write("catalogue.ini", catalogue)
    told = set()
    for verb in ("check", "doctor"):
        code, out, err = s.h5pay(verb, *(["--offline"] if verb == "doctor"
                                         else []))
        t.eq(code, 78 if verb == "check" else 1, f"{verb}: {out!r} {err!r}")
        for file in ("catalogue.ini:", "confirm.html:"):
            t.contains(out + err, file, f"what {verb} says")
    for program in h5.PROGRAMS:
        p = s.popen([s.bin / program, "-c", s.conf_file, "-t"], env={})
        _, err = p.communicate(timeout=30)
        t.eq(p.returncode, 78, f"{program} -t: {err!r}")
        told.add(err)
    t.eq(len(told), 1, f"one loader, one list: {told}")


# --- C3: one rule of modes --------------------------------------------------

# uid, gid, mode of the secrets; may the account's programs read them?
MODES = [
    ("its own, 0600", "own", "own", 0o600, True),
    ("its own, 0400", "own", "own", 0o400, True),
    ("its own, 0640", "own", "own", 0o640, False),
    ("root's of its group, 0640", "root", "own", 0o640, True),
    ("root's of its group, 0440", "root", "own", 0o440, True),
    ("root's of its group, 0660", "root", "own", 0o660, False),
    ("root's of root's group, 0640", "root", "root", 0o640, False),
    ("root's, 0600", "root", "own", 0o600, False),
    ("root's, 0644", "root", "own", 0o644, False),
    ("another's, 0600", "other", "own", 0o600, False),
    ("its own, 0604", "own", "own", 0o604, False),
]


@table("C3: secrets that are {0}: programs, check and check as root agree",
       MODES)
def _(t, name, uid, gid, mode, good):
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user="nobody")
    s.ready(t.id())
    who = pwd.getpwnam("nobody")
    owner = {"own": who.pw_uid, "root": 0, "other": 1}[uid]
    group = {"own": who.pw_gid, "root": 0}[gid]
    for key in h5.KEYS:
        os.chown(s.folder / key, owner, group)
        (s.folder / key).chmod(mode)
    p = s.popen([s.bin / "checkout", "-c", s.conf_file, "-t"], env={})
    _, err = p.communicate(timeout=30)
    said = {"-t": (p.returncode, err.decode())}
    code, out, err = s.h5pay("check")
    said["check"] = code, err
    code, out, err = as_root(s, "check")
    said["check as root"] = code, err
    if good:
        t.contains(out, "account nobody", "whom root looks as")
    code, out, err = as_root(s, "check", "--as", "nobody")
    said["check --as"] = code, err
    t.eq({n: c for n, (c, _) in said.items()},
         dict.fromkeys(said, 0 if good else 78), f"statuses: {said}")
    if not good:
        t.eq(len({e for _, e in said.values()}), 1, f"one message: {said}")
        t.matches(said["-t"][1], r": ch(mod|grp|own) ", "what mends")


@test("C3: what the programs accept the other verbs of root's accept as well")
def _(t):
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user="nobody")
    s.ready(t.id())
    for key in h5.KEYS:
        os.chown(s.folder / key, 0, pwd.getpwnam("nobody").pw_gid)
        (s.folder / key).chmod(0o640)
    for verb in (["list"], ["doctor", "--offline"], ["sweep"],
                 ["link", "--order", t.id(), "--total-fee", "1", "--body", "x"]):
        code, out, err = as_root(s, *verb)
        t.eq(code, 0, f"{verb}: {out!r} {err!r}")


@test("C3: what mends a mode is true")
def _(t):
    if os.geteuid() != 0:
        t.skip("needs root")
    s = t.own_site(user="nobody")
    s.ready(t.id())
    key = s.folder / "api.key"
    for owner, group, mode in ((0, 0, 0o640), (65534, 0, 0o604),
                               (0, 65534, 0o660), (0, 65534, 0o646)):
        os.chown(key, owner, group)
        key.chmod(mode)
        for _ in range(3):
            code, out, err = as_root(s, "check")
            if code == 0:
                break
            line = err.strip().splitlines()[-1].rsplit(": ", 1)[1]
            t.matches(line, r"^ch(mod|grp|own) ", f"what mends: {err!r}")
            subprocess.run(line.split(), check=True)
        t.eq(code, 0, f"{owner} {group} {mode:o}, once obeyed: {err!r}")
        t.page(s.get("checkout", s.link(t.id())), 200, "confirm")


@table("check --as {0}", [
    ("an account that is not there", ["--as", "no-such-account"], 78),
    ("nothing", ["--as"], 64),
    ("an account, with an operand", ["--as", "nobody", "x"], 64)])
def _(t, name, args, status):
    code, out, err = t.site.h5pay("check", *args)
    t.eq(code, status, f"exit status, {out!r} {err!r}")
    t.ok(err, "why")


@test("check --as another account needs root")
def _(t):
    s = t.own_site(user="nobody" if os.geteuid() == 0 else None)
    code, out, err = s.h5pay("check", "--as", "daemon")
    t.eq(code, 78, f"exit status, {out!r}")
    t.contains(err, "only root", "why")


# --- C4: where the log goes -------------------------------------------------

@table("check says where the log goes: {0}", [
    ("a file", "log", r"log: \S+/log$"),
    ("a folder that is not there", "no/such/log", r"cannot be written .*stderr"),
    ("stderr", None, r"stderr, which is the web server's error log"),
    ("syslog", "syslog", r"log: syslog"),
])
def _(t, name, value, pattern):
    s = t.own_site({"log.file": value})
    code, out, err = s.h5pay("check")
    t.eq(code, 0, f"exit status, {err!r}")
    line = out.splitlines()[1]
    t.matches(line, pattern, "the line")
    got = json.loads(s.h5pay("--json", "check")[1])
    t.contains(line, got["log"], "the same in JSON")
    t.contains(line, got["account"], "the account")


# Runs a program with a /dev of its own, in which somebody listens to syslog,
# and prints what was sent there.
LISTEN = """
import os, socket, subprocess, sys
dev, out, *args = sys.argv[1:]
run = lambda *a: subprocess.run(a, check=True)
run("mount", "-t", "tmpfs", "none", dev)
for name in "null", "urandom", "random", "zero":
    open(f"{dev}/{name}", "w").close()
    run("mount", "--bind", f"/dev/{name}", f"{dev}/{name}")
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if out != "deaf":
    s.bind(dev + "/log")
    os.chmod(dev + "/log", 0o666)
run("mount", "--rbind", dev, "/dev")
err = subprocess.DEVNULL if out == "lost" else subprocess.PIPE
p = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                   stderr=err)
s.setblocking(False)
try:
    while out != "deaf":
        sys.stdout.write(s.recv(65536).decode() + "\\n")
except BlockingIOError:
    pass
sys.stderr.write((p.stderr or b"").decode())
"""


def heard(t, s, how):
    """(what syslog heard, stderr) of a request that is worth a line."""
    dev = s.folder / "dev"
    dev.mkdir()
    env, _ = s.request("checkout", query="item=%zz")
    p = subprocess.run(
        [*h5.own_mounts(), sys.executable, "-c", LISTEN, dev, how,
         s.bin / "checkout"], env={**PATH, **env}, capture_output=True,
        text=True, timeout=60)
    if p.returncode:
        t.skip(f"no mounts of our own here: {p.stderr[-200:]}")
    return p.stdout.splitlines(), p.stderr


@table("C4: with log.file {0} and stderr {1} the log goes to {2}", [
    ("syslog", "kept", "syslog"), ("syslog", "lost", "syslog"),
    ("syslog", "deaf", "stderr"), (None, "lost", "syslog"),
    (None, "kept", "stderr"), (None, "deaf", "stderr")])
def _(t, file, how, where):
    s = t.own_site({"log.file": file})
    lines, err = heard(t, s, how)
    if where == "syslog":
        t.ok(lines, "syslog heard something")
        t.matches(lines[0], r"^<\d+>checkout\[\d+\]: (warn|info) \S+ at=",
                  "the message")
        t.eq(int(lines[0][1:lines[0].index(">")]) >> 3, 3, "facility daemon")
        t.lacks(err, "program=checkout", "stderr")
    else:
        t.eq(lines, [], "what syslog heard")
        t.contains(err, "program=checkout", "stderr")


# --- C11: the example's ids -------------------------------------------------

@table("check refuses the example's {0}", [
    ("merchant.appid", "wx0000000000000000"),
    ("merchant.mch_id", "0000000000"),
    ("merchant.mch_id", "00000000"),
])
def _(t, key, value):
    s = t.own_site({key: value})
    code, out, err = s.h5pay("check")
    t.eq(code, 78, f"exit status, {out!r}")
    line = next(n for n, x in enumerate(
        s.conf_file.read_text().splitlines(), 1)
        if x.startswith(key.split(".")[1]))
    t.contains(err, f"{s.conf_file}:{line}: {key} still has the value of the "
               "example", "the fault")


@table("check warns of the example's {0}", [
    ("site.base_url", "https://shop.example/pay"), ("site.name", "My Shop")])
def _(t, key, value):
    s = t.own_site({key: value})
    code, out, err = s.h5pay("check")
    t.eq(code, 0, f"exit status, {err!r}")
    t.contains(err, f"warning: {key} still has", "the warning")
    code, out, err = s.h5pay("--json", "check")
    t.contains("".join(json.loads(out)["warnings"]), key, "the same in JSON")

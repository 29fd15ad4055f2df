"""deploy/systemd: good units, shut in, and no system call that the programs
need is forbidden."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import behind
import h5
from case import Skipped, table, test

UNITS = behind.DEPLOY / "systemd"
SERVICES = sorted(p.name for p in UNITS.glob("*.service"))


class Copies:
    """The units with paths of this build, instances of templates named."""

    def __init__(self, t):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="h5-units-"))
        t.mine(self)
        build = t.build and pathlib.Path(t.build).resolve()
        for path in UNITS.iterdir():
            if path.suffix not in (".service", ".socket", ".timer"):
                continue
            text = path.read_text()
            text = text.replace("/usr/lib/h5pay", str(build / "cgi-bin"))
            text = text.replace("/usr/bin/h5pay", str(build / "h5pay"))
            (self.folder / path.name).write_text(text)

    def close(self):
        shutil.rmtree(self.folder)


def analyze(*args, **kw):
    return subprocess.run(
        [behind.tool("systemd-analyze", "systemd"), *map(str, args)],
        capture_output=True, text=True, **kw)


@test("systemd-analyze finds no fault in the units")
def _(t):
    c = Copies(t)
    names = []
    for p in c.folder.iterdir():
        for program in h5.PROGRAMS:
            names.append(p.name.replace("@.", f"@{program}."))
    got = analyze("verify", "--man=no", *sorted(set(names)),
                  env={**os.environ, "SYSTEMD_UNIT_PATH": f"{c.folder}:"})
    said = [x for x in got.stderr.splitlines() if str(c.folder) in x
            or "h5pay" in x]
    t.eq(said, [], "complaints")
    t.eq(got.returncode, 0, f"exit status: {got.stderr[-500:]}")


@table("systemd-analyze rates {0} as well shut in", SERVICES)
def _(t, name):
    c = Copies(t)
    unit = c.folder / name
    got = analyze("security", "--offline=true", "--threshold=20", unit)
    if "unrecognized" in got.stderr or "Unknown" in got.stderr:
        raise Skipped("this systemd-analyze has no --offline")
    m = re.search(r"exposure level for \S+: ([\d.]+)", got.stdout)
    t.ok(m, f"a rating: {got.stdout[-300:]}{got.stderr}")
    t.ok(float(m[1]) <= 2.0, f"{m[0]}")


def allowed(unit):
    """The system calls that the unit's SystemCallFilter lets through."""
    sets = {}
    name = None
    for line in analyze("syscall-filter", "--no-pager").stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            sets[name] = []
        elif name and line.startswith("    ") and "#" not in line:
            sets[name].append(line.strip())
    if "@system-service" not in sets:
        raise Skipped("systemd-analyze knows no system call sets")

    def calls(group):
        out = set()
        if not group.startswith("@"):
            return {group}
        for x in sets[group]:
            out |= calls(x) if x.startswith("@") else {x}
        return out

    good = set()
    for line in unit.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            for g in value.lstrip("~").split():
                good = good - calls(g) if value[0] == "~" else good | calls(g)
    return good


@table("no system call of {0} is filtered", [*h5.PROGRAMS, "sweep"])
def _(t, program):
    strace = behind.tool("strace")
    unit = "h5pay-sweep" if program == "sweep" else "h5pay@"
    good = allowed(UNITS / f"{unit}.service")
    w = t.mine(behind.Nginx(t.build, t.gateway))
    out = w.folder / "trace"
    trace = [strace, "-f", "-qq", "-o", out, "-e", "signal=none"]
    order = t.id()
    if program == "sweep":
        w.ready(order)
        code, _, err = w.h5pay("sweep", prefix=trace)
        t.eq(code, 0, err)
    else:
        w.spawn("stop")
        h5.until("the programs to end", lambda: not w.pids(program))
        sock = w.folder / "run" / f"{program}.sock"
        sock.unlink(missing_ok=True)
        p = w.launch([behind.tool("spawn-fcgi"), "-n", "-M", "0666", "-s",
                      sock, "--", *trace, w.bin / program, "-c", w.conf_file])
        h5.until("its socket", lambda: behind.listens(sock))
        if program == "checkout":
            t.redirect(w.order(order))
        elif program == "notify":
            t.refused(w.notify(b"<xml>"))
        else:
            t.page(w.get(program, "order=abcdefg&t=x"), 404, "not-found")
        for pid in h5.family(p.pid):
            stat = h5._stat(pid)
            if stat and stat[0] == program[:15]:
                os.kill(pid, 15)
        p.wait(20)
    used = set(re.findall(r"^\d+ +(\w+)\(", out.read_text(), re.M))
    t.ok("prctl" in used, "a trace")
    t.eq(sorted(used - good), [], "system calls that the filter forbids")

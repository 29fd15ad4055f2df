"""valgrind.py - every path of every program once under valgrind.

    valgrind.py --build build [WORDS ...]

Each path is the torture's, without a fault: plain CGI, FastCGI from its start
to SIGTERM, every verb of the command.  Nothing is lost or might be, nothing
is read or written that is not ours or was never set, no descriptor is left.
The answer has to be that of the same path without valgrind."""

import argparse
import pathlib
import re
import signal
import subprocess
import sys
import time

import paths
import torture
import world

h5 = world.h5
LIMIT_S = 120
VALGRIND = ("valgrind", "--leak-check=full", "--show-leak-kinds=definite,"
            "indirect,possible", "--errors-for-leak-kinds=definite,possible",
            "--track-fds=yes", "--num-callers=25",
            # What a child has open before it becomes another program.
            "--child-silent-after-fork=yes")


def start(w, path, log, under):
    """(process, listening socket or None)"""
    words = [*VALGRIND, f"--log-file={log}"] if under else []
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    program = w.build / path.program
    args, listen, stdin = path.args or [], None, subprocess.PIPE
    if path.program != "h5pay":
        program = w.build / "cgi-bin" / path.program
        env["H5PAY_CONF"] = str(w.site.conf_file)
    if path.fcgi:
        args, listen = ["-c", w.fast], h5.listener()
        stdin = listen
    elif path.request:
        env = {**env, **path.request[0]}
    return subprocess.Popen(
        [str(x) for x in (*words, program, *args)], env=env, stdin=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE), listen


def run(w, path, log, under):
    """(exit, what it said)"""
    w.reset(path.start)
    if path.before:
        path.before()
    p, listen = start(w, path, log, under)
    env, body = path.request or (None, None)
    try:
        if not path.fcgi:
            out, err = p.communicate(body or b"", timeout=LIMIT_S)
            return p.returncode, paths.same(out), err
        s = h5.socket.create_connection(listen.getsockname(), LIMIT_S)
        s.sendall(world.fcgi_wire.whole(env, body or b""))
        raw = b""
        for some in iter(lambda: s.recv(65536), b""):
            raw += some
        s.close()
        p.send_signal(signal.SIGTERM)
        _, err = p.communicate(timeout=LIMIT_S)
        return p.returncode, paths.same(world.fcgi_wire.Answer(raw).top), err
    finally:
        h5._kill(p.pid, signal.SIGKILL)
        if listen:
            listen.close()


def complaints(log):
    """What valgrind says is wrong."""
    text = log.read_text(errors="replace")
    text = re.sub(r"^==\d+== ?", "", text, flags=re.M)
    out = []
    errors = re.search(r"ERROR SUMMARY: (\d+) errors", text)
    if errors is None:
        out.append("it came to no end: " + text[-300:])
    elif errors[1] != "0":
        out.append(text[:3000])
    lost = re.search(r"definitely lost: ([\d,]+) bytes", text)
    if lost and lost[1] != "0":
        out.append(lost[0])
    for one in re.findall(r"^Open [^\n]*\n[^\n]*", text, re.M):
        if "<inherited from parent>" not in one:
            out.append("left open: " + one)
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("words", nargs="*")
    args = p.parse_args()
    begun = time.monotonic()
    lane = torture.Lane(pathlib.Path(args.build).resolve())
    w = lane.w
    log = w.folder / "valgrind"
    passed = failed = 0
    try:
        for name, path in lane.paths.items():
            if args.words and not any(x in name for x in args.words):
                continue
            want = run(w, path, log, False)
            got = run(w, path, log, True)
            bad = complaints(log)
            if got[:2] != want[:2]:
                # Meanwhile an order may have become due, and for good.
                want = run(w, path, log, False)
            if got[:2] != want[:2]:
                bad.append(f"exit {got[0]}, not {want[0]}; {got[1][:300]!r}, "
                           f"not {want[1][:300]!r}; {got[2][-300:]!r}")
            passed += not bad
            failed += bool(bad)
            print(("not ok - " if bad else "ok - ") + name, flush=True)
            for line in bad:
                print("#   " + line.replace("\n", "\n#   "))
    finally:
        lane.close()
    print(f"# {time.monotonic() - begun:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

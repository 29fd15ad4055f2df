#!/usr/bin/env python3
"""instructions.py BUILD [BUILD ...] - what one request costs, in instructions.

Each program runs as FastCGI with one thread under callgrind, in a shop of its
own, once with few and once with many requests; the difference, by the number
of requests between, is what one of them executes in user space.  It does not
waver with the load of the machine, so two trees can be compared on any:

    make && git worktree add ../before COMMIT && make -C ../before
    tests/bench/instructions.py ../before/build build
"""

import argparse
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import h5  # noqa: E402

FEW, MANY = 8, 40
FEE = 628


def record(kind, content):
    return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content


def pair(name, value):
    n, v = name.encode(), value.encode()
    size = b"".join(bytes([len(x)]) if len(x) < 128
                    else struct.pack(">I", len(x) | 1 << 31) for x in (n, v))
    return size + n + v


def ask(path, params, body):
    """One request on a connection of its own; the status of the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(record(1, struct.pack(">HB5x", 1, 0)) +
                  record(4, b"".join(pair(*p) for p in params.items())) +
                  record(4, b"") +
                  (record(5, body) if body else b"") + record(5, b""))
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    return re.search(rb"Status: (\d+)", got)[1].decode()


def params_of(site, method, query, body):
    return {"REQUEST_METHOD": method, "QUERY_STRING": query,
            "SCRIPT_NAME": "/cgi-bin/x", "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": h5.PHONE,
            "H5PAY_CONF": str(site.conf_file),
            "CONTENT_TYPE": "text/xml", "CONTENT_LENGTH": str(len(body))}


def total(site, program, requests):
    """Instructions of a process that answers these requests and ends."""
    out = site.folder / "callgrind.out"
    path = str(site.folder / "wire")
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(16)
        process = subprocess.Popen(
            ["valgrind", "-q", "--tool=callgrind",
             f"--callgrind-out-file={out}", site.bin / program],
            stdin=door, stderr=subprocess.DEVNULL,
            env={"H5PAY_CONF": str(site.conf_file)})
    for method, query, body in requests:
        status = ask(path, params_of(site, method, query, body), body)
        if status != "200":
            sys.exit(f"{program} answered {status}")
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    (site.folder / "wire").unlink()
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(),
                         re.M)[1])


def requests_of(site, what, first, n):
    """n requests, each about an order of its own."""
    out = []
    for i in range(first, first + n):
        order = f"Count{i:06d}"
        token = site.token(site.order(order, FEE))
        if what == "first notice":
            out.append(("POST", "", h5.notice(order, FEE,
                                              f"42000012342026{i:014d}")))
        else:
            out.append(("GET", f"order={order}&t={token}", b""))
    return out


def measure(build, instruments):
    """What a request costs in build; the stand-in is of instruments, since
    the harness here knows that one."""
    gateway = h5.Gateway(instruments, quiet=True)
    site = h5.Site(build, gateway, {
        "server.threads": 1,
        # 0.1.0 does not know it.
        "site.contact_wechat": None,
    })
    row = {}
    try:
        for k, (what, program) in enumerate((("first notice", "notify"),
                                             ("return-page", "return-page"),
                                             ("query GET", "query"))):
            few = total(site, program,
                        requests_of(site, what, k * 1000, FEW))
            many = total(site, program,
                         requests_of(site, what, k * 1000 + FEW, MANY))
            row[what] = (many - few) // (MANY - FEW)
    finally:
        site.close()
        gateway.close()
    return row


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("builds", nargs="+", type=pathlib.Path)
    builds = p.parse_args().builds
    rows = [measure(b.resolve(), builds[-1].resolve()) for b in builds]
    print("| instructions of | " + " | ".join(map(str, builds)) + " | last / "
          "first |\n|---|" + "---|" * (len(builds) + 1))
    for what in rows[0]:
        cells = [f"{r[what]:,}" for r in rows]
        print(f"| {what} | " + " | ".join(cells) +
              f" | {rows[-1][what] / rows[0][what]:.3f} |")


if __name__ == "__main__":
    main()

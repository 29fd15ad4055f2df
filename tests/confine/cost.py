#!/usr/bin/env python3
"""What confinement costs: processor time of a worker, by request and at start.

usage: cost.py BUILD [ROUNDS]

The real return-page and notify under a supervisor, once confined, once not:
the configuration is named by h5pay.path instead of -c, and all else is the
same.  Both run side by side and take turns, so that a busy machine troubles
both alike; counted is the time their threads ran, not the time that passed."""

import glob
import os
import pathlib
import shutil
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import fcgi_wire as wire  # noqa: E402
import h5  # noqa: E402
import test_confine  # noqa: E402

BATCH = 200


def ran(pid):
    """Nanoseconds that the threads of a process ran."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path) as f:
            total += int(f.read().split()[0])
    return total


class Side:
    """One program, confined or not."""

    def __init__(self, build, program, confined):
        test_confine.BUILD = build
        self.shop = test_confine.Shop(program)
        shutil.copy(os.path.join(build, "cgi-bin", program),
                    self.shop.program)
        self.shop.server = ["processes = 1", "threads = 1"]
        self.shop.write(self.shop.conf)
        self.shop.file("bin/h5pay.path", self.shop.conf + "\n")
        self.run = wire.Run(self.shop, ["-c", self.shop.conf]
                            if confined else [])
        self.shop.runs.append(self.run)
        self.ask = {"return-page": self.look, "notify": self.tell}[program]
        self.ask()
        (self.worker,) = wire.children(self.run.p.pid)
        said = [l for l in self.shop.log() if "confined" in l]
        assert len(said) == 1 and ("not-" in said[0]) != confined, said
        self.start = ran(self.worker)

    def look(self):
        """Of an order that is not there: the store is opened and asked."""
        a = self.run.ask(wire.get(QUERY_STRING="order=abcdef&t=" + "0" * 32))
        assert a.status == 404, a.raw

    def tell(self):
        body = h5.notice("abcdef", 1, appid="wx0123456789abcdef",
                         mch_id="1900000109", key="0123456789abcdef" * 2)
        a = self.run.ask(wire.post(body, CONTENT_TYPE="text/xml"), body)
        assert a.status == 200, a.raw

    def batch(self):
        """Microseconds a request."""
        before = ran(self.worker)
        for _ in range(BATCH):
            self.ask()
        return (ran(self.worker) - before) / BATCH / 1000


def main():
    build = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    for program in ("return-page", "notify"):
        sides = [Side(build, program, c) for c in (False, True)]
        got = [[], []]
        for _ in range(rounds):
            for i in (0, 1):
                got[i].append(sides[i].batch())
        free, kept = (statistics.median(g) for g in got)
        pairs = statistics.median(b - a for a, b in zip(*got))
        print("%-12s a request: %.1f us free, %.1f us confined (%+.1f us by "
              "pairs); to its first answer: %.2f ms free, %.2f ms confined"
              % (program, free, kept, pairs, sides[0].start / 1e6,
                 sides[1].start / 1e6))
        for s in sides:
            s.shop.close()


if __name__ == "__main__":
    main()

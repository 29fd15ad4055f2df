#!/usr/bin/env python3
"""What a flood of abandoned orders does to a sweep: how long a paid order whose
notice was lost, and a delivery, wait behind it.

    sweep.py [--build DIR] [--orders 3000] [--ms 50]
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import h5  # noqa: E402

LATER = {"questions": ["faketime", "-f", "+3m"],
         "expiries": ["faketime", "-f", "+3h"]}
HOOK = "#!/bin/sh\n[ -e {0}/fail ] && exit 1\ndate +%s.%N >>{0}/told\n"


def flood(build, site, prefix, count):
    subprocess.run([f"{build}/bench/orders", site.store, prefix, "0",
                    str(count)], check=True)


def measured(build, what, orders, ms, folder):
    """One flood and sweeps until all is done: seconds from the first call
    until the lost notice's order was asked about, from the start until the
    delivery and until the first sweep ended; sweeps; calls."""
    hook = folder / "hook"
    hook.write_text(HOOK.format(folder))
    hook.chmod(0o700)
    (folder / "told").unlink(missing_ok=True)
    (folder / "fail").touch()
    g = h5.Gateway(build)
    s = h5.Site(build, g, {"hooks.exec": hook})
    try:
        flood(build, s, "A", orders // 2)
        s.ready("M-lost", 5)
        s.ready("M-told", 5)
        flood(build, s, "Z", orders - orders // 2)
        s.notify(h5.notice("M-told", 5))
        h5.until("the failed delivery", lambda: "undelivered" in [
            x["event"] for x in s.show("M-told")["events"]])
        (folder / "fail").unlink()
        g.pay("M-lost")
        if what == "expiries":
            g.advance(3 * 3600)
        for api in ("orderquery", "closeorder"):
            g.fault(api, "delay", ms=ms)
        began = time.time()
        first = None
        sweeps = 0
        while not (s.store / "swept").exists():
            code, _, err = s.h5pay("sweep", prefix=LATER[what], timeout=120)
            assert code == 0, err
            sweeps += 1
            first = first or time.time() - began
        assert s.show("M-lost")["state"] == "paid"
        # The stand-in's clock for this begins anywhere.
        start = min(c["real_ms"] for api in ("orderquery", "closeorder")
                    for c in g.calls(api))
        asked = min(c["real_ms"] for c in g.calls("orderquery", "M-lost"))
        told = float((folder / "told").read_text().split()[0])
        return ((asked - start) / 1000, told - began, first, sweeps,
                len(g.calls("orderquery")) + len(g.calls("closeorder")))
    finally:
        s.close()
        g.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--orders", type=int, default=3000)
    p.add_argument("--ms", type=int, default=50)
    a = p.parse_args()
    h5.adopt_orphans()
    print("| flood | lost notice asked about after | delivery after | "
          "first sweep | sweeps until nothing was due | calls |\n"
          "|---|---|---|---|---|---|")
    for what in LATER:
        with tempfile.TemporaryDirectory() as folder:
            lost, told, first, sweeps, calls = measured(
                a.build, what, a.orders, a.ms, pathlib.Path(folder))
        print(f"| {a.orders} {what} | {lost:.1f} s | {told:.1f} s | "
              f"{first:.1f} s | {sweeps} | {calls} |", flush=True)


if __name__ == "__main__":
    main()

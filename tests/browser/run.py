#!/usr/bin/env python3
"""The suite in Chromium: starts the servers, then tests/browser/flow.mjs.

    run.py [--build DIR] [WORDS]

Screenshots go to build/browser/.  WORDS picks the walks whose names contain
them.  (make check-pages looks at every page in
every case.)"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import h5  # noqa: E402

# A host that adds its own header to every answer, as some do.
NO_REFERRER = """\
setenv.set-response-header = ( "Referrer-Policy" => "no-referrer" )
"""


def node(script, *args):
    """Run a script; (passed, failed)."""
    p = subprocess.Popen(
        [os.environ.get("NODE", "node"), HERE / script, *map(str, args)],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=ROOT)
    last = ""
    for line in p.stdout:
        if re.match(r"\d+ passed, \d+ failed$", line):
            last = line
        else:
            print(line, end="", flush=True)
    p.wait()
    found = re.match(r"(\d+) passed, (\d+) failed", last)
    if not found:
        print(f"not ok - {script} ends with a count (exit {p.returncode})")
        return 0, 1
    return int(found[1]), int(found[2])


def walks(build, shots, chromium, only):
    """tests/browser/flow.mjs against three shops."""
    gateway = h5.Gateway(build)
    shops = []
    try:
        for conf, extra in (
            ({}, ""),
            ({"site.handoff": "page"}, ""),
            ({}, NO_REFERRER),
        ):
            shops.append(h5.Web(build, gateway, {
                "orders.query_interval_s": "1", **conf}, extra=extra))
        setting = {
            "gateway": gateway.url,
            "shop": shops[0].origin,
            "handoff_shop": shops[1].origin,
            "quiet_shop": shops[2].origin,
            "link_key": h5.LINK_KEY,
            "shots": str(shots),
            "chromium": chromium,
            "only": only,
        }
        path = shops[0].write("setting.json", json.dumps(setting))
        return node("flow.mjs", path)
    finally:
        for shop in shops:
            shop.close()
        gateway.close()


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default=str(ROOT / "build"))
    p.add_argument("only", nargs="?", default="", metavar="WORDS")
    a = p.parse_args()
    build = pathlib.Path(a.build).resolve()
    chromium = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser",
                                        "google-chrome"))), None)
    if chromium is None:
        print("not ok - Chromium is here (make deps-test installs it)")
        print("browser: 0 passed, 1 failed")
        return 1
    os.environ["CHROMIUM"] = chromium
    h5.adopt_orphans()
    shots = ROOT / "build" / "browser"
    shutil.rmtree(shots, ignore_errors=True)
    shots.mkdir(parents=True)
    passed, failed = walks(build, shots, chromium, a.only)
    print(f"browser: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

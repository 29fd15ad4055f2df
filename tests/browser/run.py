#!/usr/bin/env python3
"""The suite in Chromium: starts the servers, then tests/browser/all.mjs.

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
import tempfile

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


# A program whose clock is as late as a file says.
LATE = """\
#!/bin/sh
exec faketime -f "$(cat {late})" {program} "$@"
"""


class LateWeb(h5.Web):
    """A shop whose clock a walk moves: it writes to the file "late"."""

    def lighttpd_conf(self):
        for program in h5.PROGRAMS:
            self.write(f"late-bin/{program}", LATE.format(
                late=self.late, program=self.build / "cgi-bin" / program),
                mode=0o755)
        self.bin = self.folder / "late-bin"
        return super().lighttpd_conf()

    def start(self):
        (self.folder / "late-bin").mkdir(exist_ok=True)
        self.late = self.write("late", "+0s")
        super().start()


def shop(build, gateway, kind=h5.Web, conf=None, products="h5", **kw):
    """A shop that sells by these products."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="h5-browser-"))
    (folder / "app.secret").write_text(h5.APP_SECRET + "\n")
    (folder / "app.secret").chmod(0o600)
    return kind(build, gateway, {
        "orders.query_interval_s": "1",
        "merchant.products": products,
        "merchant.app_secret_file": folder / "app.secret",
        "gateway.oauth_url": gateway.url,
        "gateway.sns_url": gateway.url,
        **(conf or {}),
    }, folder=folder, **kw)


def walks(build, shots, chromium, only):
    """tests/browser/all.mjs against these shops."""
    gateway = h5.Gateway(build)
    shops = {}
    try:
        for name, how in {
            "shop": {},
            "handoff_shop": {"conf": {"site.handoff": "page"}},
            "quiet_shop": {"extra": NO_REFERRER},
            "native_shop": {"products": "native"},
            "jsapi_shop": {"products": "jsapi"},
            "every_shop": {"products": "h5 native jsapi"},
            "late_shop": {"products": "h5 native jsapi", "kind": LateWeb,
                          "mode": "cgi"},
        }.items():
            shops[name] = shop(build, gateway, **how)
        setting = {
            "gateway": gateway.url,
            **{name: s.origin for name, s in shops.items()},
            "late": str(shops["late_shop"].late),
            "link_key": h5.LINK_KEY,
            "shots": str(shots),
            "chromium": chromium,
            "only": only,
        }
        path = shops["shop"].write("setting.json", json.dumps(setting))
        return node("all.mjs", path)
    finally:
        for s in shops.values():
            s.close()
            shutil.rmtree(s.folder, ignore_errors=True)
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

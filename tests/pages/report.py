#!/usr/bin/env python3
"""The page of h5pay report in a real browser: narrow, light and dark, both
languages, with axe.  Ends in "N passed, N failed".

    report.py BUILD [--shots DIR]
"""

import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import h5  # noqa: E402

HEADERS = "Content-Type: text/html; charset=utf-8\r\n"


def orders(site, gateway):
    """Paid, waiting, one that does not fit, one that was asked for."""
    end = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 28800))
    for n, fee in enumerate((628, 12800, 99999999, 1, 4500)):
        order = f"20261123-000{n}"
        site.ready(order, fee)
        if n == 0:
            gateway.pay(order)
            site.h5pay("query", order)
        elif n < 4:
            site.notify(h5.notice(order, fee + (n == 3), time_end=end))


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    gateway = h5.Gateway(build)
    site = h5.Site(build, gateway)
    try:
        orders(site, gateway)
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for lang in ("en", "zh-CN"):
                for period in ("today", "2024-02"):
                    path = folder / f"report-{period}.{lang}.html"
                    code, out, err = site.h5pay(
                        "report", period, "--lang", lang, "-o", path)
                    if code != 0:
                        print(f"# {err}\n0 passed, 1 failed")
                        return 1
                    path.with_suffix(".headers").write_text(HEADERS)
            return subprocess.run(
                ["node", HERE.parent / "browser" / "pages.mjs", folder,
                 *sys.argv[2:]]).returncode
    finally:
        site.close()
        gateway.close()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""What putting orders away takes, and what a look at one costs before and
after.

    archive.py [--build DIR] [--orders 100000] [--folder /tmp]
"""

import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import h5  # noqa: E402

DAYS = 20  # a thousand orders of one tool a day


def size(folder):
    out = subprocess.run(["du", "-sB1", folder], capture_output=True,
                         text=True, check=True).stdout
    return int(out.split()[0]) / 1e6


def look(build, store, prefix, count, turns=20000):
    out = subprocess.run(
        [f"{build}/bench/loads", store, prefix, "0", str(count), str(turns)],
        capture_output=True, text=True, check=True).stdout
    ns, found = map(int, out.split())
    return ns / 1000, found == turns


def verb(site, *args):
    began = time.time()
    code, out, err = site.h5pay(*args, timeout=3600)
    assert code == 0, (args, code, out, err)
    return time.time() - began, out.split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--orders", type=int, default=100000)
    parser.add_argument("--folder", default="/tmp")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        g = h5.Gateway(args.build)
        s = h5.Site(args.build, g, {"store.dir": f"{folder}/store"})
        s.store = pathlib.Path(folder) / "store"
        each = DAYS * 1000
        for i in range(args.orders // each):
            subprocess.run([f"{args.build}/bench/orders", s.store,
                            "abcdefghijklmnop"[i] + "-", "0", str(each), "0"],
                           check=True)
        rows = [("live", *look(args.build, s.store, "a-", each)),
                ("unknown", *look(args.build, s.store, "z-", each))]
        before = size(s.store)
        took, said = verb(s, "archive", "--before", "2099-01-01")
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"orders {args.orders}: {said}")
        print(f"archive {took:.1f} s, most memory of any child {most:.0f} MiB,"
              f" {before:.0f} MB on disk before, {size(s.store):.0f} after")
        rows += [("archived", *look(args.build, s.store, "a-", each)),
                 ("unknown, beside archives",
                  *look(args.build, s.store, "z-", each))]
        for name, us, found in rows:
            print(f"{name}: {us:.1f} us{'' if found else ' (not found)'}")
        print(f"again {verb(s, 'archive', '--before', '2099-01-01')[0]:.1f} s")
        print(f"fsck {verb(s, 'fsck')[0]:.1f} s")
        took, said = verb(s, "archive", "--before", "2099-01-01", "--restore")
        print(f"restore {took:.1f} s {said}")
        s.close()
        g.close()


if __name__ == "__main__":
    main()

"""reproducible.py [--static] - the same sources, built in two folders, make the
same bytes.

The folders' names and the build trees' names differ, in length too.  Without
an argument the programs are built by each compiler that is there; --static:
the tarball of make dist-static, its libcurl included, which needs the network.
Ends in 'N passed, N failed'."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PARTS = ("admin", "cgi-bin", "common", "deploy", "docs", "templates")
FILES = ("Makefile", "LICENSE", "README.md")
# Folder, build tree.
PLACES = (("a", "build"), ("another folder/below", "out/tree"))
# The source of curl is not for folders with a blank.
STATIC_PLACES = (("a", "build"), ("another-folder/below", "out/tree"))
ENV = {k: v for k, v in os.environ.items()
       if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "B", "CC", "CFLAGS")}
# What the tarball is dated by; and no object comes from a cache.
ENV |= {"SOURCE_DATE_EPOCH": "1700000000", "CCACHE_DISABLE": "1"}


class Wrong(Exception):
    pass


def make(place, *words):
    folder, tree = place
    got = subprocess.run(["make", f"-j{os.cpu_count() or 2}", f"B={tree}",
                          *words], cwd=folder, env=ENV, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if got.returncode:
        raise Wrong(f"make {' '.join(words)}: {got.stdout[-2000:]}")


def places(tmp, which=PLACES):
    out = []
    for folder, tree in which:
        folder = tmp / folder
        folder.mkdir(parents=True)
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part)
        for name in FILES:
            shutil.copy(ROOT / name, folder)
        out.append((folder, tree))
    return out


def differences(both, *patterns):
    """Files below the two trees that are not the same."""
    (a, b) = (folder / tree for folder, tree in both)
    names = {str(f.relative_to(t)) for t in (a, b) for p in patterns
             for f in t.glob(p) if f.is_file()}
    if not names:
        raise Wrong(f"nothing was built: {patterns}")
    return sorted(n for n in names
                  if not (a / n).exists() or not (b / n).exists()
                  or (a / n).read_bytes() != (b / n).read_bytes())


def builds(both, cc, *words):
    """Each build is a test that ends: the runner sees that it goes on."""
    for folder, tree in both:
        make((folder, tree), f"CC={cc}", *words)
        yield f"{cc} builds in {len(str(folder / tree))} letters"


def same(both, *patterns):
    if wrong := differences(both, *patterns):
        raise Wrong(f"not the same: {', '.join(wrong)}")


def same_programs(tmp, cc):
    both = places(tmp)
    yield from builds(both, cc, "all", "errors")
    same(both, "h5pay", "cgi-bin/*", "errors/*", "libh5.a")
    folder, tree = both[0]
    if str(tmp).encode() in (folder / tree / "h5pay").read_bytes():
        raise Wrong("h5pay names the folder that it was built in")
    yield f"each program by {cc} is the same"


def control(tmp, cc):
    """Without the map of prefixes."""
    both = places(tmp)
    for folder, tree in both:
        make((folder, tree), f"CC={cc}", "PREFIX_MAP=",
             f"{tree}/obj/common/base/err.o")
    if not differences(both, "obj/common/base/err.o"):
        raise Wrong("not noticed")
    yield f"an object by {cc} that may name its folder is noticed"


def same_tarball(tmp, cc):
    both = places(tmp, STATIC_PLACES)
    yield from builds(both, cc, "dist-static")
    same(both, "static/h5pay-*/**/*", "*.tar.gz")
    yield f"the static tarball by {cc} is the same"


def main():
    tests = [(same_tarball, "gcc")] if "--static" in sys.argv[1:] else [
        (t, cc) for cc in ("gcc", "clang") if shutil.which(cc)
        for t in (same_programs, control)]
    passed = failed = 0
    for run, cc in tests:
        with tempfile.TemporaryDirectory(prefix="h5-same-") as tmp:
            try:
                for sentence in run(pathlib.Path(tmp), cc):
                    passed += 1
                    print(f"ok - {sentence}", flush=True)
            except Wrong as e:
                failed += 1
                print(f"not ok - {run.__name__} by {cc}\n#   {e}", flush=True)
    print(f"reproducible: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

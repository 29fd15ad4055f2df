"""fresh.py - from git clone to green tests on a Debian that has nothing.

    fresh.py --build DIR --roots DIR [--full] [--anew] DIST ...

For each DIST (trixie, bookworm) a minimal Debian is made in a folder below
--roots by debootstrap, with git and make.  What is committed is cloned there;
then make deps, make, make run, make deps-test, and the build, lint, unit tests
and the suite from outside with the gcc and the clang of that Debian.  --full:
make test instead of the last ones.  The folder is kept, so that the next run
is quick; it is made anew if what is installed changed, or with --anew.  Needs
root, debootstrap and a mirror.  Ends in 'N passed, N failed', after a list of
the tests that were skipped there."""

import argparse
import hashlib
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "runner"))

import debian  # noqa: E402
import runner  # noqa: E402

BASE = ["git", "make"]
WHERE = "srv/h5pay"  # the clone, below the root
SHOP = re.compile(rb"http://127\.0\.0\.1:\d+/")
SERVES_S = 600  # for make run, which may install and compile
ENDS_S = 60
JOBS = f"-j{os.cpu_count() or 2}"
MAKE = ["make", "--no-print-directory", JOBS, "WERROR=-Werror"]
CLANG = [*MAKE, "CC=clang", "B=build-clang"]
TARGETS = ["all", "units", "instruments"]
SKIP = re.compile(r"ok \d+ - (.*?) *# SKIP *(.*)")


class Failed(Exception):
    pass


class Place:
    """One Debian, and what was tried there."""

    def __init__(self, dist, roots, logs):
        self.dist = dist
        self.root = roots / dist
        self.tree = self.root / WHERE
        self.logs = logs / dist
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.passed = self.failed = 0

    # -- the root

    def stamp(self):
        """What decides which packages are there."""
        h = hashlib.sha256()
        for name in ("deploy/install-deps.sh", "tests/deploy/debian.py"):
            h.update((ROOT / name).read_bytes())
        return h.hexdigest()

    def prepare(self, anew):
        """A root without the tree; the last one if it would be the same."""
        mark = self.root / "h5pay-made"
        if not anew and mark.is_file() and mark.read_text() == self.stamp():
            shutil.rmtree(self.tree, ignore_errors=True)
            print(f"# {self.dist}: with the packages of the last run; "
                  f"{self.root}", flush=True)
            return
        self.remove()
        self.root.parent.mkdir(parents=True, exist_ok=True)
        debian.bootstrap(self.root, self.dist, ["ca-certificates"])
        debian.take_settings(self.root, self.dist)
        log = self.logs / "root.log"
        for args in (["apt-get", "-q", "update"],
                     ["apt-get", "-q", "-y", "install",
                      "--no-install-recommends", *BASE]):
            if self.run(args, log, cwd="/") != 0:
                raise debian.LeftOut(f"{args[0]} failed in {self.root}: "
                                     + log.read_text()[-300:])
        mark.write_text(self.stamp())

    def remove(self):
        mounts = pathlib.Path("/proc/self/mounts").read_text()
        if f" {self.root}/" in mounts:
            raise debian.LeftOut(f"something is mounted below {self.root}")
        shutil.rmtree(self.root, ignore_errors=True)

    def clone(self):
        got = debian.run("git", "clone", "-q", ROOT.as_uri(), self.tree)
        if got.returncode != 0:
            raise Failed(got.stderr)

    # -- in it

    def command(self, args, cwd="/" + WHERE):
        return debian.inside(self.root, "env", "-C", cwd, *args)

    def run(self, args, log, **kw):
        with open(log, "ab") as out:
            return subprocess.run(self.command(args, **kw), stdout=out,
                                  stderr=out, stdin=subprocess.DEVNULL,
                                  check=False).returncode

    # -- steps

    def step(self, name, work):
        """One line; True if it passed."""
        begun = time.monotonic()
        log = self.logs / (name.replace(" ", "-") + ".log")
        try:
            work(log)
            said = ""
        except Failed as e:
            said = str(e) or "\n".join(runner.failures(
                log.read_text(errors="replace")))
        took = f"({time.monotonic() - begun:.0f} s)"
        if said:
            self.failed += 1
            print(f"not ok - {self.dist}: {name} {took}")
            print("\n".join(f"#   {x}" for x in said.splitlines()))
            print(f"#   ({log})", flush=True)
        else:
            self.passed += 1
            print(f"ok - {self.dist}: {name} {took}", flush=True)
        return not said

    def make(self, name, words, *targets):
        def work(log):
            if self.run([*words, *targets], log) != 0:
                raise Failed

        return self.step(name, work)

    def serve(self, log):
        """make run tells an address, answers there, and ends by Ctrl-C."""
        with open(log, "ab") as out:
            p = subprocess.Popen(
                self.command(["make", "--no-print-directory", "run",
                              "PORT=0"]),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=out,
                start_new_session=True)
        try:
            url = self.address(p, log)
            with urllib.request.urlopen(url, timeout=30) as r:
                page = r.read().decode()
            if "checkout" not in page:
                raise Failed(f"{url} has no link to checkout: {page[:300]}")
            os.killpg(p.pid, signal.SIGINT)
            said = p.communicate(timeout=ENDS_S)[0].decode()
            if "Stopped." not in said:
                raise Failed(f"after Ctrl-C: {said!r}")
        except (OSError, subprocess.TimeoutExpired) as e:
            raise Failed(str(e)) from None
        finally:
            p.kill()
            p.wait()

    def address(self, p, log):
        said, until = b"", time.monotonic() + SERVES_S
        while time.monotonic() < until:
            if not select.select([p.stdout], [], [], 1)[0]:
                continue
            more = os.read(p.stdout.fileno(), 65536)
            said += more
            found = SHOP.search(said)
            if found and b"Ctrl-C" in said:
                return found[0].decode()
            if not more:
                raise Failed(f"make run ended: {said.decode()}"
                             f"{log.read_text()[-2000:]}")
        raise Failed(f"no address within {SERVES_S} s: {said.decode()}")

    def all(self, full):
        """Each step that the ones before make possible."""
        if not (self.step("git clone", lambda _: self.clone())
                and self.make("make deps", ["make", "deps"])
                and self.make("make with gcc", MAKE)
                and self.step("make run", self.serve)
                and self.make("make deps-test", ["make", "deps-test"])):
            return
        if full:
            self.make("make test", ["make", "test", "KEEP=1"])
            return
        for name, words in (("gcc", MAKE), ("clang", CLANG)):
            if self.make(f"build with {name}", words, *TARGETS):
                self.make(f"unit with {name}", words, "unit")
                self.make(f"e2e with {name}", words, "e2e")
        self.make("lint", MAKE, "lint")

    def skipped(self):
        """Tests that were left out there, each once, with why."""
        found = {}
        for log in (*self.logs.glob("*.log"),
                    *self.tree.glob("build/test-logs/*.log")):
            for x in log.read_text(errors="replace").splitlines():
                m = SKIP.match(x)
                if m:
                    found.setdefault(m[2], set()).add(f"{log.stem}: {m[1]}")
        for why, tests in sorted(found.items()):
            print(f"# {self.dist} skipped {len(tests)}: {why}")
            for x in sorted(tests):
                print(f"#   {x}")

    def compilers(self):
        got = debian.run(*self.command(
            ["sh", "-c", "for c in gcc clang; do $c --version | head -n 1; "
             "done 2>/dev/null"], cwd="/"))
        print(f"# {self.dist}: {', '.join(got.stdout.splitlines())}",
              flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", type=pathlib.Path, required=True)
    p.add_argument("--roots", type=pathlib.Path, required=True)
    p.add_argument("--full", action="store_true", help="make test as well")
    p.add_argument("--anew", action="store_true", help="new roots")
    p.add_argument("dist", nargs="+", metavar="DIST")
    a = p.parse_args()
    passed = failed = 0
    try:
        debian.need("debootstrap", "unshare", "git")
        for dist in a.dist:
            place = Place(dist, a.roots.resolve(), a.build.resolve() / "fresh")
            place.prepare(a.anew)
            place.all(a.full)
            place.compilers()
            place.skipped()
            passed += place.passed
            failed += place.failed
    except debian.LeftOut as e:
        print(f"fresh-check: not run: {e}")
        return 1
    print(f"fresh: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

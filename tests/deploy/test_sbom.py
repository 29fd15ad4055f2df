"""The bill of materials of programs that are linked here; static.py and
check-deb.sh look at those that are shipped."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import behind
import h5
import sbom
from case import test

TOOL = behind.ROOT / "deploy" / "sbom.sh"


class Folder:
    def __init__(self, t):
        if shutil.which("dpkg-query") is None:
            t.skip("libraries are known by their Debian packages")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="h5-sbom-"))
        t.mine(self)

    def close(self):
        shutil.rmtree(self.path)


def bill(kind, *files, day="1700000000", cwd=None, depends=""):
    env = {**os.environ, "SOURCE_DATE_EPOCH": day, "DEPENDS": depends,
           "CC": "gcc"}
    return subprocess.run(["sh", TOOL, "h5pay-test", "1.2.3", kind, *files],
                          env=env, cwd=cwd, capture_output=True, text=True)


def programs(t):
    build = pathlib.Path(t.build).resolve()
    return [build / "h5pay", *(build / "cgi-bin" / p for p in h5.PROGRAMS)]


def refused(t, run, what):
    try:
        run()
    except sbom.Wrong as e:
        t.contains(str(e), what, "why")
    else:
        t.fail(f"not noticed: {what}")


@test("a bill of materials has each library that the programs name, with the "
      "version that is installed and a licence")
def _(t):
    d, files = Folder(t).path, programs(t)
    got = bill("dynamic", *files)
    t.eq(got.returncode, 0, got.stderr)
    (d / "all").write_text(got.stdout)
    sbom.same_libraries(d / "all", sbom.needed(files), "DYNAMIC_LINK")
    # Controls: that of notify lacks curl, which is too much for notify.
    notify = [f for f in files if f.name == "notify"]
    (d / "one").write_text(bill("dynamic", *notify).stdout)
    refused(t, lambda: sbom.same_libraries(
        d / "one", sbom.needed(files), "DYNAMIC_LINK"), "libcurl")
    refused(t, lambda: sbom.same_libraries(
        d / "all", sbom.needed(notify), "DYNAMIC_LINK"), "libcurl")
    # Nor may a version and the address of its package differ.
    (d / "other").write_text(got.stdout.replace(
        '"name": "openssl",\n      "versionInfo": "',
        '"name": "openssl",\n      "versionInfo": "9'))
    refused(t, lambda: sbom.read(d / "other"), "libssl")


@test("a bill of materials is the same from any folder, and bears the day it "
      "is given")
def _(t):
    d, files = Folder(t).path, programs(t)
    first = bill("dynamic", *files)
    t.eq(bill("dynamic", *files, cwd=d).stdout, first.stdout, "elsewhere")
    t.contains(first.stdout, '"created": "2023-11-14T22:13:20Z"', "the day")
    t.ok(str(behind.ROOT) not in first.stdout, "a path of the machine")
    later = bill("dynamic", *files, day="1700000001").stdout
    t.contains(later, '"created": "2023-11-14T22:13:21Z"', "another day")


@test("what a package depends on stands in its bill of materials")
def _(t):
    d = Folder(t).path
    depends = "libc6 (>= 2.34), libssl3 (>= 3.0.0), adduser, ca-certificates"
    (d / "bill").write_text(bill("dynamic", *programs(t),
                                 depends=depends).stdout)
    sbom.all_depends(d / "bill", depends)
    told = sbom.read(d / "bill")
    t.eq([told[n][1] for n in ("libssl3", "adduser")],
         ["DYNAMIC_LINK", "DEPENDS_ON"], "relations")
    refused(t, lambda: sbom.all_depends(d / "bill", depends + ", lighttpd"),
            "lighttpd")


@test("a bill of materials of a static program is what the linker took")
def _(t):
    d = Folder(t).path
    obj = pathlib.Path(t.build).resolve() / "obj" / "cgi-bin"
    got = subprocess.run(
        ["gcc", "-static-pie", "-pthread", f"-Wl,-Map={d}/map", "-o",
         d / "notify", obj / "notify.o", *sorted((obj / "run").glob("*.o")),
         obj.parents[1] / "libh5.a", "-lfcgi", "-lcrypto", "-lz", "-lmxml",
         "-ljansson"],
        capture_output=True, text=True)
    t.eq(got.returncode, 0, got.stderr[-500:])
    got = bill("static", d / "map")
    t.eq(got.returncode, 0, got.stderr)
    (d / "bill").write_text(got.stdout)
    sbom.same_libraries(d / "bill", sbom.in_maps([d / "map"]), "STATIC_LINK")
    told = sbom.read(d / "bill")
    t.ok({"libssl-dev", "libc6-dev", "libfcgi-dev"} <= set(told), f"{told}")
    # OpenSSL tells its version in the program, too.
    version = told["libssl-dev"][0]["versionInfo"].split("-")[0]
    t.ok(version.encode() in (d / "notify").read_bytes(), version)
    # notify has nothing of curl and mxml; an archive that is not used is none.
    t.ok("libmxml-dev" not in told, "mxml")


@test("a library without a known licence is an error, and so is no library")
def _(t):
    d = Folder(t).path
    (d / "one.c").write_text("#include <expat.h>\nint main(void)\n"
                             "{\n\treturn XML_ExpatVersionInfo().major;\n}\n")
    subprocess.run(["gcc", "-o", d / "one", d / "one.c", "-lexpat"], check=True)
    got = bill("dynamic", d / "one")
    t.ok(got.returncode != 0, "taken")
    t.contains(got.stderr, "no licence is known for expat", "why")
    (d / "map").write_text("Memory Configuration\n")
    got = bill("static", d / "map")
    t.ok(got.returncode != 0, "an empty map is taken")

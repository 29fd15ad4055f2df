#!/usr/bin/env python3
"""Checks that need no running program: the layout, the rooms, headers that
stand alone, functions that are banned, secrets' libraries, documents that
follow the code.  Prints TAP; environment B: a built tree."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import docs
import faults

import house
import named

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "mutants"))
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "fuzz"))
import control as fuzz_control  # noqa: E402
import mutants as mutant_list  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
B = ROOT / os.environ.get("B", "build")
CC = os.environ.get("CC") or "cc"

# Each vendor header is known to one file, so that a library can be changed
# in one place and is guarded in one place.
VENDOR = {
    "mxml.h": {"common/wechat/v2/xml_write.c"},
    "openssl/": {"common/system/crypto.c", "common/system/chain.c",
                 "common/system/rsa.c"},
    "curl/": {"common/system/https.c"},
    "fcgiapp.h": {"common/web/fcgi.c"},
    "fcgi_stdio.h": set(),
    "zlib.h": {"common/format/gzip.c"},
    "jansson.h": {"common/wechat/openid.c", "common/format/json_read.c"},
    "qrcodegen/": {"common/format/qr.c"},
}

BANNED = """strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol
atoll atof gmtime localtime ctime asctime system popen alloca stpcpy mktemp
tmpnam tempnam rand srand scanf sscanf fscanf strtod strtof bzero
OPENSSL_cleanse""".split()

SECTIONS = """merchant site gateway store orders catalogue hooks pages log
server""".split()

# Files that are about more values than the one they are named for.
ALSO_EXPORTS = {
    "common/format/template_data": ("data",),
    "common/store/ledger": ("ledger",),
    "common/web/request": ("response",),
}

# Who may call what: one file a door.
DOORS = {
    "clock": (r"\b(clock_gettime|time|gettimeofday)\s*\(",
              {"common/base/clock.c"}),
}


def sources(*patterns):
    out = []
    for p in patterns:
        out += sorted(ROOT.glob(p))
    return out


def name(path):
    return str(path.relative_to(ROOT))


def code(path):
    """The text without comments and strings' contents, lines kept."""
    text = path.read_text()
    pattern = r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(m):
        s = m.group(0)
        if s.startswith("/*"):
            return re.sub(r"[^\n]", " ", s)
        return s[0] + " " * (len(s) - 2) + s[-1]

    lines = text.splitlines()
    # The names in #include "..." are code.
    includes = {i for i, x in enumerate(lines) if x.startswith("#include")}
    out = re.sub(pattern, blank, text, flags=re.S).splitlines()
    return [lines[i] if i in includes else x for i, x in enumerate(out)]


CODE = sources("common/**/*.[ch]", "cgi-bin/**/*.[ch]", "admin/*.[ch]")
C_ALL = CODE + sources("tests/unit/*.[ch]", "tests/gateway/*.[ch]",
                       "tests/*/*.[ch]")
C_ALL = sorted(set(C_ALL))


def run(args, **kw):
    return subprocess.run([str(a) for a in args], capture_output=True,
                          text=True, cwd=ROOT, **kw)


# --- the checks; each yields what is wrong ----------------------------------


def layout():
    """C is laid out as .clang-format says"""
    tool = None
    for t in ("clang-format-14", "clang-format"):
        try:
            if re.search(r"version 14\.", run([t, "--version"]).stdout):
                tool = t
                break
        except FileNotFoundError:
            continue
    if tool is None:
        print("# clang-format 14 is not here: the layout was not looked at")
        return
    got = run([tool, "--dry-run", "-Werror", *C_ALL])
    seen = set()
    for line in got.stderr.splitlines():
        m = re.match(r"(\S+?):(\d+):", line)
        if m and m.group(1) not in seen:
            seen.add(m.group(1))
            yield f"{line}  (make format mends it)"


def rooms():
    """a file takes from its own room and those above it in the list of rooms
    (tests/lint/house.py)"""
    yield from house.House(ROOT).upward()


def circles():
    """no files take from each other in a loop, by includes or by calls"""
    h = house.House(ROOT)
    for ring in h.circles():
        yield "; ".join([", ".join(ring), *h.tied(ring)])


def private_folders():
    """an API of WeChat's is known inside common/wechat alone"""
    for path in CODE:
        for i, line in enumerate(code(path), 1):
            m = re.match(r'#include "(common/wechat/(\w+/.*|api\.h))"', line)
            if m and not name(path).startswith("common/wechat/"):
                yield f"{name(path)}:{i}: {m.group(1)}"


def store_door():
    """nothing outside common/store/ knows more of the store than store.h, its
    core knows no engine's inside, and nothing in it speaks of a network"""
    inside = 0
    for path in sources("common/**/*.[ch]", "cgi-bin/**/*.[ch]",
                        "admin/*.[ch]"):
        here = name(path)
        for i, line in enumerate(code(path), 1):
            m = re.match(r'#include "common/store/(.*)"', line)
            if here.startswith("common/store/"):
                inside += 1 if m else 0
                if re.search(r"\bH5_E_NET\b", line):
                    yield (f"{here}:{i}: H5_E_NET: an unknown outcome is "
                           "H5_E_IO (store.h)")
                if m and "/" in m.group(1) and (
                        m.group(1).split("/")[0] not in here.split("/")):
                    yield f"{here}:{i}: {line}"
            elif m and m.group(1) != "store.h":
                yield f"{here}:{i}: {line}"
    if inside < 20:
        yield "common/store/ was not found"


def includes_from_root():
    """includes are written from the root"""
    for path in C_ALL:
        for i, line in enumerate(code(path), 1):
            m = re.match(r'#include "(.*)"', line)
            if m and not (ROOT / m.group(1)).exists():
                yield f'{name(path)}:{i}: "{m.group(1)}" is not there'


def vendors():
    """each vendor header is included by its one file"""
    for path in CODE:
        for i, line in enumerate(code(path), 1):
            m = re.match(r"#include <(.*)>", line)
            if not m:
                continue
            for header, allowed in VENDOR.items():
                if m.group(1).startswith(header) and (
                        name(path) not in allowed):
                    yield f"{name(path)}:{i}: <{m.group(1)}>"


def dependencies():
    """install-deps.sh asks for every library that the product includes"""
    asked = (ROOT / "deploy/install-deps.sh").read_text()
    for header in VENDOR:
        if any(re.match(rf"#include <{header}", line)
               for path in CODE for line in code(path)) and not re.search(
                   rf"need \S+ header .*{header}", asked):
            yield f"nobody asks for <{header}>"


def headers_alone():
    """every header compiles alone, and twice"""
    with tempfile.TemporaryDirectory() as tmp:
        for path in sources("common/**/*.h", "cgi-bin/**/*.h", "admin/*.h"):
            src = pathlib.Path(tmp) / "one.c"
            src.write_text(f'#include "{name(path)}"\n' * 2)
            got = run([*CC.split(), "-std=c11", "-D_GNU_SOURCE", "-I.",
                       "-Wall", "-Wextra", "-Werror", "-fsyntax-only", src])
            if got.returncode:
                yield f"{name(path)}: {got.stderr.splitlines()[:3]}"


def guards():
    """a header's guard is its path"""
    for path in sources("common/**/*.h", "cgi-bin/**/*.h", "admin/*.h"):
        want = "H5_" + re.sub(
            r"\W", "_", name(path).removeprefix("common/")).upper()
        found = re.findall(r"#ifndef (\w+)\n#define \1\n", path.read_text())
        if found != [want]:
            yield f"{name(path)}: guard {found[:1]}, want {want}"


def banned():
    """no banned function is called"""
    # Without optimisation and FORTIFY, where calls keep their names.
    with tempfile.TemporaryDirectory() as tmp:
        for path in CODE:
            if path.suffix != ".c":
                continue
            obj = pathlib.Path(tmp) / "one.o"
            got = run([*CC.split(), "-std=c11", "-D_GNU_SOURCE", "-I.",
                       f"-I{B}", '-DH5_VERSION="lint"', "-O0",
                       "-U_FORTIFY_SOURCE", "-fno-builtin", "-c", path, "-o",
                       obj])
            if got.returncode:
                yield f"{name(path)}: {got.stderr.splitlines()[:2]}"
                continue
            used = {line.split()[-1].split("@")[0]
                    for line in run(["nm", "-u", obj]).stdout.splitlines()
                    if line.split()}
            used = {u.replace("__isoc99_", "").replace("__isoc23_", "")
                    for u in used}
            for bad in sorted(used & set(BANNED)):
                yield f"{name(path)}: {bad}"


def one_way_out():
    """a function has one label at most"""
    for path in CODE:
        labels = {}
        for i, line in enumerate(code(path), 1):
            if line.startswith("}"):
                labels = {}
            m = re.search(r"\bgoto\s+(\w+)", line)
            if m:
                labels[m.group(1)] = i
                if len(labels) > 1:
                    yield f"{name(path)}:{i}: goto {' and '.join(labels)}"


def ascii_only():
    """C sources are ASCII, without trailing blanks, at most 80 columns"""
    for path in CODE:
        for i, raw in enumerate(path.read_bytes().splitlines(), 1):
            line = raw.decode("latin-1")
            if any(ord(c) > 126 for c in line):
                yield f"{name(path)}:{i}: not ASCII"
            if line != line.rstrip():
                yield f"{name(path)}:{i}: trailing blanks"
            if len(line.expandtabs(8)) > 80:
                yield f"{name(path)}:{i}: {len(line.expandtabs(8))} columns"


def own_names(path):
    """What the names of a file's exports begin with: its own name, that of
    a folder it stands in, or of what stands under ALSO_EXPORTS."""
    stem = re.split(r"[-_]", path.stem)[0]
    return tuple(f"h5_{s}" for s in (
        stem, *path.parts[path.parts.index("common") + 1:-1],
        *ALSO_EXPORTS.get(name(path)[:-2], ())))


def objects():
    """(object, source) of all that was built of the product."""
    for path in CODE:
        obj = B / "obj" / path.relative_to(ROOT).with_suffix(".o")
        if path.suffix == ".c" and obj.exists():
            yield obj, path


def exported():
    """a file exports only its own names: h5_<file>_*, h5_<room>_*"""
    looked = 0
    for obj, path in objects():
        if not name(path).startswith("common/"):
            continue
        looked += 1
        own = own_names(path)
        out = run(["nm", "--defined-only", "-g", obj]).stdout
        for line in out.splitlines():
            symbol = line.split()[-1]
            if symbol not in own and not symbol.startswith(
                    tuple(o + "_" for o in own)):
                yield f"{name(path)} exports {symbol}"
    if looked < 60:
        yield f"only {looked} objects of {B} were looked at: is it built?"


def sizes():
    """no file of the product has more than 600 lines, no function more than
    60"""
    h = house.House(ROOT)
    for f, text in h.text.items():
        if text.count("\n") > 600:
            yield f"{f}: {text.count(chr(10))} lines"
    for n, f, function in h.functions():
        if n > 60:
            yield f"{f}: {function} has {n} lines"


# Their callers come with the calls of APIv3; a name that is used by then has to
# leave this list.
COMING = {"h5_v3_keys_count", "h5_json_object"}


def exports_are_used():
    """what a file exports is used by another one of the product"""
    h = house.House(ROOT)
    users = {}
    for f, text in h.code.items():
        if f.endswith(".h"):  # a macro uses what it names
            text = "\n".join(re.findall(r"^#define(?:.*\\\n)*.*", text, re.M))
        for word in set(re.findall(r"\bh5_\w+", text)):
            users.setdefault(word, set()).add(
                h.units[f] if f.endswith(".c") else f)
    for word, unit in sorted(h.where.items()):
        if word == "h5_store_postgresql":
            continue  # a plug-in's, under the name that dlsym is given
        used = bool(users.get(word, set()) - {unit})
        if used == (word in COMING):
            yield f"{unit}.c: {word}" + (" is used" if used else "")


def errors_are_outputs():
    """e may be NULL: nobody but err.c looks into one that is to be filled"""
    for path in CODE:
        if path.suffix != ".c" or name(path) == "common/base/err.c" or (
                name(path).startswith("admin/")):
            continue  # a verb's e is its own, on main's stack
        head, filled = [], False
        for i, line in enumerate(code(path), 1):
            if line == "{":
                # The parameters: what stands since the last blank line.
                text = " ".join(head)
                filled = bool(re.search(r"struct h5_err \*e\)", text)) and (
                    "const struct h5_err *e)" not in text)
            elif line == "}":
                filled = False
            if filled and re.search(r"\be->(msg|code|sys)\b", line):
                yield f"{name(path)}:{i}: {line.strip()}"
            head = [] if line.strip() in ("", "}") else head + [line]


def openings():
    """each .c says in a comment before its first include what it is for"""
    for path in CODE:
        if path.suffix == ".c" and not path.read_text().startswith("/*"):
            yield name(path)


def no_state():
    """no mutable variable at file scope"""
    for obj, path in objects():
        for line in run(["objdump", "-t", obj]).stdout.splitlines():
            m = re.search(r"\sO (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$",
                          line)
            if not m or not re.match(r"(\.data|\.bss|\*COM\*)", m.group(1)):
                continue
            # Constants that hold addresses; and the empty text that an
            # empty buffer points to, which nobody writes.
            if m.group(1).startswith(".data.rel.ro") or (
                    m.group(2) == "nothing"):
                continue
            yield f"{name(path)}: {m.group(2)}"


def doors():
    """only clock.c reads the clock"""
    for what, (pattern, allowed) in DOORS.items():
        for path in sources("common/**/*.c", "cgi-bin/**/*.c",
                            "admin/*.c"):
            if name(path) in allowed:
                continue
            for i, line in enumerate(code(path), 1):
                if re.search(pattern, line):
                    yield f"{name(path)}:{i}: {what}: {line.strip()}"


def lengths():
    """H5_LENGTH alone counts an array's elements"""
    for path in CODE:
        for i, line in enumerate(code(path), 1):
            if re.search(r"\bsizeof\b[^/]*/\s*sizeof\b", line) and (
                    name(path) != "common/base/length.h"):
                yield f"{name(path)}:{i}: {line.strip()}"


def no_float():
    """no floating point"""
    for path in CODE:
        for i, line in enumerate(code(path), 1):
            if re.search(r"\b(float|double)\b", line):
                yield f"{name(path)}:{i}: {line.strip()}"


# What each program names, beside the C library.  The sanitizers' are no part
# of the product.
CALLS = {"libfcgi", "libcurl", "libmxml", "libcrypto", "libz"}
LINKED = {
    "cgi-bin/checkout": CALLS | {"libjansson", "libqrcodegen"},
    "cgi-bin/query": CALLS | {"libjansson"},
    "cgi-bin/doctor": CALLS | {"libjansson"},
    "cgi-bin/return-page": {"libfcgi", "libcrypto", "libz"},
    "cgi-bin/notify": {"libfcgi", "libcrypto", "libz", "libjansson"},
    "h5pay": {"libcurl", "libmxml", "libcrypto", "libz", "libqrcodegen",
              "libjansson"},
}


def libraries():
    """each program is linked to the libraries it needs, and to no other"""
    for program, wanted in LINKED.items():
        path = B / program
        if not path.exists():
            yield f"{path} is not built"
            continue
        out = run(["readelf", "-d", path]).stdout
        found = set(re.findall(r"\(NEEDED\).*\[(lib\w+?)[-.]", out))
        for library in sorted(found ^ wanted):
            if re.match(r"libc$|libasan|libubsan|libtsan|libm$|libgcc",
                        library):
                continue
            yield f"{program} " + ("lacks " if library in wanted
                                   else "needs ") + library


def weaknesses(path):
    """What an ELF file lacks of RELIABILITY's flags."""
    out = run(["readelf", "-W", "-h", "-l", "-d", "--dyn-syms", path]).stdout
    must = {
        "not PIE": r"Type:\s+DYN .*[\s\S]*Flags:.* PIE\b",
        "no RELRO": r"GNU_RELRO",
        "lazy binding": r"\(FLAGS\)\s+.*BIND_NOW|\(BIND_NOW\)",
        "no word about its stack": r"GNU_STACK",
        "no stack canary": r"UND __stack_chk_fail\b",
        "no FORTIFY": r"UND __(?!stack)\w+_chk\b",
    }
    never = {
        "executable stack": r"GNU_STACK\s.* RWE ",
        "memory that is written and run": r"LOAD\s.* RWE ",
        "text relocations": r"TEXTREL",
        "a library path of its own": r"\((RPATH|RUNPATH)\)",
    }
    yield from (w for w, p in must.items() if not re.search(p, out))
    yield from (w for w, p in never.items() if re.search(p, out))


# One function with an array to guard and a call to fortify.
WEAK_SOURCE = """\
#include <stdio.h>
#include <string.h>
int main(int c, char **v)
{
	char a[40];
	(void)snprintf(a, sizeof a - (size_t)c, "%s%d", v[0], c);
	return (int)strlen(a);
}
"""
WEAK_FLAGS = """-O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -pie
-Wl,-z,relro,-z,now,-z,noexecstack""".split()
# Marks of x86 that the processor is to hold a program to.
MARKS = re.compile(r"x86 feature: IBT, SHSTK")


def unmarked(path):
    """Whether an ELF file lacks the note of -fcf-protection."""
    return not MARKS.search(run(["readelf", "-W", "-n", path]).stdout)


def marked():
    """where the compiler knows -fcf-protection, each object has the note of
    it, and a program if an empty one has; an object without it is noticed"""
    with tempfile.TemporaryDirectory() as tmp:
        src, obj = pathlib.Path(tmp) / "weak.c", pathlib.Path(tmp) / "weak.o"
        src.write_text(WEAK_SOURCE)

        def build(*flags):
            return run([*CC.split(), "-O2", src, "-o", obj, *flags])

        if build("-c", "-fcf-protection=full").returncode:
            print("# this compiler has no -fcf-protection: not looked at")
            return
        if unmarked(obj):
            yield "an object with the note is said to lack it"
        build("-c", "-fcf-protection=none")
        if not unmarked(obj):
            yield "-fcf-protection=none: not noticed"
        build("-fcf-protection=full", "-fPIE", "-pie")
        programs = not unmarked(obj)
    # Not what is left over from another day.
    objects = [o for folder in ("admin", "cgi-bin", "common")
               for o in sorted((B / "obj" / folder).rglob("*.o"))
               if (ROOT / o.relative_to(B / "obj").with_suffix(".c")).exists()]
    if len(objects) < 50:
        yield f"{B}/obj is not built"
    for path in objects:
        if unmarked(path):
            yield f"{path.relative_to(B)}: no note"
    if not programs:
        print("# the C library's start files have no note: programs cannot")
        return
    for path in (*(B / "cgi-bin").iterdir(), B / "h5pay"):
        if unmarked(path):
            yield f"{path.name}: no note"


# Weakened by one flag at the end, and what must be noticed.
WEAKENED = [
    (["-U_FORTIFY_SOURCE"], "no FORTIFY"),
    (["-fno-stack-protector"], "no stack canary"),
    (["-fno-PIE", "-no-pie"], "not PIE"),
    (["-Wl,-z,norelro"], "no RELRO"),
    (["-Wl,-z,lazy"], "lazy binding"),
    (["-Wl,-z,execstack"], "executable stack"),
    (["-Wl,-rpath,/opt/lib"], "a library path of its own"),
]


def hardened():
    """programs have PIE, full RELRO, a canary, FORTIFY, a stack that is not
    code; and a program without one of them is noticed"""
    for path in [*(B / "cgi-bin" / p for p in (
            "checkout", "return-page", "notify", "query", "doctor")),
                 B / "h5pay"]:
        if not path.exists():
            yield f"{path} is not built"
            continue
        for what in weaknesses(path):
            yield f"{path.name}: {what}"
    with tempfile.TemporaryDirectory() as tmp:
        src, exe = pathlib.Path(tmp) / "weak.c", pathlib.Path(tmp) / "weak"
        src.write_text(WEAK_SOURCE)
        for more, want in [([], None), *WEAKENED]:
            got = run([*CC.split(), *WEAK_FLAGS, src, "-o", exe, *more])
            if got.returncode:
                yield f"{more}: {got.stderr.splitlines()[:2]}"
                continue
            found = list(weaknesses(exe))
            if want is None and found:
                yield f"a hardened program is said to have: {found}"
            elif want is not None and want not in found:
                yield f"{more}: not noticed: {want} (found {found})"


def compile_commands():
    """compile_commands.json has each C file once, with a command that works"""
    with tempfile.TemporaryDirectory() as tmp:
        got = run(["make", "-s", f"B={tmp}", f"CC={CC}",
                   f"{tmp}/compile_commands.json"],
                  env={k: v for k, v in os.environ.items()
                       if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
        if got.returncode:
            yield got.stderr[-300:]
            return
        text = pathlib.Path(tmp, "compile_commands.json").read_text()
    entries = json.loads(text)
    listed = sorted(e["file"] for e in entries)
    there = sorted(
        name(p) for p in ROOT.rglob("*.c") if not re.match(
            r"build|\.|tests/node_modules", name(p)))
    for path in sorted({*listed} ^ {*there}):
        yield f"{path} is " + ("not listed" if path in there else "not there")
    if len(listed) != len(set(listed)):
        yield "a file is listed twice"
    # One of each folder, as a tool would run it.
    for e in {pathlib.Path(e["file"]).parent: e for e in entries}.values():
        got = subprocess.run([*shlex.split(e["command"]), "-fsyntax-only"],
                             cwd=e["directory"], capture_output=True, text=True)
        if got.returncode or e["directory"] != str(ROOT):
            yield f"{e['file']}: {got.stderr.splitlines()[:2]}"
    with tempfile.TemporaryDirectory() as tmp:
        pathlib.Path(tmp, "compile_commands.json").write_text(text)
        try:
            got = run(["clangd", f"--compile-commands-dir={tmp}",
                       f"--check={ROOT}/common/base/err.c"])
        except FileNotFoundError:
            print("# clangd is not here: it was not asked")
            return
        if " 0 errors" not in got.stderr:
            yield "clangd: " + "; ".join(
                x for x in got.stderr.splitlines() if x.startswith("E"))


def config_keys():
    """every configuration key is in docs/CONFIG.md, and no other"""
    doc = ROOT / "docs" / "CONFIG.md"
    if not doc.exists():
        yield "docs/CONFIG.md is not there"
        return
    h5pay = B / "h5pay"
    text = doc.read_text()
    documented = set(re.findall(r"`((?:merchant|site|gateway|store|orders|"
                                r"catalogue|hooks|pages|log|server)\.\w+)`",
                                text))
    source = (ROOT / "common/config/keys.c").read_text()
    known = set()
    for section, key in re.findall(
            r'\{\s*"(merchant|site|gateway|store|orders|catalogue|hooks|pages|'
            r'log|server)",\s*"(\w+)"', source):
        if key not in SECTIONS:  # the list of the sections themselves
            known.add(f"{section}.{key}")
    if len(known) < 20:
        yield f"the key table was not found in common/config/keys.c ({h5pay})"
        return
    for key in sorted(known - documented):
        yield f"{key} is not in docs/CONFIG.md"
    for key in sorted(documented - known):
        yield f"{key} is in docs/CONFIG.md and not in common/config/keys.c"


def doc_blocks():
    """a doc block's first word is a function declared in that header"""
    for path in sources("common/**/*.h"):
        text = path.read_text()
        for m in re.finditer(r"/\* (h5_\w+)\(", text):
            if not re.search(rf"\b{m.group(1)}\(",
                             text[:m.start()] + text[m.end():]):
                line = text[: m.start()].count("\n") + 1
                yield f"{name(path)}:{line}: {m.group(1)} is not declared here"


def must_check():
    """a function that can fail is marked H5_MUST_CHECK"""
    skip = {"h5_err_set", "h5_err_sys", "h5_err_nomem", "h5_err_as",
            "h5_err_pass"}
    for path in sources("common/**/*.h"):
        text = "\n".join(code(path))
        for m in re.finditer(r"(H5_MUST_CHECK\s+)?enum h5_code\s+(h5_\w+)\(",
                             text):
            if m.group(1) is None and m.group(2) not in skip:
                line = text[: m.start()].count("\n") + 1
                yield f"{name(path)}:{line}: {m.group(2)}"


def roff(path):
    """A manual's lines as words, without the marks of fonts."""
    return [line.replace("\\-", "-").split()
            for line in path.read_text().splitlines()]


def manuals():
    """every verb, option and key stands in its manual, and no other"""
    main = (ROOT / "admin/main.c").read_text()
    verbs = set(re.findall(r"&verb_(\w+)", main))
    if len(verbs) < 10:
        yield "the verbs were not found in admin/main.c"
    h5pay = ROOT / "docs/man/h5pay.1"
    told = {}  # verb: its options
    for words in roff(h5pay):
        if words[:2] == [".It", "Ic"]:
            told.setdefault(words[2], set()).update(
                "-" + w.rstrip(",") for a, w in zip(words, words[1:] + [""])
                if a == "Fl" and w.startswith("-"))
            verb = words[2]
        elif words[:1] == [".Fl"] and told:
            told[verb].add("-" + words[1])
    for verb in sorted(verbs ^ set(told)):
        yield f"{name(h5pay)}: {verb} is " + (
            "missing" if verb in verbs else "no verb")
    for path in sources("admin/*.c"):
        m = re.search(r'\.usage =\s*((?:"[^"]*"\s*)+)', path.read_text())
        usage = "".join(re.findall(r'"([^"]*)"', m.group(1))) if m else ""
        verb = usage.split(" ")[0]
        for option in set(re.findall(r"--[a-z-]+", usage)) - {"--json"}:
            if option not in told.get(verb, set()):
                yield f"{name(h5pay)}: {verb} lacks {option}"
    conf = ROOT / "docs/man/h5pay.conf.5"
    section, keys = None, set()
    for words in roff(conf):
        if words[:1] == [".Ss"]:
            section = words[1]
        elif words[:2] == [".It", "Ic"]:
            keys |= {f"{section}.{w}" for w in words[2:] if w != ","}
    known = set(re.findall(r"^#### `(\S+)`",
                           (ROOT / "docs/CONFIG.md").read_text(), re.M))
    for key in sorted(keys ^ known):
        yield f"{name(conf)}: {key} is " + (
            "missing" if key in known else "no key")
    for path in sources("docs/man/*"):
        try:
            got = run(["mandoc", "-T", "lint", "-W", "warning", path])
        except FileNotFoundError:
            print("# mandoc is not here: the manuals' form was not looked at")
            return
        yield from got.stdout.splitlines()


def readers_words():
    """Chinese has one word for paying, English no bare yuan sign"""
    for path in sources("templates/**/*.*", "deploy/errors/*.sh",
                        "deploy/demo/*.html", "deploy/static/*.zh.txt"):
        english = path.suffix == ".en"
        for i, line in enumerate(path.read_text().splitlines(), 1):
            # WeChat's own word for the code on a buyer's phone stays.
            if re.search("付款(?!码)", line):
                yield f"{name(path)}:{i}: 付款 where WeChat says 支付"
            if "templates" in path.parts and english and re.search(
                    "(?<!CN)¥", line):
                yield f"{name(path)}:{i}: a bare ¥ is read as yen"
            if "templates" in path.parts and path.suffix == ".html" and (
                    "¥" in line):
                yield f"{name(path)}:{i}: the sign is the message currency"


def doctor_words():
    """the doctor has words for what it finds, in both languages"""
    path = ROOT / "templates/doctor/words.txt"
    entries, at = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("= "):
            at = entries.setdefault(line[2:], {})
        elif line and line[0] not in "#@":
            part, _, text = line.partition(" ")
            if at is None or part in at:
                yield f"{name(path)}: {line}: out of place"
            else:
                at[part] = text
    used = set()
    for source in sources("common/doctor/*.c", "admin/doctor.c"):
        text = source.read_text()
        for call in re.findall(r"h5_doctor_say(?:_mend)?\(([^;]*?)\);", text):
            words = set(re.findall(r'"([a-z0-9-]+)"', call))
            if call.startswith(("struct", "\n    struct")):
                continue
            if not words & set(entries) and not re.search(
                    r" what,|unreached\(", call):
                yield f"{name(source)}: no words for {' '.join(words)}"
        used |= set(re.findall(r'"([a-z0-9-]+)"', text))
    for key, parts in entries.items():
        if key not in used:
            yield f"{name(path)}: nobody says {key}"
        if not {"en", "zh"} <= set(parts) <= {
                "en", "en.next", "en.web", "zh", "zh.next"}:
            yield f"{name(path)}: {key} has {' '.join(parts)}"
        if ("en.next" in parts) != ("zh.next" in parts):
            yield f"{name(path)}: {key} is mended in one language"
        known = set(re.findall(r"\{+(\w+)", parts.get("en", "")))
        for part, text in parts.items():
            for word in set(re.findall(r"\{+(\w+)", text)) - known:
                if part in ("en.next", "zh.next", "en.web"):
                    continue  # a value that only the remedy tells
                yield f"{name(path)}: {key}: {part} has a value {word}"
            if re.search(r"(?<!\{)\{\{(?!\{)", text):
                yield f"{name(path)}: {key}: {part} needs three braces"


def threats():
    """docs/THREATS.md names functions and tests that are there"""
    path = ROOT / "docs" / "THREATS.md"
    rows = 0
    for i, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r"\| \d+ \|[^|]*\|([^|]*)\|([^|]*)\|$", line)
        if not m:
            if line.startswith("| ") and line[2].isdigit():
                yield f"{name(path)}:{i}: not four cells"
            continue
        rows += 1
        defence, tests = m.groups()
        for file, function in re.findall(r"`([\w/.-]+\.c):(\w+)`", defence):
            source = ROOT / file
            if not source.exists() or not re.search(
                    rf"^{function}\(", source.read_text(), re.M):
                yield f"{name(path)}:{i}: {file} defines no {function}"
        found = 0
        for file, names in re.findall(r'`(tests/[\w/.-]+)`((?:,? "[^"]*")+)',
                                      tests):
            source = ROOT / file
            # A sentence may go over two lines of source.
            text = re.sub(r'"\n\s*"', "", source.read_text()) if (
                source.exists()) else ""
            for test in re.findall(r'"([^"]*)"', names):
                found += 1
                if test not in text:
                    yield f"{name(path)}:{i}: {file} has no test \"{test}\""
        if not found:
            yield f"{name(path)}:{i}: names no test"
        if not re.search(r"`[\w/.-]+\.c:\w+`", defence):
            yield f"{name(path)}:{i}: names no place in the code"
    if rows < 30:
        yield f"{name(path)}: only {rows} rows"


def mutants():
    """each change of tests/mutants/list has its place, exactly once"""
    for m in mutant_list.read_list():
        source = ROOT / m.file
        if not source.exists():
            yield f"{m.name}: {m.file} is not there"
        elif m.mutated(source.read_text()) is None:
            yield f"{m.name}: its text is not there once in {m.file}"
    # What the fuzzers' control breaks.
    for what, file, old, _, _ in fuzz_control.CHANGES:
        source = ROOT / file
        if not source.exists() or source.read_text().count(old) != 1:
            yield f"tests/fuzz/control.py: {what}: not there once in {file}"


def rules():
    """rules of the model and of the code have each other's names"""
    text = (ROOT / "tests" / "model" / "walks.pml").read_text()
    model = re.findall(r"^/\* rule: (\w+)\t+([\w/.-]+\.c):(\w+)$", text, re.M)
    if len(model) < 10 or len(model) != text.count("rule: "):
        yield f"tests/model/walks.pml: {len(model)} rules that name a function"
    for rule, file, function in model:
        source = ROOT / file
        code = source.read_text() if source.exists() else ""
        if not re.search(rf"^{function}\(", code, re.M):
            yield f"rule {rule}: {file} defines no {function}"
        if not re.search(rf"rule: {rule}\b", code):
            yield f"rule {rule}: {file} does not name it"
        if f"RULE({rule})" not in text:
            yield f"rule {rule}: the model does not ask for it"
    known = {rule for rule, _, _ in model}
    for path in sources("common/**/*.c", "cgi-bin/**/*.c", "admin/*.c"):
        for rule in re.findall(r"rule: (\w+)", path.read_text()):
            if rule not in known:
                yield f"{name(path)}: the model has no rule {rule}"


def paths_of_machines():
    """nothing in the tree names a path of one machine"""
    got = run(["git", "grep", "-nIE", r"(^|[^A-Za-z0-9_.~-])/(root|home/[a-z]+)/",
               "--", ".", ":!tests/lint/lint.py", ":!tests/fixtures"])
    for line in got.stdout.splitlines():
        if not re.search(r"/home/(USER|you|merchant)/", line):
            yield line[:160]


def shell():
    """shell scripts parse, Python compiles"""
    for path in sources("**/*.sh", "**/*.bash", ".ci/run", "tests/run-unit"):
        if "node_modules" in str(path) or "build" in path.parts[:-1][-1:]:
            continue
        if not path.read_bytes().startswith(b"#!"):
            pass
        shell_ = "bash" if b"bash" in path.read_bytes()[:40] else "sh"
        got = run([shell_, "-n", path])
        if got.returncode:
            yield f"{name(path)}: {got.stderr.strip()}"
    for path in sources("tests/**/*.py", "deploy/**/*.py", "tests/run"):
        if "node_modules" in str(path):
            continue
        try:
            compile(path.read_text(), str(path), "exec")
        except SyntaxError as e:
            yield f"{name(path)}: {e}"


CHECKS = [layout, rooms, circles, private_folders, store_door,
          includes_from_root,
          vendors, dependencies, headers_alone, guards,
          banned, one_way_out, ascii_only, exported, sizes, exports_are_used, errors_are_outputs, openings, no_state, doors, lengths,
          no_float,
          libraries, hardened, marked, compile_commands, config_keys,
          doc_blocks, must_check,
          manuals, readers_words, doctor_words, faults.check, threats,
          *named.CHECKS, mutants,
          rules,
          paths_of_machines, shell, *docs.CHECKS]


def main():
    words = sys.argv[1:]
    passed = failed = 0
    for n, check in enumerate(CHECKS, 1):
        sentence = " ".join(check.__doc__.split())
        if words and not any(w == check.__name__ or w in sentence
                             for w in words):
            continue
        wrong = list(check())
        if wrong:
            failed += 1
            print(f"not ok {n} - {sentence}")
            for w in wrong[:40]:
                print(f"#   {w}")
            if len(wrong) > 40:
                print(f"#   and {len(wrong) - 40} more")
        else:
            passed += 1
            print(f"ok {n} - {sentence}")
        sys.stdout.flush()
    if passed + failed == 0:
        print("no test is called so")
        return 1
    print(f"lint: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

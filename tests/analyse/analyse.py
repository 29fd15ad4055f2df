#!/usr/bin/env python3
"""Static analysis of the product's C: gcc -fanalyzer, cppcheck, clang-tidy.

    analyse.py --build DIR [--jobs N] [--only TEXT] [TOOL ...]

A finding that is none stands in tests/analyse/known, with its reason; every
other one fails, and so does an entry of that list that nothing is found for
any more.  What a tool said of a file is kept in DIR/analyse until the file,
a header or the tool changes: a second run asks only about what is new.
Prints TAP.
"""

import argparse
import concurrent.futures
import fnmatch
import hashlib
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "analyse"
KNOWN = HERE / "known"
FACTS = ["-include", "tests/analyse/facts.h"]
DEFINES = ["-I.", "-D_GNU_SOURCE", '-DH5_VERSION="0"']
FINDING = re.compile(r"^(\S+?):(\d+):(?:\d+:)? (?:warning|error): (.*) "
                     r"\[([\w.,-]+)\]$")


def facts(path):
    """err.c defines what the others are told about."""
    return [] if path == "common/base/err.c" else FACTS


def gcc(path):
    # -O0: as it is written, before an optimiser takes the fault out.
    return ["gcc", "-std=c11", *DEFINES, *facts(path), "-O0", "-fanalyzer",
            "-fdiagnostics-plain-output", "-ftrack-macro-expansion=0",
            "-c", path, "-o", os.devnull]


def cppcheck(path):
    # variableScope: declarations stand at the top of their function, which
    # fits on a page.  varFuncNullUB: NULL is a pointer in every C library
    # here, never a bare 0.  redundantContinue: the body of an empty loop.
    # shadowFunction: -Wshadow looks after the names that can be mixed up.
    return ["cppcheck", "--std=c11", *DEFINES, "--quiet",
            "--enable=warning,style,performance,portability",
            "--suppress=variableScope", "--suppress=varFuncNullUB",
            "--suppress=redundantContinue", "--suppress=shadowFunction",
            "--template={file}:{line}: warning: {message} [{id}]",
            "--template-location=", path]


def clang_tidy(path):
    return ["clang-tidy", "--quiet", path, "--", "-std=c11", *DEFINES,
            *facts(path)]


class Tool:
    """version: the one whose false alarms are in the list of known ones."""

    def __init__(self, name, command, version, config=()):
        self.name = name
        self.command = command
        self.wanted = version
        self.config = config
        self.version = None

    def look(self):
        try:
            got = subprocess.run([self.command("")[0], "--version"],
                                 capture_output=True, text=True)
        except FileNotFoundError:
            return None
        found = re.search(r"(\d+)\.\d+", got.stdout)
        self.version = found.group(0) if found else "?"
        return self.version

    def fits(self):
        return (self.version or "").split(".")[0] == self.wanted


TOOLS = [
    Tool("gcc", gcc, "12", (HERE / "facts.h",)),
    Tool("cppcheck", cppcheck, "2"),
    Tool("clang-tidy", clang_tidy, "14", (
        HERE / "facts.h", ROOT / ".clang-tidy", ROOT / "admin/.clang-tidy")),
]


class Known:
    """One alarm that is false: tool, check, file (a pattern), words of the
    line of source it stands at; the reason follows, indented."""

    def __init__(self, number, words):
        self.number = number
        self.tool, self.check, self.file, self.text = words
        self.reason = ""
        self.used = False

    def fits(self, tool, check, path, source):
        return (self.tool == tool and self.check == check
                and fnmatch.fnmatch(path, self.file) and self.text in source)


def read_known():
    out = []
    for n, line in enumerate(KNOWN.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line[0] in " \t":
            out[-1].reason += line.strip()
            continue
        words = line.split(None, 3)
        if len(words) != 4:
            sys.exit(f"{KNOWN}:{n}: TOOL CHECK FILE WORDS OF THE LINE")
        out.append(Known(n, words))
    for k in out:
        if not k.reason:
            sys.exit(f"{KNOWN}:{k.number}: gives no reason")
    return out


def fingerprint(tool, path, headers):
    h = hashlib.sha256()
    h.update(repr((tool.version, tool.command(path))).encode())
    for f in (path, *headers, *tool.config):
        h.update(pathlib.Path(ROOT / f).read_bytes()
                 if (ROOT / f).exists() else b"-")
    return h.hexdigest()


def ask(tool, path, headers, cache):
    """What the tool says of the file, from an earlier run where it is the
    same question."""
    print_ = fingerprint(tool, path, headers)
    kept = cache / tool.name / (path.replace("/", "_") + ".out")
    if kept.exists():
        first, _, rest = kept.read_text().partition("\n")
        if first == print_:
            return rest
    got = subprocess.run(tool.command(path), cwd=ROOT, capture_output=True,
                         text=True)
    text = got.stdout + got.stderr
    if got.returncode:
        text += (f"\n{path}:1: error: {tool.name} failed: "
                 f"{text.strip()[-300:]!r} [failed]\n")
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part")
    part.write_text(print_ + "\n" + text)
    part.rename(kept)
    return text


def findings(text):
    """(file, line, check, message), each once."""
    seen = []
    for line in text.splitlines():
        m = FINDING.match(line)
        if not m:
            continue
        path, number, message, check = m.groups()
        if path.startswith(str(ROOT) + "/"):
            path = path[len(str(ROOT)) + 1:]
        check = check.replace("-Wanalyzer-", "").split(",")[0]
        one = (path, int(number), check, message)
        if one not in seen:
            seen.append(one)
    return seen


def source_line(path, number):
    try:
        return (ROOT / path).read_text().splitlines()[number - 1].strip()
    except (OSError, IndexError):
        return ""


def judge(tool, path, text, known):
    """What is wrong with the file, in lines."""
    wrong = []
    for where, number, check, message in findings(text):
        source = source_line(where, number)
        fit = [k for k in known if k.fits(tool.name, check, where, source)]
        for k in fit:
            k.used = True
        if not fit:
            wrong += [f"{where}:{number}: {message} [{check}]",
                      f"    {source}"]
    return wrong


def control(tool, headers, cache):
    """The planted faults that the tool did not find."""
    path = "tests/analyse/control.c"
    lines = [n for _, n, _, _ in findings(ask(tool, path, headers, cache))]
    for words in ("n = *p;", "return n;"):
        at = [n for n, s in enumerate((ROOT / path).read_text().splitlines(),
                                      1) if s.strip() == words]
        if not set(at) & set(lines):
            yield f"{path}:{at[-1]}: {words}"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    p.add_argument("--only", default="")
    p.add_argument("tools", nargs="*", metavar="TOOL")
    a = p.parse_args()
    unknown = set(a.tools) - {t.name for t in TOOLS}
    if unknown:
        p.error(f"no tool {', '.join(sorted(unknown))}")
    os.chdir(ROOT)
    cache = ROOT / a.build / "analyse"
    files = [str(f.relative_to(ROOT)) for d in ("common", "cgi-bin", "admin")
             for f in sorted((ROOT / d).rglob("*.c"))]
    files = [f for f in files if a.only in f]
    headers = [str(f.relative_to(ROOT)) for d in ("common", "cgi-bin", "admin")
               for f in sorted((ROOT / d).rglob("*.h"))]
    known = read_known()
    passed = failed = 0
    for tool in TOOLS:
        if a.tools and tool.name not in a.tools:
            continue
        if tool.look() is None:
            print(f"not ok - {tool.name} is not installed: make deps-test")
            failed += 1
            continue
        if not tool.fits():
            print(f"# {tool.name} {tool.version}: the list of known alarms is "
                  f"that of {tool.wanted}; what it says is not judged")
        with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
            said = pool.map(lambda f: ask(tool, f, headers, cache), files)
            for path, text in zip(files, said):
                wrong = judge(tool, path, text, known)
                bad = bool(wrong) and tool.fits()
                print(f"{'not ok' if bad else 'ok'} - {tool.name}: {path}")
                for w in wrong:
                    print(f"#   {w}")
                sys.stdout.flush()
                passed += not bad
                failed += bad
        blind = list(control(tool, headers, cache))
        print(f"{'not ok' if blind else 'ok'} - {tool.name}: planted faults "
              "are found")
        for b in blind:
            print(f"#   {b}")
        passed += not blind
        failed += bool(blind)
        if a.only or not tool.fits():
            continue
        stale = [k for k in known if k.tool == tool.name and not k.used]
        print(f"{'not ok' if stale else 'ok'} - {tool.name}: each known alarm "
              "is still raised")
        for k in stale:
            print(f"#   tests/analyse/known:{k.number}: {k.check} {k.file} "
                  f"{k.text}")
        passed += not stale
        failed += bool(stale)
    print(f"analyse: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

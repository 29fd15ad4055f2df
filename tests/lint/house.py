#!/usr/bin/env python3
"""The house: which file takes what from which other.

The order of the rooms stands here and nowhere else.  A file may take from its
own room and from those above it in ROOMS; no two files may take from each
other, in however many steps.  What a file takes is found from its includes
and from the names it uses that one other file alone defines, so that a header
which stayed with one half of a module hides nothing.

    tests/lint/house.py [--repo DIR]    the figures of a tree, for
                                        docs/ARCHITECTURE.md
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# The ground comes first.  Programs and verbs stand on top of all rooms.
ROOMS = """common/base common/format common/system common/order common/store
common/config common/wechat common/shop common/pay common/hooks common/web
common/doctor cgi-bin/run cgi-bin admin""".split()

TOPS = ("common", "cgi-bin", "admin")
LITERAL = re.compile(
    r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DEFINED = re.compile(r"^(?:[a-z][\w *]*?\b)?\*?(\w+)\(", re.M)


def blank(text):
    """The text without comments and without what strings hold; lines stay."""
    def hide(m):
        s = m.group(0)
        if s.startswith("/*"):
            return re.sub(r"[^\n]", " ", s)
        return s[0] + " " * (len(s) - 2) + s[-1]

    return LITERAL.sub(hide, text)


def room_of(path):
    """The room of a file, as its place in ROOMS; None: it stands in none."""
    fits = [r for r in ROOMS if path.startswith(r + "/")]
    return ROOMS.index(max(fits, key=len)) if fits else None


class House:
    """The files of the product.  A .c and the .h of its name are one."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.text = {}
        for top in TOPS:
            for path in sorted((self.root / top).rglob("*.[ch]")):
                self.text[str(path.relative_to(self.root))] = path.read_text()
        self.code = {f: blank(t) for f, t in self.text.items()}
        self.units = {f: f[:-2] for f in self.text}
        self.where = self._definitions()
        self.arrows = self._arrows()

    def _definitions(self):
        """name: the unit that alone defines it for others."""
        found = {}
        for f, code in self.code.items():
            if not f.endswith(".c"):
                continue
            # A definition: the name at the start of a line, or after its
            # type, and a brace at the start of a line before the next one.
            for m in re.finditer(r"^(h5_\w+)\([^;{}]*\)\s*\n\{", code, re.M):
                before = code[:m.start()].rsplit("\n", 2)[-2:-1]
                if not before or "static" not in before[0]:
                    found.setdefault(m.group(1), set()).add(self.units[f])
            for m in re.finditer(
                    r"^const struct \w+ \**(h5_\w+)(?:\[\w*\])? =", code, re.M):
                found.setdefault(m.group(1), set()).add(self.units[f])
        return {n: u.pop() for n, u in found.items() if len(u) == 1}

    def includes(self, f):
        """(line, file) of each include of ours."""
        for i, line in enumerate(self.text[f].splitlines(), 1):
            m = re.match(r'#include "(.*)"', line)
            if m:
                yield i, m.group(1)

    def _arrows(self):
        """{(from, to): what is taken}, by unit."""
        out = {}
        for f, code in self.code.items():
            me = self.units[f]
            for _, other in self.includes(f):
                if other in self.units and self.units[other] != me:
                    out.setdefault((me, self.units[other]), set()).add(other)
            if f.endswith(".h"):
                continue  # declares; what it includes is counted
            # A struct and a function may share their name.
            for name in set(re.findall(
                    r"(?<!struct )(?<!enum )\bh5_\w+", code)):
                other = self.where.get(name, me)
                if other != me:
                    out.setdefault((me, other), set()).add(name)
        return out

    def upward(self):
        """What a file takes from a room that stands above its own."""
        for f in self.text:
            mine = room_of(f)
            if mine is None:
                yield f"{f}: stands in no room"
                continue
            for i, other in self.includes(f):
                theirs = room_of(other)
                if theirs is not None and theirs > mine:
                    yield (f"{f}:{i}: {ROOMS[mine]} includes {other}, "
                           f"which is above it")
        for (a, b), names in sorted(self.arrows.items()):
            mine, theirs = room_of(a), room_of(b)
            calls = [n for n in names if n.startswith("h5_")]
            if calls and mine is not None and (theirs or 0) > mine:
                yield f"{a}.c: calls {', '.join(sorted(calls)[:3])} of {b}.c"

    def circles(self):
        """Lists of files that take from each other in a loop.  A header is
        a file of its own here: a private one includes the public one."""
        to = {}
        for f in self.text:
            to[f] = [g for _, g in self.includes(f) if g in self.text]
        for (a, b), names in self.arrows.items():
            if any(self.where.get(n) == b for n in names):
                to[a + ".c"].append(b + ".c")
        index, low, stack, on, out = {}, {}, [], set(), []

        def visit(v):
            index[v] = low[v] = len(index)
            stack.append(v)
            on.add(v)
            for w in sorted(to.get(v, ())):
                if w not in index:
                    visit(w)
                    low[v] = min(low[v], low[w])
                elif w in on:
                    low[v] = min(low[v], index[w])
            if low[v] == index[v]:
                ring = []
                while True:
                    w = stack.pop()
                    on.discard(w)
                    ring.append(w)
                    if w == v:
                        break
                if len(ring) > 1:
                    out.append(sorted(ring))

        for v in sorted(self.text):
            if v not in index:
                visit(v)
        return sorted(out)

    def tied(self, ring):
        """What ties a circle: one line an arrow."""
        for (a, b), names in sorted(self.arrows.items()):
            calls = sorted(n for n in names if n.startswith("h5_"))
            if a + ".c" in ring and b + ".c" in ring and calls:
                yield f"{a}.c -> {b}.c: {', '.join(calls[:6])}"

    # --- figures -----------------------------------------------------------

    def functions(self):
        """(lines, file, name) of each function."""
        for f, code in self.code.items():
            lines = code.splitlines()
            start = None
            for i, line in enumerate(lines):
                if line == "{":
                    start = i
                elif line == "}" and start is not None:
                    head = " ".join(lines[max(0, start - 4):start])
                    name = re.findall(r"(\w+)\(", head)
                    yield i - start + 1, f, name[-1] if name else "?"
                    start = None

    def comment_share(self):
        """Comment lines in a hundred lines of code, over all .c."""
        comments = codes = 0
        for f, text in self.text.items():
            if not f.endswith(".c"):
                continue
            code = self.code[f].splitlines()
            for raw, kept in zip(text.splitlines(), code):
                if not raw.strip():
                    continue
                if kept.strip():
                    codes += 1
                else:
                    comments += 1
        return 100 * comments / max(1, codes)

    def git(self, *words):
        return subprocess.run(["git", "-C", self.root, *words], check=True,
                              capture_output=True, text=True).stdout

    def figures(self):
        length, f, name = max(self.functions())
        most, big = max((t.count("\n"), g) for g, t in self.text.items())
        docs = sum(len(p.read_text().split())
                   for p in sorted((self.root / "docs").glob("*.md"))
                   if p.name != "INTERFACE.md" and "zh-CN" not in p.name)
        return [
            ("files (a .c and its .h are one)", len(set(self.units.values()))),
            ("folders", len({f.rsplit("/", 1)[0] for f in self.text})),
            ("arrows", len(self.arrows)),
            ("circles", len(self.circles())),
            ("longest function", f"{length} lines, {f}:{name}"),
            ("longest file", f"{most} lines, {big}"),
            ("comment lines for a hundred of code", f"{self.comment_share():.1f}"),
            ("words of docs/*.md", docs),
            ("files of the tree", len(self.git("ls-files").splitlines())),
        ]


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--repo", default=ROOT)
    house = House(p.parse_args().repo)
    for what, value in house.figures():
        print(f"{what:<40} {value}")
    for ring in house.circles():
        print("circle: " + ", ".join(ring))
        for line in house.tied(ring):
            print("    " + line)
    return 0


if __name__ == "__main__":
    sys.exit(main())

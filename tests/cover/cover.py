"""cover.py TREE [--report] - what the unit tests and the suite from outside run
of the product, in lines and branches.

TREE is what make cover-build left.  --report: of the counts that are there.
Writes TREE/cover: cover.txt (also printed), index.html with a page a file, and
money.md, the rooms that handle money as docs/measured/COVERAGE.md has them."""

import collections
import html
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PRODUCT = ("common", "cgi-bin", "admin")
MONEY = ("common/order", "common/store", "common/pay", "common/wechat",
         "common/hooks")
STYLE = """body{font:14px/1.4 system-ui,sans-serif;margin:2em;max-width:80em}
table{border-collapse:collapse}td,th{padding:.1em .8em;text-align:right}
td:first-child,th:first-child{text-align:left}tr.room{font-weight:bold}
pre{margin:0;font:13px/1.4 monospace}
.no{background:#fdd}.half{background:#ffc}.n{color:#777}"""


class File:
    """Lines and branches of one source, over all objects that hold it."""

    def __init__(self):
        self.lines = {}  # number: [count, [count of each branch]]

    def add(self, line):
        count, branches = self.lines.setdefault(line["line_number"], [0, []])
        more = [b["count"] for b in line["branches"]]
        both = [a + b for a, b in zip(branches, more)]
        # A line of two functions has the branches of the longer one.
        both += max(branches, more, key=len)[len(both):]
        self.lines[line["line_number"]] = [count + line["count"], both]

    def sums(self):
        """Lines run, lines, branches taken, branches."""
        branches = [n for _, b in self.lines.values() for n in b]
        return (sum(1 for n, _ in self.lines.values() if n), len(self.lines),
                sum(1 for n in branches if n), len(branches))


def run_tests(tree):
    for old in (tree / "obj").rglob("*.gcda"):
        old.unlink()
    units = sorted(p for p in (tree / "unit").glob("test_*")
                   if p.suffix == "")
    good = True
    for command in (["tests/run-unit", *units],
                    [sys.executable, "tests/e2e/run.py", "--build", tree]):
        got = subprocess.run([str(c) for c in command], cwd=ROOT)
        good = good and got.returncode == 0
    return good


def read(tree):
    files = collections.defaultdict(File)
    notes = [n for part in PRODUCT
             for n in sorted((tree / "obj" / part).rglob("*.gcno"))]
    if not notes:
        sys.exit(f"{tree}: nothing was built for this")
    got = subprocess.run(["gcov", "--json-format", "--branch-probabilities",
                          "--stdout", *map(str, notes)], cwd=ROOT, check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for text in got.stdout.splitlines():
        for file in json.loads(text)["files"]:
            name = file["file"]
            if name.startswith(PRODUCT) and (ROOT / name).exists():
                for line in file["lines"]:
                    files[name].add(line)
    return dict(files)


def room(name):
    """common/store/files/record.c is of common/store."""
    return "/".join(name.split("/")[:2 if name.startswith("common") else 1])


def add(sums):
    return tuple(map(sum, zip(*sums)))


def percent(part, whole):
    # Rounded down: 100.0 is all.
    return f"{part * 1000 // whole / 10:.1f}" if whole else "-"


def rows(files):
    """(name or room, sums, whether a room), room by room; then all."""
    rooms = collections.defaultdict(list)
    for name in sorted(files):
        rooms[room(name)].append(name)
    for r in sorted(rooms):
        sums = [(n, files[n].sums()) for n in rooms[r]]
        yield r, add(s for _, s in sums), True
        for n, s in sums:
            yield n, s, False
    yield "all", add(f.sums() for f in files.values()), True


def text_table(files):
    out = [f"{'':<36}{'lines':>18}{'branches':>20}"]
    for name, (a, b, c, d), is_room in rows(files):
        if is_room:
            out.append("")
        out.append(f"{name:<36}{f'{a}/{b}':>11}{percent(a, b):>7}"
                   f"{f'{c}/{d}':>13}{percent(c, d):>7}")
    return "\n".join(out) + "\n"


def money_table(files):
    out = ["| room, file | lines | run, % | branches | taken, % |",
           "|---|--:|--:|--:|--:|"]
    for name, (a, b, c, d), is_room in rows(files):
        if room(name) in MONEY:
            mark = "**" if is_room else ""
            out.append(f"| {mark}{name}{mark} | {b} | {percent(a, b)} | {d} "
                       f"| {percent(c, d)} |")
    return "\n".join(out) + "\n"


def page(title, body):
    return (f"<!doctype html><meta charset=utf-8><title>{title}</title>"
            f"<style>{STYLE}</style><h1>{title}</h1>\n{body}\n")


def source_page(name, file):
    out = []
    for i, text in enumerate((ROOT / name).read_text().splitlines(), 1):
        count, branches = file.lines.get(i, (None, []))
        taken = sum(1 for b in branches if b)
        mark = f"{taken}/{len(branches)}" if branches else ""
        kind = ""
        if count == 0:
            kind = ' class="no"'
        elif taken < len(branches):
            kind = ' class="half"'
        out.append(f'<span{kind}><span class="n">{i:>5} '
                   f"{'' if count is None else count:>9} {mark:>6} </span> "
                   f"{html.escape(text)}</span>")
    return page(name, "<p>line, times run, branches taken</p><pre>"
                + "\n".join(out) + "</pre>")


def write(files, out):
    out.mkdir(exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    (out / "cover.txt").write_text(text_table(files))
    (out / "money.md").write_text(money_table(files))
    body = ["<table><tr><th><th>lines<th>%<th>branches<th>%"]
    for name, (a, b, c, d), is_room in rows(files):
        label = name
        if not is_room:
            link = name.replace("/", "-") + ".html"
            (out / link).write_text(source_page(name, files[name]))
            label = f'<a href="{link}">{name}</a>'
        body.append(f"<tr{' class=room' if is_room else ''}><td>{label}"
                    f"<td>{a}/{b}<td>{percent(a, b)}<td>{c}/{d}"
                    f"<td>{percent(c, d)}")
    (out / "index.html").write_text(page("Coverage", "\n".join(body)
                                         + "</table>"))


def main():
    tree = pathlib.Path(sys.argv[1]).resolve()
    good = "--report" in sys.argv[2:] or run_tests(tree)
    files = read(tree)
    out = tree / "cover"
    write(files, out)
    print((out / "cover.txt").read_text(), end="")
    print(f"in {sys.argv[1]}/cover: index.html")
    if not good:
        print("a test failed: these figures are not of the whole")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

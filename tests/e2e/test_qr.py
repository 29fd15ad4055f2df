"""h5pay link --qr: what zbarimg reads from the picture, and from the terminal."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree

from case import table, test
from test_arguments import on_terminal

SVG = "{http://www.w3.org/2000/svg}"
LINKS = [
    ("a short link", ["--body", "x"]),
    ("a Chinese one", ["--body", "西湖龙井 100 克", "--attach", "座 7"]),
    ("the longest", ["--body", "茶" * 42, "--attach", "茶" * 42, "--expires",
                     "1h"]),
]


def read_back(t, rows, dark):
    """What a reader finds in rows of modules, eight pixels each."""
    if shutil.which("zbarimg") is None:
        t.skip("zbar-tools is not installed")
    scale, border = 8, 32
    width = len(rows[0]) * scale + 2 * border
    ground = b"\x00" if dark else b"\xff"
    edge = [ground * width] * border
    lines = []
    for row in rows:
        line = b"".join((b"\x00" if m else b"\xff") * scale for m in row)
        lines += [ground * border + line + ground * border] * scale
    lines = edge + lines + edge
    path = t.own_site().folder / "code.pgm"
    path.write_bytes(b"P5 %d %d 255\n" % (width, len(lines)) + b"".join(lines))
    got = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable",
                          "-Sqrcode.enable", path], capture_output=True,
                         timeout=120)
    return got.stdout.decode().strip()


def modules_of(svg):
    """Draws what the picture's paths say."""
    root = xml.etree.ElementTree.fromstring(svg)
    _, _, w, h = map(int, root.get("viewBox").split())
    rows = [[False] * w for _ in range(h)]
    ground, code = root.findall(SVG + "path")
    assert ground.get("fill") == "#fff", "the ground"
    assert ground.get("d") == f"M0 0h{w}v{h}h-{w}z", "all of it"
    d = code.get("d")
    runs = re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", d)
    assert "".join(f"M{x} {y}h{n}v1h-{m}z" for x, y, n, m in runs) == d
    for x, y, n, _ in runs:
        for i in range(int(x), int(x) + int(n)):
            rows[int(y)][i] = True
    return rows


@table("link --qr of {0} is an SVG that reads as the link", LINKS)
def _(t, name, words):
    args = ["link", "--order", t.id(), "--yuan", "12.80", *words]
    if "--expires" in words:  # a time from now would differ from call to call
        args[args.index("1h")] = "4102444800"
    code, url, err = t.site.h5pay(*args)
    t.eq(code, 0, f"the link, {err!r}")
    code, svg, err = t.site.h5pay(*args, "--qr")
    t.eq((code, err), (0, ""), "exit status and stderr")
    for part in ("<script", "http://" + "127", "href", "style"):
        t.lacks(svg, part, "the picture")
    t.eq(read_back(t, modules_of(svg), False), url.strip(), "what is read")
    code, out, err = t.site.h5pay("--json", *args, "--qr")
    t.eq(json.loads(out), {"url": url.strip(), "svg": svg.rstrip("\n")}, "json")


def modules_of_lines(lines, filled):
    """Two modules a character."""
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    rows = []
    for line in lines:
        pairs = [halves[c] for c in line]
        for half in (0, 1):
            rows.append([p[half] == filled for p in pairs])
    return rows


@table("link --qr on a terminal reads as the link, {0}", [
    ("with colours", {"NO_COLOR": ""}), ("without", {"NO_COLOR": "1"}),
    ("on a dumb one", {"NO_COLOR": "", "TERM": "dumb"})])
def _(t, name, env):
    out = on_terminal(t, t.site, 200, "link", "--order", t.id(), "--yuan", "1",
                      "--body", "茶", "--qr", **env)
    url, *lines = out.rstrip("\n").split("\n")
    colour = "\x1b[" in out
    t.eq(colour, name == "with colours", "escape sequences")
    if colour:
        for line in lines:
            t.ok(line.startswith("\x1b[38;5;16;48;5;231m")
                 and line.endswith("\x1b[0m"), f"colours of {line!r}")
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", x) for x in lines]
    t.eq(len({len(x) for x in lines}), 1, "lines of one length")
    rows = modules_of_lines(lines, 1 if colour else 0)
    t.eq(read_back(t, rows, not colour), url, "what is read")


@test("link --qr on a terminal that is too narrow says so, and gives the link")
def _(t):
    args = ["link", "--order", t.id(), "--yuan", "1", "--body", "茶", "--qr"]
    out = on_terminal(t, t.site, 40, *args, status=1)
    t.eq(out.split("\n")[0], t.site.h5pay(*args[:-1])[1].strip(), "the link")
    t.contains(out, "columns, and the terminal has 40", "what it says")
    t.lacks(out, "█", "half a code")

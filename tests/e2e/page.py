"""page.py - a page of docs/ whose blocks of commands a test follows."""

import os
import pathlib
import re
import subprocess

import h5

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Page:
    """The ```sh blocks of a page, by heading; "" is what stands before the
    first one."""

    def __init__(self, t, name, command):
        self.t = t
        self.command = command
        self.names = {}
        self.blocks = {}
        text = (ROOT / "docs" / name).read_text()
        for part in re.split(r"^## ", "\n" + text, flags=re.M):
            self.blocks[part.splitlines()[0]] = re.findall(
                r"^```sh\n(.*?)^```", part, re.M | re.S)

    def later(self, by, folder):
        """From now on h5pay runs at another time."""
        if h5.sanitized(self.command):
            raise h5.Skip("libfaketime and the sanitizer do not get on")
        folder.mkdir(exist_ok=True)
        shim = folder / "h5pay"
        shim.write_text(f"#!/bin/sh\nexec faketime -f '{by}' "
                        f"{self.command} \"$@\"\n")
        shim.chmod(0o755)
        self.command = shim

    def follow(self, heading, n, ok=True):
        """Do the n-th block of a section; its words."""
        p = subprocess.run(
            ["sh", "-eu"], input=self.blocks[heading][n], text=True,
            capture_output=True, timeout=120,
            env={"PATH": f"{self.command.parent}:{os.environ['PATH']}",
                 "LANG": "C.UTF-8",
                 **{k: str(v) for k, v in self.names.items()}})
        self.t.eq(p.returncode == 0, ok,
                  f"{heading}, block {n}: {p.stdout}{p.stderr}")
        return p.stdout + p.stderr


def unfollowed(t, name, test_file):
    """Blocks of a page that no test of a file follows."""
    page = Page(t, name, pathlib.Path("/"))
    text = pathlib.Path(test_file).read_text()
    done = {(h, int(n)) for h, n in re.findall(
        r'follow\("([^"]*)", (\d)', text)}
    return sorted((h, n) for h, found in page.blocks.items()
                  for n in range(len(found)) if (h, n) not in done)

"""ext4.py - real images: notices are answered on an ext4 file system whose
image is copied under load; each copy is mounted, and what was acknowledged
before the copy must be in it.

    ext4.py --build build [--images 24]"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import lab

h5 = lab.h5


def sh(*words):
    return subprocess.run([str(w) for w in words], capture_output=True,
                          text=True)


def mountable(folder):
    """An image mounted at folder/live, or why not."""
    image = folder / "image"
    with open(image, "wb") as f:
        f.truncate(24 << 20)
    live = folder / "live"
    live.mkdir()
    if sh("mkfs.ext4", "-q", "-F", image).returncode != 0:
        return "mkfs.ext4 is not there"
    got = sh("mount", "-o", "loop", image, live)
    return None if got.returncode == 0 else got.stderr.strip()


class Load:
    """Two buyers pay order after order; taken: what was acknowledged."""

    def __init__(self, site):
        self.site = site
        self.taken = []
        self.stop = False
        self.running = set()
        self.gate = threading.Event()
        self.gate.set()
        self.threads = [threading.Thread(target=self.work, args=(i,))
                        for i in range(2)]

    def work(self, who):
        n = 0
        while not self.stop:
            n += 1
            order = f"C{who}x{n:06d}"
            terms = self.site.get("checkout", self.site.link(order, lab.FEE))
            if not self.one("checkout", terms.form("checkout").fields, b"303"):
                continue
            if self.one("notify", h5.notice(order, lab.FEE), b"SUCCESS"):
                self.taken.append(order)

    def one(self, program, body, sign):
        self.gate.wait()
        p = self.site.cgi(program, "POST", body=body, wait=False)
        self.running.add(p.pid)
        out = p.stdout.read()
        p.wait()
        self.running.discard(p.pid)
        p.stdout.close()
        p.stderr.close()
        return sign in out

    def freeze(self, on):
        """No further step of any program while the image is copied."""
        if on:
            self.gate.clear()
        for pid in list(self.running):
            h5._kill(pid, signal.SIGSTOP if on else signal.SIGCONT)
        if not on:
            self.gate.set()


def look(room, site, copy, taken):
    """What a mounted copy lacks."""
    place = room.folder / "after"
    place.mkdir(exist_ok=True)
    got = sh("mount", "-o", "loop", copy, place)
    if got.returncode != 0:
        return [f"cannot be mounted: {got.stderr}"]
    try:
        p = subprocess.run([room.tools / "check"], text=True,
                           capture_output=True,
                           input="".join(f"mend {place}/store {o}\n"
                                         for o in taken))
        bad = []
        for order, line in zip(taken, p.stdout.splitlines()):
            words = line.split()
            if words[:3] != ["ok", "ok", "1"] or words[6] != "0":
                bad.append(f"{order}: {line}")
        if len(p.stdout.splitlines()) != len(taken):
            bad.append(f"the look ended by {p.returncode}")
        return bad
    finally:
        sh("umount", place)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--images", type=int, default=24)
    args = p.parse_args()
    room = lab.Lab(args.build)
    disk = pathlib.Path(lab.tempfile.mkdtemp(prefix="h5ext4-"))
    live = disk / "live"
    try:
        why = mountable(disk)
        if why:
            print(f"# skipped: an ext4 image cannot be mounted here: {why}")
            print("0 passed, 0 failed")
            return 0
        return cut(room, disk, live, args.images)
    finally:
        sh("umount", live)
        shutil.rmtree(disk, ignore_errors=True)
        room.close()


def cut(room, disk, live, images):
    room.site.configure({"store.dir": live / "store"})
    load = Load(room.site)
    for t in load.threads:
        t.start()
    bad = []
    done = 0
    for n in range(images):
        time.sleep(0.15 + 0.037 * (n % 7))
        taken = list(load.taken)
        load.freeze(True)
        sh("cp", "--sparse=always", disk / "image", disk / "copy")
        load.freeze(False)
        wrong = look(room, room.site, disk / "copy", taken)
        done += len(taken)
        bad += [f"image {n}: {w}" for w in wrong]
    load.stop = True
    for t in load.threads:
        t.join()
    for line in bad[:20]:
        print("not ok - " + line)
    print(f"# {images} images, {len(load.taken)} payments acknowledged, "
          f"{done} looked for")
    if not done:
        bad.append("nothing was acknowledged")
    print(f"{images - min(len(bad), images)} passed, "
          f"{min(len(bad), images)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

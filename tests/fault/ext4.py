"""ext4.py - real images: notices are answered on an ext4 file system whose
image is copied under load; each copy is mounted, and what was acknowledged
before the copy must be in it.

    ext4.py --build build [--images 24]

A copy is what a power cut at that moment leaves: every program is stopped
while it is taken, nothing is flushed, and mounting replays the journal."""

import argparse
import multiprocessing
import random
import shutil
import signal
import subprocess
import sys

import lab
import storm

h5 = lab.h5


def sh(*words):
    return subprocess.run([str(w) for w in words], capture_output=True,
                          text=True)


def mountable(folder):
    """An image mounted at folder/live, or why not."""
    image = folder / "image"
    with open(image, "wb") as f:
        f.truncate(64 << 20)
    live = folder / "live"
    live.mkdir()
    if sh("mkfs.ext4", "-q", "-F", image).returncode != 0:
        return "mkfs.ext4 is not there"
    got = sh("mount", "-o", "loop", image, live)
    return None if got.returncode == 0 else got.stderr.strip()


def stopped(pid):
    stat = h5._stat(pid)
    return stat is None or stat[1] in "TZX"


def freeze(parents):
    """Every program stands still, in no system call."""
    pids = [p.pid for p in parents] + storm.workers(parents)
    for pid in pids:
        h5._kill(pid, signal.SIGSTOP)
    h5.until("the programs stand still", lambda: all(map(stopped, pids)))
    return pids


def answers(buyers):
    return [x for b in buyers for x in b.orders()]


def look(room, copy, answered):
    """What a mounted copy lacks."""
    place = room.folder / "after"
    place.mkdir(exist_ok=True)
    got = sh("mount", "-o", "loop", copy, place)
    if got.returncode != 0:
        return [f"cannot be mounted: {got.stderr}"]
    try:
        return storm.look(room, place / "store", answered)[1]
    finally:
        sh("umount", place)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    p.add_argument("--images", type=int, default=200)
    args = p.parse_args()
    room = lab.Lab(args.build)
    live = room.folder / "live"
    parents = []
    try:
        why = mountable(room.folder)
        if why:
            print(f"# skipped: an ext4 image cannot be mounted here: {why}")
            print("0 passed, 0 failed")
            return 0
        return cut(room, live, args, parents)
    finally:
        for q in parents:
            q.terminate()
        for q in parents:
            q.wait()
        sh("umount", live)
        room.close()


def cut(room, live, args, parents):
    room.wechat.transaction = storm.transaction
    room.site.configure({"store.dir": live / "store", "log.file": "/dev/null",
                         "server.processes": 2, "server.threads": 4})
    for program in ("checkout", "notify", "query"):
        parents.append(storm.start(room.site, program, room.folder))
    load = storm.options(["--width", "3", "--waves", "1", "--buyers", "3",
                          "--mix", "9", "1", "0", "0"])
    stop = multiprocessing.Event()
    buyers = [storm.Buyer(room, load, who, stop.is_set)
              for who in range(load.buyers)]
    rnd = random.Random(load.seed)
    bad = []
    looked = 0
    for n in range(args.images):
        # The more there is, the more a copy can lack.
        before = len(answers(buyers))
        more = rnd.randrange(10)
        h5.until("more payments",
                 lambda: len(answers(buyers)) > before + more)
        pids = freeze(parents)
        answered = answers(buyers)
        shutil.copy(room.folder / "image", room.folder / "copy")
        for pid in pids:
            h5._kill(pid, signal.SIGCONT)
        bad += [f"image {n}: {w}"
                for w in look(room, room.folder / "copy", answered)]
        looked += sum(good > 0 for _, good in answered)
    stop.set()
    count, answered = storm.harvest(buyers)
    for line in bad[:20]:
        print("not ok - " + line)
    print(f"# {args.images} images, {len(answered)} orders paid, "
          f"{looked} payments looked for")
    if not looked:
        bad.append("nothing was acknowledged")
    print(f"{args.images - min(len(bad), args.images)} passed, "
          f"{min(len(bad), args.images)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Packs and unpacks the fuzzers' corpus.

    corpus.py unpack FOLDER [TARGET...]   a folder of inputs for each target
    corpus.py pack FOLDER [TARGET...]     FOLDER/TARGET replaces its corpus
    corpus.py add TARGET FILE...          puts more inputs in

corpus/TARGET holds one input a line, between quotes: printable ASCII as it
is, a backslash as two, LF, CR and TAB as \\n, \\r and \\t, any other byte as
\\xNN.  The shortest input comes first, equal lengths are in the order of
their bytes, and none is there twice: the same inputs always make the same
file.  An unpacked input is named by its SHA-1, as libFuzzer names it.
"""
import hashlib
import pathlib
import re
import shutil
import sys

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
QUOTED = [chr(b) if 0x20 <= b < 0x7f else f"\\x{b:02x}" for b in range(256)]
QUOTED[ord("\\")] = "\\\\"
QUOTED[ord("\n")] = "\\n"
QUOTED[ord("\r")] = "\\r"
QUOTED[ord("\t")] = "\\t"
BYTE = {text: b for b, text in enumerate(QUOTED)}


def packed(inputs):
    """The file's text."""
    return "".join('"' + "".join(QUOTED[b] for b in data) + '"\n'
                   for data in sorted(set(inputs), key=lambda d: (len(d), d)))


def read(target):
    """A target's inputs; only a file that packed() would write is taken."""
    path = CORPUS / target
    inputs = []
    text = path.read_text("ascii")
    for number, line in enumerate(text.splitlines(), 1):
        words = re.findall(r"\\x..|\\.|.", line[1:-1])
        try:
            inputs.append(bytes(BYTE[word] for word in words))
        except KeyError as e:
            sys.exit(f"{path}:{number}: {e} is no byte")
    if packed(inputs) != text:
        sys.exit(f"{path}: not as corpus.py would write it")
    return inputs


def unpack(folder, targets):
    for target in targets:
        to = folder / target
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir(parents=True)
        for data in read(target):
            (to / hashlib.sha1(data).hexdigest()).write_bytes(data)


def write(target, inputs):
    """The new file takes the old one's place whole."""
    new = CORPUS / f".{target}"
    new.write_text(packed(inputs), "ascii")
    new.replace(CORPUS / target)


def pack(folder, targets):
    for target in targets:
        write(target, [p.read_bytes() for p in (folder / target).iterdir()])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    what, place, *rest = sys.argv[1:]
    folder = pathlib.Path(place)
    if what == "unpack":
        unpack(folder, rest or sorted(p.name for p in CORPUS.iterdir()))
    elif what == "pack":
        pack(folder, rest or sorted(p.name for p in folder.iterdir()))
    elif what == "add" and rest:
        old = read(place) if (CORPUS / place).exists() else []
        write(place, old + [pathlib.Path(p).read_bytes() for p in rest])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

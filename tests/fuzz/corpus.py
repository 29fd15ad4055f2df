#!/usr/bin/env python3
"""Packs and unpacks the fuzzers' inputs.

    corpus.py unpack FOLDER [TARGET...]   FOLDER/corpus/TARGET, a file an
                                          input, and FOLDER/traps/TARGET
    corpus.py pack FOLDER [TARGET...]     FOLDER/TARGET replaces its corpus
    corpus.py add TARGET FILE...          puts more inputs into the corpus
    corpus.py trap TARGET FILE...         puts traps in, by their files' names

corpus/TARGET holds one input a line, between quotes: printable ASCII as it
is, a backslash as two, LF, CR and TAB as \\n, \\r and \\t, any other byte as
\\xNN.  The shortest input comes first, equal lengths are in the order of
their bytes, and none is there twice: the same inputs always make the same
file.  An unpacked input is named by its SHA-1, as libFuzzer names it.

traps/TARGET holds the same with the trap's name before the quotes, in the
order of the names.
"""
import hashlib
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
TRAPS = HERE / "traps"
QUOTED = [chr(b) if 0x20 <= b < 0x7f else f"\\x{b:02x}" for b in range(256)]
QUOTED[ord("\\")] = "\\\\"
QUOTED[ord("\n")] = "\\n"
QUOTED[ord("\r")] = "\\r"
QUOTED[ord("\t")] = "\\t"
BYTE = {text: b for b, text in enumerate(QUOTED)}


def quote(data):
    return '"' + "".join(QUOTED[b] for b in data) + '"'


def packed(inputs):
    """The text of a corpus."""
    return "".join(quote(data) + "\n"
                   for data in sorted(set(inputs), key=lambda d: (len(d), d)))


def packed_traps(traps):
    """The text of traps {name: input}."""
    return "".join(f"{name} {quote(data)}\n"
                   for name, data in sorted(traps.items()))


def lines(path):
    """(name, input) of each line; a corpus has no names."""
    for number, line in enumerate(path.read_text("ascii").splitlines(), 1):
        name, _, rest = line.partition('"')
        words = re.findall(r"\\x..|\\.|.", rest[:-1])
        try:
            yield name.strip(), bytes(BYTE[word] for word in words)
        except KeyError as e:
            sys.exit(f"{path}:{number}: {e} is no byte")


def as_written(path, text):
    """Only a file that this program would write is taken."""
    if text != path.read_text("ascii"):
        sys.exit(f"{path}: not as corpus.py would write it")


def read(target):
    inputs = [data for _, data in lines(CORPUS / target)]
    as_written(CORPUS / target, packed(inputs))
    return inputs


def read_traps(target):
    traps = dict(lines(TRAPS / target))
    as_written(TRAPS / target, packed_traps(traps))
    return traps


def fill(folder, files):
    """The folder holds these files {name: bytes} and no other."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def unpack(folder, targets):
    for target in targets:
        fill(folder / "corpus" / target,
             {hashlib.sha1(data).hexdigest(): data for data in read(target)})
        fill(folder / "traps" / target, read_traps(target))


def write(path, text):
    """The new file takes the old one's place whole."""
    new = path.with_name(f".{path.name}")
    new.write_text(text, "ascii")
    new.replace(path)


def pack(folder, targets):
    for target in targets:
        write(CORPUS / target,
              packed(p.read_bytes() for p in (folder / target).iterdir()))


def add(target, files):
    old = read(target) if (CORPUS / target).exists() else []
    write(CORPUS / target, packed(old + [p.read_bytes() for p in files]))


def trap(target, files):
    traps = read_traps(target) if (TRAPS / target).exists() else {}
    for path in files:
        if not re.fullmatch(r"[a-z0-9-]+", path.name):
            sys.exit(f"{path}: its name is to say what is wrong with it, "
                     f"in a-z, 0-9 and -")
        traps[path.name] = path.read_bytes()
    write(TRAPS / target, packed_traps(traps))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    what, place, *rest = sys.argv[1:]
    folder = pathlib.Path(place)
    files = [pathlib.Path(name) for name in rest]
    if what == "unpack":
        unpack(folder, rest or sorted(p.name for p in CORPUS.iterdir()))
    elif what == "pack":
        pack(folder, rest or sorted(p.name for p in folder.iterdir()))
    elif what == "add" and files:
        add(place, files)
    elif what == "trap" and files:
        trap(place, files)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

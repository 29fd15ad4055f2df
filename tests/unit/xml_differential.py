#!/usr/bin/env python3
"""Does common/wechat/v2/xml.c ever accept a document with another meaning than expat?

    xml_differential.py DRIVER [RUNS [SEED]]

Feeds RUNS documents, most of them damaged on purpose, to the driver and to
Python's expat.  Whatever the driver accepts, expat must accept too, as one
flat <xml> with the same names and values in the same order.  The undamaged
ones must be accepted.  The seed is printed: a failure can be repeated.
"""
import glob
import random
import struct
import subprocess
import sys
import xml.parsers.expat

TOKENS = [
    b"<", b">", b"&", b"]]>", b"<![CDATA[", b"<![CDATA[]]>", b"]]", b"]", b"/",
    b"<!--", b"-->", b"<!-- x -->", b"<?xml version=\"1.0\"?>", b"<?a b?>",
    b"<!DOCTYPE xml>", b"<!DOCTYPE xml [<!ENTITY a \"b\">]>", b"&a;",
    b"&lt;", b"&gt;", b"&amp;", b"&quot;", b"&apos;", b"&nbsp;", b"&copy;",
    b"&#65;", b"&#x41;", b"&#0;", b"&#4294967361;", b"&amp", b"&AMP;",
    b"<a>", b"</a>", b"<a/>", b"<a b='c'>", b"<a b>", b"</a >", b"</a\n>",
    b"< a>", b"<xml>", b"</xml>", b"</xml >", b"<total_fee>1</total_fee>",
    b"</total_fee>", b"<v>1</v>", b"<1>x</1>", b"<a:b>c</a:b>", b"<a.b></a.b>",
    b"<.a></.a>", b"<a-b>1</a-b>",
    b"\r", b"\r\n", b"\n", b"\t", b" ", b"\x00", b"\x01", b"\x0b", b"\x7f",
    b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xef\xbf\xbe",
    b"\xef\xbf\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\xc2\x85",
    b"\xe2\x80\xa8", b"\xf4\x90\x80\x80", b"\xf0\x9f\x8d\xb5",
    b"\xe8\x8c\xb6", b"\xe8\x8c", b"\xb2\xe8", b"]]]]><![CDATA[>",
]
TEXTS = [
    b"", b"1", b"12800", b" ", b"  a  ", b"\n", b"SUCCESS", b"a&amp;b",
    b"&lt;b&gt;", b"&quot;&apos;", b"\xe8\x8c\xb6\xe6\x9d\xaf", b"a]b]]c",
    b"{\"h5_info\": {\"type\": \"Wap\"}}", b"\r\n", b"a\rb", b"=1+1", b">",
]
RAW = TEXTS + [b"<b>&x;</b>", b"&lt;", b"]", b"]]", b"a&b", b"<![CDATA["]
NAMES = [b"a", b"total_fee", b"sign", b"Sign", b"_x", b"coupon_fee_0", b"v",
         b"xml", b"return_code", b"zz_New.field-1"]


def document(rng):
    """A document that must be accepted."""
    space = [b"", b"", b" ", b"\n", b"\r\n  ", b"\t"]
    out = [rng.choice(space), b"<xml>"]
    for name in rng.sample(NAMES, rng.randrange(len(NAMES) + 1)):
        value = b""
        for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
            if rng.random() < 0.5:
                value += rng.choice(TEXTS)
            else:
                value += b"<![CDATA[" + rng.choice(RAW) + b"]]>"
        out += [rng.choice(space), b"<", name, b">", value, b"</", name,
                rng.choice([b"", b"", b"", b" ", b"\n"]), b">"]
    out += [rng.choice(space), b"</xml", rng.choice([b"", b" "]), b">",
            rng.choice(space)]
    return b"".join(out)


def damage(rng, text, other):
    text = bytearray(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.randrange(1, 12))
        kind = rng.randrange(8)
        if kind < 3:
            text[at:at] = rng.choice(TOKENS)
        elif kind == 3:
            text[at:to] = rng.choice(TOKENS)
        elif kind == 4:
            del text[at:to]
        elif kind == 5:
            text[at:at] = text[to:to + rng.randrange(1, 40)]
        elif kind == 6 and at < len(text):
            text[at] = rng.randrange(256)
        elif kind == 7:
            text[at:] = other[rng.randrange(len(other) + 1):]
    return bytes(text)


def by_expat(text):
    """Names and values of a flat <xml>, or None."""
    fields, stack = [], []
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True

    def start(name, attributes):
        if attributes or len(stack) > 1 or (not stack and name != "xml"):
            raise ValueError("not flat")
        stack.append(name)
        if len(stack) == 2:
            fields.append([name, ""])

    def end(_):
        stack.pop()

    def text_of(data):
        if len(stack) == 2:
            fields[-1][1] += data
        elif data.strip(" \t\n"):
            raise ValueError("text between elements")

    def forbidden(*_):
        raise ValueError("markup that the guard must refuse")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text_of
    parser.CommentHandler = forbidden
    parser.ProcessingInstructionHandler = forbidden
    parser.StartDoctypeDeclHandler = forbidden
    parser.XmlDeclHandler = forbidden
    try:
        parser.Parse(text, True)
    except (xml.parsers.expat.ExpatError, ValueError):
        return None
    return [(name.encode(), value.encode()) for name, value in fields]


class Driver:
    def __init__(self, path):
        self.child = subprocess.Popen([path], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)

    def take(self, n):
        data = self.child.stdout.read(n)
        if len(data) != n:
            raise EOFError("the driver died")
        return data

    def number(self):
        return struct.unpack(">I", self.take(4))[0]

    def read(self, text):
        self.child.stdin.write(struct.pack(">I", len(text)) + text)
        self.child.stdin.flush()
        if self.take(1) == b"R":
            return None
        return [(self.take(self.number()), self.take(self.number()))
                for _ in range(self.number())]

    def close(self):
        self.child.stdin.close()
        return self.child.wait()


def main():
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261123
    rng = random.Random(seed)
    driver = Driver(sys.argv[1])
    corpus = []
    for path in sorted(glob.glob("tests/fixtures/v2-*/*.xml")):
        with open(path, "rb") as file:
            corpus.append(file.read())
    accepted = refused = changed = 0
    previous = b"<xml></xml>"
    for run in range(runs):
        whole = rng.random() < 0.1
        text = document(rng)
        if not whole:
            base = rng.choice(corpus) if rng.random() < 0.2 else text
            text, previous = damage(rng, base, previous), text
            changed += 1
        try:
            got = driver.read(text)
        except EOFError:
            sys.exit(f"seed {seed} run {run}: driver died on {text!r}")
        want = by_expat(text)
        if whole and got is None:
            sys.exit(f"seed {seed} run {run}: refused {text!r}")
        if got is not None and got != want:
            sys.exit(f"seed {seed} run {run}: {text!r}\n"
                     f"  h5pay {got!r}\n  expat {want!r}")
        if got is None:
            refused += 1
        elif not whole:
            accepted += 1
    if driver.close() != 0:
        sys.exit("the driver failed at the end")
    print(f"check-xml: {runs} documents, seed {seed}: of {changed} damaged "
          f"ones {refused} refused, {accepted} accepted and read as expat "
          f"reads them")
    # A check that never reaches the comparison proves nothing.
    if accepted < changed // 50 or refused < changed // 50:
        sys.exit("check-xml: too few on one side")


if __name__ == "__main__":
    main()

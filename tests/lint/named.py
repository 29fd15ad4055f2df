"""The tests that docs/measured/FINDINGS.md names are there."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = "docs/measured/FINDINGS.md"
# A value of a table, in a sentence of the page or of a test.
WILD = re.compile(r"…|\$?\{[^{}]*\}|%[sd]")
STRING = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'|"
                    r"`([^`\n]*)`")

NAMING = re.compile(r"\b(?:test|table|ok|walk)\(\s*f?\Z")


def tests():
    """path: text of every test."""
    for path in sorted((ROOT / "tests").rglob("*")):
        at = str(path.relative_to(ROOT))
        if (path.suffix in (".py", ".mjs", ".c", ".h", ".sh") and
                "node_modules" not in at and path.name != "named.py"):
            yield at, path.read_text()


def sentences(text):
    """What a test may be called: strings, also over lines, and the names of
    functions as they are and with blanks."""
    joined = re.sub(r"\"\s*\n\s*\+?\s*f?\"|'\s*\n\s*\+?\s*f?'", "", text)
    for m in STRING.finditer(joined):
        words = next(g for g in m.groups() if g is not None)
        # What begins with a value is a sentence only where a test is named.
        if not WILD.match(words) or NAMING.search(joined, 0, m.start()):
            yield words
    yield from re.findall(r'^    """(.*?)"""$', text, re.M)  # lint's
    for name in re.findall(r"^(?:def |function )?(\w+)\(", text, re.M):
        yield name
        yield name.replace("_", " ")


def meets(a, b):
    """Can two sentences with wild places be the same?"""
    a, b = WILD.sub("\0", a), WILD.sub("\0", b)
    # ends[j]: some reading of a so far ends where b[:j] does.
    ends = [True] + [False] * len(b)
    for j, c in enumerate(b):
        ends[j + 1] = c == "\0" and ends[j]
    for x in a:
        new = [x == "\0" and ends[0]] + [False] * len(b)
        for j, c in enumerate(b):
            if x == "\0" or c == "\0":
                new[j + 1] = ends[j + 1] or new[j] or ends[j]
            else:
                new[j + 1] = ends[j] and x == c
        ends = new
    return ends[-1]


def likely(a, b):
    """The same beginning, as far as neither has a wild place.  What begins with
    a value could be anything: what else it says is there."""
    for x, y in (a, b), (b, a):
        if WILD.match(x) and max(WILD.split(x), key=len) not in y:
            return False
    a, b = WILD.split(a)[0], WILD.split(b)[0]
    n = min(len(a), len(b))
    return a[:n] == b[:n]


class Tests:
    def __init__(self, texts):
        self.files = {pathlib.Path(at).stem for at, _ in texts}
        self.functions = set()
        self.plain, self.wild = set(), set()
        for at, text in texts:
            self.functions |= set(re.findall(r"^(?:def )?(\w+)\(", text, re.M))
            for s in sentences(text):
                (self.wild if WILD.search(s) else self.plain).add(s)

    def function(self, word):
        if word.endswith("*"):
            return any(f.startswith(word[:-1]) for f in self.functions)
        return word in self.functions or word in self.files

    def sentence(self, words):
        if words in self.plain or words in self.wild:
            return True
        return any(likely(words, s) and meets(words, s)
                   for group in (self.wild, self.plain if WILD.search(words)
                                 else ())
                   for s in group if len(WILD.sub("", s)) > 3)


def row(cell, known):
    """What a row names that is not there."""
    for words in re.findall(r'"([^"]*)"', cell):
        if len(WILD.sub("", words).strip()) < 3:
            yield f'"{words}" says too little'
        elif not known.sentence(words):
            yield f'no test "{words}"'
    for word in re.findall(r"\b(?:test|contract|fuzz)_\w+\*?",
                           re.sub(r'"[^"]*"', "", cell)):
        if not known.function(word):
            yield f"no test {word}"


def rows(text):
    for i, line in enumerate(text.splitlines(), 1):
        if line.startswith("| ") and not line.startswith("| id"):
            cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
            yield i, cells


def check():
    """docs/measured/FINDINGS.md names tests that are there"""
    known = Tests(list(tests()))
    n = 0
    for i, cells in rows((ROOT / PAGE).read_text()):
        n += 1
        if len(cells) != 4:
            yield f"{PAGE}:{i}: not four cells"
            continue
        for wrong in row(cells[3], known):
            yield f"{PAGE}:{i}: {wrong}"
        if not re.search(r'"|\b(?:test|contract|fuzz)_\w|make |check-',
                         cells[3]):
            yield f"{PAGE}:{i}: names no test"
    if n < 40:
        yield f"{PAGE}: only {n} rows"


def control():
    """a test that is not there is noticed in docs/measured/FINDINGS.md"""
    known = Tests([("tests/unit/test_a.c", "\ntest_a__one(void **state)\n"),
                   ("tests/e2e/test_b.py", '@table("B1: {0} is "\n'
                    '       "told", [("it",)])\n@test("all of it")\n'
                    '@table("{0} is sold, too", [])\n'),
                   ("tests/e2e/wire.py", "def a_body_is_read():\n")])
    for cell, good in [
            ('unit test_a, test_a__one, test_a__*; e2e "B1: …" (test_b)', True),
            ('e2e "B1: it is told", "B1: {0} is told", "all of it"', True),
            ('check-fcgi "a body is read", a_body_is_read', True),
            ("unit test_a__two", False), ("unit test_a__t*", False),
            ('"B2: …"', False), ('"B1: it is sold"', False),
            ('"{0} is sold, too"', True), ('"{0} is sold"', False),
            ('"all of"', False), ('"… of them"', False), ("test_c", False),
            ('"…"', False), ('"a body is written"', False)]:
        if (not list(row(cell, known))) != good:
            yield f"{cell}: {list(row(cell, known))}"


CHECKS = [check, control]

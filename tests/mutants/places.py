"""Where a C file of this tree can be changed in one place, and how.

Five kinds: negate (a condition is turned round), term (one side of && or ||
is gone), bound (moved by one), drop (a call is not made), constant (a number, a
truth or a word of the protocol is another one).  Works on the text alone,
and relies on .clang-format: a function's braces stand in the first column.
"""

import bisect
import hashlib
import re

KINDS = ("negate", "term", "bound", "drop", "constant")

TOKEN = re.compile(r"->|<<=?|>>=?|[<>=!]=|&&|\|\||\+\+|--|[-+*/%&|^]=|\w+|\S")
DECLARES = re.compile(r"\s*(static |const |volatile )*"
                      r"(char|unsigned|u?int\w*|struct|enum|size_t|bool)\b")
ENDS = {",", ";", "=", "return", "?", ":", "{", "}", "&&", "||"}
NOT_CALLS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else"}


class Place:
    """One change: text[start:end] becomes new."""

    def __init__(self, file, where, kind, start, end, old, new):
        self.file, self.where, self.kind = file, where, kind
        self.start, self.end, self.old, self.new = start, end, old, new
        self.nth = 0

    @property
    def id(self):
        """The same as long as its function is: other places may move."""
        own = repr((self.file, self.where, self.kind, self.old, self.new,
                    self.nth))
        return hashlib.sha256(own.encode()).hexdigest()[:10]

    def mutated(self, text):
        return text[:self.start] + self.new + text[self.end:]


def blank(text, strings=True):
    """The same length, without comments (and what strings say)."""
    def spaces(m):
        s = m.group(0)
        if s[0] in "\"'" and not strings:
            return s
        keep = s[0] if s[0] in "\"'" else " "
        return keep + re.sub(r"[^\n]", " ", s[1:-1]) + keep
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                  spaces, text, flags=re.S)


def functions(code):
    """(name, begin of its type, begin and end of its body)"""
    for m in re.finditer(r"^\{\n.*?^\}", code, re.M | re.S):
        head = code.rfind("\n\n", 0, m.start()) + 2
        name = re.search(r"^(\w+)\(", code[head:m.start()], re.M)
        if name:
            yield name.group(1), head, m.start(), m.end()


class Body:
    """The tokens of one function."""

    def __init__(self, text, code, start, end):
        self.text, self.code = text, code
        self.tokens = [(m.group(0), m.start(), m.end())
                       for m in TOKEN.finditer(code, start, end)]
        self.pair = {}
        open_ = []
        for i, (t, _, _) in enumerate(self.tokens):
            if t in "([{" and len(t) == 1:
                open_.append(i)
            elif t in ")]}" and len(t) == 1:
                j = open_.pop()
                self.pair[i], self.pair[j] = j, i

    def word(self, i):
        return self.tokens[i][0] if 0 <= i < len(self.tokens) else ""

    def left(self, i, ends=ENDS):
        """The first token of the operand that ends before token i."""
        while True:
            t = self.word(i - 1)
            if t in ends or t in ("(", "[", "{") or i == 0:
                return i
            i = self.pair[i - 1] if t in (")", "]", "}") else i - 1

    def right(self, i, ends=ENDS):
        """The last token of the operand that begins after token i."""
        while True:
            t = self.word(i + 1)
            if t in ends or t in (")", "]", "}") or i + 1 == len(self.tokens):
                return i
            i = self.pair[i + 1] if t in ("(", "[", "{") else i + 1

    def span(self, first, last):
        return self.tokens[first][1], self.tokens[last][2]

    def statement(self, i):
        """The line's text where the statement of token i begins."""
        while i > 0 and self.word(i - 1) not in (";", "{", "}"):
            i -= 1
        return self.code[self.tokens[i][1]:self.tokens[i][1] + 80]


def negated(b):
    for i, (t, _, _) in enumerate(b.tokens):
        if t in ("if", "while") and b.word(i + 1) == "(":
            yield b.span(i + 2, b.pair[i + 1] - 1)
        elif t == "for" and b.word(i + 1) == "(":
            semi = [j for j in range(i + 2, b.pair[i + 1])
                    if b.word(j) == ";"]
            if len(semi) == 2 and semi[0] + 1 < semi[1]:
                yield b.span(semi[0] + 1, semi[1] - 1)
        elif t == "?":
            yield b.span(b.left(i, ENDS - {"&&", "||"}), i - 1)


def returned(b):
    """What a function of a truth returns."""
    for i, (t, _, _) in enumerate(b.tokens):
        if t == "return" and b.word(i + 1) not in ("true", "false", ";"):
            last = b.right(i, {";"})
            if not any(b.word(j) == "?" for j in range(i, last)):
                yield b.span(i + 1, last)


def terms(b):
    """(from, to) of one side, with its && or ||."""
    for i, (t, start, end) in enumerate(b.tokens):
        if t not in ("&&", "||"):
            continue
        yield start, b.tokens[b.right(i)][2]
        first = b.left(i)
        if b.word(first - 1) not in ("&&", "||"):
            yield b.tokens[first][1], b.tokens[i + 1][1]


MOVED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


def dropped(b, gives_code):
    """(from, to, instead)"""
    for i, (t, start, _) in enumerate(b.tokens):
        before = b.word(i - 1)
        if before == "return":
            begin = i
        elif before in (";", "{", "}", ")", "else", ":"):
            if before == ")" and b.word(b.pair[i - 1] - 1) not in (
                    "if", "for", "while") and b.word(b.pair[i - 1] + 1) != t:
                continue
            begin = i
        else:
            continue
        instead = "(void)0"
        if (b.word(i), b.word(i + 1)) == ("rc", "="):
            begin, instead = i + 2, "H5_OK"
        elif before == "return":
            if not gives_code:
                continue
            instead = "H5_OK"
        elif t == "(" and b.word(i + 1) == "void":
            begin = i + 3
        if not re.fullmatch(r"[a-z]\w*", b.word(begin)) or (
                b.word(begin) in NOT_CALLS or b.word(begin + 1) != "("):
            continue
        last = b.pair[begin + 1]
        if b.word(last + 1) != ";":
            continue
        yield (b.tokens[begin][1] if instead == "H5_OK" else start,
               b.tokens[last][2], instead)


def another(text, start, end, up):
    """What stands there instead of a number, a truth, or None."""
    t = text[start:end]
    if t in ("true", "false"):
        return "false" if t == "true" else "true"
    m = re.fullmatch(r"(0[0-7]+|0x[0-9a-fA-F]+|\d+)([uUlL]*)", t)
    if not m:
        return None
    n = int(m.group(1), 8 if re.fullmatch(r"0[0-7]+", m.group(1)) else 0)
    # A limit that is one more or less changes nothing; half of it does.
    if n >= 10:
        n = n * 2 if up else n // 2
    else:
        n = n + 1 if up or n == 0 else n - 1
    return (hex(n) if t.startswith("0x") else f"0{n:o}"
            if t[0] == "0" and len(m.group(1)) > 1 else str(n)) + m.group(2)


def constants(text, code, b, up):
    """(from, to, instead) in a function"""
    for i, (t, start, end) in enumerate(b.tokens):
        new = another(text, start, end, up)
        if new is None or text[start - 1] == "'":
            continue
        said = b.statement(i)
        # The size of an array, and that nothing is in it yet.
        if DECLARES.match(said) and (b.word(i - 1) in "[{+" or
                                     b.word(i + 1) == "]"):
            continue
        yield start, end, new


def words_of_protocol(text, start, end):
    code = blank(text, strings=False)
    for m in re.finditer(r'"([A-Z][A-Z_]{2,})"', code[start:end]):
        at = start + m.start(1)
        yield at, at + len(m.group(1)), m.group(1)[:-1] + "X"


def defines(text, code):
    """(name, from, to, instead)"""
    for m in re.finditer(r"^#define (\w+) ((?:[^\n\\]|\\\n)+)$", code, re.M):
        for n in re.finditer(r"\b\d\w*\b", m.group(2)):
            at = m.start(2) + n.start()
            new = another(text, at, at + len(n.group(0)), True)
            if new is not None:
                yield m.group(1), at, at + len(n.group(0)), new


def of_file(file, text):
    """Every place of a file, in its order."""
    code = blank(text)
    found = []

    def add(where, kind, start, end, new):
        found.append(Place(file, where, kind, start, end, text[start:end],
                           new))

    for name, head, start, end in functions(code):
        b = Body(text, code, start, end)
        kind = code[head:start]
        conditions = list(negated(b))
        if re.match(r"(static )?bool\b", kind):
            conditions += returned(b)
        for s, e in conditions:
            add(name, "negate", s, e, f"!({text[s:e]})")
        for s, e in terms(b):
            add(name, "term", s, e, "")
        for t, s, e in b.tokens:
            if t in MOVED:
                add(name, "bound", s, e, MOVED[t])
        for s, e, new in dropped(b, re.match(r"(static )?enum h5_code\b",
                                             kind)):
            add(name, "drop", s, e, new)
        for n, (s, e, new) in enumerate(constants(text, code, b, True)):
            if n % 2 and another(text, s, e, False):
                new = another(text, s, e, False)
            add(name, "constant", s, e, new)
        for s, e, new in words_of_protocol(text, start, end):
            add(name, "constant", s, e, new)
    for name, s, e, new in defines(text, code):
        add(name, "constant", s, e, new)
    seen = {}
    for p in found:
        key = p.where, p.kind, p.old, p.new
        p.nth = seen[key] = seen.get(key, -1) + 1
    return found


def line_of(text, at):
    starts = [m.end() for m in re.finditer(r"\n", text)]
    return bisect.bisect_right(starts, at) + 1

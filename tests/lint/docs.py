"""What documents promise about themselves: short, narrow, and every link and
every file that they name is there.  Each check can look at another tree."""

import pathlib
import re
import tempfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORDS = 18000  # of docs/*.md; without INTERFACE and pages in Chinese
# Pages of capabilities that came after the pages above were counted; each is
# held to its own limit.
NEW = {"ALERTS.md", "APPS.md", "ARCHIVE.md", "BROWSERS.md", "KEYS.md", "MODEL.md",
       "MOVING.md", "MOVING-V3.md", "PRIVACY.md", "SCALE.md"}
NEW_WORDS = 1200
# A key of the configuration that came later brings its own words.
KEYS, KEY_WORDS = 50, 45
COLUMNS = 120
# Their rows are one thing each, which Markdown cannot break.
LONG_ROWS = {"docs/THREATS.md", "docs/measured/FINDINGS.md",
             "docs/measured/MUTANTS.md"}
# A promise to others, kept as it is, with names of what comes.
WHOLE = "docs/INTERFACE.md"
ROOMS = "common|cgi-bin|admin|templates|tests|deploy|docs"


def pages(root):
    """Every page of the tree, with its name."""
    for path in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"),
                        *root.glob("tests/**/*.md"),
                        *root.glob("deploy/**/*.md")]):
        if "node_modules" not in path.parts:
            yield path, str(path.relative_to(root))


def prose(text):
    """The lines outside fences, numbered; those inside are empty."""
    fenced = False
    for i, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
            yield i, ""
        else:
            yield i, "" if fenced else line


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    seen = {}
    for _, line in prose(text):
        m = re.match(r"#+ (.*)", line)
        if not m:
            continue
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", m.group(1))
        words = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        n = seen[words] = seen.get(words, -1) + 1
        yield f"{words}-{n}" if n else words


def doc_words(root=ROOT):
    """docs/*.md have at most 18,000 words, new pages and keys their own"""
    count = {p.name: len(p.read_text().split())
             for p in root.glob("docs/*.md")
             if p.name != pathlib.Path(WHOLE).name and ".zh" not in p.name}
    for name in NEW & set(count):
        words = count.pop(name)
        if words > NEW_WORDS:
            yield f"docs/{name}: {words} words, {NEW_WORDS} at most"
    config = root / "docs/CONFIG.md"
    keys = config.read_text().count("\n#### `") if config.is_file() else 0
    most = WORDS + KEY_WORDS * max(0, keys - KEYS)
    if sum(count.values()) > most:
        yield (f"docs/*.md: {sum(count.values())} words, {most} at most: say "
               f"something there in fewer: {count}")


def doc_columns(root=ROOT):
    """lines of documents are within 120 columns"""
    for path, name in pages(root):
        if "/" in name and not name.startswith("docs/") or name == WHOLE:
            continue
        for i, line in enumerate(path.read_text().splitlines(), 1):
            if (line.startswith("|") and name in LONG_ROWS) or (
                    line.startswith('{"n":1,')):  # a ledger's line, whole
                continue
            width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
                        for c in line)
            if width > COLUMNS:
                yield f"{name}:{i}: {width} columns"


def doc_links(root=ROOT):
    """links of documents lead to a file and a heading that are there"""
    for path, name in pages(root):
        text = "\n".join(line for _, line in prose(path.read_text()))
        text = re.sub(r"`[^`\n]*`", lambda m: " " * len(m.group()), text)
        found = [(m.start(), m.group(1))
                 for m in re.finditer(r"\]\(([^)\s]+)\)", text)]
        found += [(m.start(), m.group(1))
                  for m in re.finditer(r'(?:src|href)="([^"]+)"', text)]
        for at, link in found:
            if re.match(r"[a-z]+:", link):
                continue
            where = f"{name}:{text.count(chr(10), 0, at) + 1}"
            file, _, anchor = link.partition("#")
            target = path.parent / file if file else path
            if not target.exists():
                yield f"{where}: {link} is not there"
            elif anchor and target.suffix == ".md" and (
                    anchor not in anchors(target.read_text())):
                yield f"{where}: {link}: no such heading"


def doc_files(root=ROOT):
    """documents name no file of the tree that is not there"""
    named = re.compile(rf"(?<![\w/.)>$-])((?:{ROOMS})/[\w./*-]*[\w*/])")
    manuals = [(p, str(p.relative_to(root)))
               for p in sorted(root.glob("docs/man/*"))]
    for path, name in [*pages(root), *manuals]:
        # Measured pages name the files of the commit that was measured.
        if name == WHOLE or name.startswith("docs/measured/"):
            continue
        for i, line in enumerate(path.read_text().splitlines(), 1):
            for file in named.findall(line):
                if not any(root.glob(file.rstrip("/"))):
                    yield f"{name}:{i}: {file} is not there"
    for path in sorted([*root.glob("common/**/*.[ch]"),
                        *root.glob("cgi-bin/**/*.[ch]"),
                        *root.glob("admin/*.[ch]"), *root.glob("tests/*/*")]):
        if path.suffix not in (".c", ".h", ".py", ".mk", ".sh"):
            continue
        for i, line in enumerate(path.read_text().splitlines(), 1):
            for page in re.findall(r"(?<![\w/.])docs/[\w/]+\.md", line):
                if not (root / page).exists():
                    yield f"{path.relative_to(root)}:{i}: {page} is not there"


# Pages that say the same in both languages: the English one, the Chinese one.
PAIRS = [("README.md", "README.zh-CN.md"),
         ("docs/SHOP.md", "docs/zh-CN/shop.md"),
         ("docs/OPERATIONS.md", "docs/zh-CN/operations.md")]


def examples(text):
    """What a page tells to type or to send, without remarks."""
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            words = line.split(" #")[0].strip()
            if words.isascii() and words and not words.startswith("#"):
                yield words


def doc_languages(root=ROOT):
    """Chinese pages tell the commands of the English ones, keys and verbs"""
    config = root / "docs/CONFIG.md"
    keys = set(re.findall(r"\n#### `([\w.]+)`",
                          config.read_text() if config.is_file() else ""))
    main = root / "admin/main.c"
    verbs = {"help"} | set(re.findall(
        r"&verb_([a-z]+),", main.read_text() if main.is_file() else ""))
    for english, chinese in PAIRS:
        if not (root / chinese).is_file():
            continue
        known = set(examples((root / english).read_text()))
        for words in examples((root / chinese).read_text()):
            if words not in known:
                yield f"{chinese}: {words!r} is not in {english}"
        if english == "README.md":
            told = set(examples((root / chinese).read_text()))
            for words in known - told:
                yield f"{chinese}: lacks {words!r} of {english}"
    for path in sorted(root.glob("docs/zh-CN/*.md")):
        text, name = path.read_text(), str(path.relative_to(root))
        for key in re.findall(r"`((?:merchant|site|gateway|store|orders|limits|"
                              r"catalogue|hooks|pages|log|server)\.\w+)`", text):
            if key not in keys and key != "store.dir":
                yield f"{name}: there is no key {key}"
        for verb in re.findall(r"`h5pay ([a-z]+)", text):
            if verb not in verbs:
                yield f"{name}: there is no verb {verb}"


def doc_control():
    """faults planted in documents are noticed"""
    page, top = "docs/A" + ".md", "TOP.md"
    good = f"# A page\n\nIt names `{page}` and [itself](A.md#a-page).\n"
    planted = [
        (doc_words, "word " * WORDS),
        (doc_columns, "x" * (COLUMNS + 1)),
        (doc_columns, "价" * (COLUMNS // 2 + 1)),
        (doc_links, "[away](B.md)"),
        (doc_links, "[away](A.md#another-page)"),
        (doc_files, "It names `common/gone.c`."),
        (doc_files, "It names `docs/gone/*.md`."),
    ]
    zh = "docs/zh-CN/shop.md"
    planted = [(page, *p) for p in planted] + [
        (top, doc_columns, "x" * (COLUMNS + 1)),
        (zh, doc_languages, "`site.gone`"), (zh, doc_languages, "`h5pay gone`"),
        (zh, doc_languages, "```\nh5pay gone\n```")]
    for at, check, fault in [*((page, c, "") for c in CHECKS[:-1]), *planted]:
        with tempfile.TemporaryDirectory() as tmp:
            root = pathlib.Path(tmp)
            (root / "docs/zh-CN").mkdir(parents=True)
            (root / "docs/SHOP.md").write_text("# A page\n")
            (root / page).write_text(good)
            with (root / at).open("a") as out:
                out.write(fault + "\n")
            found = list(check(root))
            if bool(found) != bool(fault):
                yield f"{check.__name__}: {fault[:30]!r}: {found}"


CHECKS = [doc_words, doc_columns, doc_links, doc_files, doc_languages,
          doc_control]

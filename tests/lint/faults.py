"""templates/doctor/faults.txt against the C that says what it explains; and no
word of a shell for a reader of the page."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = "templates/doctor/faults.txt"
WORDS = "templates/doctor/words.txt"
# No page says these.
TERMINAL = ["process-old", "process-open", "process-tcp"]

# What a loader, the store or the network says to the doctor, in English.
SOURCES = """common/base/text.c common/config/config.c common/config/find.c
common/config/value.c common/config/value_url.c common/format/idn.c
common/format/ini.c common/format/template.c common/format/url.c
common/hooks/launch.c common/shop/catalogue.c common/store/files/folder.c
common/store/files/format.c common/store/files/probe.c common/store/format.c
common/system/chain.c common/system/crypto.c common/system/file.c common/system/file_own.c
common/system/https.c common/system/rsa.c common/wechat/v3/keys.c common/web/pages.c common/web/pages_check.c""".split()
# Of these, what is told to others.
ELSEWHERE = {
    "common/hooks/launch.c": ["it did not end", "signal %d", "it exited"],
    "common/format/ini.c": [" more)"],
    "common/store/files/folder.c": ["an empty folder"],
    "common/store/files/format.c": ["no store"],
    "common/store/format.c": ["common/order/since.c"],
    "common/system/file_own.c": ["it is not empty"],
    "common/system/chain.c": ["no verdict on"],
    "common/system/crypto.c": ["AES", "encrypted", "random bytes", "a nonce has"],
    "common/system/rsa.c": ["further certificate", "the signature is"],
}
REASON = "No such file or directory"
LEAST = 100  # messages in them
SHELL = re.compile(
    r"\b(chmod|chown|sudo|apt|openssl|sed -i|crontab|systemctl|timedatectl|"
    r"SIGTERM|No such file|Permission denied)\b")
KINDS = {"n": r"\d+", "m": r"\d+", "key": r"[\w.-]+"}
CALL = re.compile(r"\b(h5_err_set|h5_err_sys|h5_ini_fault|h5_buf_printf|FAULT)"
                  r"\(")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
# Strings, and macros of strings, side by side.
RUN = re.compile(r'(?:"(?:[^"\\]|\\.)*"|\b[A-Z][A-Z0-9_]+\b|\s)+')


def entries(file):
    """[(code, {part: text}, [like])]"""
    out = []
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("= "):
            out.append((line[2:], {}, []))
        elif line and line[0] not in "#@":
            part, _, text = line.partition(" ")
            if part == "like":
                out[-1][2].append(text)
            else:
                out[-1][1][part] = text
    return out


def knows(known, said, deep=0):
    """Is there an entry for the message, and for each reason in it?"""
    for _, _, likes in known:
        for like in likes:
            parts = re.split(r"\{(\w+)\}", like)
            m = re.fullmatch("".join(
                f"({KINDS.get(x, '.+?')})" if i % 2 else re.escape(x)
                for i, x in enumerate(parts)), said, re.S)
            if m and deep < 4 and all(
                    name != "why" or knows(known, value, deep + 1)
                    for name, value in zip(parts[1::2], m.groups())):
                return True
    return False


def formats(text):
    """(function, format) of each call; a macro within is a value."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for call in CALL.finditer(text):
        rest = text[call.end():]
        end = re.match(r'(?:[^;"]|"(?:[^"\\]|\\.)*")*;', rest, re.S)
        rest = rest[:end.end()] if end else ""
        if re.search(r"H5_E_(BUG|NOMEM)", rest):
            continue
        for run in RUN.findall(rest):
            # A message has words; "site" alone is the name of a section.
            if re.search(r'"[^"]*[ %][^"]*"', run):
                # What is no string here is a macro; each is one value.
                one = re.sub(
                    r'"((?:[^"\\]|\\.)*)"|([A-Z][A-Z0-9_]+)|\s+',
                    lambda m: m[1] if m[1] is not None else
                    "%s" if m[2] else "", run)
                if call[1] == "FAULT" and not rest.endswith('"");'):
                    one += " %s"
                yield call[1], one
                break


def said(source):
    """What a file may say, with a value for each conversion."""
    for function, text in formats((ROOT / source).read_text()):
        text = text.replace('\\"', '"').replace("\\\\", "\\")
        if function == "h5_buf_printf" and not text.startswith("%s:%u: "):
            continue
        text = text.removeprefix("%s:%u: ").removesuffix("\\n")
        bare = re.sub(r"%[0-9.*]*[a-z]+", "", text)
        if not re.search(r"[a-z]{2}", bare) or any(
                x in text for x in ELSEWHERE.get(source, [])):
            continue
        text = re.sub(r"%[0-9.*]*(?:l*[dux]|zu)", "7", text)
        text = re.sub(r"(?<=[:,] )%s$|(?<=, and )%s$", REASON, text)
        text = re.sub(r"%[0-9.*]*s", "x", text)
        if function == "h5_err_sys":
            text += ": " + REASON
        yield text


def check():
    """the doctor has words for what is said to it, and none of a shell"""
    known = entries(FILE)
    for code, parts, likes in known:
        if not likes or not {"en", "zh"} <= set(parts) <= {
                "en", "en.next", "zh", "zh.next"} or (
                ("en.next" in parts) != ("zh.next" in parts)):
            yield f"{FILE}: {code} has {' '.join(parts)}"
        for part, text in parts.items():
            for like in likes:
                for word in set(re.findall(r"\{\{\{(\w+)", text)) - set(
                        re.findall(r"\{(\w+)", like)):
                    yield f"{FILE}: {code}: {part} has a value {word}"
            if SHELL.search(text):
                yield f"{FILE}: {code}: {part} speaks to a shell"
    for code, parts, _ in entries(WORDS):
        if code in TERMINAL:
            continue
        for part, text in parts.items():
            # en.web is there where en.next is for a terminal alone.
            if (part != "en.next" or "en.web" not in parts) and SHELL.search(
                    text):
                yield f"{WORDS}: {code}: {part} speaks to a shell"
    n = 0
    for source in SOURCES:
        for text in said(source):
            n += 1
            if not knows(known, text):
                yield f"{source}: the doctor has no words for: {text}"
    if n < LEAST:
        yield f"only {n} messages were found in C"

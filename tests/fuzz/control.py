#!/usr/bin/env python3
"""Would the replay of traps and corpus notice a reader that is broken?

    control.py [WORD]       only changes with that word in their name

Copies the tree, makes one change at a time in it, and replays the targets
that are about it: each must fail by its own word.  make fuzz-control calls
it.  Last line: "N passed, N failed".
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COPY = ROOT / "build-control"
CFLAGS = ("-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all "
          "-static-libasan")

# What is broken, the file, the text there, what takes its place, who must
# notice.
CHANGES = [
    ("a doubled name is taken", "common/base/fields.c",
     "if (find(f, name, name_len) != NULL)",
     "if (name == NULL)",
     "form xml"),
    ("]]> may stand in text", "common/wechat/v2/xml.c",
     "return refuse(s, \"]]> outside CDATA\");",
     "return H5_OK;",
     "xml_expat"),
    ("CR stays CR", "common/wechat/v2/xml.c",
     "h5_buf_putc(&s->value, '\\n');\n\t\tn -=",
     "h5_buf_putc(&s->value, '\\r');\n\t\tn -=",
     "xml_expat xml"),
    ("&quot; is '", "common/wechat/v2/xml.c",
     "{\"&quot;\", 6, '\"'}",
     "{\"&quot;\", 6, '\\''}",
     "xml_expat"),
    ("+ stays +", "common/format/form.c",
     "p[i] == '+' ? ' ' : p[i]",
     "p[i]",
     "form"),
    ("one hop is believed, whoever it is", "common/format/netaddr.c",
     "\t       last_entry(forwarded, &left, &entry))\n\t\trc = read_hop(entry, "
     "out, e);",
     "\t       last_entry(forwarded, &left, &entry)) {\n\t\trc = read_hop(entry, "
     "out, e);\n\t\tbreak;\n\t}",
     "address"),
    ("a range ends at whole bytes", "common/format/netaddr.c",
     "return rest == 0 || (a[whole] ^ b[whole]) >> (8 - re"
     "st) == 0;",
     "return true;",
     "address"),
    ("eight digits of a signature are enough", "common/system/crypto.c",
     "return (different | (unsigned char)a[at]) == 0;",
     "(void)different;\n\treturn strncmp(a, b, 8) == 0;",
     "paylink answer notice"),
    ("a line need not be UTF-8", "common/store/ledger_line.c",
     "if (!h5_text_utf8(value, value_len))",
     "if (value == NULL)",
     "ledger_line ledger"),
    ("numbers may begin with 0", "common/order/event.c",
     "(s[0] == '0' && n > 1)",
     "n == 0",
     "ledger_line"),
    ("12.5 yuan are 125 fen", "common/base/text.c",
     "fen = fen * 10 + (i < part ? s[whole + 1 + i] - '0' "
     ": 0);",
     "if (i < part)\n\t\t\tfen = fen * 10 + (s[whole + 1 +"
     " i] - '0');",
     "text"),
    ("a quote reaches the page", "common/format/escape.c",
     "case '\"':\n\t\treturn \"&quot;\";",
     "case '\"':\n\t\treturn \"\\\"\";",
     "template"),
    ("now and then a value is raw", "common/format/template_render.c",
     "else if (raw)",
     "else if (raw || out->len % 7 == 3)",
     "template"),
    ("http to anybody", "common/config/value_url.c",
     "if (!u->https && !h5_url_loopback(u))",
     "if (!u->https && u->port == 1)",
     "config"),
    ("base_url keeps its slash", "common/config/value_url.c",
     "for (n = strlen(value); value[n - 1] == '/'; n--)",
     "for (n = strlen(value); n > 999; n--)",
     "config"),
    ("the least above the most", "common/shop/catalogue.c",
     "i->max_price != 0 && i->min_price > i->max_price",
     "i->max_price == 1",
     "catalogue"),
    ("four digits of mch_id are enough", "common/wechat/v2/message.c",
     ": strcmp(mch_id, c->merchant.mch_id) != 0)",
     ": strncmp(mch_id, c->merchant.mch_id, 4) != 0)",
     "answer notice"),
    ("result_code is not looked at", "common/wechat/v2/message.c",
     "if (!h5_fields_is(f, \"result_code\", \"SUCCESS\"))"
     "\n\t\treturn h5_err_set(e, H5_E_STATE",
     "if (h5_fields_is(f, \"result_code\", \"LOST\"))"
     "\n\t\treturn h5_err_set(e, H5_E_STATE",
     "notice"),
    ("one fen is lost", "common/wechat/v2/message.c",
     "t->total_fee = (int64_t)fee;",
     "t->total_fee = (int64_t)(fee > 9999 ? fee - 1 : fee)"
     ";",
     "answer notice"),
    ("a refund that is there twice", "common/wechat/v2/message_refund.c",
     "if (n != 1)",
     "if (n < 1)",
     "answer"),
    ("decimals beyond the fen are dropped", "common/base/text.c",
     "if (*p != '0')\n\t\t\t\tgoto bad;\n\t\t\tcontinue;",
     "continue;",
     "bill"),
    ("no minus", "common/base/text.c",
     "*out = minus ? -n : n;",
     "*out = n;",
     "bill"),
    ("a header may hold a line end", "common/web/request.c",
     "if (*p < 0x20 || *p == 0x7f)\n\t\t\treturn false;"
     "\n\treturn true;",
     "if (*p == 0x7f)\n\t\t\treturn false;\n\treturn true;",
     "web"),
    ("a short body is whole", "common/web/fcgi.c",
     "want != SIZE_MAX && got != want",
     "want != SIZE_MAX && got > want",
     "cgi"),
    ("nine bytes over the limit", "common/web/fcgi.c",
     "return *want > f->body_max ? H5_E_REMOTE : H5_OK;",
     "return *want > f->body_max + 9 ? H5_E_REMOTE : H5_OK;",
     "cgi"),
    ("two for the price of one", "common/shop/offer.c",
     "o->total_fee = item->price * o->qty;",
     "o->total_fee = item->price;",
     "paylink"),
    ("the form token is not looked at", "common/shop/offer.c",
     "\tif (!h5_crypto_same(given, token))",
     "\tif (given == NULL)",
     "paylink"),
]


def copy_tree():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if not (ROOT / name).exists():
            continue
        to = COPY / name
        to.parent.mkdir(parents=True, exist_ok=True)
        # What is the same stays, so that make builds what changed.
        if not to.exists() or to.read_bytes() != (ROOT / name).read_bytes():
            shutil.copy(ROOT / name, to)


def replay(target):
    """None when the target passes, else the property that broke."""
    p = subprocess.run(
        ["make", "-s", f"-j{os.cpu_count()}", "B=build", "CC=gcc", "HARDEN=",
         f"CFLAGS={CFLAGS}", "check-fuzz", f"T={target}"],
        cwd=COPY, capture_output=True, text=True)
    if "1 passed, 0 failed" in p.stdout:
        return None
    broken = re.search(r"broken: (.*)", p.stdout)
    if not broken:
        raise RuntimeError(p.stdout + p.stderr)
    return broken.group(1)


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    copy_tree()
    passed = failed = 0
    for name, file, old, new, targets in CHANGES:
        if word not in name:
            continue
        path = COPY / file
        text = path.read_text()
        if text.count(old) != 1:
            print(f"not ok - {name}: its place in {file} is gone")
            failed += 1
            continue
        path.write_text(text.replace(old, new))
        try:
            found = {t: replay(t) for t in targets.split()}
        finally:
            path.write_text(text)
        for target, property_ in found.items():
            if property_ is None:
                print(f"not ok - {name}: {target} did not notice")
                failed += 1
            else:
                print(f"ok - {name}: {target}: {property_}", flush=True)
                passed += 1
    print(f"fuzz-control: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

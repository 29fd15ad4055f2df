"""The code in docs/SHOP.md is run as it stands there, on the vector of
tests/fixtures/paylink.json; the page must give that vector, too."""
import json
import re
import shutil
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

vector = json.load(open("tests/fixtures/paylink.json", encoding="utf-8"))
page = open("docs/SHOP.md", encoding="utf-8").read()
data = json.dumps({"p": vector["params"], "k": vector["link_key"],
                   "c": vector["checkout"]})
AROUND = {
    "php": (["php", "-r"],
            "$d = json_decode($argv[1], true); $params = $d['p'];"
            "$key = $d['k']; $checkout = $d['c'];\n%s\necho $link;"),
    "python": ([sys.executable, "-c"],
               "import hashlib, hmac, json, sys\n"
               "from urllib.parse import quote, urlencode\n"
               "d = json.loads(sys.argv[1])\n"
               "params, key, checkout = d['p'], d['k'], d['c']\n%s\n"
               "print(link)"),
    "js": (["node", "-e"],
           "const crypto = require('crypto');\n"
           "const {p: params, k: key, c: checkout} ="
           " JSON.parse(process.argv[1]);\n%s\nconsole.log(link);"),
}
bad = 0
for want in (vector["canonical"], vector["sig"], vector["link_key"]):
    if want not in page:
        print(f"docs/SHOP.md does not hold {want!r}")
        bad += 1
for language, (command, program) in AROUND.items():
    block = re.search(rf"```{language}\n(.*?)```", page, re.S)
    if block is None:
        print(f"docs/SHOP.md has no {language} code")
        bad += 1
        continue
    if shutil.which(command[0]) is None:
        print(f"snippets: {command[0]} is not installed, not tried")
        continue
    got = subprocess.run(command + [program % block[1], data], check=False,
                         capture_output=True, text=True)
    query = parse_qs(urlsplit(got.stdout.strip()).query)
    want = {**vector["params"], "sig": vector["sig"]}
    if {k: v[0] for k, v in query.items()} != want:
        print(f"docs/SHOP.md, {language}: got {got.stdout!r} {got.stderr!r}")
        bad += 1
sys.exit(1 if bad else 0)

"""deploy/snippets: a shop that copies one takes our webhooks and no others, and
the static page sells."""

import base64
import hashlib
import hmac
import http.server
import re
import subprocess
import threading
import time
import urllib.parse

import behind
import h5
from case import table, test

SNIPPETS = behind.DEPLOY / "snippets"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")
LANGUAGES = [("PHP", "php", ["php"]), ("Python", "py", ["python3"]),
             ("Node", "js", ["node"]), ("Go", "go", ["go", "run"]),
             ("shell", "sh", ["sh"])]


class Ear:
    """A shop's webhook: keeps what came, answers 204."""

    def __init__(self):
        heard = self.heard = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                n = int(self.headers["Content-Length"])
                body = self.rfile.read(n)
                heard.append((*(self.headers[x] for x in NAMES), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/event"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def sign(event_id, at, body):
    key = base64.b64decode(SECRET[6:])
    text = f"{event_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(
        hmac.new(key, text, hashlib.sha256).digest()).decode()


@table("a shop in {0} takes our webhook and no other", LANGUAGES)
def _(t, language, extension, command):
    behind.tool(command[0], {"go": "golang-go"}.get(command[0]))
    ear = t.mine(Ear())
    s = t.own_site({"hooks.webhook_url": ear.url,
                    "hooks.webhook_secret": SECRET})
    order = t.id()
    s.ready(order, 5)
    t.success(s.notify(h5.notice(order, 5)))
    t.until("the webhook", lambda: ear.heard)
    event_id, at, signature, body = ear.heard[0]
    secret = s.write("hook.secret", SECRET + "\n")

    def check(event_id=event_id, at=at, signature=signature, body=body,
              secret=secret):
        return subprocess.run(
            [*command, SNIPPETS / f"webhook.{extension}", secret, event_id,
             at, signature], input=body, capture_output=True, timeout=80)

    got = check()
    t.eq(got.returncode, 0, f"a real event: {got.stderr}")
    t.contains(got.stdout.decode(), order, "what it says")
    t.eq(check(signature="v1,AAAA " + signature).returncode, 0,
         "while the secret is changed, two signatures")
    other = s.write("other.secret",
                    "whsec_" + base64.b64encode(b"x" * 32).decode())
    old = str(int(time.time()) - 3600)
    for what, change in {
        "a changed body": {"body": body.replace(b"paid", b"padi", 1)},
        "another id": {"event_id": "evt_other"},
        "another time": {"at": str(int(at) + 1)},
        "another secret": {"secret": other},
        "a signature cut short": {"signature": signature[:-4]},
        "no signature": {"signature": ""},
        "an old event": {"at": old, "signature": sign(event_id, old, body)},
        "a time that is none": {
            "at": at + " ", "signature": sign(event_id, at + " ", body)},
    }.items():
        got = check(**change)
        t.eq(got.returncode, 1, f"{what}: {got.stdout} {got.stderr}")


def php(t, code, **server):
    """What a shop's page prints that runs this code."""
    behind.tool("php", None)
    folder = t.own_site().folder
    page = folder / "page.php"
    page.write_text("<?php\nerror_reporting(E_ALL);\n" + "".join(
        f"$_SERVER[{k!r}] = {v!r};\n" for k, v in server.items()) + code)
    got = subprocess.run(["php", "-d", "display_errors=1", page],
                         capture_output=True, text=True, timeout=80)
    t.eq((got.returncode, got.stderr), (0, ""), got.stdout)
    return got.stdout


@test("a PHP shop includes the files, which print nothing and do not end it")
def _(t):
    out = php(t, f"""
require '{SNIPPETS}/paylink.php';
require '{SNIPPETS}/webhook.php';
echo pay_link('https://x/checkout', str_repeat('k', 32), ['order' => 'A-1001',
    'total_fee' => 5, 'body' => 'tea']), "\\n";
echo webhook_good('{SECRET}', null, null, null, '') ? 'good' : 'refused';
""".replace("\\\\", "\\"))
    link, verdict = out.splitlines()
    t.ok(link.startswith("https://x/checkout?order=A-1001&"), link)
    t.eq(verdict, "refused", "a request without headers")


@test("a PHP shop takes a signed request, and none that lacks a header")
def _(t):
    body = '{"type":"order.paid"}'
    at = str(int(time.time()))
    server = {"HTTP_WEBHOOK_ID": "evt_x", "HTTP_WEBHOOK_TIMESTAMP": at,
              "HTTP_WEBHOOK_SIGNATURE": sign("evt_x", at, body.encode())}
    code = f"""
require '{SNIPPETS}/webhook.php';
echo webhook_good_request('{SECRET}', '{body}') ? 'good' : 'refused';
"""
    t.eq(php(t, code, **server), "good", "all three")
    for name in server:
        less = {k: v for k, v in server.items() if k != name}
        t.eq(php(t, code, **less), "refused", f"without {name}")


@table("a shop in {0} refuses a request that lacks a header", [
    ("Python", ["python3", "-c"], "import sys; sys.path.insert(0, sys.argv[1]);"
     " sys.dont_write_bytecode = True; from webhook import verify; "
     "print(verify(sys.argv[2], None, None, None, b''))"),
    ("Node", ["node", "-e"], "console.log(require(process.argv[1] + "
     "'/webhook.js').verify(process.argv[2], undefined, undefined, undefined,"
     " Buffer.from('')))")])
def _(t, language, command, code):
    behind.tool(command[0], None)
    got = subprocess.run([*command, code, SNIPPETS, SECRET],
                         capture_output=True, text=True, timeout=80)
    t.eq((got.returncode, got.stdout.strip().lower(), got.stderr),
         (0, "false", ""), "verdict")


@test("the static page's buttons lead to the confirmation page")
def _(t):
    w = t.web
    text = (SNIPPETS / "buy-button.html").read_text()
    page = h5.Reply(200, [], text.replace(
        "https://shop.example/pay", w.base_url).encode())
    t.no(re.search(r"<script", text), "a script")
    b = h5.Browser()
    b.open(page.dom.links[0]["href"])
    t.page(b.reply, 200, "confirm")
    (form,) = page.forms
    b = h5.Browser()
    b.open(form.action + "?" + urllib.parse.urlencode(form.with_(qty="2")))
    t.page(b.reply, 200, "confirm")
    t.contains(b.reply.visible, "0.02", "two of them")

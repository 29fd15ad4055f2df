"""old.py - a shop of 0.1.0, as tests/fixtures/0.1.0 keeps it, under today's
programs."""
import copy
import http.server
import json
import os
import pathlib
import subprocess
import threading
import urllib.request

import h5
import packed

HERE = pathlib.Path(__file__).resolve().parent
OLD = HERE.parent / "fixtures" / "0.1.0"
FEE = 12800

# A minute after 0.1.0 wrote the last line: no sweep is due, which a visitor
# would start.
SOON = ["faketime", "-f", "@2026-11-30 19:55:30"]
# Half an hour after it: orders are still open.
THEN = ["faketime", "-f", "@2026-11-30 20:18:00"]
SCENE = ('{"h5_info":{"type":"Wap","wap_url":"http://127.0.0.1",'
         '"wap_name":"shop"}}')
THEN_UNIX = 1796069880
UTC = {"TZ": "UTC"}

SHOW = {json.loads(line)["order"]: line
        for line in (OLD / "said" / "show.jsonl").read_text().splitlines(True)}
BUYERS = json.loads((OLD / "said" / "buyers.json").read_text())


def said(name):
    """(arguments, standard output, exit status) of a command of 0.1.0."""
    text = (OLD / "said" / name).read_bytes().decode()
    head, *lines, last = text.splitlines(True)
    return head.split()[2:], "".join(lines), int(last.split()[1])


class Shop(h5.Site):
    """conf: h5pay.conf or inline.conf."""

    def __init__(self, build, gateway, conf="h5pay.conf"):
        self.listener = Listener()
        super().__init__(build, gateway)
        for path in (OLD / "shop").iterdir():
            self.write(path.name, self.here(path.read_text()),
                       0o700 if path.name == "hook" else 0o600)
        self.conf_file = self.folder / conf
        certificate(self.folder)
        self.unpack("templates", 0o755)
        self.unpack("store", 0o700)

    def unpack(self, name, mode):
        folder = self.folder / name
        folder.mkdir(mode=mode)
        packed.unpack((OLD / f"{name}.txt").read_bytes(), folder)

    def here(self, text):
        for name, value in {
            "@DIR@": self.folder, "@GATEWAY@": self.gateway.url,
            "@COMMAND@": self.command, "@WEBHOOK@": self.listener.url,
        }.items():
            text = text.replace(name, str(value))
        return text

    def mend_hook(self):
        """From now on it takes every event."""
        self.write("hook", "#!/bin/sh\nexit 0\n", 0o700)

    def shows(self):
        """{order: the line of show --json} of every order of 0.1.0."""
        return {order: self.h5pay("--json", "show", order)[1]
                for order in SHOW}

    def close(self):
        self.listener.close()
        super().close()

    def under(self, build):
        """The same shop under the programs of another build."""
        other = copy.copy(self)
        other.bin = build / "cgi-bin"
        other.command = build / "h5pay"
        return other

    def visit(self, program, query):
        """A visitor's GET, soon after."""
        return self.get(program, query, prefix=SOON, env=UTC)

    def then(self, *args):
        """The command, at a time when the orders were young."""
        return self.h5pay(*args, prefix=THEN, env=UTC)


def certificate(folder):
    """Valid at any time that a test may play."""
    subprocess.run(
        ["faketime", "-f", "@2020-01-01 00:00:00",
         "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "10000", "-subj",
         "/CN=merchant", "-keyout", folder / "merchant.key", "-out",
         folder / "merchant.pem"], check=True, capture_output=True,
        env={"PATH": os.environ["PATH"], **UTC})
    (folder / "merchant.key").chmod(0o600)


class Ear(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(json.loads(body)["id"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Listener:
    """The shop's webhook, which takes everything."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self.heard = self.server.heard = []
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def send(gateway, path, **fields):
    """A call to the stand-in, signed as the merchant would."""
    fields = {"appid": h5.APPID, "mch_id": h5.MCH_ID, "nonce_str": "0" * 32,
              "sign_type": "HMAC-SHA256", **fields}
    fields["sign"] = h5.wx_sign(fields)
    request = urllib.request.Request(gateway.url + path, h5.wx_xml(fields))
    with urllib.request.urlopen(request, timeout=30) as reply:
        text = reply.read().decode()
    if "<result_code><![CDATA[SUCCESS]]>" not in text:
        raise AssertionError(f"{path} {fields}: {text}")


def remember(gateway, order, pay=False):
    """Let the stand-in know an order of 0.1.0, as WeChat does.  pay: its last
    attempt is paid there, by the transaction that 0.1.0 knew, if any; its
    id."""
    show = json.loads(SHOW[order])
    for event in show["events"]:
        if event["event"] in ("created", "attempt"):
            number = event["out_trade_no"]
            send(gateway, "/pay/unifiedorder", out_trade_no=number,
                 body=show["body"], total_fee=str(show["total_fee"]),
                 spbill_create_ip=event["spbill_create_ip"],
                 time_start=digits(event["time_start"]),
                 time_expire=digits(event["time_expire"]),
                 notify_url="http://127.0.0.1:9/", trade_type="MWEB",
                 scene_info=SCENE)
    if not pay:
        return None
    tx = gateway.pay(number)["transaction_id"]
    if show["transaction_id"]:
        tx = show["transaction_id"]
        for api in "refund", "refundquery":
            gateway.fault(api, "set-field", order=number,
                          name="transaction_id", value=tx)
    return tx


def digits(time):
    return "".join(c for c in time[:19] if c.isdigit())

"""The demonstration's "inside WeChat": a proxy before the shop that plays
WeChat's own browser for a desktop's.

It changes what WeChat's browser would be or bring, and nothing else: it says
MicroMessenger in User-Agent, and it puts a WeixinJSBridge into each page, which
asks "pay?" and hands the page's values to the stand-in's /bridge.  A real
WeChat brings its bridge past the page's Content-Security-Policy; here the
proxy adds the bridge's hash and its own origin to the policy.
"""

import base64
import hashlib
import http.client
import http.server
import threading
import urllib.parse

BODY_MOST = 1 << 20
PATH = "/.inside-wechat/bridge"

SCRIPT = """\
window.WeixinJSBridge = {
	invoke: function (name, data, told) {
		var form = new URLSearchParams(data);
		form.set("url", location.href);
		form.set("action", confirm("模拟微信：确定支付，取消放弃。\\n" +
		    "WeChat's stand-in: OK pays, Cancel gives up.") ?
		    "pay" : "cancel");
		fetch("%s", {method: "POST", body: form}).then(function (r) {
			return r.json();
		}).then(told, function (e) {
			told({err_msg: name + ":fail", err_desc: String(e)});
		});
	}
};
""" % PATH

HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()


def open_policy(policy):
    """The policy, with the bridge and what it asks allowed."""
    more = {"script-src": f"'sha256-{HASH}'", "connect-src": "'self'"}
    out = []
    for part in policy.split(";"):
        name, _, value = part.strip().partition(" ")
        if name in more:
            value = f"{value.replace(chr(39) + 'none' + chr(39), '')} " \
                    f"{more.pop(name)}"
        if name:
            out.append(f"{name} {value}".strip())
    return "; ".join(out + [f"{n} {v}" for n, v in more.items()])


class Inside:
    """Serves until it is closed.  shop, gateway: http://HOST:PORT."""

    def __init__(self, sock, shop, gateway, user_agent):
        self.origin = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.shop, self.gateway = shop, gateway
        self.user_agent = user_agent
        self.server = http.server.ThreadingHTTPServer(
            sock.getsockname(), handler(self), bind_and_activate=False)
        self.server.socket.close()
        self.server.socket = sock
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       daemon=True)
        self.thread.start()

    def swap(self, text, old, new):
        """Addresses, also where they are a parameter of another."""
        quote = urllib.parse.quote
        return text.replace(old, new).replace(quote(old, safe=""),
                                              quote(new, safe=""))

    def ask(self, method, path, headers, body):
        """The shop's answer, or for the bridge the stand-in's."""
        to = self.gateway if path == PATH else self.shop
        sent = {n: self.swap(v, self.origin, self.shop) for n, v in headers}
        sent["User-Agent"] = self.user_agent
        u = urllib.parse.urlsplit(to)
        c = http.client.HTTPConnection(u.hostname, u.port, timeout=60)
        try:
            c.request(method, "/bridge" if path == PATH else path, body, sent)
            r = c.getresponse()
            return r.status, r.getheaders(), r.read()
        finally:
            c.close()

    def dress(self, headers, body):
        """The answer as the desktop's browser gets it."""
        out, page = [], False
        for name, value in headers:
            low = name.lower()
            if low in ("content-length", "connection", "transfer-encoding",
                       "date", "server"):
                continue
            if low == "content-type":
                page = value.startswith("text/html")
            if low == "content-security-policy":
                value = open_policy(value)
            out.append((name, self.swap(value, self.shop, self.origin)))
        if page:
            text = self.swap(body.decode(), self.shop, self.origin)
            head, sep, rest = text.partition("<meta charset")
            bridge = f"<script>{SCRIPT}</script>" if sep else ""
            body = f"{head}{bridge}{sep}{rest}".encode()
        return out, body


def handler(inside):
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            n = int(self.headers.get("Content-Length") or 0)
            if n > BODY_MOST:
                self.send_error(413)
                return
            drop = ("host", "connection", "accept-encoding", "user-agent",
                    "content-length")
            headers = [(k, v) for k, v in self.headers.items()
                       if k.lower() not in drop]
            try:
                status, headers, body = inside.ask(
                    self.command, self.path, headers,
                    self.rfile.read(n) if n else None)
            except OSError as e:
                self.send_error(502, explain=str(e))
                return
            headers, body = inside.dress(headers, body)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, *args):
            pass

    return Handler

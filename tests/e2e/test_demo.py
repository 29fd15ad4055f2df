"""make run: the demonstration starts, works and leaves nothing behind."""

import base64
import hashlib
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time

import h5
import test_ways
from case import table, test
from test_flow import act

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Demo:
    def __init__(self, t, folder, command=None, api="v2"):
        self.process = subprocess.Popen(
            command or [sys.executable, ROOT / "deploy/demo/run.py", "--build",
                        t.build, "--port", "0", "--folder", folder, "--api",
                        api],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, cwd=ROOT)
        self.text = ""
        end = time.monotonic() + 60
        while "Ctrl-C" not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [],
                                        max(0, end - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            if not part:
                raise h5.Late(f"the demonstration: {self.text}")
            self.text += part.decode()
        self.urls = re.findall(r"http://127\.0\.0\.1:\d+/", self.text)

    def stop(self, sig=signal.SIGTERM):
        family = h5.family(self.process.pid)
        self.process.send_signal(sig)
        out, _ = self.process.communicate(timeout=30)
        return family, out.decode()


@table("the demonstration sells by API{1}, and {0} ends it without a trace", [
    ("SIGINT", "v2"), ("SIGTERM", "v2"), ("SIGTERM", "v3")])
def _(t, name, api):
    s = t.own_site()
    demo = Demo(t, s.folder / "demo", api=api)
    try:
        t.contains(demo.text, f"API{api}", "what it says")
        shop = demo.urls[0]
        b = h5.Browser()
        b.open(shop)
        t.eq(b.reply.status, 200, "the shop's page")
        signed = next(a["href"] for a in b.reply.dom.links
                      if "sig=" in a["href"])
        b.follow(signed)
        t.eq(b.reply.page, "confirm", "the confirmation")
        b.submit(b.reply.form("checkout"))
        t.eq(b.reply.page, "cashier", "the cashier")
        act(b, "pay")
        if b.reply.page == "return":
            b.submit(b.reply.form("query"))
        t.eq((b.reply.page, b.reply.state), ("result", "paid"), "the result")
        heard = s.folder / "demo" / "heard.txt"
        t.until("the shop to hear of it",
                lambda: "order.paid" in heard.read_text())
        conf = s.folder / "demo" / "h5pay.conf"
        t.eq(conf.stat().st_mode & 0o777, 0o600, "mode of the configuration")
    finally:
        family, out = demo.stop(getattr(signal, name))
    t.eq(demo.process.returncode, 0, f"exit status, {out!r}")
    left = [(p, c) for p, c in family.items() if h5.alive_process(p)]
    t.eq(left, [], "processes that are left")


@table("the demonstration by API{0} has a code for a desktop", ["v2", "v3"])
def _(t, api):
    s = t.own_site()
    demo = Demo(t, s.folder / "demo", api=api)
    try:
        shop, gateway = demo.urls[:2]
        b = h5.Browser(user_agent=test_ways.DESKTOP)
        b.open(shop)
        b.follow(next(a["href"] for a in b.reply.dom.links
                      if "sig=" in a["href"]))
        b.submit(b.reply.form("checkout"))
        t.eq(b.reply.page, "scan", "the code's page")
        page, url = b.reply, b.url
        b.open(gateway)
        b.follow(next(a["href"] for a in b.reply.dom.links
                      if "/scan?" in a["href"]))
        t.contains(b.reply.text, 'data-page="phone"', "the phone")
        act(b, "pay")
        b.open(url)
        b.reply = page
        b.submit(page.form("query"))
        t.eq((b.reply.page, b.reply.state), ("result", "paid"), "the result")
    finally:
        demo.stop()


@table("the demonstration's third address is inside WeChat, by API{0}", [
    "v2", "v3"])
def _(t, api):
    s = t.own_site()
    demo = Demo(t, s.folder / "demo", api=api)
    try:
        inside = demo.urls[2]
        b = h5.Browser(user_agent=test_ways.DESKTOP)
        b.open(inside)
        b.follow(next(a["href"] for a in b.reply.dom.links
                      if "sig=" in a["href"]))
        b.submit(b.reply.form("checkout"))
        t.eq(b.reply.page, "jsapi", "the bridge's page")
        t.ok(b.url.startswith(inside), f"it stays inside: {b.url}")
        script = re.search("<script>(window.WeixinJSBridge = .*?)</script>",
                           b.reply.text, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest())
        policy = b.reply.header("Content-Security-Policy")
        t.contains(policy, f"'sha256-{digest.decode()}'", "its hash")
        t.lacks(policy, "unsafe", "the policy")
        t.ok(re.search("connect-src[^;]*'self'", policy), "its question")
        asked = re.search('fetch\\("([^"]+)"', script).group(1)
        page = b.reply
        form = {**test_ways.bridge(page), "url": b.url, "action": "cancel"}
        for action, word in ("cancel", "cancel"), ("pay", "ok"):
            _, text = test_ways.fetch(inside.rstrip("/") + asked, {
                "Content-Type": "application/x-www-form-urlencoded"},
                {**form, "action": action})
            t.contains(text, f"get_brand_wcpay_request:{word}", action)
        b.follow(re.search(' data-result="([^"]+)"', page.text).group(1)
                 .replace("&amp;", "&"))
        if b.reply.page != "result":
            b.submit(b.reply.form("query"))
        t.eq((b.reply.page, b.reply.state), ("result", "paid"), "the result")
    finally:
        demo.stop()


@test("every link and form of the demonstration shop leads somewhere")
def _(t):
    s = t.own_site()
    demo = Demo(t, s.folder / "demo")
    try:
        b = h5.Browser()
        b.open(demo.urls[0])
        page = b.reply
        pages = []
        for a in page.dom.links:
            c = h5.Browser()
            c.open(demo.urls[0])
            pages.append(c.follow(a["href"]).page)
        for f in page.forms:
            if f.action == "#":
                continue
            c = h5.Browser()
            c.open(demo.urls[0])
            pages.append(c.submit(f).page)
        t.eq(sorted(pages), sorted(["confirm", "link-expired", "bad-link",
                                    "not-found", "confirm", "cashier",
                                    "confirm"]), "pages")
        t.page(b.follow("/cgi-bin/checkout?item=tea&qty=2"), 200, "confirm")
    finally:
        demo.stop()


@test("the demonstration starts again after it was killed")
def _(t):
    s = t.own_site()
    folder = s.folder / "demo"
    demo = Demo(t, folder)
    family = h5.family(demo.process.pid)
    demo.process.kill()
    demo.process.communicate()
    t.until("its processes to be gone",
            lambda: not any(h5.alive_process(p) for p in family), 15)
    again = Demo(t, folder)
    b = h5.Browser()
    b.open(again.urls[0])
    t.eq(b.reply.status, 200, "the shop's page")
    again.stop()

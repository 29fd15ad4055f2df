"""docs/KEYS.md is followed as it stands: each block of commands, in the order
of the page, by a shop that sells meanwhile."""

import base64
import os
import pathlib
import re
import subprocess
import time

import h5
from case import test
from test_hooks import Receiver

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "KEYS.md"
FILES = {"merchant.api_key_file": ("api_key", h5.API_KEY),
         "site.secret_file": ("site_secret", h5.SECRET),
         "site.link_key_file": ("link_key", h5.LINK_KEY),
         "hooks.webhook_secret_file": (
             "webhook_secret",
             "whsec_" + base64.b64encode(b"o" * 24).decode())}


def sections():
    """{heading: its blocks of commands}"""
    out = {}
    for part in re.split(r"^## ", PAGE.read_text(), flags=re.M)[1:]:
        out[part.splitlines()[0]] = re.findall(
            r"^```sh\n(.*?)^```", part, re.M | re.S)
    return out


class Shop:
    """Laid out as deploy/h5pay.conf.example, which the page says."""

    def __init__(self, t, gateway=None, **conf):
        self.t = t
        self.page = sections()
        self.s = s = t.own_site(
            {"orders.query_interval_s": 0, **conf}, gateway=gateway)
        self.secrets = s.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        example = (PAGE.parents[1] / "deploy" / "h5pay.conf.example").read_text()
        for key, (name, value) in FILES.items():
            s.write(f"secrets/{name}", value + "\n", 0o640)
            s.configure({key: f"secrets/{name}"})
            line = f"{key.partition('.')[2]} = secrets/{name}\n"
            t.contains(example, line, "deploy/h5pay.conf.example")
        s.configure({"hooks.webhook_url": "http://127.0.0.1:9/"}
                    if "hooks.webhook_url" not in conf else {})

    def follow(self, heading, n):
        """Do the n-th block of a section."""
        names, functions = self.page["The names below"]
        self.t.eq(re.findall(r"^(\w+)=", names, re.M), ["conf", "secrets"],
                  "the names on the page")
        p = subprocess.run(
            ["sh", "-eu"], text=True, capture_output=True,
            input=functions + self.page[heading][n],
            env={"PATH": f"{self.s.command.parent}:{os.environ['PATH']}",
                 "conf": str(self.s.conf_file),
                 "secrets": str(self.secrets), "LANG": "C.UTF-8"})
        # doctor finds what a shop on 127.0.0.1 cannot have.
        self.t.ok(p.returncode == 0 or " doctor" in self.page[heading][n],
                  f"{heading}: {p.stdout}{p.stderr}")
        for path in self.secrets.iterdir():
            self.t.eq(path.stat().st_mode & 0o777,
                      0o600 if path.name == "api_key.next" else 0o640,
                      path.name)
        return p.stdout + p.stderr

    def key(self, name):
        return (self.secrets / name).read_text().rstrip("\n")

    def warns(self, name):
        code, out, err = self.s.h5pay("check")
        self.t.eq(code, 0, err)
        return f"warning: {name} " in out


@test("KEYS: site.secret is changed while a buyer pays")
def _(t):
    x = Shop(t)
    order = t.id()
    q = {"order": order, "t": x.s.ready(order, 5)}
    t.contains(x.follow("site.secret", 0), "warning: site.secret_previous",
               "check")
    t.eq(x.key("site_secret.previous"), h5.SECRET, "the key before")
    t.eq(len(x.key("site_secret")), 64, "the new key")
    t.page(x.s.get("query", q), 200, "result", "awaiting")
    to = h5.query_params(t.redirect(x.s.post("query", q)))
    t.ok(to["t"] != q["t"], "a token of the new key")
    x.follow("site.secret", 1)
    t.ok(not x.warns("site.secret_previous"), "no warning is left")
    t.page(x.s.get("query", q), 404, "not-found")
    t.page(x.s.get("query", to), 200, "result", "awaiting")


@test("KEYS: site.link_key is changed while links are about")
def _(t):
    x = Shop(t)
    before = x.s.link(t.id())
    t.contains(x.follow("site.link_key", 0), "site.link_key_previous", "check")
    t.page(x.s.get("checkout", before), 200, "confirm")
    after = x.s.link(t.id(), key=x.key("link_key"))
    t.page(x.s.get("checkout", after), 200, "confirm")
    x.follow("site.link_key", 1)
    t.page(x.s.get("checkout", before), 403, "bad-link")
    t.page(x.s.get("checkout", after), 200, "confirm")


@test("KEYS: hooks.webhook_secret is changed while events are delivered")
def _(t):
    receiver = t.mine(Receiver())
    x = Shop(t, **{"hooks.webhook_url": receiver.url})

    def signatures():
        order = t.id()
        x.s.ready(order, 5)
        t.success(x.s.notify(h5.notice(order, 5)))
        before = len(receiver.got)
        t.until("the delivery", lambda: len(receiver.got) > before or
                receiver.got and order.encode() in receiver.got[-1][1])
        headers = {k.lower(): v for k, v in receiver.got[-1][0].items()}
        return len(headers["webhook-signature"].split())

    t.eq(signatures(), 1, "before")
    x.follow("hooks.webhook_secret", 0)
    t.eq(signatures(), 2, "meanwhile")
    x.follow("hooks.webhook_secret", 1)
    t.eq(signatures(), 1, "afterwards")


def wechat(t, x):
    """The operator sets the new key at WeChat Pay."""
    g = t.own_gateway(key=x.key("api_key.next"), args=["--plain-refund"])
    conf = x.s.conf_file.read_text()
    x.s.conf_file.write_text(conf.replace(x.s.gateway.url, g.url))
    x.s.gateway = g
    return g


@test("KEYS: merchant.api_key is changed while orders are open")
def _(t):
    x = Shop(t)
    paid, open_ = t.id(), t.id()
    x.s.ready(paid, 5)
    x.s.ready(open_, 5)
    tx = h5.transaction_id()
    t.success(x.s.notify(h5.notice(paid, 5, tx)))
    t.contains(x.follow("merchant.api_key", 0), x.key("api_key.next"),
               "the key that is to be entered")
    t.eq(len(x.key("api_key.next")), 32, "bytes of an APIv2 key")
    g = wechat(t, x)
    t.contains(x.follow("merchant.api_key", 1),
               "warning: merchant.api_key_previous", "check")
    t.ok(not (x.secrets / "api_key.next").exists(), "nothing is left over")
    t.ok(time.time() - (x.secrets / "api_key.previous").stat().st_mtime < 3600,
         "the age of the previous key counts from now")
    # What comes by the old key is asked about.
    t.success(x.s.notify(h5.notice(paid, 5, tx)))
    t.refused(x.s.notify(h5.notice(open_, 5)))
    g.wait("calls", api="orderquery", out_trade_no=open_, n=1, done=1)
    t.eq(sum(" notice-previous-key " in line for line in x.s.log()), 2, "log")
    new = x.key("api_key")
    order = t.id()
    x.s.ready(order, 5)
    t.success(x.s.notify(h5.notice(order, 5, key=new)))
    x.follow("merchant.api_key", 2)
    t.ok(not x.warns("merchant.api_key_previous"), "no warning is left")
    t.refused(x.s.notify(h5.notice(paid, 5, tx)))
    t.success(x.s.notify(h5.notice(open_, 5, key=new)))


@test("KEYS: merchant.sign_type is changed while orders are open")
def _(t):
    x = Shop(t, **{"merchant.sign_type": "MD5"})
    before, after = t.id(), t.id()
    x.s.ready(before, 5)
    x.follow("merchant.sign_type", 0)
    x.s.ready(after, 5)
    t.success(x.s.notify(h5.notice(before, 5, signed_by="MD5")))
    t.success(x.s.notify(h5.notice(after, 5)))
    t.contains(x.follow("merchant.sign_type", 1), "sign_type_previous", "check")
    t.ok(not x.warns("merchant.sign_type_previous"), "no warning is left")


@test("KEYS: a merchant key that leaked is good for nothing afterwards")
def _(t):
    x = Shop(t)
    order = t.id()
    x.s.ready(order, 5)
    for heading in "site.secret", "site.link_key", "hooks.webhook_secret":
        x.follow(heading, 0)
    x.follow("merchant.api_key", 0)
    g = wechat(t, x)
    x.follow("When a key has leaked", 0)
    t.eq(sorted(p.name for p in x.secrets.iterdir()),
         sorted(name for name, _ in FILES.values()), "files")
    t.lacks(x.s.conf_file.read_text(), "_previous", "h5pay.conf")
    t.refused(x.s.notify(h5.notice(order, 5)))
    t.eq(x.s.show(order)["state"], "awaiting", "state")
    # An old payment would be asked about before it is told.
    now = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 28800))
    t.success(x.s.notify(h5.notice(order, 5, key=x.key("api_key"),
                                   time_end=now)))
    t.eq(len(g.calls("orderquery")), 0, "questions for a leaked key")


@test("KEYS: every block of commands of the page is followed here")
def _(t):
    blocks = {(h, n) for h, found in sections().items()
              for n in range(len(found)) if h != "The names below"}
    followed = set(re.findall(
        r'follow\("([^"]+)", (\d)\)', pathlib.Path(__file__).read_text()))
    followed = {(h, int(n)) for h, n in followed}
    t.eq(sorted(blocks - followed), [], "blocks that no test follows")

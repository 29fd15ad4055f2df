"""case.py - how a test is written down.

    from case import test, table

    @test("notify with a wrong amount leaves the order unpaid")
    def _(t):
        ...
        t.eq(reply.status, 200, "status")

    @table("checkout answers 400 to {0}", [("a doubled parameter", "order=..."), ...])
    def _(t, name, query):
        ...

t is a Case: it brings sites, gateways and fresh order ids, and its checks
say what was wanted and what came.  Tests run side by side: each uses order
ids of its own, and a configuration of its own where it changes one.
"""

import json
import os
import re
import time

import h5
import pagecheck
import v3

TESTS = []


class Failed(Exception):
    pass


Skipped = h5.Skip


def test(sentence, **needs):
    def register(run):
        TESTS.append((run.__module__, sentence, run, ()))
        return run

    return register


def table(sentence, rows):
    """One test a row; {0}, {1} in the sentence are the row's values."""
    assert rows, f"no rows: {sentence}"

    def register(run):
        for row in rows:
            if not isinstance(row, tuple):
                row = (row,)
            TESTS.append((run.__module__, sentence.format(*row), run, row))
        return run

    return register


class Shelf:
    """What a worker keeps from test to test: servers that nobody changes."""

    def __init__(self, build):
        self.build = build
        self.kept = {}

    def keep(self, name, make):
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def close(self):
        for thing in reversed(list(self.kept.values())):
            thing.close()
        self.kept.clear()


class Case:
    def __init__(self, shelf, number):
        self.shelf = shelf
        self.build = shelf.build
        self.number = number
        self._own = []
        self._ids = 0

    # -- places to test

    @property
    def gateway(self):
        """The worker's stand-in.  Faults on it name an order of this test."""
        return self.shelf.keep("gateway", lambda: h5.Gateway(self.build))

    @property
    def site(self):
        """Plain CGI, usual configuration, shared: change nothing."""
        return self.shelf.keep("site", lambda: h5.Site(self.build, self.gateway))

    @property
    def v3site(self):
        """A shop of APIv3 in public-key mode, as plain CGI; shared."""
        return self.shelf.keep(
            "v3site", lambda: h5.Site(self.build, self.gateway, v3.conf())
        )

    @property
    def v3web(self):
        """The same behind lighttpd by FastCGI; shared."""
        return self.shelf.keep(
            "v3web", lambda: h5.Web(self.build, self.gateway, v3.conf())
        )

    @property
    def web(self):
        """The same behind lighttpd by FastCGI, shared: change nothing."""
        return self.shelf.keep("web", lambda: h5.Web(self.build, self.gateway))

    @property
    def webcgi(self):
        """The same behind lighttpd by mod_cgi, shared: change nothing."""
        return self.shelf.keep(
            "webcgi", lambda: h5.Web(self.build, self.gateway, mode="cgi")
        )

    def own_gateway(self, **kw):
        return self.mine(h5.Gateway(self.build, **kw))

    def own_site(self, conf=None, gateway=None, **kw):
        """A Site of this test alone."""
        return self.mine(
            h5.Site(self.build, gateway or self.gateway, conf, **kw)
        )

    def own_web(self, conf=None, gateway=None, **kw):
        return self.mine(h5.Web(self.build, gateway or self.gateway, conf, **kw))

    def mine(self, thing):
        self._own.append(thing)
        return thing

    def close(self):
        for thing in reversed(self._own):
            thing.close()

    def logs(self):
        """The last words of this test's own sites."""
        out = []
        for thing in self._own:
            for name in ("log", "lighttpd.log", "lighttpd.out"):
                path = getattr(thing, "folder", h5.pathlib.Path("/no")) / name
                if path.is_file():
                    lines = path.read_text(errors="replace").splitlines()
                    out += [f"  {name}: {x}"[:600] for x in lines[-8:]]
        return out

    def id(self, name="t"):
        """A fresh order id."""
        self._ids += 1
        return f"{name}{os.getpid():x}-{self.number}-{self._ids}x"[-28:]

    # -- checks

    def fail(self, text):
        raise Failed(text)

    def skip(self, why):
        raise Skipped(why)

    def eq(self, got, want, what=""):
        if got != want:
            raise Failed(f"{what}: got {got!r}, want {want!r}")

    def ok(self, value, what):
        if not value:
            raise Failed(f"not so: {what}")

    def no(self, value, what):
        if value:
            raise Failed(f"must not be: {what}: {value!r}"[:2000])

    def contains(self, text, part, what=""):
        if part not in text:
            raise Failed(f"{what}: {part!r} is not in {text!r}"[:2000])

    def lacks(self, text, part, what=""):
        if part in text:
            raise Failed(f"{what}: {part!r} is in {text!r}"[:2000])

    def matches(self, text, pattern, what=""):
        if not re.search(pattern, text or ""):
            raise Failed(f"{what}: {text!r} does not match {pattern!r}")

    def page(self, reply, status, name, state=None):
        """The reply is this page."""
        if reply.status != status or reply.page != name or (
            state is not None and reply.state != state
        ):
            want = f"{status} {name}" + (f" {state}" if state else "")
            raise Failed(
                f"got {reply.status} {reply.page} {reply.state or ''}, want "
                f"{want}; {reply.body[:600]!r} {reply.stderr[-500:]}"
            )
        pagecheck.check_page(self, reply)

    def redirect(self, reply):
        """The reply is a 303; its target."""
        if reply.status != 303:
            raise Failed(
                f"got {reply.status} {reply.page}, want 303; "
                f"{reply.visible[:300]!r} {reply.stderr[-500:]}"
            )
        pagecheck.check_redirect(self, reply)
        return reply.header("Location")

    def success(self, reply):
        """notify's SUCCESS, byte for byte."""
        self.eq(reply.status, 200, "status of notify")
        self.eq(reply.body, h5.SUCCESS, "body of notify")
        self.eq(reply.header("Content-Type"), "text/xml; charset=utf-8", "type")

    def refused(self, reply, status=200):
        """notify's FAIL, byte for byte but for its reason."""
        self.eq(reply.status, status, "status of notify")
        if not h5.FAIL.match(reply.body):
            raise Failed(f"not the FAIL bytes: {reply.body!r}")
        self.eq(reply.header("Content-Type"), "text/xml; charset=utf-8", "type")

    def json_refused(self, reply, status=401):
        """notify's refusal of a notice in APIv3's form."""
        self.eq(reply.status, status, "status of notify")
        self.eq(reply.header("Content-Type"), "application/json", "type")
        got = json.loads(reply.body)
        self.eq((sorted(got), got["code"]), (["code", "message"], "FAIL"),
                "body of notify")
        self.ok(got["message"], "a reason")

    def json_taken(self, reply):
        """notify took a notice in APIv3's form."""
        self.eq((reply.status, reply.body, reply.header("Content-Type"),
                 reply.header("Content-Length")),
                (204, b"", None, None), "reply of notify")

    def until(self, what, check, timeout=60.0):
        try:
            return h5.until(what, check, timeout)
        except h5.Late as e:
            raise Failed(str(e)) from None


now = time.time

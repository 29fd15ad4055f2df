"""pagecheck.py - what interface section 3 promises of every page."""

import base64
import hashlib
import re
import urllib.parse

REFERRER = "strict-origin"
SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.S)


def policy(text):
    """A Content-Security-Policy as {directive: [source, ...]}."""
    out = {}
    for part in text.split(";"):
        words = part.split()
        if words:
            out[words[0].lower()] = words[1:]
    return out


def _csp(t, reply, cashier):
    text = reply.header("Content-Security-Policy")
    t.ok(text, f"a Content-Security-Policy on {reply}")
    p = policy(text)
    t.eq(p.get("default-src"), ["'none'"], "CSP default-src")
    for name, sources in p.items():
        for s in sources:
            t.no(s in ("'unsafe-inline'", "'unsafe-eval'", "*", "http:",
                       "https:"), f"{s} in CSP {name}")
            if name != "form-action":
                t.no("//" in s, f"a host in CSP {name}")
    want = ["'self'"]
    if cashier:
        u = urllib.parse.urlsplit(cashier)
        want.append(f"{u.scheme}://{u.netloc}")
    got = p.get("form-action", [])
    for w in want:
        t.contains(got, w, "CSP form-action")
    # Each inline style is allowed by its hash, and by nothing else.
    for style in re.findall(r"<style[^>]*>(.*?)</style>", reply.text, re.S):
        digest = hashlib.sha256(style.encode()).digest()
        source = "'sha256-" + base64.b64encode(digest).decode() + "'"
        t.contains(p.get("style-src", []), source, "CSP style-src")
    # Two pages have one script each, which may talk to us alone.
    scripts = [body for kind, body in SCRIPT.findall(reply.text)
               if "json" not in kind]
    t.ok(len(scripts) <= (reply.page in ("scan", "jsapi")), "scripts")
    for script in scripts:
        digest = hashlib.sha256(script.encode()).digest()
        source = "'sha256-" + base64.b64encode(digest).decode() + "'"
        t.eq(p.get("script-src"), [source], "CSP script-src")
        t.eq(p.get("connect-src"), ["'self'"], "CSP connect-src")
    if not scripts:
        t.lacks(p, "script-src", "CSP")
    t.contains(p, "frame-ancestors", "CSP")
    t.contains(p, "base-uri", "CSP")


def _html(t, reply):
    d = reply.dom
    t.ok(reply.text.lower().startswith("<!doctype html>"), "a doctype")
    t.eq(d.mains, 1, "number of <main>")
    t.ok(d.lang in ("zh-CN", "en"), f"<html lang> is {d.lang}")
    t.ok(d.title.strip(), "a title")
    t.eq(d.unclosed, [], "elements left open")
    for tag, a in d.tags:
        for name, value in a.items():
            t.no(name.startswith("on"), f"{name} on <{tag}>")
            t.no(name == "style", f"a style attribute on <{tag}>")
            t.no((value or "").strip().lower().startswith("javascript:"),
                 f"{name} on <{tag}>")
        if tag in ("script", "link", "img", "iframe"):
            src = a.get("src") or a.get("href") or ""
            t.no("//" in src and not src.startswith("data:"),
                 f"<{tag}> from another host")
        t.no(tag in ("iframe", "object", "embed", "base"), f"<{tag}>")
        if tag == "a":
            t.no("noreferrer" in (a.get("rel") or ""), "rel=noreferrer")
    for f in d.forms:
        t.ok(f.action, f"an action on {f}")
        t.ok((f.method or "").lower() in ("get", "post"), f"a method on {f}")
    viewport = [a for tag, a in d.tags
                if tag == "meta" and a.get("name") == "viewport"]
    t.eq(len(viewport), 1, "viewport")


COOKIE = re.compile(
    r"h5c=[0-9a-f]{32}[0-9A-Za-z_-]{43}; Max-Age=86400; Path=(/[^;,]*); "
    r"HttpOnly; SameSite=Lax(; Secure)?")


def _cookie(t, reply):
    """Ours, of checkout alone, or none."""
    got = [v for n, v in reply.headers if n.lower() == "set-cookie"]
    t.ok(len(got) <= 1, f"at most one cookie: {got}")
    for c in got:
        u = urllib.parse.urlsplit(reply.url)
        t.contains(u.path.rsplit("/", 1)[-1], "checkout", "a cookie's page")
        m = COOKIE.fullmatch(c)
        t.ok(m, f"{c!r} is our cookie")
        t.eq(m[2] is not None, u.scheme == "https", "Secure")
        t.eq(m[1], u.path.rsplit("/", 1)[0] or "/", "Path")


def check_page(t, reply, cashier=None):
    """The headers and the shape that every page has."""
    t.eq(reply.header("Content-Type"), "text/html; charset=utf-8", "type")
    t.contains(reply.header("Cache-Control") or "", "no-store", "cache")
    t.eq(reply.header("X-Content-Type-Options"), "nosniff", "nosniff")
    t.eq(reply.header("Referrer-Policy"), REFERRER, "referrer")
    reply.body.decode("utf-8")
    _cookie(t, reply)
    _csp(t, reply, cashier)
    _html(t, reply)


def check_redirect(t, reply):
    """A 303 keeps the referrer policy of the pages."""
    t.eq(reply.status, 303, "status")
    t.eq(reply.header("Referrer-Policy"), REFERRER, "referrer on a 303")
    t.contains(reply.header("Cache-Control") or "", "no-store", "cache")

#!/usr/bin/env python3
"""Prints a signed pay link for h5pay.

    paylink.py KEY_FILE CHECKOUT_URL order=ID total_fee=FEN body=TEXT ...
    (attach=TEXT, expires=UNIX, return_url=URL where your shop shows it)

KEY_FILE holds site.link_key.  Or import pay_link() into the shop.
"""
import hashlib
import hmac
import sys
from urllib.parse import quote


def pay_link(checkout_url, key, params):
    """params: names and values as text, not encoded; without sig."""
    names = sorted(name for name in params if name not in ("sig", "lang"))
    text = "\n".join(f"{name}={params[name]}" for name in names)
    sig = hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
    pairs = [(name, params[name]) for name in params if name != "sig"]
    query = "&".join(f"{n}={quote(v, safe='')}" for n, v in pairs)
    return f"{checkout_url}?{query}&sig={sig}"


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        link_key = file.read().rstrip("\r\n")
    print(pay_link(sys.argv[2], link_key,
                   dict(arg.split("=", 1) for arg in sys.argv[3:])))

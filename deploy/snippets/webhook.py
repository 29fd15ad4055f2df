#!/usr/bin/env python3
"""Checks a webhook of h5pay (Standard Webhooks).

    webhook.py SECRET_FILE ID TIMESTAMP SIGNATURE <BODY

SECRET_FILE holds hooks.webhook_secret; the three are the headers webhook-id,
webhook-timestamp, webhook-signature.  Or import verify() into the shop, answer
204 when it is true and the event is stored, and 400 when it is false.  The same
id may come again: keep the ids you have seen.
"""
import base64
import hashlib
import hmac
import json
import sys
import time

TOLERANCE_S = 300


def verify(secret, event_id, timestamp, signature, body, now=None):
    """body: the bytes as they came, before any parser; None: no such header."""
    now = time.time() if now is None else now
    if event_id is None or timestamp is None or signature is None:
        return False
    if not timestamp.isascii() or not timestamp.isdigit():
        return False
    if abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{event_id}.{timestamp}.".encode() + body
    want = "v1," + base64.b64encode(
        hmac.new(key, text, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(want.encode(), one.encode())
               for one in signature.split())


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        webhook_secret = file.read().strip()
    event = sys.stdin.buffer.read()
    if not verify(webhook_secret, *sys.argv[2:5], event):
        sys.exit("not from our h5pay")
    event = json.loads(event)
    print(event["type"], event["order"]["order"])

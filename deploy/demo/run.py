#!/usr/bin/env python3
"""A shop to click through: lighttpd, the suite as FastCGI, and the stand-in
for WeChat Pay, all on this machine and all gone after Ctrl-C.

    run.py [--build DIR] [--port N] [--folder DIR] [--api v2|v3]
"""

import argparse
import os
import pathlib
import secrets
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import h5  # noqa: E402
import v3  # noqa: E402
from inside import Inside  # noqa: E402

PORTS = range(8080, 8100)
SWEEP_S = 60

CATALOGUE = """\
# What the demonstration shop sells by name.  Change a price, reload the page.
[tea]
title = 西湖龙井 100 克 · Longjing tea, 100 g
price = 68.00
max_qty = 5

[cup]
title = 青瓷茶杯 · Celadon cup
price = 128.00

[gift]
title = 礼品卡 · Gift card
min_price = 1.00
max_price = 500.00
"""

HOOK = """\
#!/bin/sh
# What a shop does with an event: here it only writes it down.
{{
	printf '%s  %s  %s fen  %s\\n' "$H5PAY_EVENT" "$H5PAY_ORDER" \\
	    "$H5PAY_TOTAL_FEE" "$H5PAY_TRANSACTION_ID"
}} >>'{heard}'
"""

WORDS = """
  The shop           {shop}
  WeChat's stand-in  {gateway}  (orders, and a button for every fault)
  inside WeChat      {inside}  (the shop, as WeChat's own browser opens it)
  WeChat Pay's API   {api}

Three ways to pay; the browser decides which the page offers first
  on a desktop       open the shop: a QR code. Press Scan beside the order on
                     the stand-in's page, and pay there; the page notices.
  on a phone         the browser's developer tools play one (device mode):
                     the button leads to the cashier, which is WeChat's app.
  inside WeChat      open the third address: who you are is asked, then the
                     page calls the bridge, which asks you whether to pay.

Try
  1  As on a phone, buy something. You land on the stand-in's cashier: pay,
     and come back.
  2  Buy again, but cancel at the cashier; then pay from the page you return to.
  3  Come back without paying, press 已完成支付: nothing was paid, so it says so.
  4  On the stand-in's page choose an error; the next cashier shows it. Return,
     and pick the message you saw from the list.
  5  Let the stand-in lose a notice, send it twice, or with a wrong amount.

Look
  {command} list
  {command} show ORDER
  {command} refund ORDER
  {command} sweep
  orders      {store}
  log         {log}
  the shop heard of it in  {heard}

Ctrl-C ends it.
"""


def take_port(wanted):
    """A listening socket on the port that is wanted, else on one nearby."""
    if wanted is not None:
        try:
            return h5.listener(wanted)
        except OSError as e:
            sys.exit(f"port {wanted}: {e.strerror}")
    for port in PORTS:
        try:
            return h5.listener(port)
        except OSError:
            continue
    return h5.listener()


def short(path):
    """The path as one would type it here."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def signed_link(shop, key, **terms):
    """A pay link as h5pay link prints it, which makes no expired one."""
    terms = {n: str(v) for n, v in terms.items()}
    return f"/cgi-bin/checkout?{h5.link_query(terms, key)}".replace(
        "&", "&amp;")


def write_shop_page(shop, key):
    """The static page that plays the shop."""
    stamp = time.strftime("%m%d-%H%M%S")
    text = (HERE / "shop.html").read_text()
    good = signed_link(shop, key, order=f"table-{stamp}", total_fee=8800,
                       body="茶席预订 · Tea table for two")
    fills = {
        "checkout": "/cgi-bin/checkout",
        "signed": good,
        "expired": signed_link(shop, key, order=f"late-{stamp}",
                               total_fee=100, body="Too late",
                               expires=1700000000),
        "tampered": good.replace("total_fee=8800", "total_fee=1"),
    }
    for name, value in fills.items():
        text = text.replace("{{" + name + "}}", value)
    (shop.docroot / "index.html").write_text(text)


APIS = {
    "v2": "APIv2 (make run API=v3: the other one)",
    "v3": "APIv3, with a WeChat Pay public key; the keys are published test "
          "keys",
}


def open_shop(a, folder):
    """(shop, gateway, inside), all running."""
    socket = take_port(a.port)
    keys = {name: secrets.token_hex(16) for name in h5.KEYS}
    (folder / "api.key").touch(mode=0o600)
    (folder / "api.key").write_text(keys["api.key"] + "\n")
    secret = secrets.token_hex(16)
    (folder / "app.secret").touch(mode=0o600)
    (folder / "app.secret").write_text(secret + "\n")
    gateway = None
    for port in [socket.getsockname()[1] + 1, 0]:
        try:
            gateway = h5.Gateway(a.build, f"127.0.0.1:{port}",
                                 args=["--plain-refund", "--real-wire-clock",
                                       "--app-secret", secret],
                                 key_file=folder / "api.key", quiet=True)
            break
        except h5.Late:
            continue
    if gateway is None:
        sys.exit("the stand-in gateway does not start")
    origin = f"http://127.0.0.1:{socket.getsockname()[1]}"
    heard = folder / "heard.txt"
    heard.touch()
    hook = folder / "hook"
    hook.write_text(HOOK.format(heard=heard))
    hook.chmod(0o700)
    shop = h5.Web(
        a.build, gateway, port=socket, folder=folder, keys=keys,
        catalogue=CATALOGUE,
        conf={
            "site.name": "山水茶铺 Hills & Water Tea",
            "site.shop_url": origin + "/",
            "site.allowed_origins": origin.replace("127.0.0.1", "localhost"),
            "merchant.products": "h5 native jsapi",
            "merchant.app_secret_file": folder / "app.secret",
            "gateway.oauth_url": gateway.url,
            "gateway.sns_url": gateway.url,
            "hooks.exec": hook,
            "server.processes": "2",
            **(v3.conf(folder=v3.keep(folder)) if a.api == "v3" else {}),
        },
    )
    write_shop_page(shop, keys["link.key"])
    inside = Inside(h5.listener(), shop.origin, gateway.url, h5.WECHAT)
    return shop, gateway, inside


def wait_until_told(shop):
    """Until SIGINT or SIGTERM, do what cron would do."""
    told = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    while not signal.sigtimedwait(told, SWEEP_S):
        subprocess.run([shop.command, "-c", shop.conf_file, "sweep"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        if not h5.alive_process(shop.server.pid):
            return f"lighttpd ended; see {short(shop.folder)}/lighttpd.log"
        h5.reap_adopted()
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default=str(ROOT / "build"))
    p.add_argument("--port", type=int, help="0: any")
    p.add_argument("--folder", help="default: BUILD/demo")
    p.add_argument("--api", choices=sorted(APIS), default="v2")
    a = p.parse_args()
    # Blocked here and in every thread, waited for in wait_until_told; the
    # children get the usual mask back (h5.spawn).
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM,
                                              signal.SIGHUP})
    h5.adopt_orphans()
    h5.die_with_parent(signal.SIGTERM)
    folder = pathlib.Path(a.folder or pathlib.Path(a.build) / "demo").resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    shop, gateway, inside = open_shop(a, folder)
    wrong = None
    try:
        command = f"{short(shop.command)} -c {short(shop.conf_file)}"
        print(WORDS.format(shop=shop.origin + "/", gateway=gateway.url + "/",
                           inside=inside.origin + "/", api=APIS[a.api],
                           command=command, store=short(shop.store),
                           log=short(shop.log_file),
                           heard=short(folder / "heard.txt")), flush=True)
        wrong = wait_until_told(shop)
    finally:
        shop.stop()
        gateway.close()
        h5.stop_family(list(h5.family(os.getpid())))
    print(wrong or "Stopped.", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

"""gateway.py - starts and steers the stand-in for WeChat Pay.

What it plays and what it can be told: tests/gateway/README.md."""

import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import h5
import v3


class Gateway:
    """v3: what it is started with to play APIv3 as well."""

    def __init__(self, build, listen="127.0.0.1:0", args=(), key=None,
                 key_file=None, quiet=False, v3=tuple(v3.STAND_IN)):
        binary = pathlib.Path(build).resolve() / "tests" / "gateway"
        self.process = h5.spawn(
            [
                binary,
                "--appid", h5.APPID,
                "--mch-id", h5.MCH_ID,
                *(["--api-key-file", key_file] if key_file else
                  ["--api-key", key or h5.API_KEY]),
                "--app-secret", h5.APP_SECRET,
                "--allowed-domains", "127.0.0.1,localhost",
                *v3,
                "--listen", listen,
                *args,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
        )
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            self.close()
            raise h5.Late(f"the gateway did not start: {line!r}")
        self.url = line.split()[-1]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def control(self, what, **params):
        """One request to /_control/; its JSON."""
        body = urllib.parse.urlencode(params, doseq=True).encode()
        request = urllib.request.Request(f"{self.url}/_control/{what}", body)
        try:
            with urllib.request.urlopen(request, timeout=60) as r:
                return json.load(r)
        except urllib.error.HTTPError as e:
            raise AssertionError(
                f"_control/{what} {params}: {e.code} {e.read()!r}"
            ) from None

    def option(self, **options):
        return self.control("option", **options)

    def advance(self, seconds):
        """Move the gateway's clock."""
        return self.control("clock", advance=seconds)

    def fault(self, api, kind, order=None, **how):
        """From now on this goes wrong; order: for that number alone."""
        if order is not None:
            how["out_trade_no"] = order
        return self.control("fault", api=api, kind=kind, **how)

    def clear(self, order=None):
        """No more faults; order: of that number."""
        self.control("clear", **({"out_trade_no": order} if order else {}))

    def pay(self, order, notice=0):
        """The payer pays; by itself no notice is sent."""
        return self.control("pay", out_trade_no=order, notice=notice)

    def set_state(self, order, state):
        return self.control("state", out_trade_no=order, state=state)

    def order(self, order):
        return self.control("order", out_trade_no=order)

    def calls(self, api=None, order=None):
        """What came in, oldest first."""
        params = {}
        if api:
            params["api"] = api
        if order:
            params["out_trade_no"] = order
        return self.control("calls", **params)["calls"]

    def counters(self):
        return self.control("counters")

    def send_notice(self, order, **how):
        """Send notices now; the replies."""
        return self.control("notice", out_trade_no=order, **how)

    def wait(self, what, timeout=60, **params):
        got = self.control("wait", **{"for": what}, **params,
                           timeout_ms=int(timeout * 1000))
        if not got["ok"]:
            raise h5.Late(f"gateway: {what} {params}: not in {timeout} s")

    def mweb_url(self, order):
        """The newest mweb_url issued for a number."""
        entry = self.order(order)["entries"][0]
        return (f"{self.url}/cgi-bin/mmpayweb-bin/checkmweb"
                f"?prepay_id={entry['prepay_id']}&package={entry['package']}")

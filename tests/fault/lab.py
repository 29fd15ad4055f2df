"""lab.py - what the proofs under tests/fault share: a WeChat that always
answers, stores to start from, one request, and one look at an order."""

import http.server
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import h5  # noqa: E402

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
ORDER = "A20261123"
FEE = 1
TRANSACTION = "4200001234202611239876543210"


class _WeChat(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        number = body.split("<out_trade_no>")[1].split("<")[0]
        number = number.replace("<![CDATA[", "").replace("]]>", "")
        fields = {"return_code": "SUCCESS", "result_code": "SUCCESS",
                  "appid": h5.APPID, "mch_id": h5.MCH_ID,
                  "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c",
                  "trade_type": "MWEB"}
        if self.path.endswith("unifiedorder"):
            fields["prepay_id"] = "wx" + number
            fields["mweb_url"] = self.server.url + "/cashier?prepay_id=wx1"
        else:
            fields.update(
                trade_state="SUCCESS", out_trade_no=number, openid="o1",
                is_subscribe="N", bank_type="OTHERS", total_fee=str(FEE),
                cash_fee=str(FEE), fee_type="CNY",
                transaction_id=self.server.transaction(number),
                time_end="20261123164012", trade_state_desc="paid")
        fields["sign"] = h5.wx_sign(fields)
        out = h5.wx_xml(fields)
        self.send_response(200)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)


class WeChat(http.server.ThreadingHTTPServer):
    """Every order it is asked about has been paid."""

    daemon_threads = True

    def __init__(self, transaction=lambda number: TRANSACTION):
        super().__init__(("127.0.0.1", 0), _WeChat)
        self.transaction = transaction
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, address):
        pass  # the asker was killed


class Lab:
    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.tools = self.build / "fault"
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="h5f-", dir=base))
        self.wechat = WeChat()
        (self.folder / "site").mkdir()
        self.site = h5.Site(self.build, self.wechat,
                            folder=self.folder / "site")
        self.store = self.site.store
        self.starts = {}
        self.prepare()

    def close(self):
        self.wechat.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- stores to start from

    def prepare(self):
        s = self.site
        page = s.get("checkout", s.link(ORDER, FEE))
        self.form = page.form("checkout").fields
        shutil.rmtree(self.store, ignore_errors=True)
        self.starts["nothing"] = None
        s.ready("B20261123", 5)
        self.keep("empty")
        self.token = s.token(s.post("checkout", self.form))
        self.keep("awaiting")
        assert s.notify(self.notice()).body == h5.SUCCESS
        self.keep("paid")
        # A writer was killed in the middle of its line.
        self.reset("awaiting")
        path = next(self.store.rglob(ORDER + ".ledger"))
        with open(path, "ab") as f:
            f.write(b'{"n":3,"at":"2026-11-23T16:40:12+08:00","event":"pa')
        self.keep("torn")

    def keep(self, name):
        place = self.folder / ("start-" + name)
        shutil.copytree(self.store, place)
        self.starts[name] = place

    def reset(self, name):
        shutil.rmtree(self.store, ignore_errors=True)
        if self.starts[name]:
            shutil.copytree(self.starts[name], self.store)

    def notice(self):
        return h5.notice(ORDER, FEE, TRANSACTION)

    # -- one request; (reply or None, exit)

    def run(self, what, env=None, program=None):
        env = dict(env or {})
        if env:
            env["LD_PRELOAD"] = self.tools / "shim.so"
            env["H5_FAULT_ROOT"] = self.store
        s = self.site
        if what == "sweep":
            # Ten minutes later, when WeChat is due to be asked.
            env["PATH"] = os.environ["PATH"]
            env["FAKETIME"] = "+10m"
            env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            env["LD_PRELOAD"] = f"{env.get('LD_PRELOAD', '')} {FAKETIME}"
            p = s.popen([s.command, "-c", s.conf_file, "sweep"],
                        env={k: str(v) for k, v in env.items()})
            out, err = p.communicate(timeout=60)
            return p.returncode == 0, p.returncode, out
        if what == "notify":
            kw = {"headers": {"Content-Type": "text/xml"},
                  "body": self.notice()}
        elif what == "checkout":
            kw = {"body": self.form}
        else:
            kw = {"body": {"order": ORDER, "t": self.token}}
        name = what
        if program:
            name = str(program)
        p = s.cgi(name, "POST", env=env, wait=False, **kw)
        out = p.stdout.read()
        p.stderr.read()
        p.wait()
        p.stdout.close()
        p.stderr.close()
        good = b"SUCCESS" in out if what == "notify" else (
            b"303" in out.split(b"\r\n\r\n")[0])
        return good, p.returncode, out

    def show(self):
        return self.site.show(ORDER)

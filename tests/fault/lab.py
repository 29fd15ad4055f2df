"""lab.py - what the proofs under tests/fault share: a WeChat that always
answers, stores to start from, one request, and one look at an order."""

import http.server
import itertools
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import h5  # noqa: E402

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
ORDER = "A20261123"
FEE = 1
PATIENCE_S = 60
TRANSACTION = "4200001234202611239876543210"


class _WeChat(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {n: v.removeprefix("<![CDATA[").removesuffix("]]>")
                 for n, v in re.findall(r"<(\w+)>(.*?)</\1>", body[5:])}
        fields = {"return_code": "SUCCESS", "result_code": "SUCCESS",
                  "appid": h5.APPID, "mch_id": h5.MCH_ID,
                  "nonce_str": "5d2b6c2a8db53831f7eda20af46e531c"}
        answer = getattr(self, self.path.rpartition("/")[2])
        fields.update(answer(asked))
        fields["sign"] = h5.wx_sign(fields)
        out = h5.wx_xml(fields)
        self.send_response(200)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    def unifiedorder(self, asked):
        return {"trade_type": "MWEB",
                "prepay_id": "wx" + asked["out_trade_no"],
                "mweb_url": self.server.url + "/cashier?prepay_id=wx1"}

    def orderquery(self, asked):
        number = asked["out_trade_no"]
        if not self.server.paid:
            return {"out_trade_no": number, "trade_state": "NOTPAY",
                    "trade_state_desc": "not paid"}
        return {"trade_type": "MWEB", "trade_state": "SUCCESS",
                "out_trade_no": number, "openid": "o1", "is_subscribe": "N",
                "bank_type": "OTHERS", "total_fee": str(FEE),
                "cash_fee": str(FEE), "fee_type": "CNY",
                "transaction_id": self.server.transaction(number),
                "time_end": "20261123164012", "trade_state_desc": "paid"}

    def closeorder(self, asked):
        return {}

    def refund(self, asked):
        self.server.refunds.add(asked["out_refund_no"])
        return {"out_trade_no": asked["out_trade_no"],
                "transaction_id": self.server.transaction(
                    asked["out_trade_no"]),
                "out_refund_no": asked["out_refund_no"],
                "refund_id": "50000000382019052709732678859",
                "refund_fee": asked["refund_fee"],
                "total_fee": asked["total_fee"],
                "cash_fee": asked["total_fee"]}

    def refundquery(self, asked):
        number = asked["out_refund_no"]
        trade = number.rpartition("-r")[0]
        return {"out_trade_no": trade,
                "transaction_id": self.server.transaction(trade),
                "total_fee": str(FEE), "cash_fee": str(FEE),
                "refund_count": "1", "out_refund_no_0": number,
                "refund_id_0": "50000000382019052709732678859",
                "refund_fee_0": str(FEE), "refund_status_0": "SUCCESS",
                "refund_success_time_0": "2026-11-23 16:45:00"}


class WeChat(http.server.ThreadingHTTPServer):
    """Every order it is asked about has been paid, unless paid is False."""

    daemon_threads = True

    def __init__(self, transaction=lambda number: TRANSACTION):
        super().__init__(("127.0.0.1", 0), _WeChat)
        self.transaction = transaction
        self.paid = True
        self.refunds = set()  # their numbers
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
                            {"limits.starts_total_per_minute": 0},
                            folder=self.folder / "site")
        self.store = self.site.store
        self.starts = {}
        self.serial = itertools.count()
        self.checker = None
        self.prepare()

    def close(self):
        if self.checker:
            self.checker.stdin.close()
            self.checker.wait()
        self.wechat.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- stores to start from

    def prepare(self):
        s = self.site
        page = s.get("checkout", s.link(ORDER, FEE))
        form = h5.form_body(page.form("checkout").fields)
        shutil.rmtree(self.store, ignore_errors=True)
        self.starts["nothing"] = None
        s.ready("B20261123", 5)
        self.keep("empty")
        token = s.token(s.post("checkout", form))
        self.bodies = {
            "checkout": form, "notify": h5.notice(ORDER, FEE, TRANSACTION),
            "query": h5.form_body({"order": ORDER, "t": token})}
        for what, body in self.bodies.items():
            (self.folder / what).write_bytes(body)
        self.keep("awaiting")
        assert s.notify(self.bodies["notify"]).body == h5.SUCCESS
        self.keep("paid")
        # A writer was killed in the middle of its line.
        self.reset("awaiting")
        path = next(self.store.rglob(ORDER + ".ledger"))
        with open(path, "ab") as f:
            f.write(b'{"n":3,"at":"2026-11-23T16:40:12+08:00","event":"pa')
        self.keep("torn")
        # Closed; a payment that comes all the same is two lines, one unit.
        self.reset("awaiting")
        self.wechat.paid = False
        code, out, err = s.h5pay("close", ORDER)
        assert code == 0, (code, out, err)
        self.wechat.paid = True
        self.keep("closed")
        self.reset("paid")
        assert self.run("refund")[0]
        self.keep("refunding")
        self.prepare_hook()

    def prepare_hook(self):
        """The same site with a shop that wants to be told."""
        s = self.site
        shutil.copy(self.tools / "hook", self.folder / "hook")
        self.events = self.folder / "events"
        self.hooked = s.folder / "hooked.conf"
        self.hooked.write_text(h5.conf_text(
            {**s.conf, "hooks.exec": self.folder / "hook"}))
        self.hooked.chmod(0o600)

    def keep(self, name):
        place = self.folder / ("start-" + name)
        shutil.copytree(self.store, place)
        self.starts[name] = place

    def reset(self, name):
        shutil.rmtree(self.store, ignore_errors=True)
        if self.starts[name]:
            shutil.copytree(self.starts[name], self.store)
        (self.folder / "events").write_bytes(b"")
        self.wechat.refunds.clear()

    # -- one request; (is it done, exit, reply)

    def run(self, what, env=None, program=None, under=()):
        env = {k: str(v) for k, v in (env or {}).items()}
        if env:
            env["LD_PRELOAD"] = str(self.tools / "shim.so")
            env["H5_FAULT_ROOT"] = str(self.store)
        if what in self.bodies:
            return self.run_program(what, env, program, under)
        words = {"sweep": ("sweep",), "refund": ("refund", ORDER, "--yes"),
                 "archive": ("archive", "--before", "2099-01-01"),
                 "restore": ("archive", "--before", "2099-01-01",
                             "--restore"),
                 "deliver": ("sweep", "--order", ORDER)}[what]
        env["PATH"] = os.environ["PATH"]
        if what == "sweep":
            # Ten minutes later, when WeChat is due to be asked.
            env["FAKETIME"] = "+10m"
            env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            env["LD_PRELOAD"] = f"{env.get('LD_PRELOAD', '')} {FAKETIME}"
        conf = self.hooked if what == "deliver" else self.site.conf_file
        code, out = self.spawn(
            [*under, self.site.command, "-c", conf, *words], env, os.devnull)
        return code == 0, code, out

    def run_program(self, what, env, program, under):
        env.update({
            "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_METHOD": "POST", "SCRIPT_NAME": "/cgi-bin/" + what,
            "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1", "HTTP_USER_AGENT": h5.PHONE,
            "CONTENT_LENGTH": str(len(self.bodies[what])),
            "CONTENT_TYPE": "text/xml" if what == "notify" else
            "application/x-www-form-urlencoded",
            "H5PAY_CONF": str(self.site.conf_file)})
        code, out = self.spawn([*under, program or self.site.bin / what], env,
                               self.folder / what)
        if what == "notify":
            return out.endswith(h5.SUCCESS), code, out
        return out.startswith(b"Status: 303 "), code, out

    def spawn(self, words, env, given):
        """(exit, what it wrote).  Files, not pipes: nobody has to wait for
        both ends."""
        words = [str(w) for w in words]
        path = self.folder / f"out{next(self.serial)}"
        pid = os.posix_spawn(words[0], words, env, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, str(given), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(path),
             os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
        ended = os.pidfd_open(pid)
        if not select.select([ended], [], [], PATIENCE_S)[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(ended)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out = path.read_bytes()
        path.unlink()
        return status, out

    # -- what the library sees

    def check(self, *words):
        """The answer of check.c, as words."""
        if not self.checker:
            self.checker = subprocess.Popen(
                [self.tools / "check"], text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE)
        self.checker.stdin.write(" ".join(map(str, words)) + "\n")
        self.checker.stdin.flush()
        return self.checker.stdout.readline().split()

    def show(self):
        """The order as the library reads it; None: there is none."""
        if not (self.store / "format").exists():
            return None  # no program looks further into such a folder
        code, broken, *more = self.check("show", self.store, ORDER)
        if code == "not-found":
            return None
        if code != "ok" or broken != "0":
            raise AssertionError(f"I2 {code}, {broken} broken")
        state, transaction, kinds = more
        return {"state": state, "transaction_id": transaction,
                "events": kinds.split(",")}

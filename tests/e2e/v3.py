"""v3.py - APIv3 for the tests from outside: keys, a second opinion on its
signatures and its encryption, notices written by hand.

RSA and AES are the openssl command's, GCM is put together here.  The keys are
published test keys: tests/gateway/keys/README.md."""

import atexit
import base64
import functools
import json
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import time

KEYS = pathlib.Path(__file__).resolve().parent.parent / "gateway" / "keys"
MERCHANT_KEY = KEYS / "apiclient_key.pem"
MERCHANT_CERT = KEYS / "apiclient_cert.pem"
MERCHANT_SERIAL = "0A1C72E2A8931B72A2E13AF8DEE92471EB397115"
WECHAT_KEY = KEYS / "wechat_key.pem"
PUBLIC_KEY = KEYS / "pub_key.pem"
PUBLIC_KEY_ID = "PUB_KEY_ID_0114232134912410000000000000"
PLATFORM_KEY = KEYS / "platform_key.pem"
PLATFORM_CERT = KEYS / "platform_cert.pem"
PLATFORM_SERIAL = "4B0024045C4A427599D09BB4E3DE0279F2E813FD"
APIV3_KEY = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"

# What the stand-in is started with to play APIv3 as well.
STAND_IN = [
    "--merchant-cert", MERCHANT_CERT,
    "--platform-cert", PLATFORM_CERT, "--platform-key", PLATFORM_KEY,
    "--wechat-key", WECHAT_KEY, "--public-key-id", PUBLIC_KEY_ID,
    "--apiv3-key", APIV3_KEY,
]


def keep(folder):
    """Copies of the merchant's files in this folder, which others cannot
    read."""
    for source in (MERCHANT_KEY, MERCHANT_CERT, PUBLIC_KEY, PLATFORM_CERT):
        copy = pathlib.Path(folder) / source.name
        copy.touch(mode=0o600)
        copy.write_bytes(source.read_bytes())
    return pathlib.Path(folder)


@functools.lru_cache
def _kept():
    folder = tempfile.mkdtemp(prefix="h5-v3-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return keep(folder)


def conf(mode="public", api="v3", folder=None):
    """The lines that make a shop one of APIv3: t.own_site(v3.conf()).

    mode: public, certificate or both: what the merchant has of WeChat.
    folder: where keep() has put the files; none: somewhere."""
    assert mode in ("public", "certificate", "both"), mode
    at = folder or _kept()
    out = {
        "merchant.api": api,
        "merchant.key_file": at / MERCHANT_KEY.name,
        "merchant.cert_file": at / MERCHANT_CERT.name,
        "merchant.apiv3_key": APIV3_KEY,
    }
    if mode != "certificate":
        out["merchant.public_key_file"] = at / PUBLIC_KEY.name
        out["merchant.public_key_id"] = PUBLIC_KEY_ID
    if mode != "public":
        out["merchant.platform_certs"] = at / PLATFORM_CERT.name
    return out


# --- RSA and AES, by openssl -------------------------------------------------


def _openssl(*args, data=b""):
    r = subprocess.run(["openssl", *map(str, args)], input=data,
                       capture_output=True, check=False)
    if r.returncode:
        raise AssertionError(f"openssl {args[0]}: {r.stderr.decode()}")
    return r.stdout


def sign(message, key=MERCHANT_KEY):
    """RSA-SHA256, base64."""
    data = message.encode() if isinstance(message, str) else message
    return base64.b64encode(
        _openssl("dgst", "-sha256", "-sign", key, data=data)).decode()


def signed(message, signature, key):
    """Is it?  key: a public key's file, or a certificate's."""
    data = message.encode() if isinstance(message, str) else message
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "sign").write_bytes(base64.b64decode(signature))
        if b"CERTIFICATE" in pathlib.Path(key).read_bytes():
            (path / "key").write_bytes(
                _openssl("x509", "-in", key, "-noout", "-pubkey"))
            key = path / "key"
        r = subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", str(key), "-signature",
             str(path / "sign")], input=data, capture_output=True, check=False)
        return r.returncode == 0


def _aes(key, mode, data, *more):
    return _openssl("enc", f"-aes-256-{mode}", "-K", key.encode().hex(),
                    "-nopad", *more, data=data)


def _times(x, y):
    """x times y in GCM's field (NIST SP 800-38D, 6.3)."""
    z = 0
    for i in range(127, -1, -1):
        if y >> i & 1:
            z ^= x
        x = x >> 1 ^ (0xE1 << 120 if x & 1 else 0)
    return z


def _tag(key, nonce, aad, cipher):
    h = int.from_bytes(_aes(key, "ecb", bytes(16)), "big")
    blocks = b"".join(part + bytes(-len(part) % 16) for part in (aad, cipher))
    blocks += (8 * len(aad)).to_bytes(8, "big")
    blocks += (8 * len(cipher)).to_bytes(8, "big")
    y = 0
    for i in range(0, len(blocks), 16):
        y = _times(y ^ int.from_bytes(blocks[i:i + 16], "big"), h)
    return _aes(key, "ctr", y.to_bytes(16, "big"), "-iv",
                (nonce + b"\0\0\0\1").hex())


def _ctr(key, nonce, data):
    return _aes(key, "ctr", data, "-iv",
                (nonce + b"\0\0\0\2").hex()) if data else b""


def encrypt(text, nonce, aad="", key=APIV3_KEY):
    """AES-256-GCM as a resource has it: base64 of the ciphertext and its
    tag; a nonce of 12 bytes."""
    assert len(nonce) == 12, nonce
    data = text.encode() if isinstance(text, str) else text
    cipher = _ctr(key, nonce.encode(), data)
    return base64.b64encode(
        cipher + _tag(key, nonce.encode(), aad.encode(), cipher)).decode()


def decrypt(resource, key=APIV3_KEY):
    """The text in a resource; fails if its tag is wrong."""
    data = base64.b64decode(resource["ciphertext"], validate=True)
    nonce = resource["nonce"].encode()
    cipher, tag = data[:-16], data[-16:]
    aad = resource.get("associated_data", "").encode()
    assert tag == _tag(key, nonce, aad, cipher), "the tag is wrong"
    return _ctr(key, nonce, cipher).decode()


# --- messages ------------------------------------------------------------------


def rfc3339(when=None):
    """Beijing's time."""
    when = time.time() if when is None else when
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(when + 28800))


def headers(body, serial=PUBLIC_KEY_ID, key=None, when=None, **change):
    """The Wechatpay headers over these bytes; a change of None takes one
    out: headers(body, signature=None)."""
    if key is None:
        key = WECHAT_KEY if serial.startswith("PUB_KEY_ID_") else PLATFORM_KEY
    stamp = str(int(time.time() if when is None else when))
    nonce = secrets.token_hex(16)
    data = body.encode() if isinstance(body, str) else body
    out = {
        "timestamp": stamp,
        "nonce": nonce,
        "signature": sign(f"{stamp}\n{nonce}\n".encode() + data + b"\n", key),
        "serial": serial,
        "signature_type": "WECHATPAY2-SHA256-RSA2048",
    }
    out.update(change)
    return {"Content-Type": "application/json",
            **{f"Wechatpay-{n.replace('_', '-').title()}": v
               for n, v in out.items() if v is not None}}


def payment(order, total, appid, mchid, /, **change):
    """The plaintext of a payment's notice; a change of None takes one out."""
    out = {
        "mchid": mchid, "appid": appid, "out_trade_no": order,
        "transaction_id": "4200002899202511301234567890", "trade_type": "MWEB",
        "trade_state": "SUCCESS", "trade_state_desc": "支付成功",
        "bank_type": "OTHERS", "success_time": rfc3339(),
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": total, "payer_total": total, "currency": "CNY",
                   "payer_currency": "CNY"},
    }
    out.update(change)
    return {n: v for n, v in out.items() if v is not None}


def refund(order, refund_no, total, fee, mchid, /, status="SUCCESS",
           **change):
    """The plaintext of a refund's notice."""
    out = {
        "mchid": mchid, "out_trade_no": order,
        "transaction_id": "4200002899202511301234567890",
        "out_refund_no": refund_no,
        "refund_id": "50302900122025113012345678901",
        "refund_status": status, "success_time": rfc3339(),
        "user_received_account": "支付用户零钱",
        "amount": {"total": total, "refund": fee, "payer_total": total,
                   "payer_refund": fee},
    }
    out.update(change)
    return {n: v for n, v in out.items() if v is not None}


def envelope(inside, kind="transaction", event="TRANSACTION.SUCCESS",
             key=APIV3_KEY, resource=None, **change):
    """The body of a notice, as bytes.  inside: what is encrypted, an object
    or a text; resource, change: members changed, None takes one out."""
    text = inside if isinstance(inside, (str, bytes)) else json.dumps(
        inside, ensure_ascii=False)
    nonce = secrets.token_hex(6)
    r = {"original_type": kind, "algorithm": "AEAD_AES_256_GCM",
         "ciphertext": encrypt(text, nonce, kind, key),
         "associated_data": kind, "nonce": nonce}
    r.update(resource or {})
    out = {"id": f"EV-{secrets.token_hex(8)}", "create_time": rfc3339(),
           "resource_type": "encrypt-resource", "event_type": event,
           "summary": "支付成功",
           "resource": {n: v for n, v in r.items() if v is not None}}
    out.update(change)
    return json.dumps({n: v for n, v in out.items() if v is not None},
                      ensure_ascii=False).encode()

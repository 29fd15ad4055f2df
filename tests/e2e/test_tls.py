"""The way to the gateway: TLS, certificates (interface section 2, gateway)."""

import subprocess

import h5
from case import table, test


def certificate(folder, name, days=2, start=None):
    """(certificate, key) for a host name, signed by itself."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    args = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-keyout", key, "-out", cert, "-days", str(days), "-subj",
            f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    if start:
        args = ["faketime", "-f", start, *args]
    subprocess.run([str(a) for a in args], check=True, capture_output=True)
    return cert, key


def shop(t, name="localhost", trusted=True, **kw):
    """A site whose gateway speaks TLS under a certificate for name."""
    folder = t.own_site().folder
    cert, key = certificate(folder, name, **kw)
    g = t.own_gateway(args=["--tls-cert", cert, "--tls-key", key,
                            "--side-listen", "127.0.0.1:0", "--port-file",
                            folder / "ports"])
    port = g.url.rsplit(":", 1)[1].rstrip("/")
    g.url = "http://127.0.0.1:" + (folder / "ports").read_text().split()[1]
    url = f"https://localhost:{port}"
    # mweb_url begins with what the gateway listens on.
    return t.own_site({"gateway.url": url,
                       "gateway.cashier": f"https://127.0.0.1:{port}/",
                       "gateway.ca_file": cert if trusted else None,
                       "gateway.deadline_ms": "3000"}, gateway=g), g


@test("an order goes through TLS to a gateway whose certificate is trusted")
def _(t):
    s, g = shop(t)
    order = t.id()
    to = t.redirect(s.order(order))
    t.ok(to.startswith("https://127.0.0.1:"), f"Location {to}")
    t.eq([c["api"] for c in g.calls(order=order)], ["unifiedorder"], "calls")


@table("a gateway with {0} is not believed and gets no order", [
    ("an unknown certificate", {"trusted": False}),
    ("a certificate for another host", {"name": "elsewhere.example"}),
    ("an expired certificate", {"start": "-30d"}),
])
def _(t, name, how):
    s, g = shop(t, **how)
    order = t.id()
    t.page(s.order(order), 502, "gateway-error")
    t.eq(g.calls(order=order), [], "calls at the gateway")
    t.eq(s.show(order)["state"], "created", "state")
    t.contains("\n".join(s.log()), "certificate", "the log says why")


@test("a gateway that speaks plain HTTP on the TLS port is not believed")
def _(t):
    s, g = shop(t)
    g.fault("connect", "connect-plain")
    order = t.id()
    t.page(s.order(order), 502, "gateway-error")
    t.eq(s.show(order)["state"], "created", "state")

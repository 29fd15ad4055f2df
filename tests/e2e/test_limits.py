"""limits: how much one address, and the whole machine, may start (interface
sections 2 and 3)."""

import threading

import h5
from case import table, test

PUBLIC = "8.8.8.8"
JSON = {"Accept": "application/json"}


def shop(t, starts=3, total=0, web=False, **more):
    """A shop whose buyers come through a proxy that names them."""
    make = t.own_web if web else t.own_site
    return make({"limits.starts_per_minute": starts,
                 "limits.starts_total_per_minute": total,
                 "orders.query_interval_s": 0,
                 "site.trusted_proxies": "127.0.0.0/8", **more})


def of(ip, **more):
    return {"X-Forwarded-For": ip, **more}


def buy(t, s, ip=PUBLIC):
    """An order of a new buyer: its id and the answer."""
    order = t.id()
    return order, s.order(order, 100, headers=of(ip))


def bought(t, s, ip=PUBLIC):
    order, reply = buy(t, s, ip)
    t.redirect(reply)
    return {"order": order, "t": s.token(reply)}


def too_many(t, reply):
    t.page(reply, 429, "too-many")
    wait = int(reply.header("Retry-After"))
    t.ok(1 <= wait <= 60, f"Retry-After: {wait}")


def empty(t, s, ip=PUBLIC):
    """Let the address start all that it may."""
    for _ in range(9):
        reply = buy(t, s, ip)[1]
        if reply.status == 429:
            return too_many(t, reply)
    t.fail("no limit")


@test("A3: the start that is one too many is 429, written nowhere and sent "
      "nowhere")
def _(t):
    s = shop(t)
    for _ in range(3):
        bought(t, s)
    order, reply = buy(t, s)
    too_many(t, reply)
    t.eq(s.show(order), None, "the order")
    t.eq(t.gateway.calls("unifiedorder", order), [], "unifiedorder calls")
    t.ok(any(" too-many " in x and f"address={PUBLIC}" in x
             for x in s.log()), "the log names the address")
    bought(t, s, "8.8.4.4")


@test("A3: under FastCGI processes and threads count together, with plain CGI")
def _(t):
    s = shop(t, starts=8, web=True, **{"server.processes": 2})
    replies = []

    def one():
        replies.append(buy(t, s)[1].status)

    buyers = [threading.Thread(target=one) for _ in range(16)]
    for b in buyers:
        b.start()
    for b in buyers:
        b.join()
    t.eq(sorted(replies), [303] * 8 + [429] * 8, "answers")
    order = t.id()
    too_many(t, s.cgi("checkout", "POST", "", s.cgi(
        "checkout", "GET", s.link(order)).form("checkout").fields,
        headers=of(PUBLIC)))


@test("A3: a fresh mweb_url that is handed out again is no start")
def _(t):
    s = shop(t)
    order = t.id()
    form = s.get("checkout", s.link(order)).form("checkout")
    for _ in range(6):
        t.redirect(s.post("checkout", form.fields, headers=of(PUBLIC)))
    t.eq(len(t.gateway.calls("unifiedorder", order)), 1, "unifiedorder calls")
    bought(t, s)
    bought(t, s)
    too_many(t, buy(t, s)[1])
    t.redirect(s.post("checkout", form.fields, headers=of(PUBLIC)))


@test("A3: the first look after coming back is free, further ones are starts")
def _(t):
    s = shop(t)
    q = bought(t, s)
    empty(t, s)
    t.redirect(s.post("query", q, headers=of(PUBLIC)))
    t.eq(len(t.gateway.calls("orderquery", q["order"])), 1, "orderquery calls")
    # Within the second of the mweb_url a look still counts as the first.
    t.until("a look that is a start", lambda: s.post(
        "query", q, headers=of(PUBLIC)).status == 429)
    asked = len(t.gateway.calls("orderquery", q["order"]))
    reply = s.post("query", q, headers=of(PUBLIC))
    too_many(t, reply)
    t.ok(reply.has_form("query", **q), "a button that asks again")
    t.eq(len(t.gateway.calls("orderquery", q["order"])), asked, "orderquery")
    reply = s.post("query", q, headers=of(PUBLIC, **JSON))
    t.eq((reply.status, reply.json["status"], reply.json["type"]),
         (429, 429, "urn:h5pay:too-many"), "as a problem")
    t.ok(reply.header("Retry-After"), "Retry-After")


@test("A3: whoever has started too much still sees what is paid")
def _(t):
    s = shop(t)
    q = bought(t, s)
    empty(t, s)
    t.success(s.notify(h5.notice(q["order"], 100)))
    t.page(s.get("return-page", q, headers=of(PUBLIC)), 200, "result", "paid")
    t.redirect(s.post("query", q, headers=of(PUBLIC)))
    t.page(s.get("query", q, headers=of(PUBLIC)), 200, "result", "paid")
    t.page(s.post("checkout", {**q, "again": "1"}, headers=of(PUBLIC)),
           200, "result", "paid")


@test("A3: to pay again is a start")
def _(t):
    s = shop(t)
    q = bought(t, s)
    empty(t, s)
    before = len(t.gateway.calls("unifiedorder", q["order"]))
    reply = s.post("checkout", {**q, "again": "1"}, headers=of(PUBLIC))
    too_many(t, reply)
    t.eq(len(t.gateway.calls("unifiedorder", q["order"])), before,
         "unifiedorder calls")


@test("A3: of a private address only the total counts")
def _(t):
    s = shop(t, starts=1, total=4)
    for _ in range(4):
        bought(t, s, "10.1.2.3")
    too_many(t, buy(t, s, "10.1.2.3")[1])
    # With fewer than three starts this minute one still gets through.
    bought(t, s, PUBLIC)


@test("A3: above the total existing orders go on")
def _(t):
    s = shop(t, starts=0, total=3)
    q = bought(t, s, "10.1.2.3")
    empty(t, s, "10.1.2.3")
    t.redirect(s.post("checkout", {**q, "again": "1"},
                      headers=of("10.1.2.3")))


@table("A3: a state file that is {0} refuses nobody and counts again", [
    ("cut", b"h5limit1"), ("empty", b""), ("junk", b"\x7f" * 70000),
    ("zeros", bytes(70000)),
])
def _(t, _name, data):
    s = shop(t)
    empty(t, s)
    s.store.joinpath("limits").write_bytes(data)
    bought(t, s)
    empty(t, s)


@test("A3: the state file is the store's own, and may be removed")
def _(t):
    s = shop(t)
    empty(t, s)
    file = s.store / "limits"
    t.eq(oct(file.stat().st_mode & 0o777), "0o600", "mode")
    code, out, err = s.h5pay("fsck")
    t.eq((code, out), (0, ""), f"fsck {err}")
    file.unlink()
    bought(t, s)


@table("A3: check says that only the total counts with {0}", [
    ("a proxy", {"site.trusted_proxies": "127.0.0.0/8"}, True),
    ("a gateway on loopback", {"site.trusted_proxies": None}, True),
    ("neither", {"site.trusted_proxies": None,
                 "gateway.url": "https://api.mch.weixin.qq.com",
                 "gateway.cashier": None}, False),
])
def _(t, _name, conf, said):
    s = shop(t, **conf)
    code, out, err = s.h5pay("check")
    t.eq(code, 0, err)
    t.eq("limits.starts_per_minute" in out, said, out)
    if said:
        t.contains(out, "limits.starts_total_per_minute", "the line")


@table("limits.{0} = {1} is {2}", [
    ("starts_per_minute", "0", 0), ("starts_per_minute", "100000", 0),
    ("starts_per_minute", "100001", 78), ("starts_per_minute", "-1", 78),
    ("starts_total_per_minute", "many", 78),
    ("starts_total_per_minute", "100000", 0),
])
def _(t, key, value, want):
    s = shop(t)
    s.configure({"limits." + key: value})
    t.eq(s.h5pay("check")[0], want, "exit status")

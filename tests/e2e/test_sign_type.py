"""The sign type is an attempt's for life
(interface section 4).  Attempts of 0.1.0, which did not write it down, are in
tests/upgrade."""

import h5
from case import table, test

TYPES = ("MD5", "HMAC-SHA256")


def other(sign_type):
    return TYPES[sign_type == "MD5"]


def shop(t, sign_type, **conf):
    return t.own_site({"merchant.sign_type": sign_type,
                       "orders.query_interval_s": 0, **conf})


# --- the type ---------------------------------------------------------------


@table("C6: {0} attempt, then {1}{2}: a notice by {3} is {4}", [
    (made, now, f", previous {previous}" if previous else "", by,
     "taken" if by == made else "refused", previous)
    for made in TYPES for now in TYPES for previous in (None, *TYPES)
    for by in TYPES])
def _(t, made, now, _previous, by, verdict, previous):
    s = shop(t, made)
    order = t.id()
    s.ready(order, 5)
    s.configure({"merchant.sign_type": now,
                 "merchant.sign_type_previous": previous})
    reply = s.notify(h5.notice(order, 5, signed_by=by))
    if verdict == "taken":
        t.success(reply)
        t.eq(s.show(order)["state"], "paid", "state")
        t.success(s.notify(h5.notice(
            order, 5, s.show(order)["transaction_id"], signed_by=by)))
    else:
        t.refused(reply)
        t.contains(reply.body.decode(), f"sign is not {made}", "why")
    after = s.show(order)
    t.eq(after["state"], "paid" if verdict == "taken" else "awaiting", "state")
    # Also where the other type comes after it was paid.
    t.refused(s.notify(h5.notice(order, 5, signed_by=other(made))))
    t.eq(s.show(order), after, "nothing has changed")


@table("C6: an order made with {0} goes its whole way under {1}", [
    (a, b) for a in TYPES for b in TYPES if a != b])
def _(t, made, now):
    g = t.own_gateway(args=["--plain-refund"])
    s = t.own_site({"merchant.sign_type": made, "orders.query_interval_s": 0},
                   gateway=g)
    paid, open_, refunding = t.id(), t.id(), t.id()
    tokens = {o: s.ready(o, 100) for o in (paid, open_, refunding)}
    g.pay(refunding)
    t.eq(s.h5pay("query", refunding)[0], 0, "query")
    t.eq(s.h5pay("refund", refunding, "--fee", "40", "--yes")[0], 0, "refund")
    s.configure({"merchant.sign_type": now})
    # WeChat's own notice is signed as the number was ordered.
    url = "http://127.0.0.1:9/"
    g.pay(paid)
    (sent,) = g.send_notice(paid, url=url)["sent"]
    fields = sent["fields"]
    t.eq(fields["sign"], h5.wx_sign(fields, sign_type=made), "its sign")
    t.success(s.notify(h5.wx_xml(fields)))
    t.eq(s.show(paid)["state"], "paid", "state")
    # What is asked is asked, and answered, by the type that is set.
    t.eq(s.h5pay("query", open_)[0], 1, "an open order")
    t.eq(s.h5pay("query", refunding)[0], 0, "a refund in flight")
    t.eq(s.h5pay("refund", paid, "--fee", "1", "--yes")[0], 0, "a new refund")
    t.eq({c["fields"]["sign_type"] for api in ("orderquery", "refund")
          for c in g.calls(api, open_) + g.calls(api, paid)}, {now}, "types")
    # Paying again is the same number by the same type, and so are its notices.
    q = {"order": open_, "t": tokens[open_], "again": "1"}
    t.redirect(s.post("checkout", q))
    one, two = g.calls("unifiedorder", open_)
    t.eq((one["fields"]["sign_type"], two["fields"]["sign_type"]),
         (made, made), "sign_type of the same number")
    g.pay(open_)
    (sent,) = g.send_notice(open_, url=url)["sent"]
    t.success(s.notify(h5.wx_xml(sent["fields"])))
    # A new order is of the new type.
    fresh = t.id()
    s.ready(fresh, 5)
    t.eq(g.calls("unifiedorder", fresh)[0]["fields"]["sign_type"], now, "new")
    t.refused(s.notify(h5.notice(fresh, 5, signed_by=made)))
    t.success(s.notify(h5.notice(fresh, 5, signed_by=now)))


@test("C6: the next attempt of an order is of the type that is set by then")
def _(t):
    g = t.own_gateway()
    s = t.own_site({"merchant.sign_type": "MD5",
                    "orders.query_interval_s": 0}, gateway=g)
    order = t.id()
    q = {"order": order, "t": s.ready(order, 5), "again": "1"}
    s.configure({"merchant.sign_type": "HMAC-SHA256"})
    # WeChat wants another number, once.
    g.fault("unifiedorder", "result-fail", order=order, name="INVALID_REQUEST",
            value="201 商户订单号重复")
    t.redirect(s.post("checkout", q))
    second = order + "_2"
    t.eq([a["out_trade_no"] for a in s.show(order)["attempts"]],
         [order, second], "attempts")
    t.eq(g.calls("unifiedorder", second)[0]["fields"]["sign_type"],
         "HMAC-SHA256", "its type")
    t.refused(s.notify(h5.notice(second, 5, signed_by="MD5")))
    t.refused(s.notify(h5.notice(order, 5, signed_by="HMAC-SHA256")))
    # It keeps it, whatever is set later.
    s.configure({"merchant.sign_type": "MD5"})
    t.refused(s.notify(h5.notice(second, 5, signed_by="MD5")))
    t.success(s.notify(h5.notice(second, 5, signed_by="HMAC-SHA256")))
    # Late, and by its own type: money that came twice.
    t.success(s.notify(h5.notice(order, 5, signed_by="MD5")))
    t.eq(s.show(order)["alerts"], ["overpaid"], "alerts")

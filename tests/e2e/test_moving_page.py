"""docs/MOVING.md is followed as it stands, by a shop that sells meanwhile."""

import json
import os
import shutil
import time

import h5
import page
from case import test

OTHER = {"appid": "wx9999999999999999", "mch_id": "1239999999"}
OTHER_KEY = "n" * 32
# Not followed: the names of the page itself.
NAMES = [("The names below", 0)]


class Shop(page.Page):
    def __init__(self, t, **conf):
        self.s = t.own_site({"orders.query_interval_s": "0",
                             "merchant.api_key_file": "secrets/api_key",
                             "site.link_key_file": "secrets/link_key",
                             "site.name": "茶店", **conf})
        super().__init__(t, "MOVING.md", self.s.command)
        self.secrets = self.s.folder / "secrets"
        self.secrets.mkdir(mode=0o700)
        self.s.write("secrets/api_key", h5.API_KEY + "\n")
        self.s.write("secrets/link_key", h5.LINK_KEY + "\n")
        self.names = {"conf": self.s.conf_file, "secrets": self.secrets,
                      "store": self.s.store}


def need_rsync(t):
    if not shutil.which("rsync"):
        t.skip("rsync is not installed")


@test("MOVING: the blocks of names and every other one are followed here")
def _(t):
    t.eq(page.unfollowed(t, "MOVING.md", __file__), NAMES, "not followed")


@test("MOVING: another host goes on where the old one stopped")
def _(t):
    need_rsync(t)
    x = Shop(t)
    early, late = t.id(), t.id()
    x.s.ready(early, 5)
    x.names["there"] = there = x.s.folder / "there"
    there.mkdir()
    x.follow("Another host", 0)
    # It sells between the two copies, and is paid while nobody listens.
    x.s.ready(late, 7)
    x.follow("Another host", 1)
    t.gateway.pay(early, notice=0)
    t.gateway.pay(late, notice=0)
    # The new host: the three in their places.
    new = x.s.folder / "new"
    new.mkdir()
    shutil.move(there / "store", new / "store")
    shutil.move(there / "secrets", new / "secrets")
    text = (there / "h5pay.conf").read_text().replace(
        str(x.s.store), str(new / "store"))
    (new / "h5pay.conf").write_text(text)
    os.chmod(new / "h5pay.conf", 0o600)
    shutil.rmtree(x.s.store)
    x.names.update(conf=new / "h5pay.conf", store=new / "store",
                   secrets=new / "secrets")
    x.later("+10m", x.s.folder / "later")
    x.follow("Another host", 2)
    for order, fee in ((early, 5), (late, 7)):
        code, out, err = x.s.h5pay("-c", new / "h5pay.conf", "--json", "show",
                                   order, conf=False)
        got = json.loads(out)
        t.eq((got["state"], got["total_fee"]), ("paid", fee), order)


@test("MOVING: another domain, and nothing of the old one is lost")
def _(t):
    x = Shop(t, **{"site.base_url": "https://old.test.example/pay"})
    order = t.id()
    link = x.s.link(t.id())
    token = x.s.ready(order, 5)
    x.names.update(url="https://new.test.example/pay", old="old.test.example")
    x.follow("Another domain", 0)
    # A page of before, opened under the old name.
    r = x.s.get("query", {"order": order, "t": token},
                env={"HTTP_HOST": "old.test.example"})
    t.eq(r.status, 308, "status")
    t.ok(r.header("Location").startswith("https://new.test.example/pay/query?"),
         r.header("Location"))
    # WeChat tells of it at the old address; the links stay good.
    t.success(x.s.notify(h5.notice(order, 5),
                         env={"HTTP_HOST": "old.test.example"}))
    t.eq(x.s.show(order)["state"], "paid", "state")
    t.page(x.s.get("checkout", link,
                   env={"HTTP_HOST": "new.test.example"}), 200, "confirm")
    x.follow("Another domain", 1)
    r = x.s.get("query", {"order": order, "t": token},
                env={"HTTP_HOST": "old.test.example"})
    t.eq(r.status, 200, "the old name is one like any other")


@test("MOVING: another merchant number, and the old orders are settled")
def _(t):
    x = Shop(t)
    order = t.id()
    old_link = x.s.link(order, 5)
    x.s.ready(order, 5)
    g = t.own_gateway(args=["--appid", OTHER["appid"], "--mch-id",
                            OTHER["mch_id"]], key=OTHER_KEY)
    before, next_ = x.s.folder / "before.conf", x.s.folder / "next"
    x.names.update(before=before, next=next_, **OTHER,
                   key=x.s.write("new.key", OTHER_KEY + "\n"))
    x.follow("Another merchant number", 0)
    # WeChat is the same for both; here each number has its own stand-in.
    x.s.conf_file.write_text(x.s.conf_file.read_text().replace(
        x.s.gateway.url, g.url))
    # The old order is paid: the new programs do not know it, the old sweep
    # does, and the old link cannot be paid again.
    t.gateway.pay(order, notice=0)
    t.refused(x.s.notify(h5.notice(order, 5)))
    t.page(x.s.get("checkout", old_link), 403, "bad-link")
    x.later("+10m", x.s.folder / "later")
    x.follow("Another merchant number", 1)
    out = json.loads(x.s.h5pay("-c", before, "--json", "show", order,
                               conf=False)[1])
    t.eq(out["state"], "paid", "the old order")
    t.eq(x.follow("Another merchant number", 2).strip(), "", "nothing is open")
    # The new number sells.
    key = (x.secrets / "link_key.new-account").read_text().strip()
    new = t.id()
    r = x.s.get("checkout", x.s.link(new, 7, key=key))
    t.page(r, 200, "confirm")
    t.redirect(x.s.post("checkout", r.form("checkout").fields))
    t.eq(g.calls("unifiedorder")[-1]["fields"]["mch_id"], OTHER["mch_id"],
         "whose order it is")
    t.success(x.s.notify(h5.notice(new, 7, key=OTHER_KEY, **OTHER)))


@test("MOVING: a backup is restored, and payments after it are taken in")
def _(t):
    need_rsync(t)
    x = Shop(t)
    kept, lost = t.id(), t.id()
    x.s.ready(kept, 5)
    backup = x.s.folder / "backup"
    shutil.copytree(x.s.store, backup, copy_function=shutil.copy2)
    x.s.ready(lost, 7)
    for order in kept, lost:
        t.gateway.pay(order, notice=0)
    shutil.rmtree(x.s.store)
    x.s.store.mkdir(mode=0o700)
    # Three days ago nothing was sold, and that bill is ready.
    x.names.update(backup=backup, day=time.strftime(
        "%Y-%m-%d", time.gmtime(time.time() - 3 * 86400)))
    x.later("+10m", x.s.folder / "later")
    x.follow("Restoring from a backup", 0)
    t.eq(x.s.show(kept)["state"], "paid", "an order of the copy")
    t.eq(x.s.show(lost), None, "an order after it")
    x.follow("Restoring from a backup", 1)

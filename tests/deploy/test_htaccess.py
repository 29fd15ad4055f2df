"""C5: .htaccess under every AllowOverride, and nobody is sent a program."""

import os
import shutil

import behind
import h5
from case import table

FILES = ("htaccess", "htaccess-minimal")
# What the host lets .htaccess say; which of the two files then is not a 500.
OVERRIDES = {
    "All": FILES,
    "FileInfo Options": FILES,
    "FileInfo Options=ExecCGI": FILES,
    "FileInfo Options=ExecCGI,Indexes,MultiViews": FILES,
    "FileInfo AuthConfig Limit Indexes": FILES[1:],
    "FileInfo": FILES[1:],
    "Options=ExecCGI": (),
    "AuthConfig": (),
}
# Does the host switch programs on by itself?
HOSTS = {"on": "Options +ExecCGI +Indexes", "off": "Options -ExecCGI +Indexes"}


class Folders(behind.Htaccess):
    """One Apache with a folder for each of these."""

    def __init__(self, build, gateway, names):
        self.modules = names
        self.more = {"fcgid": behind.ApacheFcgid.more,
                     "cgid": behind.ApacheHtaccessCgi.more}.get(
                         "".join(names), "")
        super().__init__(build, gateway)

    def upload(self, pay):
        self.places = {}
        super().upload(pay)
        for file in FILES:
            for override in (*OVERRIDES, "None"):
                for host, options in HOSTS.items():
                    name = f"d{len(self.places)}"
                    folder = pay.parent / name
                    shutil.copytree(pay, folder)
                    (folder / ".htaccess").write_text(
                        self.shipped("apache/" + file))
                    for program in h5.PROGRAMS:
                        (folder / f"{program}.fcgi").chmod(0o711)
                    self.places[file, override, host] = name
                    self.more += (f"<Directory {folder}>\n"
                                  f"AllowOverride {override}\n{options}\n"
                                  "</Directory>\n")


def expected(file, override, host, modules):
    """The statuses that a visitor of a program may see; 0: its own page."""
    if override == "None":
        # Nobody reads the file: the mode of the programs is what is left.
        return {403, 404}
    if file not in OVERRIDES[override]:
        return {500}
    if not modules:
        return {404}
    if file == "htaccess" or host == "on":
        return {0}
    return {403}


@table("C5: with {0} nobody is sent a program, under each AllowOverride", [
    ("mod_fcgid", ("fcgid",)), ("mod_cgid", ("cgid",)),
    ("no module that runs programs", ())])
def _(t, name, modules):
    w = t.mine(Folders(t.build, t.gateway, modules))
    wrong = []
    for (file, override, host), folder in w.places.items():
        what = f"{file}, AllowOverride {override}, ExecCGI {host}"
        # Apache answers before the daemon that starts its CGI programs does.
        r = t.until("the server's own helpers", lambda: next(
            (r for r in [w.request(
                "GET", f"/{folder}/checkout.fcgi?item=nothing")]
             if r.status != 503), None))
        # Without root the server is the owner, whom no mode keeps out.
        open_ = override == "None" and os.geteuid() != 0
        if r.body.startswith(b"\x7fELF") and not open_:
            wrong.append(f"{what}: the program itself")
        want = expected(file, override, host, modules)
        got = 0 if r.page == "not-found" else r.status
        if got not in want and not open_:
            wrong.append(f"{what}: {got}, want {want}")
        if override == "None":
            continue
        for path in ("h5pay.path", ".htaccess", "", "checkout.fcgi.new"):
            r = w.request("GET", f"/{folder}/{path}")
            if r.status not in (403, 404, 500):
                wrong.append(f"{what}: /{path} is {r.status}")
    t.eq(wrong, [], "folders")


@table("a shop whose programs are mode 711 sells behind {0}", [
    (n, s) for n, s in behind.ALL.items() if issubclass(s, behind.Htaccess)])
def _(t, name, server):
    w = t.mine(server(t.build, t.gateway))
    for program in h5.PROGRAMS:
        (w.bin / (program + w.suffix)).chmod(0o711)
    order = t.id()
    t.redirect(w.order(order, 5))
    t.eq(w.show(order)["state"], "awaiting", "state")

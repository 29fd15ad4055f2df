"""Reads a software bill of materials (SPDX 2.3, JSON) and holds it against what
is linked.

    sbom.py SBOM map MAP...            the linker's maps
    sbom.py SBOM needed PROGRAM...     the programs' own lists
    sbom.py SBOM depends LIST          a package's Depends

Ends with 1 and says what is wrong."""

import json
import pathlib
import re
import subprocess
import sys

LICENCES = {
    "Apache-2.0", "GPL-2.0-or-later", "GPL-2.0-or-later AND MPL-2.0",
    "GPL-3.0-or-later WITH GCC-exception-3.1", "ISC", "LGPL-2.1-or-later",
    "MIT", "OML", "Zlib", "curl"}
PURL = re.compile(r"pkg:deb/[a-z]+/([a-z0-9.+-]+)(?:@([\w.%~-]+))?"
                  r"\?[\w=&.+-]+$")


class Wrong(Exception):
    pass


def want(ok, what):
    if not ok:
        raise Wrong(what)


def read(path):
    """{Debian package: (its SPDX package, the relation to h5pay)}; Wrong if it
    is not of the form of SPDX 2.3, or has more than that."""
    text = pathlib.Path(path).read_text(encoding="ascii")
    doc = json.loads(text)
    want(set(doc) == {"spdxVersion", "dataLicense", "SPDXID", "name",
                      "documentNamespace", "creationInfo", "packages",
                      "relationships"}, f"fields: {list(doc)}")
    want((doc["spdxVersion"], doc["dataLicense"], doc["SPDXID"]) == (
        "SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"), "its head")
    want(re.fullmatch(r"https://[\w./+~-]+", doc["documentNamespace"]),
         doc["documentNamespace"])
    info = doc["creationInfo"]
    want(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", info["created"]),
         info["created"])
    want(info["creators"] and all(re.match("(Tool|Person|Organization): ", c)
                                  for c in info["creators"]), "creators")
    packages = {p["SPDXID"]: p for p in doc["packages"]}
    want(len(packages) == len(doc["packages"]), "an identifier twice")
    for key, p in packages.items():
        want(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", key), key)
        want(p["filesAnalyzed"] is False and p["downloadLocation"], key)
        want(p["licenseDeclared"] == p["licenseConcluded"] and
             p["licenseDeclared"] in LICENCES,
             f"{key}: licence {p['licenseDeclared']}")
    relations = [(r["spdxElementId"], r["relationshipType"],
                  r["relatedSpdxElement"]) for r in doc["relationships"]]
    want(relations[0] == ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-h5pay"),
         f"{relations[0]}")
    want(packages.pop("SPDXRef-h5pay")["licenseDeclared"] == "ISC", "h5pay")
    want(sorted(packages) == sorted(r[2] for r in relations[1:]),
         "a package without a relation")
    out = {}
    for who, relation, key in relations[1:]:
        want(who == "SPDXRef-h5pay", who)
        (ref,) = packages[key]["externalRefs"]
        want((ref["referenceCategory"], ref["referenceType"]) == (
            "PACKAGE-MANAGER", "purl"), key)
        m = PURL.match(ref["referenceLocator"])
        want(m, ref["referenceLocator"])
        version = m[2] and re.sub("%(..)", lambda x: chr(int(x[1], 16)), m[2])
        want(version == packages[key].get("versionInfo"), f"{key}: {version}")
        want(version or relation == "DEPENDS_ON", f"{key}: no version")
        out[m[1]] = packages[key], relation
    return out


def out_of(*command):
    return subprocess.run([str(c) for c in command], check=True, text=True,
                          capture_output=True).stdout


def owner(path):
    """The Debian package that a file is of; curl is built from its source."""
    path = pathlib.Path(path)
    if path.name == "libcurl.a":
        return "curl"
    real = str(path.resolve())
    for p in (real, real.removeprefix("/usr")):
        got = subprocess.run(["dpkg-query", "-S", p], capture_output=True,
                             text=True)
        if got.returncode == 0:
            return got.stdout.split(":")[0]
    raise Wrong(f"{path} is of no package")


def in_maps(maps):
    files = set()
    for path in maps:
        text = pathlib.Path(path).read_text()
        files |= set(re.findall(r"^(\S+\.a)\(\S+\.l?o\)", text.partition(
            "Memory Configuration")[0], re.M))
        files |= set(re.findall(r"^LOAD (/usr/\S+\.o)$", text, re.M))
    return {owner(f) for f in files if not f.endswith("/libh5.a")}


def needed(programs):
    """What the loader of this machine finds for what a program names."""
    files = set()
    for program in programs:
        found = dict(re.findall(r"(\S+) => (\S+)", out_of("ldd", program)))
        names = re.findall(r"\(NEEDED\).*\[(.*)\]",
                           out_of("readelf", "-d", program))
        files |= {found[n] for n in names}
    return {owner(f) for f in files}


def same_libraries(path, truth, relation):
    """The libraries of an SBOM are these packages, no more and no less, in the
    versions that are installed."""
    told = {n: p for n, (p, r) in read(path).items() if r == relation}
    want(truth, "nothing is linked?")
    want(set(told) == truth, f"not in both: {set(told) ^ truth}")
    for name in sorted(truth - {"curl"}):
        version = out_of("dpkg-query", "-W", "-f", "${Version}\n",
                         name).splitlines()[0]
        want(told[name]["versionInfo"] == version,
             f"{name}: {told[name]['versionInfo']}, installed is {version}")


def all_depends(path, depends):
    names = {re.sub(r"[ (].*", "", d.strip())
             for d in re.split("[,|]", depends)}
    told = read(path)
    # The start files' and the loader's package is always one of them.
    want("libc6" in names and names <= set(told),
         f"missing: {names - set(told)}")


def main():
    path, what, *words = sys.argv[1:]
    try:
        if what == "map":
            same_libraries(path, in_maps(words), "STATIC_LINK")
        elif what == "needed":
            same_libraries(path, needed(words), "DYNAMIC_LINK")
        else:
            all_depends(path, words[0])
    except (Wrong, KeyError, ValueError) as e:
        sys.exit(f"{path}: {e!r}")


if __name__ == "__main__":
    main()

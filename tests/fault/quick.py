"""quick.py --build build - the part of make fault, make soak and make races
that is quick enough for every run of the tests."""

import argparse
import sys

import crash_model
import matrix
import storm
import ways


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", default="build")
    build = p.parse_args().build
    results = [
        matrix.run(build, 2, 0, 100),
        crash_model.run(build, True),
        storm.run(storm.options(["--build", build, "--rounds", "5",
                                 "--races"])),
        storm.control(build),
        ways.run(ways.options(["--build", build, "--rounds", "3"])),
        ways.control(build),
        storm.run(storm.options(["--build", build, "--seconds", "3",
                                 "--processes", "6"])),
    ]
    print(f"{sum(r[0] for r in results)} passed, "
          f"{sum(r[1] for r in results)} failed")
    return 1 if any(r[1] for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())

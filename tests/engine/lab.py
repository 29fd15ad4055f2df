"""lab.py COMMAND... - run a command with a PostgreSQL of its own.

It gets H5PAY_TEST_DATABASE, libpq's keywords for a fresh database of bytewise
collation.  Nothing of an installed cluster is touched.  Where there is no PostgreSQL it
says so and exits with 77."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PLACES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"),
                key=lambda p: int(p.parent.name), reverse=True)
SETTINGS = {"listen_addresses": "''", "fsync": "on", "max_connections": "100",
            "lock_timeout": "2s", "statement_timeout": "3s",
            "logging_collector": "off"}


class Missing(Exception):
    """There is no PostgreSQL on this machine."""


def as_nobody(command):
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
            *command]


class Server:
    """One PostgreSQL, in a folder of its own, reached by a socket there."""

    def __init__(self, folder, name="a", port=5432):
        if not PLACES:
            raise Missing("no postgresql")
        self.bin = PLACES[0]
        self.folder, self.data, self.port = folder, folder / name, port
        self.process = None

    def run(self, program, *args):
        subprocess.run(as_nobody([self.bin / program, *args]), check=True,
                       stdout=subprocess.DEVNULL, timeout=120, cwd="/")

    def make(self):
        """A new cluster."""
        self.run("initdb", "-A", "trust", "-U", "h5pay", "-E", "UTF8",
                 "--locale=C", "-D", self.data)
        with (self.data / "postgresql.conf").open("a") as conf:
            for key, value in SETTINGS.items():
                conf.write(f"{key} = {value}\n")
            conf.write(f"unix_socket_directories = '{self.folder}'\n"
                       f"port = {self.port}\n")

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-t", "60",
                 "-l", self.folder / f"{self.data.name}.log", "start")

    def stop(self, how="immediate"):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("pg_ctl", "-D", self.data, "-m", how, "stop")

    def database(self, name="postgres"):
        return (f"host={self.folder} port={self.port} user=h5pay "
                f"dbname={name}")


@contextlib.contextmanager
def one():
    """A single node, started."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="h5pay-lab-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        server = Server(folder)
        server.make()
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    try:
        with one() as server:
            env = {**os.environ, "H5PAY_TEST_DATABASE": server.database()}
            return subprocess.call(sys.argv[1:], env=env)
    except Missing as why:
        print(f"# skipped: {why}", flush=True)
        return 77


if __name__ == "__main__":
    sys.exit(main())

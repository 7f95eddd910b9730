"""Settings that differ from the last start: named in the audit, their values nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select

from shared.auth.audit_log import log_folder
from shared.auth.audited_settings import note_changed_settings
from shared.auth.first_start import note_start
from shared.auth.services import account_services
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import SettingRow
from tests.auth.audit_trail import trail
from tests.auth.people import LIMITS, NOW, at_once

SECRET_VALUE = "geheim-7731-metrik"


def start(engine: Engine, settings: Settings, **changed: Any) -> list[str]:
    """Start with other settings; return the names that the audit tells of this time."""
    before = len(trail(engine))
    services = account_services(engine, settings.model_copy(update=changed), LIMITS, "Galerie")
    note_start(replace(services, clock=lambda: NOW))
    began, *rows = trail(engine)[before:]
    assert began.event == "start"
    assert {row.event for row in rows} <= {"settings_change"}
    assert {row.reason_code for row in rows} <= {""}
    return [row.object_id for row in rows]


def test_what_differs_from_the_last_start_is_named(engine: Engine, settings: Settings) -> None:
    assert start(engine, settings) == [], "there is nothing to compare with"
    assert start(engine, settings) == []
    changed = {"session_max_h": 2, "public_url": "https://ki.example.de"}
    assert start(engine, settings, **changed) == ["public_url", "session_max_h"]
    assert start(engine, settings, **changed) == []
    assert start(engine, settings, session_max_h=3) == ["public_url", "session_max_h"]
    assert start(engine, settings) == ["session_max_h"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_values_stand_nowhere(engine: Engine, settings: Settings) -> None:
    start(engine, settings)
    assert start(engine, settings, metrics_token=SECRET_VALUE) == ["metrics_token"]
    with read_scope(engine) as session:
        kept = {row.name: row.value_hmac for row in session.scalars(select(SettingRow))}
    assert len(kept["metrics_token"]) == 64
    files = [*settings.data_dir.glob("gallery.db*"), *log_folder(settings).iterdir()]
    assert all(SECRET_VALUE.encode() not in file.read_bytes() for file in files)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_equal_values_of_two_settings_do_not_look_alike(engine: Engine, settings: Settings) -> None:
    start(engine, settings, metrics_token="gleich", model_server_preload="gleich")
    with read_scope(engine) as session:
        kept = {row.name: row.value_hmac for row in session.scalars(select(SettingRow))}
    assert kept["metrics_token"] != kept["model_server_preload"]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_another_secret_is_one_change(engine: Engine, settings: Settings) -> None:
    more = {"session_max_h": 2}
    start(engine, settings, **more, secret_key="a" * 40)
    assert start(engine, settings, **more, secret_key="b" * 40) == ["secret_key"]
    assert start(engine, settings, **more, secret_key="b" * 40) == []


def _start_anew(engine: Engine, _number: int) -> None:
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings(_env_file=None, database_url=url, secret_key="c" * 40, session_max_h=2)
    note_changed_settings(account_services(engine, settings, LIMITS, "Galerie"))


def test_processes_that_start_at_once_do_not_meet(engine: Engine, settings: Settings) -> None:
    at_once(settings, 4, _start_anew)
    with read_scope(engine) as session:
        names = set(session.scalars(select(SettingRow.name)))
    assert {"session_max_h", "secret_key"} <= names

"""Streamlit's options: what the process runs with is what the gallery depends on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit import config

from shared.registry.discover import manifests
from shared.settings import REPOSITORY, Settings
from shared.themes import load_theme
from shared.ui.server_options import (
    COOKIE_SECRET,
    COOKIE_SECRET_VARIABLE,
    apply_options,
    largest_upload_mb,
    server_options,
)

PUBLIC = {"public_url": "https://ki.example.de", "allowed_hosts": "intern.example.de"}
EXPECTED = {
    "server.address": "127.0.0.1",
    "server.port": 8555,
    "server.headless": True,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.xsrfCookieSameSite": "Strict",
    "server.corsAllowedOrigins": ["https://ki.example.de"],
    "server.allowedHosts": [
        *("127.0.0.1", "::1", "intern.example.de", "ki.example.de", "localhost"),
    ],
    "server.maxMessageSize": 50,
    "server.disconnectedSessionTTL": 60,
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.fileWatcherType": "none",
    "server.trustedUserHeaders": {
        "x-ukg-session": "ukg_session",
        "x-ukg-subject": "ukg_subject",
    },
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "browser.gatherUsageStats": False,
}


@pytest.fixture
def options_come_back() -> Iterator[None]:
    """Streamlit keeps its options for the life of a process."""
    before = config.get_options_for_section("server"), config.get_options_for_section("client")
    yield
    for section, values in zip(("server", "client"), before, strict=True):
        for name, value in values.items():
            config.set_option(f"{section}.{name}", value)


def options(**more: Any) -> dict[str, object]:
    settings = Settings(_env_file=None, port=8555, **more)
    return server_options(settings, load_theme("default"))


def test_streamlit_knows_every_option() -> None:
    known = config.get_config_options()
    assert [name for name in options() if name not in known] == []


def test_the_process_runs_with_what_the_gallery_depends_on(options_come_back: None) -> None:
    made = options(**PUBLIC)
    apply_options(made)
    assert {name: made[name] for name in EXPECTED} == EXPECTED
    bound_before = {"server.address", "server.port"}
    assert {name: config.get_option(name) for name in EXPECTED.keys() - bound_before} == {
        name: value for name, value in EXPECTED.items() if name not in bound_before
    }


def test_the_secret_of_cookies_is_ours(
    options_come_back: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_options({COOKIE_SECRET: "ours"})
    assert config.get_option(COOKIE_SECRET) == "ours"
    monkeypatch.setenv(COOKIE_SECRET_VARIABLE, "ours too")
    assert config.get_config_options(force_reparse=True)[COOKIE_SECRET].value == "ours too"


def test_the_limit_of_uploads_is_that_of_the_largest_app_or_of_the_operator() -> None:
    wanted = max(app.limits.upload_mb for app in manifests())
    assert largest_upload_mb(Settings(_env_file=None, max_upload_mb=2000)) == wanted
    assert largest_upload_mb(Settings(_env_file=None, max_upload_mb=7)) == 7
    small = Settings(_env_file=None, max_upload_mb=2000, apps="archivair")
    assert largest_upload_mb(small) == 100


def test_the_file_beside_the_program_says_nothing_else() -> None:
    """`streamlit run` reads it before the program sets its options."""
    written = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text("utf-8"))
    made = options()
    for section in ("server", "client", "browser"):
        for name, value in written[section].items():
            assert made.get(f"{section}.{name}", value) == value, f"{section}.{name}"

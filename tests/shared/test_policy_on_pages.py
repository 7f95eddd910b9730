"""What pages offer to whom: nothing that the store would refuse afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from shared.contracts.identity.principal import DEMO_TENANT, Principal
from shared.i18n import get_translator
from shared.settings import REPOSITORY
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

GUEST = person("gast", DEMO_TENANT)


def context(acting: Principal) -> Any:
    """What the functions of pages read of a page's context."""
    return SimpleNamespace(
        principal=acting,
        tenant=acting.active_tenant,
        t=get_translator("de"),
        manifest=SimpleNamespace(id="probe"),
    )


def run_of(acting: Principal, **more: Any) -> Any:
    about = {"id": "1", "started_by": acting.subject, "is_example": False, "app": "probe"}
    return SimpleNamespace(**(about | {"cancel_requested": False, "state": "failed"} | more))


def keys(script: Any, *arguments: Any) -> set[str]:
    """Keys of the buttons that a function shows."""
    page = AppTest.from_function(script, args=arguments, default_timeout=60).run()
    assert not page.exception
    return {one.proto.id.rpartition("-")[2] for one in page.get("button")} | {
        one.proto.id.rpartition("-")[2] for one in page.get("download_button")
    }


def bar(ctx):
    from shared.ui.export import Download, export_bar

    export_bar(
        ctx,
        [
            Download("Bericht", "bericht.pdf", "application/pdf", b"1"),
            Download("Tabelle", "tabelle.csv", "text/csv", b"2"),
        ],
    )


@pytest.mark.parametrize(
    ("acting", "offered"),
    [
        (GUEST, {"bericht.pdf"}),
        (person("gast"), set()),
        (VIEWER, {"bericht.pdf"}),
        (CLERK, {"bericht.pdf", "tabelle.csv"}),
        (ADMIN, {"bericht.pdf", "tabelle.csv"}),
        (person("admin", app_grants=frozenset({"andere"})), set()),
    ],
    ids=["guest", "guest elsewhere", "viewer", "clerk", "admin", "other apps"],
)
def test_files_are_offered_to_those_who_may_have_them(acting: Principal, offered: set[str]) -> None:
    assert keys(bar, context(acting)) == {f"probe_download_{name}" for name in offered}


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An installation of its own without model server."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    begin_process()
    yield
    forget_process_state()


@pytest.mark.usefixtures("fresh")
def test_who_may_not_delete_is_not_offered_it(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    for acting in (VIEWER, CLERK):
        sit_down(acting, monkeypatch.setattr)
        page = AppTest.from_file(str(REPOSITORY / "apps" / "privacy.py"), default_timeout=60).run()
        assert not page.exception
        shown[acting.role] = "privacy_delete" in [button.key for button in page.button]
    assert shown == {"viewer": False, "sachbearbeitung": True}


def stop(ctx, run):
    from shared.ui.job_actions import offer_stop

    offer_stop(ctx, run)


def more(ctx, run):
    from shared.ui.job_actions import offer_more

    offer_more(ctx, run)


@pytest.mark.parametrize(
    ("acting", "about", "offered"),
    [
        (CLERK, {}, {"stop", "again", "delete"}),
        (CLERK, {"started_by": "other"}, {"again"}),
        (ADMIN, {"started_by": "other"}, {"stop", "again", "delete"}),
        (VIEWER, {}, set()),
        (VIEWER, {"is_example": True}, {"stop", "again"}),
        (VIEWER, {"is_example": True, "started_by": "other"}, {"again"}),
    ],
)
def test_a_run_is_stopped_and_deleted_by_those_who_may(
    acting: Principal, about: dict[str, Any], offered: set[str]
) -> None:
    ctx, run = context(acting), run_of(acting, **about)
    found = keys(stop, ctx, run) | keys(more, ctx, run)
    assert found == {f"probe_job_{name}" for name in offered}

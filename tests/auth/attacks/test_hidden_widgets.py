"""A page that was open when the right went: what it still shows does nothing any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.auth import local_accounts
from shared.auth.local_accounts import get_account
from shared.contracts.identity.principal import HOME_TENANT, Principal
from shared.errors import NotSignedIn
from shared.settings import REPOSITORY
from shared.store.store import Store, process_store
from tests.auth.people import add_account
from tests.shared.people_of_tests import CLERK, VIEWER, sit_down
from tests.shared.process_state import begin_process, forget_process_state

NOW = datetime.now(UTC)
LOST = {
    "viewer": VIEWER,
    "clerk": CLERK,
    "admin-elsewhere": Principal("x", "", {"herten": "admin"}, HOME_TENANT),
    "no-role": Principal("x", "", {}, HOME_TENANT),
    "signed-out": None,
}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A fresh installation; in front of the page sits its administration."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("shared.ui.failures.note_denial", lambda *_: None)
    begin_process()
    opened = process_store()
    local_accounts.first_start(opened.engine, NOW)
    add_account(opened.engine, "anna")
    sit_down(get_account(opened.engine, "admin").principal(), monkeypatch.setattr)
    yield opened
    forget_process_state()


def stand_up(who: Principal | None, put: pytest.MonkeyPatch) -> None:
    """Let somebody else sit in front of the page that is open, or nobody."""
    if who is not None:
        sit_down(who, put.setattr)
        return

    def nobody(*_: object) -> None:
        raise NotSignedIn

    put.setattr("shared.auth.session.current_session", nobody)


def open_page() -> AppTest:
    page = AppTest.from_file(str(REPOSITORY / "apps" / "accounts.py"), default_timeout=60)
    page.query_params["sprache"] = "de"
    page.query_params["bereich"] = "konten"
    page.run()
    page.selectbox(key="accounts_list_selected").select_index(1).run()
    assert not page.exception
    return page


@pytest.mark.parametrize("who", LOST)
def test_no_button_of_an_old_page_changes_anything(
    store: Store, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    labels = [button.label for button in open_page().button]
    assert len(labels) >= 3
    accounts = repr(local_accounts.list_accounts(store.engine))
    for number in range(len(labels)):
        page = open_page()
        for field in page.multiselect:
            field.select("aviary")
        with monkeypatch.context() as put:
            stand_up(LOST[who], put)
            page.button[number].click().run()
        assert repr(local_accounts.list_accounts(store.engine)) == accounts, labels[number]
        assert not page.code, "no password is shown"
        assert not page.table


def test_the_same_buttons_work_for_the_administration(store: Store) -> None:
    """Otherwise the test above could not fail."""
    page = open_page()
    accounts = repr(local_accounts.list_accounts(store.engine))
    page.multiselect[0].select("aviary")
    next(one for one in page.button if one.label == "Rechte speichern").click().run()
    assert repr(local_accounts.list_accounts(store.engine)) != accounts

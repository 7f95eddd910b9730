"""Changes in the middle of a sign-in, and processes that end in the middle of a change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from shared.auth import local_accounts, passwords, sessions
from shared.auth.local_accounts import Account
from shared.errors import SignInRefused
from shared.settings import Settings
from shared.store.engine import make_engine
from tests.auth.browsers import Browser, Gallery
from tests.auth.people import HOME, NOW, PASSWORD, later, signed_in

NEW = "Kamel-Laterne-Brezel-Insel-118"
CHANGES: dict[str, Callable[[Engine, Account], object]] = {
    "reset": lambda engine, _: local_accounts.reset_password(engine, "anna", later(seconds=1)),
    "changed": lambda engine, anna: local_accounts.set_password(
        engine, anna.id, PASSWORD, NEW, later(seconds=1)
    ),
    "disabled": lambda engine, _: local_accounts.disable(engine, "anna", later(seconds=1)),
}
BY_CHANGE = pytest.mark.parametrize("change", list(CHANGES))


class Killed(BaseException):
    """The process ends here."""


def after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, change: Any) -> None:
    """Let something happen once, as soon as a function has done its work."""
    whole = getattr(owner, name)

    def interrupted(*positional: Any, **named: Any) -> Any:
        found = whole(*positional, **named)
        monkeypatch.setattr(owner, name, whole)
        change()
        return found

    monkeypatch.setattr(owner, name, interrupted)


@contextmanager
def killed_before(engine: Engine, statement: str) -> Iterator[None]:
    def kill(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:
        if text.startswith(statement):
            raise Killed

    event.listen(engine, "before_cursor_execute", kill)
    try:
        with pytest.raises(Killed):
            yield
    finally:
        event.remove(engine, "before_cursor_execute", kill)


@BY_CHANGE
def test_a_password_that_ends_while_it_is_looked_at_lets_nobody_in(
    house: Engine, anna: Account, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    after(monkeypatch, passwords, "fits", lambda: CHANGES[change](house, anna))
    with pytest.raises(SignInRefused):
        local_accounts.sign_in(house, "anna", PASSWORD, ip_prefix=HOME, now=later(seconds=2))


@pytest.mark.parametrize("moment", ["sign_in", "create"])
@pytest.mark.parametrize("change", ["reset", "changed"])
def test_no_session_begins_with_a_password_that_has_ended(
    house: Engine,
    settings: Settings,
    anna: Account,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    moment: str,
) -> None:
    gallery = Gallery(house, settings)
    browser: Browser = gallery.browser()
    if moment == "sign_in":
        after(monkeypatch, local_accounts, "sign_in", lambda: CHANGES[change](house, anna))
    else:
        new_row = sessions.new_row

        def late_row(*positional: Any, **named: Any) -> Any:
            CHANGES[change](house, anna)
            return new_row(*positional, **named)

        monkeypatch.setattr(sessions, "new_row", late_row)
    assert browser.sign_in().status_code == 401
    assert browser.ping() == 401
    gallery.runner.close()


def test_a_hash_that_is_made_anew_by_another_sign_in_refuses_nobody(
    house: Engine, anna: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def enter() -> Account:
        return local_accounts.sign_in(house, "anna", PASSWORD, ip_prefix=HOME, now=NOW)

    monkeypatch.setattr(passwords, "is_outdated", lambda _: True)
    after(monkeypatch, passwords, "fits", enter)
    assert enter().id == anna.id


@BY_CHANGE
def test_a_process_that_is_killed_leaves_no_session_of_a_password_that_has_ended(
    settings: Settings, house: Engine, anna: Account, change: str
) -> None:
    cookie, _ = signed_in(house, anna)
    engine = make_engine(settings)
    with killed_before(engine, "DELETE FROM session"):
        CHANGES[change](engine, anna)
    engine.dispose()
    # Nothing was changed, so nothing is left half done.
    assert sessions.lookup(house, cookie, NOW) is not None
    local_accounts.sign_in(house, "anna", PASSWORD, ip_prefix=HOME, now=later(seconds=2))

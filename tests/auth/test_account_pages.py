"""What the account pages say: advice where it is needed, once, and a way on from each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.auth import pages, provider_pages
from shared.errors import OldPasswordWrong, PasswordLength, UrbanKiError
from shared.i18n import get_translator
from shared.settings import get_settings
from shared.themes import load_theme

GERMAN = get_translator("de")
RULE = "Das Passwort braucht 12 bis 128 Zeichen."


def sign_in() -> str:
    return pages.sign_in_page(GERMAN, "Galerie", token="t", next_path="/")


def password(*, is_forced: bool = False, error: UrbanKiError | None = None) -> str:
    return pages.password_page(
        GERMAN,
        "Galerie",
        token="t",
        sign_out_token="s",
        next_path="/aviary",
        is_forced=is_forced,
        error=error,
    )


@pytest.mark.parametrize("page", [sign_in, password])
def test_whoever_is_not_signed_in_finds_who_is_responsible(page: Callable[[], str]) -> None:
    contact = load_theme(get_settings().theme).contact
    html = page()
    footer = html[html.index("<footer>") :]
    for text in (contact.operator, contact.address, contact.accessibility_email):
        assert text in footer
    assert contact.privacy_email in footer


def test_a_forgotten_password_has_a_way_out() -> None:
    assert "Passwort vergessen? Ihre Administration" in sign_in()
    assert "Passwort vergessen?" not in password()


@pytest.mark.parametrize(
    "error",
    [None, OldPasswordWrong(), PasswordLength(least=12, most=128)],
    ids=["no", "old", "new"],
)
def test_the_rule_is_said_once_and_before_its_field(error: UrbanKiError | None) -> None:
    page = password(error=error)
    assert page.count(RULE) == 1
    start = page.index('<input id="neu"')
    assert page.index(RULE) < start
    field = page[start:].partition("/>")[0]
    described_by = "fehler" if isinstance(error, PasswordLength) else "regel"
    assert f'aria-describedby="{described_by}"' in field
    assert f'id="{described_by}"' in page


def test_only_a_free_choice_can_be_left() -> None:
    assert 'href="/aviary"' in password()
    assert 'href="/aviary"' not in password(is_forced=True)


def test_the_page_after_signing_out_offers_no_language_that_it_cannot_show() -> None:
    page = provider_pages.sign_out_page(GERMAN, "Galerie", "https://anmeldung.example/ende")
    assert "hreflang" not in page
    assert "hreflang" in provider_pages.sign_in_page(GERMAN, "Galerie", next_path="/")

"""The account pages as HTML: they need neither Streamlit nor a script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.auth.account_paths import PASSWORD, SIGN_IN, SIGN_OUT, address
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.passwords import LEAST_CHARACTERS, MOST_CHARACTERS
from shared.errors import (
    OldPasswordWrong,
    PasswordGuessable,
    PasswordLength,
    PasswordRepeatDiffers,
    PasswordUnchanged,
    SignInRefused,
    UrbanKiError,
)
from shared.i18n import Language, Translator
from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.html_patch import ASSETS_URL

TEMPLATES = Path(__file__).resolve().parent / "templates"
NAME_FIELD, PASSWORD_FIELD = "benutzername", "passwort"
OLD_FIELD, NEW_FIELD, REPEAT_FIELD = "bisher", "neu", "wiederholung"
WRONG_FIELDS: Mapping[type[UrbanKiError], str] = {
    OldPasswordWrong: OLD_FIELD,
    PasswordGuessable: NEW_FIELD,
    PasswordLength: NEW_FIELD,
    PasswordRepeatDiffers: REPEAT_FIELD,
    PasswordUnchanged: NEW_FIELD,
}
"""What may be wrong with a change of the password, and in which field."""
_ERROR_ID, _RULE_ID = "fehler", "regel"
_TEMPLATE = "account.html"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    label: str
    autocomplete: str
    kind: str = "password"
    value: str = ""
    described_by: str = ""
    is_wrong: bool = False
    has_focus: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    heading: str
    path: str
    action: str
    next_path: str
    submit: str
    fields: tuple[_Field, ...]
    error: str
    token: str = field(repr=False)
    notice: str = ""
    advice: str = ""
    back: str = ""
    sign_out: str = ""
    sign_out_action: str = ""
    sign_out_token: str = field(default="", repr=False)


def sign_in_page(
    t: Translator,
    gallery: str,
    *,
    token: str,
    next_path: str,
    username: str = "",
    error: UrbanKiError | None = None,
    has_ended: bool = False,
) -> str:
    """Return the page on which people sign in.

    Args:
        t: Translator.
        gallery: Its name.
        token: Of the form.
        next_path: Page to show afterwards.
        username: What the person has typed, so that she need not type it again.
        error: Why it did not work.
        has_ended: Whether the person was signed in until now.
    """
    ended = t("Sie wurden abgemeldet. Gespeicherte Arbeit bleibt erhalten.")
    page = _Page(
        heading=t("Anmelden"),
        path=SIGN_IN,
        action=address(SIGN_IN, sprache=t.language),
        token=token,
        next_path=next_path,
        submit=t("Anmelden"),
        fields=_sign_in_fields(t, username, error),
        error=error_text(t, error),
        notice=ended if has_ended else "",
        advice=t("Passwort vergessen? Ihre Administration gibt Ihnen ein neues."),
    )
    return rendered(t, gallery, page, _TEMPLATE)


def password_page(
    t: Translator,
    gallery: str,
    *,
    token: str,
    sign_out_token: str,
    next_path: str,
    is_forced: bool,
    error: UrbanKiError | None = None,
) -> str:
    """Return the page on which people change their password.

    Args:
        t: Translator.
        gallery: Its name.
        token: Of the form.
        sign_out_token: Of the form that signs out instead.
        next_path: Page to show afterwards.
        is_forced: Whether nothing else can be done before.
        error: Why it did not work.
    """
    labels = {
        OLD_FIELD: t("Bisheriges Passwort"),
        NEW_FIELD: t("Neues Passwort"),
        REPEAT_FIELD: t("Neues Passwort wiederholen"),
    }
    rule = error_text(t, PasswordLength(least=LEAST_CHARACTERS, most=MOST_CHARACTERS))
    forced = t("Bitte wählen Sie ein eigenes Passwort. Danach geht es weiter.")
    page = _Page(
        heading=t("Passwort ändern"),
        path=PASSWORD,
        action=address(PASSWORD, sprache=t.language),
        token=token,
        next_path=next_path,
        submit=t("Passwort ändern"),
        fields=_password_fields(labels, rule, error),
        error=error_text(t, error),
        notice=forced if is_forced else "",
        back="" if is_forced else t("Zurück, ohne etwas zu ändern"),
        sign_out=t("Abmelden"),
        sign_out_action=address(SIGN_OUT, sprache=t.language),
        sign_out_token=sign_out_token,
    )
    return rendered(t, gallery, page, _TEMPLATE)


def _sign_in_fields(t: Translator, username: str, error: UrbanKiError | None) -> tuple[_Field, ...]:
    is_wrong = isinstance(error, SignInRefused)
    described_by = _ERROR_ID if error else ""
    return (
        _Field(
            NAME_FIELD,
            t("Anmeldename"),
            "username",
            kind="text",
            value=username,
            described_by=described_by,
            is_wrong=is_wrong,
            has_focus=not username,
        ),
        _Field(
            PASSWORD_FIELD,
            t("Passwort"),
            "current-password",
            described_by=described_by,
            is_wrong=is_wrong,
            has_focus=bool(username),
        ),
    )


def _password_fields(
    labels: dict[str, str], rule: str, error: UrbanKiError | None
) -> tuple[_Field, ...]:
    """Return the three fields; the one that the error is about says so."""
    wrong = "" if error is None else WRONG_FIELDS.get(type(error), "")
    # An error that is the rule stands above already.
    shown = "" if isinstance(error, PasswordLength) else rule
    fields = []
    for name, label in labels.items():
        is_new = name == NEW_FIELD
        described_by = ((_RULE_ID, is_new and bool(shown)), (_ERROR_ID, name == wrong))
        fields.append(
            _Field(
                name,
                label,
                "current-password" if name == OLD_FIELD else "new-password",
                described_by=" ".join(part for part, applies in described_by if applies),
                is_wrong=name == wrong,
                has_focus=name == (wrong or OLD_FIELD),
                hint=shown if is_new else "",
            )
        )
    return tuple(fields)


def error_text(t: Translator, error: UrbanKiError | None) -> str:
    """Return what went wrong and what to do; empty for nothing.

    Args:
        t: Translator.
        error: What went wrong.
    """
    return " ".join(t.error(error)) if error else ""


class AccountPage(Protocol):
    """What every account page shows."""

    @property
    def heading(self) -> str:
        """Its title."""

    @property
    def path(self) -> str:
        """Its address without query; empty for a page that cannot be asked for again."""

    @property
    def next_path(self) -> str:
        """Page to show afterwards."""

    @property
    def notice(self) -> str:
        """What has happened; empty for nothing."""

    @property
    def error(self) -> str:
        """What went wrong; empty for nothing."""


def rendered(t: Translator, gallery: str, page: AccountPage, template: str) -> str:
    """Return a page as HTML.

    Args:
        t: Translator.
        gallery: Name of the gallery.
        page: What the template shows.
        template: Its file.
    """
    other: Language = "en" if t.language == "de" else "de"
    query = {"sprache": other, "weiter": page.next_path}
    return (
        _environment()
        .get_template(template)
        .render(
            page=page,
            gallery=gallery,
            texts=_footer(t),
            language=t.language,
            other={
                "language": other,
                "name": {"de": "Deutsch", "en": "English"}[other],
                "address": address(page.path, **query),
            },
            assets=ASSETS_URL,
            token_field=TOKEN_FIELD,
        )
    )


def _footer(t: Translator) -> dict[str, str]:
    """Return what every page owes its reader, also before she has signed in."""
    contact = load_theme(get_settings().theme).contact
    return {
        "operator": t(
            "Verantwortlich: {operator}, {address}, {email}",
            operator=contact.operator,
            address=contact.address,
            email=contact.email,
        ),
        "barrier": t("Hindernis melden: {email}", email=contact.accessibility_email),
        "privacy": t("Fragen zum Datenschutz: {email}", email=contact.privacy_email),
    }


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )

"""The account pages of mode `keycloak`: from here to the provider, and back from there."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.auth.account_paths import SIGN_IN, address
from shared.auth.next_path import START_PAGE
from shared.auth.pages import error_text, rendered
from shared.errors import UrbanKiError
from shared.i18n import Translator

BEGIN_FIELD = "start"
"""In the query of the sign-in page: do not show it, go to the provider."""
_TEMPLATE = "provider.html"


@dataclass(frozen=True, slots=True)
class _Page:
    heading: str
    path: str
    label: str
    target: str = field(repr=False)
    text: str = ""
    notice: str = ""
    error: str = ""
    next_path: str = START_PAGE


def sign_in_page(
    t: Translator,
    gallery: str,
    *,
    next_path: str,
    error: UrbanKiError | None = None,
    notice: str = "",
) -> str:
    """Return the page from which people go to the provider.

    Args:
        t: Translator.
        gallery: Its name.
        next_path: Page to show afterwards.
        error: Why it did not work.
        notice: Translated sentence about what has happened.
    """
    again = {BEGIN_FIELD: "1", "weiter": next_path, "sprache": t.language}
    page = _Page(
        heading=t("Anmelden"),
        path=SIGN_IN,
        text="" if error else t("Sie melden sich beim Anmeldedienst Ihrer Kommune an."),
        label=t("Noch einmal versuchen") if error else t("Weiter zum Anmeldedienst"),
        target=address(SIGN_IN, **again),
        notice=notice,
        error=error_text(t, error),
        next_path=next_path,
    )
    return rendered(t, gallery, page, _TEMPLATE)


def sign_out_page(t: Translator, gallery: str, target: str) -> str:
    """Return the page for somebody who has signed out here, but not yet at the provider.

    A page, because browsers follow no redirect from a form of this gallery to another host.

    Args:
        t: Translator.
        gallery: Its name.
        target: Where the provider signs out.
    """
    page = _Page(
        heading=t("Abmelden"),
        path="",
        text=t(
            "Hier sind Sie abgemeldet. Beim Anmeldedienst sind Sie es erst nach dem nächsten "
            "Schritt: Sonst kann sich in diesem Browser jemand ohne Passwort wieder anmelden."
        ),
        label=t("Auch beim Anmeldedienst abmelden"),
        target=target,
    )
    return rendered(t, gallery, page, _TEMPLATE)

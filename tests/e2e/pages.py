"""The pages of the gallery, found by its own registry and links."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from shared.registry.discover import manifests
from shared.ui.accounts.overview import PANELS
from shared.ui.navigation import ACCOUNTS_PATH
from tests.e2e.browser import observed_page


@dataclass(frozen=True)
class GalleryPage:
    """One page.

    Args:
        name: Short name for reports and file names.
        path: Path with query.
        shows_result: Whether it computes a result that the audit must wait for.
        owns_title: Whether its title must differ from all others.
        is_plain: Whether it is plain HTML, without Streamlit.
        signed_in: Whether somebody has to be signed in.
    """

    name: str
    path: str
    shows_result: bool = False
    owns_title: bool = True
    is_plain: bool = False
    signed_in: bool = True


def app_pages() -> list[GalleryPage]:
    """The page and the profile of every app, and the page with its sample."""
    pages = []
    for app in manifests():
        pages += [
            GalleryPage(app.id, f"/{app.id}"),
            GalleryPage(f"{app.id}-steckbrief", f"/{app.id}?ansicht=steckbrief", owns_title=False),
            GalleryPage(f"{app.id}-beispiel", f"/{app.id}?beispiel=1", True, False),
        ]
    return pages


def account_pages() -> list[GalleryPage]:
    """The pages on which people sign in and change their password."""
    return [
        GalleryPage("anmelden", "/konto/anmelden", is_plain=True, signed_in=False),
        GalleryPage("abgemeldet", "/konto/anmelden?ende=1", False, False, True, False),
        GalleryPage("passwort", "/konto/passwort", is_plain=True),
    ]


def administration_pages() -> list[GalleryPage]:
    """The parts of the administration; its entry stands in a menu, so no link leads there."""
    path = f"/{ACCOUNTS_PATH}"
    return [
        GalleryPage(ACCOUNTS_PATH, path),
        *(
            GalleryPage(f"{ACCOUNTS_PATH}-{panel}", f"{path}?bereich={panel}", owns_title=False)
            for panel in PANELS
        ),
    ]


def house_pages(browser: Browser, origin: str) -> list[GalleryPage]:
    """Home, every page that home links to which is no app, and the administration."""
    slugs = {app.id for app in manifests()}
    with observed_page(browser, origin) as home:
        home.open("/")
        links = home.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    own = urlsplit(origin).netloc
    paths = {urlsplit(link).path for link in links if urlsplit(link).netloc == own}
    names = {path.strip("/") for path in paths} - slugs - {"", "start"}
    linked = (GalleryPage(name, f"/{name}") for name in sorted(names))
    return [GalleryPage("start", "/"), *linked, *administration_pages()]

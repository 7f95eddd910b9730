"""The skeleton of every app page: title, notices, numbered steps, main action, error boundary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from shared.auth.person_tokens import person_tokens
from shared.auth.principal import Principal
from shared.auth.services import process_services
from shared.auth.session import principal, require_page
from shared.clients.model_server import ModelServerClient
from shared.errors import ModelServerError, NotAllowed, NotFound, NotSignedIn
from shared.i18n import Language, Translator
from shared.registry.manifest import AppManifest
from shared.settings import Settings, get_settings
from shared.store.store import Store, process_store
from shared.ui.ending import end_page
from shared.ui.failures import error_boundary, show_failure
from shared.ui.kiosk import is_kiosk
from shared.ui.language import translator
from shared.ui.story import tell_story

SAMPLE_PARAMETER = "beispiel"
RESULT_PARAMETER = "ergebnis"
VIEW_PARAMETER = "ansicht"
PROFILE_VIEW = "steckbrief"
_PENDING = "gallery_pending_action"


@dataclass(frozen=True, slots=True)
class AppContext:
    """What a page works with.

    Args:
        manifest: The app's manifest.
        t: Translator with the app's own catalogue.
        settings: Settings of the house.
        session_id: Session that has opened the page.
    """

    manifest: AppManifest
    t: Translator
    settings: Settings
    session_id: str = ""

    @property
    def principal(self) -> Principal:
        """Who acts; asked anew, because a fragment or a download may run long after its page."""
        is_on_page = get_script_run_ctx(suppress_warning=True) is not None
        return principal("" if is_on_page else self.session_id)

    @property
    def tenant(self) -> str:
        """Municipality whose data are shown."""
        return self.principal.active_tenant

    @property
    def language(self) -> Language:
        """Language of this page."""
        return self.t.language

    @property
    def models(self) -> ModelServerClient:
        """Client of the model server that acts for the person of this page."""
        return model_client(self.principal)

    @property
    def store(self) -> Store:
        """Runs, files, data space and decisions; one for all sessions of this process."""
        return process_store()


@lru_cache(maxsize=1)
def house_client() -> ModelServerClient:
    """Return the client with which the gallery itself asks about models, for nobody."""
    return ModelServerClient(get_settings())


def model_client(acting: Principal) -> ModelServerClient:
    """Return a client that acts for a person; all of this process share their connections.

    Args:
        acting: Who.
    """
    return house_client().acting_as(person_tokens(process_services(), acting))


@contextmanager
def app_page(slug: str) -> Iterator[AppContext]:
    """Open an app's page: checks, title, notices, and a boundary that keeps tracebacks away.

    `with app_page("aviary") as ctx:` is the whole page script; `?ansicht=steckbrief` shows the
    app's profile instead of the steps.

    Args:
        slug: App folder.
    """
    t = translator(slug)
    ctx = _open(slug, t)
    st.title(ctx.manifest.localized("title", ctx.language), anchor=False)
    st.markdown(ctx.manifest.localized("tagline", ctx.language))
    if is_kiosk():
        tell_story(ctx.manifest, t, sample=SAMPLE_PARAMETER, result=RESULT_PARAMETER)
    if st.query_params.get(VIEW_PARAMETER) == PROFILE_VIEW:
        _profile_view(ctx)
    notice_bar(ctx)
    with error_boundary(t, slug):
        try:
            yield ctx
        except ModelServerError:
            raise
        except Exception:
            st.session_state.pop(_PENDING, None)
            raise
        st.session_state.pop(_PENDING, None)


def _open(slug: str, t: Translator) -> AppContext:
    """Check the right to open the page; a refusal is shown and ends the script."""
    try:
        manifest = require_page(slug)
    except (NotAllowed, NotFound, NotSignedIn) as error:
        show_failure(error, t, slug)
        end_page()
    return AppContext(manifest, t, get_settings(), principal().session_id)


def _profile_view(ctx: AppContext) -> None:
    from shared.ui.profile import steckbrief

    steckbrief(ctx)
    if st.button(ctx.t("Zur Anwendung"), key=f"{ctx.manifest.id}_open", type="primary"):
        del st.query_params[VIEW_PARAMETER]
        st.rerun()
    end_page()


def notice_bar(ctx: AppContext, *notices: str) -> None:
    """Show what a reader must know before any result.

    Args:
        ctx: Context of the page.
        *notices: Translated sentences of the app itself.
    """
    sentences = list(notices)
    if ctx.manifest.status == "prototyp":
        sentences.append(
            ctx.t(
                "Prototyp: Prüfen Sie Ergebnisse, bevor Sie danach handeln. Ein Mensch entscheidet."
            )
        )
    if sentences:
        st.info("\n\n".join(sentences))


@contextmanager
def step(
    ctx: AppContext, number: int, title: str, *, done: bool, help: str | None = None
) -> Iterator[None]:
    """Open one numbered step of the page.

    Args:
        ctx: Context of the page.
        number: 1 choose, 2 check, 3 result, 4 decide, 5 export.
        title: Translated title.
        done: True when nothing is left to do here; said in words.
        help: Translated sentence below the title.
    """
    state = ctx.t("erledigt") if done else ctx.t("offen")
    with st.container(key=f"{ctx.manifest.id}_step_{number}"):
        colour = "green" if done else "gray"
        st.header(f"{number}. {title} :{colour}-badge[{state}]", anchor=False)
        if help:
            st.caption(help)
        yield


def primary_action(label: str, *, key: str, disabled_reason: str | None = None) -> bool:
    """Show the one main button; a disabled one says why.

    Returns True on the click, and again on the runs after it while the page waits for the model
    server, so the work starts by itself when the server is back.

    Args:
        label: Translated label.
        key: Widget key, prefixed by the slug.
        disabled_reason: Translated reason why it cannot be used now.
    """
    clicked = st.button(label, key=key, type="primary", disabled=disabled_reason is not None)
    if disabled_reason is not None:
        st.caption(disabled_reason)
        return False
    if clicked:
        st.session_state[_PENDING] = key
    return st.session_state.get(_PENDING) == key


def empty_state(title: str, text: str, action_label: str | None = None, *, key: str = "") -> bool:
    """Say that there is nothing yet and what to do; returns True when the action is clicked.

    Args:
        title: Translated title.
        text: Translated advice.
        action_label: Translated label of a button; None shows none.
        key: Widget key of the button.
    """
    st.info(text, title=title)
    return action_label is not None and st.button(action_label, key=key or f"empty_{action_label}")

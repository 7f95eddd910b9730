"""Errors on pages: plain words and a reference, never a traceback; recovery without a click."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from shared.auth.session import note_denial
from shared.errors import (
    AppBroken,
    ModelServerDown,
    ModelServerNotReady,
    NotAllowed,
    NotSignedIn,
    UrbanKiError,
    new_reference,
)
from shared.i18n import Translator
from shared.ui.account_menu import sign_in_link
from shared.ui.language import translator
from shared.ui.probe import probe

RETRY_INTERVAL_S = 2
logger = logging.getLogger(__name__)


def log_failure(error: BaseException) -> str:
    """Log an unexpected error with its traceback and return its reference number."""
    reference = new_reference()
    logger.error("%s %s", reference, type(error).__name__, exc_info=error)
    return reference


def error_box(error: UrbanKiError, *, reference: str, t: Translator | None = None) -> None:
    """Say what happened, what to do and the reference number.

    Whoever is not signed in gets a link to the form. A missing model server needs no click: the box
    looks every two seconds whether it is back and then runs the page again.

    Args:
        error: What happened.
        reference: Number that also stands in the log.
        t: Translator of the app; the gallery's by default.
    """
    t = t or translator()
    message, advice = t.error(error)
    number = t("Vorgangsnummer: {reference}", reference=reference)
    st.error(f"{advice}\n\n{number}", title=message)
    if isinstance(error, NotSignedIn):
        sign_in_link(t)
    if isinstance(error, ModelServerDown | ModelServerNotReady):
        _wait_for_model_server(t)


@contextmanager
def error_boundary(t: Translator | None = None, app: str = "") -> Iterator[None]:
    """Turn every error of a page into an error box; the rest of the gallery stays usable.

    Args:
        t: Translator of the app; the gallery's by default.
        app: App whose page it is.
    """
    try:
        yield
    except Exception as error:
        show_failure(error, t, app)


def show_failure(error: Exception, t: Translator | None = None, app: str = "") -> None:
    """Log an error of a page and say it in plain words.

    Args:
        error: What happened; a refusal goes into the audit as well.
        t: Translator of the app; the gallery's by default.
        app: App whose page it is.
    """
    if isinstance(error, UrbanKiError):
        reference = new_reference()
        # The code alone: a message may hold the name of a file, which no log may hold.
        logger.warning("%s %s", reference, error.code)
        if isinstance(error, NotAllowed):
            note_denial(error, reference, app)
        error_box(error, reference=reference, t=t)
    else:
        shown = AppBroken() if isinstance(error, ImportError) else UrbanKiError()
        error_box(shown, reference=log_failure(error), t=t)


def show_script_error(error: Exception) -> bool:
    """Show and log what no error boundary caught: errors in callbacks and in fragments.

    Args:
        error: What happened.

    Returns:
        True, so that Streamlit shows nothing of its own.
    """
    show_failure(error)
    return True


def _wait_for_model_server(t: Translator) -> None:
    @st.fragment(run_every=RETRY_INTERVAL_S)
    def wait() -> None:
        if probe().look_now().ready:
            st.rerun()
        st.caption(t("Die Seite wartet auf den Modellserver und macht dann von selbst weiter."))

    wait()

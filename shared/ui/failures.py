"""Errors on pages: plain words and a reference, never a traceback; recovery without a click."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from shared.errors import (
    AppBroken,
    ModelServerDown,
    ModelServerNotReady,
    UrbanKiError,
    new_reference,
)
from shared.i18n import Translator
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

    A missing model server needs no click: the box looks every two seconds whether it is back and
    then runs the page again.

    Args:
        error: What happened.
        reference: Number that also stands in the log.
        t: Translator of the app; the gallery's by default.
    """
    t = t or translator()
    message, advice = t.error(error)
    number = t("Vorgangsnummer: {reference}", reference=reference)
    st.error(f"{advice}\n\n{number}", title=message)
    if isinstance(error, ModelServerDown | ModelServerNotReady):
        _wait_for_model_server(t)


@contextmanager
def error_boundary(t: Translator | None = None) -> Iterator[None]:
    """Turn every error of a page into an error box; the rest of the gallery stays usable."""
    try:
        yield
    except UrbanKiError as error:
        reference = new_reference()
        # The code alone: a message may hold the name of a file, which no log may hold.
        logger.warning("%s %s", reference, error.code)
        error_box(error, reference=reference, t=t)
    except ImportError as error:
        error_box(AppBroken(), reference=log_failure(error), t=t)
    except Exception as error:
        error_box(UrbanKiError(), reference=log_failure(error), t=t)


def show_script_error(error: Exception) -> bool:
    """Show and log what no error boundary caught, for example an error in a callback.

    Args:
        error: What happened.

    Returns:
        True, so that Streamlit shows nothing of its own.
    """
    error_box(UrbanKiError(), reference=log_failure(error))
    return True


def _wait_for_model_server(t: Translator) -> None:
    @st.fragment(run_every=RETRY_INTERVAL_S)
    def wait() -> None:
        if probe().look_now().ready:
            st.rerun()
        st.caption(t("Die Seite wartet auf den Modellserver und macht dann von selbst weiter."))

    wait()

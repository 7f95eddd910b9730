"""The Steckbrief of an app: its README, its measured figures, who decides."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import streamlit as st

from shared.registry.discover import APPS_FOLDER
from shared.registry.evaluation import read_evaluation
from shared.ui.result import measured_range, measured_sentence
from shared.ui.shell import AppContext

logger = logging.getLogger(__name__)
_HEADING = re.compile(r"^(#{1,6})\s+(.*)$")


def steckbrief(ctx: AppContext) -> None:
    """Show the app's profile in an order that is the same for every app.

    Args:
        ctx: Context of the page.
    """
    t, manifest = ctx.t, ctx.manifest
    st.header(t("Steckbrief"), anchor=False)
    folder = APPS_FOLDER / manifest.id
    facts = [
        (t("Wer entscheidet"), manifest.localized("human_decision", ctx.language)),
        (t("Personenbezogene Daten"), manifest.localized("personal_data", ctx.language)),
        (t("Nicht geeignet für"), manifest.localized("not_for", ctx.language)),
        (t("Aufsicht durch Menschen"), manifest.ai_act_text("oversight", ctx.language)),
    ]
    for title, text in facts:
        st.markdown(f"**{title}:** {text}")
    _quality(ctx, folder)
    _readme(ctx, folder)


def _quality(ctx: AppContext, folder: Path) -> None:
    t = ctx.t
    st.subheader(t("Gemessene Güte"), anchor=False)
    try:
        evaluation = read_evaluation(folder)
    except (OSError, ValueError):
        logger.exception("evaluation.json of %s cannot be read", ctx.manifest.id)
        st.markdown(t("Die gemessene Güte kann nicht gelesen werden."))
        return
    if evaluation is None:
        st.markdown(t("Noch nicht gemessen."))
        return
    for figure in evaluation.figures:
        st.markdown(measured_sentence(figure, t))
        if interval := measured_range(figure, t):
            st.caption(interval)
        # Plain: the colours of highlighted shell code fall below the contrast that text needs.
        st.code(figure.command, language=None)


def _readme(ctx: AppContext, folder: Path) -> None:
    english = folder / "README.en.md"
    german = folder / "README.md"
    path = english if ctx.language == "en" and english.is_file() else german
    if not path.is_file():
        return
    text = demote_headings(path.read_text(encoding="utf-8"))
    if ctx.language == "en" and path == german:
        st.caption(ctx.t("Die ausführliche Beschreibung gibt es nur auf Deutsch."))
    language = "en" if path == english else "de"
    with st.container(key=f"lang_{language}_{ctx.manifest.id}_readme"):
        st.markdown(text, anchors=False)


def demote_headings(markdown: str) -> str:
    """Drop the document title and move the other headings one level down.

    The page has its own h1 and an h2 for the profile; headings must not jump.
    """
    lines: list[str] = []
    fenced = False
    for line in markdown.splitlines():
        fenced = fenced != line.startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
        elif len(heading[1]) > 1:
            lines.append(f"{'#' * min(len(heading[1]) + 1, 6)} {heading[2]}")
    return "\n".join(lines).strip()

"""Step 3 of the page: state the resolution, open the image, see what the checks say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import streamlit as st

from apps.aviary.inputs.image_check import CheckedImage, look_over
from apps.aviary.preflight import outside_checked_range
from apps.aviary.recipes import Recipe
from apps.aviary.season import name_months
from apps.aviary.views.folder import path_of
from shared.contracts.finding import Finding, may_continue
from shared.errors import InputError
from shared.geo.raster import OpenOptions
from shared.i18n import parse_number
from shared.limited_reading import read_limited
from shared.ui import AppContext, ChosenData, escape_markdown, show_checks
from shared.ui.failures import show_failure

GSD_RANGE_CM = (1.0, 500.0)
DAY_UNKNOWN = "jahreszeit_unbekannt"
_FORCE = "aviary_force"
EARLIEST_DAY = date(1900, 1, 1)


def check_image_of(
    ctx: AppContext,
    recipe: Recipe,
    chosen: ChosenData,
    options: OpenOptions,
    missing: tuple[Finding, ...],
) -> tuple[CheckedImage, bool] | None:
    """Show what the checks say; None until the image may be evaluated.

    Args:
        ctx: Context of the page.
        recipe: What is looked for.
        chosen: The file.
        options: How it is opened.
        missing: What else stops the work.

    Returns:
        The image, and whether its resolution lies outside the recipe's range.
    """
    checked = open_checked(chosen, options, recipe, force=False)
    force = False
    if not isinstance(checked, InputError) and outside_checked_range(checked.info, recipe):
        force = st.checkbox(
            ctx.t("Trotzdem auswerten, außerhalb des geprüften Bereichs"), key=_FORCE
        )
        if force:
            checked = open_checked(chosen, options, recipe, force=True)
    if isinstance(checked, InputError):
        show_failure(checked, ctx.t, ctx.manifest.id)
        return None
    findings = (*shown_findings(checked.findings, is_example=chosen.is_sample), *missing)
    return (checked, force) if show_checks(findings, ctx.t) else None


def shown_findings(findings: Iterable[Finding], *, is_example: bool) -> tuple[Finding, ...]:
    """Return findings as a person reads them; about an example nobody is asked for its day.

    Args:
        findings: What the checks found.
        is_example: Whether the image is an example.
    """
    named = name_months(findings)
    if not is_example:
        return named
    return tuple(replace(one, remedy="") if one.code == DAY_UNKNOWN else one for one in named)


def passes(
    chosen: ChosenData, options: OpenOptions, recipe: Recipe, missing: tuple[Finding, ...]
) -> bool:
    """Say whether nothing stops the work on an image.

    Args:
        chosen: The file.
        options: How it is opened.
        recipe: What is looked for.
        missing: What else stops the work.
    """
    checked = open_checked(chosen, options, recipe, force=False)
    if isinstance(checked, InputError):
        return False
    if outside_checked_range(checked.info, recipe) and st.session_state.get(_FORCE):
        checked = open_checked(chosen, options, recipe, force=True)
        if isinstance(checked, InputError):
            return False
    return may_continue([*checked.findings, *missing])


def open_checked(
    chosen: ChosenData, options: OpenOptions, recipe: Recipe, *, force: bool
) -> CheckedImage | InputError:
    """Open and check the image, once per image and statement; a refusal is remembered too.

    Args:
        chosen: The file.
        options: How it is opened.
        recipe: What is looked for.
        force: A resolution outside the recipe's range is only a hint.
    """
    # The recipe itself: one of others may have the name and version of another.
    key = (chosen.file.sha256, options, recipe)
    known: dict[bool, CheckedImage | InputError] = {}
    stored = st.session_state.get("aviary_checked")
    if stored is not None and stored[0] == key:
        known = stored[1]
    if force not in known:
        known[force] = _inspect(chosen, options, recipe, force=force)
        st.session_state["aviary_checked"] = (key, known)
    return known[force]


def _inspect(
    chosen: ChosenData, options: OpenOptions, recipe: Recipe, *, force: bool
) -> CheckedImage | InputError:
    """Open our own example here, and what others made in a process of its own."""
    file = chosen.file
    try:
        if chosen.is_sample:
            return look_over(file.content, recipe, options, name=file.name, force=force)
        return read_limited(
            look_over,
            file.content,
            recipe,
            options,
            name=file.name,
            force=force,
            path=path_of(file),
        )
    except InputError as error:
        return error


def stated_gsd_m(ctx: AppContext) -> float | None:
    """Ask for the resolution in centimetres, the unit in which suppliers state it.

    Args:
        ctx: Context of the page.

    Returns:
        Metres per pixel; None where nothing useful was stated.
    """
    t = ctx.t
    text = st.text_input(
        t("Bodenauflösung in Zentimetern je Bildpunkt"),
        key="aviary_gsd_cm",
        max_chars=12,
        placeholder=t("zum Beispiel 10"),
        help=t(
            "Steht beim Lieferanten des Luftbilds; amtliche Luftbilder haben meist 10 oder 20 cm. "
            "Bei GeoTIFF steht sie in der Datei, dann bleibt das Feld leer."
        ),
    )
    if not text.strip():
        return None
    low, high = GSD_RANGE_CM
    try:
        value = parse_number(text, ctx.language).value
    except ValueError:
        value = 0.0
    if low <= value <= high:
        return value / 100
    st.error(
        t(
            "„{typed}“ ist keine Bodenauflösung. Erlaubt ist eine Zahl von {low} bis {high}.",
            typed=escape_markdown(text),
            low=low,
            high=high,
        )
    )
    return None


def stated_day(ctx: AppContext) -> date | None:
    """Ask for the day on which an image was taken; None where the file may say it.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    day: date | None = st.date_input(
        t("Tag der Aufnahme, wenn bekannt"),
        value=None,
        min_value=EARLIEST_DAY,
        format="DD.MM.YYYY",
        key="aviary_taken_on",
        help=t(
            "Steht beim Lieferanten des Luftbilds. Bleibt das Feld leer, gilt der Tag, den die "
            "Datei nennt."
        ),
    )
    return day

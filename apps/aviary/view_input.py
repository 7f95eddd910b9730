"""Steps 1 and 2 of the page: choose an image, state its resolution, see the checks."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from apps.aviary.ordering import page_limits
from apps.aviary.preflight import outside_checked_range
from apps.aviary.recipes import Recipe
from apps.aviary.run_image import inspect_image
from apps.aviary.sample import (
    SAMPLE_GSD_M,
    SAMPLE_NAME,
    render_sample,
    sample_png,
)
from shared.contracts.finding import Finding
from shared.errors import InputError
from shared.geo.raster import OpenOptions, RasterInfo
from shared.i18n import parse_number
from shared.limited_reading import read_limited
from shared.ui import (
    AppContext,
    ChosenData,
    SampleFile,
    choose_data,
    escape_markdown,
    show_checks,
    step,
)
from shared.ui.failures import show_failure

GSD_RANGE_CM = (1.0, 500.0)
Checked = tuple[RasterInfo, tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """An image that may be evaluated.

    Args:
        chosen: The file.
        info: What is known about it.
        options: How it is opened.
        force: Work outside the recipe's resolution range.
    """

    chosen: ChosenData
    info: RasterInfo
    options: OpenOptions
    force: bool


def choose_image(ctx: AppContext, recipe: Recipe) -> ReadyImage | None:
    """Show both steps; None until there is an image that may be evaluated.

    Args:
        ctx: Context of the page.
        recipe: What is looked for.
    """
    t = ctx.t
    waiting = st.session_state.get("aviary_source") == "file" and not st.session_state.get(
        "aviary_upload"
    )
    with step(ctx, 1, t("Luftbild wählen"), done=not waiting):
        chosen = choose_data(
            ctx,
            kinds=("jpeg", "png", "tiff", "webp"),
            sample=SampleFile(SAMPLE_NAME, _sample_bytes),
        )
        if chosen is None:
            st.session_state.pop("aviary_checked", None)
            return None
        options = _open_options(ctx, chosen)
    with step(ctx, 2, t("Prüfen"), done=options.gsd_m is not None or chosen.is_sample):
        return _check(ctx, recipe, chosen, options)


def _check(
    ctx: AppContext, recipe: Recipe, chosen: ChosenData, options: OpenOptions
) -> ReadyImage | None:
    checked = _checked(chosen, options, recipe, force=False)
    force = False
    if not isinstance(checked, InputError) and outside_checked_range(checked[0], recipe):
        force = st.checkbox(
            ctx.t("Trotzdem auswerten, außerhalb des geprüften Bereichs"), key="aviary_force"
        )
        if force:
            checked = _checked(chosen, options, recipe, force=True)
    if isinstance(checked, InputError):
        show_failure(checked, ctx.t, ctx.manifest.id)
        return None
    info, findings = checked
    if not show_checks(findings, ctx.t):
        return None
    return ReadyImage(chosen, info, options, force)


def _checked(
    chosen: ChosenData, options: OpenOptions, recipe: Recipe, *, force: bool
) -> Checked | InputError:
    """Open and check the image, once per image and statement; a refusal is remembered too."""
    key = (chosen.file.sha256, options)
    known: dict[bool, Checked | InputError] = {}
    stored = st.session_state.get("aviary_checked")
    if stored is not None and stored[0] == key:
        known = stored[1]
    if force not in known:
        known[force] = _inspect(chosen, options, recipe, force=force)
        st.session_state["aviary_checked"] = (key, known)
    return known[force]


def _inspect(
    chosen: ChosenData, options: OpenOptions, recipe: Recipe, *, force: bool
) -> Checked | InputError:
    """Open our own example here, and what others made in a process of its own."""
    file = chosen.file
    try:
        if chosen.is_sample:
            return inspect_image(file.content, recipe, options, name=file.name, force=force)
        return read_limited(
            inspect_image, file.content, recipe, options, name=file.name, force=force
        )
    except InputError as error:
        return error


def _open_options(ctx: AppContext, chosen: ChosenData) -> OpenOptions:
    limits = page_limits(ctx.manifest)
    if chosen.is_sample:
        return OpenOptions(gsd_m=SAMPLE_GSD_M, limits=limits)
    return OpenOptions(gsd_m=_stated_gsd_m(ctx), limits=limits)


def _stated_gsd_m(ctx: AppContext) -> float | None:
    """Ask for the resolution in centimetres, the unit in which suppliers state it."""
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


def _sample_bytes() -> bytes:
    return sample_png(render_sample())

"""The heat map of recipes that look for similar places: over the image, with legend and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from apps.aviary.class_maps.map_file import VALUES_FILE
from apps.aviary.finds.heat import HeatStep, draw_heat, heat_steps, read_heat
from apps.aviary.kinds.similar_method import METHOD
from apps.aviary.views.run import ShownRun
from shared.i18n import Translator
from shared.store import artifacts, runs
from shared.ui import AppContext, Column, LegendEntry, table

HEAT, PHOTO = "heat", "photo"
HEATS_HELD = 8
KEY = "aviary_heat"


@dataclass(frozen=True, slots=True)
class ShownHeat:
    """The picture of a result.

    Args:
        picture: JPEG: the image, with the heat map over it where there is one.
        steps: Its scale, the most similar step first; empty without a heat map.
    """

    picture: bytes
    steps: tuple[HeatStep, ...] = ()


def draw_stored_heat(ctx: AppContext, shown: ShownRun) -> ShownHeat:
    """Return the image of a run with its heat map; uses no Streamlit.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
    """
    if shown.analysis.recipe.method != METHOD:
        return ShownHeat(shown.overview)
    file = runs.result_files(ctx.principal, ctx.store, shown.run.id).get(VALUES_FILE)
    if file is None:
        return ShownHeat(shown.overview)
    heat = read_heat(artifacts.read(ctx.principal, ctx.store, file))
    return ShownHeat(draw_heat(heat, shown.overview), heat_steps(heat))


def heat_over_image(ctx: AppContext, shown: ShownRun) -> ShownHeat:
    """Return what lies below the finds, and let a person see the image alone.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
    """
    if shown.analysis.recipe.method != METHOD:
        return ShownHeat(shown.overview)
    found = _heats()(ctx.tenant, shown.run.id, shown.sha256, lambda: draw_stored_heat(ctx, shown))
    if not found.steps:
        return found
    t = ctx.t
    names = {HEAT: t("Wärmebild über dem Luftbild"), PHOTO: t("Nur Luftbild")}
    view = st.radio(
        t("Was soll das Bild zeigen?"),
        list(names),
        format_func=names.__getitem__,
        horizontal=True,
        key=f"{KEY}_view",
    )
    return found if view == HEAT else ShownHeat(shown.overview)


def heat_legend(heat: ShownHeat, t: Translator) -> list[LegendEntry]:
    """Return the scale as entries of a legend.

    Args:
        heat: The picture.
        t: Translator of the app.
    """
    return [
        LegendEntry(f"heat_{place}", step_words(one, t), one.colour, filled=True)
        for place, one in enumerate(heat.steps)
    ]


def step_words(one: HeatStep, t: Translator) -> str:
    """Name a step of the scale.

    Args:
        one: The step.
        t: Translator of the app.
    """
    return t("Ähnlichkeit {low} bis {high}", low=t.percent(one.low, 0), high=t.percent(one.high, 0))


def show_heat_words(ctx: AppContext, heat: ShownHeat) -> None:
    """Say in a table what the colours show, for people who cannot tell them.

    Args:
        ctx: Context of the page.
        heat: The picture.
    """
    if not heat.steps:
        return
    t = ctx.t
    with st.expander(t("Wärmebild in Zahlen"), key=f"{KEY}_numbers"):
        st.caption(
            t(
                "Die Ähnlichkeit vergleicht nur Stellen dieses Bildes untereinander; sie ist keine "
                "gemessene Trefferquote."
            )
        )
        table(
            [{"step": step_words(one, t), "share": one.share} for one in heat.steps],
            columns=(
                Column("step", t("Stufe")),
                Column("share", t("Anteil an der Fläche"), "percent", 1),
            ),
            key=f"{KEY}_rows",
            alt=t("Stufen des Wärmebilds mit ihrem Anteil an der Fläche"),
            t=t,
        )


@lru_cache(maxsize=1)
def _heats() -> Callable[[str, str, str, Callable[[], ShownHeat]], ShownHeat]:
    """Return the cache of drawn heat maps; made late, because it needs a running server."""

    def load(tenant: str, run_id: str, detection: str, _draw: Callable[[], ShownHeat]) -> ShownHeat:
        return _draw()

    return st.cache_resource(max_entries=HEATS_HELD, show_spinner=False)(load)

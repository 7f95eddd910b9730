"""Step 4 of the page for class maps: check random points, get true areas with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from apps.aviary.class_maps.area_uncertainty import (
    POINTS,
    UNCLEAR,
    Sample,
    draw_points,
    evaluate_points,
    point_key,
)
from apps.aviary.class_maps.map_file import CODES_FILE, ClassMap
from apps.aviary.finds.cut_out import frame_point
from apps.aviary.views.cut_out import AHEAD, show_cut_out
from apps.aviary.views.desk import Desk, may_decide, show_foreign
from apps.aviary.views.run import ShownMap
from apps.aviary.views.sample_result import Points, show_estimates, show_sample_export
from apps.aviary.views.verdict import Choice, show_buttons
from shared.geo.sampling import SamplePoint
from shared.store import artifacts
from shared.store.decisions import current
from shared.ui import AppContext, escape_markdown, is_kiosk, step

NAME = "aviary_sample"
DRAWINGS_HELD = 16
DIGITS = "1234567890"
UNCLEAR_KEY = "U"


def sample_step(ctx: AppContext, shown: ShownMap) -> None:
    """Show the step; a decision runs this step alone again. Visitors of a kiosk do not decide.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
    """
    if not shown.content.totals.classified or is_kiosk():
        return
    st.fragment(_sample)(ctx, shown)
    if may_decide(ctx):
        show_sample_export(ctx, shown, draw_once(ctx, shown))


def _sample(ctx: AppContext, shown: ShownMap) -> None:
    t, run, content = ctx.t, shown.run, shown.content
    decided = current(ctx.principal, ctx.store, run.id)
    desk = Desk(ctx, run.id, NAME, decided)
    has_begun = bool(decided) or st.session_state.get(f"{NAME}_begun") == run.id
    points = draw_once(ctx, shown)() if has_begun else ()
    truths = {key: one.value for key, one in decided.items()}
    left = [point for point in points if point_key(point) not in truths]
    with step(ctx, 4, t("Stichprobe prüfen"), done=bool(points) and not left):
        st.markdown(
            t(
                "Prüfen Sie zufällig gezogene Punkte. Danach stehen hier berichtigte Flächen mit "
                "ihrem Unsicherheitsbereich. Sie können jederzeit aufhören und später weitermachen."
            )
        )
        if not desk.may_decide:
            st.caption(t("Über Punkte entscheidet die Sachbearbeitung."))
        elif has_begun:
            _ask(desk, shown, points, left)
        else:
            st.button(
                t("Stichprobe von etwa {count} Punkten ziehen", count=POINTS),
                key=f"{NAME}_draw",
                on_click=st.session_state.__setitem__,
                args=(f"{NAME}_begun", run.id),
            )
        sample = evaluate_points(content, points, truths)
        if sample.checked:
            show_estimates(ctx, shown, sample)


def _ask(desk: Desk, shown: ShownMap, points: Points, left: Sequence[SamplePoint]) -> None:
    """Show the next point without what the map says about it, which would sway the person."""
    t = desk.ctx.t
    numbers = {point_key(point): place for place, point in enumerate(points)}
    wanted = desk.wanted(numbers)
    point = points[numbers[wanted]] if wanted else left[0] if left else None
    with st.container(key=f"live_{NAME}"):
        if point is None:
            st.success(t("Alle Punkte sind geprüft."))
        else:
            st.markdown(_question(desk, numbers[point_key(point)], len(points)))
            show_foreign(desk, point_key(point))
    if point is not None:
        info = shown.content.info
        others = [other for other in left if other is not point]
        places = [
            frame_point(one.column, one.row, info.width, info.height)
            for one in (point, *others[: AHEAD - 1])
        ]
        alt = t("Luftbild um den Punkt x {x}, y {y}", x=point.column, y=point.row)
        show_cut_out(desk.ctx, shown.run, info, shown.overview, places, alt)
    last = desk.last(numbers)
    back = t("Zurück")
    if last is not None:
        back = t("Punkt {number} zurücknehmen", number=numbers[last.item_key] + 1)
    show_buttons(
        desk, None if point is None else point_key(point), _choices(desk, shown.content), last, back
    )


def _question(desk: Desk, place: int, count: int) -> str:
    t = desk.ctx.t
    words, question = (
        t("Punkt {number} von {count}", number=place + 1, count=count),
        t("Was liegt dort am Boden?"),
    )
    return f"**{words}:** {question}"


def _choices(desk: Desk, content: ClassMap) -> list[Choice]:
    recipe, language = content.recipe, desk.ctx.language
    keys = [*DIGITS, *[None] * len(recipe.classes)]
    choices = [
        Choice(one.key, escape_markdown(recipe.title(one.key, language)), key)
        for one, key in zip(recipe.classes, keys, strict=False)
    ]
    return [*choices, Choice(UNCLEAR, desk.ctx.t("Unklar"), UNCLEAR_KEY)]


def draw_once(ctx: AppContext, shown: ShownMap) -> Callable[[], Points]:
    """Return what draws the points; the same ones for every person and after every reload."""
    file = shown.files[CODES_FILE]

    def draw() -> Points:
        path = artifacts.local_path(ctx.principal, ctx.store, file)
        return draw_points(path, shown.content.totals.pixels)

    return lambda: _drawings()(ctx.tenant, file.sha256, draw)


@dataclass(frozen=True, slots=True)
class CheckedPoints:
    """Points of a class map with what people said about them.

    Args:
        points: What was drawn, in random order.
        truths: What was decided, by `point_key`.
        told: What follows from it.
    """

    points: Points
    truths: Mapping[str, str]
    told: Sample


def checked_points(ctx: AppContext, shown: ShownMap) -> CheckedPoints | None:
    """Return the checked points of this moment; None where nobody has begun.

    Args:
        ctx: Context of the page.
        shown: The run with its class map.
    """
    decided = current(ctx.principal, ctx.store, shown.run.id)
    if not decided or not shown.content.totals.classified:
        return None
    truths = {key: one.value for key, one in decided.items()}
    points = draw_once(ctx, shown)()
    return CheckedPoints(points, truths, evaluate_points(shown.content, points, truths))


@lru_cache(maxsize=1)
def _drawings() -> Callable[[str, str, Callable[[], Points]], Points]:
    """Return the cache of drawn points; made late, because it needs a running server."""

    def load(tenant: str, codes: str, _draw: Callable[[], Points]) -> Points:
        return _draw()

    return st.cache_resource(max_entries=DRAWINGS_HELD, show_spinner=False)(load)

"""Mark places in the image that show what is looked for, and places that only look like it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from apps.aviary.inputs.examples import COUNTER, LEAST_EXAMPLES, MOST_EXAMPLES
from apps.aviary.inputs.image_check import CheckedImage
from shared.errors import N_
from shared.ui import AppContext, Column, ImageBase, LegendEntry, MapSpec, Shape, map_with_table

KEY: Final = "aviary_examples"
WANTED, UNWANTED = "wanted", "unwanted"
TITLES: Final = {
    WANTED: N_("Beispiel (gesucht)"),
    UNWANTED: N_("Gegenbeispiel (nicht gesucht)"),
}
COLOURS: Final = {WANTED: "#e6007e", UNWANTED: "#00c8ff"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked place.

    Args:
        x: From the left edge [px].
        y: From the upper edge [px].
        kind: Whether it shows what is looked for.
    """

    x: float
    y: float
    kind: str


def mark_examples(ctx: AppContext, checked: CheckedImage) -> bytes | None:
    """Ask for examples and counter-examples.

    Args:
        ctx: Context of the page.
        checked: The image.

    Returns:
        GeoJSON as `read_examples` takes it; None until there are enough examples.
    """
    t, marks = ctx.t, _marks(checked)
    st.markdown(
        t(
            "Markieren Sie {least} bis {most} Stellen, die zeigen, was Sie suchen. Gegenbeispiele "
            "sind Stellen, die nur so ähnlich aussehen. Wählen Sie für jede Stelle zuerst die "
            "Stecknadel links im Bild und klicken Sie dann auf die Stelle.",
            least=LEAST_EXAMPLES,
            most=MOST_EXAMPLES,
        )
    )
    kind = st.radio(
        t("Was markieren Sie als Nächstes?"),
        list(TITLES),
        format_func=lambda one: t(TITLES[one]),
        horizontal=True,
        key=f"{KEY}_kind",
    )
    _take_clicks(ctx, checked, marks, kind)
    _by_numbers(ctx, checked, marks)
    wanted = sum(one.kind == WANTED for one in marks)
    unwanted = len(marks) - wanted
    st.caption(
        t(
            "Markiert: {wanted}, {unwanted}.",
            wanted=t.plural("{count} Beispiel", "{count} Beispiele", wanted),
            unwanted=t.plural("{count} Gegenbeispiel", "{count} Gegenbeispiele", unwanted),
        )
    )
    return marks_geojson(marks) if _are_enough(marks) else None


def has_enough_marks() -> bool:
    """Say whether the image has as many marks as the recipe needs; uses the session alone."""
    stored: tuple[str, list[Mark]] | None = st.session_state.get(KEY)
    checked = st.session_state.get("aviary_checked")
    if stored is None or checked is None:
        return False
    key, _ = checked
    return stored[0] == key[0] and _are_enough(stored[1])


def _are_enough(marks: Sequence[Mark]) -> bool:
    wanted = sum(one.kind == WANTED for one in marks)
    return LEAST_EXAMPLES <= wanted <= MOST_EXAMPLES and len(marks) - wanted <= MOST_EXAMPLES


def marks_geojson(marks: Sequence[Mark]) -> bytes:
    """Write marked places as GeoJSON in pixels.

    Args:
        marks: The places.
    """
    features = [
        {
            "type": "Feature",
            "properties": {COUNTER: one.kind == UNWANTED},
            "geometry": {"type": "Point", "coordinates": [one.x, one.y]},
        }
        for one in marks
    ]
    content = {"type": "FeatureCollection", "coordinates": "pixel", "features": features}
    return json.dumps(content).encode("utf-8")


def _marks(checked: CheckedImage) -> list[Mark]:
    """Return the marks of this image; another image begins without any."""
    stored: tuple[str, list[Mark]] | None = st.session_state.get(KEY)
    if stored is None or stored[0] != checked.info.sha256:
        others = () if stored is None else stored[1]
        stored = st.session_state[KEY] = (checked.info.sha256, [])
        if others:
            st.rerun()  # the header of the step has still counted them
    return stored[1]


def _take_clicks(ctx: AppContext, checked: CheckedImage, marks: list[Mark], kind: str) -> None:
    t, info = ctx.t, checked.info
    event = map_with_table(
        MapSpec(
            ImageBase(checked.jpeg, "image/jpeg", info.width, info.height),
            [
                Shape(row, (((one.x, one.y),),), one.kind, t(TITLES[one.kind]))
                for row, one in enumerate(marks)
            ],
            [LegendEntry(one, t(title), COLOURS[one]) for one, title in TITLES.items()],
            draw=frozenset(("marker",)),
        ),
        [{"kind": t(TITLES[one.kind]), "x": one.x, "y": one.y} for one in marks],
        columns=(
            Column("kind", t("Art")),
            Column("x", t("von links"), "number", 0, t("Bildpunkte")),
            Column("y", t("von oben"), "number", 0, t("Bildpunkte")),
        ),
        key=f"{KEY}_map",
        alt=t("Luftbild mit den markierten Stellen; die Tabelle nennt dieselben Stellen."),
        t=t,
    )
    seen = f"{KEY}_seen"
    if event.drawn and st.session_state.get(seen) != event.drawn:
        st.session_state[seen] = event.drawn
        x, y = event.drawn[0]
        if 0 <= x <= info.width and 0 <= y <= info.height:
            marks.append(Mark(x, y, kind))
            st.rerun()
    if marks:
        st.button(
            t("Letzte Markierung entfernen"),
            key=f"{KEY}_undo",
            on_click=_drop_last,
            args=(marks,),
        )


def _drop_last(marks: list[Mark]) -> None:
    del marks[-1:]


def _by_numbers(ctx: AppContext, checked: CheckedImage, marks: list[Mark]) -> None:
    """Offer the same without a mouse.

    The mark is kept before the page is drawn again: who goes on at once interrupts that drawing,
    and a click that it had not reached yet would be lost.
    """
    t, info = ctx.t, checked.info
    with st.expander(t("Stelle in Zahlen angeben"), key=f"{KEY}_numbers"):
        left, right = st.columns(2)
        left.number_input(t("Bildpunkte von links"), 0, info.width, key=f"{KEY}_x")
        right.number_input(t("Bildpunkte von oben"), 0, info.height, key=f"{KEY}_y")
        st.button(t("Stelle markieren"), key=f"{KEY}_add", on_click=_keep_numbers, args=(marks,))


def _keep_numbers(marks: list[Mark]) -> None:
    x, y, kind = (st.session_state[f"{KEY}_{name}"] for name in ("x", "y", "kind"))
    marks.append(Mark(float(x), float(y), kind))

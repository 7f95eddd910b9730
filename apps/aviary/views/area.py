"""Which part of the image counts: all of it, a drawing, a district or a file."""

from __future__ import annotations

import streamlit as st

from apps.aviary.inputs.area_choice import (
    ChosenArea,
    Point,
    area_from_pixels,
    area_from_upload,
    districts_in,
    rectangle,
    shows_town,
)
from apps.aviary.inputs.image_check import CheckedImage
from shared.errors import N_, EmptyFile, InputError
from shared.geo.raster import RasterInfo
from shared.ui import (
    AppContext,
    Column,
    ImageBase,
    LegendEntry,
    MapSpec,
    Shape,
    is_kiosk,
    map_with_table,
)
from shared.ui.failures import show_failure

WHOLE, DRAWN, SLIDERS, DISTRICT, FILE = "whole", "drawn", "sliders", "district", "file"
TITLES = {
    WHOLE: N_("Ganzes Bild"),
    DRAWN: N_("Auf dem Bild zeichnen"),
    SLIDERS: N_("Rechteck mit Reglern"),
    DISTRICT: N_("Stadtteil"),
    FILE: N_("Datei (GeoJSON)"),
}
COLOUR = "#e6007e"
FILE_MB = 20


def choose_area(ctx: AppContext, checked: CheckedImage, *, may_upload: bool) -> ChosenArea | None:
    """Ask for the part of the image that counts; None takes all of it.

    Args:
        ctx: Context of the page.
        checked: The image.
        may_upload: Whether the person may bring a file.

    Raises:
        InputError: The chosen part cannot be used.
    """
    if is_kiosk():
        return None
    t, info = ctx.t, checked.info
    offered = [WHOLE, DRAWN, SLIDERS]
    offered += [DISTRICT] if shows_town(info) else []
    offered += [FILE] if may_upload else []
    way = st.radio(
        t("Welches Gebiet soll ausgewertet werden?"),
        offered,
        format_func=lambda one: t(TITLES[one]),
        horizontal=True,
        key="aviary_area",
    )
    if way == DISTRICT:
        with st.spinner(t("Die Stadtteile werden gelesen.")):
            districts = _districts(info)
        name = st.selectbox(t("Stadtteil"), list(districts), key="aviary_district")
        return _shown(ctx, checked, districts.get(name))
    if way == FILE:
        return _shown(ctx, checked, _from_file(ctx, info))
    if way == SLIDERS:
        return _shown(ctx, checked, area_from_pixels(_slid(ctx, info), info))
    return _drawn(ctx, checked) if way == DRAWN else None


def _districts(info: RasterInfo) -> dict[str, ChosenArea]:
    stored = st.session_state.get("aviary_districts")
    if stored is None or stored[0] != info.sha256:
        stored = st.session_state["aviary_districts"] = (info.sha256, districts_in(info))
    found: dict[str, ChosenArea] = stored[1]
    return found


def _from_file(ctx: AppContext, info: RasterInfo) -> ChosenArea | None:
    upload = st.file_uploader(
        ctx.t("GeoJSON mit dem Gebiet, höchstens {limit} MB", limit=FILE_MB),
        type=["geojson", "json"],
        key="aviary_area_file",
        max_upload_size=FILE_MB,
    )
    if upload is None:
        return None
    if not upload.size:
        raise EmptyFile()
    return area_from_upload(upload.getvalue(), info)


def _slid(ctx: AppContext, info: RasterInfo) -> tuple[Point, ...]:
    t = ctx.t
    left, right = st.columns(2)
    across = left.slider(
        t("Von links nach rechts, in Prozent der Breite"), 0, 100, (25, 75), key="aviary_across"
    )
    down = right.slider(
        t("Von oben nach unten, in Prozent der Höhe"), 0, 100, (25, 75), key="aviary_down"
    )
    return rectangle(_shares(across), _shares(down), info)


def _shares(percent: tuple[int, int]) -> tuple[float, float]:
    return percent[0] / 100, percent[1] / 100


def _drawn(ctx: AppContext, checked: CheckedImage) -> ChosenArea | None:
    """Let the person draw; what she drew stays until she draws anew or takes another image."""
    key, info = "aviary_drawn", checked.info
    stored: tuple[str, ChosenArea] | None = st.session_state.get(key)
    area = stored[1] if stored is not None and stored[0] == info.sha256 else None
    drawn = _map(ctx, checked, area, draws=True)
    if drawn is None:
        return area
    try:
        fresh = area_from_pixels(drawn, info)
    except InputError as error:
        show_failure(error, ctx.t, ctx.manifest.id)
        return area
    if area is None or fresh.content != area.content:
        st.session_state[key] = (info.sha256, fresh)
        st.rerun()
    return area


def _shown(ctx: AppContext, checked: CheckedImage, area: ChosenArea | None) -> ChosenArea | None:
    if area is not None:
        _map(ctx, checked, area, draws=False)
    return area


def _map(
    ctx: AppContext, checked: CheckedImage, area: ChosenArea | None, *, draws: bool
) -> tuple[Point, ...] | None:
    t, info = ctx.t, checked.info
    pixel_m2 = (info.pixel_width_m or 0) * (info.pixel_height_m or 0)
    polygons = [] if area is None else list(area.polygons.geoms)
    rows = [
        {"what": t("Gebiet"), "size": one.area * pixel_m2, "pixels": one.area} for one in polygons
    ]
    whole = info.width * info.height
    rows = rows or [{"what": t("Ganzes Bild"), "size": whole * pixel_m2, "pixels": whole}]
    shapes = [
        Shape(row, (tuple(one.exterior.coords),), "area", t("Gebiet"))
        for row, one in enumerate(polygons)
    ]
    columns = (
        Column("what", t("Gebiet")),
        Column("size", t("Fläche"), "number", 0, "m²"),
        Column("pixels", t("Größe"), "number", 0, t("Bildpunkte")),
    )
    event = map_with_table(
        MapSpec(
            ImageBase(checked.jpeg, "image/jpeg", info.width, info.height),
            shapes,
            [LegendEntry("area", t("Gebiet, das zählt"), COLOUR, quiet=True)],
            draw=frozenset(("rectangle", "polygon")) if draws else frozenset(),
            height_px=420,
        ),
        rows,
        columns=columns,
        key="aviary_area_map" if draws else "aviary_area_view",
        alt=t("Luftbild mit dem Gebiet, das ausgewertet wird; die Tabelle nennt seine Fläche."),
        t=t,
    )
    return event.drawn

"""Where the properties of the hits lie: pins on a plan and the same addresses as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.search_facts import address_of
from apps.archivair.search_places import Address, AddressBook, Point, bounds_around, draw_plan
from shared.demo_city import CRS, CitySettings, build_city, is_city_built
from shared.errors import NotAllowed
from shared.store import dataspace
from shared.store.layers import Layer
from shared.store.run_views import RunView
from shared.ui import (
    AppContext,
    Column,
    ImageBase,
    LegendEntry,
    MapSpec,
    Shape,
    map_with_table,
    table,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

MAP_HEIGHT_PX = 420
TOWNS_HELD, HELD_S = 4, 600
_ADDRESSES, _BUILDINGS = "addresses", "buildings"
_NEEDED: Final = {"street", "house_number"}
_PIN, _COLOUR = "pin", "#c2185b"
Name = tuple[str, str]
"""Street and house number."""


@dataclass(frozen=True)
class Town:
    """What is known of the municipality.

    Args:
        book: Its addresses.
        buildings: Outlines of its buildings [m]; None where nobody has published them.
    """

    book: AddressBook
    buildings: GeoDataFrame | None


def show_map(ctx: AppContext, hits: Sequence[tuple[Batch, int]], run: RunView) -> None:
    """Show the properties of hits.

    Args:
        ctx: Context of the page.
        hits: Batch and page of each hit.
        run: The run on the page; example data lie in the demo town.
    """
    t = ctx.t
    counts = Counter(address_of(batch, page) for batch, page in hits)
    counts = Counter({address: count for address, count in counts.items() if address[0]})
    if not counts:
        st.caption(t("Zu diesen Treffern ist keine Adresse erkannt."))
        return
    st.subheader(t("Wo die Grundstücke liegen"), anchor=False)
    town = _town(ctx, is_example=run.is_example)
    places = _places(town, counts)
    addresses = sorted(counts, key=lambda address: (address not in places, address))
    rows = [_row(ctx, address, counts[address], address in places) for address in addresses]
    columns = (
        Column("address", t("Adresse")),
        Column("hits", t("Treffer"), "number"),
        Column("state", t("Lage")),
    )
    alt = t("Karte mit den Grundstücken der Treffer; die Tabelle nennt dieselben Adressen.")
    key = f"{ctx.manifest.id}_search_map"
    if town is None or not places:
        st.caption(
            t(
                "Wo diese Adressen liegen, ist nicht bekannt. Die Karte zeigt sie, sobald im "
                "Datenraum ein Verzeichnis der Adressen liegt (Ebene „addresses“)."
            )
        )
        table(rows, columns=columns, key=key, alt=alt, t=t)
        return
    spec = _spec(ctx, town, [(address, places[address]) for address in addresses[: len(places)]])
    map_with_table(spec, rows, columns=columns, key=key, alt=alt, t=t)


def _places(town: Town | None, addresses: Iterable[Name]) -> dict[Name, Point]:
    found = {one: town.book.find(*one) for one in addresses} if town is not None else {}
    return {name: place for name, place in found.items() if place is not None}


def _row(ctx: AppContext, address: Name, hits: int, known: bool) -> dict[str, object]:
    t = ctx.t
    return {
        "address": " ".join(filter(None, address)),
        "hits": hits,
        "state": t("auf der Karte") if known else t("Lage nicht bekannt"),
    }


def _spec(ctx: AppContext, town: Town, pins: Sequence[tuple[Name, Point]]) -> MapSpec:
    bounds = bounds_around([place for _, place in pins])
    west, south, east, north = bounds
    houses = [] if town.buildings is None else town.buildings.cx[west:east, south:north].geometry
    plan = draw_plan(list(houses), bounds)
    return MapSpec(
        ImageBase(plan.jpeg, "image/jpeg", plan.width_px, plan.height_px),
        [
            Shape(row, ((plan.to_pixels(place),),), _PIN, " ".join(name))
            for row, (name, place) in enumerate(pins)
        ],
        [LegendEntry(_PIN, ctx.t("Grundstück mit Treffern"), _COLOUR)],
        height_px=MAP_HEIGHT_PX,
    )


def _town(ctx: AppContext, *, is_example: bool) -> Town | None:
    """Return the addresses of the data space, or for example data those of the demo town."""
    layers = _own_layers(ctx, is_example=is_example)
    if _ADDRESSES in layers:
        ids = tuple(layers[name].id for name in sorted(layers))
        return _towns()(ctx.tenant, ids, lambda: _published(ctx, layers))
    folder = ctx.settings.demo_city_folder
    if is_example and is_city_built(folder, CitySettings()):
        return _towns()(ctx.tenant, ("musterstadt",), lambda: _demo_town(folder))
    return None


def _own_layers(ctx: AppContext, *, is_example: bool) -> dict[str, Layer]:
    """Return the newest layers of addresses and buildings of the municipality."""
    try:
        every = dataspace.list_layers(ctx.principal, ctx.store, kind="vector")
    except NotAllowed:
        return {}
    return {
        name: layer
        for layer in every
        if layer.is_own
        and layer.is_example == is_example
        and (name := layer.name.split("/")[1]) in (_ADDRESSES, _BUILDINGS)
        and (name != _ADDRESSES or set(layer.schema) >= _NEEDED)
    }


def _published(ctx: AppContext, layers: dict[str, Layer]) -> Town:
    """Read layers of the data space; made metres of the common system."""

    def read(name: str) -> GeoDataFrame:
        found = dataspace.read_layer(ctx.principal, ctx.store, layers[name].name)
        return found.to_crs(CRS)

    buildings = read(_BUILDINGS) if _BUILDINGS in layers else None
    return Town(AddressBook(addresses_of(read(_ADDRESSES))), buildings)


def _demo_town(folder: Path) -> Town:
    city = build_city(CitySettings(), folder)
    return Town(AddressBook(addresses_of(city.layer(_ADDRESSES))), city.layer(_BUILDINGS))


def addresses_of(frame: GeoDataFrame) -> Iterator[Address]:
    """Yield the addresses of a layer, old names of streets included.

    Args:
        frame: Columns street, house_number and, where known, suffix and old_street.
    """
    for row in frame.to_dict("records"):
        number = f"{_text(row['house_number'])}{_text(row.get('suffix'))}"
        centre = row["geometry"].centroid
        for name in ("street", "old_street"):
            if street := _text(row.get(name)):
                yield Address(street, number, (centre.x, centre.y))


def _text(value: object) -> str:
    """Return a cell as text; missing ones are a float that is no number, or None."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ""
    return "" if value is None else str(value)


@lru_cache(maxsize=1)
def _towns() -> Callable[[str, tuple[str, ...], Callable[[], Town]], Town]:
    """Return the cache of towns; made late, because it needs a running server."""

    def load(tenant: str, layers: tuple[str, ...], _read: Callable[[], Town]) -> Town:
        return _read()

    return st.cache_resource(max_entries=TOWNS_HELD, ttl=HELD_S, show_spinner=False)(load)

"""The addresses of a municipality: of its data space, or of Musterstadt for example data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from apps.archivair.documents.folding import fold
from apps.archivair.documents.place_grammars import modern_street
from shared.contracts.identity.principal import Principal
from shared.demo_city import CitySettings, folder_of_city, is_city_built
from shared.report.layers import Crs
from shared.settings import Settings
from shared.store import dataspace
from shared.store.layers import Layer
from shared.store.store import Store

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from pandas import DataFrame

ADDRESSES, PARCELS = "addresses", "parcels"
_CRS: tuple[Crs, ...] = get_args(Crs)
_NEEDED = {"street", "label"}


@dataclass(frozen=True, slots=True)
class Place:
    """An address of the register.

    Args:
        street: Street, in the spelling of the register.
        house_number: House number with its letter.
        east_m: East in the register's coordinates [m].
        north_m: North [m].
        parcel_m2: Area of its Flurstück [m²]; None when the register does not tell it.
    """

    street: str
    house_number: str
    east_m: float
    north_m: float
    parcel_m2: float | None = None


@dataclass(frozen=True)
class AddressRegister:
    """The addresses of a municipality.

    Args:
        places: Addresses by `address_key`, former names of streets included.
        crs: Coordinate system of the places.
        source: Name of the layer they come from; empty when there is none.
    """

    places: Mapping[str, Place]
    crs: Crs = "EPSG:25832"
    source: str = ""

    def find(self, street: str, house_number: str) -> Place | None:
        """Return an address; None when the register does not have it.

        Args:
            street: Street as read or written.
            house_number: House number.
        """
        if not street or not house_number:
            return None
        return self.places.get(address_key(street, house_number))


NO_REGISTER = AddressRegister({})


def address_key(street: str, house_number: str) -> str:
    """Return how an address is compared: folded, its street written out, without blanks.

    Args:
        street: Street.
        house_number: House number.
    """
    return "".join(f"{fold(modern_street(street))}#{fold(house_number)}".split())


def load_register(
    principal: Principal, store: Store, settings: Settings, *, is_example: bool
) -> AddressRegister:
    """Return the addresses that the data space holds; for example data those of Musterstadt.

    Args:
        principal: Who reads.
        store: Where the data space is kept.
        settings: Name the folder of Musterstadt.
        is_example: Whether the batch is example data.

    Raises:
        NotAllowed: The role may not read the data space.
    """
    layers = dataspace.list_layers(principal, store, kind="vector")
    found = next((one for one in layers if _fits(one, is_example)), None)
    if found is not None:
        frame = dataspace.read_layer(principal, store, found.name, owner=found.owner)
        parcels = next((one for one in layers if _is(one, PARCELS, is_example)), None)
        areas = None
        if parcels is not None and {"parcel_id", "area_m2"} <= set(parcels.schema):
            areas = dataspace.read_table(principal, store, parcels.name, owner=parcels.owner)
        return register_of(frame, areas, found.name)
    folder = settings.demo_city_folder
    if is_example and is_city_built(folder, CitySettings()):
        return _musterstadt(folder, str(folder_of_city(folder, CitySettings())))
    return NO_REGISTER


def register_of(addresses: GeoDataFrame, parcels: DataFrame | None, source: str) -> AddressRegister:
    """Return the register of a layer.

    Args:
        addresses: Layer with `street` and `label` (street and number) and, where there are any,
            `old_street` and `parcel_id`; in UTM.
        parcels: Table with `parcel_id` and `area_m2` [m²]; None without.
        source: Name of the layer.
    """
    crs = next((one for one in _CRS if str(addresses.crs).upper() == one), None)
    frame = addresses if crs else addresses.to_crs(_CRS[1])
    areas = {} if parcels is None else dict(zip(parcels.parcel_id, parcels.area_m2, strict=True))
    places: dict[str, Place] = {}
    for row in frame.itertuples():
        street = str(row.street)
        number = str(row.label).removeprefix(street).strip()
        point = row.geometry.representative_point()
        area = areas.get(getattr(row, "parcel_id", None))
        place = Place(street, number, point.x, point.y, None if area is None else float(area))
        places[address_key(street, number)] = place
        former = getattr(row, "old_street", "")
        if isinstance(former, str) and former:
            places.setdefault(address_key(former, number), place)
    return AddressRegister(places, crs or _CRS[1], source)


def _fits(layer: Layer, is_example: bool) -> bool:
    return _is(layer, ADDRESSES, is_example) and set(layer.schema) >= _NEEDED


def _is(layer: Layer, what: str, is_example: bool) -> bool:
    return layer.name.split("/")[1] == what and layer.is_example == is_example


@lru_cache(maxsize=1)
def _musterstadt(folder: Path, _version: str) -> AddressRegister:
    """Read the town once; a folder of another version is another town."""
    from shared.demo_city import CityStore

    city = CityStore(folder, CitySettings()).city()
    return register_of(city.table(ADDRESSES), city.table(PARCELS), "Musterstadt")

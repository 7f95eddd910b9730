"""Which objects are derived from a class map, by the name of the method in a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from apps.aviary.finds.joining import FoundObject
from apps.aviary.surfaces.buildings import BuildingSettings, find_buildings
from apps.aviary.surfaces.class_map import ClassMap
from apps.aviary.surfaces.gravel_garden import GravelGardenSettings, find_gravel_gardens
from apps.aviary.surfaces.greenroof import GreenRoofSettings, find_green_roofs
from apps.aviary.surfaces.settings import MethodSettings
from apps.aviary.surfaces.trees import TreeSettings, find_trees
from apps.aviary.surfaces.water import PoolSettings, WaterSettings, find_pools, find_water

Settings = TypeVar("Settings", bound=MethodSettings)


@dataclass(frozen=True, slots=True)
class Derivation(Generic[Settings]):
    """How one kind of object is derived from a class map.

    Args:
        settings: What its recipe may set.
        find: Finds the objects.
    """

    settings: type[Settings]
    find: Callable[[ClassMap, Settings, Mapping[str, Path]], Iterator[FoundObject]]

    def check(self, settings: Mapping[str, object]) -> Settings:
        """Check the keys of a recipe's `[method]` table, without `name`.

        Raises:
            pydantic.ValidationError: A key is unknown or its value wrong.
        """
        return self.settings.model_validate(dict(settings))

    def derive(
        self, ground: ClassMap, settings: Settings, inputs: Mapping[str, Path]
    ) -> Iterator[FoundObject]:
        """Find objects; a few strips of the class map are held at a time.

        Args:
            ground: The class map.
            settings: What `check` returned.
            inputs: Files by their name in the recipe; those it needs are there.

        Yields:
            Objects in the order in which they end from top to bottom, without number, whatever
            their score; polygons may have holes.

        Raises:
            InputError: An input cannot be used.
        """
        return self.find(ground, settings, inputs)


DERIVATIONS: Final[Mapping[str, Derivation[Any]]] = MappingProxyType(
    {
        "buildings": Derivation(BuildingSettings, find_buildings),
        "greenroof": Derivation(GreenRoofSettings, find_green_roofs),
        "trees": Derivation(TreeSettings, find_trees),
        "water": Derivation(WaterSettings, find_water),
        "pools": Derivation(PoolSettings, find_pools),
        "gravel_garden": Derivation(GravelGardenSettings, find_gravel_gardens),
    }
)

"""Objects that are derived from a land cover class map."""

from apps.aviary.surfaces.class_map import ClassMap
from apps.aviary.surfaces.derivations import DERIVATIONS, Derivation

__all__ = ["DERIVATIONS", "ClassMap", "Derivation"]

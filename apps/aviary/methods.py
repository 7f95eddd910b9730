"""How each kind of recipe is worked on; jobs, commands and pages know no kind by its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from apps.aviary.kinds.change_method import ChangeMethod
from apps.aviary.kinds.index_method import IndexMethod
from apps.aviary.kinds.objects_method import ObjectsMethod
from apps.aviary.kinds.semantic_method import SemanticMethod
from apps.aviary.kinds.similar_method import SimilarMethod
from apps.aviary.kinds.surfaces_method import SurfacesMethod
from apps.aviary.recipe_book.schema import Kind
from apps.aviary.recipes import Recipe
from apps.aviary.work import Method

METHODS: Mapping[Kind, Method] = MappingProxyType(
    {
        "objects": ObjectsMethod(),
        "semantic": SemanticMethod(),
        "surfaces": SurfacesMethod(),
        "index": IndexMethod(),
        "change": ChangeMethod(),
        "similar": SimilarMethod(),
    }
)


def method_of(recipe: Recipe) -> Method:
    """Return how a recipe is worked on, after its settings were checked.

    Raises:
        RecipeBroken: A setting is missing, unknown or wrong, or there is no such method.
    """
    method = METHODS[recipe.kind]
    method.check(recipe)
    return method

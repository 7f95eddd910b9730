"""The page of similar places: their cells leave what lies below them readable."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.aviary.recipes import find_recipe
from apps.aviary.views import picture as view_picture
from shared.i18n import get_translator


@pytest.mark.parametrize(("name", "is_quiet"), [("similar", True), ("solar", False)])
def test_cells_do_not_hide_the_heat_map_below_them(name, is_quiet):
    recipe = find_recipe(name)
    find: Any = SimpleNamespace(class_key=recipe.classes[0].key, doubtful=True, object_id=1)
    ctx: Any = SimpleNamespace(t=get_translator("de"))
    analysis: Any = SimpleNamespace(recipe=recipe)
    entries = view_picture._legend(ctx, analysis, [find], {})
    assert [one.quiet for one in entries] == [is_quiet]

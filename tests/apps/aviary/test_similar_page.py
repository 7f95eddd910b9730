"""The page of similar places: their cells leave what lies below readable, and scores say so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from apps.aviary.finds.score_words import score_words
from apps.aviary.finds.words import how_sure
from apps.aviary.recipes import find_recipe
from apps.aviary.views import picture as view_picture, result as view_result
from shared.i18n import get_translator


@pytest.mark.parametrize(("name", "is_quiet"), [("similar", True), ("solar", False)])
def test_cells_do_not_hide_the_heat_map_below_them(name, is_quiet):
    recipe = find_recipe(name)
    find: Any = SimpleNamespace(class_key=recipe.classes[0].key, doubtful=True, object_id=1)
    ctx: Any = SimpleNamespace(t=get_translator("de"))
    analysis: Any = SimpleNamespace(recipe=recipe)
    entries = view_picture._legend(ctx, analysis, [find], {})
    assert [one.quiet for one in entries] == [is_quiet]


@pytest.mark.parametrize(("name", "word"), [("similar", "Ähnlichkeit"), ("solar", "Sicherheit")])
def test_the_page_names_what_the_score_means(name, word, monkeypatch):
    recipe, t = find_recipe(name), get_translator("de")
    ctx: Any = SimpleNamespace(t=t, language="de")
    nothing: Any = SimpleNamespace(objects=(), mean_confidence=0.4)
    columns = view_picture._columns(ctx, recipe, nothing, None, 0)
    assert [one.title for one in columns if one.key == "score"] == [word]
    assert f"Die mittlere {word} der Funde ist 40" in how_sure(recipe, nothing, t)
    asked: list[str] = []

    def slider(label: str, *_limits: object, **_options: object) -> int:
        asked.append(label)
        return 0

    side: Any = SimpleNamespace(slider=slider)
    monkeypatch.setattr(view_result.st, "columns", lambda _count: (side, side))
    analysis: Any = SimpleNamespace(recipe=recipe, threshold=recipe.threshold)
    view_result.choose_settings(ctx, analysis)
    assert asked[0] == f"Kleinste {word} in Prozent"
    assert f"Senken Sie die kleinste {word}" in score_words(recipe).nothing

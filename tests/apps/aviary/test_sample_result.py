"""The table of confusions holds every class, whatever a recipe of others calls it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from apps.aviary.class_maps.area_uncertainty import evaluate_points
from apps.aviary.views import sample_result
from shared.i18n import get_translator
from tests.apps.aviary.test_area_uncertainty import class_map, points_of, said


def test_a_class_called_mapped_is_no_column_of_the_page(monkeypatch):
    shown = []
    monkeypatch.setattr(
        sample_result, "table", lambda rows, *, columns, **_: shown.append((rows, columns))
    )
    plain = class_map({0: 30_000, 7: 70_000})
    points = points_of(0, 0, 7, 7)
    sample = evaluate_points(plain, points, said(points, 0, 7, 7, 7))
    first, *others = plain.recipe.classes
    recipe = replace(plain.recipe, classes=(replace(first, key="mapped"), *others))
    rows = (replace(sample.rows[0], key="mapped"), *sample.rows[1:])
    content = replace(plain, recipe=recipe)
    ctx = SimpleNamespace(t=get_translator("de", "aviary"), language="de")
    sample_result._confusion(ctx, content, replace(sample, rows=rows))
    ((told, columns),) = shown
    assert told[0]["mapped"] == recipe.title("mapped", "de")
    keys = [column.key for column in columns]
    assert len(set(keys)) == len(keys) == len(recipe.classes) + 1
    assert sum(share for key, share in told[0].items() if key != "mapped") == pytest.approx(0.3)

"""Which model of the catalogue a recipe uses."""

from dataclasses import replace

import numpy as np
import pytest

from apps.aviary.pinned import pin_model
from apps.aviary.recipes import find_recipe
from shared.clients.catalog import find_entry
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.errors import ModelMissing, RecipeBroken
from shared.geo.cache import tile_key


def entry(version, *, available=True, outputs=("instances",)):
    return CatalogEntry(
        name="solar",
        version=version,
        available=available,
        state="available" if available else "failed",
        outputs=list(outputs),
        gsd_best_m=0.1,
        min_score=0.3,
    )


class CatalogOnly:
    """A client that knows nothing but the catalogue."""

    def __init__(self, *entries):
        self._catalog = Catalog(models=list(entries))

    def models(self):
        return self._catalog


def pinned(*entries):
    return pin_model(CatalogOnly(*entries), find_recipe("solar"))


def test_the_newest_version_that_works_is_taken():
    broken, old, new = entry("9.0.0", available=False), entry("0.9.0"), entry("0.10.0")
    found = find_entry(Catalog(models=[broken, old, new]), "solar")
    assert found == new
    assert pinned(broken, old, new).version == "0.10.0"
    assert pinned(broken, old, new).gsd_m == 0.1


def test_a_refused_twin_of_a_model_does_not_hide_it():
    twins = Catalog(models=[entry("1.0.0", available=False), entry("1.0.0")])
    found = find_entry(twins, "solar")
    assert found is not None
    assert found.available


def test_a_model_that_is_only_planned_is_shown_but_not_used():
    planned = entry("", available=False)
    assert find_entry(Catalog(models=[planned]), "solar") == planned
    with pytest.raises(ModelMissing):
        pinned(planned)
    with pytest.raises(ModelMissing):
        pinned()


def test_a_model_that_gives_classes_cannot_find_objects():
    with pytest.raises(RecipeBroken, match=r"model\.name"):
        pinned(entry("1.0.0", outputs=("classes", "probabilities")))


@pytest.mark.parametrize("change", [{"version": "0.9.0"}, {"name": "pvs"}])
def test_the_same_weights_under_another_card_are_another_answer(change):
    model = pinned(entry("0.10.0"))
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    keys = {
        tile_key(pixels, one.sha256, one.asked("instances", gsd_m))
        for one, gsd_m in ((model, 0.1), (replace(model, **change), 0.1), (model, 0.2))
    }
    assert len(keys) == 3

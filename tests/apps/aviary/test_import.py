"""Sharing on the page: a run's recipe becomes a file, its test comes before its use elsewhere."""

from __future__ import annotations

import base64
import io
import re
import warnings
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from apps.aviary.recipe_book.imported import find_imported, list_imported, order_import
from apps.aviary.recipe_book.other_recipes import find_other, list_own_models
from apps.aviary.recipes import FOLDER, find_recipe, layer_topic, read_recipe, recipe_names
from apps.aviary.sharing.proof_image import SIDE_PX, choose_box, cut_proof_image
from apps.aviary.sharing.share import UsedModel, pack_recipe, read_shared_recipe, unpack_recipe
from shared.contracts.model_catalog import Catalog
from shared.errors import NotAllowed, RecipeVersionTaken
from shared.geo.raster import OpenOptions
from shared.store import artifacts, runs
from shared.store.store import process_store
from shared.ui import escape_markdown
from tests.apps.aviary import doubles
from tests.apps.aviary.test_own_model import entry
from tests.apps.aviary.test_page import (
    Model,
    finished,
    labels,
    opened,
    own_file,
    run_id_of,
    started,
    texts,
)
from tests.apps.aviary.test_share import IMAGE, PACKED, SOLAR, expected
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NAME = "meins.urbanki-recipe"
OTHER = "Meine Anlagen"
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def house(monkeypatch, tmp_path):
    """Page, store and worker with a double of the model server that finds blue things."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    model = Model(monkeypatch)
    model.client = doubles.finds_blue()
    yield model
    forget_process_state()


def renamed() -> bytes:
    """A shared recipe under the id of a built-in one, with a title of its own."""
    text = SOLAR.replace('title_de = "Solaranlagen"', f'title_de = "{OTHER}"')
    return pack_recipe(text.replace('version = "1.0.0"', 'version = "1.0.7"'), IMAGE, expected())


RENAMED = renamed()


def ordered(content: bytes, acting=CLERK):
    known = read_shared_recipe(content, NAME)
    return order_import(acting, process_store(), content, NAME, known, NOW)


def test_a_recipe_is_there_for_its_municipality_alone_once_it_has_passed(house):
    store = process_store()
    run = ordered(RENAMED)
    assert list_imported(CLERK, store).recipes == ()
    house.work_off()
    (one,) = list_imported(VIEWER, store).recipes
    assert one.text == unpack_recipe(RENAMED, NAME).text
    assert (one.key, one.recipe.title_de, one.recipe.version) == (run.id, OTHER, "1.0.7")
    assert one.model == expected().model
    elsewhere = person("admin", "anderswo")
    assert list_imported(elsewhere, store).recipes == ()
    assert find_imported(elsewhere, store, run.id) is None
    assert find_imported(CLERK, store, "solar") is None


def test_a_recipe_that_finds_something_else_is_not_there(house):
    house.client = doubles.finds_nothing()
    run = ordered(RENAMED)
    house.work_off()
    store = process_store()
    assert list_imported(CLERK, store).recipes == ()
    assert runs.get(CLERK, store, run.id).units_failed == 1
    (unit,) = runs.units(CLERK, store, run.id)
    assert unit.error_code == "rezept_nicht_bestanden"


def test_a_recipe_of_another_model_is_not_there(house):
    other = UsedModel(name="solar", version="9.9.9", sha256="cd" * 32)
    run = ordered(pack_recipe(SOLAR, IMAGE, expected(model=other)))
    house.work_off()
    (unit,) = runs.units(CLERK, process_store(), run.id)
    assert unit.error_code == "rezept_nicht_bestanden"
    assert "Das Modell ist" in (unit.error_message or "")
    assert house.client.asked == []
    assert list_imported(CLERK, process_store()).recipes == ()


def test_a_lost_file_hides_no_other_recipe(house):
    store = process_store()
    runs_of = [ordered(one) for one in (RENAMED, PACKED)]
    house.work_off()
    (lost,) = runs.result_files(CLERK, store, runs_of[0].id).values()
    artifacts.local_path(CLERK, store, lost).unlink()
    found = list_imported(CLERK, store)
    assert [one.key for one in found.recipes] == [runs_of[1].id]
    assert found.broken == (OTHER,)


def changed(version="1.0.7", threshold="0.25") -> bytes:
    """The same recipe with another threshold or version."""
    text = unpack_recipe(RENAMED, NAME).text
    text = text.replace("threshold = 0.25", f"threshold = {threshold}")
    return pack_recipe(text.replace('"1.0.7"', f'"{version}"'), IMAGE, expected())


def test_another_recipe_of_the_same_version_is_refused_also_before_the_first_has_passed(house):
    ordered(RENAMED)
    for _ in range(2):
        with pytest.raises(RecipeVersionTaken, match=r"„solar“ mit der Version 1\.0\.7") as refused:
            ordered(changed(threshold="0.5"))
        assert "neuen Versionsnummer" in refused.value.remedy
        house.work_off()
    newer = UsedModel(name="solar", version="9.9.9", sha256="cd" * 32)
    with pytest.raises(RecipeVersionTaken):
        ordered(pack_recipe(unpack_recipe(RENAMED, NAME).text, IMAGE, expected(model=newer)))
    (one,) = list_imported(CLERK, process_store()).recipes
    assert one.recipe.threshold == 0.25


def test_a_new_version_stands_beside_the_old_one_and_the_same_again_changes_nothing(house):
    for content in (RENAMED, changed("1.0.8", "0.5"), RENAMED):
        ordered(content)
    house.work_off()
    found = list_imported(CLERK, process_store()).recipes
    assert sorted(one.recipe.version for one in found) == ["1.0.7", "1.0.8"]


def test_a_recipe_that_has_not_passed_takes_no_version(house):
    house.client = doubles.finds_nothing()
    ordered(RENAMED)
    house.work_off()
    house.client = doubles.finds_blue()
    ordered(changed(threshold="0.5"))
    house.work_off()
    (one,) = list_imported(CLERK, process_store()).recipes
    assert one.recipe.threshold == 0.5


def test_other_municipalities_have_versions_of_their_own(house):
    elsewhere = person("admin", "anderswo")
    ordered(RENAMED)
    ordered(changed(threshold="0.5"), elsewhere)
    house.work_off()
    (own,) = list_imported(CLERK, process_store()).recipes
    (other,) = list_imported(elsewhere, process_store()).recipes
    assert own.recipe.version == other.recipe.version
    assert other.recipe.threshold == 0.5 != own.recipe.threshold


def test_the_page_says_that_a_version_is_taken(house):
    ordered(RENAMED)
    page = import_page(changed(threshold="0.5"))
    assert "ist schon eingelesen und hat einen anderen Inhalt" in texts(page)
    assert "aviary_import_start" not in [button.key for button in page.button]


def test_no_recipe_of_others_writes_the_layer_of_one_of_the_app():
    names = recipe_names()
    for name in names:
        recipe = find_recipe(name)
        assert layer_topic(recipe, "") == name
        text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        assert layer_topic(recipe, text) not in names
    longest = "x" * 32
    text = SOLAR.replace('id = "solar"', f'id = "{longest}"')
    topic = layer_topic(read_recipe(text, NAME), text)
    assert re.fullmatch(r"[a-z0-9_]{1,50}", topic)
    assert longest in topic


def test_only_who_may_store_files_takes_recipes_over(house):
    with pytest.raises(NotAllowed):
        ordered(PACKED, VIEWER)


def import_page(content: bytes):
    page = opened()
    upload = page.file_uploader(key="aviary_import_file")
    return upload.set_value((NAME, content, "application/zip")).run()


def test_the_page_takes_a_recipe_over_and_runs_it(house):
    page = import_page(RENAMED)
    assert OTHER in texts(page)
    page = finished(house, page.button(key="aviary_import_start").click().run())
    assert "Das Rezept findet hier dasselbe" in page.success[0].value
    chosen = run_id_of(page)
    page = page.button(key="aviary_import_choose").click().run()
    assert not page.exception
    assert chosen in page.query_params["rezept"]

    page = finished(house, started(own_file(rezept=chosen)))
    assert page.metric[0].value == "1"
    assert OTHER in texts(page)
    assert "Anderes Luftbild wählen" not in labels(page)
    run = runs.get(ADMIN, process_store(), run_id_of(page))
    assert OTHER in str(run.parameters["recipe_text"])
    assert run.parameters["recipe_version"] == "1.0.7"

    listed = opened()
    assert f"{OTHER} wählen" in labels(listed)


def test_a_model_that_has_changed_since_the_test_is_refused(house):
    page = finished(house, import_page(RENAMED).button(key="aviary_import_start").click().run())
    chosen = run_id_of(page)
    page = own_file(rezept=chosen)
    page.text_input(key="aviary_gsd_cm").set_value("10").run()
    newer = doubles.IDENTITY.model_copy(update={"sha256": "ee" * 32})

    class Newer(doubles.Double):
        def models(self):
            catalog = super().models()
            (one,) = catalog.models
            return catalog.model_copy(
                update={"models": [one.model_copy(update={"sha256": newer.sha256})]}
            )

    house.client = Newer(doubles.finds_blue().look, identity=newer)
    page = page.button(key="aviary_start").click().run()
    assert "eeeeeeeeeeee" in texts(page)
    assert "ergebnis" not in page.query_params


class WithTanks(doubles.Double):
    """The double, beside whose model the house has added one of its own."""

    def __init__(self) -> None:
        own = doubles.IDENTITY.model_copy(update={"name": "tanks"})
        super().__init__(doubles.finds_blue().look, identity=own)

    def models(self) -> Catalog:
        return Catalog(models=[*super().models().models, entry(gsd_best_m=0.1)])

    def segment(self, images, *, model, version, **words):
        assert (model, version) == ("tanks", "1.2.3")
        return super().segment(images, model="solar", version="9.9.9", **words)


def test_a_model_of_the_house_is_chosen_and_runs(house):
    house.client = WithTanks()
    page = opened()
    title = escape_markdown("Eigenes Modell: Tanks")
    assert f"{title} wählen" in labels(page)
    page = page.button(key="aviary_modell-tanks").click().run()
    assert "modell-tanks" in page.query_params["rezept"]
    page = finished(house, started(own_file(rezept="modell-tanks")))
    assert page.metric[0].value == "1"
    assert title in texts(page)


def test_a_model_that_is_gone_is_no_recipe(house):
    store = process_store()
    assert find_other(ADMIN, store, WithTanks(), "modell-tanks") is not None
    assert find_other(ADMIN, store, WithTanks(), "modell-pools") is None
    built_in = (find_recipe("solar"),)
    assert [one.key for one in list_own_models(WithTanks().models(), built_in)] == ["modell-tanks"]
    unfit = Catalog(models=[entry(gsd_best_m=None), entry(name="b", available=False)])
    assert list_own_models(unfit, built_in) == ()


def test_the_page_refuses_a_damaged_file_and_reads_none_in_its_own_process(house, monkeypatch):
    def refuse(*_):
        raise AssertionError("opened in the gallery's own process")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    assert OTHER in texts(import_page(RENAMED))
    page = import_page(PACKED[:-20])
    assert "Die ZIP-Datei ist beschädigt" in texts(page)
    assert not [button for button in page.button if button.key == "aviary_import_start"]


def test_the_page_makes_a_file_that_passes_elsewhere(house):
    page = finished(house, started(own_file()))
    page = page.button(key="aviary_share_make").click().run()
    assert not page.exception
    assert "aviary_share_make" not in [one.key for one in page.button], "it is done"
    assert "Rezept herunterladen" in [one.label for one in page.get("download_button")]
    _, content = page.session_state["aviary_share_file"]
    shared = unpack_recipe(content, NAME)
    assert shared.text == (FOLDER / "solar.toml").read_text(encoding="utf-8")
    assert shared.expected.counts["pv"] == 1
    assert shared.expected.image.gsd_m == pytest.approx(0.1)
    ordered(content)
    house.work_off()
    assert len(list_imported(CLERK, process_store()).recipes) == 1


def test_who_may_take_no_files_along_lets_no_model_run_for_one(house, monkeypatch):
    page = finished(house, started(own_file()))
    sit_down(VIEWER, monkeypatch.setattr)
    page.run()
    assert not page.exception
    assert "aviary_share_make" not in [one.key for one in page.button]


def test_the_proof_shows_most_finds():
    finds = [(3000.0, 3000.0, 3050.0, 3050.0), (3300.0, 3300.0, 3350.0, 3350.0), (0, 0, 9, 9)]
    left, upper, right, lower = choose_box(5000, 4000, finds)
    assert (right - left, lower - upper) == (SIDE_PX, SIDE_PX)
    assert left <= 3000 < 3350 <= right
    assert upper <= 3000 < 3350 <= lower
    assert choose_box(5000, 4000, []) == (1988, 1488, 3012, 2512)
    assert choose_box(300, 4000, [(0, 0, 9, 9)]) == (0, 0, 300, SIDE_PX)


def test_the_proof_is_cut_without_loss(tmp_path):
    pixels = np.random.default_rng(2).integers(1, 255, (90, 120, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    box = (20.0, 10.0, 100.0, 70.0)
    text = cut_proof_image(target.getvalue(), "", OpenOptions(gsd_m=0.1), box, False)
    path = tmp_path / "image.png"
    path.write_bytes(target.getvalue())
    assert cut_proof_image(b"", str(path), OpenOptions(gsd_m=0.1), box, False) == text
    cut = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    np.testing.assert_array_equal(cut, pixels[10:70, 20:100])


def test_near_infrared_goes_along_and_the_place_does_not():
    bands = np.random.default_rng(2).integers(1, 255, (4, 90, 120), dtype=np.uint8)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=120,
            height=90,
            count=4,
            dtype="uint8",
            crs="EPSG:25832",
            transform=from_origin(405_000, 5_720_000, 0.2, 0.2),
        ) as target:
            target.write(bands)
        content = bytes(memory.read())
    options = OpenOptions(bands=(1, 2, 3, 4))
    text = cut_proof_image(content, "", options, (20.0, 10.0, 100.0, 70.0), True)
    with MemoryFile(base64.b64decode(text)) as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open() as source:
            assert source.crs is None
            np.testing.assert_array_equal(source.read(), bands[:, 10:70, 20:100])

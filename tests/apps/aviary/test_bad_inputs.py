"""The bad inputs that the specification lists, each through the whole command or job."""

import io
import json
import time

import numpy as np
import pytest
from PIL import Image

from shared.errors import ModelServerDown
from shared.settings import REPOSITORY
from shared.store import runs
from shared.store.store import process_store
from tests.apps.aviary import doubles, test_command as command_tests, test_page as page_tests
from tests.apps.aviary.test_command import SQUARE, refused, run
from tests.apps.aviary.test_page import finished, opened, run_id_of
from tests.shared.people_of_tests import ADMIN
from tests.shared.process_state import begin_process
from tests.shared.test_geo_images import huge_jpeg

HERE = "tests/apps/aviary"
TESTS = {
    "unknown recipe": f"{HERE}/test_recipes.py::test_unknown_names_get_the_nearest_one",
    "threshold outside 0 to 1": f"{HERE}/test_bad_inputs.py::test_a_threshold_is_a_share",
    "area outside": f"{HERE}/test_area.py::test_area_elsewhere_is_refused",
    "area of three pixels": f"{HERE}/test_area.py::test_three_pixels_are_too_few",
    "ONNX without metadata, external data, custom operators, wrong channels": (
        f"{HERE}/test_own_model.py::test_a_file_that_cannot_be_used_is_refused_with_the_reason"
    ),
    "zip traversal, wrong hash": f"{HERE}/test_share.py::test_hostile_files_are_refused",
    "wrong weights": f"{HERE}/test_share.py::test_a_tampered_model_is_refused_before_it_is_asked",
    "forbidden token": f"{HERE}/test_index_language.py::test_what_is_none_is_refused_at_its_place",
    "1 x 1 px": f"{HERE}/test_outputs.py::test_a_tiny_image_is_refused",
    "JPEG of 30,000 px": f"{HERE}/test_bad_inputs.py::test_a_huge_jpeg_is_refused_by_its_header",
    "folder not writable": f"{HERE}/test_command.py::test_out_folder_without_write_permission",
    "disk full": f"{HERE}/test_command.py::test_full_disk_is_seen_before_the_run",
    "restart": f"{HERE}/test_bad_inputs.py::test_a_restart_in_the_middle_loses_no_tile",
    "restart of the models": (
        f"{HERE}/test_bad_inputs.py::test_a_model_server_that_restarts_in_the_middle_loses_no_tile"
    ),
    "CMYK": f"{HERE}/test_bad_inputs.py::test_a_jpeg_of_printing_colours_is_converted",
    "animated": f"{HERE}/test_bad_inputs.py::test_an_animation_is_refused",
    "palette": f"{HERE}/test_bad_inputs.py::test_transparent_pixels_of_a_palette_are_no_ground",
    "grey, allowed": f"{HERE}/test_grey_images.py::test_a_formula_takes_a_grey_image",
    "grey, refused": f"{HERE}/test_grey_images.py::test_a_model_of_colours_does_not",
    "nothing overwritten": f"{HERE}/test_command.py::test_results_are_kept_unless_forced",
}
model = command_tests.model
house = page_tests.model


@pytest.mark.parametrize("entry", TESTS)
def test_every_entry_of_the_list_has_its_test(entry):
    path, _, name = TESTS[entry].partition("::")
    assert f"\ndef {name}(" in (REPOSITORY / path).read_text(encoding="utf-8")


def pixels():
    drawn = np.full((300, 400, 3), (120, 150, 120), dtype=np.uint8)
    x0, y0, x1, y1 = SQUARE
    drawn[y0:y1, x0:x1] = doubles.BLUE
    return drawn


@pytest.mark.parametrize("value", ["-0.01", "1.01", "1,5", "-inf"])
def test_a_threshold_is_a_share(tmp_path, capsys, model, value):
    image = tmp_path / "a.png"
    Image.fromarray(pixels()).save(image)
    words = ("--image", image, "--gsd", "0.1", "--out", tmp_path / "out", f"--threshold={value}")
    assert "Zahl von 0 bis 1" in refused(capsys, *words)
    assert not (tmp_path / "out").exists()


def test_a_huge_jpeg_is_refused_by_its_header(tmp_path, capsys, model):
    model(doubles.must_not_be_asked())
    image, out = tmp_path / "a.jpg", tmp_path / "out"
    image.write_bytes(huge_jpeg(30_000, 30_000))
    line = refused(capsys, "--image", image, "--gsd", "0.1", "--out", out)
    assert "900 Megapixel" in line or "> 178" in line
    assert not out.exists()


def test_a_jpeg_of_printing_colours_is_converted(tmp_path, capsys, model):
    image, out = tmp_path / "a.jpg", tmp_path / "out"
    Image.fromarray(pixels()).convert("CMYK").save(image, quality=95)
    code, said, _ = run(capsys, "--image", image, "--gsd", "0.1", "--out", out)
    content = json.loads(said)
    assert (code, content["counts"]["pv"]) == (0, 1)
    assert any("CMYK" in one["message"] for one in content["warnings"])


def test_an_animation_is_refused(tmp_path, capsys, model):
    model(doubles.must_not_be_asked())
    image, out = tmp_path / "a.webp", tmp_path / "out"
    first, second = Image.fromarray(pixels()), Image.new("RGB", (400, 300), "red")
    first.save(image, save_all=True, append_images=[second], duration=100)
    assert "2" in refused(capsys, "--image", image, "--gsd", "0.1", "--out", out)
    assert not out.exists()


def test_transparent_pixels_of_a_palette_are_no_ground(tmp_path, capsys, model):
    image, out = tmp_path / "a.png", tmp_path / "out"
    drawn = Image.fromarray(pixels()).quantize(8)
    indexes = np.asarray(drawn).copy()
    indexes[:, :200] = 7
    seen = Image.fromarray(indexes, "P")
    seen.putpalette([*drawn.getpalette()[:21], 1, 2, 3])
    target = io.BytesIO()
    seen.save(target, "PNG", transparency=7)
    image.write_bytes(target.getvalue())
    code, said, _ = run(capsys, "--image", image, "--gsd", "0.1", "--out", out)
    content = json.loads(said)
    assert (code, content["counts"]["pv"]) == (0, 0)
    assert content["nodata_share"] == pytest.approx(0.5, abs=0.01)


def figures(page):
    return runs.get(ADMIN, process_store(), run_id_of(page)).summary


def test_a_restart_in_the_middle_loses_no_tile(house):
    class Patient(doubles.Double):
        def segment(self, images, **words):
            if len(self.asked) >= 3:
                time.sleep(0.3)  # the middle lasts long enough to end there
            return super().segment(images, **words)

    house.client = Patient(house.client.look, threshold=0.3)
    page = opened(beispiel="1")
    house.work_off(lambda: len(house.client.asked) >= 3)
    before = len(house.client.asked)
    assert 3 <= before < 12
    begin_process()
    page = finished(house, opened(ergebnis=run_id_of(page)))
    assert len(set(house.client.asked)) == 12
    assert len(house.client.asked) <= 13, "at most the tile in hand is looked at twice"
    assert figures(page)["failed_tiles"] == 0
    assert int(page.metric[0].value) > 0


def test_a_model_server_that_restarts_in_the_middle_loses_no_tile(house):
    class Restarts(doubles.Double):
        refused = 0

        def segment(self, images, **words):
            if len(self.asked) == 4 and self.refused < 2:
                self.refused += 1
                raise ModelServerDown()
            return super().segment(images, **words)

    house.client = Restarts(house.client.look, threshold=0.3)
    page = finished(house, opened(beispiel="1"))
    assert house.client.refused == 2
    assert len(set(house.client.asked)) == len(house.client.asked) == 12
    assert figures(page)["failed_tiles"] == 0

"""Picture and spreadsheet: complete, the same every time, harmless in Excel."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from apps.aviary.analysis import analyse, count
from apps.aviary.overlay import draw_overlay
from apps.aviary.recipes import find_recipe
from apps.aviary.spreadsheet import COLUMNS, objects_csv
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions
from tests.apps.aviary import doubles

SOLAR = find_recipe("solar")


@pytest.fixture(scope="module")
def analysis():
    pixels = np.full((300, 400, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    for x0, y0, x1, y1 in ((20, 40, 60, 70), (100, 100, 300, 250)):
        pixels[y0:y1, x0:x1] = doubles.BLUE
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    with open_raster(target.getvalue(), name="Bild.png", options=OpenOptions(gsd_m=0.1)) as source:
        return analyse(source, SOLAR, doubles.finds_blue, lambda: 0.0)


@pytest.fixture(scope="module")
def result(analysis):
    return count(analysis, threshold=0.2, min_area_m2=0)


def test_csv_opens_in_german_excel(analysis, result):
    data = objects_csv(analysis, result, threshold=0.2, note="Beispiel")
    assert data.startswith(b"\xef\xbb\xbf")
    text = data.decode("utf-8-sig")
    assert text.count("\r\n") == text.count("\n") == 3
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert tuple(rows[0]) == COLUMNS
    assert [row[0] for row in rows[1:]] == ["1", "2"]
    assert rows[1][1] == "Photovoltaik"
    assert rows[1][4] == "300,0"
    assert {row[3] for row in rows[1:]} == {"ja", "nein"}
    assert data == objects_csv(analysis, result, threshold=0.2, note="Beispiel")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_a_file_name_is_never_a_formula(analysis, result, start):
    named = replace(analysis, info=replace(analysis.info, name=f"{start}cmd.png"))
    text = objects_csv(named, result, threshold=0.2, note=f"{start}1").decode("utf-8-sig")
    (_, row, _) = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert row[10] == f"'{start}cmd.png"
    assert row[14] == f"'{start}1"


def test_overlay_draws_on_the_finds_and_names_its_origin(analysis, result):
    data = draw_overlay(analysis.overview, analysis.info, result.objects, {"Model": "solar 9.9.9"})
    image = Image.open(io.BytesIO(data))
    assert image.size == (400, 300)
    assert image.text["Model"] == "solar 9.9.9"
    drawn = np.asarray(image.convert("RGB")).astype(int) - analysis.overview.rgb.astype(int)
    changed = np.abs(drawn).sum(axis=2) > 0
    assert changed[175, 99:102].any()
    assert not changed[175, 150:250].any()
    assert data == draw_overlay(
        analysis.overview, analysis.info, result.objects, {"Model": "solar 9.9.9"}
    )

"""Green roofs on class maps drawn by hand."""

import numpy as np
import pytest
from shapely import box

from tests.apps.aviary.surfaces.grounds import (
    FLAT,
    GRASS,
    GREEN,
    ROOF,
    SURE,
    derive,
    ground,
    in_pixels,
)

LAWN_NIR, ROOF_NIR = 200, 60


def town():
    """Return a house with a roof half green, and one that is pitched with a strip of green."""
    codes = np.full((160, 200), GRASS)
    codes[20:60, 20:100] = FLAT
    codes[20:60, 60:100] = GREEN
    codes[90:140, 20:100] = ROOF
    codes[90:92, 20:80] = GREEN
    return codes


def near_infrared(codes, green):
    values = np.full(codes.shape, ROOF_NIR, np.uint8)
    values[codes == GRASS] = LAWN_NIR
    values[codes == GREEN] = green
    return values


def test_a_roof_half_green_is_found_with_its_share(tmp_path):
    (roof,) = derive("greenroof", ground(tmp_path / "in", town()))
    assert roof.polygon.equals(box(20, 20, 100, 60))
    assert roof.figures == (("green_m2", 64.0), ("green_share", 0.5))
    assert (roof.score, roof.doubtful) == (pytest.approx(SURE / 100), False)


def test_the_share_decides(tmp_path):
    assert derive("greenroof", ground(tmp_path / "in", town()), least_share=0.51) == []
    assert derive("greenroof", ground(tmp_path / "two", town()), least_green_m2=64.1) == []


def test_given_outlines_are_the_roofs(tmp_path):
    outlines = [(box(58, 18, 102, 62), {}), (box(20, 20, 58, 60), {}), (box(20, 90, 100, 140), {})]
    files = {"buildings": in_pixels(tmp_path / "b.geojson", outlines)}
    (roof,) = derive("greenroof", ground(tmp_path / "in", town()), files)
    assert roof.polygon.equals(outlines[0][0])
    assert dict(roof.figures)["green_m2"] == 64.0
    assert dict(roof.figures)["green_share"] == pytest.approx(40 / 42, abs=0.001)


@pytest.mark.parametrize(
    ("green", "evidence", "doubtful"),
    [(LAWN_NIR, 1.0, False), (ROOF_NIR, 0.0, True), (80, 0.341, False)],
    ids=["lawn", "gravel", "dry"],
)
def test_near_infrared_tells_plants_from_gravel(tmp_path, green, evidence, doubtful):
    codes = town()
    made = ground(tmp_path / "in", codes, nir=near_infrared(codes, green))
    (roof,) = derive("greenroof", made)
    # Red is 120 everywhere: NDVI -1/3 of roofs, 1/4 of lawns, -1/5 of a dry roof.
    assert dict(roof.figures)["ndvi_evidence"] == pytest.approx(
        {80: (-0.2 + 1 / 3) / (0.25 + 1 / 3)}.get(green, evidence), abs=0.001
    )
    assert roof.doubtful == doubtful


def test_without_a_lawn_to_compare_with_nobody_doubts(tmp_path):
    codes = town()
    codes[codes == GRASS] = ROOF
    made = ground(tmp_path / "in", codes, nir=near_infrared(codes, ROOF_NIR))
    roofs = derive("greenroof", made)
    assert roofs
    assert not any(one.doubtful or "ndvi_evidence" in dict(one.figures) for one in roofs)

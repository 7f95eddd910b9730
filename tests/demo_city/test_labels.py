"""Codes of the label images, as the specification fixes them."""

from __future__ import annotations

from shared.demo_city.labels import (
    FINE,
    FINE_NAMES,
    LABELS,
    LAND_COVERS,
    NO_DATA,
    PARTLY_SEALED,
    SEALED,
    SOLAR,
    SOLAR_NAMES,
)
from shared.demo_city.materials import materials
from shared.demo_city.render.painting import COVERS, FINE_COVERS


def test_codes_of_land_cover_are_fixed() -> None:
    expected = {
        0: ("roof_pitched", "Dach geneigt"),
        1: ("roof_flat", "Dach flach"),
        2: ("roof_green", "Gründach"),
        3: ("asphalt", "Asphalt/Beton"),
        4: ("paved", "Pflaster/Platten"),
        5: ("gravel_rail", "Schotter, Kies, Gleis"),
        6: ("water", "Wasser, Becken"),
        7: ("grass", "Gras, Beet, niedriges Grün"),
        8: ("tree", "Baum, Strauch, Hecke"),
        9: ("bare_soil", "Acker, offener Boden"),
    }
    assert {code: (one.key, one.name) for code, one in enumerate(LAND_COVERS)} == expected
    assert tuple(key for key, _ in expected.values()) == LABELS
    assert NO_DATA == 255


def test_sealed_share_counts_roofs_asphalt_and_paving_alone() -> None:
    assert SEALED == (0, 1, 2, 3, 4)
    assert PARTLY_SEALED == (5,)


def test_there_are_24_finer_codes_with_german_names() -> None:
    assert len(FINE) == 24
    assert len(set(FINE_NAMES.values())) == 24


def test_solar_codes_are_fixed() -> None:
    assert SOLAR == ("none", "pv", "thermal", "pv_ground")
    assert len(SOLAR_NAMES) == 4


def test_every_finer_code_is_the_code_of_a_material_or_cover() -> None:
    used = {one.fine for one in materials().values()} | set(FINE_COVERS.values())
    assert used == set(FINE)


def test_ground_covers_name_known_labels_and_materials() -> None:
    for label, choices in COVERS.values():
        assert label in LABELS
        assert {key for key, _ in choices} <= set(materials())
        assert abs(sum(share for _, share in choices) - 1) < 1e-9

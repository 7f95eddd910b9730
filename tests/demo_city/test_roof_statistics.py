"""Statistics of real roofs: reading by hand, the committed file, distances to the real village."""

from __future__ import annotations

import tomllib
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from pyproj import Transformer

from shared.demo_city.roofs.draws import (
    PERCENTS,
    STATISTICS_FILE,
    draw_count,
    draw_figure,
    draw_form,
    draw_slope_deg,
    outline_size,
    roof_statistics,
    wall_size,
)
from shared.demo_city.roofs.samples import draw_homes
from shared.demo_city.roofs.statistics import (
    CREDIT,
    FOLDER,
    fit_roof_statistics,
    is_validation,
    kolmogorov_distance,
    kolmogorov_distances,
    main,
    read_real_roofs,
    write_statistics,
)
from shared.settings import get_settings

EAST, NORTH = 720_000.0, 5_360_000.0
LARGEST_BYTES = 15_000


@pytest.fixture
def real_roofs() -> Path:
    folder = get_settings().development_data_dir / FOLDER
    if not (folder / "roofs.csv").is_file():
        pytest.skip(
            f"Ohne {folder} (URBANKI_DEVELOPMENT_DATA_DIR) kein Vergleich mit echten Dächern"
        )
    return folder


def wkt(*boxes: tuple[float, float, float, float]) -> str:
    """Boxes in metres as a MULTIPOLYGON in latitude and longitude."""
    to_degrees = Transformer.from_crs("EPSG:25832", "EPSG:4326", always_xy=True)
    parts = []
    for left, low, right, high in boxes:
        corners = [(left, low), (right, low), (right, high), (left, high), (left, low)]
        degrees = [to_degrees.transform(EAST + x, NORTH + y) for x, y in corners]
        parts.append("((" + ", ".join(f"{lat:.10f} {lon:.10f}" for lon, lat in degrees) + "))")
    return "MULTIPOLYGON (" + ", ".join(parts) + ")"


@pytest.fixture
def made_village(tmp_path: Path) -> Path:
    """Twenty houses of 12 x 8 m with two arrays each; number 21 has a form nobody knows."""
    roofs = [
        "roof_id,outline_wkt_lat_lon,gables_wkt_lat_lon,gutters_wkt_lat_lon,roof_type,building_type,slope_deg,centre_wkt_lat_lon"
    ]
    planes = ["id,roof_id,plane_wkt_lat_lon,gutter_wkt_lat_lon,azimuth_deg,slope_deg"]
    objects = ["id,roof_id,object_wkt_lat_lon,type"]
    for number in range(1, 22):
        form = "Gabled" if number < 21 else "Unknown"
        x = number * 40
        roofs.append(f'{number},"{wkt((x, 0, x + 12, 8))}",,,{form},Residential,30.0,')
        planes.append(f'{number},{number},"{wkt((x, 0, x + 12, 4))}",,-90.0,30.0')
        arrays = wkt((x + 1, 1, x + 5, 3), (x + 6, 1, x + 9, 3))
        objects.append(f'{number},{number},"{arrays}",pvmodule')
        objects.append(f'{100 + number},{number},"{arrays}",shadow')
    for name, lines in (("roofs", roofs), ("roof_planes", planes), ("roof_objects", objects)):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_reading_by_hand(made_village: Path) -> None:
    real = read_real_roofs(made_village)
    assert len(real.roofs) == 20
    first = real.roofs.loc[1]
    assert (first.form, first.use) == ("gabled", "Residential")
    assert first.area_m2 == pytest.approx(96, rel=2e-3)
    assert (first.length_m, first.width_m) == pytest.approx((12, 8), rel=2e-3)
    # -90 is east in the file, which counts from the south with the west positive.
    assert set(real.planes.azimuth_deg) == {90.0}
    assert len(real.objects) == 40
    assert sorted(real.objects[real.objects.roof_id == 1].area_m2.round(2)) == pytest.approx([6, 8])
    assert set(real.objects.kind) == {"pv"}


def test_validation_fifth_is_left_out(made_village: Path) -> None:
    real = read_real_roofs(made_village)
    fifth = {number for number in range(1, 21) if crc32(str(number).encode()) % 5 == 0}
    assert 0 < len(fifth) < 20
    assert set(real.part(validation=True).roofs.index) == fifth
    rest = real.part(validation=False)
    assert set(rest.roofs.index) == set(range(1, 21)) - fifth
    assert not set(rest.planes.roof_id) & fifth
    assert not set(rest.objects.roof_id) & fifth
    assert fit_roof_statistics(made_village)["roofs"] == 20 - len(fifth)
    assert all(is_validation(number) == (number in fifth) for number in range(1, 21))


def test_fit_by_hand(made_village: Path, tmp_path: Path) -> None:
    found = fit_roof_statistics(made_village)
    assert found["forms"] == {"gabled": 1.0}
    assert found["slope_deg"]["gabled"] == [30.0] * len(PERCENTS)
    solar = found["objects"]["pv"]
    assert solar["carrying_roofs"] == 1.0
    assert solar["per_roof"][:4] == [0.0, 0.0, 1.0, 0.0]
    assert (solar["area_m2"][0], solar["area_m2"][-1]) == pytest.approx((6, 8), rel=5e-3)
    write_statistics(found, tmp_path / "found.toml")
    assert tomllib.loads((tmp_path / "found.toml").read_text(encoding="utf-8")) == found


def test_distance_by_hand() -> None:
    first, second = np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])
    assert kolmogorov_distance(first, second) == 0.5
    assert kolmogorov_distance(first, first) == 0
    assert kolmogorov_distance(first, second + 10) == 1
    with pytest.raises(ValueError, match="0"):
        kolmogorov_distance(first, np.array([]))


def test_committed_statistics() -> None:
    statistics = roof_statistics()
    assert statistics["credit"] == CREDIT
    assert STATISTICS_FILE.stat().st_size < LARGEST_BYTES
    assert sum(statistics["forms"].values()) == pytest.approx(1, abs=1e-3)
    tables = [*statistics["outline"].values(), *statistics["objects"].values()]
    for quantiles in [q for t in tables for k, q in t.items() if isinstance(q, list)]:
        if len(quantiles) == len(PERCENTS):
            assert quantiles == sorted(quantiles)
    for kind in statistics["objects"].values():
        assert sum(kind["per_roof"]) == pytest.approx(1, abs=2e-3)


def test_draws_follow_the_quantiles() -> None:
    rng = np.random.default_rng(3)
    known = roof_statistics()["objects"]["pv"]["area_m2"]
    drawn = [draw_figure(rng, "objects", "pv", "area_m2") for _ in range(4000)]
    assert np.percentile(drawn, [25, 50, 75]) == pytest.approx(
        [known[n] for n in (4, 9, 14)], rel=0.1
    )
    assert min(drawn) > 0
    shares = roof_statistics()["objects"]["chimney"]["per_roof"]
    counts = [draw_count(rng, "chimney") for _ in range(4000)]
    assert counts.count(1) / 4000 == pytest.approx(shares[1], abs=0.03)
    assert max(counts) <= max(n for n, share in enumerate(shares) if share)
    assert min(draw_count(rng, "pv", least=1) for _ in range(500)) == 1


def test_sizes_and_slopes() -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        form = draw_form(rng)
        length, width = outline_size(rng, form)
        assert length >= width > 1
        assert 0 < draw_slope_deg(rng, form) < 65
    first = outline_size(np.random.default_rng(8), "gabled")
    walls = wall_size(np.random.default_rng(8), "gabled")
    assert walls == pytest.approx((first[0] - 1, first[1] - 1))


def test_committed_file_is_the_fit(real_roofs: Path) -> None:
    assert fit_roof_statistics(real_roofs) == roof_statistics()


def test_made_homes_are_like_the_real_village(real_roofs: Path) -> None:
    distances = kolmogorov_distances(*draw_homes(2026, 1_500), real_roofs)
    assert set(distances) == {"outline_area_m2", "plane_slope_deg", "solar_area_m2"}
    assert max(distances.values()) <= 0.15


def test_distances_notice_other_roofs(real_roofs: Path) -> None:
    roofs, things = draw_homes(2026, 400)
    large = [roof for roof in roofs if roof.outline.area > 150]
    numbers = {roof.building for roof in large}
    on_large = [t for t in things if t.building in numbers]
    assert kolmogorov_distances(large, on_large, real_roofs)["outline_area_m2"] > 0.15


def test_missing_data_gives_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ([], ["--check"]):
        assert main(["--data", str(tmp_path / "nowhere"), *option]) == 2
        printed = capsys.readouterr()
        assert printed.err.count("\n") == 1
        assert printed.err.startswith("Die Dachdaten fehlen")
        assert not printed.out

"""The city as apps see it: names, days, files, commands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import shared.demo_city
from shared.command_line import GermanParser
from shared.demo_city import city_commands, render_window
from shared.demo_city.city import DemoCity, build_city
from shared.demo_city.labels import LABELS
from shared.demo_city.settings import CitySettings
from shared.demo_city.store.city_folder import folder_of_city
from shared.demo_city.store.store import CityStore
from shared.demo_city.store.tiles import Tile
from shared.demo_city.tables.cache import read_tables, table_sha256, write_tables
from shared.demo_city.tables.registry import TABLES
from shared.demo_city.vectors.musterstadt import plan_musterstadt
from shared.demo_city.vectors.parcels import cut_parcels
from shared.demo_city.vectors.streets import lay_streets
from shared.errors import FileTypeRefused, InputError, TableNotYet, TableUnknown

REPOSITORY = Path(__file__).parents[2]
SECOND_CALL_S = 2.0
"""CPU time in which apps get the city that is there."""
SMALL = ("districts", "buildings", "events", "people_pieces")


def test_list_of_tables(city: DemoCity) -> None:
    infos = {one.name: one for one in city.layers()}
    assert list(infos) == list(TABLES)
    assert infos["buildings"].title == "Gebäude"
    assert infos["buildings"].rows == len(city.table("buildings"))
    assert not infos["events"].is_layer


def test_size_of_the_city(city: DemoCity) -> None:
    standing = city.as_of(date(2026, 5, 9)).table("buildings")
    assert 1_900 <= standing["is_main"].sum() <= 2_600
    assert 3_500 <= len(standing) <= 5_000
    assert list(city.table("districts")["name"]) == [
        "Altstadt", "Bahnhof", "Nordviertel", "Gartenstadt", "Siedlung Ost", "Gewerbepark",
        "Am Kanal", "Dorf Wiesenrode",
    ]  # fmt: skip


def test_what_a_caller_changes_stays_with_him(city: DemoCity) -> None:
    table = city.table("districts")
    table.loc[:, "name"] = "anders"
    assert "anders" not in set(city.table("districts")["name"])


def test_other_names(city: DemoCity) -> None:
    assert city.layer("population_grid").equals(city.layer("people_grid"))


def test_noisy_grid_is_another_one(city: DemoCity) -> None:
    noisy = city.layer("population_grid", noisy=True)
    assert noisy.equals(city.layer("people_grid_noisy"))
    assert not noisy.equals(city.layer("people_grid"))
    with pytest.raises(TableUnknown) as caught:
        city.table("buildings", noisy=True)
    assert "people_grid" in caught.value.remedy


def test_unknown_table(city: DemoCity) -> None:
    with pytest.raises(TableUnknown, match="keine Tabelle „dächer“") as caught:
        city.table("dächer")
    assert "buildings" in caught.value.remedy


def test_plain_table_is_no_layer(city: DemoCity) -> None:
    with pytest.raises(TableUnknown) as caught:
        city.layer("events")
    assert "buildings" in caught.value.remedy
    assert "events" not in caught.value.remedy


def test_table_of_a_later_app(city: DemoCity) -> None:
    with pytest.raises(TableNotYet) as caught:
        city.table("gtfs")
    assert "AIMOS" in caught.value.remedy


def test_towns_of_the_flights(city: DemoCity) -> None:
    assert city.town("2023").surfaces == city.first_town.surfaces
    assert city.town("2026").surfaces != city.first_town.surfaces
    with pytest.raises(KeyError):
        city.town("2024")


def test_public_names_are_all_there() -> None:
    late = [name for names in shared.demo_city._LATE.values() for name in names]
    assert {*late, "CRS", "CitySettings", "SceneSettings"} == set(shared.demo_city.__all__)
    assert len(shared.demo_city.__all__) == len(late) + 3
    for name in shared.demo_city.__all__:
        found = getattr(shared.demo_city, name)
        assert name.isupper() or found.__name__ == name
    with pytest.raises(AttributeError):
        _ = shared.demo_city.build_village


def test_the_package_is_imported_without_what_is_slow_to_import() -> None:
    code = "import sys, shared.demo_city; shared.demo_city.LABELS, shared.demo_city.is_city_built; "
    code += "print(sorted({'numpy', 'pandas', 'geopandas', 'rasterio'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_window_lies_where_it_was_asked_for(city: DemoCity) -> None:
    """The market of the old town, 30 m wide: paved, and at its place in EPSG:25832."""
    bounds = 381_960.0, 5_721_970.0, 381_990.0, 5_722_000.0
    window = render_window(city, "2026", bounds, 0.2)
    assert window.rgbi.shape == (150, 150, 4)
    assert (window.transform.c, window.transform.f) == (381_960.0, 5_722_000.0)
    assert (window.labels == LABELS.index("paved")).mean() > 0.3
    inner = render_window(city, "2026", (381_964.0, 5_721_974.0, 381_970.0, 5_721_980.0), 0.2)
    assert (inner.rgbi == window.rgbi[100:130, 20:50]).all()
    with pytest.raises(KeyError):
        render_window(city, "2020", bounds, 0.2)


def test_kept_tables_come_back_unchanged(city: DemoCity, tmp_path: Path) -> None:
    tables = {name: city.table(name) for name in TABLES if name != "trees"}
    write_tables(tmp_path, city.settings, tables)
    again = read_tables(tmp_path, city.settings)
    assert again is not None
    for name, table in tables.items():
        assert table_sha256(again[name]) == table_sha256(table), name
    assert [path.name for path in tmp_path.iterdir()] == ["vectors"]


@pytest.fixture
def kept(city: DemoCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a city that has few tables; the folder above is the installation's."""
    monkeypatch.setattr("shared.demo_city.city.TABLES", {name: TABLES[name] for name in SMALL})
    folder = folder_of_city(tmp_path, city.settings)
    write_tables(folder, city.settings, {name: city.table(name) for name in SMALL})
    return folder


def test_tables_of_another_city_are_not_taken(kept: Path) -> None:
    assert read_tables(kept, CitySettings(seed=7)) is None


def test_kept_tables_spare_the_work(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.demo_city.city.build_town", pytest.fail)
    table = build_city(CitySettings(), kept.parent).table("buildings")
    assert len(table) > 3_000
    assert table.attrs["is_example"] is True


def test_kept_tables_are_read_once_for_all_apps(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_city(CitySettings(), kept.parent).table("buildings")
    first["use"] = "nothing"
    monkeypatch.setattr("shared.demo_city.city.read_tables", pytest.fail)
    again = build_city(CitySettings(), kept.parent).table("buildings")
    assert list(again["building_id"]) == list(first["building_id"])
    assert "nothing" not in set(again["use"])


def test_tables_that_were_written_since_are_read_again(kept: Path, city: DemoCity) -> None:
    tables = {name: build_city(CitySettings(), kept.parent).table(name) for name in SMALL}
    write_tables(kept, city.settings, tables | {"buildings": city.table("buildings").head(7)})
    assert len(build_city(CitySettings(), kept.parent).table("buildings")) == 7


@pytest.mark.parametrize("file", ["city.gpkg", "events.csv", "tables.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_damaged_files_are_noticed(
    file: str, damage: str, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = kept / "vectors" / file
    content = path.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(content[: len(content) // 2])
        case "changed":
            middle = len(content) // 2
            path.write_bytes(content[:middle] + b"\x00\x01" + content[middle + 2 :])
        case _:
            path.unlink()
    assert read_tables(kept, CitySettings()) is None
    if not (file == "tables.json" and damage == "gone"):  # without the list there is no cache
        assert "damaged" in caplog.text


def test_a_damaged_cache_is_made_again(
    kept: Path, city: DemoCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept / "vectors" / "events.csv").write_text("nothing")
    monkeypatch.setattr("shared.demo_city.city.build_town", lambda _: city.first_town)
    rebuilt = build_city(CitySettings(), kept.parent)
    assert table_sha256(rebuilt.table("events")) == table_sha256(city.table("events"))
    assert read_tables(kept, CitySettings()) is not None


def test_tables_of_an_earlier_version_are_completed(
    kept: Path, city: DemoCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = {name: city.table(name) for name in SMALL if name != "events"}
    write_tables(kept, city.settings, fewer)
    monkeypatch.setattr("shared.demo_city.city.build_town", lambda _: city.first_town)
    build_city(CitySettings(), kept.parent)
    completed = read_tables(kept, CitySettings())
    assert completed is not None
    assert set(completed) == set(SMALL)


def test_nothing_half_written_stays(
    city: DemoCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(OSError, match="space"):
        write_tables(tmp_path, city.settings, {name: city.table(name) for name in SMALL})
    assert list(tmp_path.iterdir()) == []


def test_another_seed_gives_another_city(city: DemoCity) -> None:
    settings = CitySettings(seed=2027)
    plan = plan_musterstadt(settings)
    other = cut_parcels(plan, lay_streets(plan))
    ours = {one.area.wkb for one in city.first_town.parcels}
    assert not ours & {one.area.wkb for one in other}
    assert settings.fingerprint() != city.settings.fingerprint()


def test_another_process_gives_the_same_city(city: DemoCity, tmp_path: Path) -> None:
    """Acceptance 1, with another order of sets, by the command and its files."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.demo_city", "build", "--out", tmp_path],
        cwd=REPOSITORY,
        env={"PYTHONHASHSEED": "12345", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=280,
        check=True,
    )
    printed = json.loads(done.stdout)
    ours = {name: table_sha256(city.table(name)) for name in TABLES}
    assert {name: about["sha256"] for name, about in printed["tables"].items()} == ours
    assert Path(printed["folder"]) == folder_of_city(tmp_path, city.settings)
    began = time.process_time()
    again = build_city(city.settings, tmp_path)
    assert time.process_time() - began < SECOND_CALL_S
    assert {name: table_sha256(again.table(name)) for name in TABLES} == ours


@pytest.fixture
def parser(city: DemoCity, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArgumentParser]:
    monkeypatch.setattr(city_commands, "build_city", lambda _: city)
    monkeypatch.setattr(CityStore, "city", lambda _: city)
    made = GermanParser(prog="probe")
    handlers = city_commands.add_city_commands(made.add_subparsers(dest="command"))
    made.set_defaults(handlers=handlers)
    return made


def call(parser: ArgumentParser, *words: str) -> dict[str, object]:
    options = parser.parse_args(words)
    return options.handlers[options.command](options)


def test_build_command_prints_hashes(
    parser: ArgumentParser, tmp_path: Path, city: DemoCity
) -> None:
    printed = call(parser, "build", "--out", str(tmp_path / "neu"))
    assert printed["is_example"] is True
    assert printed["fingerprint"] == city.settings.fingerprint()
    assert printed["tables"]["buildings"] == {
        "rows": len(city.table("buildings")),
        "sha256": table_sha256(city.table("buildings")),
    }
    assert set(printed["tables"]) == set(TABLES)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # 4,000 m at 0.2 m are 8 chunks of 2,500 px each way; 1,000 m at 0.1 m are 4.
        (("--vintage", "2026"), 64 + 16),
        (("--vintage", "all"), 2 * (64 + 16)),
        (("--vintage", "2023", "--core-only"), 16),
    ],
)
def test_build_command_renders_what_is_wanted(
    words: tuple[str, ...],
    expected: int,
    parser: ArgumentParser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Tile] = []

    def prepare(*_: object, tiles: list[Tile], **__: object) -> int:
        asked.extend(tiles)
        return 7

    monkeypatch.setattr(city_commands, "prepare_city", prepare)
    printed = call(parser, "build", "--out", str(tmp_path), *words)
    assert (printed["tiles"], printed["rendered"]) == (expected, 7)
    assert len(asked) == expected
    assert {one.vintage for one in asked} == ({"2023", "2026"} if "all" in words else {words[1]})


def test_lod2_command_writes_what_stands(
    parser: ArgumentParser, tmp_path: Path, city: DemoCity
) -> None:
    printed = call(parser, "lod2", "--out", str(tmp_path / "city.json"))
    model = json.loads((tmp_path / "city.json").read_text(encoding="utf-8"))
    standing = city.table("buildings").query("valid_to.isna()")["building_id"]
    assert set(model["CityObjects"]) == set(standing)
    assert printed["buildings"] == len(standing)
    assert [path.name for path in tmp_path.iterdir()] == ["city.json"]


@pytest.mark.parametrize("name", ["districts.gpkg", "districts.geojson", "districts.csv"])
def test_layer_command_writes_files(name: str, parser: ArgumentParser, tmp_path: Path) -> None:
    printed = call(parser, "layer", "districts", "--out", str(tmp_path / name))
    assert printed["rows"] == 8
    if name.endswith("csv"):
        assert pd.read_csv(tmp_path / name)["geometry"].str.startswith("POLYGON").all()
    else:
        read = gpd.read_file(tmp_path / name)
        assert read["name"].iloc[0] == "Altstadt"
        assert read.crs.to_epsg() == (4326 if name.endswith("geojson") else 25832)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("layer", "districts", "--out", "x.shp"), FileTypeRefused),
        (("layer", "events", "--out", "x.gpkg"), FileTypeRefused),
        (("lod2", "--out", "x.xml"), FileTypeRefused),
        (("lod2", "--out", "x.json", "--seed", "-1"), InputError),
        (("build", "--out", "x", "--core-only"), InputError),
        (("layer", "burgen", "--out", "x.gpkg"), TableUnknown),
        (("layer", "gtfs", "--out", "x.csv"), TableNotYet),
        (("layer", "districts", "--out", "x.gpkg", "--seed", "-1"), InputError),
        (("layer", "districts", "--out", "x.gpkg", "--seed", "990000"), InputError),
        (("build", "--out", "/proc/nowhere"), InputError),
    ],
)
def test_bad_calls_are_refused(
    words: tuple[str, ...],
    error: type[Exception],
    parser: ArgumentParser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        call(parser, *words)
    assert list(tmp_path.iterdir()) == []

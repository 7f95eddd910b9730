"""Cards and catalogue: a broken folder is listed with its reason and hides nobody."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from model_server.batching import Bad
from model_server.card import Card, load_card
from model_server.catalog import (
    BUILT_IN,
    FailedModel,
    ServableModel,
    WeightsUnusable,
    check_model,
    describe,
    load_catalog,
    read_text,
    verify_files,
)
from model_server.engine import Engine
from model_server.items import Item, Ticket
from shared.contracts.model_catalog import Catalog
from shared.contracts.model_server import SegmentOptions
from shared.errors import ModelMissing
from tests.model_server.pictures import encode, noise
from tests.model_server.tiny_models import brightness_network, write_model

WEIGHTS = b"not really weights"
CARD = """
name = "roofs"
version = "1.0.0"
task = "segment"
title_de = "Dächer"
architecture = "yolo_detect"
runtime = ["onnxruntime"]
file = "model.onnx"
sha256 = "{sha256}"
classes = [{{ code = 0, key = "roof", title_de = "Dach" }}]
outputs = ["instances"]
quality = "demonstration"
limits_de = "Nur ein Test."
[input]
gsd_min_m = 0.05
gsd_best_m = 0.1
gsd_max_m = 0.2
[limits]
max_batch = 2
memory_mb = 10
[training]
script = "x.py"
command = "python x.py"
seed = 1
synthetic = true
date = 2026-11-24
hours_cpu = 0.1
split_rule = "keine"
test_disjoint = true
[[training.data]]
name = "Kacheln"
licence = "CC0"
origin = "selbst gerendert"
items = 3
[[metrics]]
name = "AP50"
value = 0.5
interval_95 = [0.4, 0.6]
data = "Kacheln"
items = 3
command = "python x.py"
measured_on = 2026-11-24
[licence]
weights = "AGPL-3.0-or-later"
data = "CC0"
code = "AGPL-3.0-or-later"
redistribute = true
credit = "Bild: Niemand"
[contact]
text = "Systembetreuung"
"""


def put_model(
    root: Path, name: str = "roofs", version: str = "1.0.0", old: str = "", new: str = ""
) -> Path:
    """Write a model folder, with one piece of its card replaced."""
    folder = root / name / version
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(WEIGHTS)
    text = CARD.format(sha256=hashlib.sha256(WEIGHTS).hexdigest())
    text = text.replace('version = "1.0.0"', f'version = "{version}"')
    assert not old or old in text
    (folder / "card.toml").write_text(text.replace(old, new) if old else text, encoding="utf-8")
    return folder


def test_the_shipped_models_are_in_order() -> None:
    catalog = load_catalog([BUILT_IN])
    # What is still to be trained has no version; anything else that fails is a defect.
    assert [entry for entry in catalog.failed if entry.version] == []
    names = {model.card.name for model in catalog.models}
    assert {"solar", "landcover_rules", "ppocrv6_small", "layout_cdla", "tile_features"} <= names
    assert names.isdisjoint(entry.name for entry in catalog.failed)
    for model in catalog.models:
        assert (model.folder / "README.md").is_file()
        assert (model.folder / "LICENSE").is_file()


def test_a_model_in_order_is_described_for_the_catalogue(tmp_path: Path) -> None:
    model = check_model(put_model(tmp_path))
    assert isinstance(model, ServableModel)
    row = describe(model, "onnxruntime", "cpu", loaded=True)
    assert (row.state, row.available, row.runtime) == ("loaded", True, "onnxruntime")
    assert row.credit == "Bild: Niemand"
    assert row.metrics[0].interval_95 == (0.4, 0.6)
    assert row.metrics[0].measured_on == "2026-11-24"
    assert row.training_data[0].items == 3
    assert row.synthetic_training
    assert row.bands == ["rgb"]
    # What the card does not say has no value: neither cells nor statistics nor near infrared.
    assert (row.output_stride, row.reach_px, row.domain_p99) == (None, None, None)
    assert row.size_px is None
    assert row.fusion_ndvi == {}


def put_cells(root: Path, ndvi: str, *, outputs: str = '"classes", "probabilities"') -> Path:
    """Write a model that answers for cells, with a fusion in its card."""
    new = f'outputs = [{outputs}]\nbands = ["rgb", "rgbi"]'
    folder = put_model(root, old='outputs = ["instances"]', new=new)
    card = folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    text = text.replace("[limits]", "reach_px = 12\noutput_stride = 2\nsize_px = 512\n[limits]")
    text = text.replace("[contact]", f"[fusion]\nndvi = {{ {ndvi} }}\n[contact]")
    card.write_text(text, encoding="utf-8")
    return folder


def test_a_model_of_cells_tells_what_its_tiles_need(tmp_path: Path) -> None:
    card = put_cells(tmp_path, "roof = [-0.5, 2]") / "card.toml"
    statistics = '[domain]\nfile = "domain.json"\ndistance_p99 = 2.5\n[contact]'
    card.write_text(card.read_text(encoding="utf-8").replace("[contact]", statistics))
    row = describe(FailedModel("roofs", "1.0.0", "Ein Grund.", load_card(card)))
    assert (row.bands, row.output_stride, row.reach_px) == (["rgb", "rgbi"], 2, 12)
    assert row.size_px == 512
    assert (row.domain_p99, row.fusion_ndvi) == (2.5, {"roof": (-0.5, 2.0)})
    assert Catalog.model_validate_json(Catalog(models=[row]).model_dump_json()).models == [row]


@pytest.mark.parametrize(
    "ndvi",
    [
        "",
        "wall = [0.5, 2]",
        "Roof = [0.5, 2]",
        "roof = [0.5]",
        "roof = [0.5, 2, 3]",
        "roof = 0.5",
        "roof = [nan, 2]",
        "roof = [0.5, inf]",
        'roof = ["1", 2]',
        "roof = [true, 2]",
    ],
)
def test_a_fusion_that_fits_no_class_is_refused(tmp_path: Path, ndvi: str) -> None:
    assert isinstance(check_model(put_cells(tmp_path / "good", "roof = [0.5, 2]")), ServableModel)
    assert isinstance(check_model(put_cells(tmp_path / "bad", ndvi)), FailedModel)


def test_a_fusion_needs_probabilities(tmp_path: Path) -> None:
    folder = put_cells(tmp_path, "roof = [0.5, 2]", outputs='"classes"')
    with pytest.raises(ValidationError, match="needs the output probabilities"):
        load_card(folder / "card.toml")


@pytest.mark.parametrize("reach", ["-1", "9000", "1.5", '"far"', "true"])
def test_a_reach_that_is_no_number_of_pixels_is_refused(tmp_path: Path, reach: str) -> None:
    folder = put_model(tmp_path, old="[limits]", new=f"reach_px = {reach}\n[limits]")
    assert isinstance(check_model(folder), FailedModel)


def test_the_shipped_models_tell_what_apps_need() -> None:
    rows = {row.name: row for row in map(describe, load_catalog([BUILT_IN]).models)}
    rules = rows["landcover_rules"]
    assert (rules.bands, rules.output_stride, rules.reach_px) == (["rgb", "rgbi"], 2, 10)
    assert rows["solar"].output_stride is None
    assert rows["solar"].domain_p99 is not None
    assert rows["e5_small_multilingual"].bands == []


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('task = "segment"', "task = ", "Modellkarte"),
        ('task = "segment"', 'task = "fly"', "Modellkarte"),
        ('title_de = "Dächer"\n', "", "Modellkarte"),
        ('limits_de = "Nur ein Test."', 'limits_de = "x"\nsurprise = 1', "Modellkarte"),
        ('file = "model.onnx"', 'file = "../../secret"', "Modellkarte"),
        ('file = "model.onnx"', 'file = "/etc/passwd"', "Modellkarte"),
        ('file = "model.onnx"', 'file = "a\\\\b"', "Modellkarte"),
        ('file = "model.onnx"\n', "", "Modellkarte"),
        ('file = "model.onnx"', 'file = "model.onnx"\npackage = "numpy"', "Modellkarte"),
        ("gsd_min_m = 0.05", "gsd_min_m = 0.5", "Modellkarte"),
        ("gsd_min_m = 0.05\n", "", "Modellkarte"),
        ("classes = [", "#", "Modellkarte"),
        ('name = "roofs"', 'name = "walls"', "Ordner"),
        ('sha256 = "', f'sha256 = "{"0" * 64}" #', "Prüfsumme"),
        ('file = "model.onnx"', 'file = "other.onnx"', "Gewichte"),
        ('file = "model.onnx"', 'file = "."', "Gewichte"),
        ('file = "model.onnx"', 'file = "a\\u0000b"', "Gewichte"),
        ('file = "model.onnx"', f'file = "{"x" * 300}"', "Gewichte"),
        ('name = "roofs"', f"name = {'[' * 20_000}", "Modellkarte"),
        ('version = "1.0.0"', 'version = "1.٠.0"', "Modellkarte"),
        ("[contact]", '[domain]\nfile = "a\\u0000b"\ndistance_p99 = 2.0\n[contact]', "Merkmal"),
        (
            'file = "model.onnx"',
            'package = "no_such_package"\npackage_file = "x"',
            "no_such_package",
        ),
    ],
)
def test_a_broken_folder_is_listed_with_its_reason(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    healthy = put_model(tmp_path / "other")
    broken = put_model(tmp_path / "broken", old=old, new=new)
    catalog = load_catalog([healthy.parents[1], broken.parents[1]])
    assert [model.folder for model in catalog.models] == [healthy]
    (failed,) = catalog.failed
    assert reason in failed.reason
    row = describe(failed)
    assert (row.state, row.available) == ("failed", False)


def test_class_keys_must_differ(tmp_path: Path) -> None:
    twice = '{ code = 0, key = "roof", title_de = "Dach" }'
    folder = put_model(tmp_path, old=twice, new=f"{twice}, {twice}")
    with pytest.raises(ValidationError, match="repeat"):
        load_card(folder / "card.toml")


def test_weights_outside_the_folder_are_refused_even_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside.onnx"
    outside.write_bytes(WEIGHTS)
    folder = put_model(tmp_path / "models")
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to(outside)
    assert isinstance(check_model(folder), FailedModel)


def test_a_link_to_itself_is_no_file(tmp_path: Path) -> None:
    folder = put_model(tmp_path)
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to("model.onnx")
    assert isinstance(check_model(folder), FailedModel)


def test_names_that_are_no_text_hide_nobody(tmp_path: Path) -> None:
    put_model(tmp_path)
    (tmp_path / os.fsdecode(b"\xff\xfe") / "1.0.0").mkdir(parents=True)
    catalog = load_catalog([tmp_path])
    assert len(catalog.models) == 1
    rows = [describe(entry) for entry in (*catalog.models, *catalog.failed)]
    assert "udcff" in Catalog(models=rows).model_dump_json()


def test_the_newest_version_wins_unless_asked(tmp_path: Path) -> None:
    for version in ("1.0.0", "1.10.0", "1.9.0"):
        put_model(tmp_path, version=version)
    catalog = load_catalog([tmp_path])
    assert catalog.resolve("segment", "roofs", None).card.version == "1.10.0"
    assert catalog.resolve("segment", "roofs", "1.9.0").card.version == "1.9.0"


@pytest.mark.parametrize(
    ("task", "name", "version"),
    [("segment", "nix", None), ("segment", "roofs", "2.0.0"), ("ocr", "roofs", None)],
)
def test_what_is_not_there_is_missing(
    tmp_path: Path, task: str, name: str, version: str | None
) -> None:
    put_model(tmp_path)
    with pytest.raises(ModelMissing):
        load_catalog([tmp_path]).resolve(task, name, version)


def test_a_later_folder_never_replaces_a_built_in_model(tmp_path: Path) -> None:
    first = put_model(tmp_path / "built_in")
    put_model(tmp_path / "own")
    catalog = load_catalog([first.parents[1], tmp_path / "own", tmp_path / "absent"])
    assert [model.folder for model in catalog.models] == [first]
    assert "bereits" in catalog.failed[0].reason


def test_cards_are_frozen(tmp_path: Path) -> None:
    card = load_card(put_model(tmp_path) / "card.toml")
    assert isinstance(card, Card)
    with pytest.raises(ValidationError):
        card.name = "other"


def test_planned_models_are_listed_until_a_folder_takes_their_place(tmp_path: Path) -> None:
    entry = '[{}]\ntask = "segment"\ntitle_de = "Dächer"\nreason = "Noch nicht trainiert."\n'
    text = "".join(entry.format(name) for name in ("roofs", "walls"))
    (tmp_path / "planned.toml").write_text(text, encoding="utf-8")
    put_model(tmp_path)
    catalog = load_catalog([tmp_path])
    assert [found.name for found in catalog.failed] == ["walls"]
    row = describe(catalog.failed[0])
    assert (row.available, row.state, row.task) == (False, "failed", "segment")
    assert (row.title_de, row.reason) == ("Dächer", "Noch nicht trainiert.")
    with pytest.raises(ModelMissing):
        catalog.resolve("segment", "walls", None)


@pytest.mark.parametrize("text", ["[", "[walls]\ntask = 3", '["../x"]\ntask = "segment"'])
def test_a_broken_list_of_planned_models_hides_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "planned.toml").write_text(text, encoding="utf-8")
    put_model(tmp_path)
    catalog = load_catalog([tmp_path])
    assert [model.card.name for model in catalog.models] == ["roofs"]
    assert catalog.failed == ()


def test_weights_that_were_replaced_after_the_check_are_not_loaded(tmp_path: Path) -> None:
    folder = put_model(tmp_path)
    model = check_model(folder)
    assert isinstance(model, ServableModel)
    verify_files(model)
    (folder / "model.onnx").write_bytes(WEIGHTS[::-1])
    with pytest.raises(WeightsUnusable, match="Prüfsumme"):
        verify_files(model)
    (folder / "model.onnx").unlink()
    with pytest.raises(WeightsUnusable, match="fehlen"):
        verify_files(model)


def test_no_answer_names_the_hash_of_weights_that_are_gone(tmp_path: Path) -> None:
    write_model(tmp_path, "tiny", "1.0.0", 0.5)
    engine = Engine(load_catalog([tmp_path]), [], time.monotonic)
    model = engine.resolve("segment", "tiny", None)
    (tmp_path / "tiny" / "1.0.0" / "model.onnx").write_bytes(brightness_network(1.0))
    ticket = Ticket("request", SegmentOptions(model="tiny"), model, 0.0, 1)
    (outcome,) = engine.run("segment", [Item(ticket, 0, encode(noise()))])
    assert isinstance(outcome.result, Bad)
    with pytest.raises(ModelMissing):
        engine.resolve("segment", "tiny", None)


def test_texts_of_a_model_come_from_its_own_folder_only(tmp_path: Path) -> None:
    folder = put_model(tmp_path / "models")
    model = check_model(folder)
    assert isinstance(model, ServableModel)
    assert read_text(model, "README.md") == ""
    (folder / "README.md").write_text("# Dächer", encoding="utf-8")
    assert read_text(model, "README.md") == "# Dächer"
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    (folder / "LICENSE").symlink_to(secret)
    assert read_text(model, "LICENSE") == ""
    (folder / "LICENSE").unlink()
    (folder / "LICENSE").symlink_to("LICENSE")
    assert read_text(model, "LICENSE") == ""


def test_models_are_the_same_only_if_card_weights_and_statistics_are(tmp_path: Path) -> None:
    model = check_model(folder := put_model(tmp_path))
    again = check_model(folder)
    assert isinstance(model, ServableModel)
    assert isinstance(again, ServableModel)
    assert model.fingerprint == again.fingerprint
    card = folder / "card.toml"
    card.write_text(card.read_text(encoding="utf-8").replace("memory_mb = 10", "memory_mb = 11"))
    changed = check_model(folder)
    assert isinstance(changed, ServableModel)
    assert changed.fingerprint != model.fingerprint


@pytest.mark.parametrize("name", ["card.toml", "model.onnx"])
def test_a_pipe_in_place_of_a_file_does_not_stop_the_server(tmp_path: Path, name: str) -> None:
    folder = put_model(tmp_path)
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert isinstance(check_model(folder), FailedModel)

"""A model of the user: its file becomes a recipe, or is refused with what is missing."""

import itertools
import json
import tomllib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from apps.aviary.commands import program as command
from apps.aviary.commands.own_model_file import prepare_model
from apps.aviary.recipe_book.own_model import (
    LEAST_TILE_PX,
    MOST_TILE_PX,
    OWN_MODEL,
    Tiling,
    colour_of,
    find_own_model,
    recipe_text,
)
from apps.aviary.recipe_book.schema import CELL_STEP_PX
from apps.aviary.recipe_book.toml_text import to_toml
from apps.aviary.recipes import read_recipe
from model_server.catalog import load_catalog
from shared.contracts.model_catalog import Catalog, CatalogClass, CatalogEntry
from shared.errors import FileMissing, ModelMissing, OwnModelRefused
from shared.i18n import get_translator
from tests.apps.aviary import doubles
from tests.model_server.foreign_networks import (
    DETECTOR,
    HEAD,
    SEGMENTOR,
    external,
    foreign_operator,
    network,
)
from tests.model_server.tiny_models import write_model

MODEL_DESCRIPTION = {
    "model_type": json.dumps("Segmentor"),
    "class_names": {"0": "_background", "1": "Blaue Fläche"},
    "resolution": 20,
    "tiles_size": 256,
    "tiles_overlap": 15,
    "seg_small_segment": 4,
}


def entry(**changed) -> CatalogEntry:
    content = {
        "name": "tanks",
        "version": "1.2.3",
        "task": "segment",
        "title_de": "Tanks",
        "sha256": "ab" * 32,
        "available": True,
        "state": "available",
        "classes": [CatalogClass(code=0, key="tank", title_de="Tank")],
        "outputs": ["instances"],
        "bands": ["rgb"],
        "gsd_best_m": 0.125,
        "gsd_min_m": 0.1,
        "gsd_max_m": 0.2,
        "min_score": 0.4,
        "size_px": 512,
        "licence": "MIT",
    }
    return CatalogEntry(**content | changed)


def two_classes() -> list[CatalogClass]:
    return [
        CatalogClass(code=0, key="background", title_de="Rest"),
        CatalogClass(code=7, key="roof", title_de="Dach"),
    ]


def test_a_detector_becomes_a_recipe_of_objects():
    recipe = read_recipe(recipe_text(entry(), Tiling(overlap_percent=25)), "x")
    assert (recipe.recipe_id, recipe.kind, recipe.version) == (OWN_MODEL, "objects", "1.2.3")
    assert (recipe.model, recipe.tile_px, recipe.overlap_px) == ("tanks", 512, 128)
    assert (recipe.gsd_min_m, recipe.gsd_native_m, recipe.gsd_max_m) == (0.1, 0.125, 0.2)
    assert (recipe.threshold, recipe.doubtful_below) == (0.4, 0.6)
    assert recipe.title_de == "Eigenes Modell: Tanks"
    assert [one.key for one in recipe.classes] == ["tank"]


def test_a_segmentor_becomes_a_recipe_of_a_map():
    made = entry(outputs=["classes", "probabilities"], output_stride=4, classes=two_classes())
    recipe = read_recipe(recipe_text(made, Tiling(15, small_segment_px=8)), "x")
    assert (recipe.kind, recipe.bands) == ("semantic", "rgb")
    # 15 % of 512 px are 76.8; tiles of maps begin on multiples of 8.
    assert (recipe.tile_px, recipe.overlap_px) == (512, 80)
    assert recipe.min_area_m2 == 1.0
    assert recipe.groups == {0: (0,), 7: (7,)}
    assert len({one.colour for one in recipe.classes}) == 2


def test_sizes_are_brought_to_the_cells_and_overlaps_stay_below_a_half():
    made = entry(outputs=["probabilities"], output_stride=8, classes=two_classes(), size_px=300)
    recipe = read_recipe(recipe_text(made, Tiling(99)), "x")
    assert (recipe.tile_px, recipe.overlap_px) == (296, 144)
    recipe = read_recipe(recipe_text(entry(size_px=None), Tiling(99)), "x")
    assert (recipe.tile_px, recipe.overlap_px) == (640, 319)
    assert read_recipe(recipe_text(entry(size_px=64), Tiling(0)), "x").overlap_px == 0


def test_near_infrared_is_used_as_the_model_takes_it():
    made = entry(outputs=["probabilities"], output_stride=1, classes=two_classes())
    for bands, wanted in ((["rgb", "rgbi"], "any"), (["rgbi"], "rgbi")):
        changed = made.model_copy(update={"bands": bands})
        assert read_recipe(recipe_text(changed), "x").bands == wanted


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"gsd_best_m": None}, "resolution"),
        ({"task": "classify"}, "Luftbilder"),
        ({"classes": []}, "Luftbilder"),
        ({"outputs": ["labels"]}, "Zelle"),
        ({"outputs": ["probabilities"], "output_stride": 16}, "1, 2, 4 oder 8"),
        ({"outputs": ["probabilities"], "output_stride": 3}, "1, 2, 4 oder 8"),
        ({"bands": ["rgbi"]}, "drei Kanäle"),
        ({"size_px": 32}, "64 bis 1280"),
        ({"size_px": 2048}, "64 bis 1280"),
    ],
)
def test_what_does_not_fit_is_refused(changed, words):
    with pytest.raises(OwnModelRefused, match=words):
        recipe_text(entry(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"gsd_best_m": None},
        {"task": "classify"},
        {"outputs": ["labels"]},
        {"bands": ["rgbi"]},
        {"size_px": 32},
    ],
)
def test_a_refusal_is_english_on_an_english_page(changed):
    english = get_translator("en", "aviary")
    with pytest.raises(OwnModelRefused) as refused:
        recipe_text(entry(**changed))
    message, advice = english.error(refused.value)
    reason = refused.value.details["reason"]
    assert reason in str(refused.value)
    assert reason not in message
    assert message.startswith('The model "tanks" cannot be used: ')
    assert "card.toml" in advice
    assert not english.missing & {reason}


def test_the_words_about_tiles_and_cells_are_those_of_the_limits():
    with pytest.raises(OwnModelRefused, match=f"müssen {LEAST_TILE_PX} bis {MOST_TILE_PX} "):
        recipe_text(entry(size_px=MOST_TILE_PX + 1))
    steps = [step for step in range(1, CELL_STEP_PX + 1) if CELL_STEP_PX % step == 0]
    assert steps == [1, 2, 4, 8]


def test_a_very_fine_model_gets_a_range_that_a_recipe_takes():
    made = recipe_text(entry(gsd_best_m=0.02, gsd_min_m=0.005, gsd_max_m=0.025))
    assert read_recipe(made, "x").gsd_min_m == 0.01


def test_a_model_is_found_by_its_name():
    catalog = Catalog(models=[entry(available=False, state="failed", reason="Karte fehlt.")])
    with pytest.raises(OwnModelRefused, match="Karte fehlt"):
        find_own_model(catalog, "tanks")
    with pytest.raises(ModelMissing):
        find_own_model(catalog, "solar")


def test_colours_of_neighbours_differ():
    colours = [colour_of(place) for place in range(255)]
    assert len(set(colours)) > 250
    assert all(one != two for one, two in itertools.pairwise(colours))


def test_what_is_written_as_toml_is_read_again():
    content = {
        "a": 'Text "mit" \\ \x7f\n und Ü',
        "b": [1, 2.5, True],
        "empty": [],
        "table": {"x.y": "z", "inner": {"n": 1e-07, "none": {}}},
        "rows": [{"k": 1}, {"k": 2, "list": ["a"]}],
    }
    assert tomllib.loads(to_toml(content)) == content
    with pytest.raises(TypeError):
        to_toml({"a": None})


def saved(folder, content: onnx.ModelProto | bytes, name="modell.onnx"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def test_a_file_that_describes_itself_gets_a_card_that_the_server_takes(tmp_path):
    said = SEGMENTOR | {
        "class_names": {
            "0": "3 Meter hohe Hecke",
            "1": "Ein Name mit sehr vielen Buchstaben, der nicht passt",
        }
    }
    made = network({"logits": (1, 2, 64, 64)}, said=said)
    with prepare_model(saved(tmp_path, made)) as prepared:
        catalog = load_catalog([prepared.folder])
        assert catalog.failed == ()
        card = catalog.models[0].card
    assert not prepared.folder.exists()
    assert (card.name, prepared.name) == (OWN_MODEL, OWN_MODEL)
    assert [one.key for one in card.classes] == [
        "k_3_meter_hohe_hecke",
        "ein_name_mit_sehr_vielen_buc_1",
    ]
    assert (card.input.gsd_min_m, card.input.gsd_best_m, card.input.gsd_max_m) == (0.05, 0.2, 0.25)
    assert card.quality == "demonstration"
    assert card.metrics[0].name == "nicht gemessen"
    assert prepared.tiling == Tiling(overlap_percent=15, small_segment_px=7)


FREE = (1, 3, "height", "width")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (
            network({"y": (1, 2, "height", "width")}, FREE, {"model_type": '"Segmentor"'}),
            "fehlen die Angaben class_names, resolution, tiles_size",
        ),
        (
            network({"y": (1, 2, "height", "width")}, FREE),
            "fehlen die Angaben model_type, class_names, resolution, tiles_size",
        ),
        (external(), "weitere Dateien"),
        (foreign_operator(), "fremde Operatoren"),
        (network({"y": (1, 2, 64, 64)}, (1, 5, 64, 64), SEGMENTOR), "Zahl der Kanäle"),
        (b"no network at all", "kein ONNX"),
    ],
    ids=["half described", "not described", "external", "operators", "channels", "no onnx"],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path, made, words):
    path = saved(tmp_path, made)
    with pytest.raises(OwnModelRefused, match=words), prepare_model(path):
        pass


def test_a_card_beside_the_file_is_taken(tmp_path):
    write_model(tmp_path, "hell", "2.0.0", 1.0)
    folder = tmp_path / "hell" / "2.0.0"
    for path in (folder, folder / "card.toml", folder / "model.onnx"):
        with prepare_model(path) as prepared:
            catalog = load_catalog([prepared.folder])
            assert [model.key for model in catalog.models] == [("hell", "2.0.0")]
    (folder / "model.onnx").write_bytes(external())
    with pytest.raises(OwnModelRefused, match="weitere Dateien"), prepare_model(folder):
        pass


def test_a_file_is_looked_through_whatever_it_is_called(tmp_path):
    write_model(tmp_path, "hell", "2.0.0", 1.0)
    folder = tmp_path / "hell" / "2.0.0"
    card = folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    for name in ("weights.bin", "model.ONNX"):
        (folder / name).write_bytes(external())
        card.write_text(text.replace("model.onnx", name), encoding="utf-8")
        with pytest.raises(OwnModelRefused, match="weitere Dateien"), prepare_model(folder):
            pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        'name = "x"',
        'name = "x"\nversion = "1.0.0"\nfile = 3\nextra_files = 1',
        'name = ".."\nversion = ".."\nfile = "model.onnx"',
        'name = "x"\nversion = ".."\nfile = "model.onnx"',
        "a = " + "[" * 100_000,
    ],
)
def test_a_broken_card_is_refused(tmp_path, text):
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    with pytest.raises(OwnModelRefused, match=r"card\.toml"), prepare_model(tmp_path):
        pass


def test_a_card_cannot_lead_out_of_its_folder(tmp_path):
    (tmp_path / "secret.onnx").write_bytes(b"secret")
    write_model(tmp_path, "hell", "2.0.0", 1.0)
    folder = tmp_path / "hell" / "2.0.0"
    card = folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    card.write_text(text.replace("model.onnx", "../../secret.onnx"), encoding="utf-8")
    with pytest.raises(FileMissing), prepare_model(folder):
        pass


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(FileMissing), prepare_model(tmp_path / "fehlt.onnx"):
        pass
    with pytest.raises(OwnModelRefused, match=r"card\.toml"), prepare_model(tmp_path):
        pass


class Named(doubles.Double):
    """The double that finds blue things, under the full description of a catalogue."""

    def models(self) -> Catalog:
        (own,) = super().models().models
        told = entry().model_copy(update={"name": own.name, "version": own.version})
        classes = [CatalogClass(code=0, key="pv", title_de="Blau")]
        told = told.model_copy(update={"gsd_best_m": 0.1, "classes": classes})
        return Catalog(models=[told])


@pytest.fixture
def model(monkeypatch):
    double = Named(doubles.finds_blue().look, gsd_m=0.1)
    monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: double)
    return double


def blue_square(folder):
    pixels = np.full((200, 300, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 140
    pixels[40:100, 50:130] = doubles.BLUE
    path = folder / "bild.png"
    Image.fromarray(pixels).save(path)
    return path


def run(folder, *words):
    image = blue_square(folder)
    fixed = ["--image", str(image), "--gsd", "0.1", "--out", str(folder / "out")]
    return command.main(["run", *map(str, words), *fixed])


def test_a_model_of_the_server_runs_by_its_name(tmp_path, capsys, model):
    assert run(tmp_path, "--recipe", OWN_MODEL, "--model", "solar") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["recipe"], said["counts"]) == (OWN_MODEL, {"pv": 1})
    assert said["parameters"]["tile_px"] == 512


def test_a_built_in_recipe_runs_with_another_model(tmp_path, capsys, model):
    assert run(tmp_path, "--recipe", "solar", "--model", "solar") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["recipe"], said["counts"]["pv"]) == ("solar", 1)
    assert run(tmp_path, "--recipe", "solar", "--model", "sonne", "--force") == 3
    assert "sonne" in capsys.readouterr().err


def test_the_recipe_needs_a_model(tmp_path, capsys, model):
    assert run(tmp_path, "--recipe", OWN_MODEL) == 2
    assert "--model" in capsys.readouterr().err
    assert run(tmp_path, "--recipe", OWN_MODEL, "--model", tmp_path / "fehlt.onnx") == 2
    assert "fehlt.onnx" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def finds_blue() -> onnx.ModelProto:
    """A network that calls class 1 what is more blue than half."""
    nodes = [
        helper.make_node("Split", ["image", "parts"], ["r", "g", "b"], axis=1),
        helper.make_node("Sub", ["b", "half"], ["over"]),
        helper.make_node("Mul", ["over", "gain"], ["one"]),
        helper.make_node("Neg", ["one"], ["zero"]),
        helper.make_node("Concat", ["zero", "one"], ["logits"], axis=1),
    ]
    constants = {
        "parts": np.array([1, 1, 1]),
        "half": np.array(0.6, np.float32),
        "gain": np.array(20, np.float32),
    }
    sides = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        nodes,
        "blue",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2, "h", "w"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    for key, value in MODEL_DESCRIPTION.items():
        made.metadata_props.add(
            key=key, value=value if isinstance(value, str) else json.dumps(value)
        )
    return made


@pytest.mark.server
@pytest.mark.timeout(300)
def test_a_deepness_model_runs_through_the_real_server(tmp_path, capsys):
    path = saved(tmp_path, finds_blue())
    assert run(tmp_path, "--recipe", OWN_MODEL, "--model", path) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["model"]["name"]) == ("ok", OWN_MODEL)
    assert said["area_m2"]["blaue_flaeche"] == pytest.approx(80 * 60 * 0.1**2, rel=0.03)
    classes = np.asarray(Image.open(tmp_path / "out" / "classes.png"))
    assert classes.shape == (200, 300)
    assert set(classes[50:90, 60:120].ravel()) == {1}
    assert set(classes[120:].ravel()) == {0}


def test_a_detector_that_describes_itself_gets_a_card_too(tmp_path):
    with prepare_model(saved(tmp_path, network(HEAD, said=DETECTOR))) as prepared:
        (found,) = load_catalog([prepared.folder]).models
    assert (found.card.limits.min_score, found.card.limits.nms_iou) == (0.3, 0.4)
    assert found.card.outputs == ("instances",)

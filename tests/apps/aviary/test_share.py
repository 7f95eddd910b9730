"""A recipe in one file: round trip, tampering, hostile ZIP files, and the test before its use."""

import dataclasses
import hashlib
import io
import json
import stat
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from apps.aviary.commands import program as command
from apps.aviary.inputs.image_check import to_tiff
from apps.aviary.recipes import FOLDER, built_in_text, find_recipe, recipe_names
from apps.aviary.sharing.conformance import (
    Difference,
    Figures,
    check_conformance,
    expect,
    prove_recipe,
)
from apps.aviary.sharing.share import (
    EXPECTED_FILE,
    IMAGE_FILE,
    MOST_BYTES,
    NEAR_INFRARED_FILE,
    RECIPE_FILE,
    Expected,
    ProofImage,
    UsedModel,
    pack_recipe,
    unpack_recipe,
)
from shared.errors import (
    ImageTooLarge,
    RecipeBroken,
    RecipePackageRefused,
    RecipeTestFailed,
)
from shared.geo.raster import Patch
from tests.apps.aviary import doubles
from tests.apps.aviary.cell_doubles import CellDouble

SOLAR = (FOLDER / "solar.toml").read_text(encoding="utf-8")
SQUARE_M2 = 80 * 60 * 0.1**2


def picture(size=(300, 200)) -> bytes:
    pixels = np.random.default_rng(5).integers(90, 130, (size[1], size[0], 3), dtype=np.uint8)
    pixels[..., 1] += 20
    pixels[40:100, 50:130] = doubles.BLUE
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


IMAGE = picture()


def expected(**changed) -> Expected:
    content = {
        "model": UsedModel(name="solar", version="9.9.9", sha256="ab" * 32),
        "image": ProofImage(sha256=hashlib.sha256(IMAGE).hexdigest(), gsd_m=0.1),
        "counts": {"pv": 1},
        "area_m2": {"pv": SQUARE_M2},
    }
    return Expected(**content | changed)


PACKED = pack_recipe(SOLAR, IMAGE, expected())


def parts_of(content: bytes = PACKED) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {one: archive.read(one) for one in archive.namelist()}


def zipped(parts: dict[str, bytes], method=zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def changed(name: str, old: str, new: str) -> bytes:
    parts = parts_of()
    text = parts[name].decode()
    assert old in text
    return zipped(parts | {name: text.replace(old, new, 1).encode()})


def test_what_was_packed_comes_out_again():
    shared = unpack_recipe(PACKED, "meins.urbanki-recipe")
    assert shared.text == SOLAR
    assert shared.recipe == find_recipe("solar")
    assert shared.image == IMAGE
    assert shared.expected == expected()
    assert pack_recipe(shared.text, shared.image, shared.expected) == PACKED


def test_the_file_has_exactly_three_entries_without_a_time():
    with zipfile.ZipFile(io.BytesIO(PACKED)) as archive:
        assert archive.namelist() == [RECIPE_FILE, IMAGE_FILE, EXPECTED_FILE]
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    told = json.loads(parts_of()[EXPECTED_FILE])
    assert told["model"] == {"name": "solar", "version": "9.9.9", "sha256": "ab" * 32}


def with_entry(name: str, mode: int = 0) -> bytes:
    target = io.BytesIO(PACKED)
    with zipfile.ZipFile(target, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, b"x")
    return target.getvalue()


def renamed(name: str) -> bytes:
    parts = parts_of()
    return zipped({name: parts.pop(RECIPE_FILE), **parts})


def twice() -> bytes:
    target = io.BytesIO(PACKED)
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(RECIPE_FILE, SOLAR)
    return target.getvalue()


def encrypted() -> bytes:
    """Set the bit that says so in the list of entries."""
    content = bytearray(PACKED)
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def lying_about_its_size() -> bytes:
    """Say in the list of entries that the recipe is one byte long."""
    content = bytearray(PACKED)
    place = content.index(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 1)
    return bytes(content)


def with_offset(offset: int) -> bytes:
    """Say in the list of entries that one of them begins far behind the end of the file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in (EXPECTED_FILE, IMAGE_FILE, RECIPE_FILE):
            entry = zipfile.ZipInfo(name)
            entry.extra = struct.pack("<HHQ", 1, 8, offset) if name == RECIPE_FILE else b""
            archive.writestr(entry, b"{}")
    content = bytearray(target.getvalue())
    place = content.rindex(b"PK\x01\x02")
    content[place + 42 : place + 46] = b"\xff" * 4
    return bytes(content)


def png_head(width: int, height: int) -> bytes:
    head = struct.pack(">II5B", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + chunk


def with_image(image: bytes) -> bytes:
    told = expected(image=ProofImage(sha256=hashlib.sha256(image).hexdigest(), gsd_m=0.1))
    return zipped(parts_of() | {IMAGE_FILE: image, EXPECTED_FILE: told.model_dump_json().encode()})


HOSTILE = {
    "empty": (b"", "beschädigt"),
    "no zip": (b"hello", "beschädigt"),
    "cut off": (PACKED[:-30], "beschädigt"),
    "too large": (b"PK\x03\x04" + b"\0" * MOST_BYTES, "20 MB"),
    "path upwards": (with_entry("../recipe.toml"), "genau recipe.toml"),
    "path instead": (renamed("../recipe.toml"), "genau recipe.toml"),
    "path with backslash": (renamed("..\\recipe.toml"), "genau recipe.toml"),
    "absolute path": (renamed("/recipe.toml"), "genau recipe.toml"),
    "zero byte in a name": (renamed("recipe.toml?.exe").replace(b"?", b"\0"), "genau recipe.toml"),
    "folder": (with_entry("more/"), "genau recipe.toml"),
    "link": (with_entry("link", stat.S_IFLNK | 0o777), "genau recipe.toml"),
    "further file": (with_entry("model.onnx"), "genau recipe.toml"),
    "entry missing": (zipped({RECIPE_FILE: b""}), "genau recipe.toml"),
    "entry twice": (twice(), "genau recipe.toml"),
    "encrypted": (encrypted(), "verschlüsselt"),
    "other packing": (zipped(parts_of(), zipfile.ZIP_LZMA), "gepackt"),
    "bomb": (
        zipped(parts_of() | {IMAGE_FILE: b"\0" * 15_000_000}, zipfile.ZIP_DEFLATED),
        "entpackt zu groß",
    ),
    "long recipe": (zipped(parts_of() | {RECIPE_FILE: b"#" * 300_000}), "entpackt zu groß"),
    "offset no offset": (with_offset(2**63), "beschädigt"),
    "endless number": (changed(EXPECTED_FILE, '"pv": 1', '"pv": 1' + "0" * 400), "nicht lesbar"),
    "enlarged beyond measure": (changed(EXPECTED_FILE, '"gsd_m": 0.1', '"gsd_m": 100'), "zu grob"),
    "size is a lie": (lying_about_its_size(), "beschädigt"),
    "no text": (zipped(parts_of() | {RECIPE_FILE: b"\xff\xfe"}), "nicht lesbar"),
    "figures broken": (zipped(parts_of() | {EXPECTED_FILE: b"[" * 9000}), "nicht lesbar"),
    "figures unknown": (changed(EXPECTED_FILE, '"format": 1', '"format": 2'), "nicht lesbar"),
    "negative area": (changed(EXPECTED_FILE, '"pv": 48.', '"pv": -48.'), "nicht lesbar"),
    "hash no hash": (changed(EXPECTED_FILE, "ab" * 32, "ab" * 31), "nicht lesbar"),
    "other image": (zipped(parts_of() | {IMAGE_FILE: picture((301, 200))}), "Prüfsumme"),
    "image no png": (with_image(b"GIF89a" + b"x" * 40), "falsche Form"),
    "image huge": (with_image(png_head(30_000, 30_000)), "zu groß"),
    "other classes": (changed(EXPECTED_FILE, '"pv": 1', '"tank": 1'), "anderen Rezept"),
    "no model": (
        zipped(parts_of() | {EXPECTED_FILE: expected(model=None).model_dump_json().encode()}),
        "anderen Rezept",
    ),
    "needs files": (
        changed(RECIPE_FILE, 'bands = "rgb"', 'bands = "rgb"\ninputs = ["parcels"]'),
        "weitere Dateien",
    ),
}


def test_no_more_is_unpacked_than_the_list_of_entries_says():
    content = bytearray(
        zipped(parts_of() | {RECIPE_FILE: b"\0" * 60_000_000}, zipfile.ZIP_DEFLATED)
    )
    entry = content.index(b"PK\1\2")
    told = b"\0" * 1000
    content[entry + 16 : entry + 20] = struct.pack("<I", zlib.crc32(told))
    content[entry + 24 : entry + 28] = struct.pack("<I", len(told))
    tracemalloc.start()
    try:
        with pytest.raises(RecipeBroken):
            unpack_recipe(bytes(content), "x.urbanki-recipe")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_formula_works_on_coarse_images():
    image = ProofImage(sha256=hashlib.sha256(IMAGE).hexdigest(), gsd_m=5.0)
    text = built_in_text("index")
    told = expected(model=None, image=image, counts={}, area_m2={})
    assert unpack_recipe(pack_recipe(text, IMAGE, told), "x").expected.image.gsd_m == 5.0


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(case):
    content, words = HOSTILE[case]
    with pytest.raises(RecipePackageRefused, match=words) as refused:
        unpack_recipe(content, "x.urbanki-recipe")
    assert "„x.urbanki-recipe“" in str(refused.value)


@pytest.mark.parametrize("text", ["", "a = " + "[" * 100_000, SOLAR.replace("0.25", "1.5")])
def test_a_recipe_that_is_none_is_refused(text):
    with pytest.raises(RecipeBroken):
        unpack_recipe(zipped(parts_of() | {RECIPE_FILE: text.encode()}), "x")


def test_the_message_about_a_recipe_shows_no_link_and_no_picture_of_it():
    text = SOLAR.replace("[recipe]", '[recipe]\n"![x](https://anderswo.example/x.png)" = 1', 1)
    with pytest.raises(RecipeBroken) as refused:
        unpack_recipe(zipped(parts_of() | {RECIPE_FILE: text.encode()}), "x.urbanki-recipe")
    assert "recipe.?" in str(refused.value)
    assert "anderswo" not in str(refused.value)


def test_only_what_can_be_read_again_is_packed():
    with pytest.raises(RecipePackageRefused, match="Prüfsumme"):
        pack_recipe(SOLAR, IMAGE + b"\0", expected())


def shared(told: Expected | None = None):
    return unpack_recipe(pack_recipe(SOLAR, IMAGE, told or expected()), "x.urbanki-recipe")


def test_a_test_image_has_few_pixels():
    text = built_in_text("ndvi")
    pixels = np.full((2100, 2900, 3), 75, dtype=np.uint8)
    image = to_tiff(Patch(pixels, pixels[..., 0] > 0, nir=pixels[..., 0]))
    with pytest.raises(ImageTooLarge):
        expect(text, image, 0.2, CellDouble)
    with pytest.raises(RecipePackageRefused, match="falsche Form"):
        unpack_recipe(zipped(ndvi_parts(IMAGE)), "x")


def ndvi_parts(image: bytes) -> dict[str, bytes]:
    told = expected(
        model=None,
        image=ProofImage(sha256=hashlib.sha256(image).hexdigest(), gsd_m=0.2),
        counts={},
        area_m2={},
    )
    return {
        RECIPE_FILE: built_in_text("ndvi").encode(),
        NEAR_INFRARED_FILE: image,
        EXPECTED_FILE: told.model_dump_json().encode(),
    }


def test_what_is_exported_passes_its_own_test():
    told = expect(SOLAR, IMAGE, 0.1, doubles.finds_blue)
    assert told.counts["pv"] == 1
    assert told.area_m2["pv"] == pytest.approx(SQUARE_M2)
    assert told.model == UsedModel(name="solar", version="9.9.9", sha256="ab" * 32)
    assert prove_recipe(shared(told), doubles.finds_blue).counts["pv"] == 1


def test_a_map_is_tested_by_its_areas():
    text = (FOLDER / "landcover.toml").read_text(encoding="utf-8")
    pixels = np.full((160, 160, 3), 75, dtype=np.uint8)
    pixels[:80, :, 0] = 35
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    image = target.getvalue()
    told = expect(text, image, 0.2, CellDouble)
    assert told.area_m2["asphalt"] == pytest.approx(512, rel=0.1)
    assert told.area_m2["grass"] == pytest.approx(512, rel=0.1)
    package = unpack_recipe(pack_recipe(text, image, told), "x")
    assert prove_recipe(package, CellDouble).area_m2 == told.area_m2
    worse = told.model_copy(update={"area_m2": told.area_m2 | {"grass": 400.0}})
    with pytest.raises(RecipeTestFailed, match=r"Gras.* \(m²\)"):
        prove_recipe(dataclasses.replace(package, expected=worse), CellDouble)


def ground(bands: int) -> bytes:
    """Two roofs and a tree on grass, as the double of the land-cover model knows them by colour."""
    pixels = np.full((240, 240, bands), 75, dtype=np.uint8)
    for rows, columns, red in ((20, 20, 5), (20, 130, 25), (140, 30, 85)):
        pixels[rows : rows + 64, columns : columns + 64, 0] = red
    if bands == 4:
        valid = np.ones(pixels.shape[:2], dtype=bool)
        return to_tiff(Patch(pixels[..., :3], valid, nir=pixels[..., 3]))
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize("name", [one for one in recipe_names() if not find_recipe(one).inputs])
def test_every_recipe_that_needs_no_further_file_can_be_shared(name):
    text, recipe = built_in_text(name), find_recipe(name)
    client = doubles.finds_blue if name == "solar" else CellDouble
    image = IMAGE if name == "solar" else ground(4 if recipe.bands == "rgbi" else 3)
    told = expect(text, image, recipe.gsd_native_m, client)
    assert (told.model is None) == (recipe.task == "none")
    package = unpack_recipe(pack_recipe(text, image, told), "x")
    found = prove_recipe(package, client)
    assert found.area_m2 == told.area_m2
    if name not in ("water", "pools"):
        assert sum(found.area_m2.values()) > 0


@pytest.mark.parametrize(
    "model",
    [
        UsedModel(name="solar", version="9.9.9", sha256="ab" * 31 + "cd"),
        UsedModel(name="sonne", version="9.9.9", sha256="ab" * 32),
    ],
    ids=["hash", "name"],
)
def test_a_tampered_model_is_refused_before_it_is_asked(model):
    double = doubles.finds_blue()
    with pytest.raises(
        RecipeTestFailed, match=rf"Das Modell ist solar .* statt {model.name} 9\.9\.9"
    ):
        prove_recipe(shared(expected(model=model)), lambda: double)
    assert double.asked == []


def test_a_recipe_that_finds_something_else_is_refused():
    with pytest.raises(RecipeTestFailed, match=r"Photovoltaik \(n\) ist 1 statt 2"):
        prove_recipe(shared(expected(counts={"pv": 2})), doubles.finds_blue)
    with pytest.raises(RecipeTestFailed, match=r"Photovoltaik \(n\) ist 0 statt 1"):
        prove_recipe(shared(), doubles.finds_nothing)


def test_a_tile_without_result_is_no_figure():
    found = Figures({"pv": 1}, {"pv": SQUARE_M2}, failed_tiles=1)
    assert check_conformance(expected(), found) == (Difference("failed_tiles", 1, 0),)


@pytest.mark.parametrize(
    ("counts", "area_m2", "what"),
    [
        ({"pv": 100}, {"pv": 1000.0}, []),
        ({"pv": 102}, {"pv": 1019.0}, []),
        ({"pv": 103}, {"pv": 1000.0}, ["counts.pv"]),
        ({"pv": 97}, {"pv": 979.0}, ["counts.pv", "area_m2.pv"]),
        ({"pv": 100, "pv_ground": 1}, {"pv": 1000.0}, ["counts.pv_ground"]),
        ({}, {}, ["counts.pv", "area_m2.pv"]),
        ({"pv": 100}, {"pv": 1000.0, "pv_ground": 0.9}, []),
    ],
)
def test_figures_may_differ_by_what_rounding_does(counts, area_m2, what):
    told = expected(counts={"pv": 100}, area_m2={"pv": 1000.0})
    found = check_conformance(told, Figures(counts, area_m2, 0))
    assert [one.what for one in found] == what


@pytest.fixture
def model(monkeypatch):
    """Replace the model server by a double."""

    def use(double):
        monkeypatch.setattr(command, "_lazy_client", lambda stack: lambda: double)

    use(doubles.finds_blue())
    return use


def file_with(folder, content=PACKED):
    path = folder / "mein.urbanki-recipe"
    path.write_bytes(content)
    return path


def test_the_command_tests_a_file(tmp_path, capsys, model):
    assert command.main(["test-recipe", str(file_with(tmp_path))]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["recipe"], said["passed"], said["counts"]["pv"]) == ("solar", True, 1)
    assert said["model"]["sha256"] == "ab" * 32

    tampered = changed(EXPECTED_FILE, "ab" * 32, "ac" * 32)
    assert command.main(["test-recipe", str(file_with(tmp_path, tampered))]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "acacacacacac" in said.err
    assert command.main(["test-recipe", str(tmp_path / "fehlt.urbanki-recipe")]) == 2
    assert "fehlt.urbanki-recipe" in capsys.readouterr().err
    assert command.main(["test-recipe", str(file_with(tmp_path, b""))]) == 2
    assert "leer" in capsys.readouterr().err


def test_the_command_runs_a_shared_recipe(tmp_path, capsys, model):
    text = SOLAR.replace('title_de = "Solaranlagen"', 'title_de = "Meine Anlagen"')
    text = text.replace("min_area_m2 = 1.0", "min_area_m2 = 20.0").replace("1.0.0", "1.0.7")
    told = expect(text, IMAGE, 0.1, doubles.finds_blue)
    file = file_with(tmp_path, pack_recipe(text, IMAGE, told))
    image = tmp_path / "bild.png"
    image.write_bytes(IMAGE)
    words = ["run", "--recipe", str(file), "--image", str(image), "--gsd", "0.1"]
    assert command.main([*words, "--out", str(tmp_path / "out")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["parameters"]["min_area_m2"] == 20
    assert said["parameters"]["recipe_version"] == "1.0.7"
    assert said["counts"]["pv"] == 1

    model(doubles.finds_nothing())
    assert command.main([*words, "--out", str(tmp_path / "two")]) == 2
    assert "Photovoltaik (n)" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()
    assert command.main([*words, "--model", "solar", "--out", str(tmp_path / "two")]) == 2
    assert "eigenen Modell" in capsys.readouterr().err

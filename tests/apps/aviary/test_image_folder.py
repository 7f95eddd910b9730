"""Images on the server: each municipality sees its own, and nothing leads out of its folder."""

from __future__ import annotations

import hashlib
import io
import os

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from apps.aviary.inputs import image_check
from apps.aviary.inputs.image_check import cut_out_tiff, look_over
from apps.aviary.inputs.image_folder import (
    MOST_LISTED,
    bytes_or_place,
    list_images,
    open_in_place,
)
from apps.aviary.recipes import find_recipe
from apps.aviary.views.folder import accept_image, path_of
from shared.contracts.identity.principal import HOME_TENANT
from shared.errors import FileMissing, FileTypeRefused
from shared.geo.raster import OpenOptions
from shared.limited_reading import read_limited
from shared.store import artifacts, runs
from shared.store.store import process_store
from tests.apps.aviary import doubles
from tests.apps.aviary.test_page import Model, finished, opened, run_id_of, texts
from tests.shared.people_of_tests import ADMIN, VIEWER, sit_down
from tests.shared.process_state import begin_process, forget_process_state

SOLAR = find_recipe("solar")
pytestmark = pytest.mark.timeout(240)


def tiff(seed=0) -> bytes:
    pixels = np.random.default_rng(seed).integers(90, 130, (300, 400, 3), dtype=np.uint8)
    pixels[..., 1] += 20
    pixels[100:180, 120:220] = doubles.BLUE
    with MemoryFile() as memory:
        place = {"crs": "EPSG:25832", "transform": from_origin(405_000, 5_720_000, 0.1, 0.1)}
        with memory.open(
            driver="GTiff", width=400, height=300, count=3, dtype="uint8", **place
        ) as target:
            target.write(pixels.transpose(2, 0, 1))
        return bytes(memory.read())


@pytest.fixture
def root(tmp_path):
    """Two municipalities with an image each, and a file that belongs to none."""
    folder = tmp_path / "bilder"
    for tenant, name in ((HOME_TENANT, "eigen.tif"), ("anderswo", "fremd.tif")):
        (folder / tenant).mkdir(parents=True)
        (folder / tenant / name).write_bytes(tiff())
    (folder / "lose.tif").write_bytes(tiff())
    return folder


def names(root, tenant=HOME_TENANT):
    return [one.name for one in list_images(root, tenant)]


def test_each_municipality_sees_its_own_images(root):
    assert names(root) == ["eigen.tif"]
    assert names(root, "anderswo") == ["fremd.tif"]
    assert names(root, "niemand") == []
    assert names(None) == []
    (one,) = list_images(root, HOME_TENANT)
    assert one.size_bytes == len(tiff())
    assert one.changed.tzinfo is not None


@pytest.mark.parametrize("tenant", ["", ".", "..", "../bilder", "anderswo/..", "/", "/etc", "a/b"])
def test_no_name_of_a_municipality_leads_elsewhere(root, tenant):
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "tief.tif").write_bytes(tiff())
    assert names(root, tenant) == []


def test_links_folders_and_other_files_are_no_images(root):
    own = root / HOME_TENANT
    (own / "verweis.tif").symlink_to(root / "anderswo" / "fremd.tif")
    (own / "ordner.tif").mkdir()
    (own / ".versteckt.tif").write_bytes(tiff())
    (own / "liste.txt").write_text("x", encoding="utf-8")
    os.mkfifo(own / "rohr.tif")
    assert names(root) == ["eigen.tif"]
    (root / "gast").symlink_to(root / "anderswo", target_is_directory=True)
    assert names(root, "gast") == []


def test_very_many_images_are_cut_off(root):
    for number in range(MOST_LISTED + 5):
        (root / HOME_TENANT / f"{number:04}.png").touch()
    assert len(names(root)) == MOST_LISTED


@pytest.mark.timeout(20)
def test_a_link_or_a_pipe_in_place_of_the_file_is_refused(root):
    own = root / HOME_TENANT / "eigen.tif"
    (image,) = list_images(root, HOME_TENANT)
    own.unlink()
    own.symlink_to(root / "anderswo" / "fremd.tif")
    with pytest.raises(FileMissing), open_in_place(image.path):
        pass
    with pytest.raises(FileMissing):
        accept_image(image)
    own.unlink()
    os.mkfifo(own)
    with pytest.raises(FileMissing), open_in_place(image.path):
        pass
    own.unlink()
    with pytest.raises(FileMissing):
        look_over(b"", SOLAR, OpenOptions(), name="a", force=False, path=str(image.path))


def test_an_image_is_accepted_by_its_content_and_stays_on_disk(root):
    (image,) = list_images(root, HOME_TENANT)
    file = accept_image(image)
    assert (file.kind, file.content) == ("tiff", b"")
    assert path_of(file) == str(image.path)
    image.path.write_bytes(b"%PDF-1.7 no image at all")
    with pytest.raises(FileTypeRefused):
        accept_image(image)


def test_the_mark_changes_with_the_file(root):
    (before,) = list_images(root, HOME_TENANT)
    before.path.write_bytes(tiff(seed=3))
    os.utime(before.path, ns=(1, 1))
    (after,) = list_images(root, HOME_TENANT)
    assert before.mark != after.mark
    assert list_images(root, HOME_TENANT)[0].mark == after.mark


def test_a_file_in_place_is_read_like_its_bytes_and_without_its_neighbours(root):
    (image,) = list_images(root, HOME_TENANT)
    content = image.path.read_bytes()
    words = {"name": "eigen.tif", "force": False}
    by_bytes = look_over(content, SOLAR, OpenOptions(), **words)
    in_place = read_limited(look_over, b"", SOLAR, OpenOptions(), **words, path=str(image.path))
    assert in_place.info == by_bytes.info
    assert in_place.picture == by_bytes.picture
    assert in_place.info.sha256 == hashlib.sha256(content).hexdigest()
    box = (100.0, 90.0, 200.0, 150.0)
    cut = cut_out_tiff(content, SOLAR, OpenOptions(), name="a", box=box)
    path = str(image.path)
    assert cut_out_tiff(b"", SOLAR, OpenOptions(), name="a", box=box, path=path) == cut

    picture = root / HOME_TENANT / "bild.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(picture)
    picture.with_suffix(".pgw").write_text("0.2\n0\n0\n-0.2\n405000\n5720000\n", encoding="ascii")
    with bytes_or_place(b"", str(picture)) as place:
        assert place.with_suffix(".pgw") != picture.with_suffix(".pgw")
    info = look_over(
        b"", SOLAR, OpenOptions(gsd_m=0.1), name="bild.png", force=True, path=str(picture)
    ).info
    assert (info.crs, info.gsd_source) == (None, "given")


def test_grey_images_are_opened_as_a_run_opens_them():
    target = io.BytesIO()
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(target, "PNG")
    index = find_recipe("index")
    found = look_over(target.getvalue(), index, OpenOptions(gsd_m=0.2), name="a", force=False)
    assert "kaum_farbe" in {one.code for one in found.findings}


@pytest.fixture
def house(monkeypatch, tmp_path, root):
    """Page, store and worker, with a folder of images on the server."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("URBANKI_IMAGE_DIR", str(root))
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    model = Model(monkeypatch)
    model.client = doubles.finds_blue()
    yield model
    forget_process_state()


def chosen(name="eigen.tif"):
    page = opened(rezept="solar")
    return page.selectbox(key="aviary_folder_image").set_value(name).run()


def test_the_page_runs_an_image_of_the_folder(house, root):
    page = opened(rezept="solar")
    (option,) = page.selectbox(key="aviary_folder_image").options
    assert option.startswith("eigen.tif (0,3 MB, ")
    page = page.selectbox(key="aviary_folder_image").set_value("eigen.tif").run()
    assert not page.exception
    assert "EPSG:25832" in texts(page)
    page = page.button(key="aviary_start").click().run()
    assert not page.exception
    (root / HOME_TENANT / "eigen.tif").unlink()
    page = finished(house, page)
    assert page.metric[0].value == "1"
    run = runs.get(ADMIN, process_store(), run_id_of(page))
    assert run.inputs[0].sha256 == hashlib.sha256(tiff()).hexdigest()
    assert artifacts.read(ADMIN, process_store(), run.inputs[0]) == tiff()
    assert run.parameters["windowed_megapixels"] == 1000
    assert not run.is_example


def test_a_file_that_changes_after_its_check_is_not_run(house, root, monkeypatch):
    page = chosen()
    path = root / HOME_TENANT / "eigen.tif"
    about = path.stat()
    path.write_bytes(tiff(seed=8))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    page = page.button(key="aviary_start").click().run()
    assert "hat sich seit der Prüfung geändert" in texts(page)
    assert "ergebnis" not in page.query_params


def test_the_gallery_opens_no_image_of_the_folder_itself(house, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("opened in the gallery's own process")

    monkeypatch.setattr(image_check, "open_raster", refuse)
    page = chosen()
    assert not page.exception
    assert "EPSG:25832" in texts(page)


def test_who_may_bring_no_data_along_sees_no_folder(house, monkeypatch):
    sit_down(VIEWER, monkeypatch.setattr)
    page = opened(rezept="solar")
    assert not page.exception
    assert "aviary_folder_image" not in [one.key for one in page.selectbox]

"""Labels and tiles are read defensively, and the transposed twins fit their images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from model_server.training.tiles import TilesUnusable, parse_labels, read_tiles, write_dataset


def write_source(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (folder / "tiles.csv").write_text("tile,group,ground_mounted\nb,2,1\na,1,0\n", encoding="utf-8")
    for name, shade in (("a", 40), ("b", 200)):
        pixels = np.full((40, 60, 3), shade, dtype=np.uint8)
        pixels[:10, :30] = 255  # upper left quarter of the width, quarter of the height
        cv2.imwrite(str(folder / "images" / f"{name}.jpg"), pixels)
        label = "0 0.25 0.125 0.5 0.25\n"
        (folder / "labels" / f"{name}.txt").write_text(label, encoding="utf-8")
    return folder


def test_labels_become_relative_boxes():
    boxes = parse_labels("0 0.5 0.25 0.2 0.1\n\n3 0.1 0.1 0.2 0.2\n", "x.txt")
    np.testing.assert_allclose(boxes, [[0.5, 0.25, 0.2, 0.1], [0.1, 0.1, 0.2, 0.2]])


def test_an_empty_label_file_means_no_box():
    assert parse_labels("\n", "x.txt").shape == (0, 4)


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.1",
        "0 0.5 0.5 0.1 0.1 0.1",
        "0 0.5 0.5 -0.1 0.1",
        "0 0.5 0.5 0 0.1",
        "0 0.95 0.5 0.2 0.1",
        "0 a 0.5 0.2 0.1",
        "0 nan 0.5 0.2 0.1",
        "0 inf 0.5 0.2 0.1",
    ],
)
def test_a_broken_line_is_named(line: str):
    with pytest.raises(TilesUnusable, match=r"x\.txt, Zeile 2"):
        parse_labels(f"0 0.5 0.5 0.1 0.1\n{line}\n", "x.txt")


def test_tiles_are_sorted_and_boxes_become_pixels(tmp_path: Path):
    first, second = read_tiles(write_source(tmp_path))
    assert (first.name, first.group, first.ground_mounted) == ("a", "1", False)
    assert (second.name, second.group, second.ground_mounted) == ("b", "2", True)
    np.testing.assert_allclose(first.boxes_px(60, 40), [[0, 0, 30, 10]])


@pytest.mark.parametrize("missing", ["tiles.csv", "images/a.jpg", "labels/b.txt"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str):
    (write_source(tmp_path) / missing).unlink()
    with pytest.raises(TilesUnusable, match=Path(missing).name):
        read_tiles(tmp_path)


def test_a_table_without_groups_is_refused(tmp_path: Path):
    write_source(tmp_path)
    (tmp_path / "tiles.csv").write_text("tile,ground_mounted\na,0\n", encoding="utf-8")
    with pytest.raises(TilesUnusable, match="group"):
        read_tiles(tmp_path)


def test_twins_are_transposed_together_with_their_boxes(tmp_path: Path):
    tiles = read_tiles(write_source(tmp_path / "source"))
    write_dataset(tiles, tmp_path / "data", "pv")
    twin = cv2.imread(str(tmp_path / "data" / "images" / "a_t.png"))
    assert twin.shape == (60, 40, 3)
    _, cx, cy, width, height = map(
        float, (tmp_path / "data" / "labels" / "a_t.txt").read_text(encoding="utf-8").split()
    )
    left, right = (cx - width / 2) * 40, (cx + width / 2) * 40
    top, bottom = (cy - height / 2) * 60, (cy + height / 2) * 60
    inside = twin[round(top) + 1 : round(bottom) - 1, round(left) + 1 : round(right) - 1]
    assert (right - left, bottom - top) == (10, 30)
    assert inside.mean() > 240
    assert twin[round(bottom) + 4 :].mean() < 60


def test_the_source_folder_stays_untouched(tmp_path: Path):
    source = write_source(tmp_path / "source")
    before = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    write_dataset(read_tiles(source), tmp_path / "data", "pv")
    after = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    assert after == before

"""What the training with masks reads, cuts, draws and counts, by hand; no network is trained."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_server.training.folds import make_folds
from model_server.training.mask_arms import ArmsMissing, choose_arm
from model_server.training.mask_prediction import Find, corners_of, draw
from model_server.training.mask_scoring import MaskFigures
from model_server.training.rendered import (
    Outline,
    ScenesUnusable,
    cut_outlines,
    find_shards,
    parse_outlines,
    read_scenes,
    write_tiles,
)
from model_server.training.tiles import read_tiles
from shared.settings import get_settings

pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

from model_server.training.pseudo_masks import outline_boxes
from model_server.training.rotation import Rotation
from tests.model_server.solar_scenes import write_shard


def square(left: float, top: float, side: float) -> np.ndarray:
    return corners_of(np.array([left, top, left + side, top + side]))


def find(code: int, score: float, corners: np.ndarray) -> Find:
    return Find(code, score, np.concatenate([corners.min(axis=0), corners.max(axis=0)]), corners)


def test_outlines_are_cut_at_the_tile_and_small_rests_dropped() -> None:
    outlines = [
        Outline(0, square(480, 100, 60)),  # 32 of 60 px inside: 9.6 m2 or more than half
        Outline(1, square(505, 300, 60)),  # 7 of 60 px inside: 4.2 m2, but only 12 %
        Outline(2, square(20, 20, 15)),  # 2.25 m2 in all
        Outline(2, square(600, 20, 60)),  # outside
    ]
    (kept,) = cut_outlines(outlines, (0, 0), 512)
    assert kept.code == 0
    assert kept.corners.min(axis=0).tolist() == [480, 100]
    assert kept.corners.max(axis=0).tolist() == [512, 160]
    moved = cut_outlines(outlines, (400, 0), 512)
    assert [(one.code, *one.corners.min(axis=0).tolist()) for one in moved] == [
        (0, 80, 100),
        (1, 105, 300),
        (2, 200, 20),
    ]


def test_broken_outlines_are_named() -> None:
    with pytest.raises(ScenesUnusable, match=r"a\.txt, Zeile 2: kein Umriss"):
        parse_outlines("0 0 0 1 0 1 1\n0 0 0 1\nx 0 0 1 0 1 1\n", "a.txt", 100)


def test_tiles_show_what_their_outlines_say(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "scenes", "train", 0, count=3)
    images = write_tiles(find_shards(tmp_path / "scenes", "train"), "train", tmp_path / "tiles")
    assert images
    drawn = 0
    for image in images:
        pixels = cv2.imread(str(image))
        assert pixels.shape == (512, 512, 3)
        labels = image.parent.parent / "labels" / f"{image.stem}.txt"
        for outline in parse_outlines(labels.read_text(encoding="utf-8"), labels.name, 512):
            inside = draw(outline.corners, 512, 512)
            assert pixels[inside].mean() < 60 < pixels[~inside].mean()
            drawn += 1
    assert drawn > 0
    index = json.loads((tmp_path / "tiles" / shard.name / "index.json").read_text())
    assert index["seeds"] == [0, 1, 2]


def test_scenes_of_another_split_are_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, "train", 0, count=1)
    shard = tmp_path / "train" / "s_000000"
    assert [scene.seed for scene in read_scenes(shard, "train")] == [0]
    with pytest.raises(ScenesUnusable, match="nicht zu test gehören"):
        read_scenes(shard, "test")
    with pytest.raises(ScenesUnusable, match="keine fertigen Szenen"):
        find_shards(tmp_path, "test")


def test_half_written_shards_are_left_alone(tmp_path: Path) -> None:
    shard = write_shard(tmp_path, "train", 0, count=1)
    shard.rename(shard.with_name(".s_000000-abc"))
    with pytest.raises(ScenesUnusable):
        find_shards(tmp_path, "train")


def test_a_rotation_shows_each_item_once_in_a_pass() -> None:
    rotation = Rotation([range(10), range(100, 107)], per_turn=8, seed=3)
    seen: list[int] = []
    for turn in range(5):
        rotation.turn = turn
        items = list(rotation)
        assert len(items) == len(rotation) == 8
        assert sum(item < 100 for item in items) == 4
        seen += items
    first = [item for item in seen if item < 100]
    assert sorted(first[:10]) == list(range(10))
    assert sorted(first[10:]) == list(range(10))


def test_a_rotation_goes_on_where_another_process_stopped() -> None:
    first, second = (Rotation([range(50)], per_turn=12, seed=1) for _ in range(2))
    turns = []
    for turn in range(4):
        first.turn = turn
        turns.append(list(first))
    second.turn = 3
    assert list(second) == turns[3]
    assert turns[3] != turns[2]


def test_a_box_takes_the_outline_that_fits_else_itself_both_a_little_smaller() -> None:
    boxes = np.array([[100.0, 100, 200, 200], [300, 300, 400, 350]])
    outline = np.array([[104.0, 101], [199, 110], [196, 197], [103, 190]])
    masks = outline_boxes(boxes, [find(1, 0.4, outline), find(0, 0.9, square(290, 250, 80))], False)
    assert masks.from_network == 1
    corners = [[103, 102], [198, 111], [195, 198], [102, 191]]
    assert masks.outlines[0].corners == pytest.approx(np.array(corners, dtype=float))
    assert masks.outlines[1].corners[[0, 2]].tolist() == [[302, 301], [398, 349]]
    assert [one.code for one in masks.outlines] == [0, 0]
    ground = outline_boxes(boxes, [], True)
    assert ground.from_network == 0
    assert [one.code for one in ground.outlines] == [2, 2]


def scored(found: list[Find], outlines: list[Outline]) -> dict[str, object]:
    figures = MaskFigures()
    mask = np.zeros((500, 500), dtype=bool)
    for outline in outlines:
        mask |= draw(outline.corners, 500, 500)
    figures.add(found, outlines, mask, 0.1)
    return json.loads(json.dumps(figures.summary()))


def test_outlines_are_drawn_by_their_pixel_corners() -> None:
    assert np.argwhere(draw(square(1, 2, 2), 6, 6)).tolist() == [[2, 1], [2, 2], [3, 1], [3, 2]]


def test_perfect_finds_give_perfect_figures() -> None:
    outlines = [Outline(0, square(10, 10, 100)), Outline(1, square(200, 200, 50))]
    found = [find(one.code, 0.9, one.corners) for one in outlines]
    figures = scored(found, outlines)
    assert figures["pixel_iou"] == figures["f1"] == 1.0
    assert figures["area_error"] == figures["pv_as_thermal"] == figures["thermal_as_pv"] == 0.0
    assert figures["arrays"] == 2
    assert figures["false_per_hectare"] is None


def test_wrong_missed_and_confused_arrays_are_counted() -> None:
    outlines = [
        Outline(0, square(10, 10, 100)),
        Outline(1, square(200, 200, 50)),
        Outline(0, square(300, 300, 50)),
        Outline(0, square(400, 20, 15)),  # 2.25 m2: counts as area, not as object
    ]
    found = [
        find(0, 0.9, square(10, 10, 100)),
        find(0, 0.8, square(200, 200, 50)),  # the kind is wrong
        find(0, 0.7, square(10, 12, 100)),  # the array is taken already
        find(0, 0.6, square(400, 20, 20)),  # on a small one, of 4 m2 itself
    ]
    figures = scored(found, outlines)
    assert (figures["precision"], figures["recall"]) == (0.6667, 0.6667)
    assert figures["thermal_as_pv"] == 1.0
    assert figures["pv_as_thermal"] == 0.0


def test_false_alarms_count_per_hectare_of_empty_scenes() -> None:
    figures = scored([find(0, 0.9, square(50, 50, 100))], [])
    assert figures["empty_hectares"] == 0.25
    assert figures["false_per_hectare"] == 4.0
    assert figures["pixel_iou"] == 0.0
    assert figures["precision"] == 0.0
    assert figures["recall"] is None


def test_the_best_measured_arm_is_chosen(tmp_path: Path) -> None:
    files = {}
    for arm, values in {"a": [0.3, 0.5], "b": [0.45, 0.3], "c": []}.items():
        files[arm] = [tmp_path / f"{arm}{place}.json" for place in range(2)]
        for file, value in zip(files[arm], values, strict=False):
            file.write_text(json.dumps({"box_ap50": value}), encoding="utf-8")
    assert choose_arm(files) == "a"
    with pytest.raises(ArmsMissing):
        choose_arm({"c": files["c"]})


def test_folds_are_those_of_the_detector() -> None:
    folder = get_settings().development_data_dir / "solar_tiles_train"
    if not folder.is_dir():
        pytest.skip("the real tiles are not here")
    shipped = Path(__file__).parents[2] / "model_server" / "models" / "solar"
    metrics = json.loads(next(shipped.glob("*/metrics.json")).read_text(encoding="utf-8"))
    expected = [set(fold["groups"]) for fold in metrics["cross_validation"]["folds"]]
    folds = make_folds(read_tiles(folder), 5, seed=1)
    assert [{tile.group for tile in fold} for fold in folds] == expected

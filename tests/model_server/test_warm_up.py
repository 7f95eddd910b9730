"""Weights that do not fit their card are found when they are loaded, not by the first who asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_server.card import CardDomain
from model_server.catalog import BUILT_IN, DOMAIN_FILE, MAIN_FILE, ServableModel, load_catalog
from model_server.domain import Domain
from model_server.shelf import TaskModel
from model_server.tasks.change import ChangeModel
from model_server.tasks.classes import ClassesModel
from model_server.tasks.classify import ClassifyModel
from model_server.tasks.features import FeaturesModel
from model_server.tasks.layout import LayoutModel
from model_server.tasks.segment import SegmentModel
from tests.model_server.colour_models import colour_network, write_model
from tests.model_server.conftest import brightness_card
from tests.model_server.networks import (
    classes_card,
    pair_card,
    save_classes_network,
    save_pair_network,
)


class Liar:
    """Returns the same outputs whatever it is given."""

    name = "onnxruntime"
    device = "cpu"
    input_shape = (None, 3, 64, 64)

    def __init__(self, **raw: np.ndarray) -> None:
        self.metadata: dict[str, str] = {}
        self._raw = raw

    def predict(self, inputs: list[np.ndarray]) -> list[dict[str, np.ndarray]]:
        return [self._raw for _ in inputs]


def shipped(task: str, name: str) -> ServableModel:
    return load_catalog([BUILT_IN]).resolve(task, name, None)


def colours(folder: Path) -> ServableModel:
    write_model(folder, colour_network("logits", side=8), "size_px = 8", "")
    return load_catalog([folder]).resolve("classify", "colours", None)


WRONG = np.zeros((3, 2), dtype=np.float32)


@pytest.mark.parametrize("output", ["output0", "features"])
def test_outputs_of_another_kind_are_found_at_once(tmp_path: Path, output: str) -> None:
    liar = Liar(**{output: WRONG})
    models: list[TaskModel] = [
        SegmentModel(ServableModel(brightness_card(), BUILT_IN, {}), liar),
        LayoutModel(shipped("layout", "layout_cdla"), liar),
        LayoutModel(shipped("layout", "layout_doclaynet"), liar),
        FeaturesModel(shipped("embed", "tile_features"), liar),
        ClassifyModel(colours(tmp_path), liar),
    ]
    for model in models:
        with pytest.raises(ValueError, match=r"shape|output"):
            model.warm_up()


def with_statistics(folder: Path, card: Any, file: Path, length: int) -> ServableModel:
    statistics = folder / f"{length}.json"
    Domain(np.zeros(length), np.ones(length)).save(statistics)
    described = card.model_copy(
        update={"domain": CardDomain(file=statistics.name, distance_p99=2.0)}
    )
    return ServableModel(described, folder, {MAIN_FILE: file, DOMAIN_FILE: statistics})


def test_statistics_of_other_features_are_found_at_once(tmp_path: Path) -> None:
    classes_file = save_classes_network(tmp_path / "classes.onnx")
    pair_file = save_pair_network(tmp_path / "pair.onnx")
    boxes = Liar(output0=np.zeros((5, 1), dtype=np.float32), features=np.zeros(4))
    labels = Liar(logits=np.zeros(3, dtype=np.float32), features=np.zeros(4))
    colour_card = colours(tmp_path / "colours").card
    for length, fits in ((8, True), (7, False)):
        model = with_statistics(tmp_path, classes_card(), classes_file, length)
        check(ClassesModel.open(model, 1), fits)
    for length, fits in ((6, True), (7, False)):
        model = with_statistics(tmp_path, pair_card(), pair_file, length)
        check(ChangeModel.open(model, 1), fits)
    for length, fits in ((4, True), (7, False)):
        model = with_statistics(tmp_path, brightness_card(), classes_file, length)
        check(SegmentModel(model, boxes), fits)
        model = with_statistics(tmp_path, colour_card, classes_file, length)
        check(ClassifyModel(model, labels), fits)


def check(model: TaskModel, fits: bool) -> None:
    if fits:
        model.warm_up()
        return
    with pytest.raises(ValueError, match="features"):
        model.warm_up()

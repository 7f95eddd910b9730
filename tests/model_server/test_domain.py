"""Distance of an image to the training images, and the warning that follows from it."""

import json
from pathlib import Path

import numpy as np
import pytest

from model_server.card import CardDomain
from model_server.catalog import BUILT_IN, DOMAIN_FILE, FailedModel, ServableModel, check_model
from model_server.domain import FEATURES_OUTPUT, LEAST_DEVIATION, Domain
from model_server.items import Found, Item, Ticket
from model_server.tasks.segment import SegmentModel
from shared.contracts.model_server import InstancesValue, SegmentOptions
from tests.model_server.conftest import brightness_card
from tests.model_server.pictures import encode, noise
from tests.model_server.test_catalog import put_model

MEAN, DEVIATION = [1.0, -2.0, 0.0], [0.5, 1.0, 2.0]


@pytest.fixture
def statistics(tmp_path: Path) -> Path:
    file = tmp_path / "domain.json"
    Domain(np.array(MEAN), np.array(DEVIATION)).save(file)
    return file


def test_distance_is_the_root_mean_square_of_deviations(statistics: Path) -> None:
    domain = Domain.load(statistics)
    assert domain.distance(np.array(MEAN)) == 0
    # 1, 2 and 3 deviations away: sqrt((1 + 4 + 9) / 3)
    assert domain.distance(np.array([1.5, -4.0, 6.0])) == pytest.approx(2.1602, abs=1e-4)


def test_training_images_lie_about_one_deviation_away() -> None:
    features = np.random.default_rng(1).normal(3, 2, (200, 50))
    domain = Domain.fit(features)
    assert np.mean([domain.distance(row) for row in features]) == pytest.approx(1, abs=0.05)
    assert domain.distance(features[0] + 20) > 5


def test_a_constant_feature_divides_by_no_zero() -> None:
    domain = Domain.fit(np.ones((4, 3)))
    assert (domain.deviation == LEAST_DEVIATION).all()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"mean": [1]}',
        '{"mean": [1, 2], "deviation": [1]}',
        '{"mean": [1], "deviation": [0]}',
        '{"mean": [NaN], "deviation": [1]}',
        '{"mean": ["a"], "deviation": [1]}',
    ],
)
def test_broken_statistics_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "domain.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError):
        Domain.load(file)


def test_another_number_of_features_is_refused(statistics: Path) -> None:
    with pytest.raises(ValueError, match="features"):
        Domain.load(statistics).distance(np.zeros(4))


class Features:
    """A runtime that finds nothing and sees fixed features."""

    name = "onnxruntime"
    device = "cpu"
    input_shape = (None, 3, None, None)

    def __init__(self, features: list[float] | None) -> None:
        self.features = features

    def predict(self, inputs: list) -> list[dict]:
        raw: dict = {"output0": np.zeros((5, 4), dtype=np.float32)}
        if self.features is not None:
            raw[FEATURES_OUTPUT] = np.array(self.features, dtype=np.float32)
        return [raw for _ in inputs]


def look(statistics: Path, features: list[float] | None) -> Found:
    card = brightness_card(domain=CardDomain(file="domain.json", distance_p99=2.0))
    model = ServableModel(card, BUILT_IN, {DOMAIN_FILE: statistics})
    task = SegmentModel(model, Features(features))
    options = SegmentOptions(model="solar", gsd_m=0.12)
    seen = task.inspect(Item(Ticket("test", options, model, 0.0, 1), 0, encode(noise(100, 70))))
    loaded = task.load(seen)
    (raw,) = task.predict(task.key(seen), [loaded])
    return task.finish(seen, loaded, raw)


def test_a_usual_image_states_its_distance_without_warning(statistics: Path) -> None:
    found = look(statistics, [1.5, -3.0, 2.0])
    assert isinstance(found.value, InstancesValue)
    assert found.value.domain_distance == 1.0
    assert found.warnings == ()


def test_an_unusual_image_is_warned_of_in_german(statistics: Path) -> None:
    found = look(statistics, [3.0, 2.0, 8.0])
    (warning,) = found.warnings
    assert warning.code == "domain_shift"
    assert "weicht von den Trainingsdaten ab (Abstand 4, üblich bis 2)" in warning.message


def test_weights_without_features_state_no_distance(statistics: Path) -> None:
    found = look(statistics, None)
    assert isinstance(found.value, InstancesValue)
    assert found.value.domain_distance is None


def test_missing_or_outside_statistics_make_the_model_fail(tmp_path: Path) -> None:
    model_folder = put_model(tmp_path)
    card = model_folder / "card.toml"
    text = card.read_text(encoding="utf-8")
    for file in ("gibt_es_nicht.json", "../../geheim.json"):
        card.write_text(f'{text}\n[domain]\nfile = "{file}"\ndistance_p99 = 1.5\n', "utf-8")
        found = check_model(model_folder)
        assert isinstance(found, FailedModel)
        assert "Merkmalstatistik" in found.reason
    (model_folder / "domain.json").write_text(
        json.dumps({"mean": MEAN, "deviation": DEVIATION}), encoding="utf-8"
    )
    card.write_text(f'{text}\n[domain]\nfile = "domain.json"\ndistance_p99 = 1.5\n', "utf-8")
    found = check_model(model_folder)
    assert isinstance(found, ServableModel), found
    assert DOMAIN_FILE in found.files

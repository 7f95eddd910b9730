"""Pairs of images: equal sizes, masks, stacking, attributes, and answers that make no sense."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from model_server.batching import Good, run_batch
from model_server.card import CardDomain, CardInput
from model_server.catalog import BUILT_IN, DOMAIN_FILE, ServableModel
from model_server.domain import Domain
from model_server.items import Item, Ticket
from model_server.tasks.change import ChangeModel
from shared.contracts.model_server import ChangeOptions, ChangeValue
from tests.model_server.networks import pair_card, save_pair_network, servable
from tests.model_server.pictures import encode, noise

BUDGET = 256 * 2**20
Pair = tuple[bytes, bytes]


def open_pairs(
    folder: Path, card_changes: dict[str, Any] | None = None, **network: Any
) -> ChangeModel:
    file = save_pair_network(folder / "model.onnx", **network)
    opened = ChangeModel.open(servable(pair_card(**(card_changes or {})), file), 1)
    opened.warm_up()
    return opened


@pytest.fixture
def model(tmp_path: Path) -> ChangeModel:
    return open_pairs(tmp_path)


@pytest.fixture
def masked(tmp_path: Path) -> ChangeModel:
    return open_pairs(tmp_path, {"bands": ("rgbm",)}, bands=4)


def item(model: ChangeModel, pair: Pair, **options: Any) -> Item:
    chosen = ChangeOptions.model_validate(options)
    source = ServableModel(model.card, BUILT_IN, {})
    return Item(Ticket("test", chosen, source, 0.0, 1), 0, *pair)


def run(model: ChangeModel, pairs: Sequence[Pair], **options: Any) -> list[Any]:
    """Return a `Found` or an error code per pair."""
    items = [item(model, pair, **options) for pair in pairs]
    results = run_batch(items, model, BUDGET, time.monotonic, lambda *_: None)
    return [result.value if isinstance(result, Good) else result.error.code for result in results]


def grey(level: int, width: int = 64, height: int = 64) -> bytes:
    return encode(Image.new("RGB", (width, height), (level, level, level)))


def outlined(level: int, mask: np.ndarray) -> bytes:
    colours = np.full((*mask.shape, 3), level, dtype=np.uint8)
    return encode(Image.fromarray(np.concatenate([colours, mask[..., np.newaxis]], axis=2)))


def test_the_image_before_comes_first(model: ChangeModel) -> None:
    found = run(model, [(grey(50), grey(150)), (grey(150), grey(50)), (grey(99), grey(99))])
    assert [entry.value.label for entry in found] == ["brighter", "darker", "equal"]
    value = found[0].value
    assert isinstance(value, ChangeValue)
    scores = np.array([5, 40 * 100 / 255, -40 * 100 / 255])
    shares = np.exp(scores) / np.exp(scores).sum()
    assert list(value.probabilities) == ["equal", "brighter", "darker"]
    assert list(value.probabilities.values()) == pytest.approx(shares.tolist(), abs=1e-5)
    assert value.attributes == {"pv_after": pytest.approx(150 / 255, abs=1e-6)}


def test_probabilities_of_the_weights_pass_as_they_are(tmp_path: Path, model: ChangeModel) -> None:
    soft = open_pairs(tmp_path, output="probabilities")
    pair = (grey(50), grey(60))
    first, second = run(model, [pair])[0].value, run(soft, [pair])[0].value
    assert list(first.probabilities.values()) == pytest.approx(
        list(second.probabilities.values()), abs=2e-6
    )


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ((grey(1, 64, 64), grey(1, 64, 65)), "bildpaar_ungleich"),
        ((grey(1, 80, 64), grey(1, 64, 80)), "bildpaar_ungleich"),
        ((grey(1, 31, 64), grey(1, 31, 64)), "bild_kantenlaenge"),
        ((grey(1, 641, 64), grey(1, 641, 64)), "bild_kantenlaenge"),
        ((grey(1), b""), "datei_leer"),
        ((b"%PDF", grey(1)), "bild_format"),
        ((grey(1), grey(1)[:-40]), "bild_beschaedigt"),
    ],
)
def test_a_bad_pair_fails_alone(model: ChangeModel, pair: Pair, code: str) -> None:
    good = (grey(50), grey(150))
    first, bad, last = run(model, [good, pair, good])
    assert bad == code
    assert first.value.label == last.value.label == "brighter"


def test_the_sizes_are_named_when_they_differ(model: ChangeModel) -> None:
    (result,) = run_batch(
        [item(model, (grey(1, 64, 40), grey(1, 65, 40)))],
        model,
        BUDGET,
        time.monotonic,
        lambda *_: None,
    )
    assert not isinstance(result, Good)
    assert "64 × 40 und 65 × 40" in str(result.error)


@pytest.mark.parametrize("side", [32, 640])
def test_the_limits_of_the_sides_are_allowed(model: ChangeModel, side: int) -> None:
    (found,) = run(model, [(grey(50, side, 32), grey(150, side, 32))])
    assert found.value.label == "brighter"


@pytest.mark.parametrize("mode", ["L", "RGBA", "P"])
def test_both_images_need_the_mask(masked: ChangeModel, mode: str) -> None:
    whole = outlined(80, np.full((64, 64), 255, dtype=np.uint8))
    plain = encode(Image.new("RGB", (64, 64)).convert(mode if mode != "RGBA" else "RGB"))
    assert run(masked, [(whole, plain), (plain, whole)], bands="rgbm") == ["baender_fehlen"] * 2


@pytest.mark.parametrize("value", [1, 127, 254])
def test_a_mask_with_other_values_fails_its_pair(masked: ChangeModel, value: int) -> None:
    whole = np.full((64, 64), 255, dtype=np.uint8)
    soft = whole.copy()
    soft[3, 4] = value
    pairs = [(outlined(9, soft), outlined(9, whole)), (outlined(9, whole), outlined(9, soft))]
    good = (outlined(9, whole), outlined(9, whole))
    first, second, fine = run(masked, [*pairs, good], bands="rgbm")
    assert (first, second) == ("maske_ungueltig", "maske_ungueltig")
    assert fine.value.label == "equal"


def test_the_mask_ends_where_the_image_ends(masked: ChangeModel) -> None:
    mask = np.full((64, 96), 255, dtype=np.uint8)
    seen = masked.inspect(item(masked, (outlined(50, mask), outlined(150, mask)), bands="rgbm"))
    loaded = masked.load(seen)
    assert loaded.shape == (8, 64, 128)
    assert masked.key(seen) == ("rgbm", 64, 128)
    for place, level in ((0, 50), (4, 150)):
        assert loaded[place] == pytest.approx(level / 255)
        assert (loaded[place + 3, :, :96] == 1).all()
        assert not loaded[place + 3, :, 96:].any()
    (found,) = run(masked, [(outlined(50, mask), outlined(150, mask))], bands="rgbm")
    assert found.value.attributes["pv_after"] == pytest.approx(96 / 128)


def test_weights_of_one_size_see_larger_pairs_whole(tmp_path: Path) -> None:
    model = open_pairs(tmp_path, {"bands": ("rgbm",)}, bands=4, sides=(64, 64))
    mask = np.zeros((128, 200), dtype=np.uint8)
    mask[:, 50:150] = 255
    pair = (outlined(50, mask), outlined(150, mask))
    loaded = model.load(model.inspect(item(model, pair, bands="rgbm")))
    assert loaded.shape == (8, 64, 64)
    assert set(np.unique(loaded[3])) == {0, 1}
    # 200 pixels become 64, so the roof of 100 x 128 becomes 32 x 41.
    assert loaded[3].sum() == 32 * 41
    assert run(model, [pair], bands="rgbm")[0].value.label == "brighter"


def test_the_resolution_matters_only_to_cards_that_limit_it(tmp_path: Path) -> None:
    pair = (grey(50), grey(150))
    free = open_pairs(tmp_path)
    assert run(free, [pair])[0].warnings == ()
    limits = CardInput(gsd_best_m=0.2, gsd_min_m=0.1, gsd_max_m=0.4)
    strict = open_pairs(tmp_path, {"input": limits})
    assert run(strict, [pair]) == ["aufloesung_fehlt"]
    assert run(strict, [pair], gsd_m=0.5) == ["aufloesung_ungeeignet"]
    (found,) = run(strict, [pair], gsd_m=0.3)
    assert [warning.code for warning in found.warnings] == ["aufloesung_abweichend"]


def test_a_pair_far_from_the_training_pairs_is_warned_about(tmp_path: Path) -> None:
    statistics = tmp_path / "domain.json"
    Domain(np.zeros(6), np.full(6, 0.1)).save(statistics)
    file = save_pair_network(tmp_path / "model.onnx")
    card = pair_card(domain=CardDomain(file="domain.json", distance_p99=2.0))
    model = ChangeModel.open(servable(card, file, **{DOMAIN_FILE: statistics}), 1)
    near, far = run(model, [(grey(9), grey(9)), (grey(150), grey(150))])
    assert near.value.domain_distance == pytest.approx(9 / 255 / 0.1, abs=1e-3)
    assert near.warnings == ()
    assert [warning.code for warning in far.warnings] == ["domain_shift"]


class Answers:
    """A runtime that answers every pair with fixed outputs, or a good one when it is bright."""

    name = "onnxruntime"
    device = "cpu"
    input_shape = (None, 6, None, None)

    def __init__(self, raw: dict[str, np.ndarray]) -> None:
        self.metadata: dict[str, str] = {}
        self.raw = raw

    def predict(self, inputs: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        good = {"logits": np.zeros(3, dtype=np.float32)}
        return [good if pair.mean() > 0.5 else self.raw for pair in inputs]


GOOD = np.array([0.2, 0.5, 0.3], dtype=np.float32)


@pytest.mark.parametrize(
    "raw",
    [
        {"logits": np.array([0, np.nan, 0], dtype=np.float32)},
        {"probabilities": GOOD * 2},
        {"probabilities": GOOD[:2]},
        {"probabilities": GOOD, "logits": GOOD},
        {"features": GOOD},
        {"probabilities": GOOD, "attribute_x": np.array([np.nan], dtype=np.float32)},
        {"probabilities": GOOD, "attribute_x": np.array([1.5], dtype=np.float32)},
        {"probabilities": GOOD, "attribute_x": GOOD},
    ],
)
def test_an_answer_that_makes_no_sense_fails_its_pair_alone(raw: dict[str, np.ndarray]) -> None:
    model = ChangeModel(ServableModel(pair_card(), BUILT_IN, {}), Answers(raw))
    dark, light = (grey(9), grey(9)), (grey(200), grey(200))
    first, bad, last = run(model, [light, dark, light])
    assert bad == "vorhersage_gescheitert"
    # Of equally probable classes the first of the card counts.
    assert first.value.label == last.value.label == "equal"


def test_weights_that_do_not_fit_their_card_are_refused_when_loaded(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channels"):
        open_pairs(tmp_path, {"bands": ("rgb", "rgbm")})
    with pytest.raises(ValueError, match="classes"):
        open_pairs(tmp_path, {"classes": ()})
    with pytest.raises(ValueError, match="shape"):
        open_pairs(tmp_path, {"classes": pair_card().classes[:2]})


pairs = st.lists(st.tuples(st.sampled_from([40, 64, 70]), st.integers(0, 99)), min_size=1)


@settings(max_examples=15, deadline=None)
@given(pairs)
def test_companions_change_no_probability(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[int, int]]
) -> None:
    model = open_pairs(tmp_path_factory.mktemp("pairs"))
    sent = [
        (encode(noise(side, 64, seed)), encode(noise(side, 64, seed + 1))) for side, seed in entries
    ]
    for pair, together in zip(sent, run(model, sent), strict=True):
        (alone,) = run(model, [pair])
        assert together.value.label == alone.value.label
        for key, share in alone.value.probabilities.items():
            assert together.value.probabilities[key] == pytest.approx(share, abs=1e-5)


def test_a_pair_weighs_more_with_its_size_and_twice_an_image(model: ChangeModel) -> None:
    small, large = (
        model.inspect(item(model, (grey(1, side, side), grey(1, side, side)))) for side in (64, 640)
    )
    assert model.weigh_bytes(large) == 100 * model.weigh_bytes(small)
    assert model.weigh_bytes(small) >= model.load(small).nbytes
    assert model.most(model.key(small)) == model.card.limits.max_batch

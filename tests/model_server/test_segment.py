"""Objects in images: decoding of raw outputs, padding and coordinates."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from model_server.card import CardInput
from model_server.catalog import BUILT_IN, ServableModel
from model_server.items import Item, Ticket
from model_server.tasks.segment import SegmentModel
from model_server.tasks.yolo import decode_detections, draw_mask, keep_best
from shared.contracts.model_server import SegmentOptions
from shared.errors import ItemError
from tests.model_server.conftest import brightness_card
from tests.model_server.pictures import encode, noise


def head(*anchors: list[float]) -> np.ndarray:
    """Return a raw output from anchors of centre x, centre y, width, height, scores…"""
    return np.array(anchors, dtype=np.float32).T


def decode(*outputs: np.ndarray, classes: int = 1, min_score: float = 0.25) -> list:
    return decode_detections(
        list(outputs), classes=classes, min_score=min_score, nms_iou=0.5, canvas=(64, 64)
    )


def test_centre_and_size_become_corners() -> None:
    (found,) = decode(head([20, 30, 10, 20, 0.9]))
    assert found.box == (15, 20, 25, 40)
    assert found.score == pytest.approx(0.9)
    assert found.outline is None


def test_weak_objects_and_duplicates_are_dropped() -> None:
    found = decode(
        head([20, 20, 10, 10, 0.6], [21, 20, 10, 10, 0.9], [40, 40, 10, 10, 0.5], [5, 5, 4, 4, 0.1])
    )
    assert [round(entry.score, 2) for entry in found] == [0.9, 0.5]


def test_classes_do_not_suppress_each_other() -> None:
    found = decode(head([20, 20, 10, 10, 0.6, 0.1], [20, 20, 10, 10, 0.1, 0.9]), classes=2)
    assert [entry.class_index for entry in found] == [1, 0]


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="unexpected output shapes"):
        decode(head([20, 20, 10, 10, 0.6, 0.1]))


@pytest.mark.parametrize("score", [-0.5, 1.5])
def test_scores_that_are_no_probabilities_are_refused(score: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        decode(head([20, 20, 10, 10, score]))


def test_masks_without_a_finite_number_are_refused() -> None:
    prototypes = np.full((1, 16, 16), np.nan, dtype=np.float32)
    with pytest.raises(ValueError, match="no number"):
        decode(head([32, 24, 40, 24, 0.9, 1.0]), prototypes)


def test_masks_become_outlines_within_the_box() -> None:
    prototypes = np.full((1, 16, 16), -10, dtype=np.float32)
    prototypes[0, 4:8, 4:12] = 10
    raw = head([32, 24, 40, 24, 0.9, 1.0])
    (found,) = decode(raw, prototypes)
    left, top = found.outline.min(axis=0)
    right, bottom = found.outline.max(axis=0)
    # Block 4:12 x 4:8 of a quarter-size mask covers 16-48 x 16-32 of the image.
    assert (left, top, right, bottom) == pytest.approx((16, 16, 48, 32), abs=1.5)


@pytest.mark.parametrize("size", [(20, 10), (10, 20), (4, 4), (3, 40)])
def test_an_outline_runs_along_the_edge_of_the_pixels(size: tuple[int, int]) -> None:
    """It is neither smaller than the mask by half a pixel on each side nor moved."""
    width, height = size
    left, top = 8, 4
    # One prototype cell for each pixel, so that the mask is drawn as it stands.
    prototypes = np.full((1, 64, 64), -10, dtype=np.float32)
    prototypes[0, top : top + height, left : left + width] = 10
    raw = head([left + width / 2, top + height / 2, width, height, 0.9, 1.0])
    (found,) = decode(raw, prototypes)
    area = cv2.contourArea(found.outline.astype(np.float32))
    assert area == pytest.approx(width * height, rel=0.01)
    assert found.outline.min(axis=0).tolist() == [left, top]
    assert found.outline.max(axis=0).tolist() == [left + width, top + height]


def test_an_empty_mask_falls_back_to_the_box() -> None:
    prototypes = np.full((1, 16, 16), -10, dtype=np.float32)
    (found,) = decode(head([32, 24, 40, 24, 0.9, 1.0]), prototypes)
    assert found.outline is None


def whole_mask(coefficients: np.ndarray, prototypes: np.ndarray, canvas: tuple) -> np.ndarray:
    """Return the mask of the whole canvas, straight from its definition."""
    logits = np.einsum("n,nyx->yx", coefficients, prototypes)
    full = cv2.resize(logits, canvas[::-1], interpolation=cv2.INTER_LINEAR)
    return (full > 0).astype(np.uint8)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1), st.booleans())
def test_the_mask_of_a_part_is_that_part_of_the_whole_mask(
    data: st.DataObject, seed: int, is_coarse: bool
) -> None:
    rows, columns = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    step = data.draw(st.sampled_from([1, 2, 3, 4, 5, 8]))
    spare = data.draw(st.integers(0, 3))
    canvas = (rows * step + spare, columns * step)
    random = np.random.default_rng(seed)
    prototypes = random.normal(0, 1, (32, rows, columns)).astype(np.float32)
    coefficients = random.normal(0, 1, 32).astype(np.float32)
    if is_coarse:
        # Many values on the threshold itself.
        prototypes, coefficients = np.round(prototypes), np.round(coefficients)
    top = data.draw(st.integers(0, canvas[0] - 1))
    left = data.draw(st.integers(0, canvas[1] - 1))
    bottom = data.draw(st.integers(top + 1, canvas[0]))
    right = data.draw(st.integers(left + 1, canvas[1]))
    window = (slice(top, bottom), slice(left, right))
    mask = draw_mask(coefficients, prototypes, window, canvas)
    np.testing.assert_array_equal(mask, whole_mask(coefficients, prototypes, canvas)[window])


def test_only_the_cells_under_the_object_are_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    resize = cv2.resize

    def watch(layer: np.ndarray, size: tuple, **how: int) -> np.ndarray:
        sizes.append((layer.shape, size))
        return resize(layer, size, **how)

    monkeypatch.setattr("model_server.tasks.yolo.cv2.resize", watch)
    prototypes = np.full((1, 16, 16), 10, dtype=np.float32)
    (found,) = decode(head([34, 24, 12, 8, 0.9, 1.0]), prototypes)
    assert found.outline is not None
    # 28-40 x 20-28 lie in the cells 7-9 and 5-6; one more on each side.
    assert sizes == [((4, 5), (20, 16))]


boxes = st.lists(
    st.tuples(
        st.floats(0, 50), st.floats(0, 50), st.floats(1, 30), st.floats(1, 30), st.integers(0, 2)
    ),
    max_size=30,
)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Return intersection over union, straight from its definition."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(sizes) - shared)


@settings(max_examples=200, deadline=None)
@given(boxes)
def test_kept_boxes_do_not_overlap_and_dropped_ones_do(entries: list) -> None:
    corners = np.array([[x, y, x + w, y + h] for x, y, w, h, _ in entries]).reshape(-1, 4)
    labels = np.array([label for *_, label in entries], dtype=int)
    kept = keep_best(corners, labels, 0.5)
    for place in range(len(entries)):
        better = [
            other
            for other in kept
            if other < place
            and labels[other] == labels[place]
            and overlap(corners[other], corners[place]) > 0.5 + 1e-9
        ]
        if place in kept:
            assert not better
        else:
            assert [
                other
                for other in kept
                if other < place
                and labels[other] == labels[place]
                and overlap(corners[other], corners[place]) > 0.5 - 1e-9
            ]


class Recorder:
    """A runtime that keeps its inputs and says what it was told."""

    name = "onnxruntime"
    device = "cpu"

    def __init__(self, raw: np.ndarray, shape: tuple = (None, 3, None, None)) -> None:
        self.raw = raw
        self.input_shape = shape
        self.inputs: list = []

    def predict(self, inputs: list) -> list:
        self.inputs = list(inputs)
        return [{"output0": self.raw} for _ in inputs]


def run(
    runtime: Recorder, width: int, height: int, **options: object
) -> tuple[object, SegmentModel]:
    card = brightness_card()
    model = SegmentModel(ServableModel(card, BUILT_IN, {}), runtime)
    chosen = SegmentOptions.model_validate({"model": "solar", "gsd_m": 0.12, **options})
    ticket = Ticket("test", chosen, ServableModel(card, BUILT_IN, {}), 0.0, 1)
    seen = model.inspect(Item(ticket, 0, encode(noise(width, height))))
    loaded = model.load(seen)
    (raw,) = model.predict(model.key(seen), [loaded])
    return model.finish(seen, loaded, raw), model


def test_images_are_mirrored_up_to_the_next_bucket() -> None:
    runtime = Recorder(head([10, 10, 4, 4, 0.9]))
    run(runtime, 100, 70)
    (pixels,) = runtime.inputs
    assert pixels.shape == (3, 128, 128)
    assert 0 <= pixels.min() <= pixels.max() <= 1
    assert np.array_equal(pixels[:, :70, 100:], pixels[:, :70, 98:70:-1])


def test_padding_moves_no_coordinate_and_its_finds_are_dropped() -> None:
    inside, across, outside = [50, 40, 20, 20, 0.9], [95, 60, 30, 30, 0.8], [115, 100, 9, 9, 0.7]
    found, _ = run(Recorder(head(inside, across, outside)), 100, 70)
    assert [entry.box for entry in found.value.instances] == [(40, 30, 60, 50), (80, 45, 100, 70)]
    first = found.value.instances[0]
    assert first.polygon == [(40, 30), (60, 30), (60, 50), (40, 50)]
    assert first.area_px == 400
    assert (found.value.width, found.value.height) == (100, 70)


def test_a_fixed_input_scales_large_images_down_and_results_back() -> None:
    runtime = Recorder(head([32, 24, 16, 16, 0.9]), shape=(1, 3, 64, 64))
    found, _ = run(runtime, 256, 128)
    assert runtime.inputs[0].shape == (3, 64, 64)
    assert found.value.instances[0].box == (96, 64, 160, 128)


def test_too_many_objects_are_cut_and_said() -> None:
    anchors = [[8 + 12 * place, 10, 8, 8, 0.9 - place / 100] for place in range(6)]
    found, _ = run(Recorder(head(*anchors)), 100, 70, max_instances=2)
    assert len(found.value.instances) == 2
    assert [warning.code for warning in found.warnings] == ["viele_objekte"]


@pytest.mark.parametrize(("width", "height"), [(31, 64), (64, 31), (1281, 64)])
def test_sides_outside_the_limits_are_refused(width: int, height: int) -> None:
    with pytest.raises(ItemError) as caught:
        run(Recorder(head([10, 10, 4, 4, 0.9])), width, height)
    assert caught.value.code == "bild_kantenlaenge"


def test_images_of_one_bucket_run_together() -> None:
    runtime = Recorder(head([10, 10, 4, 4, 0.9]))
    card = brightness_card()
    model = SegmentModel(ServableModel(card, BUILT_IN, {}), runtime)

    def key(width: int, height: int) -> object:
        options = SegmentOptions(model="solar", gsd_m=0.12)
        ticket = Ticket("test", options, ServableModel(card, BUILT_IN, {}), 0.0, 1)
        return model.key(model.inspect(Item(ticket, 0, encode(noise(width, height)))))

    assert key(100, 70) == key(128, 65)
    assert key(100, 70) != key(129, 70)


@pytest.mark.parametrize(("width", "height"), [(32, 32), (33, 100), (64, 65)])
def test_a_margin_wider_than_the_image_is_mirrored_over_and_over(width: int, height: int) -> None:
    runtime = Recorder(head([10, 10, 4, 4, 0.9]), shape=(1, 3, 192, 256))
    run(runtime, width, height)
    (pixels,) = runtime.inputs
    rows, columns = (
        np.arange(size) % (2 * side - 2) for size, side in ((192, height), (256, width))
    )
    rows, columns = (
        np.where(place < side, place, 2 * side - 2 - place)
        for place, side in ((rows, height), (columns, width))
    )
    assert np.array_equal(pixels, pixels[:, rows][:, :, columns])
    assert np.array_equal(
        pixels[:, :height, :width],
        np.asarray(noise(width, height), dtype=np.float32).transpose(2, 0, 1) / 255,
    )


def test_mean_and_std_of_the_card_are_taken_band_by_band() -> None:
    figures = CardInput(mean=(0.1, 0.2, 0.3, 0.9), std=(0.5, 0.25, 0.2, 0.1))
    card = brightness_card(input=figures)
    runtime = Recorder(head([10, 10, 4, 4, 0.9]))
    model = SegmentModel(ServableModel(card, BUILT_IN, {}), runtime)
    ticket = Ticket(
        "test", SegmentOptions(model="solar"), ServableModel(card, BUILT_IN, {}), 0.0, 1
    )
    loaded = model.load(
        model.inspect(Item(ticket, 0, encode(Image.new("RGB", (64, 64), (51, 102, 153)))))
    )
    assert loaded.pixels[:, 0, 0].tolist() == pytest.approx([0.2, 0.8, 1.5], abs=1e-6)


def test_a_card_whose_bands_the_weights_do_not_take_is_refused() -> None:
    runtime = Recorder(head([10, 10, 4, 4, 0.9]), shape=(None, 4, None, None))
    with pytest.raises(ValueError, match="the weights take 4 channels, not 3"):
        SegmentModel(ServableModel(brightness_card(), BUILT_IN, {}), runtime)

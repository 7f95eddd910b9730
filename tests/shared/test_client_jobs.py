"""Jobs of the client: bundles, look-ahead, and the one bad tile among many good ones."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from shared.clients import jobs
from shared.clients.answers import OcrPageResult, SegmentResult
from shared.clients.calls import Payload, Tasks
from shared.clients.flow import PairInput, TileInput, TileResult
from shared.clients.jobs import Bundle, Job
from shared.clients.model_server import ModelServerClient
from shared.contracts.model_server import ItemFailed
from shared.errors import Cancelled, ModelCrashed, ModelServerBusy, RequestTooLarge
from tests.shared.doubles import StandIn
from tests.timing import PATIENCE_S

TASK = Tasks(60).segment("instances", {"model": "solar", "gsd_m": 0.1})


def tiles(count: int) -> list[TileInput]:
    return [TileInput(str(place), f"tile {place}".encode()) for place in range(count)]


def job(in_flight: int, most: int) -> Job:
    return Job(TASK, {"in_flight": in_flight, "tiles_per_request": most}, 8)


def fill(chosen: Job, source: Iterator[TileInput]) -> None:
    while chosen.wants_more:
        item = next(source, None)
        if item is None:
            chosen.end()
        else:
            chosen.add(item)


def sizes_of(count: int, in_flight: int, most: int) -> list[int]:
    """Return the sizes of all requests when each is answered before the next is cut."""
    chosen, source, sizes = job(in_flight, most), iter(tiles(count)), []
    while True:
        fill(chosen, source)
        bundle = chosen.take()
        if bundle is None:
            assert chosen.finished
            return sizes
        sizes.append(len(bundle.inputs))
        chosen.settle(bundle, None)


def test_the_first_requests_are_small_and_grow() -> None:
    assert sizes_of(40, 4, 4) == [1] * 4 + [2] * 4 + [4] * 7
    assert sizes_of(9, 2, 16) == [1, 1, 2, 2, 3]
    assert sizes_of(5, 8, 4) == [1] * 5
    assert sizes_of(0, 8, 4) == []
    assert sizes_of(3, 1, 1) == [1, 1, 1]


def test_no_request_holds_more_than_the_task_allows() -> None:
    assert max(sizes_of(400, 1, 1000)) == 16
    page = Job(Tasks(60).ocr("page", {}), {"tiles_per_request": 4}, 1)
    for one in tiles(1):
        page.add(one)
    assert not page.wants_more


@pytest.mark.parametrize("options", [{"in_flight": 0}, {"tiles_per_request": 0}])
def test_a_job_needs_a_lane_and_an_item(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Job(TASK, options, 8)


def test_an_error_that_no_item_is_to_blame_for_ends_the_job() -> None:
    chosen = job(2, 1)
    fill(chosen, iter(tiles(2)))
    bundle = chosen.take()
    assert bundle is not None
    with pytest.raises(ModelServerBusy):
        chosen.settle(bundle, ModelServerBusy())


def test_nothing_travels_beside_a_suspect() -> None:
    chosen, source = job(2, 1), iter(tiles(5))
    running = []
    for _ in range(2):
        fill(chosen, source)
        running.append(chosen.take())
    assert None not in running
    assert chosen.settle(running[0], ModelCrashed()) == []
    assert chosen.take() is None
    assert chosen.settle(running[1], None) == []
    suspect = chosen.take()
    assert suspect == running[0]
    fill(chosen, source)
    assert chosen.take() is None
    assert len(chosen.settle(suspect, ModelCrashed())) == 1
    fill(chosen, source)
    assert chosen.take() is not None


class Server:
    """Ends the requests of a job in any order; a poisonous item also harms what runs beside it."""

    def __init__(self, seed: int, poison: set[str], harms: float) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.poison, self.harms = poison, harms
        self.running: list[tuple[Bundle, bool]] = []

    def start(self, bundle: Bundle) -> None:
        self.running.append((bundle, self._is_poisoned(bundle)))

    def end_one(self) -> tuple[Bundle, bool]:
        ended = self.running.pop(self.random.randrange(len(self.running)))
        if self._is_poisoned(ended[0]):
            self.running = [
                (bundle, crashed or self.random.random() < self.harms)
                for bundle, crashed in self.running
            ]
        return ended

    def _is_poisoned(self, bundle: Bundle) -> bool:
        return any(one.tile_id in self.poison for one in bundle.inputs)


@settings(max_examples=300, deadline=None)
@given(
    inputs=st.lists(st.tuples(st.integers(1, 60), st.sampled_from([None, 0.1, 0.2])), max_size=60),
    in_flight=st.integers(1, 6),
    most=st.integers(1, 16),
    poison=st.sets(st.integers(0, 59), max_size=4),
    harms=st.sampled_from([0.0, 0.5, 1.0]),
    seed=st.integers(0, 2**16),
)
def test_only_the_guilty_fail_and_nobody_is_lost(
    inputs: list[tuple[int, float | None]],
    in_flight: int,
    most: int,
    poison: set[int],
    harms: float,
    seed: int,
) -> None:
    server = Server(seed, {str(place) for place in poison}, harms)
    chosen = job(in_flight, most)
    source = iter(
        [TileInput(str(place), bytes(size), gsd) for place, (size, gsd) in enumerate(inputs)]
    )
    results: list[TileResult[object]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "REQUEST_BYTES", 100)
        while not chosen.finished:
            fill(chosen, source)
            bundle = chosen.take()
            if bundle is not None:
                check_request(bundle, most)
                server.start(bundle)
                assert len(server.running) <= in_flight
            if server.running and (bundle is None or server.random.random() < 0.3):
                ended, crashed = server.end_one()
                results += chosen.settle(ended, ModelCrashed() if crashed else None)
                results += [] if crashed else [TileResult(o.tile_id, None) for o in ended.inputs]
    failed = {one.tile_id for one in results if isinstance(one.result, ItemFailed)}
    assert Counter(one.tile_id for one in results) == Counter(map(str, range(len(inputs))))
    assert failed == server.poison & {str(place) for place in range(len(inputs))}


def check_request(bundle: Bundle, most: int) -> None:
    assert 1 <= len(bundle.inputs) <= most
    assert len({one.gsd_m for one in bundle.inputs}) == 1
    assert len(bundle.inputs) == 1 or sum(one.payload.size for one in bundle.inputs) <= 100


def test_tiles_share_requests_and_every_result_finds_its_tile(
    model_server_stand_in: StandIn,
) -> None:
    model_server_stand_in.value = lambda data, options: {
        "width": int(data.split()[1]) + 1,
        "height": 1,
        "instances": [],
    }
    with ModelServerClient(model_server_stand_in.settings) as client:
        found = list(
            client.map_segment(tiles(60), model="solar", output="instances", gsd_m=0.1, in_flight=4)
        )
    assert {one.tile_id: one.result.value.width for one in found} == {
        str(place): place + 1 for place in range(60)
    }
    counts = [request["items"] for request in model_server_stand_in.requests]
    assert sum(counts) == 60
    assert max(counts) == 4
    assert len(counts) == 4 + 4 + 12


def test_tiles_of_other_resolution_travel_apart(model_server_stand_in: StandIn) -> None:
    mixed = [
        TileInput(str(place), f"{place}".encode(), (None, 0.2, 0.3)[place // 10])
        for place in range(30)
    ]
    with ModelServerClient(model_server_stand_in.settings) as client:
        list(client.map_segment(mixed, model="solar", gsd_m=0.1, in_flight=1))
    sent = {
        content: request["gsd_m"]
        for request in model_server_stand_in.requests
        for content in request["contents"]
    }
    assert sent == {one.image: one.gsd_m or 0.1 for one in mixed}


@pytest.mark.parametrize(("in_flight", "bundle"), [(1, 1), (2, 4), (4, 16)])
def test_tiles_are_not_read_too_far_ahead(
    model_server_stand_in: StandIn, in_flight: int, bundle: int
) -> None:
    read = most_ahead = returned = 0

    def source() -> Iterator[TileInput]:
        nonlocal read, most_ahead
        for one in tiles(200):
            read += 1
            most_ahead = max(most_ahead, read - returned)
            yield one

    with ModelServerClient(model_server_stand_in.settings) as client:
        for _ in client.map_segment(
            source(), model="solar", in_flight=in_flight, tiles_per_request=bundle
        ):
            returned += 1
    assert returned == 200
    # The one that comes next is handed out before the loop body counts it.
    assert most_ahead <= in_flight * bundle + 1


def test_the_first_result_does_not_wait_for_the_last_tile(model_server_stand_in: StandIn) -> None:
    answered = threading.Event()

    def source() -> Iterator[TileInput]:
        yield from tiles(1)
        assert answered.wait(PATIENCE_S)
        yield TileInput("late", b"late")

    with ModelServerClient(model_server_stand_in.settings) as client:
        model_server_stand_in.change = lambda answer: (answered.set(), answer)[1]
        found = [one.tile_id for one in client.map_segment(source(), model="solar")]
    assert sorted(found) == ["0", "late"]


@pytest.mark.parametrize("in_flight", [1, 4])
def test_one_poisonous_tile_is_found_in_its_bundle(
    model_server_stand_in: StandIn, in_flight: int
) -> None:
    model_server_stand_in.poison = frozenset([b"tile 13"])
    with ModelServerClient(model_server_stand_in.settings) as client:
        found = {
            one.tile_id: one.result
            for one in client.map_segment(tiles(30), model="solar", in_flight=in_flight)
        }
    failed = [name for name, result in found.items() if isinstance(result, ItemFailed)]
    assert len(found) == 30
    assert failed == ["13"]
    assert found["13"].error.code == "modell_abgestuerzt"
    sent = Counter(content for one in model_server_stand_in.requests for content in one["contents"])
    assert sent[b"tile 13"] == 4
    # Its neighbours in the bundle were sent twice in vain and once alone.
    assert sorted(set(sent.values())) == [1, 3, 4]


def test_a_tile_alone_on_its_way_is_not_sent_a_third_time(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.poison = frozenset([b"tile 0"])
    with ModelServerClient(model_server_stand_in.settings) as client:
        (found,) = client.map_segment(tiles(1), model="solar")
    assert isinstance(found.result, ItemFailed)
    assert len(model_server_stand_in.requests) == 2


def test_a_bundle_that_is_too_large_is_taken_apart(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.most_bytes = 3000
    large = [TileInput(str(place), bytes([place]) * 1500) for place in range(8)]
    large.append(TileInput("huge", b"h" * 4000))
    with ModelServerClient(model_server_stand_in.settings) as client:
        found = {
            one.tile_id: one.result for one in client.map_segment(large, model="solar", in_flight=1)
        }
    assert isinstance(found.pop("huge"), ItemFailed)
    assert {type(result) for result in found.values()} == {SegmentResult}
    assert len(found) == 8


def test_the_failure_of_a_tile_keeps_the_figures_of_its_text() -> None:
    chosen = job(1, 1)
    fill(chosen, iter(tiles(1)))
    bundle = chosen.take()
    assert bundle is not None
    (failure,) = chosen.settle(bundle, RequestTooLarge(limit_mb=64))
    assert failure.result.error.details == {"limit_mb": 64}
    assert failure.result.error.message == "Die Anfrage ist größer als 64 MB."


def test_pairs_keep_their_order_within_a_request(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: {
        "label": data.decode(),
        "probabilities": {data.decode(): 1.0},
    }
    pairs = [
        PairInput(str(place), f"b{place}".encode(), f"a{place}".encode()) for place in range(9)
    ]
    with ModelServerClient(model_server_stand_in.settings) as client:
        found = list(client.map_change(pairs, gsd_m=0.1, bands="rgbm", in_flight=1))
    assert {one.tile_id: one.result.value.label for one in found} == {
        str(place): f"b{place}a{place}" for place in range(9)
    }
    assert {request["path"] for request in model_server_stand_in.requests} == {"/change"}
    assert {request["bands"] for request in model_server_stand_in.requests} == {"rgbm"}
    assert max(request["items"] for request in model_server_stand_in.requests) == 4


def test_pages_travel_alone_and_layout_pages_together(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: (
        {"width": 1, "height": 1, "lines": []}
        if "mode" in options
        else {"width": 1, "height": 1, "regions": []}
    )
    with ModelServerClient(model_server_stand_in.settings) as client:
        read = list(client.map_ocr(tiles(6), tiles_per_request=4))
        seen = list(client.map_layout(tiles(20), in_flight=1))
    assert {type(one.result) for one in read} == {OcrPageResult}
    assert len(read) == 6
    assert len(seen) == 20
    counts = [(one["path"], one["items"]) for one in model_server_stand_in.requests]
    assert counts[:6] == [("/ocr", 1)] * 6
    assert counts[6:] == [("/layout", size) for size in (1, 2, 4, 4, 4, 4, 1)]


def test_stop_is_heard_while_tiles_are_sent_alone(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.poison = frozenset([b"tile 1"])
    with ModelServerClient(model_server_stand_in.settings) as client, pytest.raises(Cancelled):
        list(
            client.map_segment(
                tiles(4),
                model="solar",
                in_flight=1,
                tiles_per_request=4,
                stop=lambda: len(model_server_stand_in.requests) >= 2,
            )
        )
    assert len(model_server_stand_in.requests) <= 3


def test_a_pair_is_named_by_both_images() -> None:
    first = Payload((b"a", b"b"))
    assert first.size == 2
    assert len({first.sha256, Payload((b"b", b"a")).sha256, Payload((b"ab",)).sha256}) == 3

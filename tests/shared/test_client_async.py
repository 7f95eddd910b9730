"""The client for event loops keeps every promise of the other one."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from shared.clients import connection
from shared.clients.answers import SegmentResult
from shared.clients.async_model_server import AsyncModelServerClient
from shared.clients.flow import PairInput, TileInput
from shared.clients.model_server import ModelServerClient
from shared.clients.retry import MAX_TRIES
from shared.contracts.model_server import ItemFailed
from shared.errors import (
    AnswerMismatch,
    Cancelled,
    ModelChanged,
    ModelCrashed,
    ModelMissing,
    ModelServerBusy,
    ModelServerDown,
    ModelServerTimeout,
    NotSignedIn,
)
from shared.settings import Settings
from tests.shared.doubles import Bucket, FakeTime, StandIn, drop_result
from tests.timing import fastest_s

Use = Callable[[AsyncModelServerClient], Awaitable[Any]]


def run(settings: Settings, use: Use, **options: Any) -> Any:
    async def main() -> Any:
        async with AsyncModelServerClient(settings, **options) as client:
            return await use(client)

    return asyncio.run(main(), debug=False)


def ask(*images: bytes, **call: Any) -> Use:
    def use(client: AsyncModelServerClient) -> Awaitable[Any]:
        return client.segment(images or (b"a",), model="solar", gsd_m=0.1, **call)

    return use


def collect(tiles: Any, **job: Any) -> Use:
    async def use(client: AsyncModelServerClient) -> dict[str, Any]:
        found = client.map_segment(tiles, model="solar", gsd_m=0.1, **job)
        return {one.tile_id: one.result async for one in found}

    return use


def tiles(count: int) -> list[TileInput]:
    return [TileInput(str(place), f"tile {place}".encode()) for place in range(count)]


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert public(AsyncModelServerClient) == public(ModelServerClient)


def test_results_are_typed_and_keep_the_order(model_server_stand_in: StandIn) -> None:
    results = run(model_server_stand_in.settings, ask(*(bytes([n]) for n in range(35))))
    assert [type(result) for result in results] == [SegmentResult] * 35
    assert [result.index for result in results] == list(range(35))
    assert [one["items"] for one in model_server_stand_in.requests] == [16, 16, 3]
    assert model_server_stand_in.tokens[0].startswith("Bearer ")


def test_every_task_goes_its_way(model_server_stand_in: StandIn) -> None:
    values = {
        "/change": {"label": "x", "probabilities": {"x": 1.0}},
        "/layout": {"width": 1, "height": 1, "regions": []},
        "/classify": {"labels": []},
        "page": {"width": 1, "height": 1, "lines": []},
        "lines": {"text": "", "score": 0.0},
    }
    vector = {"vector": "AACAPwAAAAA=", "dim": 2}
    model_server_stand_in.value = lambda data, options: values.get(
        options.get("mode", model_server_stand_in.requests[-1]["path"]), vector
    )

    async def use(client: AsyncModelServerClient) -> list[Any]:
        pairs, pages = [PairInput("p", b"a", b"b")], [TileInput("t", b"a")]
        return [
            *await client.change([(b"a", b"b")], gsd_m=0.1),
            *[one.result async for one in client.map_change(pairs, gsd_m=0.1)],
            *await client.ocr([b"a"]),
            *await client.ocr([b"a"], mode="lines"),
            *[one.result async for one in client.map_ocr(pages)],
            *await client.layout([b"a"]),
            *[one.result async for one in client.map_layout(pages)],
            *await client.classify([b"a"], model="page_class"),
            *await client.embed(["Grün", "\ud800"]),
            *await client.embed_images([b"a"]),
        ]

    results = run(model_server_stand_in.settings, use)
    assert [type(result).__name__ for result in results] == [
        *["ChangeResult"] * 2,
        "OcrPageResult",
        "OcrLineResult",
        "OcrPageResult",
        *["LayoutResult"] * 2,
        "ClassifyResult",
        *["EmbedResult"] * 3,
    ]


@pytest.mark.parametrize("lie", [None, drop_result])
def test_lies_are_thrown_away(model_server_lies: StandIn, lie: Any) -> None:
    model_server_lies.change = lie or model_server_lies.change
    with pytest.raises(AnswerMismatch):
        run(model_server_lies.settings, ask(b"a", b"b"))


def test_a_model_that_changes_within_a_job_is_noticed(model_server_lies: StandIn) -> None:
    hashes = iter("abcdef")
    model_server_lies.change = lambda answer: {
        **answer,
        "model": {**answer["model"], "sha256": next(hashes) * 64},
    }
    with pytest.raises(ModelChanged):
        run(model_server_lies.settings, collect(tiles(3), in_flight=1))


def test_nobody_there_is_said_within_two_seconds(model_server_down: Settings) -> None:
    def try_all() -> None:
        for use in (ask(), collect(tiles(3)), lambda client: client.models()):
            with pytest.raises(ModelServerDown):
                run(model_server_down, use)
        assert run(model_server_down, lambda client: client.health()).state == "down"

    assert fastest_s(try_all, 4 * 2) <= 4 * 2


def test_answered_requests_alone_are_counted(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.refusals = [(503, 0)]
    heard: list[str] = []

    async def asked_twice(client: AsyncModelServerClient) -> None:
        await ask()(client)
        await ask()(client.counted(heard.append))
        model_server_stand_in.change = drop_result
        with pytest.raises(AnswerMismatch):
            await ask()(client.counted(heard.append))

    run(model_server_stand_in.settings, asked_twice)
    assert heard == ["segment"]


def test_one_break_is_invisible_and_two_are_not(model_server_resets: StandIn) -> None:
    model_server_resets.resets = 1
    assert len(run(model_server_resets.settings, ask())) == 1
    model_server_resets.resets = 2
    with pytest.raises(ModelCrashed):
        run(model_server_resets.settings, ask())
    assert len(model_server_resets.requests) == 4


def test_busy_is_asked_six_times(model_server_busy: StandIn) -> None:
    fake = FakeTime()
    with pytest.raises(ModelServerBusy):
        run(model_server_busy.settings, ask(), pace=fake.pace())
    assert len(model_server_busy.requests) == MAX_TRIES
    assert 5.0 <= fake.now <= 5.0 * 1.25


def test_a_limited_rate_is_kept_without_losing_a_call(model_server_stand_in: StandIn) -> None:
    fake = FakeTime()
    model_server_stand_in.bucket = Bucket(5, 20, clock=lambda: fake.now)

    async def use(client: AsyncModelServerClient) -> list[Any]:
        return [await client.segment([bytes([n])], model="solar", gsd_m=0.1) for n in range(25)]

    assert len(run(model_server_stand_in.settings, use, pace=fake.pace())) == 25
    assert len(model_server_stand_in.requests) > 25
    assert fake.now <= 5


@pytest.mark.parametrize(("status", "error"), [(404, ModelMissing), (504, ModelServerTimeout)])
def test_final_refusals_are_not_tried_again(
    model_server_stand_in: StandIn, status: int, error: type[Exception]
) -> None:
    model_server_stand_in.refusals = [(status, None)]
    with pytest.raises(error):
        run(model_server_stand_in.settings, ask())
    assert len(model_server_stand_in.requests) == 1


def test_the_token_is_renewed_once(model_server_stand_in: StandIn) -> None:
    class Tokens:
        def token(self) -> str:
            return "old"

        def renew(self) -> str:
            return "new"

    model_server_stand_in.refusals = [(401, None)]
    run(model_server_stand_in.settings, ask(), token=Tokens())
    assert model_server_stand_in.tokens == ["Bearer old", "Bearer new"]
    model_server_stand_in.refusals = [(401, None)]
    health = run(model_server_stand_in.settings, lambda client: client.health(), token=Tokens())
    assert health.state == "ready"
    model_server_stand_in.refusals = [(401, None), (401, None)]
    with pytest.raises(NotSignedIn):
        run(model_server_stand_in.settings, ask(), token=Tokens())


def test_too_slow_is_a_timeout_and_not_tried_again(model_server_slow: StandIn) -> None:
    with pytest.raises(ModelServerTimeout):
        run(model_server_slow.settings, ask())
    assert len(model_server_slow.requests) == 1


def test_an_answer_in_drops_is_given_up_in_time(model_server_drips: StandIn) -> None:
    def give_up() -> None:
        with pytest.raises(ModelServerTimeout):
            run(model_server_drips.settings, ask())

    assert fastest_s(give_up, 2) <= 2


def test_stop_is_heard_while_the_server_thinks(model_server_slow: StandIn) -> None:
    def stop() -> None:
        model_server_slow.requests.clear()
        with pytest.raises(Cancelled):
            run(
                model_server_slow.settings,
                ask(timeout_s=30, stop=lambda: bool(model_server_slow.requests)),
            )

    assert fastest_s(stop, model_server_slow.delay_s) < model_server_slow.delay_s


def test_stop_ends_a_wait(model_server_busy: StandIn) -> None:
    fake = FakeTime()
    with pytest.raises(Cancelled):
        run(model_server_busy.settings, ask(stop=lambda: fake.now > 1), pace=fake.pace())
    assert fake.now < 1.5


def test_a_job_shares_requests_and_loses_nothing(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.delay_s = 0.02
    found = run(model_server_stand_in.settings, collect(tiles(60), in_flight=4))
    assert sorted(found, key=int) == [str(place) for place in range(60)]
    assert {type(result) for result in found.values()} == {SegmentResult}
    assert [one["items"] for one in model_server_stand_in.requests].count(4) == 12
    assert 2 <= model_server_stand_in.most_running <= 4


def test_a_job_reads_from_an_event_loop_and_not_too_far_ahead(
    model_server_stand_in: StandIn,
) -> None:
    read = most_ahead = 0
    told: list[str] = []

    async def source() -> AsyncIterator[TileInput]:
        nonlocal read, most_ahead
        for one in tiles(50):
            await asyncio.sleep(0)
            read += 1
            most_ahead = max(most_ahead, read - len(told))
            yield one

    use = collect(
        source(), in_flight=2, tiles_per_request=3, on_result=lambda one: told.append(one.tile_id)
    )
    assert sorted(run(model_server_stand_in.settings, use)) == sorted(told)
    assert len(told) == 50
    assert most_ahead <= 6


def stalled(count: int) -> AsyncIterator[TileInput]:
    """Give some tiles and then nothing, without an end."""

    async def source() -> AsyncIterator[TileInput]:
        for one in tiles(count):
            yield one
        await asyncio.Event().wait()

    return source()


def test_a_source_that_stalls_holds_no_result_back(model_server_stand_in: StandIn) -> None:
    async def use(client: AsyncModelServerClient) -> list[str]:
        source = stalled(2)
        async with (
            asyncio.timeout(20),
            aclosing(client.map_segment(source, model="solar", gsd_m=0.1, in_flight=4)) as job,
        ):
            return [(await anext(job)).tile_id for _ in range(2)]

    assert sorted(run(model_server_stand_in.settings, use)) == ["0", "1"]


def test_stop_is_heard_while_a_source_stalls(model_server_stand_in: StandIn) -> None:
    told: list[str] = []
    job = collect(
        stalled(2), on_result=lambda one: told.append(one.tile_id), stop=lambda: len(told) == 2
    )

    async def use(client: AsyncModelServerClient) -> Any:
        async with asyncio.timeout(20):
            return await job(client)

    with pytest.raises(Cancelled):
        run(model_server_stand_in.settings, use)


def test_an_error_of_the_source_ends_the_job(model_server_stand_in: StandIn) -> None:
    async def source() -> AsyncIterator[TileInput]:
        yield tiles(1)[0]
        raise KeyError("source")

    with pytest.raises(KeyError, match="source"):
        run(model_server_stand_in.settings, collect(source()))


def test_one_poisonous_tile_is_found_in_its_bundle(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.poison = frozenset([b"tile 13"])
    found = run(model_server_stand_in.settings, collect(tiles(30), in_flight=4))
    failed = {name: one for name, one in found.items() if isinstance(one, ItemFailed)}
    assert len(found) == 30
    assert {name: one.error.code for name, one in failed.items()} == {"13": "modell_abgestuerzt"}


def test_a_job_can_be_stopped(model_server_stand_in: StandIn) -> None:
    told: list[str] = []
    use = collect(
        tiles(1000),
        on_result=lambda one: told.append(one.tile_id),
        stop=lambda: len(told) >= 5,
    )
    with pytest.raises(Cancelled):
        run(model_server_stand_in.settings, use)
    assert 5 <= len(told) < 50


def test_a_job_that_is_left_early_ends_its_requests(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.delay_s = 0.05

    async def use(client: AsyncModelServerClient) -> int:
        async with aclosing(client.map_segment(tiles(500), model="solar", gsd_m=0.1)) as job:
            async for _ in job:
                break
        return len(asyncio.all_tasks())

    assert run(model_server_stand_in.settings, use) == 1
    assert len(model_server_stand_in.requests) <= 16


def test_many_calls_at_once_keep_their_answers(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: {
        "width": data[0] + 1,
        "height": 1,
        "instances": [],
    }

    async def use(client: AsyncModelServerClient) -> list[int]:
        calls = [client.segment([bytes([n])], model="solar", gsd_m=0.1) for n in range(40)]
        return [one[0].value.width for one in await asyncio.gather(*calls)]

    assert run(model_server_stand_in.settings, use) == list(range(1, 41))
    assert Counter(one["items"] for one in model_server_stand_in.requests) == {1: 40}


def test_state_and_catalogue_are_read(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.readiness = {"ready": False, "waiting_for": ["solar"]}
    health = run(model_server_stand_in.settings, lambda client: client.health())
    assert (health.state, health.waiting_for) == ("starting", ("solar",))
    model_server_stand_in.readiness = {"models": []}
    assert run(model_server_stand_in.settings, lambda client: client.models()).models == []
    model_server_stand_in.readiness = {"hello": 1}
    with pytest.raises(AnswerMismatch):
        run(model_server_stand_in.settings, lambda client: client.models())


def test_a_question_answered_in_drops_is_given_up_in_time(
    model_server_drips: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEALTH_TIMEOUT_S", 0.3)
    assert run(model_server_drips.settings, lambda client: client.health()).state == "down"
    monkeypatch.setattr(connection, "CATALOG_TIMEOUT_S", 0.3)
    with pytest.raises(ModelServerDown):
        run(model_server_drips.settings, lambda client: client.models())

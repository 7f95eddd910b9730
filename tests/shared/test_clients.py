"""The client: checked answers, bounded retries, German errors."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.clients import connection, exchange
from shared.clients.answers import EmbedResult, SegmentResult
from shared.clients.calls import Payload
from shared.clients.checking import error_from_body, error_from_text
from shared.clients.flow import TileInput
from shared.clients.jobs import cut
from shared.clients.model_server import ModelServerClient
from shared.clients.retry import MAX_TRIES, MAX_WAIT_S, Pace
from shared.contracts.model_server import ErrorText, ItemFailed
from shared.errors import (
    AnswerMismatch,
    Cancelled,
    ModelChanged,
    ModelCrashed,
    ModelMissing,
    ModelServerBusy,
    ModelServerDown,
    ModelServerFault,
    ModelServerNotReady,
    ModelServerRefusal,
    ModelServerTimeout,
    NotSignedIn,
    SignInServiceDown,
)
from shared.settings import Settings
from tests.shared.doubles import Bucket, FakeTime, StandIn, drop_result
from tests.timing import fastest_s


def test_results_are_typed_and_keep_the_order(model_server_stand_in: StandIn) -> None:
    with ModelServerClient(model_server_stand_in.settings) as client:
        results = client.segment([b"a", b"b"], model="solar", gsd_m=0.1)
    assert [type(result) for result in results] == [SegmentResult, SegmentResult]
    assert [result.index for result in results] == [0, 1]
    sent = model_server_stand_in.requests[0]
    assert sent["gsd_m"] == 0.1
    assert "min_score" not in sent
    assert model_server_stand_in.tokens[0].startswith("Bearer ")


def test_long_lists_are_cut_into_allowed_requests(model_server_stand_in: StandIn) -> None:
    images = [bytes([place]) for place in range(35)]
    with ModelServerClient(model_server_stand_in.settings) as client:
        results = client.segment(images, model="solar", gsd_m=0.1)
    assert [result.index for result in results] == list(range(35))
    assert [request["items"] for request in model_server_stand_in.requests] == [16, 16, 3]


def test_what_takes_long_shares_no_time_limit(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: (
        {"vector": "AACAPwAAAAA=", "dim": 2}
        if "kind" in options
        else {"width": 1, "height": 1, "lines": []}
    )
    with ModelServerClient(model_server_stand_in.settings) as client:
        texts = client.embed([str(place) for place in range(20)])
        pages = client.ocr([b"a", b"b", b"c"])
    assert [text.index for text in texts] == list(range(20))
    assert [page.index for page in pages] == [0, 1, 2]
    counts = [request["items"] for request in model_server_stand_in.requests]
    assert counts == [8, 8, 4, 1, 1, 1]


def test_requests_stay_below_the_size_limit() -> None:
    half = Payload((bytes(25 * 2**20),))
    small = Payload((b"x",))
    assert [(first, len(part)) for first, part in cut([half, half, small], 16)] == [(0, 1), (1, 2)]
    assert list(cut([], 16)) == []


def test_swapped_results_are_thrown_away(model_server_lies: StandIn) -> None:
    with ModelServerClient(model_server_lies.settings) as client, pytest.raises(AnswerMismatch):
        client.segment([b"a", b"b"], model="solar", gsd_m=0.1)


def test_a_lost_result_is_noticed(model_server_lies: StandIn) -> None:
    model_server_lies.change = drop_result
    with ModelServerClient(model_server_lies.settings) as client, pytest.raises(AnswerMismatch):
        client.segment([b"a", b"b"], model="solar", gsd_m=0.1)


@pytest.mark.parametrize(
    "change",
    [
        lambda answer: {**answer, "results": [{**answer["results"][0], "index": 1}]},
        lambda answer: {**answer, "model": {**answer["model"], "name": "other"}},
        lambda answer: {**answer, "model": {**answer["model"], "version": "1.0.1"}},
        lambda answer: {"what": 1},
        lambda answer: {
            **answer,
            "results": [{**answer["results"][0], "value": {"width": "wide"}}],
        },
    ],
)
def test_an_answer_that_does_not_fit_is_thrown_away(
    model_server_lies: StandIn, change: object
) -> None:
    model_server_lies.change = change
    with ModelServerClient(model_server_lies.settings) as client, pytest.raises(AnswerMismatch):
        client.segment([b"a"], model="solar", version="1.0.0", gsd_m=0.1)


def test_a_model_that_changes_within_a_call_is_noticed(model_server_lies: StandIn) -> None:
    hashes = iter("ab")

    def change(answer: dict) -> dict:
        return {**answer, "model": {**answer["model"], "sha256": next(hashes) * 64}}

    model_server_lies.change = change
    with ModelServerClient(model_server_lies.settings) as client, pytest.raises(ModelChanged):
        client.segment([bytes([n]) for n in range(17)], model="solar", gsd_m=0.1)


def test_nobody_there_is_said_within_two_seconds(model_server_down: Settings) -> None:
    def ask() -> None:
        with ModelServerClient(model_server_down) as client, pytest.raises(ModelServerDown):
            client.segment([b"a"], model="solar", gsd_m=0.1)

    assert fastest_s(ask, 2) <= 2
    with ModelServerClient(model_server_down) as client:
        assert client.health().state == "down"
        with pytest.raises(ModelServerDown):
            client.models()


def test_one_break_is_invisible(model_server_resets: StandIn) -> None:
    model_server_resets.resets = 1
    with ModelServerClient(model_server_resets.settings) as client:
        assert len(client.segment([b"a"], model="solar", gsd_m=0.1)) == 1
    assert len(model_server_resets.requests) == 2


def test_two_breaks_over_one_request_end_it(model_server_resets: StandIn) -> None:
    with ModelServerClient(model_server_resets.settings) as client, pytest.raises(ModelCrashed):
        client.segment([b"a"], model="solar", gsd_m=0.1)
    assert len(model_server_resets.requests) == 2


def test_a_break_and_then_nobody_is_a_server_that_is_down(model_server_resets: StandIn) -> None:
    # The item is not to blame: it was under way only once.
    gone: list[int] = []

    def stop() -> bool:
        if model_server_resets.requests and not gone:
            gone.append(1)
            model_server_resets.close()
        return False

    with ModelServerClient(model_server_resets.settings) as client, pytest.raises(ModelServerDown):
        client.segment([b"a"], model="solar", gsd_m=0.1, stop=stop)
    assert len(model_server_resets.requests) == 1


def test_a_job_goes_on_after_a_tile_that_crashes_the_server(model_server_resets: StandIn) -> None:
    model_server_resets.resets = 2
    tiles = [TileInput(name, name.encode()) for name in "abc"]
    with ModelServerClient(model_server_resets.settings, in_flight=1) as client:
        results = {
            result.tile_id: result.result
            for result in client.map_segment(tiles, model="solar", gsd_m=0.1)
        }
    crashed = results["a"]
    assert isinstance(crashed, ItemFailed)
    assert crashed.error.code == "modell_abgestuerzt"
    assert isinstance(results["b"], SegmentResult)
    assert isinstance(results["c"], SegmentResult)


def test_busy_is_asked_six_times_and_never_too_early(model_server_busy: StandIn) -> None:
    fake = FakeTime()
    with (
        ModelServerClient(model_server_busy.settings, pace=fake.pace()) as client,
        pytest.raises(ModelServerBusy),
    ):
        client.segment([b"a"], model="solar", gsd_m=0.1)
    assert len(model_server_busy.requests) == MAX_TRIES
    assert 5.0 <= fake.now <= 5.0 * 1.25


def test_busy_for_a_moment_is_invisible(model_server_busy: StandIn) -> None:
    model_server_busy.refusals = [(429, 1), (503, None)]
    with ModelServerClient(model_server_busy.settings, pace=FakeTime().pace()) as client:
        assert len(client.segment([b"a"], model="solar", gsd_m=0.1)) == 1


def test_waiting_stays_within_the_time_limit(model_server_busy: StandIn) -> None:
    fake = FakeTime()
    model_server_busy.refusals = [(503, 30)] * 10
    with (
        ModelServerClient(model_server_busy.settings, pace=fake.pace()) as client,
        pytest.raises(ModelServerNotReady),
    ):
        client.segment([b"a"], model="solar", gsd_m=0.1, timeout_s=10)
    assert fake.now <= 10
    assert len(model_server_busy.requests) == 1


def test_a_limited_rate_is_kept_without_losing_a_call(model_server_stand_in: StandIn) -> None:
    fake = FakeTime()
    model_server_stand_in.bucket = Bucket(5, 20, clock=lambda: fake.now)
    statuses = []
    with ModelServerClient(model_server_stand_in.settings, pace=fake.pace()) as client:
        for place in range(25):
            (result,) = client.segment([bytes([place])], model="solar", gsd_m=0.1)
            statuses.append((type(result), fake.now > 0))
    assert [kind for kind, _ in statuses] == [SegmentResult] * 25
    assert [waited for _, waited in statuses].index(True) == 20
    assert fake.now <= 5


def test_back_off_doubles_spreads_and_is_capped() -> None:
    pace = Pace(jitter=random.Random(3))  # noqa: S311
    waits = [pace.backoff_s({}, tries) for tries in range(8)]
    for tries, wait in enumerate(waits):
        middle = min(0.5 * 2**tries, MAX_WAIT_S)
        assert 0.75 * middle <= wait <= 1.25 * middle
    assert pace.backoff_s({"retry-after": "9999"}, 0) <= MAX_WAIT_S * 1.25
    assert pace.backoff_s({"retry-after": "soon"}, 0) <= 0.7


def test_too_slow_is_a_timeout_and_not_tried_again(model_server_slow: StandIn) -> None:
    with (
        ModelServerClient(model_server_slow.settings) as client,
        pytest.raises(ModelServerTimeout),
    ):
        client.segment([b"a"], model="solar", gsd_m=0.1)
    assert len(model_server_slow.requests) == 1


def test_an_answer_in_drops_is_given_up_in_time(model_server_drips: StandIn) -> None:
    def ask() -> None:
        with (
            ModelServerClient(model_server_drips.settings) as client,
            pytest.raises(ModelServerTimeout),
        ):
            client.segment([b"a"], model="solar", gsd_m=0.1)

    assert fastest_s(ask, 2) <= 2


def test_an_answer_in_drops_can_be_stopped(model_server_drips: StandIn) -> None:
    def ask() -> None:
        start = time.monotonic()
        with ModelServerClient(model_server_drips.settings) as client, pytest.raises(Cancelled):
            client.segment(
                [b"a"],
                model="solar",
                gsd_m=0.1,
                timeout_s=30,
                stop=lambda: time.monotonic() - start > 0.5,
            )

    assert fastest_s(ask, 2) <= 2


def test_an_answer_that_cannot_be_unpacked_is_thrown_away(model_server_lies: StandIn) -> None:
    model_server_lies.headers = {"Content-Encoding": "gzip"}
    with ModelServerClient(model_server_lies.settings) as client, pytest.raises(AnswerMismatch):
        client.segment([b"a"], model="solar", gsd_m=0.1)


@pytest.mark.parametrize("answer", [{"hello": "I am a web page"}, {}])
def test_another_program_on_the_port_is_no_model_server(
    model_server_stand_in: StandIn, answer: dict
) -> None:
    model_server_stand_in.readiness = answer
    with ModelServerClient(model_server_stand_in.settings) as client:
        assert client.health().state == "down"


def test_a_server_that_starts_says_what_it_waits_for(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.readiness = {"ready": False, "waiting_for": ["solar"]}
    with ModelServerClient(model_server_stand_in.settings) as client:
        health = client.health()
    assert (health.state, health.waiting_for) == ("starting", ("solar",))


def test_questions_renew_the_token_too(model_server_stand_in: StandIn) -> None:
    settings = model_server_stand_in.settings
    with ModelServerClient(settings) as client:
        client.health()
        old = model_server_stand_in.tokens[-1]
        settings.installation_key_file.unlink()
        model_server_stand_in.refusals = [(401, None)]
        model_server_stand_in.tokens.clear()
        assert client.health().state == "ready"
    first, second = model_server_stand_in.tokens[:2]
    assert first == old
    # Another header, because it names another key.
    assert second.partition(".")[0] != old.partition(".")[0]


def test_addresses_of_every_form_lead_to_the_server(tmp_path: Path) -> None:
    def address(**more: object) -> str:
        return Settings(_env_file=None, data_dir=tmp_path, **more).model_server_address

    assert address(model_server_host="::1") == "http://[::1]:3000"
    assert address(model_server_host="localhost") == "http://127.0.0.1:3000"
    assert address(model_server_url="https://ki.example/") == "https://ki.example"
    for wrong in ("localhost:3000", "ftp://ki.example", "http://a b"):
        with pytest.raises(ValidationError):
            address(model_server_url=wrong)


def test_final_refusals_are_not_tried_again(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.refusals = [(404, None)]
    with (
        ModelServerClient(model_server_stand_in.settings) as client,
        pytest.raises(ModelMissing, match="solar"),
    ):
        client.segment([b"a"], model="solar", gsd_m=0.1)
    assert len(model_server_stand_in.requests) == 1


def test_the_token_is_renewed_once(model_server_stand_in: StandIn) -> None:
    class Tokens:
        renewed = 0

        def token(self) -> str:
            return "old"

        def renew(self) -> str:
            self.renewed += 1
            return "new"

    tokens = Tokens()
    model_server_stand_in.refusals = [(401, None)]
    with ModelServerClient(model_server_stand_in.settings, tokens) as client:
        client.segment([b"a"], model="solar", gsd_m=0.1)
        assert model_server_stand_in.tokens == ["Bearer old", "Bearer new"]
        model_server_stand_in.refusals = [(401, None), (401, None)]
        with pytest.raises(NotSignedIn):
            client.segment([b"a"], model="solar", gsd_m=0.1)
    assert tokens.renewed == 2


def test_a_client_that_acts_for_somebody_else_uses_the_same_connections(
    model_server_stand_in: StandIn,
) -> None:
    class Tokens:
        def token(self) -> str:
            return "person"

        def renew(self) -> str:
            raise AssertionError

    with ModelServerClient(model_server_stand_in.settings) as client:
        client.acting_as(Tokens()).segment([b"a"], model="solar", gsd_m=0.1)
        client.segment([b"a"], model="solar", gsd_m=0.1)
        first, second = model_server_stand_in.tokens
        assert first == "Bearer person"
        assert second not in ("", first)
        other = client.acting_as(Tokens())
    with pytest.raises(RuntimeError, match="closed"):
        other.segment([b"a"], model="solar", gsd_m=0.1)


def test_without_a_token_of_the_provider_the_server_counts_as_away(
    model_server_stand_in: StandIn,
) -> None:
    class Nothing:
        def token(self) -> str:
            raise SignInServiceDown(reason="test")

        renew = token

    with ModelServerClient(model_server_stand_in.settings, Nothing()) as client:
        assert client.health().state == "down"
        with pytest.raises(SignInServiceDown):
            client.segment([b"a"], model="solar", gsd_m=0.1)


def test_stop_ends_a_wait(model_server_busy: StandIn) -> None:
    fake = FakeTime()
    with (
        ModelServerClient(model_server_busy.settings, pace=fake.pace()) as client,
        pytest.raises(Cancelled),
    ):
        client.segment([b"a"], model="solar", gsd_m=0.1, stop=lambda: fake.now > 1)
    assert fake.now < 1.5


def test_a_job_keeps_several_requests_in_flight_and_no_more(
    model_server_stand_in: StandIn,
) -> None:
    running = most = 0
    lock = threading.Lock()

    def value(data: bytes, options: dict) -> dict:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        with lock:
            running -= 1
        return {"width": data[0] + 1, "height": 1, "instances": []}

    model_server_stand_in.value = value
    tiles = (TileInput(str(place), bytes([place]), gsd_m=0.2) for place in range(20))
    seen = []
    with ModelServerClient(model_server_stand_in.settings) as client:
        for result in client.map_segment(
            tiles, model="solar", in_flight=4, on_result=lambda r: seen.append(r.tile_id)
        ):
            assert result.result.value.width == int(result.tile_id) + 1
    assert sorted(map(int, seen)) == list(range(20))
    assert 2 <= most <= 4
    assert {request["gsd_m"] for request in model_server_stand_in.requests} == {0.2}


def test_pages_wait_here_and_not_in_the_server(model_server_stand_in: StandIn) -> None:
    running: list[int] = []
    most = 0

    def value(data: bytes, options: dict) -> dict:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        time.sleep(0.05)
        running.pop()
        return {"width": 1, "height": 1, "lines": []}

    model_server_stand_in.value = value
    pages = [TileInput(str(place), b"x") for place in range(10)]
    with ModelServerClient(model_server_stand_in.settings) as client:
        assert len(list(client.map_ocr(pages))) == 10
    assert most <= 2


def test_a_job_can_be_stopped(model_server_stand_in: StandIn) -> None:
    seen: list[str] = []
    tiles = (TileInput(str(place), b"x") for place in range(1000))
    with ModelServerClient(model_server_stand_in.settings) as client:
        job = client.map_segment(
            tiles,
            model="solar",
            gsd_m=0.1,
            on_result=lambda r: seen.append(r.tile_id),
            stop=lambda: len(seen) >= 5,
        )
        with pytest.raises(Cancelled):
            list(job)
    assert 5 <= len(seen) < 30


def test_a_job_ends_when_the_server_is_gone(model_server_down: Settings) -> None:
    with ModelServerClient(model_server_down) as client, pytest.raises(ModelServerDown):
        list(client.map_ocr([TileInput("a", b"x")]))


def test_texts_travel_unharmed(model_server_stand_in: StandIn) -> None:
    vector = "AACAPwAAAAA="
    model_server_stand_in.value = lambda data, options: {"vector": vector, "dim": 2}
    with ModelServerClient(model_server_stand_in.settings) as client:
        results = client.embed(["Grün", "\ud800"], kind="passage")
    assert isinstance(results[0], EmbedResult)
    assert results[0].vector.tolist() == [1.0, 0.0]
    assert model_server_stand_in.requests[0]["kind"] == "passage"
    assert "mode" not in model_server_stand_in.requests[0]


def test_a_vector_of_the_wrong_length_is_thrown_away(model_server_stand_in: StandIn) -> None:
    model_server_stand_in.value = lambda data, options: {"vector": "AACAPw==", "dim": 2}
    with (
        ModelServerClient(model_server_stand_in.settings) as client,
        pytest.raises(AnswerMismatch),
    ):
        client.embed(["Grün"])


def test_errors_come_back_as_the_same_class() -> None:
    text = ErrorText(code="modell_fehlt", message="x", details={"model": "solar"})
    rebuilt = error_from_text(text)
    assert isinstance(rebuilt, ModelMissing)
    assert str(rebuilt) == "Das Modell solar ist nicht vorhanden."
    foreign = error_from_text(ErrorText(code="neu", message="Das {geht} nicht.", what_to_do="Tun."))
    assert isinstance(foreign, ModelServerRefusal)
    assert "Das {geht} nicht." in str(foreign)
    assert foreign.remedy == "Tun."
    lost = error_from_text(ErrorText(code="modell_fehlt", message="Ohne Angaben."))
    assert isinstance(lost, ModelServerRefusal)
    assert isinstance(error_from_body(b"<html>"), ModelServerFault)


def test_a_question_answered_in_drops_is_given_up_in_time(
    model_server_drips: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEALTH_TIMEOUT_S", 0.3)
    with ModelServerClient(model_server_drips.settings) as client:
        assert client.health().state == "down"


def test_an_endless_answer_to_a_question_is_not_kept(
    model_server_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ModelServerClient(model_server_stand_in.settings) as client:
        assert client.health().state == "ready"
        monkeypatch.setattr(exchange, "MAX_QUESTION_ANSWER_BYTES", 5)
        assert client.health().state == "down"
        model_server_stand_in.readiness = {"models": []}
        with pytest.raises(AnswerMismatch):
            client.models()

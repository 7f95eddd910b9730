"""One question to the model server in five seconds, however many pages are open."""

import threading
import time

from shared.ui.probe import MAX_AGE_S, STATE_TEXTS, ServerStatus, StatusProbe
from tests.timing import wait_until


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def settle(probe: StatusProbe) -> ServerStatus:
    """Wait until the probe has an answer."""
    wait_until(lambda: probe.current().state != "unknown")
    return probe.current()


def test_a_hundred_pages_cause_one_question() -> None:
    asked = []
    clock = Clock()

    def ask() -> ServerStatus:
        asked.append(clock.now)
        return ServerStatus("ready")

    probe = StatusProbe(ask, clock)
    settle(probe)
    pages = [threading.Thread(target=probe.current) for _ in range(100)]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    assert asked == [0.0]
    clock.now = MAX_AGE_S + 0.1
    probe.current()
    wait_until(lambda: len(asked) == 2)


def test_a_slow_server_never_holds_a_page() -> None:
    release = threading.Event()

    def ask() -> ServerStatus:
        release.wait(60)
        return ServerStatus("ready")

    probe = StatusProbe(ask)
    before = time.monotonic()
    assert probe.current().state == "unknown"
    assert probe.current().state == "unknown"
    waited = time.monotonic() - before
    release.set()
    assert waited < 5
    assert settle(probe).ready


def test_a_waiting_page_gets_a_fresh_answer() -> None:
    answers = iter([ServerStatus("down"), ServerStatus("starting"), ServerStatus("ready")])
    clock = Clock()
    probe = StatusProbe(lambda: next(answers), clock)
    seen = []
    for _ in range(3):
        seen.append(probe.look_now().state)
        clock.now += 2
    assert seen == ["down", "starting", "ready"]


def test_within_a_second_nobody_asks_again() -> None:
    answers = iter([ServerStatus("down")])
    probe = StatusProbe(lambda: next(answers), Clock())
    assert probe.look_now() == probe.look_now() == ServerStatus("down")


def test_a_failed_question_is_asked_again_later() -> None:
    clock = Clock()
    answers: list[object] = [ValueError("broken answer"), ServerStatus("ready")]

    def ask() -> ServerStatus:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, ServerStatus)
        return answer

    probe = StatusProbe(ask, clock)
    try:
        probe.look_now()
    except ValueError:
        clock.now = MAX_AGE_S + 1
    assert probe.look_now().ready


def test_every_state_has_a_word() -> None:
    assert set(STATE_TEXTS) == {"unknown", "ready", "starting", "busy", "down"}
    assert ServerStatus("busy").ready
    assert not ServerStatus("starting").ready

"""Loaded models within their budget of memory, and the catalogue that is read again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from model_server.catalog import BUILT_IN, Catalog, ServableModel
from model_server.engine import Engine
from model_server.items import Item, Ticket
from model_server.shelf import Shelf, Tidy
from model_server.tasks.segment import SegmentModel
from shared.contracts.model_server import SegmentOptions
from tests.model_server.conftest import BrightnessRuntime, brightness_card
from tests.model_server.pictures import encode, noise

MEBI = 2**20


def model(name: str, memory_mb: int = 100, version: str = "1.0.0", print_: str = "") -> Any:
    limits = brightness_card().limits.model_copy(update={"memory_mb": memory_mb})
    card = brightness_card(name=name, version=version, limits=limits)
    return ServableModel(card, BUILT_IN, {}, print_ or f"{name} {version}")


class Loader:
    """Opens fakes and remembers in which order."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.fault: BaseException | None = None

    def __call__(self, servable: ServableModel, threads: int) -> SegmentModel:
        self.opened.append(servable.card.name)
        if self.fault is not None:
            raise self.fault
        return SegmentModel(servable, BrightnessRuntime())


def loaded(shelf: Shelf, models: Sequence[ServableModel]) -> list[str]:
    return [entry.card.name for entry in models if shelf.find(entry) is not None]


def test_the_least_recently_used_model_leaves_first() -> None:
    first, second, third = models = [model(name) for name in ("a", "b", "c")]
    shelf = Shelf(loader := Loader(), 1, 250 * MEBI)
    shelf.open(first)
    shelf.open(second)
    shelf.open(first)
    shelf.open(third)
    assert loaded(shelf, models) == ["a", "c"]
    shelf.open(second)
    assert loaded(shelf, models) == ["b", "c"]
    assert loader.opened == ["a", "b", "c", "b"]


def test_one_model_always_fits() -> None:
    small, huge = model("small"), model("huge", memory_mb=9999)
    shelf = Shelf(Loader(), 1, 250 * MEBI)
    shelf.open(small)
    with shelf.batch() as open_pinned:
        open_pinned(huge)
    assert loaded(shelf, [small, huge]) == ["huge"]


def test_no_model_leaves_while_a_batch_runs_that_uses_it() -> None:
    first, second, third = models = [model(name) for name in ("a", "b", "c")]
    shelf = Shelf(Loader(), 1, 150 * MEBI)
    with shelf.batch() as open_pinned:
        open_pinned(first)
        open_pinned(second)
        with shelf.batch() as other:
            other(first)
        shelf.open(third)
        assert loaded(shelf, models) == ["a", "b", "c"]
    assert loaded(shelf, models) == ["c"]


def test_nothing_is_kept_of_batches_that_ended() -> None:
    shelf = Shelf(Loader(), 1, 999 * MEBI)
    for number in range(3):
        with shelf.batch() as open_pinned:
            open_pinned(model("a", print_=f"{number}"))
            open_pinned(model("a", print_=f"{number}"))
    assert not shelf._pins


def test_a_model_of_the_old_catalogue_stays_until_its_batch_ends() -> None:
    old, new = model("a", print_="old"), model("a", print_="new")
    shelf = Shelf(Loader(), 1, 999 * MEBI)
    with shelf.batch() as open_pinned:
        open_pinned(old)
        shelf.open(new)
        shelf.keep_only([new])
        assert shelf.find(old) is not None
    assert shelf.find(old) is None
    assert shelf.find(new) is not None


def test_a_model_that_would_not_load_is_tried_again_only_with_a_new_catalogue() -> None:
    broken = model("a")
    shelf = Shelf(loader := Loader(), 1, 999 * MEBI)
    loader.fault = ValueError("bad weights")
    with pytest.raises(ValueError, match="bad weights"):
        shelf.open(broken)
    assert shelf.is_broken(broken)
    shelf.keep_only([broken])
    assert not shelf.is_broken(broken)


def test_without_memory_a_model_is_not_broken() -> None:
    large = model("a")
    shelf = Shelf(loader := Loader(), 1, 999 * MEBI)
    loader.fault = MemoryError()
    with pytest.raises(MemoryError):
        shelf.open(large)
    assert not shelf.is_broken(large)
    loader.fault = None
    assert shelf.open(large)


def test_a_reload_loads_first_and_switches_then() -> None:
    old, new = model("a", version="1.0.0"), model("a", version="1.1.0")
    seen: list[str] = []

    def open_(servable: ServableModel, threads: int) -> SegmentModel:
        seen.append(f"{servable.card.version} with {engine.catalog.models[0].card.version}")
        return SegmentModel(servable, BrightnessRuntime())

    engine = Engine(Catalog((old,)), ["a"], lambda: 0.0, opener=open_)
    engine.warm_up()
    engine.replace_catalog(lambda: Catalog((new,)))
    assert seen == ["1.0.0 with 1.0.0", "1.1.0 with 1.0.0"]
    assert engine.resolve("segment", "a", None) is new
    assert engine.shelf.find(old) is None


def test_a_catalogue_that_cannot_be_read_changes_nothing() -> None:
    old = model("a")
    engine = Engine(Catalog((old,)), [], lambda: 0.0, opener=Loader())

    def fail() -> Catalog:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        engine.replace_catalog(fail)
    assert engine.catalog.models == (old,)


def test_a_batch_under_way_keeps_the_model_of_its_ticket() -> None:
    old, new = model("a", print_="old"), model("a", version="2.0.0")
    started, go = threading.Event(), threading.Event()

    class Slow(BrightnessRuntime):
        def predict(self, inputs: Sequence[Any]) -> list[Any]:
            if self.batches:  # not the warm-up
                started.set()
                assert go.wait(20)
            return super().predict(inputs)

    engine = Engine(
        Catalog((old,)), [], lambda: 0.0, opener=lambda found, _: SegmentModel(found, Slow())
    )
    options = SegmentOptions(model="a", gsd_m=0.1)
    item = Item(Ticket("request", options, old, 0.0, 1), 0, encode(noise()))
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.extend(engine.run("segment", [item])))
    thread.start()
    assert started.wait(20)
    engine.replace_catalog(lambda: Catalog((new,)))
    go.set()
    thread.join(20)
    assert outcomes[0].identity.version == "1.0.0"
    assert outcomes[0].result.value.value.instances


def test_the_setting_caps_every_batch(tmp_path: Path) -> None:
    runtime = BrightnessRuntime()
    servable = model("a")
    engine = Engine(
        Catalog((servable,)),
        [],
        lambda: 0.0,
        opener=lambda found, _: SegmentModel(found, runtime),
        most=2,
    )
    ticket = Ticket("request", SegmentOptions(model="a", gsd_m=0.1), servable, 0.0, 5)
    engine.run("segment", [Item(ticket, place, encode(noise())) for place in range(5)])
    assert runtime.batches[1:] == [2, 2, 1]


def test_memory_is_handed_back_now_and_then() -> None:
    times: list[float] = []
    now = 0.0
    tidy = Tidy(10, lambda: times.append(now))
    for step in range(50):
        now = step / 2
        tidy.after_batch(now)
    assert times == [0, 10, 20]

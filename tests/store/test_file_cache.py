"""Copies on this machine: bounded, and never taken away from whoever uses them."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from shared.store.file_cache import IN_USE_S, LONGEST_UNUSED_S, FileCache


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(tmp_path: Path, clock: Clock) -> FileCache:
    return FileCache(tmp_path, limit_bytes=250, clock=clock)


def keep(cache: FileCache, key: str, clock: Clock) -> Path:
    path = cache.keep(cache.write("herten", b"x" * 100).path, key)
    clock.now += 700
    cache.find(key)
    return path


def test_the_longest_unused_copies_go_above_the_limit(cache: FileCache, clock: Clock) -> None:
    paths = [keep(cache, f"herten/{number}", clock) for number in range(4)]
    clock.now += IN_USE_S
    cache.find("herten/0")
    cache.trim()
    assert [path.exists() for path in paths] == [True, False, False, True]


def test_copies_in_use_stay_above_the_limit(cache: FileCache, clock: Clock) -> None:
    paths = [keep(cache, f"herten/{number}", clock) for number in range(4)]
    cache.trim()
    assert all(path.exists() for path in paths)


def test_unused_copies_go_below_the_limit(cache: FileCache, clock: Clock) -> None:
    path = keep(cache, "herten/0", clock)
    clock.now += LONGEST_UNUSED_S - 10
    cache.trim()
    assert path.exists()
    clock.now += 20
    cache.trim()
    assert not path.exists()


def test_storing_trims_by_itself(cache: FileCache, clock: Clock) -> None:
    path = keep(cache, "herten/0", clock)
    clock.now += LONGEST_UNUSED_S + 10
    keep(cache, "herten/1", clock)
    assert not path.exists()


def test_a_copy_can_be_forgotten(cache: FileCache, clock: Clock) -> None:
    keep(cache, "herten/0", clock)
    assert cache.forget("herten/0")
    assert not cache.forget("herten/0")
    assert cache.find("herten/0") is None


def test_copies_of_another_account_do_not_stop_the_making_of_room(
    cache: FileCache,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    theirs, ours = (keep(cache, f"herten/{name}", clock) for name in ("theirs", "ours"))
    clock.now += LONGEST_UNUSED_S + 10
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path == theirs:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    cache.trim()
    assert (theirs.exists(), ours.exists()) == (True, False)
    assert caplog.text.count("belongs to another account") <= 1


def test_a_copy_of_another_account_is_none(
    cache: FileCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(_: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "stat", refuse)
    assert cache.find("a/one") is None
    assert cache.find("a/two") is None
    assert FileCache(tmp_path).find("a/three") is None
    assert caplog.text.count("belongs to another account") == 1, "every copy has the same fault"

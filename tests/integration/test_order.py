"""The tests that share the running gallery come in a row and in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.order import FOLDER, GALLERY, OneGallery, rank, shares_the_gallery

SHARING = ("audit", "border", "crash", "identity", "jobs", "journeys", "planted")
ALONE = ("administration", "kiosk", "pages_by_cookie", "tenth_app", "two_processes")


def browser_test(name: str) -> Path:
    return FOLDER / "e2e" / f"test_{name}.py"


def uses_the_gallery(item: pytest.Item) -> bool:
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs.get("gallery", ())  # noqa: B009
    return "gallery" in getattr(item, "fixturenames", ()) and fixtures[-1].baseid == GALLERY


def test_files_that_share_the_gallery_are_known() -> None:
    assert all(shares_the_gallery(browser_test(name)) for name in SHARING)
    assert not any(shares_the_gallery(browser_test(name)) for name in ALONE)
    assert not shares_the_gallery(Path(__file__))


def test_whoever_uses_the_gallery_is_among_them(request: pytest.FixtureRequest) -> None:
    """Of the tests that were collected."""
    users = {item.path for item in request.session.items if uses_the_gallery(item)}
    assert [path.name for path in sorted(users) if not shares_the_gallery(path)] == []


def test_they_come_first_and_the_jobs_beside_them() -> None:
    places = [rank(browser_test("audit")), rank(FOLDER / "jobs" / "test_words.py")]
    places += [rank(browser_test("kiosk")), rank(FOLDER / "store" / "test_ids.py")]
    assert places == sorted(set(places))


def test_one_process_gets_them_all() -> None:
    scheduler = object.__new__(OneGallery)
    scopes = {scheduler._split_scope(f"tests/e2e/test_{name}.py::test_x[a::b]") for name in SHARING}
    assert scopes == {GALLERY}
    alone = "tests/e2e/test_kiosk.py"
    assert scheduler._split_scope(f"{alone}::test_x") == alone

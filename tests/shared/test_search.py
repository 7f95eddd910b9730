"""Search on the start page: umlauts, spelling, one typo."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from shared.ui.search import fold, is_within_one_typo, rank_apps
from tests.shared.app_folders import make_app


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> list[AppManifest]:
    folder: Path = tmp_path_factory.mktemp("apps")
    make_app(
        folder,
        "sonne",
        title="Sonnenblick",
        tagline="Solaranlagen auf Dächern finden",
        keywords='"Photovoltaik", "Solar", "Dächer"',
        municipality="Kreis Unna",
    )
    make_app(
        folder,
        "papier",
        title="ArchivAIr",
        tagline="Alte Akten lesen",
        keywords='"Archiv", "Texterkennung", "Bauakte"',
        topic="verwaltung",
    )
    return manifests(folder)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["sonne", "papier"]),
        ("solr", ["sonne"]),
        ("Dächer", ["sonne"]),
        ("daecher", ["sonne"]),
        ("DÄCHER", ["sonne"]),
        ("photovoltiak", ["sonne"]),
        ("PV", ["sonne"]),
        ("unna", ["sonne"]),
        ("ocr", ["papier"]),
        ("archiv", ["papier"]),
        ("archv", ["papier"]),
        ("bau", ["papier"]),
        ("alte akten", ["papier"]),
        ("alte solar", []),
        ("xyz", []),
        ("<script>alert(1)</script>", []),
        ("?!", ["sonne", "papier"]),
    ],
)
def test_queries(apps: list[AppManifest], query: str, found: list[str]) -> None:
    assert [hit.manifest.id for hit in rank_apps(query, apps)] == found


def test_title_counts_more_than_tagline(apps: list[AppManifest]) -> None:
    assert rank_apps("archivair", apps)[0].score > rank_apps("akten", apps)[0].score


def test_folding() -> None:
    assert fold("Größe ÜBER Ärger é") == "groesse ueber aerger e"
    assert fold("A\u0308pfel") == fold("Äpfel") == "aepfel"


@pytest.mark.parametrize(
    ("typed", "word", "near"),
    [
        ("solar", "solar", True),
        ("solr", "solar", True),
        ("soolar", "solar", True),
        ("sohar", "solar", True),
        ("sloar", "solar", True),
        ("slora", "solar", False),
        ("sol", "solar", False),
        ("", "ab", False),
    ],
)
def test_one_typo(typed: str, word: str, near: bool) -> None:
    assert is_within_one_typo(typed, word) is near
    assert is_within_one_typo(word, typed) is near


@given(st.text("abcde", min_size=5, max_size=10), st.integers(0, 9), st.sampled_from("abcde"))
def test_any_single_change_is_one_typo(word: str, place: int, letter: str) -> None:
    place %= len(word)
    assert is_within_one_typo(word[:place] + word[place + 1 :], word)
    assert is_within_one_typo(word[:place] + letter + word[place:], word)
    assert is_within_one_typo(word[:place] + letter + word[place + 1 :], word)


@given(st.text(max_size=300))
def test_any_query_is_harmless(apps: list[AppManifest], query: str) -> None:
    assert {hit.manifest.id for hit in rank_apps(query, apps)} <= {"sonne", "papier"}

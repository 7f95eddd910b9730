"""The search: index files, tolerance to misread letters, synonyms, places on the page."""

import sqlite3

import pytest

from apps.archivair.errors import ReadingUnusable
from apps.archivair.index import IndexedWord, IndexMaker, SearchIndex, trigrams
from apps.archivair.search import Query, excerpt, search_pages
from apps.archivair.search_synonyms import shown_word, synonyms

PAGES = (
    "Bauſchein für das Grundſtück Mühlenſtraße 12\nFlur 7 Flurſtück 116/3",
    "Grundriss Erdgeschoss\nKüche Bad Flur 1957",
    "An die Baupolizei in der Stadt\nBetr.: Baugeneh-\nmigung für eine Waschküche",
    "Gebührenbescheid 184,50 DM für Herrn Müller, Muhlenstrase 14, Haus 112",
    "",
)


def lines_from(text):
    """Lines of words in a raster of 100 x 20 pixels."""
    return [
        tuple(
            IndexedWord(word, (100 * column, 20 * row, 100 * column + 90, 20 * row + 18))
            for column, word in enumerate(line.split())
        )
        for row, line in enumerate(text.splitlines())
    ]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "suche.sqlite"
    with IndexMaker(path) as maker:
        for number, text in enumerate(PAGES, 1):
            maker.add(number, lines_from(text))
    return SearchIndex(path)


def found(index, text, **more):
    return [hit.page for hit in search_pages(index, Query(text), **more)]


@pytest.mark.parametrize(
    "text", ["Muehlenstrasse", "Mühlenstraße", "MÜHLENSTRASSE", "Mühlenſtraße"]
)
def test_every_spelling_finds_the_street_and_the_true_one_comes_first(index, text):
    assert found(index, text) == [1, 4]


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Müblenftraße", 1),
        ("Grunbriss Erdgefchoss", 2),
        ("Waschkuche", 3),
        ("Gebuhrcnbescheid", 4),
        ("Baugenehmigung Waschküche", 3),
        ("Flurstück 116/3", 1),
        ("184,50", 4),
        ("Bad", 2),
        ("7", 1),
    ],
)
def test_misread_broken_and_short_words_are_found(index, text, page):
    assert found(index, text)[0] == page


def test_numbers_are_not_found_inside_other_numbers(index):
    assert found(index, "12") == [1]
    assert found(index, "1957") == [2]
    assert found(index, "1958") == []
    assert found(index, "957") == []


def test_what_is_on_no_page_is_not_found(index):
    assert found(index, "Straßenbahn Haltestelle") == []
    assert found(index, "xylophon") == []


@pytest.mark.parametrize("text", ["", "   ", "§ – „“", '"', '""" OR *', "(", "a' OR 1=1 --"])
def test_marks_are_no_language_of_the_database(index, text):
    assert found(index, text) in ([], [1, 2, 3, 4], [1], [2], [3], [4])


def test_a_word_of_the_same_meaning_is_found_below_the_word_itself(index):
    first, second = search_pages(index, Query("Bauschein"))
    assert (first.page, first.others) == (1, ())
    assert (second.page, second.others) == (3, ("baugenehmigung",))
    assert first.score > second.score
    assert shown_word("baugenehmigung") == "Baugenehmigung"
    assert "bauschein" in synonyms()["baugenehmigung"]


def test_a_page_with_half_of_the_words_is_a_hit_that_names_the_others(index):
    (first, *_) = search_pages(index, Query("Gebührenbescheid Grundriss"))
    assert first.page == 4
    assert first.missing == ("grundriss",)


def test_words_side_by_side_are_found_though_each_is_misread(tmp_path):
    path = tmp_path / "suche.sqlite"
    with IndexMaker(path) as maker:
        maker.add(1, lines_from("Az. 34q 638 12B vom Amt"))
        maker.add(2, lines_from("Az. 344 977 501 vom Amt"))
    hits = search_pages(SearchIndex(path), Query("344 638 123"))
    assert [hit.page for hit in hits] == [1]
    marks = excerpt(hits[0], lines_from("Az. 34q 638 12B vom Amt")).marks
    assert [word.text for word in marks] == ["34q", "638", "12B"]


def test_only_asked_pages_are_searched(index):
    assert found(index, "Mühlenstraße", pages={2, 4}) == [4]
    assert found(index, "Mühlenstraße", pages=set()) == []
    assert found(index, "Bad", pages={1}) == []


def test_the_words_of_a_hit_have_their_places(index):
    (hit, *_) = search_pages(index, Query("Muehlenstrasse 12"))
    shown = excerpt(hit, index.lines(1))
    assert [word.text for word in shown.marks] == ["Mühlenſtraße", "12"]
    assert shown.marks[0].box == (400, 0, 490, 18)
    assert ("Mühlenſtraße", True) in shown.parts
    assert ("Grundſtück", False) in shown.parts


def test_a_short_word_is_marked_beside_the_others_and_not_wherever_it_stands(tmp_path):
    path = tmp_path / "suche.sqlite"
    text = "Heft 2 der Akte, angelegt im Archiv der Stadt\nSeilergasse 2\nund noch 2 Blatt mehr"
    with IndexMaker(path) as maker:
        maker.add(1, lines_from(text))
    (hit,) = search_pages(SearchIndex(path), Query("Seilergasse 2"))
    marks = excerpt(hit, lines_from(text)).marks
    assert [(word.text, word.box[1]) for word in marks] == [("Seilergasse", 20), ("2", 20)]


def test_a_broken_word_is_marked_on_both_lines(index):
    (hit,) = search_pages(index, Query("Baugenehmigung"), pages={3})
    marks = excerpt(hit, index.lines(3)).marks
    assert [word.text for word in marks] == ["Baugeneh-", "migung"]
    assert [word.box[1] for word in marks] == [20, 40]


def test_a_find_across_words_marks_no_neighbour(index):
    (hit,) = search_pages(index, Query("Muehlenstrasse"), pages={4})
    assert [word.text for word in excerpt(hit, index.lines(4)).marks] == ["Muhlenstrase"]


def test_what_a_person_corrected_is_found_at_the_place_of_the_field(index):
    corrections = {2: [(IndexedWord("Seilergasse", (5, 6, 7, 8)),)]}
    (hit,) = search_pages(index, Query("Seilergasse"), corrections=corrections)
    shown = excerpt(hit, [*index.lines(2), *corrections[2]])
    assert hit.page == 2
    assert [(word.text, word.box) for word in shown.marks] == [("Seilergasse", (5, 6, 7, 8))]
    assert found(index, "Seilergasse", corrections=corrections, pages={1}) == []


def test_the_same_pages_make_the_same_file(tmp_path, index):
    paths = [tmp_path / name for name in ("a.sqlite", "b.sqlite")]
    for path in paths:
        with IndexMaker(path) as maker:
            for number, text in enumerate(PAGES, 1):
                maker.add(number, lines_from(text))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert SearchIndex(paths[0]).numbers() == index.numbers() == [1, 2, 3, 4, 5]
    assert index.lines(5) == () == index.lines(99)


def test_other_files_are_refused(tmp_path):
    text, other = tmp_path / "text.sqlite", tmp_path / "other.sqlite"
    text.write_text("no database " * 100)
    sqlite3.connect(other).close()
    for path in (text, other, tmp_path / "missing.sqlite"):
        with pytest.raises(ReadingUnusable):
            SearchIndex(path)


def test_many_trigrams_are_thinned_out_evenly():
    text = "".join(chr(0x4E00 + place) for place in range(500))
    assert len(trigrams([text])) <= 64
    assert trigrams(["ab cd", "ab"]) == ["ab ", "b c", " cd"]
    assert trigrams(['a"b']) == ['a""b']

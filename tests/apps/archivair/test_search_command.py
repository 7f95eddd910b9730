"""`search` over the results of `process`: hits with places, filters, and hostile folders."""

import json
import os

import pytest

from apps.archivair import search_folder
from apps.archivair.__main__ import main
from apps.archivair.alto import to_alto
from apps.archivair.batch.contents import (
    Batch,
    BatchInput,
    BatchPage,
    Document,
    FieldValue,
    PropertyFile,
    encode_batch,
)
from apps.archivair.errors import ResultsUnusable
from apps.archivair.outputs import page_json
from apps.archivair.search_command import add_search, search
from apps.archivair.search_facts import SearchFilter, pages_of
from shared.command_line import GermanParser
from shared.errors import InputError
from tests.apps.archivair.batch.streams import kept

BLOCKS = (
    [[["Bauschein", "für", "die", "Mühlenſtraße", "12"]]],
    [[["Gebührenbescheid", "Müller"], ["184,50", "DM"]]],
    [[["Baugesuch", "Seilergasse", "2"]]],
)


def kept_pages():
    return [
        kept([[" ".join(line) for line in block] for block in blocks], index=number)
        for number, blocks in enumerate(BLOCKS, 1)
    ]


def found_value(name, value, page, rule="strasse"):
    return FieldValue(name, value, value, page, (100.0, 200.0, 300.0, 224.0), 0.9, rule, False)


def a_batch(*more_fields):
    """Three documents of one page: two of the Mühlenstraße, one of the Seilergasse."""
    classes = ("genehmigung", "gebuehr", "bauantrag")
    fields = (
        (found_value("datum_genehmigung", "1957-05-03", 1),),
        (),
        (found_value("datum_antrag", "1911", 3), *more_fields),
    )
    mill = {
        "strasse": "Mühlenstraße",
        "hausnummer": "12",
        "flur": "7",
        "flurstueck": "116/3",
    }
    return Batch(
        schema="archivair-batch/1",
        inputs=(BatchInput("akte.pdf", "a" * 64, 3),),
        pages=tuple(
            BatchPage(
                number, 1, f"akte_p{number:04d}", name, {}, (), 0, "antiqua", True, 1.0, number
            )
            for number, name in enumerate(classes, 1)
        ),
        documents=tuple(
            Document(number, number, number, name, 0.9, fields[number - 1])
            for number, name in enumerate(classes, 1)
        ),
        files=(PropertyFile(mill, (1, 2)), PropertyFile({"strasse": "Seilergasse"}, (3,))),
        needs_review=(),
        models=(),
        seconds=1.0,
    )


@pytest.fixture
def folder(tmp_path):
    """The results of `process`: batch.json and the files of three pages."""
    root = tmp_path / "ergebnis"
    (root / "pages").mkdir(parents=True)
    (root / "batch.json").write_bytes(encode_batch(a_batch()))
    for page in kept_pages():
        content = json.dumps(page_json(page.reading, page.identity))
        (root / "pages" / f"{page.identity.stem}.json").write_text(content)
    return root


def options(folder, query="Muehlenstrasse", *more):
    parser = GermanParser(prog="archivair")
    add_search(parser.add_subparsers(dest="command"))
    return parser.parse_args(["search", query, "--index", str(folder), *more])


def searched(capsys, folder, *words):
    assert search(options(folder, *words)) == 0
    *_, last = capsys.readouterr().out.splitlines()
    return json.loads(last)


def test_a_hit_names_page_document_property_and_places(capsys, folder):
    found = searched(capsys, folder)
    (hit,) = found["hits"]
    assert (found["pages"], found["hits_total"], found["query"]) == (3, 1, "Muehlenstrasse")
    assert (hit["rank"], hit["page"], hit["stem"]) == (1, 1, "akte_p0001")
    assert (hit["document"], hit["class"], hit["years"]) == (1, "genehmigung", [1957])
    assert hit["property"]["strasse"] == "Mühlenstraße"
    assert [mark["text"] for mark in hit["marks"]] == ["Mühlenſtraße"]
    words = [word for line in kept_pages()[0].reading.lines for word in line.words]
    assert hit["marks"][0]["bbox_px"] == list(words[3].box)
    assert hit["score"] == 1.0


def test_synonyms_and_missing_words_are_named(capsys, folder):
    first, second = searched(capsys, folder, "Bauantrag Bauschein")["hits"]
    assert {first["page"], second["page"]} == {1, 3}
    by_page = {hit["page"]: hit for hit in (first, second)}
    assert by_page[3]["synonyms"] == ["Baugesuch"]
    assert by_page[3]["missing"] == ["bauschein"]


def test_nothing_found_is_no_error_and_the_limit_counts(capsys, folder):
    assert searched(capsys, folder, "Sternwarte")["hits"] == []
    found = searched(capsys, folder, "Bauantrag Bauschein", "--limit", "1")
    assert len(found["hits"]) == 1 < found["hits_total"]


@pytest.mark.parametrize(
    ("words", "pages"),
    [
        (("--class", "gebuehr"), [2]),
        (("--street", "Muehlenstr"), [1, 2]),
        (("--street", "Seilergaße"), [3]),
        (("--flur", "07"), [1, 2]),
        (("--plot", "116"), [1, 2]),
        (("--plot", "116/4"), []),
        (("--first-year", "1950", "--last-year", "1960"), [1]),
        (("--last-year", "1920"), [3]),
        (("--class", "bauantrag", "--first-year", "1950"), []),
    ],
)
def test_filters_narrow_to_documents(folder, words, pages):
    chosen = options(folder, "x", *words)
    wanted = SearchFilter(
        frozenset(chosen.classes), chosen.first_year, chosen.last_year, chosen.street,
        chosen.flur, chosen.plot,
    )  # fmt: skip
    assert sorted(pages_of(a_batch(), wanted)) == pages


def test_filters_hold_for_the_command(capsys, folder):
    found = searched(capsys, folder, "Bauschein Gebührenbescheid", "--class", "gebuehr")
    assert [hit["page"] for hit in found["hits"]] == [2]


def test_a_corrected_field_is_found_where_the_field_is(capsys, folder):
    corrected = found_value("strasse", "Tuchmacherweg", 3, rule="person")
    (folder / "batch.json").write_bytes(encode_batch(a_batch(corrected)))
    (hit,) = searched(capsys, folder, "Tuchmacherweg")["hits"]
    assert (hit["page"], hit["marks"][0]["bbox_px"]) == (3, [100.0, 200.0, 300.0, 224.0])


def test_alto_does_where_json_is_missing_and_a_page_without_both_is_named(capsys, folder):
    first, *_ = kept_pages()
    alto = to_alto(first.reading, "akte.pdf", "a" * 64, 1)
    (folder / "pages" / "akte_p0001.json").unlink()
    (folder / "pages" / "akte_p0001.alto.xml").write_text(alto)
    (folder / "pages" / "akte_p0002.json").unlink()
    found = searched(capsys, folder)
    assert [hit["page"] for hit in found["hits"]] == [1]
    words = [word for line in first.reading.lines for word in line.words]
    assert found["hits"][0]["marks"][0]["bbox_px"] == list(words[3].box)
    assert found["pages_without_text"] == [2]


def foreign_batch(folder):
    (folder / "batch.json").write_text('{"schema": "something/1"}')


def deep_json(folder):
    (folder / "batch.json").write_text("[" * 200_000)


def no_batch(folder):
    (folder / "batch.json").unlink()


def linked_batch(folder):
    (folder / "batch.json").rename(folder.parent / "other.json")
    (folder / "batch.json").symlink_to(folder.parent / "other.json")


def linked_pages(folder):
    (folder / "pages").rename(folder.parent / "elsewhere")
    (folder / "pages").symlink_to(folder.parent / "elsewhere")


def linked_page(folder):
    (folder / "pages" / "akte_p0001.json").unlink()
    (folder / "pages" / "akte_p0001.json").symlink_to("/etc/hostname")


def pipe(folder):
    (folder / "pages" / "akte_p0001.json").unlink()
    os.mkfifo(folder / "pages" / "akte_p0001.json")


def foreign_page(folder):
    (folder / "pages" / "akte_p0001.json").write_text('{"schema": "archivair-page/1"}')


def endless_box(folder):
    path = folder / "pages" / "akte_p0001.json"
    path.write_text(path.read_text().replace('"bbox_px": [60,', '"bbox_px": [1e999,'))


def way_out(folder):
    path = folder / "batch.json"
    path.write_text(path.read_text().replace('"akte_p0001"', '"../../geheim"'))


def same_page_twice(folder):
    path = folder / "batch.json"
    content = json.loads(path.read_text())
    content["pages"].append(content["pages"][0])
    path.write_text(json.dumps(content))


def endless_document(folder):
    path = folder / "batch.json"
    content = json.loads(path.read_text())
    content["documents"] = [content["documents"][0] | {"first_page": 5, "last_page": 10**12}]
    path.write_text(json.dumps(content))


def bomb(folder):
    (folder / "pages" / "akte_p0001.json").unlink()
    (folder / "pages" / "akte_p0001.alto.xml").write_text(
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha">]><alto>&x;</alto>'
    )


def bomb_in_another_encoding(folder):
    (folder / "pages" / "akte_p0001.json").unlink()
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "ha">]><alto>&x;</alto>'
    (folder / "pages" / "akte_p0001.alto.xml").write_bytes(text.encode("utf-16"))


def foreign_xml(folder):
    (folder / "pages" / "akte_p0001.json").unlink()
    (folder / "pages" / "akte_p0001.alto.xml").write_text("<html><p>x</html>")


@pytest.mark.parametrize(
    "spoil",
    [
        foreign_batch, deep_json, no_batch, linked_batch, linked_pages, linked_page, pipe,
        foreign_page, endless_box, way_out, same_page_twice, endless_document, bomb,
        bomb_in_another_encoding, foreign_xml,
    ],
)  # fmt: skip
def test_hostile_folders_are_refused_in_one_sentence(capsys, folder, spoil):
    spoil(folder)
    with pytest.raises(ResultsUnusable) as refused:
        search(options(folder))
    assert str(refused.value).startswith("Der Ordner „ergebnis“ lässt sich nicht durchsuchen. ")
    assert "\n" not in str(refused.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(ResultsUnusable):
        search(options(tmp_path / name))


def test_large_files_are_refused(folder, monkeypatch):
    monkeypatch.setattr(search_folder, "MOST_FILE_BYTES", 100)
    with pytest.raises(ResultsUnusable, match="zu groß"):
        search(options(folder))
    monkeypatch.setattr(search_folder, "MOST_FILE_BYTES", 2**20)
    monkeypatch.setattr(search_folder, "MOST_BYTES", 1000)
    with pytest.raises(ResultsUnusable, match="zu groß"):
        search(options(folder))


@pytest.mark.parametrize(
    "words", [("§ –",), ("x", "--limit", "0"), ("x", "--limit", "5000"), ("x", "--class", "brief")]
)
def test_bad_words_are_refused(folder, words):
    with pytest.raises(InputError):
        search(options(folder, *words))


def test_the_call_ends_with_two_and_one_line(capsys, folder, monkeypatch, tmp_path):
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    (folder / "batch.json").write_text("{}")
    assert main(["search", "Bauschein", "--index", str(folder)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("Der Ordner „ergebnis“ lässt sich nicht durchsuchen. ")

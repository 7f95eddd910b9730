"""Address fields, signatures, repeated values and what the whole file says."""

from collections.abc import Sequence
from datetime import date

import pytest

from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.dates import guess_years
from apps.archivair.documents.field_confidence import Field, choose_fields
from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.grouping import FoundFile
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.stream_measures import (
    FoundStream,
    StreamCounts,
    accuracy,
    f1,
    interval,
    macro,
    measure_stream,
    read_stream,
    summed,
)
from apps.archivair.documents.training_data import LabelledPage
from apps.archivair.evaluate_documents import Part, report
from tests.apps.archivair.documents.pages import (
    ACCEPTANCE_1961,
    APPLICATION_2018,
    PERMIT_1957,
    written_page,
)

NOTICE = """
Stadt Musterstadt - Bauordnungsamt

Frau
Petra Neumann
Ringstraße 5
45678 Musterstadt

Baugenehmigung
Ihr Vorhaben wird genehmigt.
"""
OLD_NOTICE = """
Herrn Wilhelm Kramer
Lindenstraße 7
Musterstadt

Bauschein
"""
LETTER = """
Gespräch mit Karl Schmitz wegen der Gartenstraße 14 a
Der Bauschein vom 12.08.1957 liegt vor, Zeichen 63-1/00412/57.
Auch Gartenstraße 99 wurde erwähnt.
"""


def classified(name: str) -> ClassifiedPage:
    return ClassifiedPage(tuple(float(one == name) for one in class_ids()))


def found_in(texts: Sequence[tuple[str, str]]) -> list[Candidate]:
    pages = [written_page(text, number) for number, (text, _) in enumerate(texts, 1)]
    return find_candidates(pages, [classified(name) for _, name in texts])


def values(found: Sequence[Candidate], page: int) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {}
    for one in found:
        if one.page == page:
            result.setdefault(one.name, set()).add(one.value)
    return result


def test_an_address_field_names_the_applicant_postcode_and_town() -> None:
    found = values(found_in([(NOTICE, "genehmigung")]), 1)
    assert found["bauherr"] == {"Petra Neumann"}
    assert (found["plz"], found["ort"]) == ({"45678"}, {"Musterstadt"})
    assert "strasse" not in found


def test_towns_stood_without_postcode_before_1941() -> None:
    found = values(found_in([(OLD_NOTICE, "genehmigung")]), 1)
    assert (found["bauherr"], found["ort"]) == ({"Wilhelm Kramer"}, {"Musterstadt"})


@pytest.mark.parametrize("text", ["4711 Mark", "Zahlen 12345 Ziegel", "Herr\nKarl Schmitz\nFlur 7"])
def test_numbers_before_other_words_are_no_postcodes(text: str) -> None:
    assert "plz" not in values(found_in([(text, "gebuehr")]), 1)


def test_who_signs_an_application_is_the_applicant() -> None:
    text = "Bauantrag\nIch bitte um Genehmigung.\n\nHochachtungsvoll\nKarl Schmitz"
    assert values(found_in([(text, "bauantrag")]), 1)["bauherr"] == {"Karl Schmitz"}
    office = "Bauschein\n\nHochachtungsvoll\nIm Auftrag\nSchmitz"
    assert "bauherr" not in values(found_in([(office, "genehmigung")]), 1)


def test_what_a_label_names_is_found_again_where_no_label_stands() -> None:
    found = found_in([(PERMIT_1957, "genehmigung"), (LETTER, "schriftverkehr")])
    again = values(found, 2)
    assert again["bauherr"] == {"Karl Schmitz"}
    assert again["aktenzeichen"] == {"63-1/00412/57"}
    assert again["strasse"] == {"Gartenstraße"}
    assert again["hausnummer"] == {"14a"}
    assert again["datum_genehmigung"] == {"1957-08-12"}


def test_repeated_values_have_a_box_of_their_words() -> None:
    found = found_in([(PERMIT_1957, "genehmigung"), (LETTER, "schriftverkehr")])
    page = written_page(LETTER, 2)
    words = [word for line in page.lines for word in line.words]
    for one in [one for one in found if one.page == 2]:
        left, top, right, bottom = one.box
        inside = " ".join(
            word.text
            for word in words
            if left <= word.box[0] < right and top <= word.box[1] < bottom
        )
        assert one.raw in inside


def test_nothing_is_repeated_over_many_pages() -> None:
    between = [("Vermerk\nnichts", "schriftverkehr")] * 90
    found = found_in([(PERMIT_1957, "genehmigung"), *between, (LETTER, "schriftverkehr")])
    assert "bauherr" not in values(found, 92)


def test_a_misread_name_takes_the_spelling_of_the_file() -> None:
    misread = PERMIT_1957.replace("Karl Schmitz", "Karl Schmlltz")
    texts = [(PERMIT_1957, "genehmigung"), (ACCEPTANCE_1961, "abnahme"), (misread, "genehmigung")]
    chosen = choose_fields(found_in(texts), {1: 1, 2: 2, 3: 3})
    field = next(one for one in chosen[3] if one.name == "bauherr")
    assert field.value == "Karl Schmitz"
    assert field.normalised


def test_figures_that_were_read_surely_stay() -> None:
    other = PERMIT_1957.replace("Flur:             3", "Flur:             8")
    texts = [(PERMIT_1957, "genehmigung"), (PERMIT_1957, "genehmigung"), (other, "genehmigung")]
    chosen = choose_fields(found_in(texts), {1: 1, 2: 2, 3: 3})
    assert next(one for one in chosen[3] if one.name == "flur").value == "8"


def test_each_page_of_a_stream_has_the_year_of_its_own_file() -> None:
    old = "Baugesuch vom 3. Mai 1909\nGebühr 12 Mk."
    new = "Antrag vom 3.5.09\nHerstellungskosten 400.000 EUR"
    assert [abs(year - right) < 12 for year, right in zip(
        guess_years([old] * 3 + [new] * 3), [1909] * 3 + [2009] * 3, strict=True
    ) if year is not None] == [True] * 6  # fmt: skip


def labelled(text: str, name: str, number: int, document: int, file: int) -> LabelledPage:
    fields = {"bauherr": frozenset({"Karl Schmitz"})} if "Schmitz" in text else {}
    return LabelledPage(written_page(text, number), name, document, file, fields)


def measured() -> StreamCounts:
    """Three true documents in two files; found: the first two as one, the last class wrong."""
    stream = [
        labelled(PERMIT_1957, "genehmigung", 1, 1, 1),
        labelled(ACCEPTANCE_1961, "abnahme", 2, 2, 1),
        labelled(APPLICATION_2018, "bauantrag", 3, 3, 2),
    ]
    box, whole = (0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 1654.0, 2339.0)
    found = FoundStream(
        classes=[classified("genehmigung"), classified("abnahme"), classified("foto")],
        starts=[True, False, True],
        documents={1: 1, 2: 1, 3: 2},
        files=[FoundFile({}, (1,)), FoundFile({}, (2,))],
        fields={
            1: [Field("bauherr", "Karl Schmitz", "Karl Schmitz", 1, whole, 0.9, "bauherr", False)],
            2: [Field("bauherr", "Anna", "Anna", 3, box, 0.4, "bauherr", False)],
        },
    )
    return measure_stream(stream, found)


def test_a_stream_is_measured_as_counts() -> None:
    counts = measured()
    assert counts.sums["boundary"].tolist() == [1, 1, 2]
    assert counts.sums["exact_documents"].tolist() == [1, 2, 3]
    assert accuracy(counts.sums["confusion"]) == pytest.approx(2 / 3)
    assert macro(counts.sums["confusion"]) == pytest.approx(2 / 3)
    assert counts.sums["files"].tolist() == [2, 2, 2]
    assert counts.sums["field:bauherr"].tolist() == [2, 3, 2]
    assert counts.sums["source_boxes"].tolist() == [1, 2, 2]
    assert counts.fields == [(0.9, True, "bauherr"), (0.4, False, "bauherr")]


def test_counts_of_streams_add_up_and_have_an_interval() -> None:
    counts = [measured(), measured()]
    doubled = summed(counts, "boundary")
    assert doubled is not None
    assert doubled.tolist() == [2, 2, 4]
    assert f1(doubled) == pytest.approx(2 / 3)
    assert interval(counts, "boundary", f1) == pytest.approx((2 / 3, 2 / 3))
    assert summed(counts, "unknown") is None


def test_a_stream_is_read_from_end_to_end() -> None:
    pages = [written_page(text, number) for number, text in enumerate(
        (PERMIT_1957, APPLICATION_2018), 1
    )]  # fmt: skip
    found = read_stream(pages)
    assert [one.best for one in found.classes] == ["genehmigung", "bauantrag"]
    assert found.starts == [True, True]
    assert [one.documents for one in found.files] == [(1,), (2,)]
    assert {one.name: one.value for one in found.fields[1]}["flur"] == "3"


def test_the_report_has_figures_with_numbers_seeds_and_intervals() -> None:
    part = Part("print", [measured(), measured()], 6, 0.06)
    content = report([part], "noise", "test", date(2026, 11, 28))
    figures = {one["name"]: one for one in content["figures"]}
    assert figures["boundary_f1"]["value"] == pytest.approx(0.6667)
    assert figures["class_accuracy"]["items"] == 6
    assert figures["field:bauherr:print"]["right"] == 4
    assert figures["field_precision"]["value"] == 0.5
    assert all(len(one["interval_95"]) == 2 for one in content["figures"])
    assert {one["first_seed"] for one in content["figures"]} == {95_000}
    assert content["milliseconds_per_page"] == 10.0

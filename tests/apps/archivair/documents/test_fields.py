from dataclasses import replace

import pytest

from apps.archivair.documents.cells import page_cells
from apps.archivair.documents.fields import Candidate, find_candidates
from apps.archivair.documents.grammars import read_value
from apps.archivair.documents.page_class import ClassifiedPage
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.patterns import default_patterns, read_patterns
from apps.archivair.documents.values import Surroundings
from tests.apps.archivair.documents.pages import (
    ACCEPTANCE_1961,
    APPLICATION_2018,
    PERMIT_1957,
    PERMIT_1957_MISREAD,
    PETITION_1905,
    written_page,
)


def classified(name: str) -> ClassifiedPage:
    return ClassifiedPage(tuple(float(one == name) for one in class_ids()))


def candidates(text: str, name: str, around: Surroundings | None = None) -> list[Candidate]:
    return find_candidates([written_page(text)], [classified(name)], around)


def values(text: str, name: str, around: Surroundings | None = None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in candidates(text, name, around):
        found.setdefault(one.name, set()).add(one.value)
    return found


def test_a_petition_of_1905_in_blackletter_spelling() -> None:
    found = values(PETITION_1905, "bauantrag")
    assert found["bauherr"] == {"Wilhelm Kramer"}
    assert found["strasse"] == {"Lindenstraße"}
    assert found["hausnummer"] == {"12"}
    assert found["gemarkung"] == {"Altstadt"}
    assert found["flur"] == {"7"}
    assert (found["flurstueck_zaehler"], found["flurstueck_nenner"]) == ({"123"}, {"45"})


PERMIT = {
    "aktenzeichen": "63-1/00412/57",
    "bauherr": "Karl Schmitz",
    "strasse": "Gartenstraße",
    "hausnummer": "14a",
    "gemarkung": "Nordviertel",
    "flur": "3",
    "flurstueck_zaehler": "88",
    "flurstueck_nenner": "2",
    "vorhaben": "Neubau eines Mehrfamilienhauses",
    "datum_antrag": "1957-05-03",
    "datum_genehmigung": "1957-08-12",
    "gebuehr_betrag": "184.50",
    "gebuehr_waehrung": "DM",
}


@pytest.mark.parametrize("text", [PERMIT_1957, PERMIT_1957_MISREAD], ids=["true", "misread"])
@pytest.mark.parametrize("name", sorted(PERMIT))
def test_a_typed_permit_of_1957_also_with_misread_labels(text: str, name: str) -> None:
    assert PERMIT[name] in values(text, "genehmigung")[name]


def test_an_acceptance_names_its_own_day_and_the_permit() -> None:
    found = values(ACCEPTANCE_1961, "abnahme")
    assert found["datum_abnahme"] == {"1961-03-09"}
    assert found["datum_genehmigung"] == {"1957-05-03"}
    assert found["aktenzeichen"] == {"63-1/00412/57"}


def test_values_below_their_labels_and_streets_without_ending() -> None:
    around = Surroundings(streets=("Am Anger", "Ringstraße"))
    found = values(APPLICATION_2018, "bauantrag", around)
    assert found["bauherr"] == {"Dr. Petra Neumann"}
    assert found["strasse"] == {"Am Anger"}
    assert found["plz"] == {"45678"}
    assert found["ort"] == {"Musterstadt"}
    assert found["gebaeudeklasse"] == {"3"}
    assert found["datum_antrag"] == {"2018-06-04"}


def test_classes_of_buildings_exist_from_2002_on() -> None:
    old = APPLICATION_2018.replace("2018", "1998")
    assert "gebaeudeklasse" not in values(old, "bauantrag")


def test_a_list_of_streets_repairs_what_was_misread() -> None:
    text = "Baugrundstück: Gartcnstrasze 14"
    found = candidates(text, "bauantrag", Surroundings(streets=("Gartenstraße", "Am Anger")))
    street = next(one for one in found if one.name == "strasse")
    assert (street.value, street.raw) == ("Gartenstraße", "Gartcnstrasze")


@pytest.mark.parametrize(
    ("text", "name"),
    [(PETITION_1905, "bauantrag"), (PERMIT_1957, "genehmigung"), (APPLICATION_2018, "bauantrag")],
)
def test_every_value_has_a_box_that_covers_what_stands_there(text: str, name: str) -> None:
    page = written_page(text)
    words = [word for line in page.lines for word in line.words]
    for one in find_candidates([page], [classified(name)]):
        left, top, right, bottom = one.box
        inside = [
            word.text
            for word in words
            if left <= word.box[0]
            and word.box[2] <= right
            and top <= word.box[1]
            and word.box[3] <= bottom
        ]
        assert one.raw
        assert all(any(part in word for word in inside) for part in one.raw.split())


def test_a_page_without_text_has_no_fields() -> None:
    assert find_candidates([replace(written_page("x"), lines=())], [classified("foto")]) == []


def test_an_address_of_a_person_is_not_the_property() -> None:
    text = "Bauherr: Karl Schmitz\nwohnhaft: Ringstraße 5\nBaustelle: Lindenweg 8"
    assert values(text, "bauantrag")["strasse"] == {"Lindenweg"}


def test_rooms_called_flur_are_no_cadastral_flur() -> None:
    assert "flur" not in values("Flur 8,40 m²\nKüche 12,10 m²", "grundriss")


def test_cells_know_their_neighbours() -> None:
    page = written_page("Bauherr              Flur\nKarl Schmitz         3")
    cells = page_cells(page)
    assert [one.cell.text for one in cells] == ["Bauherr", "Flur", "Karl Schmitz", "3"]
    assert cells[0].right == 1
    assert cells[0].below == (2,)
    assert cells[1].below == (3,)


def test_short_labels_must_agree_long_ones_may_be_misread() -> None:
    patterns = default_patterns()
    assert patterns.find_labels("Flor 3") == []
    assert [one.rules for one in patterns.find_labels("Aktenzcichen 3")] == [("aktenzeichen",)]


def test_rules_without_labels_or_of_unknown_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="names no labels"):
        read_patterns('[[rule]]\nname = "x"\ngrammar = "date"\nlabels = []')
    with pytest.raises(ValueError, match="no known field"):
        read_patterns('[[rule]]\nname = "x"\nfield = "y"\ngrammar = "date"\nlabels = ["z"]')


@pytest.mark.parametrize(
    "surname", ["Hoff", "Hott", "Hett", "Hert", "Fran", "Heff", "Hoffn", "Herrmann"]
)
def test_a_surname_that_is_like_a_salutation_stays(surname: str) -> None:
    (part,) = read_value("name", f"{surname} Wilhelm", 0, Surroundings())
    assert part.value == f"{surname} Wilhelm"


@pytest.mark.parametrize(
    "salutation",
    ["Herr", "Herrn", "Hcrr", "Hcrrn", "Hetr", "Herf", "Horrn", "Frau", "Frnu", "Fraa"],
)
def test_a_misread_salutation_is_no_part_of_the_name(salutation: str) -> None:
    (part,) = read_value("name", f"{salutation} Kim Kramer", 0, Surroundings())
    assert (part.value, part.start) == ("Kim Kramer", len(salutation) + 1)

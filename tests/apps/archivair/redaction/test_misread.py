"""Personal data with letters that were read wrongly; ordinary words stay ordinary."""

import numpy as np
import pytest

from apps.archivair.archive_files.page_content import ArchivePage
from apps.archivair.redaction.hits import CaseFacts
from apps.archivair.redaction.misread import as_word, is_nearly, mended, starts_nearly
from apps.archivair.redaction.pii import find_pii
from tests.apps.archivair.redaction.test_pii import found, page_of

CASE = CaseFacts(owners=("Walter Schlehdorn", "Orla Kurz"))


@pytest.mark.parametrize(
    ("line", "category", "text"),
    [
        ("Te1. O2O56 / 13-24S", "phone", "O2O56 / 13-24S"),
        ("TeI. 02056 / 13-245", "phone", "02056 / 13-245"),
        ("geb, am l2.O3.1957", "birth_date", "l2.O3.1957"),
        ("qeb. 12,03,1957", "birth_date", "12,03,1957"),
        ("Geburlsdatum: 3. Marz 1957", "birth_date", "3. Marz 1957"),
        ("E-Mail: orla.kurzatbeispiel.example", "email", "orla.kurzatbeispiel.example"),
        ("Post an orla.kurz®beispiel,example", "email", "orla.kurz®beispiel,example"),
        ("lBAN: 1234 5678 9012", "bank", "1234 5678 9012"),
        ("Konto DE89 37O4 OO44 O532 O13O OO", "bank", "DE89 37O4 OO44 O532 O13O OO"),
        ("wohnhaft Amselsirasse 1l", "address_private", "Amselsirasse 1l"),
        ("Sehr geehrter Hcrr Eichenlaub,", "person_name", "Eichenlaub"),
        ("an Herm Eichenlaub", "person_name", "Eichenlaub"),
        ("Entwurfsvcrfasser: Xylia Thymian, Küferwinkel", "person_name", "Xylia Thymian"),
        ("Bauherr: Walter SchIehdorn", "person_name", "Walter SchIehdorn"),
        ("gez, Eichenlaub", "person_name", "Eichenlaub"),
        ("* *am: 7. Aı ri1 1898", "birth_date", "7. Aı ri1 1898"),
        ("Telefonisch erreichbar: 030 3125- 43", "phone", "030 3125- 43"),
        ("unter 030 3125- 43 ab", "phone", "030 3125- 43"),
        ("Geprüft durch: Xylia Thymian", "person_name", "Xylia Thymian"),
    ],
)  # fmt: skip
def test_data_with_wrong_letters_is_found(line, category, text):
    assert (category, text) in found(line)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("der Zaun bei Walter Schlchdom steht", "Walter Schlchdom"),
        ("mit Orla Kurx besprochen", "Orla Kurx"),
        ("mit WalterSchlehdorn besprochen", "WalterSchlehdorn"),
        ("mit Schleh dorn besprochen", "Schleh dorn"),
    ],
)
def test_a_name_of_the_case_is_found_badly_read_glued_and_parted(line, name):
    assert ("person_name", name) in found(line, facts=CASE)


def test_a_misread_closing_formula_still_announces_the_name():
    assert ("person_name", "Nagelschmidt") in found("Hochachtunqsvoli", "Nagelschmidt")


def test_a_home_on_many_pages_is_not_taken_for_the_property():
    pages = [page_of("Wohnort, Straße: Amselweg 7", "Bauort: Spielplatz 27")]
    pages += [page_of("Amselweg 7", "am Spielplatz 27") for _ in range(3)]
    private = [hit.text for hit in find_pii(pages) if hit.category == "address_private"]
    assert private == ["Amselweg 7"] * 4
    alone = [page_of("Wohnung: Amselweg 7")] + [page_of("Amselweg 7") for _ in range(3)]
    assert len([one for one in find_pii(alone) if one.category == "address_private"]) == 4


def test_the_head_of_an_office_signs():
    lines = ("Zum Antrag wird mitgeteilt", "Es bestehen keine Bedenken", "gegen das Vorhaben",
             "Der Leiter des Bauordnungsamtes", "Xylia Thymian")  # fmt: skip
    assert ("person_name", "Xylia Thymian") in found(*lines)
    assert found("Zum Antrag", "Die Stadt ist zuständig.", "Erdgeschoss") == set()


@pytest.mark.parametrize(
    "line",
    [
        "EINGEGANGEN",
        "Gutachten: Baugrund",
        "Läufer: Klinker",
        "Beton B25 und 12S Steine",
        "am 15.06.1957 um 10,50 Uhr",
        "Kurze Wege",
        "in Orlando Kurse belegt",
    ],
)
def test_ordinary_words_near_to_names_stay(line):
    assert not [one for one in found(line, facts=CASE) if one[0] != "address_private"]


def test_ink_that_nobody_read_behind_a_label_is_covered():
    page = page_of("Sehr geehrte Damen", "Bauherr:", "Flur 3")
    image = page.image.copy()
    left = page.lines[1][0].box[2] + 20
    for place in range(left, left + 90, 12):
        rows, columns = np.mgrid[41:58, place : place + 8]
        image[rows, columns] = np.where(np.abs(columns - place - 4 - 3 * np.sin(rows)) < 2, 0, 255)
    hits = find_pii([ArchivePage(image, page.dpi, page.lines)])
    assert [(hit.category, hit.role) for hit in hits] == [("signature", "owner")]
    box = hits[0].boxes[0]
    assert box[0] <= left + 4
    assert box[2] >= left + 85
    assert find_pii([page]) == []


def test_mending_keeps_every_place():
    for text in ("Te1. O7l51/98S6 am l2.O3.1957", "a|b 1| 2|3", ""):
        assert len(mended(text)) == len(text)
    assert mended("O7l51 Te1. DIN 277 II B25") == "07151 Tel. DIN 277 II B25"


def test_words_that_are_nearly_the_same():
    assert as_word("MüIler,") == "Müller,"
    assert as_word("8auer") == "Bauer"
    assert as_word("II.") == "II."
    assert is_nearly("bauhorr", "bauherr")
    assert not is_nearly("kurs", "kurz")
    assert starts_nearly("hochachtunqsvoll ihr", "hochachtungsvoll")
    assert not starts_nearly("hochbau", "hochachtungsvoll")


def test_a_seal_with_the_name_of_the_town_is_no_person():
    lines = ("Hochachtungsvoll", "Musterstadt", "Stadtverwaltung Musterstadt", "Flur 3")
    assert found("45699 Musterstadt", *lines) == set()
    assert found("Musterstadt, den 3. Mai 1957", *lines) == set()
    assert ("person_name", "Musterstadt") in found("Flur 3", *lines)

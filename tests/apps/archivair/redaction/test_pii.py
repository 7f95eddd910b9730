"""Finders: what is personal is found for a reason, what is not stays."""

import string

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.redaction.hits import CaseFacts
from apps.archivair.redaction.pii import NOTHING_KNOWN, find_pii
from tests.apps.archivair.redaction.pages import draw_page, sign


def page_of(*lines):
    placed = []
    for number, text in enumerate(lines):
        left, row = 10, []
        for word in text.split():
            row.append(
                PageWord(word, (left, 10 + 30 * number, left + 9 * len(word), 30 + 30 * number))
            )
            left += 9 * len(word) + 9
        placed.append(tuple(row))
    return ArchivePage(np.full((30 * len(lines) + 60, 1400), 255, np.uint8), 100.0, tuple(placed))


def found(*lines, facts=NOTHING_KNOWN):
    return {(hit.category, hit.text.strip(" .,;:")) for hit in find_pii([page_of(*lines)], facts)}


@pytest.mark.parametrize(
    ("line", "category", "text"),
    [
        ("IBAN: DE89 3704 0044 0532 0130 00", "bank", "DE89 3704 0044 0532 0130 00"),
        ("auf Konto 1234567, BLZ 37040044", "bank", "1234567, BLZ 37040044"),
        ("geb. 3. Mai 1957", "birth_date", "3. Mai 1957"),
        ("geboren am 03.05.57", "birth_date", "03.05.57"),
        ("Tel. 02056 / 13-245", "phone", "02056 / 13-245"),
        ("Fernruf 213", "phone", "Fernruf 213"),
        ("Mail: a.b-c@beispiel.example", "email", "a.b-c@beispiel.example"),
        ("Steuernummer 181/815/08155", "tax_id", "181/815/08155"),
        ("die ID 36 574 261 809 dazu", "tax_id", "36 574 261 809"),
        ("Personalausweis Nr. L01X00T47", "id_document", "L01X00T47"),
        ("Versicherungsnummer 65 010994 F 346", "social_security", "65 010994 F 346"),
        ("Der Wagen ME-AB 123 steht dort", "vehicle_plate", "ME-AB 123"),
        ("wegen einer Schwerbehinderung (Grad 80)", "health",
         "wegen einer Schwerbehinderung (Grad 80)"),
        ("ist verwitwet mit fünf Kindern", "family", "verwitwet mit fünf Kindern"),
        ("das Einkommen beträgt 2.457,00 DM im Monat", "income", "2.457,00 DM"),
        ("wohnhaft Amselweg 17", "address_private", "Amselweg 17"),
    ],
)  # fmt: skip
def test_data_with_a_form(line, category, text):
    assert (category, text) in found(line)


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["Sehr geehrter Herr Dr. Eichenlaub,"], "Dr. Eichenlaub"),
        (["Bauherr: Walter Schlehdorn"], "Walter Schlehdorn"),
        (["Bauherr", "Walter Schlehdorn"], "Walter Schlehdorn"),
        (["Planverfasser: Xylia Thymian, Küferwinkel 37"], "Xylia Thymian"),
        (["Hochachtungsvoll", "Nagelschmidt"], "Nagelschmidt"),
        (["Xenos Hopfengart", "Dohlenring 68"], "Xenos Hopfengart"),
        (["mit Friedrich von der Heide vereinbart"], "Friedrich von der Heide"),
    ],
)
def test_names_by_what_stands_around_them(lines, name):
    assert ("person_name", name) in found(*lines)


def test_a_name_of_the_case_is_found_inflected_misread_and_broken():
    facts = CaseFacts(owners=("Walter Schlehdorn",), neighbours=("Müller, Hans",))
    got = found(
        "das Haus Schlehdorns steht", "des Schlehd0rn wegen", "bei Schleh-", "dorn und",
        "Müllers Zaun",
        "Hans Müller kam", "Muller war da", facts=facts,
    )  # fmt: skip
    texts = {text for category, text in got if category == "person_name"}
    assert {
        "Schlehdorns",
        "Schlehd0rn",
        "Schleh-",
        "dorn",
        "Müllers",
        "Hans Müller",
        "Muller",
    } <= texts


def test_a_name_learned_on_one_page_is_found_on_another():
    pages = [
        page_of("Bauherr: Walter Schlehdorn"),
        page_of("Einspruch gegen Schlehdorn wegen Lärm"),
    ]
    assert [hit.page for hit in find_pii(pages) if hit.category == "person_name"] == [1, 2]


def test_the_address_of_the_property_stays_and_others_go():
    got = found("Baugrundstück: Mühlenstraße 94", "Herr Adam Rot", "Mühlenstr. 94", "Amselweg 7")
    assert ("address_private", "Amselweg 7") in got
    assert not [text for category, text in got if category == "address_private" and "94" in text]
    given = CaseFacts(property_addresses=("Amselweg 7",))
    assert ("address_private", "Amselweg 7") not in found("wohnhaft Amselweg 7", facts=given)


@pytest.mark.parametrize(
    "line",
    [
        "Der Stadtdirektor - Bauaufsichtsamt",
        "Herr Bürgermeister und Frau Stadtbaurat",
        "an der Müllerstraße und am Schillerplatz",
        "Flur 7, Flurstück 234/12, Gemarkung Heide",
        "Grundriss Erdgeschoss, Kind 1 12,33 m², Kind 2 14,05 m²",
        "nach § 64 BauO NRW 2018, DIN 277 und F 90",
        "Eingang 15. Juni 1957, Blatt 3 von 7",
        "Stahlbetondecke d = 16 cm, Beton B 25, 12,50 x 7,30",
        "Die Gebühr beträgt 184,50 DM und ist zu zahlen.",
        "barrierefrei und rollstuhlgerecht, Behindertenstellplatz",
        "Az. 63-0815/57 vom 3. Mai 1957",
        "Der Neubau entsteht neben dem Krankenhaus.",
    ],
)
def test_offices_streets_and_building_words_are_no_persons(line):
    assert found(line) == set()


def test_officials_are_known_as_such_and_owners_are_not():
    hits = find_pii([page_of("Mit freundlichen Grüßen", "Im Auftrag", "Kranichfeld")])
    assert [(hit.text, hit.role) for hit in hits] == [("Kranichfeld", "official")]
    hits = find_pii([page_of("Sachbearbeitung: Lars Maßholder", "Bauherr: Orla Sauerampfer")])
    assert {(hit.text, hit.role) for hit in hits} == {
        ("Lars Maßholder", "official"), ("Orla Sauerampfer", "owner"),
    }  # fmt: skip


def test_a_private_role_beats_that_of_an_official():
    """One name in both roles: it is removed, a person may put it back."""
    hits = find_pii(
        [page_of("Sachbearbeitung: Lars Maßholder", "Bauherr: Lars Maßholder", "Maßholder sagt")]
    )
    assert next(hit.role for hit in hits if hit.text == "Maßholder") == "owner"


@pytest.mark.parametrize(
    "lines",
    [
        ["gez. Müller, den 12. Mai 1957"],
        ["Flurstück 1234 Müller", "Herr Müller"],
        ["im Jahre 1957 Müller", "Sehr geehrter Herr Müller,"],
        ["45219 Müller", "Sehr geehrter Herr Müller,"],
        ["Parzelle 1234 Müller", "Hochachtungsvoll", "Müller"],
    ],
)
def test_a_number_or_a_date_beside_a_name_makes_no_town_of_it(lines):
    assert ("person_name", "Müller") in found(*lines)


@pytest.mark.parametrize("line", ["42579 Waldhausen", "5620 Waldhausen", "Waldhausen, den 3. Mai"])
def test_a_seal_with_the_town_where_people_sign_is_no_person(line):
    assert found(line, "Der Bau ist fertig.", "Hochachtungsvoll", "Waldhausen") == set()


@pytest.mark.parametrize(
    "lines",
    [
        ["Die Garage wird massiv errichtet", "Hochachtungsvoll", "Schlehdorn"],
        ["Die Kosten betragen insgesamt 9 DM", "Hochachtungsvoll", "Schlehdorn"],
        ["Im Auftrag", "Hochachtungsvoll", "Schlehdorn"],
        ["Hochachtungsvoll", "Schlehdorn", "Anlagen"],
        ["Hochachtungsvoll", "Schlehdorn", "An das Bauamt"],
        ["Der Vorstand des Vereins", "Hochachtungsvoll", "Schlehdorn"],
    ],
)
def test_who_signs_below_a_private_formula_is_no_official(lines):
    page = page_of("Das Haus ist fertig.", "Es ist schön.", "Es ist rot.", "Es ist groß.", *lines)
    roles = {hit.role for hit in find_pii([page]) if hit.text == "Schlehdorn"}
    assert roles == {""}


@pytest.mark.parametrize(
    "lines",
    [
        ["Der Leiter des Bauordnungsamtes", "Schlehdorn"],
        ["Der Oberkreisdirektor", "Schlehdorn"],
        ["Das Bauaufsichtsamt", "Schlehdorn"],
        ["Hochachtungsvoll", "Der Stadtdirektor", "Im Auftrag", "Schlehdorn"],
        ["Mit freundlichen Grüßen", "Schlehdorn", "Bauordnungsamt"],
    ],
)
def test_who_signs_for_an_office_is_an_official(lines):
    page = page_of("Das Haus ist fertig.", "Es ist schön.", "Es ist rot.", "Es ist groß.", *lines)
    hits = find_pii([page])
    assert {(hit.text, hit.role) for hit in hits} == {("Schlehdorn", "official")}


def test_a_signature_is_found_below_a_closing_formula_and_print_is_none():
    lines = ["Das Haus ist fertig.", "Hochachtungsvoll", "", "", "Nagelschmidt"]
    plain = draw_page(lines)
    assert not [hit for hit in find_pii([plain]) if hit.category == "signature"]
    signed = sign(plain, (80, 130, 300, 190))
    boxes = [hit.boxes[0] for hit in find_pii([signed]) if hit.category == "signature"]
    assert len(boxes) == 1
    left, top, right, bottom = boxes[0]
    assert left <= 84 and right >= 294 and top <= 140 and bottom >= 180


def test_a_scrawl_in_which_letters_were_read_is_a_signature_all_the_same():
    lines = ["Das Haus ist fertig und schön.", "Hochachtungsvoll", "", "", "Nagelschmidt"]
    signed = sign(draw_page(lines), (80, 130, 300, 190))
    doubtful = (PageWord("Weeele", (84, 148, 296, 176), 0.3),)
    tall = (PageWord("Weeele", (80, 130, 300, 190)),)
    for read in (doubtful, tall):
        page = ArchivePage(signed.image, signed.dpi, (*signed.lines[:2], read, *signed.lines[2:]))
        boxes = [hit.boxes[0] for hit in find_pii([page]) if hit.category == "signature"]
        assert len(boxes) == 1
        left, top, right, bottom = boxes[0]
        assert left <= 84 and right >= 294 and top <= 140 and bottom >= 180


def test_a_pale_signature_on_dark_noisy_paper_is_found_and_noise_is_none():
    lines = ["Das Haus ist fertig und schön.", "Hochachtungsvoll", "", "", "Nagelschmidt"]
    noise = np.random.default_rng(3).normal(0, 14, draw_page(lines).image.shape)

    def worn(page):
        gray = 70 + page.image.astype(float) * 90 / 255 + noise
        return ArchivePage(np.clip(gray, 0, 255).astype(np.uint8), page.dpi, page.lines)

    plain = worn(draw_page(lines))
    assert not [hit for hit in find_pii([plain]) if hit.category == "signature"]
    signed = worn(sign(draw_page(lines), (80, 130, 300, 190)))
    (box,) = [hit.boxes[0] for hit in find_pii([signed]) if hit.category == "signature"]
    assert box[0] <= 88 and box[2] >= 290 and box[1] <= 145 and box[3] >= 175
    assert box[3] - box[1] < 100 and box[2] - box[0] < 260


IBAN_BODY = st.text(string.digits, min_size=18, max_size=18)


def with_check_digits(body):
    return f"DE{98 - int(body + '131400') % 97:02d}{body}"


@settings(max_examples=60, deadline=None)
@given(IBAN_BODY, st.booleans())
def test_every_valid_iban_is_found_however_it_is_spaced(body, spaced):
    iban = with_check_digits(body)
    shown = " ".join(iban[at : at + 4] for at in range(0, 22, 4)) if spaced else iban
    hits = [
        hit
        for hit in find_pii([page_of(f"Zahlbar an {shown} bis morgen")])
        if hit.category == "bank"
    ]
    assert [hit.text for hit in hits] == [shown]
    assert hits[0].reason == "IBAN, Prüfziffer stimmt"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("abcdefghiklmnoprstuwz"), min_size=5, max_size=12), st.data())
def test_a_name_of_the_case_survives_one_reading_error(letters, data):
    name = letters.capitalize()
    at = data.draw(st.integers(1, len(name) - 1))
    misread = name[:at] + data.draw(st.sampled_from("xyq")) + name[at + 1 :]
    facts = CaseFacts(others=(f"Udo {name}",))
    assert any(misread in text for category, text in found(f"von {misread} hier", facts=facts)
               if category == "person_name")  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(string.printable + "äöüßſ§„“", max_size=30), max_size=6))
def test_any_text_is_searched_without_failure_and_hits_lie_on_words(lines):
    page = page_of(*lines)
    for hit in find_pii([page]):
        assert hit.reason
        boxes = [page.lines[line][word].box for line, word in hit.words]
        assert min(box[0] for box in boxes) == min(box[0] for box in hit.boxes)
        assert max(box[2] for box in boxes) == max(box[2] for box in hit.boxes)

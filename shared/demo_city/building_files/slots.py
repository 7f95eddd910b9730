"""What stands at the places of the templates: facts of a file as marked text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from shared.demo_city.building_files.facts import TOWN, FileFacts, postcode_of
from shared.demo_city.building_files.people import BANK_CODE, Person
from shared.demo_city.building_files.rich import Mark, Piece, Rich, Slot

MONTHS: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
    "November", "Dezember",
)  # fmt: skip
HEALTH: Final = {
    "old": "wegen eines Lungenleidens", "mid": "wegen einer schweren Gehbehinderung",
    "new": "wegen einer Pflegebedürftigkeit (Pflegegrad 3)",
}  # fmt: skip
FAMILY: Final = {
    "old": "verwitwet mit fünf Kindern", "mid": "geschieden, zwei Kinder",
    "new": "alleinerziehend mit zwei Kindern",
}  # fmt: skip
SCALES: Final = {
    "lageplan": ("1:500", "1:250"), "liegenschaftskarte": ("1:1000", "1:2000"),
    "grundriss": ("1:100", "1:50"), "schnitt_ansicht": ("1:100", "1:50"),
    "entwaesserung": ("1:100", "1:200"),
}  # fmt: skip


@dataclass(frozen=True)
class SlotMaker:
    """Make the slots of one document.

    Args:
        facts: Facts of the file.
        rng: Random stream of the document.
        page_class: Class of the document.
    """

    facts: FileFacts
    rng: np.random.Generator
    page_class: str

    def slots(self) -> dict[str, Slot]:
        """Return what stands at each place."""
        return {
            **self._place_slots(), **self._people_slots(), **self._date_slots(),
            **self._figure_slots(), **self._private_slots(),
        }  # fmt: skip

    def field(self, name: str, text: str, value: str = "") -> Slot:
        """Return a slot of a field.

        Args:
            name: Name of the field.
            text: As it is printed.
            value: Normalised value; empty: the text.
        """
        return lambda: (Piece(text, (Mark(name, value or text, whole=text),)),)

    def personal(self, category: str, text: str, role: str, name: str = "") -> Slot:
        """Return a slot of a personal datum, which may also be a field."""

        def make() -> Rich:
            marks = [Mark(category=category, role=role, whole=text)]
            if name:
                marks.append(Mark(name, text, whole=text))
            return (Piece(text, tuple(marks)),)

        return make

    def write_date(self, day: date) -> str:
        """Return a day as the office writes it."""
        style = self.facts.family.date_style
        if style == 0 or day.year < 1915:
            return f"{day.day}. {MONTHS[day.month - 1]} {day.year}"
        if style == 1:
            return f"{day.day:02d}.{day.month:02d}.{day.year}"
        return f"{day.day}.{day.month}.{day.year % 100:02d}"

    def _place_slots(self) -> dict[str, Slot]:
        place, era = self.facts.place, self.facts.era
        code = postcode_of(era)
        plot = [self.field("flurstueck_zaehler", str(place.plot))]
        if place.plot_part:
            plot.append(self.field("flurstueck_nenner", str(place.plot_part)))

        def plot_text() -> Rich:
            if len(plot) == 1:
                return plot[0]()
            return (*plot[0](), Piece("/"), *plot[1]())

        town = self.field("ort", TOWN)
        return {
            "az": self.field("aktenzeichen", self.facts.case_number),
            "strasse": self.field("strasse", place.street),
            "nr": self.field("hausnummer", place.house_number),
            "ort": lambda: (Piece(TOWN),),
            "plzort": lambda: (*self.field("plz", code)(), Piece(" "), *town()) if code else town(),
            "gemarkung": self.field("gemarkung", place.district),
            "flur": self.field("flur", str(place.flur)),
            "flurstueck": plot_text,
            "vorhaben": self.field("vorhaben", self.facts.project),
        }

    def _people_slots(self) -> dict[str, Slot]:
        facts = self.facts
        made: dict[str, Slot] = {}
        for key, person, role, name in (
            ("bauherr", facts.applicant, "bauherr", "bauherr"),
            ("architekt", facts.designer, "entwurfsverfasser", "entwurfsverfasser"),
            ("nachbar", facts.neighbours[0], "nachbar", ""),
            ("nachbar2", facts.neighbours[1], "nachbar", ""),
            ("beamter", facts.official, "amtsperson", ""),
            ("gutachter", facts.inspector, "gutachter", "gutachter"),
        ):
            made[key] = self.personal("person_name", person.name, role, name)
            made[f"{key}_name"] = self.personal("person_name", person.family, role)
            made[f"{key}_anrede"] = self._constant(person.title)
            home = f"{person.street} {person.house_number}"
            made[f"{key}_adresse"] = self.personal("address_private", home, role)
            made[f"{key}_telefon"] = self.personal("phone", person.phone, role)
            made[f"{key}_email"] = self.personal("email", person.email or "entfällt", role)
            if not person.email:
                made[f"{key}_email"] = self._constant("entfällt")
            made[f"{key}_geburt"] = self.personal("birth_date", self.write_date(person.born), role)
            made[f"{key}_beruf"] = self._constant(person.trade)
        made["amt_beamter"] = self.personal("person_name", facts.official.family, "amtsperson")
        made["liebe"] = self._constant(_greeting(facts.applicant))
        return made

    def _date_slots(self) -> dict[str, Slot]:
        facts = self.facts
        later = facts.applied + timedelta(days=int(self.rng.integers(3, 40)))
        return {
            "antrag": self.field(
                "datum_antrag", self.write_date(facts.applied), facts.applied.isoformat()
            ),
            "genehmigung": self.field(
                "datum_genehmigung", self.write_date(facts.approved), facts.approved.isoformat()
            ),
            "abnahme": self.field(
                "datum_abnahme", self.write_date(facts.accepted), facts.accepted.isoformat()
            ),
            "heute": self._constant(self.write_date(later)),
            "jahr": self._constant(str(facts.approved.year)),
        }

    def _figure_slots(self) -> dict[str, Slot]:
        facts, era = self.facts, self.facts.era
        amount = f"{facts.fee:.2f}".replace(".", ",")
        scales = SCALES.get(self.page_class, ("1:100",))
        scale = scales[int(self.rng.integers(len(scales)))]
        plan = f"{facts.designer.family[0]}-{int(self.rng.integers(1, 40)):02d}"

        def fee() -> Rich:
            money = self.field("gebuehr_betrag", amount, f"{facts.fee:.2f}")()
            kind = {"Mk.": "Mk", "RM": "RM", "DM": "DM", "EUR": "EUR"}[era.currency]
            unit = self.field("gebuehr_waehrung", era.currency, kind)()
            return (*money, Piece(" "), *unit)

        def number(low: int, high: int) -> Slot:
            return lambda: (Piece(str(int(self.rng.integers(low, high)))),)

        def one_of(*choices: int) -> Slot:
            return lambda: (Piece(str(choices[int(self.rng.integers(len(choices)))])),)

        return {
            "gebuehr": fee,
            "massstab": self.field("massstab", scale, scale.replace(" ", "")),
            "plan_nr": self.field("plan_nr", plan),
            "gebaeudeklasse": self.field(
                "gebaeudeklasse", str(facts.building_class), str(facts.building_class)
            ) if facts.building_class else self._constant("-"),
            "flaeche": self._constant(f"{facts.usable_area_m2:.2f}".replace(".", ",")),
            "geschosse": self._constant(str(facts.floors)),
            "wohnungen": self._constant(str(facts.dwellings)),
            "waehrung": self._constant(era.currency),
            "a": number(2, 9), "b": number(11, 98), "c": number(101, 989), "d": number(1, 5),
            "f": one_of(30, 60, 90),
            "g": number(25, 48),
            "w": one_of(24, 30, 36, 38),
            "kasse": self._constant(f"{int(self.rng.integers(10**6, 10**7))}"),
        }  # fmt: skip

    def _private_slots(self) -> dict[str, Slot]:
        facts, wording = self.facts, self.facts.era.wording
        rng, owner = self.rng, facts.applicant
        draw: Callable[[int, int], int] = lambda low, high: int(rng.integers(low, high))  # noqa: E731
        income = f"{draw(90, 3800)} {facts.era.currency}"
        account = owner.iban if wording == "new" else f"{owner.iban}, BLZ {BANK_CODE}"
        letter = chr(65 + draw(0, 26))
        social = f"65 {draw(1, 29):02d}{draw(1, 13):02d}{draw(20, 99)} {letter} {draw(100, 999)}"
        return {
            "konto": self.personal("bank", account, "bauherr"),
            "steuernr": self.personal(
                "tax_id", f"{draw(100, 400)}/{draw(5000, 6000)}/{draw(1000, 9999)}", "bauherr"
            ),
            "ausweis": self.personal("id_document", f"L{draw(10**7, 10**8)}{letter}", "bauherr"),
            "versicherung": self.personal("social_security", social, "bauherr"),
            "kennzeichen": self.personal(
                "vehicle_plate", f"XX-{letter}{chr(65 + draw(0, 26))} {draw(11, 999)}", "bauherr"
            ),
            "gesundheit": self.personal("health", HEALTH[wording], "bauherr"),
            "einkommen": self.personal("income", income, "bauherr"),
            "familie": self.personal("family", FAMILY[wording], "bauherr"),
        }

    def _constant(self, text: str) -> Slot:
        return lambda: (Piece(text),)


def _greeting(person: Person) -> str:
    return "Sehr geehrter Herr" if person.title == "Herr" else "Sehr geehrte Frau"

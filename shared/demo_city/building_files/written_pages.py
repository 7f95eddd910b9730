"""Pages that are read: forms, letters, notices and tables of the 20 classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from shared.demo_city.building_files.flow import Flow
from shared.demo_city.building_files.letterheads import letterhead
from shared.demo_city.building_files.rich import Rich

Builder = Callable[[Flow, int], None]
"""Sets one page of a document; the number counts from 0."""
OWNER_ADDRESS: Final = "{bauherr_anrede} {bauherr}\n{bauherr_adresse}\n{plzort}"


def cover(flow: Flow, _: int) -> None:
    """Set the cover of a file."""
    flow.y_mm = 34 + float(flow.sheet.rng.uniform(0, 25))
    frame = flow.facts.family.form
    if frame in {0, 2, 4}:
        right = flow.left_mm + flow.width_mm
        flow.sheet.frame((flow.left_mm - 4, flow.y_mm - 6, right + 2, flow.y_mm + 175), 0.6)
    flow.title(flow.pick("title"), scale=2.4, centred=True)
    family = flow.facts.family
    large = family.print_style(flow.era, bold=True, scale=1.9)
    flow.y_mm += 12
    flow.paragraph(flow.rich("{az}"), large, indent_mm=18, gap_mm=10)
    flow.labelled("grundstueck", "{strasse} {nr}")
    flow.labelled("gemarkung", "{gemarkung}")
    flow.labelled("flur", "{flur}")
    flow.labelled("flurstueck", "{flurstueck}")
    flow.labelled("bauherr", "{bauherr}")
    if flow.sheet.rng.random() < 0.6:
        flow.labelled("vorhaben", "{vorhaben}")
    flow.y_mm += 14
    for sentence in flow.sentences(3):
        flow.paragraph(sentence, gap_mm=4)
    if flow.sheet.rng.random() < 0.35:
        flow.note(1)


def application(flow: Flow, page: int) -> None:
    """Set an application: a form, on its second page the declarations."""
    if page:
        _second_page(flow)
        return
    if flow.era.wording == "old":
        flow.paragraph(f"An\n{flow.pick_common('office')}", flow.typed, gap_mm=3)
    else:
        letterhead_light(flow)
    flow.title(flow.pick("title"), centred=flow.sheet.rng.random() < 0.5)
    flow.labelled("bauherr", "{bauherr}")
    flow.labelled("anschrift", "{bauherr_adresse}, {plzort}")
    if flow.era.wording != "old":
        flow.labelled("geburt", "{bauherr_geburt}")
        flow.labelled("telefon", "{bauherr_telefon}")
    if flow.era.first_year >= 2000:
        flow.row("E-Mail", flow.rich("{bauherr_email}"))
    property_rows(flow)
    flow.labelled("vorhaben", "{vorhaben}")
    flow.labelled("entwurfsverfasser", "{architekt}, {architekt_adresse}")
    if flow.facts.building_class:
        flow.labelled("gebaeudeklasse", "{gebaeudeklasse}")
    flow.row(
        "Zahl der Geschosse" if flow.era.wording == "new" else "Geschosse", flow.rich("{geschosse}")
    )
    flow.labelled("antrag", "{antrag}")
    flow.y_mm += 3
    for sentence in flow.sentences(4):
        if flow.room_mm > 40:
            flow.paragraph(sentence)
    flow.closing("private_closing", "{bauherr}", "bauherr")


def _second_page(flow: Flow) -> None:
    flow.paragraph("Seite 2" if flow.era.wording != "old" else "- 2 -", flow.printed,
                   indent_mm=flow.width_mm * 0.45)  # fmt: skip
    for sentence in flow.sentences(6):
        flow.paragraph(sentence)
    flow.row("Anlagen", "Lageplan, Zeichnungen, Beschreibung")
    flow.note(2)
    flow.closing("private_closing", "{bauherr}", "bauherr")


def letterhead_light(flow: Flow) -> None:
    """Set the address of the office and the case number over a form."""
    flow.paragraph(flow.pick_common("office"), flow.printed, gap_mm=1)
    if flow.sheet.rng.random() < 0.7:
        flow.labelled("aktenzeichen", "{az}")


def property_rows(flow: Flow) -> None:
    """Set the rows of the property."""
    flow.labelled("grundstueck", "{strasse} {nr}")
    if flow.sheet.rng.random() < 0.5:
        labels = flow.facts.family.labels
        joined = f"{labels['flur']} {{flur}}, {labels['flurstueck']} {{flurstueck}}"
        flow.labelled("gemarkung", f"{{gemarkung}}, {joined}")
        return
    flow.labelled("gemarkung", "{gemarkung}")
    flow.labelled("flur", "{flur}")
    flow.labelled("flurstueck", "{flurstueck}")


def description(flow: Flow, page: int) -> None:
    """Set a numbered description of the building."""
    if page == 0:
        flow.title(flow.pick("title"))
        flow.labelled("vorhaben", "{vorhaben}")
        flow.labelled("bauherr", "{bauherr}")
        property_rows(flow)
        flow.y_mm += 3
    _numbered(flow, flow.sentences(8), 1 + 8 * page)
    if flow.sheet.rng.random() < 0.3:
        flow.note(2)
    flow.closing("private_closing", "{architekt}", "entwurfsverfasser")


def _numbered(flow: Flow, sentences: list[Rich], first: int) -> None:
    for number, sentence in enumerate(sentences, first):
        if flow.room_mm < 35:
            return
        flow.paragraph((*flow.rich(f"{number}. "), *sentence), gap_mm=2.5)


def notice(flow: Flow, page: int) -> None:
    """Set a notice of the office: permit, inspection, easement, fee."""
    if page == 0:
        letterhead(flow, flow.pick_common("office"))
        flow.paragraph(flow.rich(OWNER_ADDRESS), gap_mm=4)
        flow.title(flow.pick("title"), scale=1.6, centred=flow.sheet.rng.random() < 0.4)
        flow.labelled("vorhaben", "{vorhaben}")
        property_rows(flow)
        if flow.page_class in {"genehmigung", "gebuehr"}:
            flow.labelled("genehmigung", "{genehmigung}")
        if flow.page_class == "abnahme":
            flow.labelled("abnahme", "{abnahme}")
        if flow.page_class == "gebuehr":
            _fee_table(flow)
        flow.y_mm += 3
    else:
        flow.paragraph(flow.rich("Seite 2 zum Schreiben {az}"), flow.printed)
    sentences = flow.sentences(7)
    if flow.sheet.rng.random() < 0.35:
        _numbered(flow, sentences, 1)
    else:
        for sentence in sentences:
            if flow.room_mm > 35:
                flow.paragraph(sentence)
    flow.closing("closing", "{amt_beamter}", "amtsperson")


def _fee_table(flow: Flow) -> None:
    fee = flow.facts.fee
    first = round(fee * 0.8, 2)
    parts = [("Prüfung der Bauvorlagen", first), ("Auslagen", round(fee - first, 2))]
    rows: list[list[Rich | str]] = [
        [name, f"{amount:.2f}".replace(".", ",") + f" {flow.era.currency}"]
        for name, amount in parts
    ]
    rows.append([flow.facts.family.labels["gebuehr"], flow.rich("{gebuehr}")])
    flow.table(rows, (0, flow.width_mm * 0.62))


def neighbour(flow: Flow, _: int) -> None:
    """Set a declaration of neighbours."""
    flow.title(flow.pick("title"))
    flow.labelled("bauherr", "{bauherr}")
    property_rows(flow)
    flow.labelled("vorhaben", "{vorhaben}")
    flow.y_mm += 4
    for sentence in flow.sentences(5):
        flow.paragraph(sentence, gap_mm=3)
    flow.paragraph(flow.rich("{ort}, den {heute}"))
    flow.closing("private_closing", "{nachbar}", "nachbar")
    if flow.sheet.rng.random() < 0.4:
        flow.closing("private_closing", "{nachbar2}", "nachbar")


def opinion(flow: Flow, _: int) -> None:
    """Set the opinion of another office."""
    letterhead(flow, flow.pick("title").split(" ")[-1] if flow.era.wording == "new"
               else flow.pick_common("office"))  # fmt: skip
    flow.paragraph(f"An\n{flow.pick_common('office')}", gap_mm=3)
    flow.title(flow.pick("title"), scale=1.3)
    flow.paragraph(flow.rich("{vorhaben}, {strasse} {nr}, {bauherr}"), gap_mm=4)
    for sentence in flow.sentences(6):
        if flow.room_mm > 42:
            flow.paragraph(sentence)
    flow.closing("closing", "{amt_beamter}", "amtsperson")
    if flow.sheet.rng.random() < 0.3:
        flow.note(2)


def letter(flow: Flow, page: int) -> None:
    """Set a letter or a note for the file."""
    rng = flow.sheet.rng
    from_office = flow.document_rng().random() < 0.55
    if page == 0 and from_office:
        letterhead(flow, flow.pick_common("office"))
        flow.paragraph(flow.rich(OWNER_ADDRESS), gap_mm=5)
    elif page == 0:
        flow.paragraph(flow.rich("{bauherr}\n{bauherr_adresse}\n{plzort}"), gap_mm=3)
        if flow.era.wording != "old":
            flow.paragraph(flow.rich("Tel. {bauherr_telefon}"), gap_mm=3)
        flow.paragraph(f"An\n{flow.pick_common('office')}", gap_mm=4)
        flow.paragraph(flow.rich("{ort}, den {heute}"), indent_mm=flow.width_mm * 0.5)
    if page == 0:
        flow.title(flow.pick("title"), scale=1.15)
        flow.paragraph(flow.rich("Grundstück {strasse} {nr}; {vorhaben}"), gap_mm=4)
        if flow.era.wording != "old" and from_office:
            flow.paragraph(flow.rich("{liebe} {bauherr_name},"))
    for sentence in flow.sentences(7):
        if flow.room_mm > 42:
            flow.paragraph(sentence)
    if from_office:
        flow.closing("closing", "{amt_beamter}", "amtsperson")
    else:
        flow.closing("private_closing", "{bauherr}", "bauherr")
    if rng.random() < 0.35:
        flow.note(int(rng.integers(1, 4)))


def drainage_form(flow: Flow, page: int) -> None:
    """Set an application for drainage."""
    flow.title(flow.pick("title"))
    if page == 0:
        flow.labelled("bauherr", "{bauherr}")
        property_rows(flow)
        flow.row("Angeschlossen sind", flow.rich("{a} Abläufe, {d} Aborte"))
        flow.y_mm += 3
    for sentence in flow.sentences(6):
        flow.paragraph(sentence, gap_mm=3)
    flow.closing("private_closing", "{architekt}", "entwurfsverfasser")


def parking(flow: Flow, _: int) -> None:
    """Set a proof of parking spaces."""
    flow.title(flow.pick("title"))
    flow.labelled("vorhaben", "{vorhaben}")
    flow.labelled("grundstueck", "{strasse} {nr}")
    flow.labelled("bauherr", "{bauherr}")
    rows: list[list[Rich | str]] = [["Nutzung", "Größe", "Plätze"]]
    rows.append(["Wohnungen", flow.rich("{wohnungen}"), flow.rich("{d}")])
    rows.append(["Besucher", "", flow.rich("{d}")])
    flow.table(rows, (0, flow.width_mm * 0.45, flow.width_mm * 0.72))
    for sentence in flow.sentences(5):
        flow.paragraph(sentence, gap_mm=3)
    flow.closing("private_closing", "{architekt}", "entwurfsverfasser")


PAGES: Final[dict[str, Builder]] = {
    "deckblatt": cover, "bauantrag": application, "baubeschreibung": description,
    "genehmigung": notice, "abnahme": notice, "baulast_befreiung": notice, "gebuehr": notice,
    "nachbar": neighbour, "stellungnahme": opinion, "schriftverkehr": letter,
    "entwaesserung": drainage_form, "stellplatz": parking,
}  # fmt: skip
"""Builders by class; those of figures and plans stand in their own modules."""

"""Hand-written pages as an engine delivers them, placed like a typewriter would."""

from apps.archivair.documents.content import PageContent, PlacedLine, PlacedWord

LETTER, LINE, LEFT, TOP = 12.0, 40.0, 150.0, 200.0


def written_page(text: str, number: int = 1, *, confidence: float = 0.97, **more: object):
    """Place a text: two blanks or more between words leave a gap, an empty line ends a block."""
    lines, block = [], 0
    for row, line in enumerate(text.strip("\n").split("\n")):
        if not line.strip():
            block += 1
            continue
        words, place = [], 0
        for word in line.split(" "):
            if word:
                left, top = LEFT + place * LETTER, TOP + row * LINE
                box = (left, top, left + len(word) * LETTER, top + 24)
                words.append(PlacedWord(word, box, box, confidence))
            place += len(word) + 1
        lines.append(PlacedLine(tuple(words), block))
    return PageContent(number, 1654, 2339, tuple(lines), dpi=200, **more)  # type: ignore[arg-type]


def blank_page(number: int) -> PageContent:
    return PageContent(number, 1654, 2339, dpi=200, is_blank=True)


PETITION_1905 = """
Musterſtadt, den 17. Oktober 1905.

An
die Baupolizei-Verwaltung
hier.

Geſuch um Ertheilung des Bauconſenſes

Bauherr: Wilhelm Kramer, Schreinermeister
Baustelle: Lindenſtraße Nr. 12
Gemarkung: Altſtadt   Flur Nr. 7   Parzelle Nr. 123/45

Unter Vorlage der Zeichnungen bitte ich gehorſamſt um die baupolizeiliche
Erlaubniß zum Neubau eines Wohnhauſes mit Stallung.

Ergebenſt
"""

PERMIT_1957 = """
Der Stadtdirektor
Bauaufsichtsamt
Az.: 63-1/00412/57

Bauschein Nr. 412

Bauherr:          Karl Schmitz
Baugrundstück:    Gartenstraße 14 a
Gemarkung:        Nordviertel
Flur:             3
Flurstück:        88/2
Bauvorhaben:      Neubau eines Mehrfamilienhauses

Auf Ihren Antrag vom 3. Mai
1957 wird Ihnen unbeschadet der Rechte Dritter die Genehmigung erteilt,
das Vorhaben nach den geprüften Bauvorlagen auszuführen.
Die Schlußabnahme ist zu beantragen.

Genehmigt am 12.08.57
Gebühr: 184,50 DM
"""

PERMIT_1957_MISREAD = (
    PERMIT_1957.replace("Bauherr:", "Bauhorr:")
    .replace("Baugrundstück:", "Baugrundstuck:")
    .replace("Flurstück:", "F1urstück:")
    .replace("Gemarkung:", "Gemarknng:")
)

ACCEPTANCE_1961 = """
Schlußabnahmeschein

Bauschein vom 03.05.57   Aktenzeichen: 63-1/00412/57
Bauherr: Karl Schmitz

Die Schlußabnahme hat am 9. Mårz 1961 stattgefunden. Mängel wurden nicht festgestellt.
Das Gebäude darf bezogen werden.
"""

APPLICATION_2018 = """
Bauantrag im vereinfachten Genehmigungsverfahren

Bauherrin
Dr. Petra Neumann
Bauort
Am Anger 7, 45678 Musterstadt
Gebäudeklasse: 3
Entwurfsverfasser: Jonas Weber
Eingegangen am 04.06.2018
"""

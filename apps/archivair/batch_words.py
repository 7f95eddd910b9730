"""A batch in words: its properties, its documents, what of them is unsure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from apps.archivair.batch.contents import Batch, Document, PropertyFile
from apps.archivair.class_words import class_word
from shared.i18n import N_, Translator

MOST_RUNS = 6
"""Pages in another order are named one by one as long as that stays short."""
_ACTIONS = {
    "schnitt": N_("Schnitt vor Seite {page}"),
    "klasse": N_("Art ab Seite {page}"),
    "drehung": N_("Drehung der Seite {page}"),
    "andere_akte": N_("Zuordnung der Seite {page}"),
    "platz": N_("Platz der Seite {page}"),
}


def property_words(file: PropertyFile, t: Translator) -> str:
    """Name a property by its address, its parcel and its file number, as far as they are known.

    Args:
        file: Documents about one property.
        t: Translator of the app.
    """
    known = file.property
    address = " ".join(filter(None, (known.get("strasse"), known.get("hausnummer"))))
    parts = [address]
    if known.get("flurstueck"):
        land = known.get("gemarkung", "")
        plot = t(
            "Flur {flur}, Flurstück {plot}", flur=known.get("flur", "–"), plot=known["flurstueck"]
        )
        parts.append(f"{land} {plot}".strip())
    if known.get("aktenzeichen"):
        parts.append(t("Az. {number}", number=known["aktenzeichen"]))
    return " · ".join(filter(None, parts)) or t("Grundstück nicht erkannt")


def pages_words(document: Document, t: Translator) -> str:
    """Say which pages a document has.

    Args:
        document: The document.
        t: Translator of the app.
    """
    first, last = document.first_page, document.last_page
    if first == last:
        return t("Seite {number}", number=first)
    if document.order:
        return _ordered_words(document.order, t)
    return t("Seiten {first} bis {last}", first=first, last=last)


def _ordered_words(numbers: Sequence[int], t: Translator) -> str:
    """Name pages that do not lie as they were scanned: 6, 5, 7 to 9; of many their count."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    if len(runs) > MOST_RUNS:
        count = t.plural("{count} Seite", "{count} Seiten", len(numbers))
        return t("{pages} in eigener Reihenfolge", pages=count)
    words = [
        str(first) if first == last else t("{first} bis {last}", first=first, last=last)
        for first, last in runs
    ]
    return t("Seiten {numbers}", numbers=", ".join(words))


def document_words(document: Document, t: Translator) -> str:
    """Name a document: number, class, pages.

    Args:
        document: The document.
        t: Translator of the app.
    """
    name = class_word(document.document_class, t)
    return f"{document.document}. {name} ({pages_words(document, t)})"


def action_words(item_keys: Sequence[str], t: Translator) -> str:
    """Say what an action was about.

    Args:
        item_keys: Items of its decisions, such as `schnitt:7`, the first one first.
        t: Translator of the app.
    """
    told = [one.split(":") for one in item_keys if one.split(":")[0] in _ACTIONS]
    # What places a page may also move a cut and hand on a class; it is about the page.
    placed = [one for one in told if one[0] == "platz"]
    if len(placed) > 1:
        return t("Reihenfolge von {count} Seiten", count=t.number(len(placed)))
    kind, page = (placed or told)[0]
    return t(_ACTIONS[kind], page=page)


def batch_words(batch: Batch, t: Translator) -> str:
    """Say how many pages, documents and files there are.

    Args:
        batch: The batch.
        t: Translator of the app.
    """
    pages = t.plural("{count} Seite", "{count} Seiten", len(batch.pages))
    documents = t.plural("{count} Dokument", "{count} Dokumente", len(batch.documents))
    files = t.plural("{count} Akte", "{count} Akten", len(batch.files))
    return f"{pages}, {documents}, {files}."


def unsure_words(batch: Batch, t: Translator) -> str:
    """Say how much of cuts and classes a person should look at.

    Args:
        batch: The batch.
        t: Translator of the app.
    """
    counts = Counter(item.kind for item in batch.needs_review)
    if not counts["boundary"] and not counts["class"]:
        return t("Die Software ist sich bei allen Schnitten und Arten sicher.")
    cuts = t.plural(
        "{count} Schnitt ist unsicher.", "{count} Schnitte sind unsicher.", counts["boundary"]
    )
    classes = t.plural(
        "Bei {count} Dokument ist die Art unklar.",
        "Bei {count} Dokumenten ist die Art unklar.",
        counts["class"],
    )
    return " ".join(
        words for words, count in ((cuts, counts["boundary"]), (classes, counts["class"])) if count
    )

"""A batch in words: its properties, its documents, what of them is unsure."""

from __future__ import annotations

from collections import Counter

from apps.archivair.batch.contents import Batch, Document, PropertyFile
from apps.archivair.class_words import class_word
from shared.i18n import N_, Translator

_ACTIONS = {
    "schnitt": N_("Schnitt vor Seite {page}"),
    "klasse": N_("Art ab Seite {page}"),
    "drehung": N_("Drehung der Seite {page}"),
    "andere_akte": N_("Zuordnung der Seite {page}"),
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
    return t("Seiten {first} bis {last}", first=first, last=last)


def document_words(document: Document, t: Translator) -> str:
    """Name a document: number, class, pages.

    Args:
        document: The document.
        t: Translator of the app.
    """
    name = class_word(document.document_class, t)
    return f"{document.document}. {name} ({pages_words(document, t)})"


def item_words(item_key: str, t: Translator) -> str:
    """Say what a decision was about.

    Args:
        item_key: Its item, such as `schnitt:7`.
        t: Translator of the app.
    """
    kind, page = item_key.split(":")
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

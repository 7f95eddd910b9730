"""A class map in words and figures, the same on the page and in the report. No Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

from apps.aviary.class_maps.area_uncertainty import Sample
from apps.aviary.class_maps.map_file import ClassMap
from apps.aviary.finds.words import DEMONSTRATION, KeyFigure, class_title, failed_words
from apps.aviary.preflight import outside_checked_range
from shared.errors import Cancelled
from shared.i18n import Translator

MOST_FIGURES = 3
MOST_NAMED = 3
LEAST_SHARE = 0.001
"""Classes with less are not worth a sentence."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class of a map.

    Args:
        code: Its number.
        key: Its name in files.
        title: Its translated name.
        colour: "#rrggbb".
        area_m2: Its ground area [m2].
        share: Its share of the classified area, 0 to 1.
    """

    code: int
    key: str
    title: str
    colour: str
    area_m2: float
    share: float


def class_rows(content: ClassMap, t: Translator) -> list[ClassRow]:
    """Return the classes of a map, the largest first.

    Args:
        content: The map.
        t: Translator of the app.
    """
    area_m2, share = content.area_m2, content.share
    rows = [
        ClassRow(
            one.code,
            one.key,
            class_title(content.recipe, one.key, t),
            one.colour,
            area_m2[one.key],
            share[one.key],
        )
        for one in content.recipe.classes
    ]
    return sorted(rows, key=lambda row: (-row.area_m2, row.code))


def class_figures(content: ClassMap, t: Translator) -> list[KeyFigure]:
    """Return the figures of a class map: its largest classes and how sure a model is."""
    figures = [
        KeyFigure(row.title, row.share * 100, "%", note=t.number(row.area_m2, 0, "m²"))
        for row in class_rows(content, t)[:MOST_FIGURES]
        if row.area_m2
    ]
    mean = content.totals.mean_confidence
    if mean is not None and content.model is not None:
        note = t("Einschätzung des Modells")
        figures.append(KeyFigure(t("Mittlere Sicherheit"), mean * 100, "%", note=note))
    return figures


def what_came_out(content: ClassMap, t: Translator) -> str:
    """Say what the map shows most; arguments are those of `class_rows`."""
    rows = [row for row in class_rows(content, t) if row.share >= LEAST_SHARE]
    classified_m2 = sum(row.area_m2 for row in rows)
    if not rows:
        return t("Zu keiner Fläche des Bildes lässt sich etwas sagen.")
    named = ", ".join(f"{row.title} {t.percent(row.share, 0)}" for row in rows[:MOST_NAMED])
    return t(
        "{area} sind eingeteilt. Am meisten: {classes}.",
        area=t.number(classified_m2, 0, "m²"),
        classes=named,
    )


def how_sure(content: ClassMap, t: Translator) -> str:
    """Say how certain the map is; arguments are those of `class_rows`."""
    mean = content.totals.mean_confidence
    if content.model is None:
        return t("Die Werte sind gerechnet. Was sie am Boden bedeuten, prüft ein Mensch.")
    sentences = [t(DEMONSTRATION)]
    if mean is not None:
        sentences.append(
            t(
                "Die mittlere Sicherheit der Bildpunkte ist {mean}; das ist die Einschätzung des "
                "Modells, keine gemessene Trefferquote.",
                mean=t.percent(mean, 0),
            )
        )
    return " ".join(sentences)


def next_step(t: Translator) -> str:
    """Say what a person does now."""
    return t(
        "Vergleichen Sie die Karte an einigen Stellen mit dem Luftbild, zuerst dort, wo sie "
        "unsicher ist. Nehmen Sie danach die Dateien mit."
    )


def remarks(content: ClassMap, t: Translator) -> list[str]:
    """Return what a reader must know besides; arguments are those of `class_rows`."""
    stopped = sum(one.code == Cancelled.code for one in content.failed)
    found = failed_words(len(content.failed) - stopped, stopped, content.tiles, t)
    if content.no_data_share >= LEAST_SHARE:
        share = t.percent(content.no_data_share, 1)
        found.append(t("Zu {share} der Fläche ist nichts bekannt.", share=share))
    if outside_checked_range(content.info, content.recipe):
        found.append(t("Das Ergebnis liegt außerhalb des geprüften Bereichs der Bodenauflösung."))
    unusual = len(content.unusual_tiles or ())
    if unusual:
        found.append(
            t.plural(
                "{count} von {total} Kacheln sieht anders aus als die Trainingsbilder. Die Karte "
                "ist dort unsicher.",
                "{count} von {total} Kacheln sehen anders aus als die Trainingsbilder. Die Karte "
                "ist dort unsicher.",
                unusual,
                total=content.tiles,
            )
        )
    return found


def sample_sentences(content: ClassMap, sample: Sample, t: Translator) -> list[str]:
    """Say how far the check of random points is and what it tells about the map.

    Args:
        content: The map.
        sample: The checked points.
        t: Translator of the app.
    """
    sentences = [
        t(
            "{checked} von {drawn} Punkten sind geprüft, davon {unclear} unklar.",
            checked=t.number(sample.checked),
            drawn=t.number(sample.drawn),
            unclear=t.number(sample.unclear),
        )
    ]
    if sample.accuracy is None:
        names = ", ".join(class_title(content.recipe, key, t) for key in sample.lacking)
        return [
            *sentences,
            t("Für berichtigte Flächen fehlen noch Punkte: {classes}.", classes=names),
        ]
    return [
        *sentences,
        t("Richtig sind etwa {share} der Fläche.", share=t.percent(sample.accuracy, 0)),
        t(
            "Der wahre Wert liegt mit 95 % Sicherheit im Bereich. Wo kein Punkt falsch war, "
            "ist der Bereich zu schmal."
        ),
    ]

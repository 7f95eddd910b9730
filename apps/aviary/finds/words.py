"""A result in words and figures, the same on the page and in the report. No Streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from apps.aviary.finds.analysis import BOXES_ONLY, Analysis, Result
from apps.aviary.finds.score_words import score_words
from apps.aviary.recipes import Recipe, find_recipe
from shared.i18n import N_, Translator

DEMONSTRATION = N_(
    "Demonstrationsmodell: Prüfen Sie Stichproben, bevor Sie Entscheidungen treffen."
)
DEMONSTRATION_BADGE = N_("Demonstrationsmodell")
FIGURE_WORDS: Final[dict[str, tuple[str, str]]] = {
    "green_share": (N_("Grünanteil"), "%"),
    "green_m2": (N_("Grünfläche"), "m²"),
    "crown_m2": (N_("Kronenfläche"), "m²"),
    "crown_diameter_m": (N_("Kronendurchmesser"), "m"),
    "height_m": (N_("Höhe"), "m"),
    "ndvi_evidence": (N_("Hinweis auf Pflanzen (NDVI)"), "%"),
}
"""What a method says about an object beside its area: title and unit."""
COVER_WORDS: Final[dict[str, str]] = {
    "class_before": N_("Boden vorher"),
    "class_after": N_("Boden nachher"),
}
"""What a method says as code of land cover: title."""
OUTSIDE_RANGE = N_("Das Ergebnis liegt außerhalb des geprüften Bereichs der Bodenauflösung.")


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One number of a result.

    Args:
        label: Translated name.
        value: The number.
        unit: Unit, for example "m²".
        low: Lower end of its range.
        high: Upper end of its range.
        note: Translated remark.
    """

    label: str
    value: float
    unit: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""


def key_figures(analysis: Analysis, result: Result, t: Translator) -> list[KeyFigure]:
    """Return the figures of a result.

    Args:
        analysis: The image after the model looked at it.
        result: What was found with the settings in force.
        t: Translator of the app.
    """
    doubtful = sum(one.doubtful for one in result.objects)
    area_m2 = sum(result.area_m2.values())
    figures = [
        KeyFigure(t("Funde"), len(result.objects)),
        KeyFigure(
            t("davon zweifelhaft"), doubtful, note=t("bitte zuerst prüfen") if doubtful else ""
        ),
        KeyFigure(t("Fläche"), area_m2, "m²", note=_area_note(analysis, t)),
    ]
    estimate = analysis.recipe.estimate
    if estimate is not None:
        counted_m2 = sum(result.area_m2.get(key, 0.0) for key in estimate.classes)
        low, high = counted_m2 * estimate.low_kwp_per_m2, counted_m2 * estimate.high_kwp_per_m2
        note = t("ungeprüfte Annahme") if estimate.status == "ungeprueft" else ""
        label = t("Leistung, grob geschätzt")
        figures.append(KeyFigure(label, (low + high) / 2, "kWp", low=low, high=high, note=note))
    return figures


def what_came_out(analysis: Analysis, result: Result, t: Translator) -> str:
    """Say how much was found; arguments are those of `key_figures`."""
    info = analysis.info
    return t.plural(
        "{count} Fund mit {area} auf {size} Bildfläche.",
        "{count} Funde mit zusammen {area} auf {size} Bildfläche.",
        len(result.objects),
        area=t.number(sum(result.area_m2.values()), 0, "m²"),
        size=t.number(info.megapixels * (info.gsd_m or 0) ** 2 * 1e6, 0, "m²"),
    )


def how_sure(recipe: Recipe, result: Result, t: Translator) -> str:
    """Say how certain the finds are.

    Args:
        recipe: What was looked for.
        result: What was found with the settings in force.
        t: Translator of the app.
    """
    sentences = [t(DEMONSTRATION)]
    if result.mean_confidence is not None:
        mean = t.percent(result.mean_confidence, 0)
        sentences.append(t(score_words(recipe).mean, mean=mean))
    return " ".join(sentences)


def next_step(result: Result, t: Translator) -> str:
    """Say what a person does now; arguments are those of `key_figures`."""
    if not result.objects:
        return t(
            "Suchen Sie im Bild selbst nach dem, was fehlen könnte. "
            "Nehmen Sie danach die Dateien mit."
        )
    if not any(one.doubtful for one in result.objects):
        return t(
            "Prüfen Sie eine Stichprobe der Funde im Bild. "
            "Suchen Sie auch nach Funden, die fehlen. Nehmen Sie danach die Dateien mit."
        )
    return t(
        "Prüfen Sie zuerst die zweifelhaften Funde im Bild, dann eine Stichprobe der übrigen. "
        "Suchen Sie auch nach Funden, die fehlen. Nehmen Sie danach die Dateien mit."
    )


def failed_tiles(analysis: Analysis, t: Translator) -> str:
    """Say how many tiles the model failed on; empty where it failed on none."""
    detection = analysis.detection
    failed = len(detection.failed) - detection.stopped_tiles
    return _failed(failed, len(detection.plan.tiles), t) if failed else ""


def failed_words(failed: int, stopped: int, total: int, t: Translator) -> list[str]:
    """Say how many tiles have no result; nothing where all have one.

    Args:
        failed: Tiles that the model failed on.
        stopped: Tiles that nobody looked at before a stop.
        total: All tiles.
        t: Translator of the app.
    """
    said = [_stopped(total - failed - stopped, total, t)] if stopped else []
    return [*said, _failed(failed, total, t)] if failed else said


def _failed(failed: int, total: int, t: Translator) -> str:
    return t.plural(
        "{count} von {total} Kacheln konnte nicht ausgewertet werden. Dort kann etwas fehlen. "
        "Bitte lassen Sie die gescheiterten Kacheln noch einmal auswerten.",
        "{count} von {total} Kacheln konnten nicht ausgewertet werden. Dort kann etwas fehlen. "
        "Bitte lassen Sie die gescheiterten Kacheln noch einmal auswerten.",
        failed,
        total=total,
    )


def stopped_tiles(analysis: Analysis, t: Translator) -> str:
    """Say how many tiles were looked at before a stop; empty where nobody stopped."""
    detection = analysis.detection
    total = len(detection.plan.tiles)
    done = total - len(detection.failed)
    return _stopped(done, total, t) if detection.stopped_tiles else ""


def _stopped(done: int, total: int, t: Translator) -> str:
    return t(
        "Abgebrochen: ausgewertet sind {done} von {total} Kacheln. In den übrigen kann etwas "
        "fehlen.",
        done=t.number(done),
        total=t.number(total),
    )


def unusual_tiles(analysis: Analysis, t: Translator) -> str:
    """Say how many tiles the model does not know the like of; empty where it knows all."""
    unusual = analysis.detection.unusual_tiles
    if not unusual:
        return ""
    return t.plural(
        "{count} von {total} Kacheln sieht anders aus als die Trainingsbilder. Funde "
        "darin gelten als zweifelhaft.",
        "{count} von {total} Kacheln sehen anders aus als die Trainingsbilder. Funde "
        "darin gelten als zweifelhaft.",
        len(unusual),
        total=len(analysis.detection.plan.tiles),
    )


def class_title(recipe: Recipe, class_key: str, t: Translator) -> str:
    """Return the title of a class in the language of the reader."""
    return recipe.title(class_key, t.language)


def figure_names(result: Result) -> list[str]:
    """Return what the finds are told to have beside their area, in a fixed order."""
    names = {name for one in result.objects for name, _ in one.figures}
    return [*(name for name in COVER_WORDS if name in names), *sorted(names - COVER_WORDS.keys())]


def cover_title(code: float | None, t: Translator) -> str:
    """Name a class of land cover; empty where an object has none.

    Args:
        code: Its code.
        t: Translator of the app.
    """
    if code is None:
        return ""
    recipe = find_recipe("landcover")
    keys = {one.code: one.key for one in recipe.classes}
    return class_title(recipe, keys[round(code)], t) if round(code) in keys else t.number(code)


def title_of(recipe: Recipe, t: Translator) -> str:
    """Return the title of a recipe in the language of the reader."""
    return recipe.title_en if t.language == "en" else recipe.title_de


def resolution_word(recipe: Recipe, t: Translator) -> str:
    """Say which ground resolution a recipe needs at the least."""
    return t("bis {coarsest} cm je Bildpunkt", coarsest=t.number(recipe.gsd_max_m * 100))


def _area_note(analysis: Analysis, t: Translator) -> str:
    note = t("von oben gesehen, Überlappungen zählen einmal")
    if analysis.detection.boxes_only:
        note += ". " + t(BOXES_ONLY.text) + " " + t(BOXES_ONLY.remedy)
    return note

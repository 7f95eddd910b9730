"""Step 3 of the page: picture and equal table, sliders without a second look, the four answers."""

from __future__ import annotations

import streamlit as st

from apps.aviary.analysis import BOXES_ONLY, Analysis, Result, count
from apps.aviary.view_picture import show_picture
from apps.aviary.view_run import StoredRun
from shared import __version__
from shared.contracts.provenance import ModelUse, Provenance
from shared.i18n import N_
from shared.ui import AppContext, Figure, answer_panel, empty_state, figures

LEAST_PERCENT, MOST_PERCENT, STEP_PERCENT = 5, 95, 5
MOST_AREA_M2 = 50
DEMONSTRATION = N_(
    "Demonstrationsmodell: Prüfen Sie Stichproben, bevor Sie Entscheidungen treffen."
)


def show_result(ctx: AppContext, run: StoredRun) -> tuple[Result, float, float]:
    """Show what was found and return it with the threshold and least area in force.

    Args:
        ctx: Context of the page.
        run: The finished run.
    """
    analysis = run.analysis
    threshold, min_area_m2 = _sliders(ctx, analysis)
    result = count(analysis, threshold=threshold, min_area_m2=min_area_m2)
    _notes(ctx, analysis)
    figures(_figures(ctx, analysis, result), ctx.t)
    if result.objects:
        show_picture(ctx, run, result)
    else:
        empty_state(
            ctx.t("Nichts gefunden"),
            ctx.t(
                "Mit diesen Einstellungen gibt es keinen Fund. Das heißt nicht, dass es keine "
                "Anlagen gibt. Senken Sie die kleinste Sicherheit oder die kleinste Fläche."
            ),
        )
    _answers(ctx, run, result, threshold)
    return result, threshold, min_area_m2


def _sliders(ctx: AppContext, analysis: Analysis) -> tuple[float, float]:
    t, recipe = ctx.t, analysis.recipe
    left, right = st.columns(2)
    percent = left.slider(
        t("Kleinste Sicherheit in Prozent"),
        LEAST_PERCENT,
        MOST_PERCENT,
        round(analysis.threshold * 100 / STEP_PERCENT) * STEP_PERCENT,
        STEP_PERCENT,
        key="aviary_threshold",
        help=t("Niedriger: mehr Funde, mehr Fehlalarme. Die Auswertung läuft nicht neu."),
    )
    area_m2 = right.slider(
        t("Kleinste Fläche in Quadratmetern"),
        0,
        MOST_AREA_M2,
        round(recipe.min_area_m2),
        key="aviary_min_area",
        help=t("Kleinere Funde werden ausgeblendet. Ein Solarmodul misst etwa 1,7 m²."),
    )
    return percent / 100, float(area_m2)


def _notes(ctx: AppContext, analysis: Analysis) -> None:
    t, detection = ctx.t, analysis.detection
    if detection.failed:
        st.error(
            t.plural(
                "{count} von {total} Kacheln konnte nicht ausgewertet werden. Dort kann etwas "
                "fehlen. Bitte starten Sie die Auswertung noch einmal.",
                "{count} von {total} Kacheln konnten nicht ausgewertet werden. Dort kann etwas "
                "fehlen. Bitte starten Sie die Auswertung noch einmal.",
                len(detection.failed),
                total=len(detection.plan.tiles),
            )
        )
    if analysis.outside_checked_range:
        st.warning(t("Das Ergebnis liegt außerhalb des geprüften Bereichs der Bodenauflösung."))
    if detection.unusual_tiles:
        st.warning(
            t.plural(
                "{count} von {total} Kacheln sieht anders aus als die Trainingsbilder. Funde "
                "darin gelten als zweifelhaft.",
                "{count} von {total} Kacheln sehen anders aus als die Trainingsbilder. Funde "
                "darin gelten als zweifelhaft.",
                len(detection.unusual_tiles),
                total=len(detection.plan.tiles),
            )
        )


def _figures(ctx: AppContext, analysis: Analysis, result: Result) -> list[Figure]:
    t = ctx.t
    doubtful = sum(one.doubtful for one in result.objects)
    shown = [
        Figure(t("Funde"), len(result.objects)),
        Figure(t("davon zweifelhaft"), doubtful, note=t("bitte zuerst prüfen")),
        Figure(
            t("Fläche"),
            sum(result.area_m2.values()),
            "m²",
            note=_area_note(ctx, analysis),
        ),
    ]
    estimate = analysis.recipe.estimate
    if estimate is not None:
        area_m2 = sum(result.area_m2.get(key, 0.0) for key in estimate.classes)
        low, high = area_m2 * estimate.low_kwp_per_m2, area_m2 * estimate.high_kwp_per_m2
        note = t("ungeprüfte Annahme") if estimate.status == "ungeprueft" else None
        label = t("Leistung, grob geschätzt")
        shown.append(Figure(label, (low + high) / 2, "kWp", low=low, high=high, note=note))
    return shown


def _area_note(ctx: AppContext, analysis: Analysis) -> str:
    note = ctx.t("von oben gesehen, Überlappungen zählen einmal")
    if analysis.detection.boxes_only:
        note += ". " + ctx.t(BOXES_ONLY.text) + " " + ctx.t(BOXES_ONLY.remedy)
    return note


def _answers(ctx: AppContext, run: StoredRun, result: Result, threshold: float) -> None:
    t = ctx.t
    analysis = run.analysis
    what = t.plural(
        "{count} Fund mit {area} auf {size} Bildfläche.",
        "{count} Funde mit zusammen {area} auf {size} Bildfläche.",
        len(result.objects),
        area=t.number(sum(result.area_m2.values()), 0, "m²"),
        size=t.number(analysis.info.megapixels * (analysis.info.gsd_m or 0) ** 2 * 1e6, 0, "m²"),
    )
    sure = [t(DEMONSTRATION)]
    if result.mean_confidence is not None:
        sure.append(
            t(
                "Die mittlere Sicherheit der Funde ist {mean}; das ist die Einschätzung des "
                "Modells, keine gemessene Trefferquote.",
                mean=t.percent(result.mean_confidence, 0),
            )
        )
    answer_panel(
        what=what,
        how_sure=" ".join(sure),
        origin=provenance(run, threshold),
        next_step=t(
            "Prüfen Sie zuerst die zweifelhaften Funde im Bild, dann eine Stichprobe der übrigen. "
            "Suchen Sie auch nach Anlagen, die fehlen. Nehmen Sie danach die Dateien mit."
        ),
        t=t,
    )


def provenance(run: StoredRun, threshold: float) -> Provenance:
    """Return where the result comes from.

    Args:
        run: The finished run.
        threshold: Least score in force.
    """
    analysis, model = run.analysis, run.analysis.detection.model
    used: tuple[ModelUse, ...] = ()
    if model is not None:
        used = (ModelUse(model.name, model.version, model.sha256, model.runtime, model.device),)
    return Provenance(
        source=analysis.info.name,
        input_sha256=analysis.info.sha256,
        models=used,
        parameters={"threshold": threshold, "gsd_m": analysis.info.gsd_m},
        created_at=run.created_at,
        duration_s=analysis.seconds,
        software_version=__version__,
        sample_data=run.is_sample,
    )

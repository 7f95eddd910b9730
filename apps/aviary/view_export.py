"""Step 5 of the page: picture, table and geodata to take along."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import streamlit as st

from apps.aviary.analysis import Analysis, Result
from apps.aviary.outputs import objects_geojson, summary, to_json
from apps.aviary.overlay import draw_overlay
from apps.aviary.sample import NOTE
from apps.aviary.spreadsheet import objects_csv
from apps.aviary.view_run import StoredRun
from shared.ui import AppContext, Download, export_bar, file_name


def show_export(
    ctx: AppContext, run: StoredRun, result: Result, threshold: float, min_area_m2: float
) -> None:
    """Offer the result in four files.

    Args:
        ctx: Context of the page.
        run: The finished run.
        result: What was found with the settings in force.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    key = (run.key, run.created_at, threshold, min_area_m2, ctx.language)
    stored = st.session_state.get("aviary_files")
    if stored is None or stored[0] != key:
        stored = (key, _files(ctx, run, result, threshold, min_area_m2))
        st.session_state["aviary_files"] = stored
    export_bar(ctx, stored[1])


def _files(
    ctx: AppContext, run: StoredRun, result: Result, threshold: float, min_area_m2: float
) -> list[Download]:
    t, analysis = ctx.t, run.analysis
    note = NOTE if run.is_sample else "Hinweise zur Prüfung, Entscheidung trifft ein Mensch."
    facts = summary(
        analysis, result, path=analysis.info.name, threshold=threshold, min_area_m2=min_area_m2
    )
    texts = _picture_texts(facts, analysis, note)
    subject = PurePath(analysis.info.name).stem
    day = run.created_at.date()
    files = [
        (
            t("Bild mit Umrissen (PNG)"),
            "png",
            "image/png",
            draw_overlay(analysis.overview, analysis.info, result.objects, texts),
        ),
        (
            t("Tabelle (CSV für Excel)"),
            "csv",
            "text/csv",
            objects_csv(analysis, result, threshold=threshold, note=note),
        ),
        (
            t("Geodaten (GeoJSON)"),
            "geojson",
            "application/geo+json",
            objects_geojson(analysis, result, threshold=threshold).encode(),
        ),
        (t("Protokoll (JSON)"), "json", "application/json", to_json(facts).encode()),
    ]
    return [
        Download(label, file_name(ctx.manifest.id, subject, day, ending), mime, content)
        for label, ending, mime, content in files
    ]


def _picture_texts(facts: dict[str, Any], analysis: Analysis, note: str) -> dict[str, str]:
    """Return the text members of the picture: origin, model and settings."""
    parameters = facts["parameters"]
    return {
        "Description": note,
        "Source": f"{analysis.info.name} {analysis.info.sha256}",
        "Model": " ".join(str(value) for value in facts["model"].values()),
        "Parameters": f"threshold={parameters['threshold']} "
        f"min_area_m2={parameters['min_area_m2']}",
        "Software": f"urbanki-gallery {facts['software_version']}",
    }

"""Page of the fixture app."""

from datetime import UTC, datetime

import streamlit as st

from shared.store import artifacts, runs
from shared.store.layers import Publication
from shared.store.run_views import RunOrder, RunView
from shared.ui import (
    Download,
    app_page,
    bind_run,
    export_bar,
    flag_result,
    job_list,
    job_panel,
    primary_action,
    publish_button,
    show_run,
    step,
)


def show_sum(run: RunView) -> None:
    """Show what the run gave."""
    st.markdown(f"Summe: {run.summary['sum'] if run.summary else 'keine'}")
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    if "quadrate.csv" not in files:
        return
    file = files["quadrate.csv"]

    def content() -> bytes:
        return artifacts.read(ctx.principal, ctx.store, file)

    export_bar(ctx, [Download("Quadrate (CSV)", "zehnte_quadrate.csv", "text/csv", content)])
    schema = {"Zahl": "integer", "Quadrat": "integer"}
    publication = Publication("zehnte/quadrate", "Quadrate", file, schema, "CC0-1.0", "Test")
    publish_button(ctx, run, publication)
    flag_result(ctx, run.id)


with app_page("zehnte") as ctx:
    with step(ctx, 1, ctx.t("Daten wählen"), done=True):
        st.markdown("Die zehnte Anwendung antwortet.")
        folder = st.query_params.get("ordner", "")
        wanted = primary_action(ctx.t("Mit Beispiel ausprobieren"), key="zehnte_start")
        if wanted and folder:
            parameters = {
                "units": int(st.query_params.get("teile", "10")),
                "seconds": float(st.query_params.get("sekunden", "0.1")),
                "bad": [int(n) for n in st.query_params.get("kaputt", "").split(",") if n],
                "folder": folder,
            }
            order = RunOrder(
                "zehnte", "quadrate", "Quadrate <b>1</b>", (), parameters, is_example=True
            )
            show_run(runs.submit(ctx.principal, ctx.store, order, now=datetime.now(UTC)))
    run = bind_run(ctx)
    if run is not None:
        job_panel(ctx, run.id, on_done=show_sum)
    job_list(ctx, limit=3)

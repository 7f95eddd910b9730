"""A page that shows the redaction of a run and nothing else; tests open it."""

from apps.archivair.views.loading import load_batch
from apps.archivair.views.redaction import show_redaction
from shared.ui import app_page, bind_run

with app_page("archivair") as ctx:
    run = bind_run(ctx)
    batch = load_batch(ctx, run) if run is not None else None
    if run is not None and batch is not None:
        show_redaction(ctx, run, batch)

"""A page that shows the search of a run and nothing else; tests open it."""

from apps.archivair.views.loading import load_batch
from apps.archivair.views.search import show_search
from shared.ui import app_page, bind_run

with app_page("archivair") as ctx:
    run = bind_run(ctx)
    batch = load_batch(ctx, run) if run is not None else None
    if batch is not None:
        show_search(ctx, run, batch)

"""A page that shows the review, the documents or the storage of a run; tests open it."""

import streamlit as st

from apps.archivair.views.loading import load_batch
from apps.archivair.views.review import show_review
from shared.ui import app_page, bind_run

with app_page("archivair") as ctx:
    run = bind_run(ctx)
    batch = load_batch(ctx, run) if run is not None else None
    if batch is not None:
        if st.query_params.get("teil") == "ablage":
            from apps.archivair.views.storage import show_storage

            show_storage(ctx, run, batch)
        elif st.query_params.get("teil") == "dokumente":
            from apps.archivair.views.documents import show_documents

            show_documents(ctx, run, batch)
        else:
            show_review(ctx, run, batch)

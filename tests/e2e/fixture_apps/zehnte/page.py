"""Page of the fixture app."""

import streamlit as st

from shared.ui import app_page, primary_action, step

with app_page("zehnte") as ctx, step(ctx, 1, ctx.t("Daten wählen"), done=True):
    primary_action(ctx.t("Mit Beispiel ausprobieren"), key="zehnte_start")
    st.markdown("Die zehnte Anwendung antwortet.")

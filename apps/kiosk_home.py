"""Start page of the kiosk: pictures that invite, and one tile for each app."""

from __future__ import annotations

import streamlit as st

from shared.auth.session import principal
from shared.contracts.identity.policy import may_open
from shared.registry.discover import manifests
from shared.settings import get_settings
from shared.ui.attract import attract, tiles
from shared.ui.language import translator

t = translator()
acting = principal()
apps = [
    app for app in manifests(only=get_settings().app_ids) if may_open(acting, app.id, app.roles_min)
]
st.title(t("Was kann künstliche Intelligenz im Rathaus?"), anchor=False)
st.markdown(
    t("Probieren Sie es aus: Jedes Beispiel dauert höchstens drei Minuten. Ein Mensch entscheidet.")
)
pictures, choice = st.columns([2, 3])
with pictures:
    attract(apps, t)
with choice:
    tiles(apps, t)

"""Ways on from a result: the apps of the house that work with layers of this one."""

from __future__ import annotations

from typing import Final

import streamlit as st

from shared.contracts.identity.policy import may_open
from shared.registry.discover import manifests
from shared.ui import AppContext, is_kiosk

NEXT: Final = ("surentia", "sovia", "mapchatai")


def show_next(ctx: AppContext) -> None:
    """Link to the apps that go on with a published layer, those that are there and may be opened.

    Args:
        ctx: Context of the page.
    """
    if is_kiosk():
        return
    found = {one.id: one for one in manifests(only=ctx.settings.app_ids)}
    apps = [
        found[name]
        for name in NEXT
        if name in found and may_open(ctx.principal, name, found[name].roles_min)
    ]
    if not apps:
        return
    with st.container(horizontal=True, key="aviary_next"):
        for app in apps:
            title = app.localized("title", ctx.language)
            st.page_link(f"{app.id}/page.py", label=ctx.t("Weiter in {app}", app=title))

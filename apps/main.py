"""The only start file: `streamlit run apps/main.py` or `python apps/main.py`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import streamlit as st
from starlette.middleware import Middleware
from streamlit import config, file_util

from shared.auth.guard import Guard, content_security_policy
from shared.errors import OperationError
from shared.registry.discover import discover
from shared.settings import load_settings
from shared.startup import chosen_theme, prepare_tables
from shared.ui.assets import asset_routes, home_redirect
from shared.ui.failures import show_script_error
from shared.ui.html_patch import HtmlPatch, inline_scripts
from shared.ui.navigation import FIXED_PATHS, opens_one_app
from shared.ui.server_options import apply_options, require_loopback, server_options


def known_paths() -> frozenset[str]:
    """Return every path that leads to a page."""
    return FIXED_PATHS | {app.id for app in discover(only=settings.app_ids)}


started_directly = __name__ == "__main__"
try:
    settings = load_settings()
    require_loopback(settings.host if started_directly else config.get_option("server.address"))
    theme = chosen_theme(settings)
    prepare_tables(settings)
except OperationError as refusal:
    print(f"{refusal} {refusal.remedy}", file=sys.stderr)  # noqa: T201
    sys.exit(2)

logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)
options = server_options(settings, theme)
if not started_directly:
    apply_options(options)
index_page = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
app = st.App(
    Path(__file__).with_name("gallery.py"),
    routes=[*asset_routes(theme), *([] if opens_one_app(settings) else [home_redirect()])],
    middleware=[
        Middleware(
            Guard,
            policy=content_security_policy(inline_scripts(index_page)),
            frame_policy=content_security_policy(frame=True),
        ),
        Middleware(
            HtmlPatch,
            title=theme.name,
            language_setting=settings.language,
            known_paths=known_paths,
        ),
    ],
    on_script_error=show_script_error,
)

if started_directly:
    app.run(config=options)

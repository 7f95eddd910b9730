"""The only start file: `python apps/main.py`.

`streamlit run apps/main.py` works too, but opens its port before the checks of the start.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from streamlit import config, file_util

from shared.auth.first_start import note_start
from shared.auth.guard import Guard, GuardRules
from shared.auth.routes import account_routes
from shared.auth.secret_box import load_secret_box
from shared.auth.security_headers import content_security_policy
from shared.auth.services import process_services
from shared.auth.start_checks import load_or_refuse, refuse_start
from shared.auth.upload_rules import SESSION_HEADER
from shared.contracts.identity.principal import Role
from shared.errors import OperationError
from shared.log_lines import keep_to_one_line
from shared.registry.discover import discover, manifests
from shared.settings import PRIVATE_UMASK
from shared.startup import chosen_theme, prepare_tables
from shared.ui.activity import Activity
from shared.ui.assets import accounts_redirect, asset_routes, first_page_redirect
from shared.ui.failures import show_script_error
from shared.ui.html_patch import HtmlPatch, inline_scripts
from shared.ui.navigation import FIXED_PATHS, HIDDEN_FROM_VISITORS, opens_one_app
from shared.ui.server_options import (
    COOKIE_SECRET,
    COOKIE_SECRET_VARIABLE,
    apply_options,
    largest_upload_mb,
    server_options,
)
from shared.ui.streamlit_sessions import keep_files_apart
from shared.ui.warm_up import warm_up


def known_paths() -> frozenset[str]:
    """Return every path that leads to a page."""
    house = FIXED_PATHS - (HIDDEN_FROM_VISITORS if settings.mode == "kiosk" else frozenset())
    return house | {app.id for app in discover(only=settings.app_ids)}


def lowest_roles() -> Mapping[str, Role]:
    """Return who may open which app."""
    return {app.id: app.roles_min for app in manifests(only=settings.app_ids)}


def sign_in_routes() -> list[BaseRoute]:
    """Return the account pages of the mode in which people sign in."""
    if services.guests is not None:
        from shared.auth.kiosk_routes import kiosk_routes

        return [*kiosk_routes(services, services.guests)]
    if services.provider is not None:
        from shared.auth.provider_routes import provider_routes

        return [*provider_routes(services, services.provider), accounts_redirect()]
    return [*account_routes(services), accounts_redirect()]


started_directly = __name__ == "__main__"
os.umask(PRIVATE_UMASK)
settings = load_or_refuse()
try:
    theme = chosen_theme(settings)
    prepare_tables(settings)
    refuse_start(
        settings, settings.host if started_directly else config.get_option("server.address")
    )
    services = process_services()
    note_start(services)
    cookie_secret = load_secret_box(settings).key("streamlit").hex()
except OperationError as refusal:
    print(f"{refusal} {refusal.remedy}", file=sys.stderr)  # noqa: T201
    sys.exit(2)

keep_to_one_line()
logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
logging.getLogger("httpx").setLevel(logging.WARNING)
options = server_options(settings, theme)
if started_directly:
    os.environ[COOKIE_SECRET_VARIABLE] = cookie_secret
else:
    apply_options({**options, COOKIE_SECRET: cookie_secret})
index_page = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
app = st.App(
    Path(__file__).with_name("gallery.py"),
    routes=[
        *asset_routes(theme),
        *sign_in_routes(),
        first_page_redirect(*(settings.app_ids if opens_one_app(settings) else ())),
    ],
    middleware=[
        Middleware(
            Guard,
            services=services,
            rules=GuardRules(
                hosts=settings.served_hosts,
                proxies=settings.proxy_networks,
                apps=lowest_roles,
                max_upload_bytes=largest_upload_mb(settings) * 1024 * 1024,
                policy=content_security_policy(inline_scripts(index_page)),
                frame_policy=content_security_policy(frame=True),
            ),
        ),
        Middleware(Activity, services=services),
        Middleware(
            HtmlPatch,
            title=theme.name,
            language_setting=settings.language,
            known_paths=known_paths,
        ),
    ],
    on_script_error=show_script_error,
)

keep_files_apart(SESSION_HEADER)
warm_up(settings)
if started_directly:
    app.run(config=options)

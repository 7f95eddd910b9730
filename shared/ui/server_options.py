"""Streamlit's options, set by the program so that no config file and no flag can be forgotten."""

from __future__ import annotations

from collections.abc import Mapping

from streamlit import config

from shared.auth.session import SESSION_KEY, SUBJECT_KEY
from shared.auth.upload_rules import SESSION_HEADER, SUBJECT_HEADER
from shared.registry.discover import manifests
from shared.settings import Settings
from shared.themes.theme import Theme, streamlit_theme

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
COOKIE_SECRET = "server.cookieSecret"  # noqa: S105
COOKIE_SECRET_VARIABLE = "STREAMLIT_SERVER_COOKIE_SECRET"  # noqa: S105
"""`st.App.run` reads all options anew and takes no secret ones, so it gets this one from here."""


def server_options(settings: Settings, theme: Theme) -> dict[str, object]:
    """Return every option the gallery depends on but the secret of cookies.

    Args:
        settings: Address, port, names and upload limit.
        theme: Colours and font.
    """
    hosts = {*LOOPBACK_HOSTS, settings.host, *settings.served_hosts}
    return {
        "server.address": settings.host,
        "server.port": settings.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.maxUploadSize": largest_upload_mb(settings),
        "server.maxMessageSize": 50,
        "server.enableCORS": True,
        "server.corsAllowedOrigins": [settings.public_url] if settings.public_url else [],
        "server.allowedHosts": sorted(host.strip("[]") for host in hosts),
        "server.enableXsrfProtection": True,
        "server.xsrfCookieSameSite": "Strict",
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.disconnectedSessionTTL": 60,
        "server.trustedUserHeaders": {SESSION_HEADER: SESSION_KEY, SUBJECT_HEADER: SUBJECT_KEY},
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "client.showSidebarNavigation": False,
        "client.allowedOrigins": [],
        # A switch of the language sets widgets that have a default too.
        "global.disableWidgetStateDuplicationWarning": True,
        **streamlit_theme(theme),
    }


def largest_upload_mb(settings: Settings) -> int:
    """Return the size of the largest file that any app takes.

    Streamlit knows one limit for all; each page tells its own, and checks it.

    Args:
        settings: The operator's limit, and the apps that are served.
    """
    wanted = [app.limits.upload_mb for app in manifests(only=settings.app_ids)]
    return min(max(wanted, default=1), settings.max_upload_mb)


def apply_options(options: Mapping[str, object]) -> None:
    """Set the options in a process that `streamlit run` has started.

    The address is bound before the program runs, so address and port are not touched.

    Args:
        options: From `server_options`.
    """
    for name in options.keys() - {"server.address", "server.port"}:
        config.set_option(name, options[name])

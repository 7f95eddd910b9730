"""Streamlit's options, set by the program so that no config file and no flag can be forgotten."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from streamlit import config

from shared.errors import AddressNotLoopback
from shared.settings import Settings
from shared.themes.theme import Theme, streamlit_theme


def server_options(settings: Settings, theme: Theme) -> dict[str, object]:
    """Return every option the gallery depends on.

    Args:
        settings: Address, port and upload limit.
        theme: Colours and font.
    """
    return {
        "server.address": settings.host,
        "server.port": settings.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.maxUploadSize": settings.max_upload_mb,
        "server.maxMessageSize": 50,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.xsrfCookieSameSite": "Strict",
        "server.enableStaticServing": False,
        "server.disconnectedSessionTTL": 60,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "client.showSidebarNavigation": False,
        "client.allowedOrigins": [],
        # A switch of the language sets widgets that have a default too.
        "global.disableWidgetStateDuplicationWarning": True,
        **streamlit_theme(theme),
    }


def apply_options(options: Mapping[str, object]) -> None:
    """Set the options in a process that `streamlit run` has started.

    The address is bound before the program runs, so address and port are not touched.

    Args:
        options: From `server_options`.
    """
    for name in options.keys() - {"server.address", "server.port"}:
        config.set_option(name, options[name])


def require_loopback(address: str | None) -> None:
    """Refuse an address that other machines could reach.

    Args:
        address: Address the server is bound to; None means all addresses.

    Raises:
        AddressNotLoopback: The address is not on this machine only.
    """
    if address == "localhost":
        return
    try:
        if ipaddress.ip_address(address or "0.0.0.0").is_loopback:  # noqa: S104  # refused here
            return
    except ValueError:
        pass
    raise AddressNotLoopback(address=address or "0.0.0.0", name="URBANKI_HOST")  # noqa: S104  # named in the refusal

"""The settings of the provider, as the rest of the gallery imports them."""

from __future__ import annotations

from shared.contracts.identity.oidc_settings import OidcSettings, load_oidc_settings

__all__ = ["OidcSettings", "load_oidc_settings"]

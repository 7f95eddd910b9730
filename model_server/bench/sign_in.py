"""The bearer tokens that measurements show to the server under test."""

from __future__ import annotations

from collections.abc import Callable

from shared.contracts.identity.installation import InstallationToken
from shared.settings import Settings


def token_source(settings: Settings) -> Callable[[], str]:
    """Return what gives a token that the server of these settings accepts now."""
    return InstallationToken(settings, role="service", subject="bench").token

"""Logouts that the provider reports (OpenID Connect Back-Channel Logout 1.0)."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import parse_qsl

from shared.contracts.identity.provider_tokens import (
    LogoutNotice,
    ProviderRules,
    verify_logout_token,
)
from shared.contracts.identity.signed import KeyFor, TokenRefused

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_BODY_BYTES = 16 * 1024
_FIELD = "logout_token"


class UsedIds(Protocol):
    """Names of notices that have been acted on."""

    def claim(self, token_id: str, expires_at: float) -> bool:
        """Remember a name until a time; False if it is known, also for one of two at once."""


def read_logout(
    method: str,
    content_type: str,
    body: bytes,
    *,
    rules: ProviderRules,
    key_for: KeyFor,
    used: UsedIds,
    now: float,
) -> LogoutNotice:
    """Return whose sessions must end: that of `provider_sid`, all of `subject` if it is empty.

    Args:
        method: Of the request.
        content_type: Of the request.
        body: Of the request, at most 16 KiB.
        rules: Whose tokens are accepted.
        key_for: Gives the provider's key of a name.
        used: Notices that have come before.
        now: Unix time in seconds.

    Raises:
        TokenRefused: The request or its token is not as it must be (HTTP 400).
        SignInServiceDown: The provider's keys are not there.
    """
    if method != "POST" or content_type.partition(";")[0].strip().lower() != FORM_TYPE:
        raise TokenRefused("request")
    if len(body) > MAX_BODY_BYTES:
        raise TokenRefused("size")
    notice = verify_logout_token(_token(body), rules, key_for, now)
    if not used.claim(notice.token_id, notice.expires_at):
        raise TokenRefused("replay")
    return notice


def _token(body: bytes) -> str:
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10)
    except ValueError as cause:
        raise TokenRefused("form") from cause
    tokens = [value for name, value in fields if name == _FIELD]
    if len(tokens) != 1:
        raise TokenRefused("form")
    return tokens[0]

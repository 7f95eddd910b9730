"""Ids that sort by the time they were made.

Source: RFC 9562, section 5.7 (UUID version 7).
"""

from __future__ import annotations

import secrets
import time
from uuid import UUID

_VERSION, _VARIANT = 0x7 << 76, 0x2 << 62


def new_id(now_ms: int | None = None) -> str:
    """Return a new UUID version 7 as 36 characters.

    Args:
        now_ms: Milliseconds since 1970; None takes the clock.
    """
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    high, low = secrets.randbits(12), secrets.randbits(62)
    return str(UUID(int=(moment & (1 << 48) - 1) << 80 | _VERSION | high << 64 | _VARIANT | low))

"""Reads public documents of the provider over HTTP: small, in time, without redirects."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path
from typing import Any

import httpx

from shared.errors import SignInServiceDown

MAX_BYTES = 256 * 1024


def fetch_document(url: str, timeout_s: float, ca_file: Path | None = None) -> dict[str, Any]:
    """Return a JSON object.

    Args:
        url: Address at the provider.
        timeout_s: Seconds until the whole answer must have arrived.
        ca_file: Certificates that are trusted instead of the usual ones.

    Raises:
        SignInServiceDown: No, a late, a too large or another answer.
    """
    try:
        verify = True if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
        with (
            httpx.Client(verify=verify, timeout=timeout_s) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise SignInServiceDown(reason=f"status_{answer.status_code}")
            content = _read(answer, time.monotonic() + timeout_s)
        document = json.loads(content)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as cause:
        raise SignInServiceDown(reason=type(cause).__name__) from cause
    if not isinstance(document, dict):
        raise SignInServiceDown(reason="no_object")
    return document


def _read(answer: httpx.Response, end: float) -> bytes:
    """Read on only while it is small and in time: a server may send one byte now and then."""
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MAX_BYTES or time.monotonic() > end:
            raise SignInServiceDown(reason="too_large_or_late")
    return bytes(content)

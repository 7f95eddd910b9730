"""The content security policy: what pages may load, and from where."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from streamlit import file_util

from shared.auth.security_headers import content_security_policy
from shared.ui.html_patch import inline_scripts
from tests.auth.guarded import FRAME_POLICY, PAGE_POLICY


@pytest.mark.parametrize("policy", [PAGE_POLICY, FRAME_POLICY])
def test_no_policy_names_a_foreign_host(policy: str) -> None:
    sources = {word for part in policy.split(";") for word in part.split()[1:]}
    plain = {word for word in sources if not word.startswith("'sha256-")}
    assert plain <= {
        "'self'",
        "'none'",
        "'unsafe-inline'",
        "'unsafe-eval'",
        "'wasm-unsafe-eval'",
        "data:",
        "blob:",
    }


def test_the_policy_is_that_of_the_specification() -> None:
    parts = dict(part.strip().split(" ", 1) for part in PAGE_POLICY.split(";"))
    script = parts.pop("script-src")
    assert re.fullmatch(r"'self' 'wasm-unsafe-eval' 'sha256-[A-Za-z0-9+/]{43}='", script)
    assert parts == {
        "default-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "frame-src": "'self' data: blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }


def test_the_hash_is_that_of_the_served_page() -> None:
    """Streamlit's page has one inline script, another with each release."""
    page = Path(file_util.get_static_dir(), "index.html").read_text(encoding="utf-8")
    (script,) = inline_scripts(page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in content_security_policy(inline_scripts(page))

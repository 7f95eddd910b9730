"""One login for all processes of an installation, and one logout."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.two_processes import both_processes, sign_in_and_out

pytestmark = pytest.mark.timeout(240)
MOST_S = 20.0
"""For a busy machine; the times of the specification stand in `shared/auth/evaluation.json`."""


def test_a_login_counts_in_the_other_process_and_ends_there_too(
    browser: Browser, tmp_path: Path
) -> None:
    with both_processes(tmp_path) as (first, second):
        seen = sign_in_and_out(browser, first, second)
    assert seen.forms == 0
    assert seen.close_code == 4401
    assert seen.waits.websocket_closed_s < MOST_S
    assert seen.waits.page_replaced_s < MOST_S

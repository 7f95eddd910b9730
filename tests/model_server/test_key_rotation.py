"""The installation's key is replaced while the server runs: nobody is refused."""

from __future__ import annotations

import time
from http import HTTPStatus

import httpx
import pytest

from shared.clients.server_process import ServerHandle
from shared.contracts.identity.installation import InstallationToken
from shared.contracts.identity.jwks import UNKNOWN_WAIT_S
from shared.contracts.identity.key_rotation import rotate_key


@pytest.mark.server
def test_the_server_takes_tokens_of_both_keys(running_model_server: ServerHandle) -> None:
    settings = running_model_server.settings

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{settings.model_server_address}/models"
        return httpx.get(url, headers=headers, timeout=30, trust_env=False).status_code

    before = InstallationToken(settings).token()
    assert status(before) == HTTPStatus.OK
    rotate_key(settings, time.time())
    after = InstallationToken(settings).token()
    # Other tests have asked for invented keys: then a new one is looked up after ten seconds.
    give_up_at = time.monotonic() + UNKNOWN_WAIT_S + 30
    while status(after) != HTTPStatus.OK:
        assert time.monotonic() < give_up_at
        time.sleep(0.5)
    assert status(before) == HTTPStatus.OK

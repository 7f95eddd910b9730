"""The installation's key is replaced while everything runs; the old one ends ten minutes later."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.identity.installation import (
    InstallationToken,
    load_installation_key,
    write_key_set,
)
from shared.contracts.identity.jwks import MAX_KEYS, REFRESH_S, KeyCache, read_key_set
from shared.contracts.identity.key_rotation import KEEP_S, rotate_key
from shared.contracts.identity.tokens import LIFETIME_S, TokenRefused, verify_token
from shared.errors import KeySetUnusable, SecretUnusable
from shared.settings import REPOSITORY, Settings

NOW = 1_800_000_000.0


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path)


def thumbprint(settings: Settings) -> str:
    return str(load_installation_key(settings).key.thumbprint())


def published(settings: Settings, now: float) -> list[str]:
    return list(read_key_set(settings.key_set_file, now).keys)


def test_the_new_key_signs_and_the_old_one_counts_for_ten_minutes(chosen: Settings) -> None:
    old = thumbprint(chosen)
    issuer = load_installation_key(chosen).issuer
    done = rotate_key(chosen, NOW)
    assert (done.old_kid, done.kid, done.old_ends_at) == (old, thumbprint(chosen), NOW + KEEP_S)
    assert done.kid != old
    assert KEEP_S == 600
    assert load_installation_key(chosen).issuer == issuer
    assert published(chosen, NOW + KEEP_S - 1) == [done.kid, old]
    assert published(chosen, NOW + KEEP_S) == [done.kid]


def test_the_files_keep_their_rights_and_no_private_half_is_published(chosen: Settings) -> None:
    rotate_key(chosen, NOW)
    assert chosen.installation_key_file.stat().st_mode & 0o777 == 0o600
    assert chosen.key_set_file.stat().st_mode & 0o777 == 0o644
    assert '"d"' not in chosen.key_set_file.read_text(encoding="utf-8")
    assert sorted(file.name for file in chosen.keys_folder.iterdir()) == [
        "installation.pem",
        "jwks.json",
    ]


def test_a_running_model_server_follows(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """It trusts both keys for ten minutes, by its own clock and without a restart."""
    clock = NOW
    monkeypatch.setattr("shared.contracts.identity.jwks.time.time", lambda: clock)
    source = InstallationToken(chosen, clock=lambda: clock)
    cache = KeyCache(chosen.key_set_file)

    def accepts(token: str, steady: float) -> bool:
        try:
            verify_token(token, partial(cache.key_for, now=steady), clock)
        except TokenRefused:
            return False
        return True

    before = source.token()
    assert accepts(before, 0)
    old = rotate_key(chosen, clock).old_kid
    assert accepts(before, 1)
    clock += LIFETIME_S
    after = source.token()
    assert accepts(after, 1), "its key is looked up at once"
    cache.key_for(old, 2)
    clock = NOW + KEEP_S
    cache.key_for(old, 3)
    with pytest.raises(TokenRefused):
        cache.key_for(old, 3 + REFRESH_S)


def test_a_source_signs_its_next_token_with_the_new_key(chosen: Settings) -> None:
    clock = NOW
    source = InstallationToken(chosen, clock=lambda: clock)
    first = source.token()
    rotate_key(chosen, clock)
    assert source.token() == first
    clock += LIFETIME_S
    key = load_installation_key(chosen)
    cache = KeyCache(chosen.key_set_file)
    seen: list[str] = []

    def key_for(kid: str) -> Any:
        seen.append(kid)
        return cache.key_for(kid, 0)

    verify_token(source.token(), key_for, clock)
    assert seen == [key.key.thumbprint()]


def test_several_changes_in_ten_minutes_keep_what_a_key_set_holds(chosen: Settings) -> None:
    made = [rotate_key(chosen, NOW + second).kid for second in range(MAX_KEYS + 3)]
    kept = published(chosen, NOW + MAX_KEYS)
    assert kept == [made[-1], *reversed(made[-MAX_KEYS:-1])]


def test_keys_that_have_ended_are_not_published_again(chosen: Settings) -> None:
    rotate_key(chosen, NOW)
    second = rotate_key(chosen, NOW + KEEP_S)
    document = json.loads(chosen.key_set_file.read_text(encoding="utf-8"))
    assert [entry["kid"] for entry in document["keys"]] == [second.kid, second.old_kid]


ROTATE = f"""
import sys
from pathlib import Path
from shared.contracts.identity.key_rotation import rotate_key
from shared.settings import Settings
print(rotate_key(Settings(_env_file=None, data_dir=Path(sys.argv[1])), {NOW}).kid)
"""


def test_two_at_once_leave_a_key_that_is_published(chosen: Settings, tmp_path: Path) -> None:
    first = thumbprint(chosen)
    command = [sys.executable, "-c", ROTATE, str(tmp_path)]
    processes = [
        subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    made = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert set(published(chosen, NOW)) == {first, *made}
    assert thumbprint(chosen) == published(chosen, NOW)[0]


def test_a_second_change_waits_for_the_first(chosen: Settings) -> None:
    before = thumbprint(chosen)
    folder = os.open(chosen.keys_folder, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    second = threading.Thread(target=rotate_key, args=(chosen, NOW))
    second.start()
    second.join(0.5)
    assert second.is_alive()
    assert thumbprint(chosen) == before
    os.close(folder)
    second.join(60)
    assert thumbprint(chosen) != before


def test_a_power_cut_between_both_files_heals_itself(chosen: Settings) -> None:
    """The new key is published, but the old one goes on signing: it must not be refused later."""
    old = load_installation_key(chosen)
    private = chosen.installation_key_file.read_bytes()
    rotate_key(chosen, NOW)
    chosen.installation_key_file.write_bytes(private)
    document = json.loads(chosen.key_set_file.read_text(encoding="utf-8"))
    document["keys"][1]["exp"] = 1
    chosen.key_set_file.write_text(json.dumps(document), encoding="utf-8")
    assert load_installation_key(chosen).issuer == old.issuer
    assert published(chosen, NOW) == [old.key.thumbprint()]


def test_a_key_that_a_killed_process_has_published_ends_at_the_next_change(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody signs with it, and its private half does not lie about."""

    def killed(self: Path, target: Path) -> Path:
        if target == chosen.installation_key_file:
            monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
            raise KeyboardInterrupt
        return replace(self, target)

    replace = Path.replace
    load_installation_key(chosen)
    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate_key(chosen, NOW)
    monkeypatch.undo()
    assert len(list(chosen.keys_folder.glob(".installation.pem.*"))) == 1
    done = rotate_key(chosen, NOW + 1)
    assert len(published(chosen, NOW + KEEP_S - 1)) == 3
    assert published(chosen, NOW + 1 + KEEP_S) == [done.kid]
    assert not list(chosen.keys_folder.glob(".installation.pem.*"))


@pytest.mark.parametrize("end", ['"morgen"', "true", "NaN", "1e999", "[]"])
def test_an_end_that_is_no_moment_is_refused(chosen: Settings, end: str) -> None:
    rotate_key(chosen, NOW)
    text = chosen.key_set_file.read_text(encoding="utf-8")
    chosen.key_set_file.write_text(text.replace(str(int(NOW + KEEP_S)), end), encoding="utf-8")
    with pytest.raises(KeySetUnusable):
        read_key_set(chosen.key_set_file)


def test_a_set_of_keys_that_have_all_ended_names_the_installation(chosen: Settings) -> None:
    key = load_installation_key(chosen)
    ends = {key.key.thumbprint(): NOW}
    write_key_set(chosen.key_set_file, key.issuer, [key.key], ends)
    found = read_key_set(chosen.key_set_file, NOW)
    assert (found.issuer, dict(found.keys)) == (key.issuer, {})


def test_a_key_that_others_can_read_is_not_replaced(chosen: Settings) -> None:
    load_installation_key(chosen)
    before = chosen.installation_key_file.read_bytes()
    chosen.installation_key_file.chmod(0o644)
    with pytest.raises(SecretUnusable):
        rotate_key(chosen, NOW)
    assert chosen.installation_key_file.read_bytes() == before

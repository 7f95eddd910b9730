"""The systemd units run what the Procfile runs, may do nothing else, and name their settings."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared.settings import REPOSITORY, Settings

UNITS = REPOSITORY / "deploy" / "systemd"
PARTS = {"jobs": "python", "gallery": "python"}
EVERY_PART = (*PARTS, "model-server")
SIGN_IN_SETTINGS = {
    "jobs": {"OIDC_JOBS_SECRET_FILE"},
    "gallery": {"PUBLIC_URL", "TRUSTED_PROXIES", "AUTH_MODE", "OIDC_ISSUER"},
    "model-server": {"AUTH_MODE", "OIDC_ISSUER"},
}
HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ReadWritePaths": "/var/lib/urbanki",
    "StateDirectoryMode": "0700",
    "PrivateTmp": "yes",
    "ProtectHome": "yes",
    "CapabilityBoundingSet": "",
    "IPAddressDeny": "any",
    "IPAddressAllow": "localhost",
    "UMask": "0077",
}
every_part = pytest.mark.parametrize("part", PARTS)


def pairs(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def procfile(part: str) -> tuple[dict[str, str], list[str]]:
    """Environment and command of a line; settings are replaced by their defaults."""
    for line in (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition(":")
        if name == part:
            words = shlex.split(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))
            start = words.index(PARTS[part])
            assert words[0] == "env"
            return pairs(words[1:start]), words[start:]
    message = f"the Procfile has no line {part}"
    raise AssertionError(message)


def text_of(part: str) -> str:
    return (UNITS / f"urbanki-{part}.service").read_text(encoding="utf-8")


def unit(part: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text_of(part), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@every_part
def test_unit_runs_the_line_of_the_procfile(part: str) -> None:
    wanted, command = procfile(part)
    environment = pairs(unit(part)["Environment"])
    assert {name: environment.get(name) for name in wanted} == wanted
    (start,) = unit(part)["ExecStart"]
    program, *rest = shlex.split(start)
    assert [Path(program).name, *rest] == command


@every_part
def test_unit_may_do_nothing_but_its_work(part: str) -> None:
    found = unit(part)
    assert {name: found[name][-1] for name in HARDENING} == HARDENING
    assert found["User"] == ["urbanki"]
    assert found["RestartPreventExitStatus"] == ["2"]
    assert found["KillMode"] == ["mixed"]


@pytest.mark.parametrize("part", EVERY_PART)
def test_unit_starts_something_that_is_there(part: str) -> None:
    (start,) = unit(part)["ExecStart"]
    program, *rest = shlex.split(start)
    place = rest[-1] if Path(program).name == "python" else rest[1].partition(":")[0]
    if place.endswith(".py"):
        assert (REPOSITORY / place).is_file()
    else:
        assert find_spec(place) is not None


@pytest.mark.parametrize("part", EVERY_PART)
def test_unit_says_which_settings_signing_in_needs(part: str) -> None:
    """What is named there is a setting, and what Keycloak needs is named."""
    text = text_of(part)
    named = set(re.findall(r"\bURBANKI_(\w+)", text))
    assert {name for name in named if name.lower() not in Settings.model_fields} == set()
    assert named >= SIGN_IN_SETTINGS[part]
    assert f"systemctl edit urbanki-{part}" in text
    (file,) = unit(part)["EnvironmentFile"]
    assert file.removeprefix("-") in (REPOSITORY / "docs" / "betrieb.md").read_text("utf-8")


def test_all_units_share_account_and_data() -> None:
    for key in ("User", "Group", "WorkingDirectory", "ReadWritePaths"):
        assert len({unit(part)[key][0] for part in EVERY_PART}) == 1
    folders = {pairs(unit(part)["Environment"])["URBANKI_DATA_DIR"] for part in EVERY_PART}
    assert folders == {"/var/lib/urbanki"}


def test_the_guide_names_every_unit() -> None:
    text = (REPOSITORY / "docs" / "betrieb.md").read_text(encoding="utf-8")
    for path in UNITS.glob("*.service"):
        assert path.name in text

"""What may never stand in a committed file: secrets, foreign hosts, other people's data."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from shared.settings import REPOSITORY

TEXT_ENDINGS = {".py", ".toml", ".js", ".css", ".md", ".txt", ".yml", ".svg", ".po", ".html", ""}
OWN_CODE = ("apps/", "shared/", "model_server/")
THIRD_PARTY = ("shared/ui/vendor/", "tests/e2e/axe/", "LICENSE", "constraints.txt")
SECRETS = {
    "private key": r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----",
    "access key": r"\bAKIA[0-9A-Z]{16}\b",
    "token of a code host": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b",
    "web token": r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.",
    "password in an address": r"://[^/\s:@'\"{}<>]+:[^/\s:@'\"{}<>]+@",
}
# Names of formats and licences, never called: XML name spaces, schemas, licence texts, examples.
NAMES_ONLY = re.compile(
    r"https?://(?:www\.w3\.org|www\.geopackage\.org|www\.opengis\.net|www\.loc\.gov|json-schema\.org|schemas\.\w+\.org|schemas\.openid\.net|creativecommons\.org"
    r"|ns\.adobe\.com|purl\.org|www\.aiim\.org|www\.gnu\.org|scripts\.sil\.org|openfontlicense\.org|127\.0\.0\.1|localhost|\[::1\]|\{)"
)


@cache
def tracked() -> dict[str, str]:
    """Text of every committed file of our own by name."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    names = [name for name in listing.stdout.split("\0") if name]
    return {
        name: Path(REPOSITORY, name).read_text(encoding="utf-8")
        for name in names
        if Path(name).suffix in TEXT_ENDINGS
        and not name.startswith(THIRD_PARTY)
        and "LICENSE" not in name
        and Path(REPOSITORY, name).is_file()
    }


@pytest.mark.parametrize(("kind", "pattern"), SECRETS.items(), ids=SECRETS)
def test_no_secret_is_committed(kind: str, pattern: str) -> None:
    found = [name for name, text in tracked().items() if re.search(pattern, text)]
    assert found == [], kind


def test_code_names_no_foreign_host() -> None:
    """The program asks nobody outside; addresses of sources stand in comments and documents."""
    found = [
        f"{name}: {address}"
        for name, text in tracked().items()
        if name.startswith(OWN_CODE) and Path(name).suffix in {".py", ".js", ".css", ".html"}
        for said in (code_strings(text) if name.endswith(".py") else [text])
        for address in re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"')]*", said)
        if not NAMES_ONLY.match(address if address.startswith("http") else f"https:{address}")
    ]
    assert found == []


def code_strings(text: str) -> list[str]:
    """Every string of a Python file that is not a docstring."""
    tree = ast.parse(text)
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
    ]


def test_nothing_depends_on_the_machine_it_was_written_on() -> None:
    pattern = re.compile(r"/(?:home|root|Users|work)/\w")
    found = [
        name
        for name, text in tracked().items()
        if pattern.search(text) and name != "tests/security/test_repository.py"
    ]
    assert found == []


def test_no_development_data_is_committed() -> None:
    """Images in the repository are our own: icons, one screenshot, no scans and no tiles."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True
    )
    pictures = [
        name
        for name in listing.stdout.split("\0")
        if Path(name).suffix.lower() in {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".pdf"}
        and not name.startswith(("docs/", "shared/ui/vendor/", "shared/themes/"))
    ]
    assert pictures == []


@pytest.mark.parametrize(
    "call", [r"(?<![.\w])eval\(", r"(?<![.\w])exec\(", r"\bos\.system\(", r"shell=True"]
)
def test_no_unsafe_call(call: str) -> None:
    found = [
        f"{name}: {line.strip()}"
        for name, text in tracked().items()
        if name.startswith(OWN_CODE) and name.endswith(".py")
        for line in text.splitlines()
        if re.search(call, line) and not line.strip().startswith("#")
    ]
    assert found == []

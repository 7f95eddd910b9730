"""Streamlit's own texts: every English original still stands in the pinned release."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit import file_util

from shared.themes import load_theme
from shared.ui.assets import STRINGS_FILE, page_script, style_sheet

RULES: list[dict[str, Any]] = tomllib.loads(STRINGS_FILE.read_text(encoding="utf-8"))["rule"]
EXACT = [(english, german) for rule in RULES for english, german in rule.get("exact", {}).items()]
PATTERNS = [entry for rule in RULES for entry in rule.get("pattern", [])]
PARTS = {"text", "aria-label", "title", "placeholder", "data-title"}


@cache
def bundle() -> str:
    """All scripts of the pinned Streamlit release."""
    files = sorted(Path(file_util.get_static_dir()).rglob("*.js"))
    assert len(files) > 50
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


@pytest.mark.parametrize("english", sorted({english for english, _ in EXACT}))
def test_exact_originals_exist(english: str) -> None:
    assert english in bundle()


@pytest.mark.parametrize("source", sorted({entry["source"] for entry in PATTERNS}))
def test_sources_of_patterns_exist(source: str) -> None:
    assert source in bundle()


@pytest.mark.parametrize(
    "name", sorted({n for r in RULES for n in re.findall(r'data-testid="(\w+)"', r["within"])})
)
def test_named_elements_exist(name: str) -> None:
    assert name in bundle()


def test_rules_stay_inside_streamlits_own_elements() -> None:
    """Every selector starts at a named element of Streamlit; nobody's data is touched."""
    for rule in RULES:
        assert set(rule) <= {"within", "parts", "exact", "pattern"}
        assert set(rule["parts"]) <= PARTS
        for selector in re.split(r",\s*(?![^\[]*\])", rule["within"]):
            assert re.match(
                r"(\[data-testid=\"|\[data-live-announcer\]|body > div\[id\^=)", selector
            )
            assert "stMarkdownContainer" not in selector
            assert "stTable" not in selector


def test_patterns_are_anchored_and_keep_their_groups() -> None:
    for entry in PATTERNS:
        assert entry["find"].startswith("^")
        assert entry["find"].endswith("$")
        groups = re.compile(entry["find"]).groups
        used = {int(number) for number in re.findall(r"\$(\d)", entry["replace"])}
        assert all(1 <= number <= groups for number in used)


def test_german_texts_are_translated() -> None:
    same = [english for english, german in EXACT if english == german]
    assert same == []


def test_script_carries_the_table() -> None:
    script = page_script()
    assert script.startswith("const STREAMLIT_STRINGS = {")
    assert "Zum Inhalt springen" in script
    assert "http://" not in script
    assert "https://" not in script


def test_style_sheet_has_the_colours_of_both_modes() -> None:
    theme = load_theme("default")
    style = style_sheet(theme)
    light, dark = style.split("@media (prefers-color-scheme: dark)", 1)
    assert f"--background: {theme.light.background};" in light
    assert f"--background: {theme.dark.background};" in dark
    assert "http" not in style
    used = set(re.findall(r"var\((--[\w-]+)\)", style))
    defined = set(re.findall(r"(--[\w-]+):", style))
    assert used <= defined

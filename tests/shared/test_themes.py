"""Colours that people can tell apart, and files without tricks."""

import re
from pathlib import Path

import pytest

from shared.themes.__main__ import main
from shared.themes.contrast import check_theme, contrast_ratio, parse_colour
from shared.themes.theme import (
    FONTS_FOLDER,
    LOGOS_FOLDER,
    THEMES_FOLDER,
    font_faces,
    load_theme,
    read_theme,
    streamlit_theme,
)

BUILT_IN = sorted(path.stem for path in THEMES_FOLDER.glob("*.toml"))


def test_hand_worked_contrasts() -> None:
    black, white = (0, 0, 0), (255, 255, 255)
    assert contrast_ratio(black, white) == pytest.approx(21)
    assert contrast_ratio(white, black) == pytest.approx(21)
    assert contrast_ratio(white, white) == pytest.approx(1)
    assert contrast_ratio(parse_colour("#2474b5"), white) == pytest.approx(4.95, abs=0.01)
    assert contrast_ratio(parse_colour("#2b7bbd"), white) == pytest.approx(4.49, abs=0.01)
    assert contrast_ratio(parse_colour("#777777"), white) == pytest.approx(4.48, abs=0.01)


def test_both_built_in_themes_are_there() -> None:
    assert BUILT_IN == ["default", "high_contrast"]


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_themes_pass(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    theme = load_theme(name)
    assert [str(finding) for finding in check_theme(theme)] == []
    assert (LOGOS_FOLDER / theme.logo_light).is_file()
    assert (LOGOS_FOLDER / theme.logo_dark).is_file()
    assert main(["check", str(THEMES_FOLDER / f"{name}.toml")]) == 0
    assert "ok" in capsys.readouterr().out


def test_primary_colour_of_the_house() -> None:
    theme = load_theme("default")
    assert theme.light.primary == theme.dark.primary == "#2474b5"
    dark = contrast_ratio(parse_colour("#2474b5"), parse_colour(theme.dark.background))
    assert dark > 3


def test_a_weak_theme_is_refused_with_the_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (THEMES_FOLDER / "default.toml").read_text(encoding="utf-8")
    path = tmp_path / "weak.toml"
    path.write_text(text.replace("#2474b5", "#2b7bbd"), encoding="utf-8")
    assert main(["check", str(path)]) == 2
    assert "#ffffff / primary 4.49 < 4.5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('text = "#17222e"', 'text = "black"', "light.text"),
        ('name = "Musterstadt KI"', 'name = ""', "name"),
        ('logo_light = "default_light.svg"', 'logo_light = "../../etc/passwd"', "logo_light"),
        ("[light]", "surprise = 1\n[light]", "surprise"),
        ("[light]", "[light", "weak.toml"),
    ],
)
def test_wrong_files_are_refused_with_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, named: str
) -> None:
    text = (THEMES_FOLDER / "default.toml").read_text(encoding="utf-8")
    path = tmp_path / "weak.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert main(["check", str(path)]) == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../default", "a/b", "", "default.toml"])
def test_names_of_themes_are_plain_words(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a theme"):
        load_theme(name)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.toml"):
        read_theme(tmp_path / "none.toml")
    assert main(["check", str(tmp_path / "none.toml")]) == 2


def test_fonts_are_vendored_with_licence() -> None:
    faces = font_faces()
    assert {face["weight"] for face in faces} == {"400", "700"}
    for face in faces:
        assert face["url"].startswith("/oberflaeche/schriften/")
        content = (FONTS_FOLDER / face["url"].rsplit("/", 1)[1]).read_bytes()
        assert content.startswith(b"wOF2")
    assert "SIL Open Font License" in (FONTS_FOLDER / "OFL.txt").read_text(encoding="utf-8")


def test_logos_are_harmless() -> None:
    for path in LOGOS_FOLDER.glob("*.svg"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"<script|<foreignObject|\son\w+=|https?://|href", text)
        assert path.stat().st_size < 200_000


def test_streamlit_knows_every_theme_option() -> None:
    from streamlit import config

    known = config.get_config_options()
    assert [name for name in streamlit_theme(load_theme("default")) if name not in known] == []

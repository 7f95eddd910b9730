"""Translation: both languages complete, fallback to German, browser language."""

import ast
from pathlib import Path

import pytest

from shared.errors import FileTooLarge, ResolutionUnsuitable
from shared.i18n import get_translator, preferred_language
from shared.i18n.__main__ import main
from shared.i18n.check import check_catalogues, placeholders
from shared.i18n.translator import Translator, load_catalogue
from shared.settings import REPOSITORY

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
PLURALS = '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'


def write_po(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + PLURALS + "\n" + body, encoding="utf-8")
    return path


def test_german_is_the_key() -> None:
    t = get_translator("de")
    assert t("Bereich: {low} bis {high}", low="1", high="2") == "Bereich: 1 bis 2"
    assert t("") == ""
    assert t.plural("{count} Anwendung", "{count} Anwendungen", 1) == "1 Anwendung"
    assert t.plural("{count} Anwendung", "{count} Anwendungen", 1200) == "1.200 Anwendungen"
    assert t.missing == frozenset()


def test_english_comes_from_the_catalogue() -> None:
    t = get_translator("en")
    assert t("Zur Startseite") == "To the start page"
    assert t.plural("{count} Anwendung", "{count} Anwendungen", 1) == "1 app"
    assert t.plural("{count} Anwendung", "{count} Anwendungen", 2) == "2 apps"


def test_missing_english_falls_back_to_german_and_is_listed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    t = Translator("en", [load_catalogue(write_po(tmp_path / "en.po", ""))])
    assert t("Guten Tag, {name}!", name="Ada") == "Guten Tag, Ada!"
    assert t.plural("{count} Blatt", "{count} Blätter", 3) == "3 Blätter"
    assert t.missing == {"Guten Tag, {name}!", "{count} Blatt"}
    assert "Guten Tag" in caplog.text


def test_a_translation_that_equals_the_german_is_no_gap(tmp_path: Path) -> None:
    path = write_po(tmp_path / "en.po", 'msgid "Start"\nmsgstr "Start"\n')
    t = Translator("en", [load_catalogue(path)])
    assert t("Start") == "Start"
    assert t.missing == frozenset()


def test_the_catalogue_of_the_app_comes_first(tmp_path: Path) -> None:
    own = write_po(tmp_path / "app" / "en.po", 'msgid "Auswerten"\nmsgstr "Detect"\n')
    house = write_po(
        tmp_path / "house" / "en.po",
        'msgid "Auswerten"\nmsgstr "Evaluate"\n\nmsgid "offen"\nmsgstr "open"\n',
    )
    t = Translator("en", [load_catalogue(own), load_catalogue(house)])
    assert (t("Auswerten"), t("offen")) == ("Detect", "open")


def test_numbers_in_texts_follow_the_language() -> None:
    error = ResolutionUnsuitable(found=0.4, minimum=0.05, maximum=0.22)
    german, _ = get_translator("de").error(error)
    assert german == "Die Bodenauflösung 0,4 m passt nicht: Das Modell braucht 0,05 bis 0,22 m."
    english, _ = get_translator("en").error(error)
    assert "0.05 to 0.22 m" in english
    assert get_translator("en").error(FileTooLarge(limit_mb=20))[0] == (
        "The file is larger than 20 MB."
    )


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "de"),
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr-FR,fr;q=0.9", "de"),
        ("fr,en;q=0.3", "en"),
        ("en;q=0.2,de;q=0.7", "de"),
        ("en;q=x,de;q=0.1", "de"),
        ("en;q=0", "de"),
        ("deutsch", "de"),
        ("en-GB, en; q=0.8", "en"),
        ("de; q=0.2, en ;q=0.9", "en"),
        (",;q=,", "de"),
    ],
)
def test_language_of_the_browser(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_all_catalogues_are_complete() -> None:
    assert [str(problem) for problem in check_catalogues()] == []


def test_check_finds_missing_unused_and_differing_placeholders(tmp_path: Path) -> None:
    write_po(
        tmp_path / "shared" / "i18n" / "locale" / "en.po",
        'msgid "übrig"\nmsgstr "left over"\n\nmsgid "Datei {name}"\nmsgstr "File {file}"\n',
    )
    (tmp_path / "shared" / "code.py").write_text(
        't("fehlt")\nt("Datei {name}", name=1)\nother("nicht gemeint")\n', encoding="utf-8"
    )
    app = tmp_path / "apps" / "eine"
    app.mkdir(parents=True)
    (app / "app.toml").touch()
    (app / "page.py").write_text('ctx.t("Datei {name}", name=2)\nN_("neu")\n', encoding="utf-8")
    (tmp_path / "apps" / "home.py").write_text("", encoding="utf-8")
    found = {(p.catalogue, p.kind, p.text) for p in check_catalogues(tmp_path)}
    assert found == {
        ("shared/i18n/locale/en.po", "missing", "fehlt"),
        ("shared/i18n/locale/en.po", "unused", "übrig"),
        ("shared/i18n/locale/en.po", "placeholders differ", "Datei {name}"),
        ("apps/eine/locale/en.po", "missing", "neu"),
    }


def test_check_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "0 problems\n"


def test_placeholders() -> None:
    assert placeholders("{a} und {b:.2f} {{c}}") == {"a", "b"}


def test_no_text_hides_in_an_f_string() -> None:
    """The extraction cannot see a call inside an f-string on Python 3.11."""
    hidden = []
    for folder in ("apps", "shared"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for joined in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
                for call in (node for node in ast.walk(joined) if isinstance(node, ast.Call)):
                    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
                    literal = call.args and isinstance(call.args[0], ast.Constant)
                    if name in {"t", "N_", "plural"} and literal:
                        hidden.append(f"{path.name}:{call.lineno}")
    assert hidden == []


def test_a_damaged_catalogue_leaves_the_app_in_german(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("shared.i18n.translator.APPS_FOLDER", tmp_path)
    path = tmp_path / "kaputt" / "locale" / "en.po"
    path.parent.mkdir(parents=True)
    path.write_text('msgid "x', encoding="utf-8")
    get_translator.cache_clear()
    t = get_translator("en", "kaputt")
    get_translator.cache_clear()
    assert t("Nur hier bekannt") == "Nur hier bekannt"
    assert t("Modelle") == "Models"
    assert "en.po is no usable catalogue" in caplog.text


def test_dates_of_cards_are_written_in_the_language() -> None:
    assert get_translator("de").iso_date("2026-11-25") == "25. November 2026"
    assert get_translator("en").iso_date("2026-11-25") == "25 November 2026"
    assert get_translator("de").iso_date("im Herbst") == "im Herbst"

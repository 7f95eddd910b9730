"""All measured figures reach cards, Steckbrief and README, and none of them is typed by hand."""

from __future__ import annotations

import json
import re

import pytest

from apps.archivair import evaluate
from apps.archivair.evaluation_joined import join, joined_figures
from apps.archivair.evaluation_table import SECTION, figure_table
from shared.registry.evaluation import read_evaluation
from shared.settings import REPOSITORY

FOLDER = REPOSITORY / "apps" / "archivair"
STALE = "run: python -m apps.archivair.evaluate --join"
ABOUT = {"command": "python -m x", "measured_on": "2026-11-28", "items": 40}
OWN = ABOUT | {
    "name": "Zeichenfehlerrate", "name_en": "Character error rate", "data": "4 Seiten",
    "data_en": "4 pages", "value": 0.0123, "unit": "percent", "digits": 2,
    "interval_95": [0.01, 0.02],
}  # fmt: skip
STREAMS = ABOUT | {
    "value": 0.697, "interval_95": [0.6, 0.8], "streams": 60, "pages": 2551, "source": "noise",
    "first_seed": 95000,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an app's folder with figures of three commands and a README with an old table."""
    found = [
        STREAMS | {"name": "field:aktenzeichen:print"},
        STREAMS | {"name": "field:plan_nr:print"},
        STREAMS | {"name": "boundary_f1", "value": None},
    ]
    removed = OWN | {
        "name": "Personenangaben gefunden, birth_date, erkannter Text",
        "name_en": "Personal data found, birth_date, recognised text",
    }
    for name, figures in (("", [OWN]), ("_documents", found), ("_redaction", [removed])):
        text = json.dumps({"figures": figures})
        (tmp_path / f"evaluation{name}.json").write_text(text, encoding="utf-8")
    readme = f"# A\n\n{SECTION}\n\nText.\n\n| alt |\n| --- |\n| falsch 99 % |\n\nEnde.\n"
    (tmp_path / "README.md").write_text(readme, encoding="utf-8")
    monkeypatch.setattr(evaluate, "OUT", tmp_path.resolve() / "evaluation.json")
    return tmp_path


def test_the_stored_figures_are_those_of_all_files():
    stored = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
    assert stored == join(FOLDER), STALE


def test_the_table_of_the_readme_shows_the_stored_figures():
    stored = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["figures"]
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text.partition(f"\n{SECTION}\n")[2], flags=re.MULTILINE)[0]
    assert [line for line in section.splitlines() if line.startswith("|")] == figure_table(
        stored
    ), STALE


def test_no_measured_share_is_typed_by_hand():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    shares = [
        line
        for line in text.splitlines()
        if re.search(r"\d[ \u202f\u00a0]%", line) and not line.startswith("|")
    ]
    rules = ("Stichprobe von 5 % für vier Augen", "Wörter unter 85 % heißen")
    assert [line for line in shares if not any(rule in line for rule in rules)] == []


def test_figures_of_other_commands_are_told_in_words(folder):
    case_number, birth_date = joined_figures(folder)
    assert case_number["name"] == "Aktenzeichen genau richtig, gute Scans"
    assert case_number["name_en"] == "File number exactly right, good scans"
    assert case_number["data"] == "60 erfundene Stapel, 2.551 Seiten, nachgeahmte Lesefehler"
    assert birth_date["name"] == "Personenangaben gefunden, Geburtsdatum, erkannter Text"
    assert "birth_date" not in birth_date["name_en"]


def test_joining_twice_changes_nothing_and_keeps_what_was_measured(folder, capsys):
    out = ["--join", "--out", str(folder / "evaluation.json")]
    assert evaluate.main(out) == 0
    once = (folder / "evaluation.json").read_bytes()
    assert evaluate.main(out) == 0
    capsys.readouterr()
    assert (folder / "evaluation.json").read_bytes() == once
    shown = read_evaluation(folder)
    assert shown is not None
    assert [one.name for one in shown.figures] == [
        "Zeichenfehlerrate",
        "Aktenzeichen genau richtig, gute Scans",
        "Personenangaben gefunden, Geburtsdatum, erkannter Text",
    ]


def test_the_readme_gets_the_table_and_says_what_is_not_measured(folder, capsys):
    evaluate.main(["--join", "--out", str(folder / "evaluation.json")])
    capsys.readouterr()
    text = (folder / "README.md").read_text(encoding="utf-8").replace("\u202f", " ")
    text = text.replace("\u00a0", " ")
    assert "falsch" not in text
    assert "| Zeichenfehlerrate | 1,23 % | 1,00 % bis 2,00 % | 40 | 4 Seiten | 28.11.2026 |" in text
    assert "| Suche | noch nicht gemessen | – | – | – | – |" in text
    assert "| Schwärzung | noch nicht gemessen" not in text
    assert text.endswith("\n\nEnde.\n")
    assert "\n\nText.\n\n| Was |" in text


def test_a_readme_without_a_table_is_refused_and_the_measurement_kept(folder, capsys):
    (folder / "evaluation_search.json").write_text(
        json.dumps({"figures": [OWN | {"name": "neu gemessen"}]}), encoding="utf-8"
    )
    (folder / "README.md").write_text(f"# A\n\n{SECTION}\n\nText.\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no table"):
        evaluate.main(["--join", "--out", str(folder / "evaluation.json")])
    capsys.readouterr()
    kept = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["figures"]
    assert "neu gemessen" in [one["name"] for one in kept]


def test_a_measurement_beside_the_app_leaves_readmes_alone(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(evaluate, "OUT", tmp_path / "elsewhere" / "evaluation.json")
    before = (folder / "README.md").read_bytes()
    out = folder / "evaluation.json"
    assert evaluate.main(["--join", "--out", str(out)]) == 0
    capsys.readouterr()
    assert (folder / "README.md").read_bytes() == before
    assert len(json.loads(out.read_text(encoding="utf-8"))["figures"]) == 3

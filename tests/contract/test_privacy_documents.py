"""The templates for data protection say what the code does, and name nothing that is not there."""

import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from shared.registry.discover import find_app
from shared.registry.manifest import AppManifest
from shared.settings import REPOSITORY, Settings
from shared.startup import LOG_BYTES, LOG_FILES
from shared.store.retention import FEEDBACK_KEPT

FOLDER = REPOSITORY / "docs" / "datenschutz"
NAMES = (
    "README.md",
    "auftragsverarbeitung.md",
    "dsfa-vorpruefung.md",
    "massnahmen.md",
    "personalrat.md",
    "verarbeitungsverzeichnis.md",
)
STATUS = "Status: ungeprüft"
PLACEHOLDER = r"\[[^\]]+\](?!\()"
UNFINISHED = r"TODO|FIXME|XXX|AUSFÜLLEN|\{\{|<[^>]*>|\bLorem\b"
COMMANDS = {"shared.auth": "shared.auth.__main__", "shared.jobs": "shared.jobs.commands"}
every_file = pytest.mark.parametrize("name", NAMES)


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def in_backticks(name: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text_of(name))


def rows(name: str) -> Iterator[list[str]]:
    """Cells of the rows of all tables, without heads and rulers."""
    previous = ""
    for line in text_of(name).splitlines():
        is_first = not previous.startswith("|")
        previous = line
        if line.startswith("|") and not is_first and not line.startswith("|---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def row_of(title: str) -> str:
    """The row of an activity in the record of processing."""
    (found,) = (row for row in rows("verarbeitungsverzeichnis.md") if f"**{title}**" in row[0])
    return " | ".join(found)


def help_of(module: str) -> str:
    """What `python -m MODULE --help` prints."""
    main = importlib.import_module(COMMANDS.get(module, f"{module}.__main__")).main
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main(["--help"])
    return printed.getvalue()


def fault_in(quoted: str) -> str:
    """Say what is wrong with a text in backticks; empty if all it names is there."""
    if quoted.startswith("python -m "):
        module, command, *_ = [*quoted.split()[2:], ""]
        if not command:
            return "" if find_spec(module) else "no module"
        return "" if re.search(rf"\b{re.escape(command)}\b", help_of(module)) else "no command"
    if quoted.startswith("./gallery "):
        script = (REPOSITORY / "gallery").read_text(encoding="utf-8")
        command = re.escape(quoted.split()[1])
        return "" if re.search(rf"^  {command}\b", script, re.MULTILINE) else "no command"
    if quoted.startswith("URBANKI_"):
        known = quoted.removeprefix("URBANKI_").lower() in Settings.model_fields
        return "" if known else "no setting"
    if re.fullmatch(PLACEHOLDER, quoted):
        return ""
    return "" if (REPOSITORY / quoted).exists() else "no path"


def test_the_folder_holds_the_templates_and_nothing_else() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(NAMES)
    linked = re.findall(r"^\| \[([^\]]+)\]\(\1\)", text_of("README.md"), re.MULTILINE)
    assert sorted(linked) == sorted(set(NAMES) - {"README.md"})


@every_file
def test_the_law_in_it_is_called_unchecked(name: str) -> None:
    title, empty, status = text_of(name).splitlines()[:3]
    assert title.startswith("# ")
    assert (empty, status) == ("", STATUS)


@every_file
def test_what_stands_in_backticks_is_there(name: str) -> None:
    faults = {quoted: fault_in(quoted) for quoted in in_backticks(name)}
    assert {quoted: fault for quoted, fault in faults.items() if fault} == {}


@pytest.mark.parametrize(
    ("quoted", "fault"),
    [
        ("shared/store/nothing.py", "no path"),
        ("python -m shared.auth forget", "no command"),
        ("python -m shared.store forget", "no command"),
        ("python -m shared.jobs forget", "no command"),
        ("python -m shared.forget", "no module"),
        ("./gallery forget", "no command"),
        ("URBANKI_NOTHING", "no setting"),
    ],
)
def test_what_is_not_there_would_be_seen(quoted: str, fault: str) -> None:
    assert fault_in(quoted) == fault


@every_file
def test_links_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", text_of(name))
    assert [target for target in targets if not (FOLDER / target).is_file()] == []


def test_every_placeholder_is_explained_and_used() -> None:
    explained = set(re.findall(r"^\| `(\[[^\]]+\])` \|", text_of("README.md"), re.MULTILINE))
    used = {
        found
        for name in NAMES
        if name != "README.md"
        for found in re.findall(PLACEHOLDER, text_of(name))
    }
    assert explained == used
    assert set(re.findall(PLACEHOLDER, text_of("README.md"))) == explained


@every_file
def test_nothing_is_left_unfinished(name: str) -> None:
    assert re.findall(UNFINISHED, text_of(name)) == []


def test_every_measure_names_code_and_test_unless_it_is_planned() -> None:
    measures = list(rows("massnahmen.md"))
    assert len(measures) > 20
    for measure, code, test, state in measures:
        if state == "geplant":
            assert (code, test) == ("–", "–"), measure
            continue
        assert state.startswith(("vorhanden", "in Arbeit")), measure
        code_paths, tests = (re.findall(r"`([^`]+)`", cell) for cell in (code, test))
        assert code_paths, measure
        assert tests, measure
        assert all(Path(path).name.startswith("test_") for path in tests), measure


@pytest.mark.parametrize("app", ["aviary", "archivair"])
def test_periods_of_an_app_are_those_of_its_manifest(app: str) -> None:
    manifest = find_app(app)
    assert isinstance(manifest, AppManifest)
    kept = manifest.retention
    told = [int(days) for days in re.findall(r"(\d+) Tage\b", row_of(manifest.title))]
    assert told == [kept.uploads_days, kept.results_days, kept.decisions_days]
    assert f"## Beispiel: {manifest.title}\n" in text_of("dsfa-vorpruefung.md")


def test_other_periods_are_those_of_the_code() -> None:
    audit_days = Settings.model_fields["retention_audit_days"].default
    assert f"nach {audit_days} Tagen" in row_of("Protokoll, wer was getan hat")
    assert f"| {audit_days} Tage |" in text_of("personalrat.md")
    assert f"nach {FEEDBACK_KEPT.days} Tagen" in row_of("Rückmeldungen")
    assert LOG_FILES + 1 == 4
    assert f"vier Dateien zu {LOG_BYTES // 1_000_000} MB" in row_of("Betriebsprotokolle")


@pytest.mark.parametrize(
    ("places", "pattern", "is_there", "statements"),
    [
        (
            "apps/main.py",
            r"\brefuse_start\(",
            True,
            ["Jede Seite verlangt eine Anmeldung", "sonst startet sie nicht"],
        ),
        (
            "apps/archivair/**/*.py",
            r"shared\.store(\.| import .*)decisions",
            True,
            ["Entscheidungen mit altem und neuem Wert", "schreiben aviary und ArchivAIr"],
        ),
        (
            "apps/aviary/**/*.py",
            r"shared\.store(\.| import .*)decisions",
            True,
            ["Entscheidungen zu Funden ohne Namen", "schreiben aviary und ArchivAIr"],
        ),
        (
            "shared/jobs/chores.py",
            r"\bpurge_identity\b",
            True,
            ["das tut der Auftragsdienst täglich, von Hand `python -m shared.auth purge`"],
        ),
    ],
)
def test_what_is_said_of_today_is_still_so(
    places: str, pattern: str, is_there: bool, statements: list[str]
) -> None:
    """Whoever builds what the templates call not yet built is sent to them by this."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in REPOSITORY.glob(places))
    assert code
    said = "\n".join(text_of(name) for name in NAMES)
    still_so = bool(re.search(pattern, code)) == is_there
    assert [one for one in statements if (one in said) != still_so] == [], "change docs/datenschutz"

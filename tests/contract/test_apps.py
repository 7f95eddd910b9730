"""What every app owes the gallery. Parametrised over `apps/*/app.toml`: a new app, no new test."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.registry.discover import BrokenApp, discover, manifests
from shared.registry.manifest import AppManifest
from shared.settings import REPOSITORY
from tests.shared.app_folders import page_files

APPS = REPOSITORY / "apps"
PROFILE_HEADINGS = (
    "Für wen",
    "Was es kann",
    "Was es nicht kann",
    "Daten und Herkunft",
    "Verfahren",
    "Gemessene Güte",
    "Grenzen und bekannte Fehler",
    "Rechtsgrundlage",
    "Datenschutz",
    "Wer entscheidet",
    "Kontakt",
)
NEEDS_ALT = {"table", "chart", "map_with_table", "scan", "zoom_image"}
FORBIDDEN_CALLS = {"map", "pydeck_chart", "exception", "balloons", "snow"}
every_app = pytest.mark.parametrize("app", manifests(), ids=lambda app: app.id)


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Every call of a file with the last part of its name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            name = getattr(function, "attr", getattr(function, "id", ""))
            found.append((name, node))
    return found


def test_no_app_is_broken() -> None:
    broken = [f"{app.id}: {app.cause}" for app in discover() if isinstance(app, BrokenApp)]
    assert broken == []
    folders = {path.parent.name for path in APPS.glob("*/page.py")}
    assert folders == {app.id for app in manifests()}


@every_app
def test_icon_is_small_and_harmless(app: AppManifest) -> None:
    icon = APPS / app.id / app.icon
    text = icon.read_text(encoding="utf-8")
    assert len(text) < 20_000
    assert text.lstrip().startswith("<svg")
    assert not re.search(r"<script|<foreignObject|\son\w+=|href=[\"'](?!#)", text)


@every_app
def test_profile_has_its_headings_in_order(app: AppManifest) -> None:
    text = (APPS / app.id / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^##\s+(.+?)\s*$", text, re.MULTILINE)
    found = [
        next((i for i, heading in enumerate(headings) if heading.startswith(wanted)), None)
        for wanted in PROFILE_HEADINGS
    ]
    missing = [wanted for wanted, at in zip(PROFILE_HEADINGS, found, strict=True) if at is None]
    assert missing == []
    assert found == sorted(position for position in found if position is not None)


@every_app
def test_profile_names_its_evaluation_command(app: AppManifest) -> None:
    text = (APPS / app.id / "README.md").read_text(encoding="utf-8")
    assert (APPS / app.id / "evaluate.py").is_file()
    assert f"python -m apps.{app.id}.evaluate" in text


@every_app
def test_headless_command_explains_itself(app: AppManifest) -> None:
    command = [sys.executable, "-m", f"apps.{app.id}"]
    helped = subprocess.run([*command, "--help"], cwd=REPOSITORY, capture_output=True, text=True)
    assert helped.returncode == 0
    assert "usage" in helped.stdout.lower()
    wrong = subprocess.run(
        [*command, "gibt-es-nicht"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


@every_app
def test_page_imports_neither_engines_nor_other_apps(app: AppManifest) -> None:
    """The whole import of an app, also what it pulls in, stays free of the model engines."""
    pages = {*page_files(app), APPS / app.id / "__main__.py"}
    modules = [path for path in sorted((APPS / app.id).rglob("*.py")) if path not in pages]
    names = [".".join(path.relative_to(APPS.parent).with_suffix("").parts) for path in modules]
    probe = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = set(re.findall(r'"([^"]+)"', done.stdout))
    engines = {"torch", "ultralytics", "bentoml", "onnxruntime", "rapidocr", "streamlit"}
    assert loaded & engines == set()
    others = {other.id for other in manifests()} - {app.id}
    assert not {name for name in loaded if name.split(".")[:1] == ["apps"]} & {
        f"apps.{other}" for other in others
    }


@every_app
def test_page_describes_its_pictures_and_labels_its_widgets(app: AppManifest) -> None:
    for path in page_files(app):
        for name, call in calls(path):
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            assert name not in FORBIDDEN_CALLS, f"{path.name}:{call.lineno} {name}"
            if name in NEEDS_ALT:
                assert "alt" in given, f"{path.name}:{call.lineno} {name} without alt"
            if name == "image":
                assert {"caption", "alt"} & set(given), f"{path.name}:{call.lineno} image"
            if isinstance(given.get("label"), ast.Constant):
                assert given["label"].value, f"{path.name}:{call.lineno} empty label"
            assert "icon" not in given, f"{path.name}:{call.lineno}: icons need the vendored font"


@every_app
def test_page_has_one_primary_action(app: AppManifest) -> None:
    """At most one main button per file, and none by hand beside it."""
    for path in page_files(app):
        found = calls(path)
        main = [call for name, call in found if name == "primary_action"]
        by_hand = [
            call
            for _, call in found
            for keyword in call.keywords
            if keyword.arg == "type"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value == "primary"
        ]
        assert len(main) + len(by_hand) <= 1, path.name
    assert any(name == "primary_action" for path in page_files(app) for name, _ in calls(path))


@every_app
def test_page_keys_carry_the_slug(app: AppManifest) -> None:
    for path in page_files(app):
        for _, call in calls(path):
            for keyword in call.keywords:
                if keyword.arg != "key" or not isinstance(keyword.value, ast.Constant):
                    continue
                assert str(keyword.value.value).startswith(f"{app.id}_"), (
                    f"{path.name}:{call.lineno} {keyword.value.value}"
                )


@every_app
def test_page_texts_go_through_the_translator(app: AppManifest) -> None:
    """No widget shows a literal text: the first argument of a Streamlit call is translated."""
    shown = {"title", "header", "subheader", "markdown", "write", "caption", "text", "button"}
    shown |= {"info", "warning", "error", "success", "radio", "selectbox", "slider", "checkbox"}
    shown |= {"number_input", "text_input", "text_area", "toggle", "expander", "download_button"}
    for path in page_files(app):
        for name, call in calls(path):
            if name in shown and call.args and isinstance(call.args[0], ast.Constant):
                text = call.args[0].value
                letters = re.search(r"[A-Za-zÄÖÜäöüß]{2,}", text if isinstance(text, str) else "")
                assert not letters, f"{path.name}:{call.lineno} {text!r}"


@every_app
def test_models_of_the_app_exist(app: AppManifest) -> None:
    for model in app.models:
        folders = list((REPOSITORY / "model_server" / "models").glob(f"{model}/*/card.toml"))
        assert folders, f"no model_server/models/{model}/*/card.toml"


@every_app
def test_english_twins_differ_from_german(app: AppManifest) -> None:
    assert app.tagline != app.tagline_en
    assert app.description != app.description_en
    assert app.not_for != app.not_for_en

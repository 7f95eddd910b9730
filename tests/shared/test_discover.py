"""Apps are folders; a broken one harms no other."""

import logging
from pathlib import Path

import pytest

from shared.registry.discover import BrokenApp, discover, find_app, manifests
from shared.registry.evaluation import read_evaluation
from shared.registry.manifest import AppManifest, load_manifest
from tests.shared.app_folders import make_app


def test_a_new_folder_is_an_app(tmp_path: Path) -> None:
    assert discover(tmp_path) == []
    make_app(tmp_path, "neu")
    (app,) = discover(tmp_path)
    assert isinstance(app, AppManifest)
    assert (app.id, app.localized("title", "en")) == ("neu", "Eine Anwendung EN")
    assert find_app("neu", tmp_path) == app
    assert find_app("fehlt", tmp_path) is None


def test_order_is_topic_then_order_then_title(tmp_path: Path) -> None:
    make_app(tmp_path, "dd", topic="verwaltung", order=1)
    make_app(tmp_path, "cc", topic="klima", order=20, title="Apfel")
    make_app(tmp_path, "bb", topic="klima", order=20, title="Zebra")
    make_app(tmp_path, "aa", topic="klima", order=30)
    assert [app.id for app in discover(tmp_path)] == ["cc", "bb", "aa", "dd"]
    assert [app.id for app in discover(tmp_path, only={"aa", "dd"})] == ["aa", "dd"]


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (lambda app: (app / "page.py").write_text("def nicht fertig(:\n"), "SyntaxError"),
        (lambda app: (app / "page.py").write_bytes(b"\xff\xfe\x00"), "UnicodeDecodeError"),
        (lambda app: (app / "page.py").unlink(), "FileNotFoundError"),
        (lambda app: (app / "app.toml").write_text("id = "), "TOMLDecodeError"),
        (lambda app: (app / "app.toml").write_text('id = "kaputt"'), "ValidationError"),
        (lambda app: (app / "icon.svg").unlink(), "FileNotFoundError"),
        (lambda app: (app / "page.py").write_text("import gibtesnicht"), "ModuleNotFoundError"),
        (
            lambda app: (app / "page.py").write_text("from apps.kaputt.fehlt import x"),
            "ModuleNotFoundError",
        ),
        (
            lambda app: (app / "page.py").write_text("from shared.ui.fehlt import x"),
            "ModuleNotFoundError",
        ),
    ],
)
def test_a_broken_app_is_named_and_harms_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: object, cause: str
) -> None:
    make_app(tmp_path, "gut")
    damage(make_app(tmp_path, "kaputt"))  # type: ignore[operator]
    with caplog.at_level(logging.ERROR):
        good, broken = discover(tmp_path)
    assert isinstance(good, AppManifest)
    assert isinstance(broken, BrokenApp)
    assert broken.id == "kaputt"
    assert broken.reference.startswith("UK-")
    assert broken.cause.startswith(cause)
    assert broken.reference in caplog.text
    assert manifests(tmp_path) == [good]


def test_a_repaired_app_comes_back_without_restart(tmp_path: Path) -> None:
    app = make_app(tmp_path, "kaputt", page="def nicht fertig(:\n")
    assert isinstance(find_app("kaputt", tmp_path), BrokenApp)
    (app / "page.py").write_text("ganz_anders = 'repariert'\n", encoding="utf-8")
    assert isinstance(find_app("kaputt", tmp_path), AppManifest)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("topic", "wetter"),
        ("status", "fertig"),
        ("tagline", "x" * 81),
        ("tagline", "Findet jeden Verstoß"),
        ("network", 'none", "wms'),
        ("keywords", '"nur eins"'),
    ],
)
def test_wrong_manifests_are_refused(tmp_path: Path, field: str, value: str) -> None:
    app = make_app(tmp_path, "falsch", **{field: value})
    with pytest.raises(ValueError, match="validation error"):
        load_manifest(app / "app.toml")


def test_unknown_keys_and_foreign_ids_are_refused(tmp_path: Path) -> None:
    path = make_app(tmp_path, "eins") / "app.toml"
    good = path.read_text(encoding="utf-8")
    path.write_text("unbekannt = 1\n" + good, encoding="utf-8")
    with pytest.raises(ValueError, match="unbekannt"):
        load_manifest(path)
    path.write_text(good.replace('id = "eins"', 'id = "zwei"'), encoding="utf-8")
    with pytest.raises(ValueError, match="differs from the folder"):
        load_manifest(path)


def test_evaluation_is_optional_but_strict(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path) is None
    path = tmp_path / "evaluation.json"
    path.write_text('{"figures": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="figures"):
        read_evaluation(tmp_path)
    path.write_text(
        '{"own": 1, "figures": [{"name": "Trefferquote", "name_en": "Hit rate", "value": 0.93,'
        ' "data": "Testdächer", "data_en": "test roofs", "items": 400,'
        ' "command": "python -m apps.x.evaluate", "measured_on": "2026-11-24"}]}',
        encoding="utf-8",
    )
    evaluation = read_evaluation(tmp_path)
    assert evaluation is not None
    assert evaluation.figures[0].items == 400


def test_imports_are_followed_from_the_page_into_the_app_only(tmp_path: Path) -> None:
    """A command for developers may import what the gallery has not installed."""
    app = make_app(tmp_path, "neu", page="from apps.neu import kern\nfrom apps.neu.kern import x\n")
    (app / "kern.py").write_text("import shared.ui\nimport json\n", encoding="utf-8")
    (app / "evaluate.py").write_text("import gibtesnicht\n", encoding="utf-8")
    assert isinstance(find_app("neu", tmp_path), AppManifest)
    (app / "kern.py").write_text("import gibtesnicht.auch\nx = 'länger'\n", encoding="utf-8")
    broken = find_app("neu", tmp_path)
    assert isinstance(broken, BrokenApp)
    assert "gibtesnicht.auch" in broken.cause


def test_imports_are_followed_into_the_folders_of_an_app(tmp_path: Path) -> None:
    app = make_app(tmp_path, "neu", page="from apps.neu import teile\n")
    (app / "teile").mkdir()
    (app / "teile" / "__init__.py").write_text("from apps.neu.teile import kern\n")
    (app / "teile" / "kern.py").write_text("import json\n", encoding="utf-8")
    (app / "teile" / "befehl.py").write_text("import gibtesnicht\n", encoding="utf-8")
    assert isinstance(find_app("neu", tmp_path), AppManifest)
    (app / "teile" / "kern.py").write_text("import gibtesnicht.auch\n", encoding="utf-8")
    broken = find_app("neu", tmp_path)
    assert isinstance(broken, BrokenApp)
    assert "gibtesnicht.auch" in broken.cause


def test_an_icon_that_comes_later_repairs_the_app(tmp_path: Path) -> None:
    icon = make_app(tmp_path, "neu") / "icon.svg"
    content = icon.read_text(encoding="utf-8")
    icon.unlink()
    assert isinstance(find_app("neu", tmp_path), BrokenApp)
    icon.write_text(content, encoding="utf-8")
    assert isinstance(find_app("neu", tmp_path), AppManifest)


def test_addresses_of_the_gallery_are_no_names_for_apps(tmp_path: Path) -> None:
    make_app(tmp_path, "modelle")
    make_app(tmp_path, "frei", page="def nicht fertig(:\n")
    taken = find_app("modelle", tmp_path)
    broken = find_app("frei", tmp_path)
    assert isinstance(taken, BrokenApp)
    assert isinstance(broken, BrokenApp)
    assert (taken.has_address, broken.has_address) == (False, True)

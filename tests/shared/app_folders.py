"""Small app folders for tests of registry, search and pages."""

from pathlib import Path
from urllib.parse import urlencode

from shared.registry.manifest import AppManifest
from shared.settings import REPOSITORY

MANIFEST = """
id = "{id}"
title = "{title}"
title_en = "{title} EN"
tagline = "{tagline}"
tagline_en = "A tagline"
description = "Eine Beschreibung"
description_en = "A description"
topic = "{topic}"
icon = "icon.svg"
order = {order}
status = "{status}"
municipality = "{municipality}"
network = ["{network}"]
keywords = [{keywords}]
legal = "keine"
contact = "Amt"
since = "2026-11-24"
human_decision = "Ein Mensch."
human_decision_en = "A person."
personal_data = "keine"
personal_data_en = "none"
not_for = "nichts"
not_for_en = "nothing"
[limits]
upload_mb = 1
megapixels = 50
[sample]
id = "beispiel"
title = "Beispielbild"
title_en = "Sample image"
seconds = 5
[ai_act]
risk = "minimal"
reason = "a"
reason_en = "a"
oversight = "b"
oversight_en = "b"
"""
DEFAULTS: dict[str, object] = {
    "title": "Eine Anwendung",
    "tagline": "Tut etwas",
    "topic": "klima",
    "order": 10,
    "status": "prototyp",
    "municipality": "Musterstadt",
    "network": "none",
    "keywords": '"eins", "zwei", "drei"',
}


ASKED_FIRST = {"aviary": {"rezept": "solar"}}
"""What the address says where a page asks something before the file."""


def upload_path(app: str) -> str:
    """Return the address at which a page of the gallery takes a file."""
    return f"/{app}?{urlencode(ASKED_FIRST.get(app, {}))}"


def make_app(folder: Path, slug: str, page: str = "", **fields: object) -> Path:
    """Write an app folder with manifest, icon and page."""
    app = folder / slug
    app.mkdir(parents=True)
    text = MANIFEST.format(id=slug, **{**DEFAULTS, **fields})
    (app / "app.toml").write_text(text, encoding="utf-8")
    (app / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    (app / "page.py").write_text(page, encoding="utf-8")
    return app


def takes_uploads(app: AppManifest) -> bool:
    """Say whether somebody can bring a file to an app: its source says so, not its manifest."""
    sources = (REPOSITORY / "apps" / app.id).rglob("*.py")
    texts = [path.read_text(encoding="utf-8") for path in sources]
    return any(word in text for text in texts for word in ("choose_data(", "accept_upload("))


def page_files(app: AppManifest) -> list[Path]:
    """Return the files of an app that may know Streamlit."""
    return sorted(
        path for path in (REPOSITORY / "apps" / app.id).rglob("*.py") if is_page_file(path)
    )


def is_page_file(path: Path) -> bool:
    """Say whether a file of an app may know Streamlit: its page and what that is made of."""
    return path.name == "page.py" or path.name.startswith("view_") or path.parent.name == "views"

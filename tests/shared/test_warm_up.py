"""What is loaded at the start, and what must not be."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from shared.settings import REPOSITORY, Settings
from shared.ui import warm_up as module
from tests.timing import PATIENCE_S

LOADED = (
    "import sys; sys.path.insert(0, '.')\n"
    "from shared.settings import Settings\n"
    "from shared.ui.warm_up import warm_up\n"
    "warm_up(Settings(_env_file=None)).join()\n"
    "print(' '.join(sys.modules))"
)


def test_what_fails_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    made: list[str] = []

    def load(name: str) -> None:
        loaded.append(name)
        if name.endswith("views.export"):
            raise ZeroDivisionError

    monkeypatch.setattr(importlib, "import_module", load)
    monkeypatch.setattr(module, "start_pictures", made.append)
    module.warm_up(Settings(_env_file=None, apps="aviary")).join(PATIENCE_S)
    assert {"folium", "apps.aviary.views.input", "apps.aviary.views.result"} <= set(loaded)
    assert not [name for name in loaded if name.startswith("apps.archivair")]
    assert made == ["aviary"]


def test_the_component_of_maps_waits_for_a_page() -> None:
    """Imported outside the script of a page it registers nowhere, and no map is ever shown."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert {"folium", "cv2", "apps.aviary.views.picture", "apps.archivair.views.page"} <= loaded
    assert "streamlit_folium" not in loaded

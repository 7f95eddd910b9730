"""The page of the models with everything that a catalogue can hold."""

from functools import lru_cache
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.settings import REPOSITORY
from shared.ui import shell

PAGE = REPOSITORY / "apps" / "models.py"
COMMAND = "python -m model_server.evaluate"


def metric(name: str, **more: Any) -> dict[str, Any]:
    known = {"value": 0.5, "data": "100 Kacheln", "items": 100, "measured_on": "2026-11-25"}
    return {"name": name, "command": COMMAND, **known, **more}


CATALOG = Catalog.model_validate(
    {
        "models": [
            {
                "name": "page_class",
                "version": "",
                "task": "classify",
                "title_de": "Art einer Aktenseite",
                "available": False,
                "state": "failed",
                "reason": "Dieses Modell ist noch nicht trainiert.",
            },
            *(
                {
                    "name": "solar",
                    "version": version,
                    "task": "segment",
                    "title_de": "Solaranlagen",
                    "available": True,
                    "state": "loaded",
                    "licence": "AGPL-3.0-or-later",
                    "metrics": [metric("AP50", interval_95=(0.4, 0.6)), metric("Trefferquote")],
                }
                for version in ("0.1.0", "0.2.0")
            ),
            *(
                {
                    "name": "solar",
                    "version": "0.1.0",
                    "title_de": "Solaranlagen",
                    "available": False,
                    "state": "failed",
                    "reason": reason,
                }
                for reason in ("Gibt es bereits.", "Gibt es bereits, zum zweiten Mal.")
            ),
        ]
    }
)


class CatalogOnly:
    """A client that knows nothing but the catalogue."""

    def models(self) -> Catalog:
        return CATALOG


@lru_cache(maxsize=1)
def catalog_only() -> CatalogOnly:
    return CatalogOnly()


@pytest.fixture(params=["de", "en"])
def page(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, no_model_server: None
) -> AppTest:
    monkeypatch.setattr(shell, "house_client", catalog_only)
    page = AppTest.from_file(str(PAGE), default_timeout=60)
    page.query_params["sprache"] = request.param
    return page.run()


def plain(text: str) -> str:
    """Return a text as a reader sees it."""
    return text.replace("\\", "")


def test_every_row_of_the_catalogue_is_shown(page: AppTest) -> None:
    assert not page.exception
    assert [plain(box.label) for box in page.expander] == [
        "Solaranlagen 0.1.0",
        "Solaranlagen 0.2.0",
        "Art einer Aktenseite",
        "Solaranlagen 0.1.0",
        "Solaranlagen 0.1.0",
    ]
    (models,) = page.table
    assert len(models.value) == len(CATALOG.models)


def test_what_is_only_announced_is_no_failure(page: AppTest) -> None:
    columns = list(page.table[0].value.columns)
    german = "Modell" in columns
    row = dict(zip(columns, page.table[0].value.iloc[2], strict=True))
    assert row["Version"] == "–"
    assert ("geplant" if german else "planned") in row.values()
    assert [plain(line.value) for line in page.expander[2].markdown] == [
        f"{'Grund' if german else 'Reason'}: Dieses Modell ist noch nicht trainiert."
    ]


def test_a_command_stands_once_below_its_figures_and_their_uncertainty(page: AppTest) -> None:
    usable: CatalogEntry = CATALOG.models[1]
    assert len(usable.metrics) == 2
    box = page.expander[0]
    assert [line.value for line in box.get("code")] == [COMMAND]
    figures = next(line.value for line in box.markdown if "AP50" in line.value).splitlines()
    assert len(figures) == 2
    assert "95" in figures[0]
    assert "95" not in figures[1]

"""Choose a model from the catalogue of the model server."""

from __future__ import annotations

from collections.abc import Sequence

from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.errors import N_

UNKNOWN = N_("Der Modellserver kennt kein Modell dieses Namens.")
NO_REASON = N_("Der Modellserver nennt keinen Grund.")


def find_entry(catalog: Catalog, name: str) -> CatalogEntry | None:
    """Return the version of a model that the server would use; None where it knows none at all.

    Args:
        catalog: All models. A newer version that failed is passed over, as the server does.
        name: Name in the catalogue.
    """
    versions = [entry for entry in catalog.models if entry.name == name]
    return max(versions, key=lambda one: (one.available, _version(one.version)), default=None)


def first_available(catalog: Catalog, names: Sequence[str]) -> CatalogEntry | None:
    """Return the first of several models that the server can use; None where it can use none.

    Args:
        catalog: All models.
        names: Names in the catalogue, the best first; `why_not` says what is wrong with each that
            was passed over.
    """
    found = (find_entry(catalog, name) for name in names)
    return next((entry for entry in found if entry is not None and entry.available), None)


def why_not(catalog: Catalog, names: Sequence[str]) -> dict[str, str]:
    """Return why `first_available` passed models over: a German sentence by name, in their order.

    Args:
        catalog: All models.
        names: Names in the catalogue, the best first.
    """
    reasons: dict[str, str] = {}
    for name in names:
        entry = find_entry(catalog, name)
        if entry is not None and entry.available:
            break
        reasons[name] = UNKNOWN if entry is None else entry.reason or NO_REASON
    return reasons


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())

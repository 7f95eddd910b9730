"""What is ordered: the images of the town."""

from __future__ import annotations

from datetime import datetime

from apps.musterstadt.jobs import IMAGES
from apps.musterstadt.place import town_folder
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import Priority
from shared.registry.manifest import AppManifest
from shared.store.run_views import RunOrder
from shared.store.store import Store


def make_order(title: str) -> RunOrder:
    """Return the order of the images.

    Args:
        title: Title of the example.
    """
    return RunOrder(
        app=IMAGES.app,
        job=IMAGES.name,
        title=title,
        inputs=(),
        priority=Priority.INTERACTIVE,
        is_example=True,
        fingerprint=town_folder().name,
    )


def sample_order(
    principal: Principal, store: Store, models: object, manifest: AppManifest, now: datetime
) -> RunOrder:
    """Return the order that the page gives.

    Args:
        principal: Who orders.
        store: Database and files; nothing is stored.
        models: Models of the server; none is needed.
        manifest: Of this app.
        now: The moment, with zone.
    """
    del principal, store, models, now
    return make_order(manifest.sample_title("de"))

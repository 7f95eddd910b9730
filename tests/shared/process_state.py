"""What a gallery process keeps for its life: forgotten between tests."""

from shared.auth.services import process_services
from shared.settings import get_settings
from shared.store.schema import prepare_database
from shared.store.store import process_store
from shared.ui import house_probe, probe, shell


def forget_process_state() -> None:
    """Let the next page read its settings anew; close the database of the last one."""
    if process_store.cache_info().currsize:
        process_store().engine.dispose()
    for cached in (
        get_settings,
        process_store,
        process_services,
        shell.house_client,
        probe.probe,
        house_probe.house_probe,
    ):
        cached.cache_clear()


def begin_process() -> None:
    """Forget, and prepare the database as the start file does."""
    forget_process_state()
    prepare_database(get_settings())

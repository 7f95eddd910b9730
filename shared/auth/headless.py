"""Headless commands of apps: audited where this installation has a database.

This module alone is imported by the commands: what the audit needs takes half a second to load,
and a machine without a gallery has nothing to audit.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.settings import Settings


def run_app_command(settings: Settings, app: str, command: str, work: Callable[[], int]) -> int:
    """Run a command of an app as the person of the operating system.

    Args:
        settings: The database, and how programs sign in.
        app: App id.
        command: Its first word.
        work: Does it and returns the exit code.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        SchemaDiffers: It belongs to another version of the program.
        SecretUnusable: The installation's secret cannot be read.
    """
    if settings.has_no_database_yet:
        return work()
    from shared.auth import audited_commands

    return audited_commands.run_app_command(settings, app, command, work)

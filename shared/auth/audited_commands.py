"""Headless commands in the audit: which one, in which municipality, and how it ended.

The words of a call are never in it, for they name files. Where there is no database yet, nobody
works with this installation: nothing is written then, and no database is made for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.identity.installation import LOCAL_SUBJECT, acting_as
from shared.contracts.identity.principal import HOME_TENANT, Role
from shared.errors import Cancelled, UrbanKiError
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.store.schema import NOTHING_YET, check_schema, found_revision

FAILED = "fehler"
"""Reason of a command that has ended by an error without a code."""
Clock = Callable[[], datetime]
_CLOCK: Clock = partial(datetime.now, UTC)


def run_app_command(
    settings: Settings, app: str, command: str, work: Callable[[], int], clock: Clock = _CLOCK
) -> int:
    """Run a command of an app as the person of the operating system; see `run_audited`.

    Args:
        settings: The database, and how programs sign in.
        app: App id.
        command: Its first word.
        work: Does it and returns the exit code.
        clock: Gives the moment, with zone.
    """
    role: Role = "service" if settings.auth_mode == "keycloak" else "sachbearbeitung"
    acting = acting_as(role, LOCAL_SUBJECT, HOME_TENANT)
    event = AuditEvent(Event.HEADLESS_COMMAND, acting, app=app, object_id=command)
    return run_audited(settings, event, work, clock)


def run_audited(
    settings: Settings, event: AuditEvent, work: Callable[[], int], clock: Clock = _CLOCK
) -> int:
    """Run a command and write one row when it has ended, whether or not it was done.

    Whether the audit can be reached shows before anything is done.

    Args:
        settings: The database.
        event: What the row says of a command that is done.
        work: Does it and returns the exit code; 0 is done.
        clock: Gives the moment, with zone.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        SchemaDiffers: It belongs to another version of the program.
        SecretUnusable: The installation's secret cannot be read.
    """
    engine = make_engine(settings)
    try:
        if found_revision(engine) == NOTHING_YET:
            return work()
        check_schema(engine)
        return _run(engine, settings, event, work, clock)
    finally:
        engine.dispose()


def _run(
    engine: Engine, settings: Settings, event: AuditEvent, work: Callable[[], int], clock: Clock
) -> int:
    reason = FAILED
    try:
        code = work()
        reason = f"code:{code}" if code else ""
        return code
    except UrbanKiError as error:
        reason = error.code
        raise
    except KeyboardInterrupt:
        reason = Cancelled.code
        raise
    finally:
        done = replace(event, outcome="refused", reason_code=reason) if reason else event
        audit.write(engine, settings, done, now=clock())

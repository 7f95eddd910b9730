"""What of identity has outlived its time: removed daily by the jobs, or by command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from shared.auth import attempts, audit, sessions
from shared.auth.one_use import purge_one_use
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class PurgedIdentity:
    """What a purge has removed.

    Args:
        audit: Of the audit.
        sessions: Sessions that have ended by themselves.
        attempts: Names under which nobody has tried to sign in for a day.
        one_use: Logins that nobody came back from, and ids of tokens that have ended.
    """

    audit: audit.Purged
    sessions: int
    attempts: int
    one_use: int


def purge_identity(engine: Engine, settings: Settings, now: datetime) -> PurgedIdentity:
    """Remove what nobody can use any more, and what the audit need not keep.

    May be broken off anywhere and run again.

    Args:
        engine: The database.
        settings: How long the audit is kept, secret, folder of the logs.
        now: The moment, with zone.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        SecretUnusable: The installation's secret cannot be read.
    """
    return PurgedIdentity(
        sessions=sessions.purge(engine, now),
        attempts=attempts.purge(engine, now),
        one_use=purge_one_use(engine, now),
        audit=audit.purge(engine, settings, audit.oldest_kept(settings, now), now=now),
    )

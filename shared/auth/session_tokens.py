"""The provider's tokens of a session, encrypted, with the lock of their refresh."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Engine, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from shared.auth.provider_session import ProviderTokens
from shared.auth.secret_box import SecretBox
from shared.contracts.identity.principal import Principal
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import SessionRow

_CONFIRMED_NEVER = datetime.fromtimestamp(0, UTC)

_CLOCKS_DIFFER_S = 60
"""Several processes on several machines share the table."""


def sealed_columns(tokens: ProviderTokens, box: SecretBox) -> dict[str, Any]:
    """Return the columns of a session that hold tokens.

    Args:
        tokens: What the provider has handed out.
        box: What encrypts it.
    """
    return {
        "provider_sid": tokens.provider_sid or None,
        "id_token_hint_enc": box.seal(tokens.id_token),
        "access_token_enc": box.seal(tokens.access_token),
        "access_expires_at": moment(tokens.access_expires_at),
        "refresh_token_enc": box.seal(tokens.refresh_token),
    }


def claims_of(principal: Principal) -> dict[str, Any]:
    """Return what a session keeps of the rights that a provider or the kiosk has given."""
    apps = principal.app_grants
    return {
        "roles_by_tenant": dict(principal.roles_by_tenant),
        "app_grants": None if apps is None else sorted(apps),
    }


def moment(seconds: float) -> datetime:
    """Return a Unix time as a moment with its zone."""
    return datetime.fromtimestamp(seconds, UTC)


def ask_for_others_again(engine: Engine, session_id: str) -> int:
    """Let the provider confirm a person's other sessions at their next look; return their number.

    Whatever one session has learned of the person's rights may hold for the others. Those that know
    the same already are left alone, so two sessions never ask because of each other.

    Args:
        engine: The database.
        session_id: The session that has learned something.
    """
    own = SessionRow.id == session_id
    with session_scope(engine) as session:
        found = session.execute(select(SessionRow.subject, SessionRow.claims_json).where(own))
        known = found.one_or_none()
        return 0 if known is None else _ask_again(session, session_id, *known)


def _ask_again(session: Session, session_id: str, subject: str, claims: object) -> int:
    """Args: `claims` of None doubts every other session of the person."""
    of_others = and_(
        SessionRow.subject == subject,
        SessionRow.access_expires_at.is_not(None),
        SessionRow.id != session_id,
    )
    others = session.execute(select(SessionRow.id, SessionRow.claims_json).where(of_others))
    doubtful = [other for other, known in others if known != claims]
    session.execute(
        update(SessionRow)
        .where(SessionRow.id.in_(doubtful))
        .values(access_expires_at=_CONFIRMED_NEVER)
    )
    return len(doubtful)


class StoredTokens:
    """The tokens of one session, as `shared.auth.refreshing` wants them.

    Args:
        engine: The database.
        box: What decrypts them.
        session_id: The session.
    """

    def __init__(self, engine: Engine, box: SecretBox, session_id: str) -> None:
        self._engine = engine
        self._box = box
        self._id = session_id
        self._own = SessionRow.id == session_id

    def read(self) -> ProviderTokens | None:
        """Return the newest tokens; None when the session has ended or its secret has changed."""
        with read_scope(self._engine) as session:
            row = session.scalar(select(SessionRow).where(self._own))
            if row is None or row.access_expires_at is None:
                return None
            sealed = (row.id_token_hint_enc, row.access_token_enc, row.refresh_token_enc)
            sid, expires_at = row.provider_sid or "", row.access_expires_at.timestamp()
        id_token, access, refresh = (self._box.open(text or "") for text in sealed)
        if id_token is None or access is None or refresh is None:
            return None
        return ProviderTokens(sid, id_token, access, expires_at, refresh)

    def try_lock(self, now: float, until: float) -> bool:
        """Take the lock unless somebody holds it; of many at once at most one gets it.

        Args:
            now: Unix time in seconds.
            until: When others may believe that the holder is dead.
        """
        held = SessionRow.refresh_lock_until
        # Nobody takes it for that long: it was taken while a clock was wrong.
        is_absurd = held > moment(until + _CLOCKS_DIFFER_S)
        free = or_(held.is_(None), held <= moment(now), is_absurd)
        statement = update(SessionRow).where(self._own, free)
        with session_scope(self._engine) as session:
            done = session.execute(statement.values(refresh_lock_until=moment(until)))
            return cast("CursorResult[Any]", done).rowcount > 0

    def unlock(self) -> None:
        """Give the lock back."""
        self._update(refresh_lock_until=None)

    def store(self, tokens: ProviderTokens, principal: Principal) -> None:
        """Keep renewed tokens and the roles in them, and give the lock back.

        Roles that have changed count for the person's other sessions too, see
        `ask_for_others_again`.
        """
        claims = claims_of(principal)
        values = sealed_columns(tokens, self._box) | {
            "claims_json": claims,
            "refresh_lock_until": None,
        }
        with session_scope(self._engine) as session:
            before = session.scalar(select(SessionRow.claims_json).where(self._own))
            session.execute(update(SessionRow).where(self._own).values(**values))
            if before is not None and before != claims:
                _ask_again(session, self._id, principal.subject, claims)

    def end(self, *, doubts_others: bool = False) -> None:
        """End the session.

        Args:
            doubts_others: Whether the provider has refused it, and may refuse the person's others.
        """
        with session_scope(self._engine) as session:
            subject = session.scalar(select(SessionRow.subject).where(self._own))
            session.execute(delete(SessionRow).where(self._own))
            if doubts_others and subject is not None:
                _ask_again(session, self._id, subject, None)

    def _update(self, **values: object) -> None:
        with session_scope(self._engine) as session:
            session.execute(update(SessionRow).where(self._own).values(**values))

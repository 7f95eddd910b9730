"""The provider's tokens of a session, encrypted, with the lock of their refresh."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Engine, delete, or_, select, update

from shared.auth.provider_session import ProviderTokens
from shared.auth.secret_box import SecretBox
from shared.contracts.identity.principal import Principal
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import SessionRow


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
        free = or_(
            SessionRow.refresh_lock_until.is_(None), SessionRow.refresh_lock_until <= moment(now)
        )
        statement = update(SessionRow).where(self._own, free)
        with session_scope(self._engine) as session:
            done = session.execute(statement.values(refresh_lock_until=moment(until)))
            return cast("CursorResult[Any]", done).rowcount > 0

    def unlock(self) -> None:
        """Give the lock back."""
        self._update(refresh_lock_until=None)

    def store(self, tokens: ProviderTokens, principal: Principal) -> None:
        """Keep renewed tokens and the roles in them, and give the lock back."""
        self._update(
            **sealed_columns(tokens, self._box),
            claims_json=claims_of(principal),
            refresh_lock_until=None,
        )

    def end(self) -> None:
        """End the session."""
        with session_scope(self._engine) as session:
            session.execute(delete(SessionRow).where(self._own))

    def _update(self, **values: object) -> None:
        with session_scope(self._engine) as session:
            session.execute(update(SessionRow).where(self._own).values(**values))

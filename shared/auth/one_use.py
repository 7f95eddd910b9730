"""Things that count once, over all processes: a login that has begun, the id of a token."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Engine, delete

from shared.auth.oidc_flow import PENDING_S, PendingLogin
from shared.auth.secret_box import SecretBox
from shared.auth.session_tokens import moment
from shared.store.engine import session_scope
from shared.store.identity_models import PendingLoginRow, UsedIdRow
from shared.store.new_rows import insert_unless_there


class StoredLogins:
    """Logins that wait for the browser's return, as `shared.auth.oidc_flow` wants them.

    Args:
        engine: The database.
        box: What encrypts their code verifiers.
    """

    def __init__(self, engine: Engine, box: SecretBox) -> None:
        self._engine = engine
        self._box = box

    def put(self, state_sha256: str, login: PendingLogin) -> None:
        """Keep a login for 10 min; older ones go, so that strangers do not fill the table.

        Args:
            state_sha256: Hash of its state, hexadecimal.
            login: The login.
        """
        row = PendingLoginRow(
            state_sha256=state_sha256,
            nonce=login.nonce,
            code_verifier_enc=self._box.seal(login.code_verifier),
            browser_binding_sha256=login.browser_binding_sha256,
            next_path=login.next_path,
            created_at=moment(login.created_at),
        )
        with session_scope(self._engine) as session:
            session.execute(delete(PendingLoginRow).where(_is_late(row.created_at)))
            session.add(row)

    def take(self, state_sha256: str) -> PendingLogin | None:
        """Return a login and forget it; None for all but the first, or after a new secret.

        Args:
            state_sha256: Hash of its state, hexadecimal.
        """
        row = PendingLoginRow
        statement = (
            delete(row)
            .where(row.state_sha256 == state_sha256)
            .returning(
                *(row.nonce, row.code_verifier_enc, row.browser_binding_sha256),
                *(row.next_path, row.created_at),
            )
        )
        with session_scope(self._engine) as session:
            found = session.execute(statement).one_or_none()
        verifier = None if found is None else self._box.open(found.code_verifier_enc)
        if found is None or verifier is None:
            return None
        return PendingLogin(
            nonce=found.nonce,
            code_verifier=verifier,
            browser_binding_sha256=found.browser_binding_sha256,
            next_path=found.next_path,
            created_at=found.created_at.timestamp(),
        )


class StoredIds:
    """Ids of notices that have been acted on, as `shared.auth.backchannel` wants them.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def claim(self, token_id: str, expires_at: float) -> bool:
        """Remember an id; False if it is known, also for one of two at once.

        Args:
            token_id: As the token names itself.
            expires_at: Unix time in seconds after which the token is refused anyway.
        """
        key = hashlib.sha256(token_id.encode("utf-8", "surrogatepass")).hexdigest()
        with session_scope(self._engine) as session:
            return insert_unless_there(
                session, UsedIdRow, jti_sha256=key, expires_at=moment(expires_at)
            )


def purge_one_use(engine: Engine, now: datetime) -> int:
    """Remove what nobody can use any more, and return the number of rows.

    Args:
        engine: The database.
        now: The moment, with zone.
    """
    with session_scope(engine) as session:
        done = [
            session.execute(delete(PendingLoginRow).where(_is_late(now))),
            session.execute(delete(UsedIdRow).where(UsedIdRow.expires_at < now)),
        ]
        return sum(cast("CursorResult[Any]", one).rowcount for one in done)


def _is_late(now: datetime) -> ColumnElement[bool]:
    return PendingLoginRow.created_at < now - timedelta(seconds=PENDING_S)

"""What stands for a person in the audit: an HMAC with a salt that nobody keeps.

`audit_subject` holds the only link, from HMAC(secret, subject) to the pseudonym. With its row gone,
neither secret nor subject lead from one to the other: the salt was thrown away. So a person is
erased although no row of the audit, nor of its copies, changes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, cast

from sqlalchemy import CursorResult, delete, exists, insert, select
from sqlalchemy.orm import Session

from shared.auth.randomness import new_token
from shared.store.identity_models import AuditRow, AuditSubjectRow


def give(session: Session, key: bytes, subject: str) -> str:
    """Return the pseudonym of a person; the first time it is made.

    Args:
        session: A transaction that holds the lock of the audit.
        key: Of the pseudonyms.
        subject: Who; "" has no pseudonym.
    """
    if not subject:
        return ""
    found = find(session, key, subject)
    if found is None:
        found = _hmac(key, f"{new_token()} {subject}")
        values = {"link_hmac": _hmac(key, subject), "subject_hmac": found}
        session.execute(insert(AuditSubjectRow).values(values))
    return found


def find(session: Session, key: bytes, subject: str) -> str | None:
    """Return the pseudonym of a person, None where the audit has none."""
    link = AuditSubjectRow.link_hmac == _hmac(key, subject)
    return session.scalar(select(AuditSubjectRow.subject_hmac).where(link))


def forget(session: Session, key: bytes, subject: str) -> None:
    """Remove the link to a person's pseudonym."""
    link = AuditSubjectRow.link_hmac == _hmac(key, subject)
    session.execute(delete(AuditSubjectRow).where(link))


def forget_unused(session: Session) -> int:
    """Remove links to pseudonyms that no row of the audit has any more; return their number."""
    used = exists().where(AuditRow.subject_hmac == AuditSubjectRow.subject_hmac)
    statement = delete(AuditSubjectRow).where(~used)
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount


def _hmac(key: bytes, text: str) -> str:
    content = text.encode("utf-8", "surrogatepass")
    return hmac.new(key, content, hashlib.sha256).hexdigest()

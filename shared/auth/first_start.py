"""The first start: accounts with passwords that are printed once, and that a start is noted."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared import __version__
from shared.auth import local_accounts
from shared.auth.audit import AuditEvent, Event
from shared.auth.audited_settings import note_changed_settings
from shared.auth.local_accounts import FirstPassword
from shared.auth.services import AccountServices
from shared.i18n import LANGUAGES, Translator, get_translator
from shared.settings import Settings
from shared.store.engine import make_engine

_WIDTH = 76
"""Characters of a line between the frame's sides."""


def make_first_accounts(settings: Settings, now: datetime) -> str:
    """Make the first accounts where there is none and return the only text with their passwords.

    It belongs on the console of whoever starts the gallery and nowhere else. Where others sign in,
    or there are accounts, it is empty.

    Args:
        settings: The database, whose tables are ready, and how people sign in.
        now: The moment, with zone.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    if settings.sign_in != "lokal":
        return ""
    engine = make_engine(settings)
    try:
        made = local_accounts.first_start(engine, now)
    finally:
        engine.dispose()
    return framed(made) if made else ""


def framed(passwords: Sequence[FirstPassword]) -> str:
    """Return names and passwords in a frame, with what they are for in each language."""
    longest = max(len(one.username) for one in passwords)
    lines: list[str] = []
    for language in LANGUAGES:
        lines += ["", *_explanation(get_translator(language))]
    lines += ["", *(f"  {one.username:<{longest}}  {one.password}" for one in passwords), ""]
    edge = f"+{'-' * (_WIDTH + 2)}+"
    return "\n".join([edge, *(f"| {line:<{_WIDTH}} |" for line in lines), edge, ""])


def note_start(services: AccountServices) -> None:
    """Write to the audit that the gallery starts, in which mode and version and with what changed.

    Args:
        services: Settings, clock and audit.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    event = AuditEvent(Event.START, object_id=services.settings.sign_in, reason_code=__version__)
    services.write_audit(event, services.clock())
    note_changed_settings(services)


def _explanation(t: Translator) -> Iterable[str]:
    text = t(
        "Erste Anmeldung: Diese Passwörter erscheinen nur hier und nur dieses eine Mal. Notieren "
        "Sie sie bitte. Bei der ersten Anmeldung wählt jede Person ihr eigenes Passwort."
    )
    return textwrap.wrap(text, _WIDTH)

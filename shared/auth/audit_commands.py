"""Commands for the audit, and for people who ask what is kept about them."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TextIO

from shared.auth import audit, subjects
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_verify import verify
from shared.auth.command_groups import Answer, Context, Group, Parsers
from shared.auth.purging import purge_identity
from shared.errors import InputError
from shared.store.local_files import disk_errors

BY_COMMAND = "command"
"""Reason of whatever somebody did at the command line."""
_PRIVATE = 0o600


def _add_parsers(commands: Parsers) -> None:
    chosen = commands.add_parser("audit", help="Protokoll, wer was getan hat")
    actions = chosen.add_subparsers(dest="action", metavar="BEFEHL", required=True)
    export = actions.add_parser("export", help="Zeilen eines Zeitraums ausgeben")
    for name, dest, meaning in (
        ("--from", "first", "erster Tag (UTC), JJJJ-MM-TT"),
        ("--to", "last", "letzter Tag (UTC), JJJJ-MM-TT"),
    ):
        export.add_argument(
            name, dest=dest, type=date.fromisoformat, required=True, metavar="TAG", help=meaning
        )
    _add_out(export)
    commands.add_parser("verify-audit", help="Protokoll auf Änderungen und Lücken prüfen")
    purge = commands.add_parser("purge", help="entfernen, was seine Frist überschritten hat")
    purge.add_argument(
        "--now", type=_moment, metavar="ZEIT", help="als wäre es so spät, mit Zeitzone (ISO 8601)"
    )
    export_subject = commands.add_parser("export-subject", help="ausgeben, was zu jemandem da ist")
    _add_subject(export_subject)
    _add_out(export_subject)
    _add_subject(commands.add_parser("erase-subject", help="alles von einer Person lösen"))


def _add_out(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DATEI", help="neue Datei, eine Zeile je Eintrag"
    )


def _add_subject(parser: ArgumentParser) -> None:
    parser.add_argument("subject", metavar="KENNUNG", help="Kennung des Kontos (subject)")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment


def _audit(context: Context) -> Answer:
    first, last = context.options.first, context.options.last
    if last < first:
        raise InputError(reason="Der letzte Tag liegt vor dem ersten.")
    begin = datetime.combine(first, time(), UTC)
    end = datetime.combine(last, time(), UTC) + timedelta(days=1)
    with _new_file(context.options.out) as stream:
        rows = audit.export(context.engine, begin, end, stream)
    _note(context, AuditEvent(Event.AUDIT_EXPORT, reason_code=BY_COMMAND))
    return Answer({"rows": rows, "file": str(context.options.out)})


def _verify(context: Context) -> Answer:
    found = verify(context.engine, context.settings)
    problem = f"Das Protokoll ist nicht unversehrt: {found.found} Befunde." if found.found else ""
    return Answer({"ok": found.is_sound, **asdict(found)}, problem)


def _purge(context: Context) -> Answer:
    now = context.options.now or context.now
    return Answer(asdict(purge_identity(context.engine, context.settings, now)))


def _export_subject(context: Context) -> Answer:
    out, subject = context.options.out, context.options.subject
    with _new_file(out) as stream:
        rows = subjects.export_subject(context.engine, context.settings, subject, stream)
    _note(context, AuditEvent(Event.SUBJECT_EXPORT, reason_code=BY_COMMAND))
    return Answer({"rows": rows, "file": str(out)})


def _erase_subject(context: Context) -> Answer:
    erased = subjects.erase_subject(context.engine, context.settings, context.options.subject)
    # Who it was must not stand here.
    _note(context, AuditEvent(Event.SUBJECT_ERASE, reason_code=BY_COMMAND))
    return Answer(asdict(erased))


def _note(context: Context, event: AuditEvent) -> None:
    audit.write(context.engine, context.settings, event, now=context.now)


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """Write a file that only its owner reads; an error leaves none behind.

    Raises:
        InputError: It exists.
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    with disk_errors(path.parent):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        except FileExistsError as error:
            raise InputError(reason=f"Die Datei „{path.name}“ gibt es schon.") from error
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                yield stream
        except BaseException:
            path.unlink(missing_ok=True)
            raise


AUDIT = Group(
    _add_parsers,
    {
        "audit": _audit,
        "verify-audit": _verify,
        "purge": _purge,
        "export-subject": _export_subject,
        "erase-subject": _erase_subject,
    },
)

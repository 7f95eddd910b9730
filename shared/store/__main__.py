"""Commands of the operator: `python -m shared.store migrate|check|backup|restore|verify|...`.

Exit codes: 0 done, 2 refused or something found. Errors are one German line on stderr; results are
JSON on stdout.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_commands import BY_COMMAND
from shared.auth.audited_commands import run_audited
from shared.command_line import print_json, refusal
from shared.contracts.identity.principal import Principal
from shared.errors import InputError, UrbanKiError
from shared.settings import PRIVATE_UMASK, load_settings
from shared.store.backup import backup
from shared.store.commands import build_parser
from shared.store.deletion import Deleted, delete_app, delete_run, delete_tenant
from shared.store.engine import read_scope
from shared.store.layers import check_share
from shared.store.models import ArtifactRow, FeedbackRow, LayerRow, RunRow
from shared.store.provenance import read_back
from shared.store.restore import restore
from shared.store.retention import purge
from shared.store.schema import (
    check_schema,
    found_revision,
    migrate,
    prepare_database,
)
from shared.store.store import Store, open_store
from shared.store.verify import verify

DONE, REFUSED = 0, 2
OPERATOR = "betrieb"
"""Subject of whoever works at the command line."""
PATIENCE_S = 30.0


class _Found(Exception):
    """Ends a command that has printed its result with a German line and exit code 2."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    os.umask(PRIVATE_UMASK)
    try:
        options = build_parser().parse_args(arguments)
        if options.command == "provenance":
            print_json(read_back(options.file))
            return DONE
        store = open_store(load_settings())
        try:
            _run(store, options)
        finally:
            store.engine.dispose()
    except _Found as found:
        sys.stderr.write(f"{found}\n")
        return REFUSED
    except UrbanKiError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return REFUSED
    return DONE


def _run(store: Store, options: Namespace) -> None:
    def work() -> int:
        _COMMANDS[options.command](store, options)
        return DONE

    if options.command in _AUDITED:
        event = AuditEvent(Event.HEADLESS_COMMAND, object_id=f"store/{options.command}")
        run_audited(store.settings, event, work)
    else:
        work()


def _migrate(store: Store, _options: Namespace) -> None:
    before = found_revision(store.engine)
    if store.engine.dialect.name == "sqlite":
        prepare_database(store.settings)
    else:
        migrate(store.engine)
    print_json({"before": before, "revision": found_revision(store.engine)})


def _check(store: Store, _options: Namespace) -> None:
    check_schema(store.engine)
    store.files.check_reachable()
    with read_scope(store.engine) as session:
        rows = {
            f"{model.__tablename__}s": session.scalar(select(func.count()).select_from(model))
            for model in (RunRow, ArtifactRow, LayerRow)
        }
    print_json(
        {
            "database": store.engine.dialect.name,
            "revision": found_revision(store.engine),
            "storage": store.settings.storage_address.partition(":")[0],
            **rows,
        }
    )


def _backup(store: Store, options: Namespace) -> None:
    check_schema(store.engine)
    written = backup(store, options.out, _now())
    print_json(asdict(written))
    if written.unreadable:
        raise _Found(
            f"Die Sicherung ist geschrieben, aber {len(written.unreadable)} Dateien fehlen darin."
        )


def _restore(store: Store, options: Namespace) -> None:
    print_json(asdict(restore(store, options.file)))


def _verify(store: Store, _options: Namespace) -> None:
    check_schema(store.engine)
    found = verify(store, _now())
    print_json(asdict(found))
    if not found.is_sound:
        raise _Found(
            f"Fehlend: {len(found.missing)}, beschädigt: {len(found.damaged)}, "
            f"überzählig: {len(found.extra)}."
        )


def _purge(store: Store, _options: Namespace) -> None:
    check_schema(store.engine)
    print_json(asdict(purge(store, _now())))


def _delete(store: Store, options: Namespace) -> None:
    check_schema(store.engine)
    how = {"force": options.force, "patience_s": PATIENCE_S}
    if options.run is not None:
        tenants = _tenants(store, RunRow.tenant, RunRow.id == options.run)
        if not tenants:
            raise InputError(reason="Diesen Auftrag gibt es nicht.")
        deleted = [delete_run(_operator(tenants[0]), store, options.run, **how)]
        _note_deletion(store, tenants[0], object_id=options.run)
    elif options.app is not None:
        tenants = sorted(
            {
                *_tenants(store, RunRow.tenant, RunRow.app == options.app),
                *_tenants(store, LayerRow.tenant, LayerRow.name.startswith(f"{options.app}/")),
                *_tenants(store, FeedbackRow.tenant, FeedbackRow.app == options.app),
            }
        )
        deleted = []
        for one in tenants:
            deleted.append(delete_app(_operator(one), store, options.app, **how))
            _note_deletion(store, one, app=options.app)
    else:
        check_share((options.tenant,))
        deleted = [delete_tenant(_operator(options.tenant), store, **how)]
        _note_deletion(store, options.tenant)
    names = [one.name for one in fields(Deleted)]
    print_json({name: sum(getattr(one, name) for one in deleted) for name in names})


def _note_deletion(store: Store, tenant: str, *, app: str = "", object_id: str = "") -> None:
    event = AuditEvent(
        Event.DELETE, _operator(tenant), app=app, object_id=object_id, reason_code=BY_COMMAND
    )
    audit.write(store.engine, store.settings, event, now=_now())


def _tenants(
    store: Store, column: InstrumentedAttribute[str], condition: ColumnElement[bool]
) -> list[str]:
    with read_scope(store.engine) as session:
        return list(session.scalars(select(column).where(condition).distinct()))


def _operator(tenant: str) -> Principal:
    """Return whoever may work at the command line: the administration of each municipality."""
    return Principal(OPERATOR, "", {tenant: "admin"}, tenant, kind="service")


def _now() -> datetime:
    return datetime.now(UTC)


_COMMANDS: Mapping[str, Callable[[Store, Namespace], None]] = {
    "migrate": _migrate,
    "check": _check,
    "backup": _backup,
    "restore": _restore,
    "verify": _verify,
    "purge": _purge,
    "delete": _delete,
}
_AUDITED = {"backup", "purge", "delete"}
"""What takes data along or away."""


if __name__ == "__main__":
    sys.exit(main())

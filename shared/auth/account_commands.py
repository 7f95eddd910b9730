"""Commands for accounts, and for the sessions of whoever is signed in."""

from __future__ import annotations

from argparse import ArgumentParser

from sqlalchemy import select

from shared.auth import audit, local_accounts, open_sessions, sessions
from shared.auth.account_rows import Account
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_commands import BY_COMMAND
from shared.auth.command_groups import Answer, Context, Group, Parsers
from shared.auth.tenants import insert_home_tenant, insert_platform
from shared.contracts.identity.principal import HOME_TENANT, PLATFORM_TENANT
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import SessionRow


def _add_parsers(commands: Parsers) -> None:
    accounts = commands.add_parser("accounts", help="Konten dieser Installation")
    actions = accounts.add_subparsers(dest="action", metavar="BEFEHL", required=True)
    actions.add_parser("list", help="alle Konten zeigen")
    add = actions.add_parser("add", help="Konto anlegen; zeigt einmal sein erstes Passwort")
    _add_name(add)
    add.add_argument("--role", required=True, metavar="ROLLE", help="Rolle in der Kommune")
    add.add_argument(
        "--tenant", default=HOME_TENANT, metavar="KOMMUNE", help=f"sonst {HOME_TENANT}"
    )
    add.add_argument(
        "--app", dest="apps", action="append", metavar="ID", help="nur diese, mehrfach möglich"
    )
    add.add_argument("--display-name", metavar="NAME", help="Name auf den Seiten")
    for action, meaning in (
        ("disable", "Konto sperren; seine Sitzungen enden"),
        ("enable", "Sperre aufheben"),
        ("reset-password", "neues Passwort vergeben; seine Sitzungen enden"),
    ):
        _add_name(actions.add_parser(action, help=meaning))
    _add_name(commands.add_parser("reset-password", help="wie accounts reset-password"))
    chosen = commands.add_parser("sessions", help="Sitzungen")
    actions = chosen.add_subparsers(dest="action", metavar="BEFEHL", required=True)
    actions.add_parser("list", help="zeigen, wer angemeldet ist")
    whose = actions.add_parser("end", help="Sitzungen beenden").add_mutually_exclusive_group(
        required=True
    )
    whose.add_argument("--subject", metavar="KENNUNG", help="Kennung des Kontos (subject)")
    whose.add_argument("--all", action="store_true", help="Sitzungen aller Personen")


def _add_name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="Name zum Anmelden")


def _accounts(context: Context) -> Answer:
    return {
        "list": _list,
        "add": _add,
        "disable": _disable,
        "enable": _enable,
        "reset-password": _reset_password,
    }[context.options.action](context)


def _list(context: Context) -> Answer:
    return Answer(
        {"accounts": [_shown(one) for one in local_accounts.list_accounts(context.engine)]}
    )


def _add(context: Context) -> Answer:
    engine, chosen = context.engine, context.options
    insert = {HOME_TENANT: insert_home_tenant, PLATFORM_TENANT: insert_platform}
    if chosen.tenant in insert:
        with session_scope(engine) as session:
            insert[chosen.tenant](session)
    account, first_password = local_accounts.create_account(
        engine,
        chosen.name,
        chosen.display_name or chosen.name,
        {chosen.tenant: chosen.role},
        app_grants={chosen.tenant: frozenset(chosen.apps)} if chosen.apps else None,
        now=context.now,
    )
    _note_account(context, account, "add")
    return Answer({**_shown(account), "first_password": first_password})


def _disable(context: Context) -> Answer:
    local_accounts.disable(context.engine, context.options.name, context.now)
    return _changed(context, "disable")


def _enable(context: Context) -> Answer:
    local_accounts.enable(context.engine, context.options.name, context.now)
    return _changed(context, "enable")


def _reset_password(context: Context) -> Answer:
    made = local_accounts.reset_password(context.engine, context.options.name, context.now)
    return Answer({**_changed(context, "reset_password").content, "first_password": made})


def _changed(context: Context, action: str) -> Answer:
    account = local_accounts.get_account(context.engine, context.options.name)
    _note_account(context, account, action)
    return Answer(_shown(account))


def _note_account(context: Context, account: Account, action: str) -> None:
    event = AuditEvent(
        Event.ACCOUNT_CHANGE, object_id=account.id, reason_code=f"{BY_COMMAND}:{action}"
    )
    audit.write(context.engine, context.settings, event, now=context.now)


def _shown(account: Account) -> dict[str, object]:
    return {
        "username": account.username,
        "display_name": account.display_name,
        "subject": account.id,
        "roles": dict(account.rights.roles),
        "apps": {tenant: sorted(apps) for tenant, apps in account.rights.apps.items()},
        "must_change": account.must_change,
        "disabled": account.disabled,
        "changed_at": account.changed_at,
    }


def _sessions(context: Context) -> Answer:
    return _end_sessions(context) if context.options.action == "end" else _list_sessions(context)


def _list_sessions(context: Context) -> Answer:
    row = SessionRow
    query = (
        select(
            *(row.id, row.subject, row.display_name, row.mode, row.active_tenant),
            *(row.created_at, row.seen_at, row.absolute_expires_at, row.ip_prefix),
        )
        .where(row.idle_expires_at > context.now)
        .order_by(row.created_at, row.id)
    )
    with read_scope(context.engine) as session:
        return Answer({"sessions": [dict(found) for found in session.execute(query).mappings()]})


def _end_sessions(context: Context) -> Answer:
    engine, subject = context.engine, context.options.subject
    ended = (
        open_sessions.end_all(engine)
        if context.options.all
        else sessions.end_by_subject(engine, subject)
    )
    event = AuditEvent(Event.SESSION_END, reason_code=f"{BY_COMMAND}:{ended}")
    audit.write(engine, context.settings, event, now=context.now)
    return Answer({"ended": ended})


ACCOUNTS = Group(
    _add_parsers,
    {"accounts": _accounts, "reset-password": _reset_password, "sessions": _sessions},
)

"""Commands for the installation: may it start, what may each role, its key, tokens signed by it."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.auth.audit_commands import BY_COMMAND
from shared.auth.command_groups import Answer, Context, Group, Parsers
from shared.auth.policy_table import policy_json, policy_table
from shared.auth.start_checks import check_startup, start_faults
from shared.contracts.identity.installation import SignedTokens, acting_as
from shared.contracts.identity.key_rotation import rotate_key
from shared.contracts.identity.principal import RANKS
from shared.contracts.identity.tokens import LIFETIME_S
from shared.errors import InputError
from shared.i18n import LANGUAGES
from shared.settings import load_settings

_ROLES = (*RANKS, "service")


def _add_parsers(commands: Parsers) -> None:
    commands.add_parser("check", help="sagen, ob die Galerie starten darf, ohne sie zu starten")
    policy = commands.add_parser("policy", help="zeigen, was jede Rolle darf")
    policy.add_argument("--format", choices=("markdown", "json"), default="markdown", help="Form")
    policy.add_argument("--language", choices=LANGUAGES, default="de", help="Sprache")
    commands.add_parser("rotate-key", help="Schlüssel wechseln; der alte gilt noch zehn Minuten")
    token = commands.add_parser("token", help="Zugangstoken für den Modellserver ausstellen")
    token.add_argument("--subject", required=True, metavar="KENNUNG", help="wer handelt")
    token.add_argument("--role", required=True, choices=_ROLES, help="Rolle in der Kommune")
    token.add_argument("--tenant", required=True, metavar="KOMMUNE", help="Kommune")


def _check(_options: Namespace) -> Answer:
    problems = start_faults()
    mode = ""
    if not problems:
        settings = load_settings()
        mode = settings.sign_in
        problems = check_startup(settings, settings.host)
    told = [{"code": one.code, "message": f"{one} {one.remedy}"} for one in problems]
    content = {"mode": mode, "problems": told, "ok": not told}
    return Answer(content, "Die Galerie darf so nicht starten." if told else "")


def _policy(options: Namespace) -> Answer:
    if options.format == "json":
        return Answer(policy_json())
    return Answer({}, text=policy_table(options.language))


def _rotate_key(context: Context) -> Answer:
    done = rotate_key(context.settings, context.now.timestamp())
    event = AuditEvent(Event.KEY_ROTATION, reason_code=BY_COMMAND)
    audit.write(context.engine, context.settings, event, now=context.now)
    until = datetime.fromtimestamp(done.old_ends_at, UTC)
    return Answer({"kid": done.kid, "old_kid": done.old_kid, "old_until": until})


def _token(context: Context) -> Answer:
    settings, chosen = context.settings, context.options
    if settings.sign_in != "lokal":
        raise InputError(reason="Zugangstokens gibt es nur mit URBANKI_AUTH_MODE=lokal.")
    acting = acting_as(chosen.role, chosen.subject, chosen.tenant)
    token = SignedTokens(settings, lambda: acting, context.now.timestamp).token()
    event = AuditEvent(Event.TOKEN_ISSUE, acting, reason_code=BY_COMMAND)
    audit.write(context.engine, settings, event, now=context.now)
    return Answer({"token": token, "lasts_s": LIFETIME_S})


INSTALLATION = Group(
    _add_parsers,
    {"rotate-key": _rotate_key, "token": _token},
    alone={"check": _check, "policy": _policy},
)

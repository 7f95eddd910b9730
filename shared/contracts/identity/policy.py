"""What each role may do: one table, everything else is refused.

The model server, the repositories of `shared.store`, the guard and the pages ask the same two
functions: `decide`, and `require`, which raises. Roles count in the active municipality alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast, get_args

from shared.contracts.identity.principal import (
    DEMO_TENANT,
    PLATFORM_TENANT,
    RANKS,
    Principal,
    Role,
)
from shared.errors import N_, NotAllowed

TASKS = ("segment", "change", "ocr", "layout", "classify", "embed")
GUEST_QUALITY = "demonstration"
"""The only quality of models that guests may call."""

APP_OPEN = "app.open"
RESULT_READ = "result.read"
SAMPLE_RUN = "sample.run"
"""Store the example of an app, run it, go on with it and stop it."""
UPLOAD = "upload"
JOB_START = "job.start"
JOB_CANCEL = "job.cancel"
JOB_CANCEL_OTHERS = "job.cancel.others"
REVIEW_DECIDE = "review.decide"
EXPORT_REPORT = "export.report"
EXPORT_FILE = "export.file"
DATASPACE_READ = "dataspace.read"
DATASPACE_PUBLISH = "dataspace.publish"
DATASPACE_SHARE = "dataspace.share"
RESULT_DELETE = "result.delete"
RESULT_DELETE_OWN = "result.delete.own"
FEEDBACK_READ = "feedback.read"
AUDIT_READ = "audit.read"
ACCOUNT_MANAGE = "account.manage"
SESSION_END = "session.end"
SETTINGS_READ = "settings.read"
PERSONAL_READ = "personal.read"
SCAN_EXTERNAL = "scan.external"
MODEL_CATALOG = "model.catalog"
MODEL_METRICS = "model.metrics"
MODEL_RELOAD = "model.reload"
TENANT_MANAGE = "tenant.manage"

Cell = Literal["-", "x", "demo", "example", "demonstration", "job_part", "signed_targets"]
"""Never, always, or under one condition: in the demo municipality, there with example results,
with demonstration models, as part of a job, with a signed list of targets."""
Where = Literal["own", "shared", "any"]
"""Only in the active municipality, also what another one has shared, or anywhere."""
Fact = Literal["example", "shared", "job_part", "signed_targets"]
"""What the caller knows about the object: it is example data, it was shared with the active
municipality, a job makes it for its own run, its targets are on a signed list."""
JOB_PART: frozenset[Fact] = frozenset({"job_part"})
ROLES: tuple[Role, ...] = get_args(Role)
"""The columns of the table."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Args:
        what: The action in German.
        cells: When each role may do it.
        where: Whose objects.
        names_app: Whether the caller must say which app, and the person must have that app.
    """

    what: str
    cells: Mapping[Role, Cell]
    where: Where
    names_app: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an action is allowed.

    Args:
        allowed: The answer.
        reason: Why not, for the log: "unknown_action", "no_role", "role", "tenant", "app", or the
            condition that is not met.
    """

    allowed: bool
    reason: str = ""


_ALLOWED = Decision(True)


def model_call(task: str) -> str:
    """Return the action that runs a task; a task that nobody knows is in no table."""
    return f"model.call:{task}"


def _rule(what: str, cells: str, where: Where = "own", *, names_app: bool = False) -> Rule:
    """Return a row from its cells in the order of `ROLES`."""
    by_role = dict(zip(ROLES, cast(list[Cell], cells.split()), strict=True))
    return Rule(what, MappingProxyType(by_role), where, names_app)


TABLE: Mapping[str, Rule] = MappingProxyType(
    {
        # gast, viewer, sachbearbeitung, admin, service, plattform_admin
        APP_OPEN: _rule(N_("Anwendung öffnen"), "demo x x x - -"),
        RESULT_READ: _rule(N_("Ergebnisse ansehen"), "demo x x x - -"),
        SAMPLE_RUN: _rule(N_("Beispiel ausprobieren"), "demo x x x - -"),
        UPLOAD: _rule(N_("Dateien speichern"), "- - x x job_part -"),
        JOB_START: _rule(N_("Aufträge starten"), "- - x x job_part -"),
        JOB_CANCEL: _rule(N_("eigene Aufträge abbrechen"), "- - x x job_part -"),
        JOB_CANCEL_OTHERS: _rule(N_("Aufträge anderer abbrechen"), "- - - x - -"),
        REVIEW_DECIDE: _rule(N_("Prüfentscheidungen treffen"), "- - x x job_part -"),
        EXPORT_REPORT: _rule(N_("Berichte herunterladen"), "example x x x - -"),
        EXPORT_FILE: _rule(N_("Dateien herunterladen"), "- - x x job_part -"),
        DATASPACE_READ: _rule(N_("Datenraum lesen"), "demo x x x x -", "shared"),
        DATASPACE_PUBLISH: _rule(N_("im Datenraum veröffentlichen"), "- - x x job_part -"),
        DATASPACE_SHARE: _rule(N_("mit anderen Kommunen teilen"), "- - - x - -"),
        RESULT_DELETE: _rule(N_("Ergebnisse löschen"), "- - - x - -"),
        RESULT_DELETE_OWN: _rule(N_("eigene Ergebnisse löschen"), "- - x x - -"),
        FEEDBACK_READ: _rule(N_("Hinweise zu Ergebnissen lesen"), "- - - x - -"),
        AUDIT_READ: _rule(N_("Protokoll lesen"), "- - - x - -"),
        ACCOUNT_MANAGE: _rule(N_("Konten verwalten"), "- - - x - -"),
        SESSION_END: _rule(N_("Sitzungen anderer beenden"), "- - - x - -"),
        SETTINGS_READ: _rule(N_("Einstellungen ansehen"), "- - - x - x"),
        PERSONAL_READ: _rule(N_("personenbezogene Felder sehen"), "- - x x - -", names_app=True),
        SCAN_EXTERNAL: _rule(N_("fremde Systeme prüfen"), "- - - signed_targets - -"),
        **{
            model_call(task): _rule(N_("Modelle nutzen"), "demonstration x x x x -", "any")
            for task in TASKS
        },
        MODEL_CATALOG: _rule(N_("Modellkatalog ansehen"), "x x x x x -", "any"),
        MODEL_METRICS: _rule(N_("Kennzahlen des Modellservers"), "- x x x - -", "any"),
        MODEL_RELOAD: _rule(N_("Modelle neu laden"), "- - - x - -", "any"),
        TENANT_MANAGE: _rule(N_("Kommunen verwalten"), "- - - - - x", "any"),
    }
)
"""Rows by action."""


def decide(
    principal: Principal,
    action: str,
    *,
    tenant: str | None = None,
    app: str | None = None,
    quality: str | None = None,
    given: Collection[Fact] = (),
) -> Decision:
    """Look an action up.

    Args:
        principal: Who acts.
        action: Name in the table.
        tenant: Municipality that the object belongs to; None for the active one.
        app: App that the object belongs to; None where it belongs to none.
        quality: Quality of the model that is to be called; None where no model is known yet.
        given: What is known about the object.
    """
    active = principal.active_tenant
    role = principal.roles_by_tenant.get(active)
    rule = TABLE.get(action)
    if rule is None:
        return Decision(False, "unknown_action")
    # The platform is no municipality: whoever runs it is nobody elsewhere, and nobody else is here.
    if role not in ROLES or (role == "plattform_admin") != (active == PLATFORM_TENANT):
        return Decision(False, "no_role")
    cell = rule.cells[role]
    if cell == "-":
        return Decision(False, "role")
    if cell != "x" and not _is_met(cell, active, quality, given):
        return Decision(False, cell)
    is_elsewhere = tenant is not None and tenant != active
    if is_elsewhere and rule.where != "any" and not (rule.where == "shared" and "shared" in given):
        return Decision(False, "tenant")
    if app is None:
        return Decision(False, "app") if rule.names_app else _ALLOWED
    if principal.app_grants is not None and app not in principal.app_grants:
        return Decision(False, "app")
    return _ALLOWED


def _is_met(cell: Cell, active: str, quality: str | None, given: Collection[Fact]) -> bool:
    if cell == "demo":
        return active == DEMO_TENANT
    if cell == "example":
        return active == DEMO_TENANT and "example" in given
    if cell == "demonstration":
        return quality in (None, GUEST_QUALITY)
    return cell in given


def require(
    principal: Principal,
    action: str,
    *,
    tenant: str | None = None,
    app: str | None = None,
    quality: str | None = None,
    given: Collection[Fact] = (),
) -> None:
    """Refuse what the table does not allow; the arguments are those of `decide`.

    Raises:
        NotAllowed: The principal may not do this; carries the action.
    """
    found = decide(principal, action, tenant=tenant, app=app, quality=quality, given=given)
    if not found.allowed:
        raise refusal(action)


def refusal(action: str) -> NotAllowed:
    """Return the error that names an action in the words of the table.

    Args:
        action: What was refused; one that is in no table has no words.
    """
    rule = TABLE.get(action)
    return NotAllowed(action) if rule is None else NotAllowed(action, rule.what)


def may_open(principal: Principal, app: str, roles_min: Role) -> bool:
    """Say whether an app may be opened.

    Args:
        principal: Who acts.
        app: App id.
        roles_min: Lowest role that the app's manifest asks for.
    """
    if not decide(principal, APP_OPEN, app=app).allowed:
        return False
    return RANKS.index(principal.role) >= RANKS.index(roles_min)

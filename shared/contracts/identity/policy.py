"""What each role may do: one table, everything else is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.contracts.identity.principal import Principal, Role
from shared.errors import NotAllowed

TASKS = ("segment", "change", "ocr", "layout", "classify", "embed")
MODEL_CATALOG = "model.catalog"
MODEL_METRICS = "model.metrics"
MODEL_RELOAD = "model.reload"
GUEST_QUALITY = "demonstration"
"""The only quality of models that guests may call."""
_ALL: frozenset[Role] = frozenset({"gast", "viewer", "sachbearbeitung", "admin", "service"})
_STAFF: frozenset[Role] = frozenset({"viewer", "sachbearbeitung", "admin"})


def model_call(task: str) -> str:
    """Return the action that runs a task; a task that nobody knows is in no table."""
    return f"model.call:{task}"


TABLE: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        **{model_call(task): _ALL for task in TASKS},
        MODEL_CATALOG: _ALL,
        MODEL_METRICS: _STAFF,
        MODEL_RELOAD: frozenset({"admin"}),
    }
)
"""Roles by action."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an action is allowed.

    Args:
        allowed: The answer.
        reason: Why not, for the log: "unknown_action", "no_role", "role" or "quality".
    """

    allowed: bool
    reason: str = ""


def decide(principal: Principal, action: str, quality: str | None = None) -> Decision:
    """Look an action up.

    Args:
        principal: Who acts.
        action: Name in the table.
        quality: Quality of the model that is to be called; None where no model is known yet.
    """
    role = principal.roles_by_tenant.get(principal.active_tenant)
    if action not in TABLE:
        return Decision(False, "unknown_action")
    if role is None:
        return Decision(False, "no_role")
    if role not in TABLE[action]:
        return Decision(False, "role")
    if role == "gast" and quality not in (None, GUEST_QUALITY):
        return Decision(False, "quality")
    return Decision(True)


def require(principal: Principal, action: str, quality: str | None = None) -> None:
    """Refuse what the table does not allow; the arguments are those of `decide`.

    Raises:
        NotAllowed: The role may not do this.
    """
    if not decide(principal, action, quality).allowed:
        raise NotAllowed()

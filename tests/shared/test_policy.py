"""The table of rights: the agreed one, asked in the agreed way, and nothing else is allowed."""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from collections.abc import Collection
from typing import Any

import pytest

from shared.auth.policy_table import policy_json, policy_table
from shared.contracts.identity import policy
from shared.contracts.identity.policy import TABLE, decide, may_open, model_call, require
from shared.contracts.identity.principal import RANKS, Principal, Role
from shared.errors import NotAllowed
from shared.i18n import Language, get_translator
from shared.settings import REPOSITORY
from tests.e2e.checks import foreign_words

ROLES: tuple[Role, ...] = (
    *("gast", "viewer", "sachbearbeitung", "admin"),
    *("service", "plattform_admin"),
)
AGREED = """
app.open result.read sample.run             | demo          x x x -   -  own
upload job.start job.cancel review.decide   | -             - x x job -  own
export.file dataspace.publish               | -             - x x job -  own
export.report                               | example       x x x -   -  own
job.cancel.others result.delete             | -             - - x -   -  own
feedback.read audit.read account.manage     | -             - - x -   -  own
session.end dataspace.share                 | -             - - x -   -  own
result.delete.own                           | -             - x x -   -  own
settings.read                               | -             - - x -   x  own
personal.read                               | -             - x x -   -  own+app
scan.external                               | -             - - list - - own
dataspace.read                              | demo          x x x x   -  shared
model.call:segment model.call:change        | demonstration x x x x   -  any
model.call:ocr model.call:layout            | demonstration x x x x   -  any
model.call:classify model.call:embed        | demonstration x x x x   -  any
model.catalog                               | x             x x x x   -  any
model.metrics                               | -             x x x -   -  any
model.reload                                | -             - - x -   -  any
tenant.manage                               | -             - - - -   x  any
"""
"""Section 7 of the specification, one line for actions of equal rights; roles as in `ROLES`."""
TENANTS = ("musterstadt", "herten", "demo", "plattform")
TRIPLES = 2_000
SLOWEST_S = 20e-6


def agreed() -> dict[str, tuple[dict[str, str], str]]:
    rows: dict[str, tuple[dict[str, str], str]] = {}
    for line in AGREED.strip().splitlines():
        names, cells = line.split("|")
        *by_role, where = cells.split()
        for name in names.split():
            assert name not in rows
            rows[name] = (dict(zip(ROLES, by_role, strict=True)), where)
    return rows


ROWS = agreed()


def is_agreed(
    who: Principal,
    action: str,
    tenant: str | None,
    app: str | None,
    quality: str | None,
    given: Collection[str],
) -> bool:
    """What the specification says, in other words than the code."""
    role = who.roles_by_tenant.get(who.active_tenant)
    if action not in ROWS or role is None:
        return False
    if (who.active_tenant == "plattform") is not (role == "plattform_admin"):
        return False
    cells, where = ROWS[action]
    here = tenant is None or tenant == who.active_tenant
    reachable = {
        "own": here,
        "own+app": here and app is not None,
        "shared": here or "shared" in given,
        "any": True,
    }
    condition = {
        "x": True,
        "-": False,
        "demo": who.active_tenant == "demo",
        "example": who.active_tenant == "demo" and "example" in given,
        "demonstration": quality is None or quality == "demonstration",
        "job": "job_part" in given,
        "list": "signed_targets" in given,
    }
    granted = app is None or who.app_grants is None or app in who.app_grants
    return condition[cells[role]] and reachable[where] and granted


def person(role: Role, tenant: str = "musterstadt", **more: Any) -> Principal:
    home = "plattform" if role == "plattform_admin" else tenant
    return Principal("p", "", {home: role}, home, **more)


def drawn(draw: random.Random) -> tuple[Principal, str, dict[str, Any]]:
    """Anybody, anything."""
    held = {place: draw.choice(ROLES) for place in draw.sample(TENANTS, draw.randint(0, 3))}
    # Half of them act where they have the fitting role, or nearly nothing would be allowed.
    if draw.random() < 0.5:
        chosen = draw.choice(ROLES)
        held["plattform" if chosen == "plattform_admin" else draw.choice(TENANTS[:3])] = chosen
    active = draw.choice([*held, *held, *TENANTS])
    grants = draw.choice([None, None, frozenset(), frozenset({"sovia"})])
    action = draw.choice([*ROWS, "", "model.call:train", "APP.OPEN", "upload "])
    facts = ["example", "shared", "job_part", "signed_targets"]
    asked = {
        "tenant": draw.choice([None, None, active, *TENANTS]),
        "app": draw.choice([None, "sovia", "aviary"]),
        "quality": draw.choice([None, "demonstration", "pilot"]),
        "given": frozenset(draw.sample(facts, draw.randint(0, 4))),
    }
    return Principal("p", "", held, active, grants), action, asked


def test_every_action_is_agreed_and_every_agreed_one_is_in_the_table() -> None:
    constants = {
        value
        for name, value in vars(policy).items()
        if re.fullmatch(r"[A-Z]+(_[A-Z]+)+|UPLOAD", name) and isinstance(value, str)
    } - {policy.GUEST_QUALITY, policy.DEMO_TENANT, policy.PLATFORM_TENANT}
    assert set(TABLE) == set(ROWS)
    assert constants == {name for name in ROWS if not name.startswith("model.call:")}


@pytest.mark.parametrize("action", sorted(ROWS))
@pytest.mark.parametrize("role", ROLES)
def test_each_cell_at_home_and_elsewhere(role: Role, action: str) -> None:
    facts = (frozenset[str](), frozenset({"example", "job_part", "signed_targets"}))
    for place in ("musterstadt", "demo"):
        who = person(role, place)
        for tenant in (None, who.active_tenant, "herten"):
            for quality in (None, "demonstration", "pilot"):
                for given in (*facts, facts[1] | {"shared"}):
                    found = decide(
                        who, action, tenant=tenant, app="sovia", quality=quality, given=given
                    )
                    told = is_agreed(who, action, tenant, "sovia", quality, given)
                    assert found.allowed is told, (place, tenant, quality, given)
                    assert (found.reason == "") is found.allowed


def test_two_thousand_questions_are_answered_as_agreed() -> None:
    draw = random.Random(1)  # noqa: S311  # cases, no secrets
    answers = []
    for _ in range(TRIPLES):
        who, action, asked = drawn(draw)
        found = decide(who, action, **asked).allowed
        assert found is is_agreed(who, action, **asked), (who, action, asked)
        answers.append(found)
    assert TRIPLES / 10 < sum(answers) < TRIPLES * 9 / 10


def test_whatever_is_in_no_table_is_refused() -> None:
    for action in ("", "model.call:", "model.call:train", "model.*", "MODEL.RELOAD", "tenant"):
        assert decide(person("admin"), action).reason == "unknown_action"
    with pytest.raises(NotAllowed):
        require(person("admin"), model_call("train"))


def test_an_administrator_of_one_municipality_is_nobody_in_another() -> None:
    stranger = Principal("x", "", {"herten": "admin"}, "musterstadt")
    assert {decide(stranger, action).reason for action in TABLE} == {"no_role"}


def test_the_platform_sees_no_municipality_and_no_municipality_the_platform() -> None:
    allowed = {action for action in TABLE if decide(person("plattform_admin"), action).allowed}
    assert allowed == {"tenant.manage", "settings.read"}
    in_a_town = Principal("x", "", {"musterstadt": "plattform_admin"}, "musterstadt")
    admin_there = Principal("x", "", {"plattform": "admin"}, "plattform")
    for who in (in_a_town, admin_there):
        assert {decide(who, action).reason for action in TABLE} == {"no_role"}


def test_a_role_that_nobody_knows_is_none() -> None:
    odd = Principal("x", "", {"musterstadt": "root"}, "musterstadt")  # type: ignore[dict-item]
    assert {decide(odd, action).reason for action in TABLE} == {"no_role"}


@pytest.mark.parametrize("quality", ["pilot", "productive", "", "Demonstration"])
def test_guests_may_only_call_demonstrations(quality: str) -> None:
    guest = person("gast", "demo")
    assert decide(guest, "model.call:segment", quality=quality).reason == "demonstration"
    assert decide(guest, "model.call:segment", quality="demonstration").allowed
    assert decide(person("viewer"), "model.call:segment", quality=quality).allowed


def test_a_refusal_names_the_action_in_plain_words() -> None:
    with pytest.raises(NotAllowed) as refused:
        require(person("viewer"), policy.JOB_START)
    assert refused.value.details == {"action": "job.start", "what": "Aufträge starten"}
    assert str(refused.value) == "Dafür fehlt Ihnen die Berechtigung (Aufträge starten)."
    told = ("You are not allowed to do this (start jobs).", "Please turn to your administration.")
    assert get_translator("en").error(refused.value) == told
    sent = json.loads(json.dumps(refused.value.details))  # as from the model server
    assert get_translator("en").error(NotAllowed(**sent)) == told
    assert str(NotAllowed()) == "Dafür fehlt Ihnen die Berechtigung (Zugang)."


def test_an_app_is_opened_with_its_role_and_its_grant() -> None:
    order = [may_open(person("viewer"), "sovia", lowest) for lowest in RANKS]
    assert order == [True, True, False, False]
    assert may_open(person("viewer", app_grants=frozenset({"sovia"})), "sovia", "viewer")
    assert not may_open(person("viewer", app_grants=frozenset({"aviary"})), "sovia", "viewer")
    assert may_open(person("gast", "demo"), "sovia", "gast")
    assert not may_open(person("gast"), "sovia", "gast")
    for role in ("service", "plattform_admin"):
        assert not may_open(person(role), "sovia", "gast")  # type: ignore[arg-type]


def test_a_question_costs_next_to_nothing() -> None:
    who, taken = person("sachbearbeitung", app_grants=frozenset({"sovia"})), []
    for _ in range(21):
        start = time.thread_time()
        for _ in range(200):
            require(who, policy.DATASPACE_PUBLISH, app="sovia", given=policy.JOB_PART)
        taken.append((time.thread_time() - start) / 200)
    assert statistics.median(taken) < SLOWEST_S


def test_the_document_holds_the_table() -> None:
    document = (REPOSITORY / "docs" / "rollen.md").read_text(encoding="utf-8")
    assert document.endswith(policy_table("de")), "run python -m shared.auth policy"


@pytest.mark.parametrize(("language", "task"), [("de", "aufgabe"), ("en", "task")])
def test_the_table_for_people_is_complete_and_in_their_language(
    language: Language, task: str
) -> None:
    text = policy_table(language)
    assert all(f"| `{action}` |" in text for action in TABLE if "model.call" not in action)
    assert f"| `model.call:<{task}>` |" in text
    assert len(text.splitlines()) == 2 + len(TABLE) - len(policy.TASKS) + 1
    assert foreign_words(re.sub(r"`[^`]+`", "", text), language) == []


def test_the_table_for_programs_is_the_table() -> None:
    rows = json.loads(json.dumps(policy_json()))
    assert set(rows) == set(TABLE)
    for action, rule in TABLE.items():
        assert rows[action]["cells"] == dict(rule.cells)
        assert (rows[action]["where"], rows[action]["names_app"]) == (rule.where, rule.names_app)

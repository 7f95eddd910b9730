"""Who acts, as a value."""

from typing import Any

import pytest

from shared.auth.principal import Principal
from shared.contracts.identity.policy import may_open


def test_roles_have_an_order() -> None:
    clerk = Principal("s", "", {"stadt": "sachbearbeitung"}, "stadt")
    assert may_open(clerk, "x", "viewer")
    assert not may_open(clerk, "x", "admin")
    elsewhere = Principal("s", "", {"stadt": "admin"}, "anderswo")
    assert elsewhere.role == "gast"


def test_roles_cannot_be_changed_from_outside() -> None:
    roles: dict[str, Any] = {"stadt": "gast"}
    person = Principal("s", "", roles, "stadt")
    roles["stadt"] = "admin"
    assert person.role == "gast"
    with pytest.raises(TypeError):
        person.roles_by_tenant["stadt"] = "admin"  # type: ignore[index]

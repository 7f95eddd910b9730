"""A realm of a real Keycloak for the same suite, made from the file that is shipped.

`KEYCLOAK_URL` (for example http://localhost:8080), `KEYCLOAK_ADMIN` and `KEYCLOAK_ADMIN_PASSWORD`
of its master realm; Keycloak must reach this machine as `localhost`. The realm is deleted again.
"""

from __future__ import annotations

import copy
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

from keycloak import KeycloakAdmin

from shared.settings import REPOSITORY
from tests.oidc.realm import (
    GALLERY,
    JOBS,
    PEOPLE,
    RETURN,
    SECOND,
    SECRETS,
    Notice,
    Person,
    back_channel as listening,
)

REALM_FILE = REPOSITORY / "deploy" / "keycloak" / "urbanki-realm.json"


class RealKeycloak:
    """A temporary realm.

    Args:
        issuer: Its name.
        notices: What it has sent to the back channel.
        admin: Changes people.
    """

    def __init__(self, issuer: str, notices: Queue[Notice], admin: KeycloakAdmin) -> None:
        self.issuer = issuer
        self.notices = notices
        self._admin = admin

    def disable(self, person: Person) -> None:
        self._admin.update_user(self._id(person), {"enabled": False})

    def give_roles(self, person: Person, roles: tuple[str, ...]) -> None:
        user = self._id(person)
        held = [self._admin.get_realm_role(name) for name in person.roles]
        self._admin.delete_realm_roles_of_user(user, held)
        self._admin.assign_realm_roles(user, [self._admin.get_realm_role(name) for name in roles])

    def _id(self, person: Person) -> str:
        found = self._admin.get_user_id(person.username)
        assert found is not None
        return str(found)


@contextmanager
def temporary_realm(address: str) -> Iterator[RealKeycloak]:
    """Import the shipped realm under another name, with people and addresses of the tests.

    Args:
        address: Of Keycloak.
    """
    name = f"urbanki-test-{secrets.token_hex(4)}"
    admin = KeycloakAdmin(
        server_url=f"{address.rstrip('/')}/",
        username=os.environ["KEYCLOAK_ADMIN"],
        password=os.environ["KEYCLOAK_ADMIN_PASSWORD"],
        realm_name="master",
        user_realm_name="master",
    )
    with listening() as (back_channel_address, notices):
        admin.import_realm(realm_for_tests(name, back_channel_address))
        try:
            admin.change_current_realm(name)
            yield RealKeycloak(f"{address.rstrip('/')}/realms/{name}", notices, admin)
        finally:
            admin.delete_realm(name)


def realm_for_tests(name: str, back_channel_address: str) -> dict[str, Any]:
    """Return the shipped realm with another name, local addresses, known secrets and people."""
    realm: dict[str, Any] = json.loads(REALM_FILE.read_text(encoding="utf-8"))
    realm |= {"realm": name, "sslRequired": "none"}
    gallery, jobs = realm["clients"]
    second = copy.deepcopy(gallery)
    second["clientId"] = SECOND
    second["attributes"].pop("backchannel.logout.url")
    gallery["attributes"]["backchannel.logout.url"] = back_channel_address
    for client in (gallery, second):
        own = RETURN[client["clientId"]]
        client |= {"rootUrl": own, "redirectUris": [f"{own}/konto/rueckruf"]}
        client["attributes"]["post.logout.redirect.uris"] = f"{own}/konto/anmelden"
    realm["clients"] = [gallery, second, jobs]
    for client in realm["clients"]:
        client["secret"] = SECRETS[client["clientId"]]
    realm["scopeMappings"].append({**realm["scopeMappings"][0], "client": SECOND})
    assert {client["clientId"] for client in realm["clients"]} == {GALLERY, SECOND, JOBS}
    paths = {path for person in PEOPLE for path in person.groups}
    tenants = sorted(path.rpartition("/")[2] for path in paths if path.startswith("/kommune/"))
    realm["groups"] = [
        {"name": "kommune", "subGroups": [{"name": tenant} for tenant in tenants]},
        *({"name": path[1:]} for path in sorted(paths) if path.startswith("/app:")),
    ]
    realm["users"] += [
        {
            "username": person.username,
            "enabled": True,
            "firstName": person.username.title(),
            "lastName": "Beispiel",
            "email": f"{person.username}@musterstadt.example",
            "credentials": [{"type": "password", "value": person.password}],
            "realmRoles": list(person.roles),
            "groups": list(person.groups),
            "requiredActions": [],
        }
        for person in PEOPLE
    ]
    return realm

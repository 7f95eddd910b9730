"""What the shipped realm of Keycloak promises, and what its guide says about it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shared.auth.refreshing import RENEW_BELOW_S
from shared.contracts.identity.principal import RANKS
from shared.contracts.identity.provider_tokens import ProviderRules
from shared.settings import REPOSITORY
from tests.oidc.real_keycloak import REALM_FILE, realm_for_tests, temporary_realm
from tests.oidc.realm import DISABLED, GALLERY, JOBS, PEOPLE, SECOND
from tests.oidc.stub_provider import Reply, StubProvider, said

REALM: dict[str, Any] = json.loads(REALM_FILE.read_text(encoding="utf-8"))
CLIENTS = {client["clientId"]: client for client in REALM["clients"]}
RULES = ProviderRules(issuer="https://anmeldung.example/realms/urbanki", client_id=GALLERY)
HOST = "https://galerie.example"


def mappers(client: str) -> dict[str, dict[str, Any]]:
    return {
        mapper["protocolMapper"]: mapper["config"] for mapper in CLIENTS[client]["protocolMappers"]
    }


def test_the_realm_holds_the_two_clients_of_the_settings() -> None:
    assert REALM["realm"] == "urbanki"
    assert set(CLIENTS) == {RULES.client_id, RULES.jobs_client} == {GALLERY, JOBS}


def test_people_sign_in_by_code_and_pkce_only() -> None:
    client = CLIENTS[GALLERY]
    assert client["standardFlowEnabled"] is True
    for flow in ("implicitFlowEnabled", "directAccessGrantsEnabled", "serviceAccountsEnabled"):
        assert client[flow] is False
    assert client["publicClient"] is False
    assert client["attributes"]["pkce.code.challenge.method"] == "S256"
    assert client["attributes"]["oauth2.device.authorization.grant.enabled"] == "false"


def test_the_way_back_is_one_exact_address_for_each_purpose() -> None:
    client = CLIENTS[GALLERY]
    assert client["redirectUris"] == [f"{HOST}/konto/rueckruf"]
    attributes = client["attributes"]
    assert attributes["post.logout.redirect.uris"] == f"{HOST}/konto/anmelden"
    assert attributes["backchannel.logout.url"] == f"{HOST}/konto/rueckkanal"
    assert attributes["backchannel.logout.session.required"] == "true"
    assert client["webOrigins"] == []
    assert "*" not in json.dumps(REALM["clients"])


def test_jobs_sign_in_with_their_secret_only() -> None:
    client = CLIENTS[JOBS]
    assert client["serviceAccountsEnabled"] is True
    for flow in ("standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled"):
        assert client[flow] is False
    assert client["redirectUris"] == []
    (account,) = REALM["users"]
    assert account["serviceAccountClientId"] == JOBS
    assert account["realmRoles"] == ["service"]
    assert account["groups"] == [f"{RULES.tenant_prefix}musterstadt"]


def test_sessions_end_and_refresh_tokens_work_once() -> None:
    assert (REALM["ssoSessionIdleTimeout"], REALM["ssoSessionMaxLifespan"]) == (1800, 36_000)
    assert (REALM["revokeRefreshToken"], REALM["refreshTokenMaxReuse"]) == (True, 0)
    assert REALM["rememberMe"] is False


def test_a_changed_role_counts_within_two_minutes() -> None:
    """Nobody uses a token that is older, because it is renewed before its last minute."""
    assert REALM["accessTokenLifespan"] - RENEW_BELOW_S == 120


def test_guessing_passwords_is_slowed_down_and_locks_nobody_out_for_good() -> None:
    assert (REALM["bruteForceProtected"], REALM["failureFactor"]) == (True, 5)
    assert REALM["permanentLockout"] is False
    assert 0 < REALM["waitIncrementSeconds"] <= REALM["maxFailureWaitSeconds"] <= 900


def test_events_are_kept_for_ninety_days() -> None:
    assert REALM["eventsEnabled"] and REALM["adminEventsEnabled"]
    assert REALM["eventsExpiration"] == 90 * 24 * 3600
    assert REALM["attributes"]["adminEventsExpiration"] == str(90 * 24 * 3600)
    assert {"LOGIN", "LOGIN_ERROR", "LOGOUT", "REFRESH_TOKEN_ERROR"} <= {
        *REALM["enabledEventTypes"]
    }


def test_every_new_person_sets_up_a_second_factor() -> None:
    """Also administrators, who must never be without."""
    (action,) = [
        action for action in REALM["requiredActions"] if action["alias"] == "CONFIGURE_TOTP"
    ]
    assert action["enabled"] and action["defaultAction"]
    assert (REALM["otpPolicyType"], REALM["otpPolicyDigits"]) == ("totp", 6)


@pytest.mark.parametrize("client", [GALLERY, JOBS])
def test_access_tokens_carry_what_is_checked(client: str) -> None:
    found = mappers(client)
    audience = found["oidc-audience-mapper"]
    groups = found["oidc-group-membership-mapper"]
    roles = found["oidc-usermodel-realm-role-mapper"]
    assert audience["included.custom.audience"] == RULES.audience
    assert (groups["claim.name"], groups["full.path"]) == ("groups", "true")
    assert (roles["claim.name"], roles["multivalued"]) == ("realm_access.roles", "true")
    for config in found.values():
        assert config["access.token.claim"] == "true"
        assert config["id.token.claim"] == "false"
    attributes = CLIENTS[client]["attributes"]
    assert attributes["client.use.lightweight.access.token.enabled"] == "false"
    assert attributes["access.token.signed.response.alg"] in RULES.algorithms
    assert attributes["id.token.signed.response.alg"] in RULES.algorithms
    # Carries `sub`.
    assert "basic" in CLIENTS[client]["defaultClientScopes"]


def test_apps_are_roles_of_the_client() -> None:
    config = mappers(GALLERY)["oidc-usermodel-client-role-mapper"]
    assert config["claim.name"] == "resource_access.${client_id}.roles"
    assert config["usermodel.clientRoleMapping.clientId"] == GALLERY
    granted = {role["name"] for role in REALM["roles"]["client"][GALLERY]}
    shipped = {f"app:{file.parent.name}" for file in REPOSITORY.glob("apps/*/app.toml")}
    assert shipped <= granted


def test_no_token_carries_more_roles_than_its_client_may_have() -> None:
    of_people = {*RANKS, "plattform_admin"}
    assert {role["name"] for role in REALM["roles"]["realm"]} == {*of_people, "service"}
    scopes = {mapping["client"]: set(mapping["roles"]) for mapping in REALM["scopeMappings"]}
    assert scopes == {GALLERY: of_people, JOBS: {"service"}}
    assert all(client["fullScopeAllowed"] is False for client in CLIENTS.values())
    assert "email" not in CLIENTS[GALLERY]["defaultClientScopes"]
    assert all(client["optionalClientScopes"] == [] for client in CLIENTS.values())


def test_built_in_scopes_and_flows_stay_as_keycloak_makes_them() -> None:
    """An import that names some of them gets none of the others."""
    assert not {"clientScopes", "authenticationFlows", "defaultRoles"} & REALM.keys()


def test_the_file_holds_no_secret_and_no_person() -> None:
    text = REALM_FILE.read_text(encoding="utf-8")
    assert not re.search(r'"(secret|credentials|privateKey|certificate)"', text)
    assert REALM["sslRequired"] == "external"
    assert REALM["registrationAllowed"] is False


def test_the_realm_for_tests_differs_only_where_it_must() -> None:
    """Nobody runs it here, so at least its form is checked."""
    realm = realm_for_tests("x", "http://localhost:1/konto/rueckkanal")
    changed = {name for name in realm if realm[name] != REALM.get(name)}
    assert changed == {"realm", "sslRequired", "clients", "groups", "users", "scopeMappings"}
    clients = {client["clientId"]: client for client in realm["clients"]}
    assert set(clients) == {GALLERY, SECOND, JOBS}
    assert all(client["secret"] for client in clients.values())
    paths = {f"/{group['name']}" for group in realm["groups"]} | {
        f"/{group['name']}/{below['name']}"
        for group in realm["groups"]
        for below in group.get("subGroups", [])
    }
    assert {path for person in PEOPLE for path in person.groups} <= paths


def test_a_realm_for_tests_is_made_and_deleted(
    stub: StubProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls to Keycloak's administration, as far as they can be seen without one."""
    monkeypatch.setenv("KEYCLOAK_ADMIN", "admin")
    monkeypatch.setenv("KEYCLOAK_ADMIN_PASSWORD", "secret")
    user = {"id": "u-1", "username": DISABLED.username}
    token = {"access_token": "a", "expires_in": 300, "refresh_token": "r"}
    stub.replies["/realms/master/protocol/openid-connect/token"] = lambda _: said(token)
    stub.replies["/admin/realms"] = lambda _: Reply(201)
    with temporary_realm(stub.base) as realm:
        name = realm.issuer.rpartition("/")[2]
        base = f"/admin/realms/{name}"
        stub.replies[f"{base}/users"] = lambda _: said([user])
        stub.replies[f"{base}/users/u-1"] = lambda _: Reply(204)
        stub.replies[f"{base}/users/u-1/role-mappings/realm"] = lambda _: Reply(204)
        for role in RANKS:
            stub.replies[f"{base}/roles/{role}"] = lambda _: said({"name": "role"})
        stub.replies[base] = lambda _: Reply(204)
        realm.disable(DISABLED)
        realm.give_roles(DISABLED, ("admin",))
    made = [(asked.method, asked.path) for asked in stub.asked if asked.method != "GET"]
    assert made[1:] == [
        ("POST", "/admin/realms"),
        ("PUT", f"{base}/users/u-1"),
        ("DELETE", f"{base}/users/u-1/role-mappings/realm"),
        ("POST", f"{base}/users/u-1/role-mappings/realm"),
        ("DELETE", base),
    ]
    assert name.startswith("urbanki-test-")


def test_the_guide_says_that_nothing_ran_against_keycloak() -> None:
    guide = (REPOSITORY / "docs" / "keycloak.md").read_text(encoding="utf-8")
    assert "kein echtes Keycloak" in guide
    for word in ("urbanki-realm.json", "KEYCLOAK_URL", GALLERY, JOBS, *RANKS, "/kommune/"):
        assert word in guide
    assert len(re.findall(r"^- \[ \] ", guide, re.MULTILINE)) >= 15

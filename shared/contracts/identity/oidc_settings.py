"""How this installation signs in at a Keycloak realm: one frozen value, checked when made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from shared.contracts.identity.private_files import read_private
from shared.contracts.identity.provider_tokens import ALGORITHMS, ProviderRules
from shared.errors import SecretUnusable, SettingInvalid
from shared.settings import Settings, is_loopback

_REALM = re.compile(
    r"(https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9._/-]*)?)/realms/([A-Za-z0-9._-]+)"
)
_BASE = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9._-]+)*")


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """A realm and the gallery's client in it.

    Args:
        issuer: Public address of the realm, `https://host/realms/name`, exactly as in its tokens.
        client_id: The gallery's client.
        client_secret: Its secret.
        redirect_uri: Where the provider sends people back to.
        post_logout_uri: Where it sends them after a logout.
        internal_url: Address of Keycloak from this machine, without `/realms/...`; empty: public.
        algorithms: Accepted signatures.
        other_clients: Further clients whose access tokens are accepted.
        jobs_client: The client of jobs.
        jobs_secret: Its secret; empty where no job signs in.
        tenant_prefix: Path of the group that holds one group for each municipality.
        old_logout_type: See `ProviderRules`.
        timeout_s: Seconds until an answer of the provider must have begun.
        ca_file: Certificates of the provider's host, if it uses an own authority.

    Raises:
        SettingInvalid: The issuer is no realm or not encrypted, or another value is unusable.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    post_logout_uri: str
    internal_url: str = ""
    algorithms: tuple[str, ...] = ALGORITHMS[:1]
    other_clients: tuple[str, ...] = ()
    jobs_client: str = "urbanki-jobs"
    jobs_secret: str = field(default="", repr=False)
    tenant_prefix: str = "/kommune/"
    old_logout_type: bool = False
    timeout_s: float = 5.0
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what would sign in at the wrong place or in the open."""
        if not _REALM.fullmatch(self.issuer) or not _is_private(self.issuer):
            raise SettingInvalid(name="URBANKI_OIDC_ISSUER", value=self.issuer)
        if self.internal_url and not _BASE.fullmatch(self.internal_url):
            raise SettingInvalid(name="URBANKI_OIDC_INTERNAL_URL", value=self.internal_url)
        if not self.algorithms or not set(self.algorithms) <= set(ALGORITHMS):
            raise SettingInvalid(name="URBANKI_OIDC_ALGORITHMS", value=",".join(self.algorithms))

    @property
    def realm(self) -> str:
        """Name of the realm."""
        return self.issuer.rpartition("/")[2]

    @property
    def server_url(self) -> str:
        """Address of Keycloak from this machine, with a slash at its end."""
        base = self.internal_url or self.issuer.removesuffix(f"/realms/{self.realm}")
        return f"{base}/"

    @property
    def realm_url(self) -> str:
        """Address of the realm from this machine."""
        return f"{self.server_url}realms/{self.realm}"

    @property
    def rules(self) -> ProviderRules:
        """Whose tokens are accepted."""
        return ProviderRules(
            issuer=self.issuer,
            client_id=self.client_id,
            other_clients=self.other_clients,
            jobs_client=self.jobs_client,
            algorithms=self.algorithms,
            tenant_prefix=self.tenant_prefix,
            old_logout_type=self.old_logout_type,
        )


def load_oidc_settings(settings: Settings, *, with_secrets: bool = True) -> OidcSettings:
    """Return the realm that the settings name.

    Args:
        settings: What begins with `oidc_`, and the public address.
        with_secrets: False for whoever only checks tokens: no secret is read then.

    Raises:
        SecretUnusable: A file with a secret cannot be read, is empty, or others can read it.
        SettingInvalid: The issuer is no realm or not encrypted, or another value is unusable.
    """
    secret = _secret if with_secrets else _no_secret
    origin = settings.public_url or f"http://localhost:{settings.port}"
    return OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret(settings.oidc_client_secret, settings.oidc_client_secret_file),
        redirect_uri=f"{origin}/konto/rueckruf",
        post_logout_uri=f"{origin}/konto/anmelden",
        internal_url=settings.oidc_internal_url.rstrip("/"),
        algorithms=tuple(settings.oidc_algorithms.split(",")),
        other_clients=tuple(name for name in settings.oidc_other_clients.split(",") if name),
        jobs_client=settings.oidc_jobs_client,
        jobs_secret=secret(settings.oidc_jobs_secret, settings.oidc_jobs_secret_file),
        tenant_prefix=settings.oidc_group_prefix,
        old_logout_type=settings.oidc_old_logout_type,
        ca_file=settings.oidc_ca_file,
    )


def _secret(given: str, file: Path | None) -> str:
    if given or file is None:
        return given
    try:
        secret = read_private(file).decode().strip()
    except (OSError, UnicodeDecodeError) as cause:
        raise SecretUnusable(file=file.name) from cause
    if not secret:
        raise SecretUnusable(file=file.name)
    return secret


def _no_secret(_given: str, _file: Path | None) -> str:
    return ""


def _is_private(address: str) -> bool:
    """Say whether nobody on the way can read or change what is sent."""
    parts = urlsplit(address)
    return (
        parts.scheme == "https"
        or parts.hostname == "localhost"
        or is_loopback(parts.hostname or "")
    )

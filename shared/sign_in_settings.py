"""Settings of signing in: who may reach the gallery, how long a session lasts, which provider."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
_CLIENT = r"[A-Za-z0-9._-]+"
_FOLDED = ("public_url", "allowed_hosts", "trusted_proxies")


class SignInSettings(BaseSettings):
    """The part of `shared.settings.Settings` that is about people, browsers and addresses."""

    mode: Literal["betrieb", "kiosk"] = Field(
        "betrieb", description="betrieb: people sign in; kiosk: guests see demo data only"
    )
    auth_mode: Literal["lokal", "keycloak"] = Field(
        "lokal", description="How people sign in: accounts of this installation, or Keycloak"
    )
    public_url: str = Field(
        "",
        pattern=rf"^(https?://{_HOST}(:[1-9]\d{{0,4}})?)?$",
        description="Address that people type, `https://name`; empty: only this machine, over http",
    )
    allowed_hosts: str = Field(
        "",
        pattern=rf"^({_HOST}(,{_HOST})*)?$",
        description="Comma-separated further host names of the gallery, without port",
    )
    trusted_proxies: str = Field(
        "",
        description="Comma-separated addresses or networks of proxies; their `X-Forwarded-...` "
        "counts",
    )
    allow_local_accounts_public: bool = Field(
        False, description="Let other machines reach the gallery although it has its own accounts"
    )
    session_idle_min: int = Field(
        30, ge=1, le=480, description="Minutes without anything done after which a session ends"
    )
    session_max_h: int = Field(10, ge=1, le=24, description="Hours after which a session ends")
    identity_source: Literal["header", "cookie"] = Field(
        "header",
        description="How pages learn who is signed in; cookie only if Streamlit loses the headers",
    )
    oidc_issuer: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Keycloak: address of the realm, `https://host/realms/name`, as in its tokens",
    )
    oidc_internal_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Keycloak: its address from here, without `/realms/...`; empty: the one above",
    )
    oidc_client_id: str = Field(
        "urbanki-galerie", pattern=f"^{_CLIENT}$", description="Keycloak: the gallery's client"
    )
    oidc_client_secret: str = Field("", repr=False, description="Keycloak: secret of that client")
    oidc_client_secret_file: Path | None = Field(
        None, description="Keycloak: file that holds the secret instead, mode 0600"
    )
    oidc_jobs_client: str = Field(
        "urbanki-jobs", pattern=f"^{_CLIENT}$", description="Keycloak: the client of jobs"
    )
    oidc_jobs_secret: str = Field("", repr=False, description="Keycloak: secret of that client")
    oidc_jobs_secret_file: Path | None = Field(
        None, description="Keycloak: file that holds the secret instead, mode 0600"
    )
    oidc_other_clients: str = Field(
        "",
        pattern=f"^({_CLIENT}(,{_CLIENT})*)?$",
        description="Keycloak: comma-separated further clients whose access tokens are accepted",
    )
    oidc_algorithms: str = Field(
        "RS256",
        pattern=r"^(RS|ES|PS)256(,(RS|ES|PS)256)*$",
        description="Keycloak: comma-separated signatures, of RS256, ES256 and PS256",
    )
    oidc_group_prefix: str = Field(
        "/kommune/",
        pattern=r"^/([A-Za-z0-9._-]+/)+$",
        description="Keycloak: path of the group that holds one group for each municipality",
    )
    oidc_old_logout_type: bool = Field(
        False, description="Keycloak: accept notices of logouts as older versions send them"
    )
    oidc_ca_file: Path | None = Field(
        None, description="Keycloak: certificates of its host, if it uses an own authority"
    )

    @field_validator(*_FOLDED, mode="before")
    @classmethod
    def _folded(cls, value: object) -> object:
        return "".join(value.split()).lower().rstrip("/") if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks_only(cls, value: str) -> str:
        _networks(value)
        return value

    @property
    def sign_in(self) -> Literal["lokal", "keycloak", "kiosk"]:
        """How somebody gets a session here; in a kiosk without signing in."""
        return "kiosk" if self.mode == "kiosk" else self.auth_mode

    @property
    def public_host(self) -> str:
        """Host name of `public_url` as it stands there, without port; empty if there is none."""
        netloc = urlsplit(self.public_url).netloc
        return netloc if netloc.endswith("]") else netloc.rpartition(":")[0] or netloc

    @property
    def served_hosts(self) -> frozenset[str]:
        """Host names by which others reach the gallery, in small letters and without port."""
        return frozenset(name for name in (self.public_host, *_parts(self.allowed_hosts)) if name)

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """Networks of the proxies whose headers count."""
        return _networks(self.trusted_proxies)


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(part) for part in _parts(text))

"""The installation's private key: made once by whichever process comes first, used to sign tokens.

Gallery, jobs and commands sign; the model server reads only the public half beside it.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.contracts.identity.jwks import CURVE, KeySet, read_key_set
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.contracts.identity.private_files import PUBLIC, draft, make_once, read_private
from shared.contracts.identity.tokens import ALGORITHM, LIFETIME_S, sign_token
from shared.errors import KeySetMissing, OperationError, SecretUnusable
from shared.settings import Settings

RENEW_BELOW_S = 30
LOCAL_SUBJECT = "local"
"""Whoever gives a command on this machine, without a login."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """What signs tokens.

    Args:
        key: Private Ed25519 key.
        issuer: Name of the installation.
    """

    key: OKPKey
    issuer: str


def load_installation_key(settings: Settings) -> InstallationKey:
    """Return the key; make it and publish its public half where that has not been done.

    Args:
        settings: Folder of the keys.

    Raises:
        SecretUnusable: A file is damaged, cannot be read or written, or others can read or replace
            the key.
    """
    touched = file = settings.installation_key_file
    try:
        if not file.exists():
            make_once(file, OKPKey.generate_key("Ed25519").as_pem(private=True))
        key = read_key(file)
        touched = settings.key_set_file
        return InstallationKey(key, _publish(key, touched))
    except OSError as cause:
        # The cause names the draft, which nobody who looks into the folder would find.
        raise SecretUnusable(file=touched.name) from cause


def check_installation_key(settings: Settings) -> None:
    """Make sure that the private key can be used; where there is none yet, nothing happens.

    Args:
        settings: Folder of the keys.

    Raises:
        SecretUnusable: The file is damaged, cannot be read, or others can read or replace it.
    """
    file = settings.installation_key_file
    try:
        if file.exists():
            read_key(file)
    except OSError as cause:
        raise SecretUnusable(file=file.name) from cause


class SignedTokens:
    """A source of tokens that the installation signs itself; threads may share it.

    Args:
        settings: Folder of the keys.
        who: Says who acts, asked for each token anew.
        clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        who: Callable[[], Principal],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._who = who
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._renew_at = float("-inf")

    def token(self) -> str:
        """Return a token that is good for at least 30 s.

        Raises:
            SecretUnusable: The key cannot be used.
            NotSignedIn: The session of a person has ended.
        """
        with self._lock:
            return self._token if self._clock() < self._renew_at else self._sign()

    def renew(self) -> str:
        """Return a new token, because the last one was not accepted.

        Raises:
            SecretUnusable: The key cannot be used.
            NotSignedIn: The session of a person has ended.
        """
        with self._lock:
            return self._sign()

    def _sign(self) -> str:
        now, acting = self._clock(), self._who()
        # Read each time, because somebody may have replaced it.
        signing = load_installation_key(self._settings)
        self._token = sign_token(acting, signing.key, signing.issuer, now)
        self._renew_at = int(now) + LIFETIME_S - RENEW_BELOW_S
        return self._token


class InstallationToken(SignedTokens):
    """A source of tokens of one role that never changes, for jobs, commands and measurements.

    Args:
        settings: Folder of the keys.
        role: Role in the municipality; `service` for jobs and measurements.
        subject: Who acts: a stable id, never a name.
        tenant: The municipality.
        clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        role: Role = "sachbearbeitung",
        subject: str = LOCAL_SUBJECT,
        tenant: str = HOME_TENANT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        acting = acting_as(role, subject, tenant)
        super().__init__(settings, lambda: acting, clock)


def acting_as(role: Role, subject: str, tenant: str) -> Principal:
    """Return somebody with one role, for tokens that no session stands behind.

    Args:
        role: See `InstallationToken`, also for the next two.
        subject: See above.
        tenant: See above.
    """
    return Principal(
        subject=subject,
        display_name="",
        roles_by_tenant={tenant: role},
        active_tenant=tenant,
        kind="service" if role == "service" else "guest" if role == "gast" else "person",
    )


def command_token(
    settings: Settings, role: Role = "sachbearbeitung", tenant: str = HOME_TENANT
) -> str:
    """Return one token for a command of the operating system's user; it ends after 120 s.

    Args:
        settings: Folder of the keys.
        role: See `InstallationToken`, also for the next.
        tenant: See above.

    Raises:
        SecretUnusable: The key cannot be used.
    """
    return InstallationToken(settings, role=role, tenant=tenant).token()


def read_key(file: Path) -> OKPKey:
    """Return the private key of a file.

    Raises:
        OSError: It cannot be read.
        SecretUnusable: It is damaged, or others can read or replace it.
    """
    try:
        key = OKPKey.import_key(read_private(file))
    except (JoseError, ValueError) as cause:
        raise SecretUnusable(file=file.name) from cause
    if not key.is_private or key.curve_name != CURVE:
        raise SecretUnusable(file=file.name)
    return key


def _publish(key: OKPKey, file: Path) -> str:
    """Make sure that the key set holds the key; return the installation's name."""
    kid = key.thumbprint()
    known = _known(file)
    if known is not None and kid in known.keys:
        return known.issuer
    # The name comes from the first key, so that two processes at once write the same file.
    issuer = known.issuer if known is not None else f"urn:urbanki:{kid[:22]}"
    write_key_set(file, issuer, [key], {})
    return issuer


def write_key_set(
    file: Path, issuer: str, keys: Sequence[OKPKey], ends: Mapping[str, float]
) -> None:
    """Publish keys, of which only the public half is written.

    Args:
        file: The key set.
        issuer: Name of the installation.
        keys: The keys.
        ends: When a key counts no more, by its thumbprint, in Unix time; others do not end.

    Raises:
        OSError: It cannot be written.
    """
    entries = []
    for key in keys:
        kid = key.thumbprint()
        entry = key.as_dict(private=False, kid=kid, use="sig", alg=ALGORITHM)
        entries.append({**entry, "exp": ends[kid]} if kid in ends else entry)
    content = json.dumps({"issuer": issuer, "keys": entries}, indent=2) + "\n"
    with draft(file, content.encode("ascii"), PUBLIC) as written:
        written.replace(file)


def _known(file: Path) -> KeySet | None:
    try:
        return read_key_set(file)
    except KeySetMissing:
        return None
    except OperationError as error:
        _log.warning("the key set is written anew: %s", error)
        return None

"""The installation's secret: encrypts what the database keeps of others, and signs the audit.

It is `URBANKI_SECRET_KEY`, or a file of the data folder that the first process makes. Whoever
changes it ends all sessions at a provider, and the audit's chain no longer verifies.
"""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.auth.randomness import new_token
from shared.contracts.identity.private_files import make_once, read_private
from shared.errors import SecretUnusable, SecretWeak
from shared.settings import Settings

LEAST_BYTES = 32
_VARIABLE = "URBANKI_SECRET_KEY"
PLACEHOLDER = "bitte-durch-einen-zufaelligen-wert-ersetzen"
"""What `.env.example` shows."""


class SecretBox:
    """Encrypts short texts (Fernet: AES-128-CBC with HMAC-SHA256) and gives keys for purposes.

    Args:
        secret: At least 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._fernet = Fernet(base64.urlsafe_b64encode(self.key("tokens")))

    def key(self, purpose: str) -> bytes:
        """Return 32 bytes that belong to one purpose (HKDF, RFC 5869).

        Args:
            purpose: For example "audit".
        """
        kdf = HKDF(SHA256(), length=32, salt=None, info=f"urbanki {purpose}".encode())
        return kdf.derive(self._secret)

    def seal(self, text: str) -> str:
        """Encrypt a text."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str | None:
        """Decrypt a text; None if it was changed, or encrypted with another secret."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None


def load_secret_box(settings: Settings) -> SecretBox:
    """Return the box of this installation; make its secret where there is none.

    Args:
        settings: The secret, or the folder of the keys.

    Raises:
        SecretUnusable: The file is damaged, cannot be read or written, or others can read it.
        SecretWeak: The secret of the settings is too short or a placeholder.
    """
    if settings.secret_key:
        return SecretBox(_of_settings(settings.secret_key))
    file = settings.secret_key_file
    try:
        if not file.exists():
            make_once(file, new_token().encode("ascii") + b"\n")
        return SecretBox(_read(file))
    except OSError as cause:
        raise SecretUnusable(file=file.name) from cause


def check_secret(settings: Settings) -> None:
    """Make sure that the secret can be used; where there is none yet, nothing happens.

    Args:
        settings: The secret, or the folder of the keys.

    Raises:
        SecretUnusable: The file is damaged, cannot be read, or others can read it.
        SecretWeak: The secret of the settings is too short or a placeholder.
    """
    if settings.secret_key or settings.secret_key_file.exists():
        load_secret_box(settings)


def _of_settings(text: str) -> bytes:
    if len(text.encode()) < LEAST_BYTES or text == PLACEHOLDER:
        raise SecretWeak(name=_VARIABLE, least=LEAST_BYTES)
    return text.encode()


def _read(file: Path) -> bytes:
    secret = read_private(file).strip()
    if len(secret) < LEAST_BYTES:
        raise SecretUnusable(file=file.name)
    return secret

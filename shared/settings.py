"""Settings of the whole house, read from `URBANKI_*` environment variables and the file `.env`."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import AddressNotLoopback, SecretUnusable, SettingInvalid, SettingsUnreadable

REPOSITORY = Path(__file__).resolve().parents[1]
OWNER_VARIABLE = "URBANKI_OWNER_PROCESS"
"""Set by a command for the server that it starts: its process id, with which the server ends."""


class Settings(BaseSettings):
    """Every setting with its default; the README's table is generated from the descriptions."""

    model_config = SettingsConfigDict(
        env_prefix="URBANKI_",
        env_file=REPOSITORY / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Field(
        REPOSITORY / "data",
        description="Folder for secrets, logs and everything the gallery stores",
    )
    host: str = Field(
        "127.0.0.1", description="Address of the gallery; only loopback until accounts exist"
    )
    port: int = Field(8501, ge=1, le=65535, description="Port of the gallery")
    language: Literal["auto", "de", "en"] = Field(
        "auto", description="Language of the pages; auto follows the browser, German otherwise"
    )
    theme: str = Field("default", description="Theme file of `shared/themes` without its ending")
    apps: str = Field("", description="Comma-separated app folders to show; empty shows all")
    max_upload_mb: int = Field(200, ge=1, le=2000, description="Largest accepted upload in MB")
    model_server_host: str = Field("127.0.0.1", description="Address the model server binds to")
    model_server_port: int = Field(3000, ge=1, le=65535, description="Port of the model server")
    model_server_url: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address of a model server elsewhere; empty uses host and port above",
    )
    model_server_workers: int = Field(
        1, ge=1, le=64, description="Worker processes of the model server"
    )
    model_server_max_concurrency: int = Field(
        64, ge=1, le=4096, description="Requests the model server holds before it answers 429"
    )
    model_server_timeout_s: float = Field(
        60, gt=0, le=600, description="Seconds until a model request is given up"
    )
    model_server_preload: str = Field(
        "solar,ppocrv6_small", description="Models loaded before the model server reports ready"
    )
    model_dir: Path | None = Field(
        None, description="Folder with the municipality's own models, beside the built-in ones"
    )
    metrics_token: str = Field(
        "", description="Extra token that may read `/metrics` of the model server; empty: none"
    )
    development_data_dir: Path = Field(
        REPOSITORY.parent / "shared" / "data",
        description="Folder with data sets for training and evaluation; not needed to run",
    )
    min_free_mb: int = Field(
        500, ge=0, le=1_000_000, description="Free disk space in MB below which nothing starts"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe message that is logged"
    )

    @field_validator("host", "model_server_host")
    @classmethod
    def _loopback_only(cls, value: str) -> str:
        if value == "localhost":
            return "127.0.0.1"  # BentoML takes no names
        if not is_loopback(value):
            message = (
                f"Die Adresse {value} ist von außen erreichbar. Solange es keine Konten gibt, "
                "ist nur 127.0.0.1 erlaubt."
            )
            raise ValueError(message)
        return value

    @property
    def app_ids(self) -> frozenset[str]:
        """Ids of the apps to show; empty means all."""
        return frozenset(part.strip() for part in self.apps.split(",") if part.strip())

    @property
    def preloaded_models(self) -> tuple[str, ...]:
        """Names of the models to load first, each once."""
        names = (part.strip() for part in self.model_server_preload.split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def model_server_address(self) -> str:
        """Base URL of the model server without a trailing slash."""
        host = self.model_server_host
        host = f"[{host}]" if ":" in host else host
        url = self.model_server_url or f"http://{host}:{self.model_server_port}"
        return url.rstrip("/")

    @property
    def secrets_dir(self) -> Path:
        """Folder of the installation's secrets, mode 0700."""
        return self.data_dir / "secrets"

    @property
    def model_server_secret_file(self) -> Path:
        """File with the bearer secret between gallery and model server, mode 0600."""
        return self.secrets_dir / "model_server_token"


def read_or_make_secret(path: Path) -> str:
    """Return the secret of a file; whoever needs it first makes it, 32 random bytes, mode 0600.

    Raises:
        SecretUnusable: The file is empty, too short, unreadable or readable by others.
    """
    try:
        if not path.exists():
            _make_secret(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SecretUnusable(file=path.name)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as cause:
        raise SecretUnusable(file=path.name) from cause
    if len(secret) < 32:
        raise SecretUnusable(file=path.name)
    return secret


def _make_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
        # A link appears whole or not at all, and never replaces the secret of a faster process.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def is_loopback(value: str) -> bool:
    """Say whether an IP address is one of this machine alone."""
    try:
        return ipaddress.ip_address(value).is_loopback
    except ValueError:
        return False


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        AddressNotLoopback: Gallery or model server would be reachable from outside.
        SettingInvalid: Another variable is wrong.
        SettingsUnreadable: The file `.env` is no text or cannot be read.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"URBANKI_{'_'.join(str(part) for part in first['loc']).upper()}"
        if first["type"] == "value_error":
            raise AddressNotLoopback(name=name, address=first["input"]) from error
        raise SettingInvalid(name=name, value=first["input"]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsUnreadable() from error


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process; read once, see `load_settings` for errors."""
    return load_settings()

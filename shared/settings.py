"""Settings of the whole house, read from `URBANKI_*` environment variables and the file `.env`."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from shared.errors import AddressNotLoopback, SettingInvalid, SettingsUnreadable

REPOSITORY = Path(__file__).resolve().parents[1]
LOCAL_SETTINGS = REPOSITORY / "model_server" / "settings.local.toml"
"""What `python -m model_server.bench --apply` measured on this machine; of least priority."""
RATE = r"^[1-9]\d{0,4}/[1-9]\d{0,5}$"
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
        description="Folder for keys, logs and everything the gallery stores",
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
    public: bool = Field(
        False,
        description="Let other machines reach the model server; it then needs its key set at start",
    )
    auth_mode: Literal["lokal"] = Field(
        "lokal", description="How people and programs sign in; so far only by this installation"
    )
    keys_dir: Path | None = Field(
        None, description="Folder of the installation's keys; empty takes `keys` of the data folder"
    )
    secret_key: str = Field(
        "",
        repr=False,
        description="Secret of 32 characters or more that encrypts provider tokens; empty: a file",
    )
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
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where models run: auto takes a GPU if one can be used, cuda demands one",
    )
    model_server_preload: str = Field(
        "solar,ppocrv6_small", description="Models loaded before the model server reports ready"
    )
    model_server_max_batch: int = Field(
        2, ge=1, le=256, description="Largest batch of any model; its card may say less"
    )
    model_memory_mb: int = Field(
        1200, ge=1, le=1_000_000, description="Memory in MB for loaded models, all workers together"
    )
    worker_max_rss_mb: int = Field(
        1200,
        ge=0,
        le=1_000_000,
        description="Memory in MB above which a worker older than 5 minutes is replaced; 0: never",
    )
    model_dir: Path | None = Field(
        None, description="Folder with the municipality's own models, beside the built-in ones"
    )
    rate_gast: str = Field(
        "2/8",
        pattern=RATE,
        description="Task requests of a guest: per second / most at once, for each worker process",
    )
    rate_viewer: str = Field(
        "5/20", pattern=RATE, description="The same for somebody who may only look"
    )
    rate_sachbearbeitung: str = Field(
        "20/80", pattern=RATE, description="The same for clerks and administrators"
    )
    rate_service: str = Field("200/400", pattern=RATE, description="The same for jobs")
    metrics_token: str = Field(
        "", description="Extra token that may read `/metrics` of the model server; empty: none"
    )
    database_url: str = Field(
        "",
        pattern=r"^(postgresql\+psycopg://\S+|sqlite:///\S+)?$",
        description="Database, `postgresql+psycopg://...`; empty takes a file of the data folder",
    )
    storage_url: str = Field(
        "",
        pattern=r"^(s3://\S+|file:///\S+)?$",
        description="Place of the files, `s3://bucket/prefix`; empty: `files` of the data folder",
    )
    storage_endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="Address of an S3 server other than Amazon's; its keys are `AWS_...` variables",
    )
    dask_address: str = Field(
        "",
        pattern=r"^((tcp|tls)://\S+)?$",
        description="Scheduler of a Dask cluster, `tcp://...`; empty: workers on this machine",
    )
    job_workers: int = Field(
        0, ge=0, le=256, description="Worker processes for jobs; 0 takes one for each core"
    )
    job_worker_mb: int = Field(
        1500,
        ge=200,
        le=1_000_000,
        description="Memory in MB above which a job's worker is replaced",
    )
    job_modules: str = Field(
        "",
        pattern=r"^([A-Za-z_][\w.]*(,[A-Za-z_][\w.]*)*)?$",
        description="Comma-separated Python modules with further jobs; empty: those of the apps",
    )
    retention_uploads_days: int | None = Field(
        None, ge=0, le=36_500, description="Days that uploads are kept; empty: as each app says"
    )
    retention_results_days: int | None = Field(
        None, ge=0, le=36_500, description="Days that results are kept; empty: as each app says"
    )
    retention_audit_days: int = Field(
        90, ge=1, le=3650, description="Days that the audit is kept: who did what"
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
    def _loopback_only(cls, value: str, info: ValidationInfo) -> str:
        if value == "localhost":
            return "127.0.0.1"  # BentoML takes no names
        is_open = info.field_name == "model_server_host" and info.data.get("public", False)
        if not is_loopback(value) and not (is_open and _is_address(value)):
            message = (
                f"Die Adresse {value} ist von außen erreichbar. Solange es keine Konten gibt, "
                "ist nur 127.0.0.1 erlaubt."
            )
            raise ValueError(message)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the measured settings of this machine; whoever reads no `.env` wants none of them."""
        usual = (init_settings, env_settings, dotenv_settings, file_secret_settings)
        if isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file is None:
            return usual
        return (*usual, TomlConfigSettingsSource(settings_cls, LOCAL_SETTINGS))

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
        host = _reachable(self.model_server_host)
        host = f"[{host}]" if ":" in host else host
        url = self.model_server_url or f"http://{host}:{self.model_server_port}"
        return url.rstrip("/")

    @property
    def database_address(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'gallery.db'}"

    @property
    def storage_address(self) -> str:
        """URL of the place of the files without a trailing slash."""
        return (self.storage_url or (self.data_dir.resolve() / "files").as_uri()).rstrip("/")

    @property
    def keys_folder(self) -> Path:
        """Folder of the installation's keys, mode 0700."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def installation_key_file(self) -> Path:
        """File with the private key that signs tokens, mode 0600; the model server needs it not."""
        return self.keys_folder / "installation.pem"

    @property
    def secret_key_file(self) -> Path:
        """File with the secret that encrypts, mode 0600; unused where the settings give one."""
        return self.keys_folder / "secret.key"

    @property
    def key_set_file(self) -> Path:
        """File with the public keys, all that the model server reads."""
        return self.keys_folder / "jwks.json"


def is_loopback(value: str) -> bool:
    """Say whether an IP address is one of this machine alone."""
    try:
        return ipaddress.ip_address(value).is_loopback
    except ValueError:
        return False


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _reachable(host: str) -> str:
    """Return where a server that listens everywhere can be asked from this machine."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        AddressNotLoopback: Gallery or model server would be reachable from outside.
        SettingInvalid: Another variable is wrong.
        SettingsUnreadable: The file `.env` or the measured settings cannot be read.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"URBANKI_{'_'.join(str(part) for part in first['loc']).upper()}"
        if first["type"] == "value_error":
            raise AddressNotLoopback(name=name, address=first["input"]) from error
        raise SettingInvalid(name=name, value=without_user(str(first["input"]))) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsUnreadable() from error


def without_user(address: str) -> str:
    """Return an address without name and password, for messages and logs.

    Args:
        address: For example of a database; another text stays as it is.
    """
    return re.sub(r"//.*@", "//", address)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the settings of this process; read once, see `load_settings` for errors."""
    return load_settings()

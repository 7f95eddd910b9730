"""Settings of the whole house, read from `URBANKI_*` environment variables and the file `.env`."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from shared.errors import AddressPublic, OperationError, SettingInvalid, SettingsUnreadable
from shared.sign_in_settings import SignInSettings

REPOSITORY = Path(__file__).resolve().parents[1]
PRIVATE_UMASK = 0o077
"""What the gallery writes, other accounts of the machine cannot read."""
LOCAL_SETTINGS = REPOSITORY / "model_server" / "settings.local.toml"
"""What `python -m model_server.bench --apply` measured on this machine; of least priority."""
RATE = r"^[1-9]\d{0,4}/[1-9]\d{0,5}$"
OWNER_VARIABLE = "URBANKI_OWNER_PROCESS"
"""Set by a command for the server that it starts: its process id, with which the server ends."""
PREFIX = "URBANKI_"
OTHER_VARIABLES = frozenset(
    {
        OWNER_VARIABLE,
        "URBANKI_BENCH_WORK",  # folder of a measurement against other servers
        "URBANKI_MIXED_CALLS",  # how many calls two tests of the model server make
        "URBANKI_TORTURE_CALLS",
    }
)
"""Variables with the prefix that are no settings; any other name is a mistake at the start."""


class _NotLoopback(ValueError):
    """Other machines would reach the model server, and nobody has allowed that."""


class Settings(SignInSettings):
    """Every setting with its default; the README's table is generated from the descriptions."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=REPOSITORY / ".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Field(
        REPOSITORY / "data",
        description="Folder for keys, logs and everything the gallery stores",
    )
    demo_city_dir: Path | None = Field(
        None,
        description="Folder of the demo city's images; empty takes `demo_city` of the data folder",
    )
    demo_city_images: Literal["all", "centre"] = Field(
        "all", description="Which images of the demo city are rendered; centre: 4 km2 of one flight"
    )
    host: str = Field(
        "127.0.0.1",
        description="Address of the gallery; any but a loopback one needs https before it",
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
    keys_dir: Path | None = Field(
        None, description="Folder of the installation's keys; empty takes `keys` of the data folder"
    )
    secret_key: str = Field(
        "",
        repr=False,
        description="Secret of 32 characters or more that encrypts and signs; empty: a file",
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
    image_dir: Path | None = Field(
        None,
        description="Folder with aerial images on the server, in it one folder for each "
        "municipality; it is only read",
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
    wms_hosts: str = Field(
        "",
        pattern=r"^([\w.-]+(:\d{1,5})?(\s*,\s*[\w.-]+(:\d{1,5})?)*)?$",
        description="Comma-separated hosts of map services (WMS) that may be asked; empty: none",
    )
    min_free_mb: int = Field(
        500, ge=0, le=1_000_000, description="Free disk space in MB below which nothing starts"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe message that is logged"
    )

    @field_validator("host", "model_server_host")
    @classmethod
    def _address(cls, value: str) -> str:
        if value == "localhost":
            return "127.0.0.1"  # BentoML takes no names
        if not _is_address(value):
            raise ValueError("no address")
        return value

    @field_validator("model_server_host")
    @classmethod
    def _loopback_unless_public(cls, value: str, info: ValidationInfo) -> str:
        if not is_loopback(value) and not info.data.get("public", False):
            raise _NotLoopback
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
        host, port = url_host(self.model_server_host), self.model_server_port
        url = self.model_server_url or f"http://{host}:{port}"
        return url.rstrip("/")

    @property
    def database_address(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{self._own_database}"

    @property
    def has_no_database_yet(self) -> bool:
        """Whether the database is the file of the data folder, and nobody has made it."""
        return not self.database_url and not self._own_database.is_file()

    @property
    def _own_database(self) -> Path:
        return self.data_dir.resolve() / "gallery.db"

    @property
    def storage_address(self) -> str:
        """URL of the place of the files without a trailing slash."""
        return (self.storage_url or (self.data_dir.resolve() / "files").as_uri()).rstrip("/")

    @property
    def keys_folder(self) -> Path:
        """Folder of the installation's keys, mode 0700."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def demo_city_folder(self) -> Path:
        """Folder of the demo city; it may be deleted, what is missing is made again."""
        return self.demo_city_dir or self.data_dir / "demo_city"

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


def url_host(address: str) -> str:
    """Return the host part of a URL by which this machine reaches a server of its own.

    Args:
        address: What the server listens at; it may be all addresses.
    """
    parsed = ipaddress.ip_address(address)
    if parsed.is_unspecified:
        return "127.0.0.1" if parsed.version == 4 else "[::1]"
    return address if parsed.version == 4 else f"[{address}]"


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        AddressPublic: The model server would be reachable from outside, and nobody has allowed it.
        SettingInvalid: Another variable is wrong; `settings_faults` lists all.
        SettingsUnreadable: The file `.env` or the measured settings cannot be read.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise _faults(error)[0] from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsUnreadable() from error


def settings_faults() -> list[OperationError]:
    """Return everything for which `load_settings` would refuse them."""
    try:
        Settings()
    except ValidationError as error:
        return _faults(error)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return [SettingsUnreadable()]
    return []


def _faults(error: ValidationError) -> list[OperationError]:
    return [_fault(cast(Mapping[str, Any], one)) for one in error.errors()]


def _fault(one: Mapping[str, Any]) -> OperationError:
    if isinstance(one.get("ctx", {}).get("error"), _NotLoopback):
        return AddressPublic(address=one["input"])
    name = f"{PREFIX}{'_'.join(str(part) for part in one['loc']).upper()}"
    return SettingInvalid(name=name, value=without_user(str(one["input"])))


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

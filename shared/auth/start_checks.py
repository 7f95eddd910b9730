"""What must hold before the gallery opens its port: one line per problem, then exit code 2.

Whoever starts the gallery calls `load_or_refuse()` for the settings and then, before anything
listens, `refuse_start(settings, bind_host)`: `./gallery start` does, and `apps/main.py` as soon as
the tables of the database are ready; under `streamlit run` the address is an option of Streamlit.
Both print to stderr and exit; neither makes, changes or serves anything. After that `apps/main.py`
notes the start: `shared.auth.first_start.note_start`.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn, TypeAlias, cast

from dotenv import dotenv_values
from sqlalchemy import Engine, Table, select

from shared.auth.local_accounts import has_accounts, unchanged_first_accounts
from shared.auth.oidc_settings import load_oidc_settings
from shared.auth.secret_box import check_secret
from shared.contracts.identity.installation import check_installation_key
from shared.contracts.identity.principal import DEMO_TENANT
from shared.errors import (
    AccountsMissing,
    FirstPasswordsKept,
    HostNamesMissing,
    KioskForeignData,
    LocalAccountsPublic,
    ModesConflict,
    OperationError,
    PublicUrlUnencrypted,
    SchemaDiffers,
    SettingMissing,
    SettingUnknown,
    UrbanKiError,
)
from shared.i18n import LANGUAGES, get_translator
from shared.settings import (
    OTHER_VARIABLES,
    PREFIX,
    Settings,
    is_loopback,
    load_settings,
    settings_faults,
)
from shared.store.engine import make_engine, read_scope
from shared.store.identity_models import TenantRow
from shared.store.models import Base
from shared.store.schema import (
    NOTHING_YET,
    expected_revision,
    found_revision,
    known_revisions,
)

StartupProblem: TypeAlias = UrbanKiError
"""An error of the house: its code, and what it says in both languages."""
REFUSED = 2
_DATABASE_WITHIN_S = 2.0
_TENANT_COLUMNS = (
    cast(Table, TenantRow.__table__).c.slug,
    *(table.c.tenant for table in Base.metadata.sorted_tables if "tenant" in table.c),
)


def load_or_refuse() -> Settings:
    """Return the settings; where they cannot be used, say everything that is wrong and exit."""
    faults = start_faults()
    if faults:
        _refuse(faults)
    return load_settings()


def start_faults() -> list[StartupProblem]:
    """Return everything that is wrong with settings that cannot be read, empty if they can."""
    faults = settings_faults()
    return [*faults, *unknown_settings()] if faults else []


def refuse_start(settings: Settings, bind_host: str | None) -> None:
    """Say every problem and exit with code 2; return where there is none.

    Args:
        settings: Settings of the house.
        bind_host: Address that the gallery will listen at; None or "" for all of this machine.
    """
    problems = check_startup(settings, bind_host)
    if problems:
        _refuse(problems)


def check_startup(settings: Settings, bind_host: str | None) -> list[StartupProblem]:
    """Return what keeps the gallery from starting; nothing is written.

    Args:
        settings: Settings of the house.
        bind_host: Address that the gallery will listen at; None or "" for all of this machine.
    """
    is_open = is_reachable(settings, bind_host)
    return [
        *unknown_settings(),
        *_conflicts(settings),
        *_secrets(settings),
        *(_openings(settings) if is_open else ()),
        *_database(settings, is_open=is_open),
    ]


def is_reachable(settings: Settings, bind_host: str | None) -> bool:
    """Say whether other machines reach the gallery, directly or through a proxy before it."""
    hosts = (bind_host or "", settings.public_host or "localhost")
    return any(host != "localhost" and not is_loopback(host.strip("[]")) for host in hosts)


def unknown_settings() -> list[SettingUnknown]:
    """Return the variables of the environment and of `.env` that look like settings only."""
    names = sorted(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
    given = {name.upper() for name in (*os.environ, *_names_of_file())}
    return [
        SettingUnknown(name=name, nearest=difflib.get_close_matches(name, names, 1, 0)[0])
        for name in sorted(given - {*names, *OTHER_VARIABLES})
        if name.startswith(PREFIX)
    ]


def _names_of_file() -> Iterable[str]:
    file = Settings.model_config.get("env_file")
    try:
        return dotenv_values(file) if isinstance(file, Path) and file.is_file() else ()
    except (OSError, UnicodeDecodeError):
        return ()  # `settings_faults` has said so


def _conflicts(settings: Settings) -> Iterator[StartupProblem]:
    kiosk, keycloak = "URBANKI_MODE=kiosk", "URBANKI_AUTH_MODE=keycloak"
    if settings.mode == "kiosk" and settings.auth_mode == "keycloak":
        yield ModesConflict(first=kiosk, second=keycloak)
    if settings.auth_mode == "keycloak":
        return
    local = kiosk if settings.mode == "kiosk" else "URBANKI_AUTH_MODE=lokal"
    for name in ("oidc_issuer", "oidc_client_secret", "oidc_client_secret_file"):
        if getattr(settings, name):
            yield ModesConflict(first=local, second=f"{PREFIX}{name.upper()}")


def _secrets(settings: Settings) -> Iterator[StartupProblem]:
    for check in (check_secret, check_installation_key):
        try:
            check(settings)
        except OperationError as problem:
            yield problem
    if settings.auth_mode != "keycloak":
        return
    if not settings.oidc_issuer:
        yield SettingMissing(name="URBANKI_OIDC_ISSUER")
        return
    try:
        provider = load_oidc_settings(settings)
    except OperationError as problem:
        yield problem
        return
    if not provider.client_secret:
        yield SettingMissing(name="URBANKI_OIDC_CLIENT_SECRET")


def _openings(settings: Settings) -> Iterator[StartupProblem]:
    """What a gallery that other machines reach needs besides."""
    if not settings.served_hosts:
        yield HostNamesMissing()
    if settings.sign_in != "kiosk" and not settings.public_url.startswith("https://"):
        yield PublicUrlUnencrypted()
    if settings.sign_in == "lokal" and not settings.allow_local_accounts_public:
        yield LocalAccountsPublic()


def _database(settings: Settings, *, is_open: bool) -> Iterator[StartupProblem]:
    engine = make_engine(settings, busy_timeout_s=_DATABASE_WITHIN_S)
    try:
        revision = found_revision(engine)
        if revision == expected_revision():
            yield from _people(settings, engine, is_open=is_open)
        elif engine.dialect.name != "sqlite" or revision not in {NOTHING_YET, *known_revisions()}:
            yield SchemaDiffers(found=revision, expected=expected_revision())
        elif revision == NOTHING_YET and is_open and settings.sign_in == "lokal":
            yield AccountsMissing()  # the start makes the tables, and the first passwords
    except UrbanKiError as problem:
        yield problem
    finally:
        engine.dispose()


def _people(settings: Settings, engine: Engine, *, is_open: bool) -> Iterator[StartupProblem]:
    if settings.sign_in == "kiosk":
        foreign = _foreign_tenants(engine)
        if foreign:
            yield KioskForeignData(tenants=", ".join(foreign))
    elif is_open and settings.sign_in == "lokal":
        kept = unchanged_first_accounts(engine)
        if kept:
            yield FirstPasswordsKept(names=", ".join(kept))
        elif not has_accounts(engine):
            yield AccountsMissing()


def _foreign_tenants(engine: Engine) -> list[str]:
    """Return municipalities other than that of the examples; one of each table is enough."""
    found: set[str] = set()
    with read_scope(engine) as session:
        for column in _TENANT_COLUMNS:
            query = select(column).where(column.not_in(("", DEMO_TENANT))).limit(1)
            found.update(session.scalars(query))
    return sorted(found)


def _refuse(problems: Iterable[StartupProblem]) -> NoReturn:
    for problem in problems:
        texts = (" ".join(get_translator(language).error(problem)) for language in LANGUAGES)
        sys.stderr.write(f"{' / '.join(texts)}\n")
    sys.exit(REFUSED)

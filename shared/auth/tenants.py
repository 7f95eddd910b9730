"""The municipalities that an installation serves."""

from __future__ import annotations

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared.contracts.identity.principal import DEMO_TENANT, HOME_TENANT, PLATFORM_TENANT
from shared.store.engine import read_scope
from shared.store.identity_models import TenantRow
from shared.store.new_rows import insert_unless_there

NO_MUNICIPALITIES = frozenset({DEMO_TENANT, PLATFORM_TENANT})
"""Where guests are, and where the platform is run."""


def tenant_names(engine: Engine) -> dict[str, str]:
    """Return the names of all active ones by their slugs.

    Args:
        engine: The database.
    """
    query = select(TenantRow.slug, TenantRow.name).where(TenantRow.active)
    with read_scope(engine) as session:
        return {slug: name for slug, name in session.execute(query.order_by(TenantRow.slug))}


def insert_home_tenant(session: Session) -> None:
    """Make the home municipality where it is missing.

    Args:
        session: A transaction that writes.
    """
    _insert(session, HOME_TENANT)


def insert_platform(session: Session) -> None:
    """Make the place where the platform is run; it has people, and no data.

    Args:
        session: A transaction that writes.
    """
    _insert(session, PLATFORM_TENANT)


def _insert(session: Session, slug: str) -> None:
    name = slug.capitalize()
    insert_unless_there(session, TenantRow, slug=slug, name=name, theme="default", active=True)

"""Calls of the model server behind the result of a unit, until the audit has counted them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; of units that are done nobody knows the calls."""
    op.add_column("unit", sa.Column("calls", sa.Text(), nullable=True))


def downgrade() -> None:
    """Refuse: calls that were not counted yet would be lost."""
    raise NotImplementedError("restore a backup instead")

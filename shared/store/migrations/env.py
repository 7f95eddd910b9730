"""Called by Alembic: runs the steps on the connection that `shared.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from shared.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite changes a column only by copying its table.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

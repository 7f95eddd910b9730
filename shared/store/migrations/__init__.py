"""The steps from each earlier schema of the database to the present one, run by Alembic."""

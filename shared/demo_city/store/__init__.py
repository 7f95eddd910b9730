"""Rendered tiles of the whole town on disk."""

"""Recipes in one file: put together, tested and taken over."""

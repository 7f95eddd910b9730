"""Clients of the house's own servers."""

"""Musterstadt: look around the invented town that all apps use for their examples."""

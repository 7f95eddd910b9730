"""Finds the apps of the gallery by their manifests."""

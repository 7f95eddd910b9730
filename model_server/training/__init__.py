"""Seeded training commands, one per model; the only place with torch and ultralytics."""

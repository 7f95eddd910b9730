"""Invented neighbourhoods that the app paints itself."""

"""Geo core: read aerial images, cut them into tiles, join what was found."""

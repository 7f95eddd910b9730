"""Find objects in aerial images by recipe."""

"""Names, colours, fonts and logos of municipalities."""

from shared.themes.theme import Theme, load_theme

__all__ = ["Theme", "load_theme"]

"""Roofs as planes, what stands on them, and their export as solids."""

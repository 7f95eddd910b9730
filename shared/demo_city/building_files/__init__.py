"""Scanned building files of Musterstadt and invented ones for training, with exact truth."""

"""What stands or is painted on the ground: vehicles, marks, gardens, yards, rails."""

"""Found objects: put together, counted for a threshold, told and drawn."""

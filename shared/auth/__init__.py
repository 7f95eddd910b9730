"""Who acts, and what may be opened."""

"""Trees and hedges: kinds, where they grow, how large."""

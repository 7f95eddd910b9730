"""Training and benchmark scenes with disjoint splits, pairs, and their realism."""

"""What is kept: runs, files, layers and decisions, each municipality's apart from the others'."""

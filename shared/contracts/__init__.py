"""Values that cross a border between processes or apps."""

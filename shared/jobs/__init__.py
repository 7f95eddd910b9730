"""Work longer than two seconds: cut into units, done in other processes, never lost or doubled."""

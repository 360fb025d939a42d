"""Posts: one module a format, and the clock inside their ids."""

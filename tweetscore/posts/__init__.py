"""Posts: one module for each format, and the clock inside their ids."""

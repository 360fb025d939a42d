"""From paths to streams, from streams to records, from records to columns; and back to files."""

"""The DuckDB file: opening it, its statements and transactions, and its way to Parquet and back."""

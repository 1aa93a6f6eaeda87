"""The data directory: SQLite for what is true, files for values that are large."""

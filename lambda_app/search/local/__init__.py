"""The engine in the process: FAISS indexes and SQLite catalogs, opened from files."""

"""The table of items in a catalog, as SQL."""

SCHEMA = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY,
    image_id TEXT NOT NULL,
    product_id TEXT NOT NULL,
    category TEXT NOT NULL,
    title TEXT,
    price REAL,
    location TEXT,
    photo TEXT NOT NULL,
    description INTEGER
) STRICT
"""
INDEXES = (
    "CREATE UNIQUE INDEX items_image_id ON items (image_id)",
    "CREATE INDEX items_product_id ON items (product_id)",
)
IS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'items' AND rootpage > 0"
# SQLite allows 32,766 parameters per statement (its documentation, "Limits").
ROWS_PER_STATEMENT = 10_000

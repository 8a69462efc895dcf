"""The release format: manifest, archive, catalog. Training writes it, serving reads it."""

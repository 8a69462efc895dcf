"""How long it takes to fill an index of S3 Vectors."""

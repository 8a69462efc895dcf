"""What the benchmarks feed in: a release, photos, vectors."""

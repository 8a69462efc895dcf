"""The inputs of the benchmarks: a release, photos, vectors."""

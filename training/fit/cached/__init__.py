"""What is computed from pooled features that are cached: heads, and the embedding that keeps the features."""

"""The heads: their loss, training on cached features, and the embedding that keeps these features."""

"""What scripts/vectors runs: fills indexes of S3 Vectors, compares them with releases, moves a store there and back."""

"""SageMaker's real training toolkit around a job of ours; opt in with `scripts/test -m toolkit`."""

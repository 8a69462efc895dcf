"""Runs a training job in SageMaker's real training toolkit; opt in with `scripts/test -m toolkit`."""

"""Drift: whether the photos that people send have changed, from the log of the API and the live release."""

"""Hostile photos: their kinds, each from a seed, and the check that sends them."""

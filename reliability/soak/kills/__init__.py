"""Promotions that are killed at each of their steps."""

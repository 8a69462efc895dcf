"""Hostile drops, archives, keys and paths, against the promoter and a live service."""

"""Hostile input: photos, requests, drops."""

"""Hostile input: photos, requests and drops for a running service."""

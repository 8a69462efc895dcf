"""Promotion of releases, and management of the releases in a store."""

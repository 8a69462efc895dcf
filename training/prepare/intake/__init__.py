"""Reads raw data as users have it: listing files, folders, photo files."""

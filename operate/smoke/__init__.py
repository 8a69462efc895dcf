"""Checks of a running service: every route, with a drawn photo."""

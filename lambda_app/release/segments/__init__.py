"""Releases of several segments: which rows are live, and the catalogs of all segments as one."""

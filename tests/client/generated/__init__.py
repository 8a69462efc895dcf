"""Clients that are generated from /openapi.json, used with a running service."""

"""Tests of the document of /openapi.json."""

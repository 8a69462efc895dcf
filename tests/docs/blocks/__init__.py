"""Tests that run the code that the documents show."""

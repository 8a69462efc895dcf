"""Brings an index of Amazon S3 Vectors to the catalogue of a release."""

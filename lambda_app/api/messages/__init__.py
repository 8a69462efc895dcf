"""Requests and responses: reading, schemas, answers, problems, files."""

"""Nearest neighbours of vectors: FAISS indexes and their files."""

"""Search by words in generated titles."""

"""What a catalog holds for a search by words, and the descriptions of listings."""

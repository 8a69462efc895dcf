"""What the columns of a table mean, and what its cells say: text, categories, prices, photos."""

"""The API, its functions and the promoter."""

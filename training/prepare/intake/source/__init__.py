"""Table files: which ones a data folder has, and their bytes as records."""

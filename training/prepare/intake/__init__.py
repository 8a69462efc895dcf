"""Read raw data in the forms that users have: listing files, folders, photo files."""

"""The code of the function that tries a new version of the API; it runs in Lambda outside of the image."""

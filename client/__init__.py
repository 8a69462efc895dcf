"""A client of the HTTP API: the calls, and a picture of what they answer."""

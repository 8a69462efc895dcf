"""A client for the HTTP API: it calls the routes and draws the results as a picture."""

"""HTTP: reads requests, answers them, maps errors to status codes, serves the page."""

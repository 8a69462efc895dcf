"""The report as one HTML file: tables, charts and example photos."""

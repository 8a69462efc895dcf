"""How fast and how accessible the page is on a phone."""

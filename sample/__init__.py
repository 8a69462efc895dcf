"""A generated sample catalogue: listings with drawn photos, so it is known which photos show the same product."""

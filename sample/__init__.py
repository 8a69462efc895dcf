"""A sample catalogue drawn by this project: listings with photos whose likeness is known by construction."""

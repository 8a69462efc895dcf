"""Attacks on a running service, counted: hostile input (`fuzz`) and failing surroundings (`soak`)."""

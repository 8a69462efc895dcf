"""How often `scripts/drift` is right: weeks without drift, and weeks with a known one."""

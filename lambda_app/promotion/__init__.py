"""How a release goes live, and how people manage the releases that a store holds."""

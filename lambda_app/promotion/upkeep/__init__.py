"""The stored releases of a store: listed, and deleted when they are no longer needed."""

"""The faults of a store, before a service that runs and before one that starts."""

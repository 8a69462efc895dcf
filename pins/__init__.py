"""What scripts/outdated runs: pinned versions, and what the registries have."""

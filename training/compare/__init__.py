"""Compare training runs: the published study against the default settings, and an ablation of the settings."""

"""Many runs beside each other: the published study, and an ablation of the settings."""

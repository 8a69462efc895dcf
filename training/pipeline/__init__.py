"""Code shared by all stages: settings, skipping unchanged stages, progress, process groups, file writing."""

"""What operators' commands do with a deployed stack, beside its bucket."""

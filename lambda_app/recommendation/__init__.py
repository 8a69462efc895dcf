"""A loaded release that answers, what can be asked of it, and the one that is live now."""

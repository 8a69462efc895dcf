"""A loaded release and its queries, and the release that is live in this process."""

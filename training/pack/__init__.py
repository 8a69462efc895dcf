"""The stage that makes the release archive."""

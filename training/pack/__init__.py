"""The stage that puts the release together."""

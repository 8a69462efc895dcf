"""The stage that embeds the catalogue and builds the search index."""

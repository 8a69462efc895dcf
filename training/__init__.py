"""From raw listings and photos to a release: prepare, fit, evaluate, export, index, pack."""

"""The teacher of a distillation: the release of a larger network, and its outputs for the photos of a dataset."""

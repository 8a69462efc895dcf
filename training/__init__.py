"""Raw listings and photos in, a release archive out. `training.train` runs the stages in order."""

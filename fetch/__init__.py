"""Download the photos that a feed names by URL, into a data folder that `training.prepare` reads."""

"""What scripts/catalogue runs: listings, tables and ids of people become changes in the log of a store."""

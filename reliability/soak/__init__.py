"""Failing surroundings: the store's faults, kills, races, many releases, hours of traffic."""

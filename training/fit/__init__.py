"""The stage that trains the network."""

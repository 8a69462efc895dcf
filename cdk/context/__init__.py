"""The context of a deployment: its keys, their valid values, and what differs between regions."""

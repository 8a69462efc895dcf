"""The catalogue that lives: the log of changes, and releases of segments made from the live one."""

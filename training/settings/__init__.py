"""The settings of a whole run: all stages together, in one list of names. Importing it loads no large package."""

"""The settings of a whole run, of all stages together: one list of names, which loads no large package."""

"""Printing, plotting and storing figures, and describing the machine."""

"""Figures computed from arrays, in numpy alone."""

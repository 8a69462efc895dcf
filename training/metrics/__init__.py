"""Metrics computed from arrays, with numpy only."""

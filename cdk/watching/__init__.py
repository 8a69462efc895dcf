"""Alarms, dashboard, metrics and budget."""

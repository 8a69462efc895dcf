"""Telemetry: log lines, metrics and timings."""

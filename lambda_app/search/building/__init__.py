"""Builds vector indexes: training does, and so does serving when it merges the segments of a catalogue."""

"""Changes of a catalogue: drop to live, beside a release of many items."""

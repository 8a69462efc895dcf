"""What the benchmarks of search share, and search in a catalogue of segments."""

"""Changes of a catalogue while processes are killed and while it is asked."""

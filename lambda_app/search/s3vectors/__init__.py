"""The search of a catalogue on Amazon S3 Vectors."""

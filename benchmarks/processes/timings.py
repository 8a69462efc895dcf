"""Reads the `Server-Timing` header of our answers."""

# The parts that process the photo; the rest is HTTP.
PARTS = ("decode", "forward", "search")


def parse_timings(header: str) -> dict[str, float]:
    """Milliseconds by part, from a `Server-Timing` header: `decode;dur=1.2, total;dur=3.4`."""
    parts = (part.partition(";dur=") for part in header.split(",") if ";dur=" in part)
    return {name.strip(): float(duration) for name, _, duration in parts}

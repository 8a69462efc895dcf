"""Numbers in words for people."""


def counted(count: int, one: str) -> str:
    """A number and a noun: "1 photo", "1,200 photos". `one`: a noun that takes an "s"."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"

"""Numbers and texts in messages for people."""


def counted(count: int, one: str) -> str:
    """A number and a noun: "1 photo", "1,200 photos", "2 categories". `one`: a noun with a regular plural."""
    several = f"{one[:-1]}ies" if one.endswith("ry") else f"{one}s"
    return f"{count:,} {one if count == 1 else several}"


def quoted(text: str) -> str:
    r"""A text of the input in quotes, with control characters escaped. A backslash stays one: 'photos\1.jpg'."""
    return repr(text).replace("\\\\", "\\")

"""Compares versions: which of the published ones is the newest, and how large the step to it is."""

from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

STEPS = ("patch", "minor", "major")


def parsed(text: str) -> Version | None:
    """A version such as `1.2.3`, `v6` or `2.9.0.post0`; None for a text that is none, such as `latest`."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def newest(pinned: str, published: Iterable[str], *, moving: bool = False) -> str | None:
    """The newest published version. Pre-releases count only if the pin is one.

    Args:
        moving: versions are tags that move, as of actions and images. Then `3.13` is compared with `3.14` rather than
            with `3.14.2`: with tags that have as many numbers, if there are any.

    Returns:
        The text of the newest version; None if no published version can be compared with the pin.
    """
    own = parsed(pinned)
    if own is None:
        return None
    versions = ((parsed(text), text) for text in published)
    found = [(one, text) for one, text in versions if one and (own.is_prerelease or not one.is_prerelease)]
    if moving:
        found = [entry for entry in found if len(entry[0].release) == len(own.release)] or found
    return max(found)[1] if found else None


def step(pinned: str, newer: str, *, moving: bool = False) -> str | None:
    """How large the step is: `major` if the first number grows, `minor` if the second, `patch` for less; None: none.

    Args:
        moving: the pin is a tag that moves; from `v6` to `v6.1.0` there is no step.
    """
    own, other = parsed(pinned), parsed(newer)
    if own is None or other is None or other <= own:
        return None
    if moving and other.release[: len(own.release)] == own.release:
        return None
    numbers = zip((*own.release, 0, 0)[:2], (*other.release, 0, 0)[:2], strict=True)
    place = next((place for place, (old, new) in enumerate(numbers) if old != new), 2)
    return ("major", "minor", "patch")[place]

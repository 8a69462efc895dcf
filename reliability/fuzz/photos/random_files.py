"""Hypothesis strategies of files: random bytes, random bytes behind a signature, and changed photos."""

from hypothesis import strategies as st

from reliability.fuzz.photos.polyglots import SIGNATURES
from reliability.fuzz.photos.sound import sound_photos

Edit = tuple[int, int, bytes]


def files() -> st.SearchStrategy[bytes]:
    """Any file of up to 8 KB."""
    anything = st.binary(max_size=8_000)
    begun = st.builds(bytes.__add__, st.sampled_from(SIGNATURES), anything)
    return st.one_of(st.builds(_changed, st.sampled_from(list(sound_photos().values())), _edits()), begun, anything)


def _edits() -> st.SearchStrategy[list[Edit]]:
    """Replacements: where in thousandths of the file, how many bytes go, which come."""
    return st.lists(
        st.tuples(st.integers(0, 1000), st.integers(0, 300), st.binary(max_size=300)), min_size=1, max_size=8
    )


def _changed(data: bytes, edits: list[Edit]) -> bytes:
    for place, gone, new in edits:
        at = len(data) * place // 1000
        data = data[:at] + new + data[at + gone :]
    return data

"""Names of release archives under drops/, and of the notes about refused ones."""

from hashlib import sha256

from lambda_app.errors import RefusedReleaseError
from lambda_app.store.contract import CHANGES, DROPS, REJECTED

# The same as in the EventBridge rule (`cdk/serving/promotion.py`), which is case-sensitive.
SUFFIXES = (".tar", ".tar.gz", ".tgz")
CHANGES_SUFFIX = ".jsonl"
# A run of the promoter that had too little time writes one, for the event that starts the next run.
UNFINISHED = f"{CHANGES}unfinished/"
# A SageMaker job writes two archives: model.tar.gz is the drop, output.tar.gz is not.
IGNORED = "output.tar.gz"
_NO_PARTS = ("", ".", "..")
# File systems take names of 255 bytes. On the scratch disk the archive has its name, with a mark while it is written.
MOST_NAME_BYTES = 240
# S3 takes keys of 1,024 bytes. A note's key is 8 bytes longer than that of its drop, and the store may have a prefix.
MOST_NOTE_BYTES = 900


def is_drop(key: str) -> bool:
    """Whether an object with this key is taken for a release archive."""
    name = key.rpartition("/")[2]
    return key.startswith(DROPS) and key.endswith(SUFFIXES) and name != IGNORED and name not in SUFFIXES


def is_changes(key: str) -> bool:
    """Whether an object with this key is taken for changes of the catalogue: a drop of them, or an entry of the log."""
    return key.startswith((DROPS, CHANGES)) and key.endswith(CHANGES_SUFFIX)


def is_unfinished(key: str) -> bool:
    """Whether an object with this key says that the work on another one is to go on."""
    return key.startswith(UNFINISHED)


def unfinished_key(key: str) -> str:
    """Where it is written that the work on an object is to go on: one key for each archive, and one for the log."""
    name = sha256(key.encode()).hexdigest()[:16] if is_drop(key) else "log"
    return f"{UNFINISHED}{name}{CHANGES_SUFFIX}"


def check_key(key: str) -> None:
    """Check that the store can read a drop under this key.

    Raises:
        RefusedReleaseError: it has an empty part (`//`), a part `.` or `..`, a character that is not printable, or a
            file name over `MOST_NAME_BYTES`.
    """
    if not key.isprintable() or any(part in _NO_PARTS for part in key.split("/")):
        raise RefusedReleaseError(
            f"{key!r} is not a valid key of a drop: no part between slashes may be empty, '.' or '..', and all "
            "characters must be printable"
        )
    if (size := len(key.rpartition("/")[2].encode())) > MOST_NAME_BYTES:
        raise RefusedReleaseError(f"the file name in {key[:80]!r}... has {size} bytes; the limit is {MOST_NAME_BYTES}")


def check_name(name: str) -> None:
    """Check the file name of an archive that is to be published: the promoter must take it.

    Raises:
        RefusedReleaseError: it has another ending, or the promoter ignores this name.
    """
    if not is_drop(DROPS + name):
        endings = ", ".join(SUFFIXES)
        raise RefusedReleaseError(
            f"{name!r} is not a valid name of a release archive: it must end with one of {endings}, "
            f"in lower case, and must not be {IGNORED}"
        )
    check_key(DROPS + name)


def rejection_key(drop: str) -> str:
    """Key of a drop's rejection note: `rejected/<drop>.json`.

    Invalid characters and parts become `_`. Parts over `MOST_NAME_BYTES` and drops over `MOST_NOTE_BYTES` are cut.
    """
    printable = "".join(letter if letter.isprintable() else "_" for letter in drop.removeprefix(DROPS))
    parts = ["_" if part in _NO_PARTS else _cut(part, MOST_NAME_BYTES) for part in printable.split("/")]
    return f"{REJECTED}{_cut('/'.join(parts), MOST_NOTE_BYTES).rstrip('/')}.json"


def _cut(text: str, most: int) -> str:
    """The text, cut so that it has at most so many bytes."""
    return text.encode()[:most].decode(errors="ignore")

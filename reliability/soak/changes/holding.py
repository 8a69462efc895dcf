"""What a server holds while the catalogue changes: memory, cached files, and files that were deleted under it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reliability.soak.load.resources import folder_bytes, held

_DELETED = " (deleted)"


@dataclass(frozen=True)
class Held:
    """What a server holds at a moment.

    Attributes:
        memory: bytes, without mapped files.
        disk: bytes of files in its folder for temporary files.
        descriptors: open file descriptors.
        deleted: deleted files of that folder that it has open or mapped. They take disk until it lets them go.
    """

    memory: int
    disk: int
    descriptors: int
    deleted: int


def held_by(pid: int, folder: Path) -> Held:
    """What a process holds now; `folder`: for its temporary files."""
    sample = held(pid)
    return Held(sample.resident, folder_bytes(folder), sample.descriptors, len(deleted_files(pid, folder)))


def deleted_files(pid: int, folder: Path) -> set[str]:
    """Paths of deleted files of a folder that a process has open or mapped into memory."""
    process = Path(f"/proc/{pid}")
    names = {line.split(maxsplit=5)[5] for line in (process / "maps").read_text().splitlines() if _DELETED in line}
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.add(str(descriptor.readlink()))
    return {name for name in names if name.endswith(_DELETED) and name.startswith(f"{folder}/")}

"""Where a log is read from: a file, a folder of files, or a log group of CloudWatch."""

import gzip
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate.drift.answers import LogError

_GZIP = b"\x1f\x8b"
# Only the lines about photos leave CloudWatch.
_ABOUT_PHOTOS = "{ $.cell >= 0 }"
MOST_EVENTS = 1_000_000
_FILE_ENDINGS = (".log", ".jsonl", ".json", ".txt", ".gz")


def is_file_name(name: str) -> bool:
    """Whether a name is one of a file, not of a log group. Names of log groups have slashes too: /aws/lambda/api."""
    return (
        name.endswith(_FILE_ENDINGS)
        or name.startswith(("./", "../", "~"))
        or ("/" in name.strip("/") and Path(name).parent.is_dir())
    )


def file_lines(path: Path) -> Iterator[str]:
    """The lines of a file, or of all files in a folder, such as an export from CloudWatch to S3. Any may be gzipped.

    Raises:
        LogError: a file cannot be read.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        try:
            with file.open("rb") as raw:
                start = raw.read(len(_GZIP))
                raw.seek(0)
                for line in gzip.GzipFile(fileobj=raw) if start == _GZIP else raw:
                    yield line.decode(errors="replace")
        except (OSError, EOFError) as exc:
            raise LogError(f"{file} cannot be read: {exc}") from exc


def group_lines(logs: Callable[[], Any], group: str, since: datetime, until: datetime) -> Iterator[str]:
    """The lines about photos in a log group, from `since` up to `until`.

    Args:
        logs: makes a client of CloudWatch Logs.

    Raises:
        LogError: no region or credentials are known, AWS refused, or there are more than `MOST_EVENTS` lines.
    """
    count = 0
    try:
        pages = (
            logs()
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=group,
                startTime=_milliseconds(since),
                endTime=_milliseconds(until) - 1,  # this end is included
                filterPattern=_ABOUT_PHOTOS,
            )
        )
        for page in pages:
            for event in page["events"]:
                count += 1
                if count > MOST_EVENTS:
                    raise LogError(f"{group} has more than {MOST_EVENTS:,} lines about photos; ask for fewer days")
                yield event["message"]
    except (BotoCoreError, ClientError) as exc:
        raise LogError(f"{group} is no file, and the log group of this name cannot be read: {exc}") from exc


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

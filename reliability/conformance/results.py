"""The dated file with the results of the suite: JSON for machines, Markdown for people."""

import json
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lambda_app.version import VERSION
from reliability.conformance.suite import Outcome

_AMAZON = (".api.aws", ".amazonaws.com", ".amazonaws.com.cn")


@dataclass
class Results:
    """The results of one run.

    Attributes:
        endpoint: the address of the service that was asked.
        index: that was made for the run.
        error: what ended the run before its end; None: it was run to the end.
    """

    endpoint: str
    region: str
    vector_bucket: str
    index: str
    vectors: int
    began: datetime
    outcomes: list[Outcome] = field(default_factory=list)
    error: str | None = None

    @property
    def amazon(self) -> bool:
        """Whether the service was Amazon's, and not an imitation of it."""
        return str(urlsplit(self.endpoint).hostname).endswith(_AMAZON)

    @property
    def failed(self) -> list[Outcome]:
        """The cases that failed."""
        return [outcome for outcome in self.outcomes if outcome.problem]

    @property
    def conforms(self) -> bool:
        """Whether all cases were run and none failed."""
        return self.error is None and bool(self.outcomes) and not self.failed

    def summary(self) -> str:
        """One line for people."""
        passed = len(self.outcomes) - len(self.failed)
        where = "Amazon S3 Vectors" if self.amazon else f"an imitation of S3 Vectors at {self.endpoint}"
        ended = "" if self.error is None else f"; ended early: {self.error}"
        return f"{passed} of {len(self.outcomes)} cases passed on {where}, region {self.region}{ended}"

    def as_dict(self) -> dict[str, Any]:
        """What the JSON file holds."""
        return {
            "format": 1,
            "began": self.began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "amazon": self.amazon,
            "endpoint": self.endpoint,
            "region": self.region,
            "vector_bucket": self.vector_bucket,
            "index": self.index,
            "vectors": self.vectors,
            "versions": {"lookalike": VERSION, "botocore": version("botocore"), "python": platform.python_version()},
            "conforms": self.conforms,
            "error": self.error,
            "cases": [asdict(outcome) for outcome in self.outcomes],
        }

    def as_markdown(self) -> str:
        """The same for people."""
        lines = [
            f"# Conformance of {self.began:%d %B %Y, %H:%M} UTC",
            "",
            f"{self.summary()}. Lookalike {VERSION}, botocore {version('botocore')}, {self.vectors} vectors.",
            "",
            "| Case | What it checks | Result | Seconds |",
            "|---|---|---|---|",
        ]
        for outcome in self.outcomes:
            result = "passed" if outcome.problem is None else outcome.problem.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| `{outcome.case}` | {outcome.about} | {result} | {outcome.seconds:.2f} |")
        return "\n".join([*lines, ""])

    def write(self, folder: Path) -> Path:
        """Write both files; the path of the JSON one."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"conformance-{self.began:%Y-%m-%dT%H-%M-%SZ}.json"
        path.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(self.as_markdown(), encoding="utf-8")
        return path

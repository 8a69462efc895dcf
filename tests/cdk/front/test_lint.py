"""cfn-lint on the templates of each combination of the front door's options, in two regions."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cdk.conftest import synthesise_all
from tests.cdk.front.conftest import DOMAIN, certificate

pytestmark = pytest.mark.slow

ZONE = {"hostedZone": "Z0123456789"}
OPTIONS: dict[str, dict[str, Any]] = {
    "door": {"frontDoor": True},
    "door-domain": {"frontDoor": True, "domain": DOMAIN},
    "door-zone": {"frontDoor": True, "domain": DOMAIN, **ZONE, "auth": "none", "originSecret": 3},
    "door-closed": {"frontDoor": True, "openImages": False, "provisionedConcurrency": 1},
    "domain": {"domain": DOMAIN, "auth": "iam"},
    "domain-zone": {"domain": DOMAIN, **ZONE},
}


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_nag_and_cfn_lint_find_nothing(tmp_path: Path, region: str) -> None:
    files: dict[str, list[str]] = {}
    for name, options in OPTIONS.items():
        if "domain" in options:
            options = {**options, "certificate": certificate("us-east-1" if "frontDoor" in options else region)}
        # cdk-nag raises at the synthesis.
        stacks = synthesise_all(tmp_path / name, nag=True, region=region, **options)
        assert len(stacks) == (3 if "frontDoor" in options and region != "us-east-1" else 1)
        for stack, template in stacks.items():
            file = tmp_path / f"{name}-{stack}.json"
            file.write_text(json.dumps(template.body))
            files.setdefault("us-east-1" if "Edge" in stack else region, []).append(str(file))
    command = shutil.which("cfn-lint", path=str(Path(sys.executable).parent))
    assert command is not None
    for where, found in files.items():
        # As in test_stack. --regions makes it refuse a resource type that the region lacks.
        run = subprocess.run(
            [command, "--ignore-checks", "W3005", "--regions", where, "--", *found],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.returncode, run.stdout) == (0, "")

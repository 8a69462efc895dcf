"""The version of this project. It is defined only here.

A constant, because the Lambda image has no package metadata, and reading metadata would slow down a cold start.
`pyproject.toml` reads it from here. Tests check that `package.json` and `package-lock.json` have the same version.
"""

from typing import Final

VERSION: Final = "0.2.0"

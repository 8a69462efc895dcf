"""The version of this project, written down here and nowhere else.

A constant, because the Lambda image holds no package metadata to ask and a look-up would cost a cold start.
`pyproject.toml` reads it from here; tests hold `package.json` and `package-lock.json` against it.
"""

from typing import Final

VERSION: Final = "0.2.0"

"""What no registry says: versions that must not be used, and when versions of Python and Node end."""

from datetime import date

from pins.pinned import NODE, NPM, PYTHON

# Published versions that are not an update, with the reason.
KNOWN_BAD = {
    (NPM, "aws-cdk", "3.0.0"): "published by accident (aws/aws-cdk#38113); fails with the libraries of version 2",
}

# The last day with security fixes. Sources, read in November 2026: devguide.python.org/versions (a month, so its last
# day) and github.com/nodejs/Release.
END_OF_LIFE = {
    (PYTHON, "3.10"): date(2026, 10, 31),
    (PYTHON, "3.11"): date(2027, 10, 31),
    (PYTHON, "3.12"): date(2028, 10, 31),
    (PYTHON, "3.13"): date(2029, 10, 31),
    (PYTHON, "3.14"): date(2030, 10, 31),
    (NODE, "20"): date(2026, 4, 30),
    (NODE, "22"): date(2027, 4, 30),
    (NODE, "24"): date(2028, 4, 30),
}

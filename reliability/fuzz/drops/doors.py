"""Keys and paths that lead elsewhere: names of drops, keys of uploads, ids of items and photos."""

import json
from collections.abc import Iterator

from reliability.fuzz.service import Target

# None of these may promote the sound archive that is stored under it.
IGNORED_KEYS = (
    *("drops/release.TAR", "drops/release.zip", "drops/release.tar.gz.exe", "drops/release.tar ", "drops/release"),
    *("drops/output.tar.gz", "drops/job/output/output.tar.gz", "drops/.tar", "drops/.tar.gz", "drops/.tgz"),
    *("Drops/release.tar", "release.tar", "live.json", "objects/release.tar", "releases/x.tar", "rejected/x.tar"),
)
REFUSED_KEYS = (
    *("drops//release.tar", "drops/a//release.tar", "drops/./release.tar", "drops/../release.tar", "drops/a/../b.tar"),
    *(
        "drops/../drops/release.tar",
        "drops/line\nbreak.tar",
        "drops/nul\0.tar",
        "drops/\u202ertl.tar",
        "drops/\x7f.tar",
    ),
)
# Valid, but longer than the names of files may be.
LONG_KEYS = (*(f"drops/{'x' * 300}.tar", f"drops/{'x' * 251}.tar", "drops/" + "\u00e9" * 200 + ".tar"),)
# Valid, but so long that the key of its note must be cut.
DEEP_KEY = f"drops/{'y/' * 480}{'x' * 44}.tgz"
UPLOAD_KEYS = (
    *(
        "",
        "live.json",
        "/live.json",
        "uploads/",
        "uploads/../live.json",
        "uploads/./../live.json",
        "uploads//live.json",
    ),
    *("objects/00", "releases/x/manifest.json", "datasets/sample/photos/000a.jpg", "drops/release.tar"),
    *("uploads/00000000-0000-0000-0000-000000000000", "uploads/" + "0" * 36 + "/../../live.json"),
    *("uploads/" + "-" * 36, "uploads/" + "0" * 35, "uploads/" + "0" * 37, "UPLOADS/" + "0" * 36),
    *("uploads/%2e%2e/live.json", "uploads\\..\\live.json", "uploads/\0", "uploads/" + "\u0660" * 36),
    *("file:///etc/passwd", "s3://other/live.json", "http://127.0.0.1/", "../../../../etc/passwd", "u" * 100_000),
)
_ESCAPES = (
    *(
        "live.json",
        "../live.json",
        "../../live.json",
        "..%2f..%2flive.json",
        "%2e%2e/%2e%2e/live.json",
        "..%5clive.json",
    ),
    *("%252e%252e%252flive.json", "datasets/sample/photos/000a.jpg", "000a%00.jpg", "000a/../../live.json", "%ff%fe"),
    *(
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "....//....//etc/passwd",
        "file:%2f%2f%2fetc%2fpasswd",
        "x" * 8_000,
        "%00",
        ".",
    ),
    *("objects/00", "releases/x/manifest.json", "'%20OR%201=1--", "%22;DROP%20TABLE%20items;--", "000a%0d%0aX-Evil:1"),
)
PATHS = tuple(f"{route}/{escape}" for route in ("/images", "/items", "/static") for escape in _ESCAPES) + tuple(
    f"/items/{escape}/similar" for escape in _ESCAPES
)
# Texts that stand in files which no caller may read.
SECRETS = (b"high_water", b"manifest_sha256", b"root:", b"X-Evil")


def opened(target: Target) -> Iterator[str]:
    """Upload keys and paths that were answered by anything but a 4xx, or with the content of another file."""
    for key in UPLOAD_KEYS:
        reply = target.send(
            "POST", "/predict", json.dumps({"upload": key}).encode(), {"Content-Type": "application/json"}
        )
        if not 400 <= reply.status < 500 or any(secret in reply.body for secret in SECRETS):
            yield f"upload {key[:60]!r}: {reply.status}"
    for path in PATHS:
        reply = target.send("GET", path)
        # The path is repeated in the answer: what it names is no secret.
        found = reply.body.replace(path.encode(), b"")
        if not 400 <= reply.status < 500 or any(secret in found for secret in SECRETS[:3]):
            yield f"GET {path[:60]}: {reply.status}"

"""Multipart bodies written by hand, to imitate clients without a library."""

BOUNDARY = "----boundary"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(name: str, data: bytes, *, filename: str | None = "photo.jpg", declared: str | None = None) -> bytes:
    """One part, without content type unless one is declared."""
    lines = [f'Content-Disposition: form-data; name="{name}"']
    if filename is not None:
        lines[0] += f'; filename="{filename}"'
    if declared is not None:
        lines.append(f"Content-Type: {declared}")
    return f"--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A whole body."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()

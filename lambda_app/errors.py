"""The exception tree of serving and of the release format. Knows no HTTP; `problems.py` maps each class to a status."""


class LookalikeError(Exception):
    """Anything that Lookalike itself reports; the message is meant for a person."""


class SettingsError(LookalikeError):
    """A setting is missing or bad."""


class PhotoError(LookalikeError):
    """A photo cannot be taken."""


class PhotoTooLargeError(PhotoError):
    """A photo is over the limit of bytes, pixels or side length."""


class UnsupportedPhotoError(PhotoError):
    """The bytes are not a still JPEG, PNG or WebP."""


class UndecodablePhotoError(PhotoError):
    """The bytes claim to be a photo but do not decode."""


class QueryError(LookalikeError):
    """A parameter of a query is out of its range."""


class UnknownItemError(LookalikeError):
    """No such item in the live catalog."""


class ReleaseError(LookalikeError):
    """A release, or the archive that carries it, is not what its manifest says."""


class UnknownFormatError(ReleaseError):
    """The manifest's format is one that this code does not read."""


class RefusedReleaseError(ReleaseError):
    """A sound release that must not go live: it fails its own smoke cases, or lies under the quality floor."""


class StoreError(LookalikeError):
    """The store cannot be read or written."""


class MissingObjectError(StoreError):
    """No object under that key."""


class PointerConflictError(StoreError):
    """The live pointer moved since it was read."""


class NotLiveError(LookalikeError):
    """No release is loaded yet."""


class NotSupportedError(LookalikeError):
    """This store or deployment does not offer that."""


class RequestError(LookalikeError):
    """A request is malformed: no photo in it, not JSON, not multipart."""


class RequestTooLargeError(LookalikeError):
    """A request's body is over the limit of bytes, or a batch over that of files."""

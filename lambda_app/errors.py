"""The exceptions of serving and of the release format. `problems.py` maps each class to an HTTP status."""


class LookalikeError(Exception):
    """Base class of all errors that Lookalike reports. The message is written for people."""


class SettingsError(LookalikeError):
    """A setting is missing or invalid."""


class PhotoError(LookalikeError):
    """A photo cannot be used."""


class PhotoTooLargeError(PhotoError):
    """A photo is over a limit: of bytes, pixels, side length, scans, chunks or memory."""


class UnsupportedPhotoError(PhotoError):
    """The bytes are not a still JPEG, PNG, WebP or AVIF."""


class UndecodablePhotoError(PhotoError):
    """The bytes look like a photo, but they cannot be decoded."""


class BusyError(LookalikeError):
    """The service has no room for this request now, in memory or in its queue. The request may be sent again."""


class QueryError(LookalikeError):
    """A parameter of a query is out of range."""


class UnknownItemError(LookalikeError):
    """The live catalog has no such item."""


class ReleaseError(LookalikeError):
    """A release or its archive is damaged, or does not match its manifest."""


class DamagedFileError(ReleaseError):
    """A file of a release, or its manifest, does not have the length or the checksum that it should have.

    Whoever reads it from a store may try again: the transfer may be at fault, or the store may be repaired.
    """


class UnknownFormatError(ReleaseError):
    """This code cannot read the manifest's format."""


class RefusedReleaseError(ReleaseError):
    """A valid release must not go live, for example because of a failed smoke case or a quality below the floor."""


class IndexBuildError(LookalikeError):
    """The index cannot be built, or gives wrong results for its smoke cases."""


class OverdueError(ReleaseError):
    """A forward pass took longer than the limit and was ended."""


class StoreError(LookalikeError):
    """The store cannot be read or written."""


class TrialError(StoreError):
    """The trial of a release could not be run, through no fault of the release; another try may succeed."""


class UnfinishedError(StoreError):
    """There was no time to apply all changes of the log to a release; the next try goes on where this one ended."""


class ScratchSpaceError(StoreError):
    """The scratch disk is full, or too small for what must be unpacked."""


class MissingObjectError(StoreError):
    """There is no object with this key."""


class ConflictError(StoreError):
    """An object has changed since it was read, so the conditional write failed."""


class PointerConflictError(ConflictError):
    """The live pointer has changed since it was read, so the conditional write failed."""


class SearchUnavailableError(LookalikeError):
    """The service that holds the vectors does not answer, is too busy, or refuses; the same search may work later."""


class NotLiveError(LookalikeError):
    """No release is loaded yet."""


class NotSupportedError(LookalikeError):
    """This store, or the live release, does not support the operation."""


class RequestError(LookalikeError):
    """A request is malformed: it has no photo, or is not valid JSON or multipart."""


class ChangeError(RequestError):
    """A change to the catalogue is malformed or over a limit."""


class ForbiddenError(LookalikeError):
    """The sender of a request may not do this."""


class EncodedBodyError(RequestError):
    """The body of a request is compressed."""


class RequestTimeoutError(LookalikeError):
    """The body of a request took too long to arrive."""


class RequestTooLargeError(LookalikeError):
    """A request body has too many bytes, or a batch has too many files."""

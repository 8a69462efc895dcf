"""Errors of the service. Their HTTP status is that of botocore's model."""

from moto.core.exceptions import ServiceException


class ValidationError(ServiceException):
    """A request that the service refuses, 400."""

    code = "ValidationException"


class Conflict(ServiceException):
    """Something of that name exists, 409."""

    code = "ConflictException"


class TooManyRequests(ServiceException):
    """More requests or vectors a second than an index takes, 429."""

    code = "TooManyRequestsException"

    def __init__(self) -> None:
        super().__init__("Please reduce your request rate")


class AccessDenied(ServiceException):
    """The caller lacks a permission, 403."""

    code = "AccessDeniedException"

    def __init__(self, action: str, resource: str) -> None:
        super().__init__(f"User is not authorized to perform: {action} on resource: {resource}")

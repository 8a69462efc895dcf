"""The error of the client."""


class ClientError(Exception):
    """The API gave no usable answer. The message is written for people.

    Attributes:
        status: the HTTP status of an answer that is an error; None if there was no answer, or not a Lookalike API's.
        detail: what the API says about the error (`detail` of its problem); the message if it says nothing, or if
            nothing answered.
        request_id: under which the log of the service has the request; None if there was no answer.
        retry_after: seconds after which the API asks to try again; None if it does not ask.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        *,
        detail: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Say what happened."""
        super().__init__(message)
        self.status = status
        self.detail = detail or message
        self.request_id = request_id
        self.retry_after = retry_after

"""Why a request gets no result, each with its HTTP status."""


class RefusedError(Exception):
    """Base of all; the message is a sentence for the client."""

    status = 400

    def __init__(self, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = headers or {}


class UnknownError(RefusedError):
    """There is no such recipe, scan or picture."""

    status = 404


class ConflictError(RefusedError):
    """The id belongs to another scan."""

    status = 409


class TooLargeError(RefusedError):
    """The body is larger than the service takes."""

    status = 413


class UnusableError(RefusedError):
    """A request that does not name or bring a scan."""

    status = 422


class QueueFullError(RefusedError):
    """The queue is full, or the service is ending."""

    status = 503


class LateError(RefusedError):
    """The deadline of the request has passed."""

    status = 504


class StorageError(RefusedError):
    """The result could not be written, so it is not given."""

    status = 507

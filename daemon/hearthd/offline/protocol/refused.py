"""What a client asked for and does not get, told in the protocol's own error codes."""

from hearthd.core.errors import HearthdError

INVALID_REQUEST = "invalid_request_error"
SERVER_FAULT = "server_error"


class Refused(HearthdError):
    """A client's message that cannot be carried out; the session goes on unchanged."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        """Name the protocol's `code`, plain words, and the field at fault as a dotted path."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param

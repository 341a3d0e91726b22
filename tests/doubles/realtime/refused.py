"""How the session says no."""

from __future__ import annotations


class Refused(Exception):
    """An event that the server answers with `error` instead of doing it."""

    def __init__(
        self,
        code: str | None,
        message: str,
        param: str | None = None,
        error_type: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.error_type = error_type

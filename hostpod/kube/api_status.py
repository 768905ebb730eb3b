"""metav1.Status: how a refusal is told to a client of a Kubernetes-like API."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

Reason = Literal[
    "BadRequest",
    "Forbidden",
    "NotFound",
    "MethodNotAllowed",
    "Conflict",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "Invalid",
    "InternalError",
    "ServiceUnavailable",
    "Timeout",
]

# HTTP codes as in k8s.io/apimachinery/pkg/api/errors
_CODES: Final[dict[Reason, int]] = {
    "BadRequest": 400,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "Conflict": 409,
    "RequestEntityTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "Timeout": 504,
}
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class StatusError(Exception):
    """A request that is refused: `reason` for programs, the message for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason

    @property
    def code(self) -> int:
        """The HTTP status code of the reason."""
        return _CODES[self.reason]

    def status(self) -> dict[str, Any]:
        """The Status object that a client gets."""
        return failure(self.reason, str(self))


def failure(reason: Reason, message: str) -> dict[str, Any]:
    """A Status that says no."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": _CODES[reason],
    }

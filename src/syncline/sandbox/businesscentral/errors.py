"""What Business Central answers when it refuses."""

from __future__ import annotations

from uuid import uuid4

import msgspec


class ApiError(Exception):
    """A refusal: the HTTP status, the code of the contract and a message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> bytes:
        message = f"{self.message}  CorrelationId:  {uuid4()}."
        return msgspec.json.encode({"error": {"code": self.code, "message": message}})


_CODES = {
    401: "Authentication_InvalidCredentials",
    409: "Request_EntityChanged",
    429: "Application_TooManyRequests",
    500: "Internal_ServerError",
    503: "Internal_TenantUnavailable",
}


def refused(status: int, message: str) -> ApiError:
    """Of a request that nobody looked into: what code goes with the status."""
    return ApiError(status, _CODES.get(status, "BadRequest" if status in (400, 410, 413) else "Unknown"), message)


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def dialog(message: str) -> ApiError:
    """What the application itself says, as in a dialog of its client."""
    return ApiError(400, "Application_DialogException", message)


def field_error(message: str) -> ApiError:
    """What the check of one field says (the product's ``TestField`` and ``FieldError``)."""
    return ApiError(400, "Application_FieldValidationException", message)


def no_such_record(entity: str, record: str) -> ApiError:
    return ApiError(
        404, "Internal_RecordNotFound", f"The {entity} {record} does not exist: no record has this identification."
    )

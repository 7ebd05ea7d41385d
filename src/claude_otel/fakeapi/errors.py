"""The error responses of the API, as it writes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from .jsontypes import JSON

BEDROCK_ERRORS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    413: "ValidationException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


@dataclass
class APIError(Exception):
    """A request the API answers with an error status."""

    status: int
    type: str
    message: str
    error_code: str | None = None
    details: JSON = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str, platform: str = "anthropic") -> JSON:
        """The response body: the API's own, or Bedrock's."""
        if platform == "bedrock":
            return {"message": self.message}
        return {"type": "error", "error": self.error_object(), "request_id": request_id}

    def error_object(self) -> JSON:
        """The `error` of a response body or of an `error` event."""
        error: JSON = {"type": self.type, "message": self.message}
        if self.error_code:
            error["details"] = {"error_code": self.error_code, **self.details}
        return error


def invalid_request(message: str) -> APIError:
    """The 400 for a request that is not well formed."""
    return APIError(400, "invalid_request_error", message)


def model_not_found(model: str) -> APIError:
    """The 404 for a model that is retired or not known."""
    return APIError(404, "not_found_error", f"model: {model}")

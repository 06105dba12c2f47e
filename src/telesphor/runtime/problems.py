"""Errors over HTTP: problem details (RFC 9457), one mapping from each kind of error to one status."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    Schema,
)
from litestar.types import Scope, Send

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.telemetry import log

STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.TOO_LARGE: 413,
    Kind.RANGE: 416,
    Kind.OVERLOADED: 503,
    Kind.STORAGE: 507,
    Kind.CORRUPT: 500,
    Kind.INTERNAL: 500,
}

RETRY_AFTER_SECONDS = 1
POLICY_VIOLATION = 1008
"""How a WebSocket ends that nothing was allowed on (RFC 6455, section 7.4.1)."""

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:telesphor:problem:"

HTTP_CODES = {
    400: "request-malformed",
    404: "no-such-resource",
    405: "method-not-allowed",
    413: "body-too-large",
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document. `code` is stable and is what programs match on."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    hint: str = ""


def problem_of(error: Exception) -> Problem:
    """Say what went wrong, without anything private."""
    if isinstance(error, TelesphorError):
        return _problem(STATUS[error.kind], error.code, error.message, error.hint)
    if isinstance(error, HTTPException):
        code = HTTP_CODES.get(error.status_code, "request-refused")
        return _problem(error.status_code, code, _said(error), "see the API description")
    log.error("request failed", error=type(error).__name__, exc_info=error)
    return _problem(
        500, "internal", "the node failed; nothing of this request was recorded unless a receipt says so", ""
    )


def _problem(status: int, code: str, detail: str, hint: str) -> Problem:
    return Problem(PROBLEM_TYPE_PREFIX + code, code.replace("-", " "), status, code, detail, hint)


def _said(error: HTTPException) -> str:
    """Litestar's words for what is not a field's value; values are never repeated."""
    words = {400: "the request does not have the form that the API describes", 404: "there is nothing here"}
    return words.get(error.status_code, error.detail.lower())


def problem_headers(problem: Problem) -> dict[str, str]:
    """Headers that go with a problem."""
    return {"retry-after": str(RETRY_AFTER_SECONDS)} if problem.status == STATUS[Kind.OVERLOADED] else {}


def describe_problems(description: OpenAPI) -> None:
    """Say of every operation that what is refused is answered by a problem document."""
    if isinstance(description.components, Components):
        description.components.schemas["Problem"] = _problem_schema()
    content = {PROBLEM_MEDIA_TYPE: OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))}
    refusal = OpenAPIResponse(
        description="Refused; `code` is stable and says why (RFC 9457)", content=content
    )
    for path in (description.paths or {}).values():
        for method in ("get", "put", "post", "delete", "head", "patch"):
            operation = getattr(path, method)
            if isinstance(operation, Operation):
                described = dict(operation.responses or {})
                described.pop("400", None)  # Litestar's own form of an error, which is never sent
                operation.responses = described | {"default": refusal}


def _problem_schema() -> Schema:
    text, number = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.INTEGER)
    members = {"type": text, "title": text, "status": number, "code": text, "detail": text, "hint": text}
    return Schema(
        type=OpenAPIType.OBJECT,
        required=["type", "title", "status", "code"],
        properties=dict(members),
        description="A problem document (RFC 9457)",
    )


def encode_problem(problem: Problem) -> bytes:
    """The document's bytes."""
    return msgspec.json.encode(problem)


async def deny_handshake(scope: Scope, send: Send, error: Exception) -> None:
    """Refuse a WebSocket by a problem document, where the server can, or without a word (ASGI, WebSocket denial)."""
    problem = problem_of(error)
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": problem.code})
        return
    headers = {"content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store", **problem_headers(problem)}
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    start: Any = {"type": "websocket.http.response.start", "status": problem.status, "headers": fields}
    body: Any = {"type": "websocket.http.response.body", "body": encode_problem(problem), "more_body": False}
    await send(start)
    await send(body)


def handle_exception(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    problem = problem_of(error)
    if isinstance(error, TelesphorError) and error.detail:
        log.info("refused", code=error.code, detail=error.detail)
    return Response(
        encode_problem(problem),
        status_code=problem.status,
        media_type=MediaType.JSON if problem.status < 400 else PROBLEM_MEDIA_TYPE,
        headers=problem_headers(problem) | (getattr(error, "headers", None) or {}),
    )

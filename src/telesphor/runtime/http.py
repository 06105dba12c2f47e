"""The HTTP edge: Litestar for everything that is described, a raw lane for the hot route.

Guarantees that bodies are bounded before they are read, that every error is a problem document
(RFC 9457), and that the OpenAPI 3.1 description at `/schema/openapi.json` covers every route.
`RawRoute`s are answered before Litestar sees the request; the same path is also registered with
Litestar, which describes it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from litestar import Litestar, MediaType, Response, get
from litestar.config.app import AppConfig
from litestar.enums import ScopeType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import License, OpenAPI
from litestar.static_files import create_static_files_router
from litestar.types import Message, Receive, Scope, Send
from prometheus_client import generate_latest

from telesphor import __version__
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.problems import (
    PROBLEM_MEDIA_TYPE,
    deny_handshake,
    describe_problems,
    encode_problem,
    handle_exception,
    problem_headers,
    problem_of,
)
from telesphor.runtime.telemetry import Metrics
from telesphor.runtime.web import WebApp, answer

BODY_SECONDS = 30.0
"""Any such body is here within seconds, also over a poor line; who is slower holds a connection for nothing."""

BODY_BYTES_MAX = 4 * 1024 * 1024
"""Any request body but an upload's, which is streamed."""


DISCARDED_BYTES_MAX = 16 * 1024 * 1024
"""A body that is too large, but not larger than this, is read to its end and thrown away by the server, so
that its sender sees the answer; of a larger one, or one of unknown length, the connection is closed."""


PIECE_BYTES = 256 * 1024
"""Of a large answer, handed to a connection at once: what it has of ours in memory when nobody reads."""


class BodyTooLarge(TelesphorError):
    """The request's body is larger than this route takes; `headers` says when the connection ends with it."""

    code = "body-too-large"
    kind = Kind.TOO_LARGE

    def __init__(self, limit_bytes: int, *, declared_bytes: int | None) -> None:
        super().__init__(f"the body is larger than `{limit_bytes}` bytes")
        endless = declared_bytes is None or declared_bytes > DISCARDED_BYTES_MAX
        self.headers = {"connection": "close"} if endless else {}


class BodyBroken(TelesphorError):
    """The client went away in the middle of its request."""

    code = "body-broken"
    kind = Kind.INVALID


class BodyLate(TelesphorError):
    """The body did not come in time; the connection is closed."""

    code = "body-late"
    kind = Kind.INVALID

    headers: ClassVar[dict[str, str]] = {"connection": "close"}


RawHandler = Callable[[Scope, Receive, Send], Awaitable[None]]


class RawRoute(NamedTuple):
    """A route answered in front of Litestar."""

    method: str
    path: str
    handler: RawHandler


async def read_body(scope: Scope, receive: Receive, *, limit_bytes: int = BODY_BYTES_MAX) -> bytes:
    """Read a whole body of at most `limit_bytes`; refuses by the declared length before reading.

    Raises:
        BodyTooLarge, BodyBroken, BodyLate.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit_bytes:
            raise BodyTooLarge(limit_bytes, declared_bytes=int(value))
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _collect(receive, limit_bytes)
    except TimeoutError:
        raise BodyLate(f"the body took longer than `{BODY_SECONDS:g}` seconds") from None


async def _collect(receive: Receive, limit_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise BodyBroken("the connection ended before the body did")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit_bytes:
            raise BodyTooLarge(limit_bytes, declared_bytes=None)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def send_bytes(
    send: Send,
    body: bytes,
    *,
    status: int = 200,
    media_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> None:
    """Answer with a whole body."""
    fields = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    fields += [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def send_pieces(send: Send, body: bytes, *, media_type: str, headers: dict[str, str]) -> None:
    """Answer with a large body; returns when the client has taken nearly all of it."""
    fields = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    fields += [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    for at in range(0, len(body), PIECE_BYTES):
        await send({"type": "http.response.body", "body": body[at : at + PIECE_BYTES], "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


PRIVATE_PATHS = ("/v1/app/", "/v1/session", "/v1/invitations/")
"""What is answered there is for one person, and never kept."""


class Edge:
    """The whole ASGI application: sockets, raw routes, the web app, then Litestar; counts what it answers."""

    def __init__(
        self,
        app: Litestar,
        raw: Sequence[RawRoute],
        metrics: Metrics,
        *,
        sockets: Mapping[str, RawHandler] | None = None,
        web: WebApp | None = None,
    ) -> None:
        self.app = app
        self._raw = {(route.method, route.path): route.handler for route in raw}
        self._metrics = metrics
        self._sockets = sockets or {}
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            await self._sockets.get(scope["path"], refuse_socket)(scope, receive, send)
            return
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        handler = self._raw.get((scope["method"], scope["path"])) or self._file_handler(scope)
        if handler is None:
            await self.app(scope, receive, _with_headers(send, scope["path"]))
            return
        try:
            await handler(scope, receive, send)
        except Exception as error:  # noqa: BLE001  whatever breaks becomes a problem document
            problem = problem_of(error)
            await send_bytes(
                send,
                encode_problem(problem),
                status=problem.status,
                media_type=PROBLEM_MEDIA_TYPE,
                headers=problem_headers(problem) | getattr(error, "headers", {}),
            )

    def _file_handler(self, scope: Scope) -> RawHandler | None:
        """What answers by a file of the web app; None where it has none such."""
        if self._web is None or scope.get("method") not in ("GET", "HEAD"):
            return None
        file = self._web.find(scope["path"])
        return None if file is None else partial(answer, file)


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Nobody answers WebSockets here."""
    await receive()
    await deny_handshake(scope, send, NotFoundException())


def _with_headers(send: Send, path: str) -> Send:
    """Have every answer say that its type is not to be guessed, and what is private that it is not kept."""
    private = path.startswith(PRIVATE_PATHS)

    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = {name.lower() for name, _ in message["headers"]}
            more = [(b"x-content-type-options", b"nosniff")]
            if private:
                more += [(b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
            message["headers"] = [*message["headers"], *(one for one in more if one[0] not in told)]
        await send(message)

    return send_more


def build_edge(
    *,
    handlers: Sequence[Any],
    raw: Sequence[RawRoute],
    metrics: Metrics,
    health: Callable[[], dict[str, Any]],
    at_end: Sequence[Callable[[], Awaitable[None]]] = (),
    sockets: Mapping[str, RawHandler] | None = None,
    web: WebApp | None = None,
) -> Edge:
    """Make the application from the capabilities' handlers.

    Args:
        sockets: who answers WebSockets, by path.
        web: the app at `/`; None where no browser is served.
        at_end: awaited in the application's event loop once it takes no more requests.
    """

    @get(
        "/healthz",
        summary="Whether the node is able to work",
        tags=["operating"],
        responses={503: ResponseSpec(dict[str, Any], description="It is not", generate_examples=False)},
    )
    async def healthz() -> Response[dict[str, Any]]:
        state = health()
        return Response(state, status_code=200 if state["status"] == "ok" else 503)

    @get(
        "/metrics",
        summary="Counters in the Prometheus text format",
        tags=["operating"],
        media_type=MediaType.TEXT,
    )
    async def metrics_text() -> bytes:
        return generate_latest(metrics.registry)

    app = Litestar(
        route_handlers=[healthz, metrics_text, *handlers, *_swagger_files()],
        openapi_config=_openapi_config(),
        exception_handlers={Exception: handle_exception},
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        on_app_init=[_quiet],
        on_shutdown=list(at_end),
    )
    return Edge(app, raw, metrics, sockets=sockets, web=web)


def _quiet(config: AppConfig) -> AppConfig:
    """Leave logging to `telemetry`."""
    config.logging_config = None
    return config


def _swagger_folder() -> Path | None:
    """Swagger UI's files out of the package that carries them; its code is never imported."""
    spec = find_spec("drf_spectacular_sidecar")
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist" if places else None
    return folder if folder is not None and folder.is_dir() else None


def _swagger_files() -> list[Any]:
    folder = _swagger_folder()
    if folder is None:
        return []
    return [create_static_files_router("/docs-files", directories=[folder], include_in_schema=False)]


@dataclass
class _Description(OpenAPI):
    """The description of all routes, with what each answers when it refuses."""

    def to_schema(self) -> dict[str, Any]:
        describe_problems(self)
        return super().to_schema()


@dataclass
class _DescriptionConfig(OpenAPIConfig):
    """Has the description made when it is first asked for: it takes half the start of a node, and most never are."""

    def to_openapi_schema(self) -> OpenAPI:
        plain = super().to_openapi_schema()
        return _Description(**{field.name: getattr(plain, field.name) for field in fields(plain)})


def _openapi_config() -> OpenAPIConfig:
    page = SwaggerRenderPlugin(
        favicon='<link rel="icon" href="data:,">',  # nothing on the page comes from elsewhere
        js_url="/docs-files/swagger-ui-bundle.js",
        css_url="/docs-files/swagger-ui.css",
        standalone_preset_js_url="/docs-files/swagger-ui-standalone-preset.js",
    )
    return _DescriptionConfig(
        title="Telesphor node",
        version=__version__,
        description="Commands are signed requests (JWS, Ed25519 and ML-DSA-65); patient data moves only under tickets.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        render_plugins=[page],
        path="/schema",
        use_handler_docstrings=True,
        operation_id_creator=_name_operation,
    )


def _name_operation(_handler: HTTPRouteHandler, method: str, path: Sequence[Any]) -> str:
    """Such as `getV1SessionByActor`: unique, since method and path are."""
    pieces = [part if isinstance(part, str) else f"by-{part.name}" for part in path]
    words = [word for piece in pieces for word in re.split(r"[^A-Za-z0-9]+", piece)]
    return method.lower() + "".join(word[:1].upper() + word[1:] for word in words)

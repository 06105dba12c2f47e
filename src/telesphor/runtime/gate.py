"""The way in: `POST /v1/commands` takes a signed request and answers with its receipt.

Signatures are verified in a few threads of their own, outside the interpreter's lock, while the
event loop goes on reading. A verified request goes from there straight into the writer's queue: the
event loop hears of it again when it is durable, once for all requests of the writer's batch.
Bytes: `docs/spec/request.md`. Start at `Gate.execute`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import msgspec
from litestar import Request as HttpRequest
from litestar import Response, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Reference, RequestBody, Schema
from litestar.types import Receive, Scope, Send

from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.attempts import attempt
from telesphor.runtime.capability import Receipt, Registry
from telesphor.runtime.http import RawRoute, read_body, send_bytes
from telesphor.runtime.machine import Machine, NodeStopping, Request
from telesphor.runtime.requests import Outcome, hand_out

COMMANDS_PATH = "/v1/commands"

REQUEST_BYTES_MAX = 1024 * 1024
"""A thousand small commands and their two signatures."""

VERIFYING_MAX = 2_048
"""Requests that wait to be verified: about half a second of two threads."""

VERIFYING_BYTES_MAX = 64 * 1024 * 1024
"""Memory that waiting requests may take: those of a thousand commands are large, and few fit."""

COMMANDS_DESCRIPTION = """\
One to 1,000 commands, all or nothing, signed with Ed25519 and ML-DSA-65 (JWS General JSON). The answer comes
when the entries are durable: their positions, and each command's result."""


class EdgeFull(TelesphorError):
    """More signatures wait to be verified than can be in reasonable time."""

    code = "edge-full"
    kind = Kind.OVERLOADED


class _Arrival(NamedTuple):
    """A signed request as it came in, and who waits for its outcome."""

    data: bytes
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Outcome]


Authenticate = Callable[[Sequence[bytes]], Sequence[Request | Exception]]
"""Verifies signed requests, one thread at a time; what is refused comes back as its error."""


class Gate:
    """Authenticates signed requests and hands them to the writer.

    Args:
        authenticators: each is used by one thread of its own.
        batch_requests: how many waiting requests one call of an authenticator takes at the most.
    """

    def __init__(
        self, authenticators: Sequence[Authenticate], machine: Machine, *, batch_requests: int = 1
    ) -> None:
        self._machine = machine
        self._batch_requests = batch_requests
        self._arrivals: SimpleQueue[_Arrival | None] = SimpleQueue()
        self._closing = False
        self._held_bytes = 0
        self._threads = [
            threading.Thread(target=self._run, args=(authenticate,), name=f"verify-{number}", daemon=True)
            for number, authenticate in enumerate(authenticators)
        ]
        for thread in self._threads:
            thread.start()

    async def execute(self, data: bytes) -> Receipt:
        """Verify, decide, and wait until the entries are durable; raises what refuses the request."""
        waiting = self._arrivals.qsize()
        if waiting >= VERIFYING_MAX or self._held_bytes + len(data) > VERIFYING_BYTES_MAX:
            raise EdgeFull(f"`{waiting}` requests wait to be verified", hint="ask again in a second")
        if self._closing:
            raise _stopping()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        # Counted on the loop's thread only, until the answer: the writer's queue holds the same bytes.
        self._held_bytes += len(data)
        try:
            self._arrivals.put(_Arrival(data, loop, future))
            outcome = await future
        finally:
            self._held_bytes -= len(data)
        return await outcome.unwrap_aside()

    def route(self) -> RawRoute:
        """The hot route."""
        encode = msgspec.json.Encoder().encode

        async def commands(scope: Scope, receive: Receive, send: Send) -> None:
            data = await read_body(scope, receive, limit_bytes=REQUEST_BYTES_MAX)
            await send_bytes(send, encode(await self.execute(data)))

        return RawRoute("POST", COMMANDS_PATH, commands)

    def close(self) -> None:
        """End the threads; what still waits is refused."""
        self._closing = True
        for _ in self._threads:
            self._arrivals.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, authenticate: Authenticate) -> None:
        while (first := self._arrivals.get()) is not None:
            arrivals = [first, *self._more()]
            # Whoever has gone away is not worth a signature.
            self._admit([arrival for arrival in arrivals if not arrival.future.cancelled()], authenticate)

    def _more(self) -> Iterator[_Arrival]:
        for _ in range(self._batch_requests - 1):
            try:
                arrival = self._arrivals.get_nowait()
            except Empty:
                return
            if arrival is None:  # The sign to end belongs to whoever asks next, perhaps this thread.
                self._arrivals.put(None)
                return
            yield arrival

    def _admit(self, arrivals: Sequence[_Arrival], authenticate: Authenticate) -> None:
        for arrival, request in zip(arrivals, self._authenticated(arrivals, authenticate), strict=True):
            try:
                if isinstance(request, Exception):
                    raise request
                self._machine.submit(request, loop=arrival.loop, future=arrival.future)
            except Exception as error:  # noqa: BLE001  every refusal belongs to its caller
                hand_out([arrival], [Outcome(error=error)])

    def _authenticated(
        self, arrivals: Sequence[_Arrival], authenticate: Authenticate
    ) -> Sequence[Request | Exception]:
        if self._closing:
            return [_stopping()] * len(arrivals)
        try:
            return authenticate([arrival.data for arrival in arrivals])
        except Exception as error:  # noqa: BLE001  it must not end the thread
            return [error] * len(arrivals)


def one_by_one(authenticate: Callable[[bytes], Request]) -> Authenticate:
    """An authenticator for this process: each request by itself."""

    def run(batch: Sequence[bytes]) -> list[Request | Exception]:
        return [attempt(authenticate, data) for data in batch]

    return run


def _stopping() -> NodeStopping:
    return NodeStopping("the node is stopping", hint="ask again when it is back")


@dataclass
class _SignedRequestOperation(Operation):
    """Describes the body, which no handler argument shows."""

    def __post_init__(self) -> None:
        members: dict[str, Reference | Schema] = {
            "payload": Schema(type=OpenAPIType.STRING, description="base64url of the canonical request"),
            "signatures": Schema(
                type=OpenAPIType.ARRAY,
                min_items=2,
                max_items=2,
                items=Schema(
                    type=OpenAPIType.OBJECT,
                    required=["protected", "signature"],
                    properties={
                        "protected": Schema(type=OpenAPIType.STRING),
                        "signature": Schema(type=OpenAPIType.STRING),
                    },
                ),
            ),
        }
        schema = Schema(type=OpenAPIType.OBJECT, required=["payload", "signatures"], properties=members)
        self.request_body = RequestBody(
            content={"application/jose+json": OpenAPIMediaType(schema=schema)}, required=True
        )


def describe(gate: Gate, registry: Registry) -> Any:
    """The same route for Litestar, so that the API description has it and every command's shape."""

    @dataclass
    class CommandsOperation(_SignedRequestOperation):
        """Made with the API description, so that the commands are described when somebody asks for it."""

        def __post_init__(self) -> None:
            super().__post_init__()
            self.description = _describe_commands(registry)

    @post(
        COMMANDS_PATH,
        tags=["commands"],
        status_code=200,
        summary="Send a signed request",
        operation_class=CommandsOperation,
    )
    async def send_commands(request: HttpRequest[Any, Any, Any]) -> Response[Receipt]:
        return Response(await gate.execute(await request.body()), status_code=200)

    return send_commands


def _describe_commands(registry: Registry) -> str:
    """Markdown: what a request is, then each command with its purpose and its body's JSON Schema."""
    parts = [COMMANDS_DESCRIPTION]
    for name, command in sorted(registry.commands.items()):
        schema, components = msgspec.json.schema_components([command.body])
        shown = msgspec.json.format(msgspec.json.encode({"schema": schema[0], "components": components}))
        purpose = (command.body.__doc__ or "").strip().partition("\n")[0]
        parts.append(f"### `{name}`\n\n{purpose}\n\n```json\n{shown.decode()}\n```")
    return "\n\n".join(parts)

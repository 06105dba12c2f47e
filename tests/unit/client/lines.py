"""A line to a node that breaks when it is told to: a TCP relay for tests of what clients do then."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit


class Line:
    """Relays connections to `url`; each connection breaks after its own number of bytes, if it has one.

    Args:
        up: how many bytes towards the node each connection carries before it breaks, in turn.
        down: the same for bytes from the node.
    """

    def __init__(self, url: str, *, up: list[int] | None = None, down: list[int] | None = None) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self.up = up or []
        self.down = down or []
        self.breaks = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        node_reader, node_writer = await asyncio.open_connection(self._host, self._port)
        up = asyncio.create_task(self._copy(reader, node_writer, self.up))
        down = asyncio.create_task(self._copy(node_reader, writer, self.down))
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
        for end in (writer, node_writer):
            end.transport.abort()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: list[int]
    ) -> None:
        """Copy until the end, or until this connection, now seen to be a large one, has had its share."""
        moved = 0
        while data := await reader.read(65_536):
            moved += len(data)
            if limits and moved > limits[0]:
                limits.pop(0)
                self.breaks += 1
                return
            writer.write(data)
            await writer.drain()

"""`GET /v1/channel`: how the caller's own connection is protected."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar import Request, get

from telesphor.runtime.tls.book import Channel
from telesphor.runtime.tls.listening import channel_of


class ChannelAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the node knows of the connection that this request came by.

    Attributes:
        secure: whether the node itself ended TLS here; behind a proxy it cannot know what was before.
        channel: what was agreed; nothing in the clear.
    """

    secure: bool
    quantum_safe: bool
    channel: Channel | None = None


def routes() -> list[Any]:
    """The handlers about channels."""

    @get(
        "/v1/channel",
        summary="How this connection is protected",
        tags=["operating"],
        sync_to_thread=False,
    )
    def channel(request: Request[Any, Any, Any]) -> ChannelAnswer:
        """The negotiated key exchange and the certificates' algorithms, of the caller's own connection only."""
        found = channel_of(cast("dict[str, Any]", request.scope))
        return ChannelAnswer(found is not None, found is not None and found.quantum_safe, found)

    return [channel]

"""Commands that ask a node as an actor: one way to say which node and as whom.

A command whose first parameter is a `Place` is given, by `at_node`, the options that describe one: in a folder, or at
an address with its origin and with whom is trusted there. `Place.ask` connects as an actor and runs one exchange.

Start at `at_node`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from telesphor.cli.connect import (
    DEFAULT_FOLDER,
    IdentityOption,
    NodeOption,
    OriginOption,
    Reached,
    TrustOption,
    UrlOption,
    open_wallet,
    reach,
)
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet
from telesphor.runtime.console import refusals

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Which node is asked, as the options say; each field is one of them."""

    node: NodeOption = DEFAULT_FOLDER
    url: UrlOption = ""
    origin: OriginOption = ""
    trust: TrustOption = None
    identity: IdentityOption = None

    def reach(self) -> AbstractContextManager[Reached]:
        """The node, opened here where nobody serves it; raises as `connect.reach`."""
        return reach(self.node, self.url, self.origin, self.trust, self.identity)

    def ask(self, wallet: Path, exchange: Callable[[NodeClient], Awaitable[R]]) -> R:
        """Run `exchange` with a connection to the node, as the actor in a key file.

        Raises:
            WrongPassphrase, KeyfileRefused: the key file does not open; and as `connect.reach`.
        """
        with self.reach() as reached:
            return asyncio.run(_exchange(reached, open_wallet(wallet, self.node), exchange))

    def ask_as(self, actor: Wallet, exchange: Callable[[NodeClient], Awaitable[R]]) -> R:
        """The same as an actor whose key file is open already; raises as `connect.reach`."""
        with self.reach() as reached:
            return asyncio.run(_exchange(reached, actor, exchange))


def at_node(command: Callable[Concatenate[Place, P], R]) -> Callable[P, R]:
    """Give a command the options of a `Place` behind its own, and have its refusals said in one line."""
    own = [*inspect.signature(command).parameters.values()][1:]
    hints = get_type_hints(Place, include_extras=True) | get_type_hints(command, include_extras=True)
    added = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default)
        for field in fields(Place)
    ]

    @wraps(command)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        said: dict[str, Any] = {field.name: kwargs.pop(field.name) for field in fields(Place)}
        place = Place(**said)
        with refusals():
            return command(place, *args, **kwargs)

    typed = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name])
        for parameter in (*own, *added)
    ]
    asked.__signature__ = inspect.Signature(typed)  # type: ignore[attr-defined]
    asked.__annotations__ = {parameter.name: parameter.annotation for parameter in typed}
    del asked.__wrapped__  # Its parameters are no longer those of the command.
    return asked


async def _exchange(reached: Reached, actor: Wallet, exchange: Callable[[NodeClient], Awaitable[R]]) -> R:
    async with NodeClient(reached.url, actor, origin=reached.origin, tls=reached.tls) as client:
        return await exchange(client)

"""A hospital that issues credentials at a running node and asks for factors, with the client of the command line.

Start at `IssuingOffice`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from telesphor.app import node_wallet
from telesphor.capabilities.identity.credentials.model import Factor, Group
from telesphor.capabilities.identity.presentations.model import FactorWanted
from telesphor.client.errors import ClientRefused
from telesphor.client.issuing import Issuer, IssuerClient, Noted, vouch
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import SystemClock
from tests.e2e.running import Running
from tests.torture.folders import ORIGIN

PERSON: Mapping[str, str | bool] = {
    "given_name": "Zoë <b>",
    "family_name": "O’Brien-Łuczak",
    "birth_date": "1974-12-25",
    "over_18": True,
}


class IssuingOffice:
    """A hospital that issues at a node, with the CLI's own client, and asks for factors."""

    def __init__(self, node: Running) -> None:
        self.node = node
        self._asked: list[str] = []
        self.wallet = self.register("organisation")
        self.issuer: Issuer = self.run(lambda client: client.become_issuer())

    def run(self, work: Callable[[IssuerClient], Awaitable[Any]]) -> Any:
        """Do something as the hospital."""

        async def done() -> Any:
            clock = self.node.clock
            async with IssuerClient(
                self.node.url, self.wallet, origin=ORIGIN, clock=clock, ids=self.node.ids
            ) as client:
                return await work(client)

        with ThreadPoolExecutor(1) as aside:  # Whoever drives a browser has a loop of its own in this thread.
            return aside.submit(lambda: asyncio.run(done())).result()

    def issue(
        self, actor: str, values: Mapping[str, str | bool] | None = None, group: Group = "identity"
    ) -> Noted:
        """A credential of these factors, noted on the ledger."""

        async def work(client: IssuerClient) -> Noted:
            subject = await client.public_actor(actor)
            now_ms = SystemClock().now_ms()
            factors: Sequence[Factor] = [
                vouch(value, name, by=self.issuer.did, at_ms=now_ms)
                for name, value in (values or PERSON).items()
            ]
            return await client.issue(
                subject, group, factors, issuer=self.issuer, actor=actor, days=30, verified_ms=now_ms
            )

        noted: Noted = self.run(work)
        return noted

    def offer(self, noted: Noted, **changes: str) -> dict[str, str]:
        """What a holder accepts, with the code under which it waits."""
        left = self.run(lambda client: client.leave(noted))
        (grant,) = left["grants"].values()
        said = {"group": "identity", "issuer": self.issuer.did, "digest": noted.issued.digest}
        return {"code": grant["pre-authorized_code"], **said, **changes}

    def ask(self, holder: str | None, *names: str, seconds: int = 900, optional: Sequence[str] = ()) -> str:
        """A request for these factors of an identity; returns its id."""
        wanted = [FactorWanted(group="identity", name=name, optional=name in optional) for name in names]
        link = self.run(
            lambda client: client.request_factors(wanted, purpose="treatment", holder=holder, seconds=seconds)
        )
        self._asked.append(str(link.presentation))
        return self._asked[-1]

    def take_back(self) -> None:
        """Withdraw what was asked and has no answer: only so many requests may wait for one person."""
        asked, self._asked = self._asked, []

        async def work(client: IssuerClient) -> None:
            for presentation in asked:
                with suppress(ClientRefused):  # It was answered, or withdrawn.
                    await client.send(("presentation.withdraw/1", {"presentation": presentation}))

        self.run(work)

    def register(self, kind: str = "person") -> Wallet:
        """Somebody new."""
        wallet = Wallet.create(kind=kind, ids=self.node.ids)
        command = register_command(wallet, node=ORIGIN)
        assert self.node.post(self.node.sign(node_wallet(self.node.node.keys), command)).status == 200
        return wallet

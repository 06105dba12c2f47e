"""The compliance monitor at work: a process of its own, with keys of its own, that reads along and judges.

1. What waits is asked for; nothing of it is content.
2. A signed `monitor.look/1` says what is opened, before its bytes come.
3. Each envelope is opened with the monitor's own key and scanned; what does not open, or is not what its header says,
   counts as broken, which the rules hold.
4. What is attached is looked into as far as it is a text (`attachments.py`); each such look is an entry too.
5. A signed `monitor.judge/1` says which rules were met, under the digest of the rules.

Content stays in memory for as long as its scan takes. What is logged are counts and codes. Start at `Monitor.run`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final, TypeVar

import msgspec

from telesphor.capabilities.messages.content import Content, ContentRefused
from telesphor.capabilities.messages.desk import NameList, WaitingList, WaitingMessage
from telesphor.capabilities.messages.model import MonitorTicket
from telesphor.capabilities.messages.monitor.scanner import Finding, Scanner, Written, join, shipped
from telesphor.client.attachments import FileLook, Known
from telesphor.client.errors import AnswerRefused, ClientRefused, NodeUnreachable
from telesphor.client.letters import open_letter
from telesphor.client.node import NodeClient
from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import LimitExceeded
from telesphor.kernel.sealing import ENVELOPE_BYTES_MAX, SealRefused
from telesphor.runtime.telemetry import log

POLL_SECONDS: Final = 0.5
"""How long a message waits for its judge at most, besides the scan; asking costs the node one look-up."""

RETRY_SECONDS: Final = 5.0
"""After a node that does not answer."""

NAMES_SECONDS: Final = 60.0
"""How long a new patient's name may be unknown to the monitor."""

CODES_MAX: Final = 16
"""As many as a judgement names."""

_PASSED_BY: Final = frozenset({"message-recalled", "message-expired", "judged-already"})
"""Refusals that say that nothing is left to judge."""


_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class Monitor:
    """One monitor at one node.

    Args:
        client: speaks as the monitor; its wallet's key opens what is sealed to it.
        domains: of which addresses may be without a word.
        scanner: the rules; those that ship where nothing else is said.
        scan: what judges in the scanner's place, beside the same rules.
        seconds: a clock that only goes forward.
    """

    def __init__(
        self,
        client: NodeClient,
        *,
        domains: Sequence[str],
        seconds: Callable[[], float],
        scanner: Scanner | None = None,
        scan: Callable[[Written], Finding] | None = None,
    ) -> None:
        self._client, self._domains, self._seconds = client, tuple(domains), seconds
        self._scanner = scanner or shipped()
        self._scan = scan or self._scanner.scan
        self._rules: Digest = self._scanner.digest
        self._files = FileLook(client, self._scanner, seconds=seconds)
        self._ticket: str | None = None
        self._names: dict[str, str] = {}
        self._names_until = float("-inf")

    async def run(self, stop: asyncio.Event) -> None:
        """Judge what waits until `stop` is set; a node that does not answer is asked again."""
        while not stop.is_set():
            pause = POLL_SECONDS
            try:
                if await self.run_once():
                    continue
            except (NodeUnreachable, ClientRefused, AnswerRefused) as error:
                log.warning("monitor cannot work", code=getattr(error, "code", "unknown"))
                pause = RETRY_SECONDS
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def run_once(self) -> int:
        """Judge what waits now; returns how many versions were judged.

        Raises:
            NodeUnreachable, ClientRefused, AnswerRefused: the node does not answer, or not as it must.
        """
        waiting = await self._fetch("/v1/monitor/waiting", WaitingList)
        if waiting.messages:
            await self._look_up_names()
        judged = 0
        for thread, group in groupby(waiting.messages, key=lambda one: one.thread):
            judged += await self._judge_all(thread, list(group))
        return judged

    async def _judge_all(self, thread: str, waiting: Sequence[WaitingMessage]) -> int:
        looked = [{"message": one.message, "version": one.version} for one in waiting]
        try:
            await self._client.send(("monitor.look/1", {"thread": thread, "messages": looked}))
        except ClientRefused as error:
            if error.code not in _PASSED_BY or len(waiting) == 1:
                if error.code in _PASSED_BY:
                    return 0
                raise
            # One of them went away meanwhile: each for itself.
            return sum([await self._judge_all(thread, [one]) for one in waiting])
        return sum([await self._judge(one) for one in waiting])

    async def _judge(self, waiting: WaitingMessage) -> int:
        path = f"/v1/monitor/messages/{waiting.thread}/{waiting.message}/{waiting.version}"
        try:
            finding = await self._look_into(waiting, path)
            body = {
                "thread": waiting.thread,
                "message": waiting.message,
                "version": waiting.version,
                "verdict": finding.verdict,
                "codes": list(finding.codes[:CODES_MAX]),
                "rules": self._rules,
            }
            await self._client.send(("monitor.judge/1", body))
        except ClientRefused as error:
            if error.code in _PASSED_BY:
                return 0
            raise
        if finding.verdict != "pass":
            log.warning("monitor found", verdict=finding.verdict, codes=finding.codes)
        return 1

    async def _look_into(self, waiting: WaitingMessage, path: str) -> Finding:
        """What is found in a version; one whose envelope the node lost cannot be vouched for, and is broken."""
        try:
            envelope = await self._fetch_bytes(path)
        except ClientRefused as error:
            if error.code != "envelope-gone":
                raise
            return self._scanner.broken()
        content = await asyncio.to_thread(self._unseal, waiting, envelope)
        if content is None:
            return self._scanner.broken()
        found = await asyncio.to_thread(self._find, waiting, content)
        known = Known(self._names_beside(waiting), self._domains)
        return join([found, await self._files.find(waiting.attachments, content.attachments, known)])

    def _unseal(self, waiting: WaitingMessage, envelope: bytes) -> Content | None:
        """What an envelope holds; None where that is not what its header says."""
        try:
            content = open_letter(
                envelope,
                key=self._client.wallet.kem_key,
                thread=waiting.thread,
                message=waiting.message,
                version=waiting.version,
                sender=waiting.sender,
            )
        except (SealRefused, ContentRefused, LimitExceeded):
            return None
        named = tuple(str(one.object) for one in content.attachments)
        return content if named == tuple(one.object for one in waiting.attachments) else None

    def _find(self, waiting: WaitingMessage, content: Content) -> Finding:
        return self._scan(
            Written(
                text=content.text,
                names=self._names_beside(waiting),
                domains=self._domains,
                file_names=tuple(one.name for one in content.attachments),
                sent_lately=waiting.sent_lately,
            )
        )

    def _names_beside(self, waiting: WaitingMessage) -> tuple[str, ...]:
        """Names of patients whom the thread is not about and who are not in it, nor called like one who is."""
        part = {waiting.sender, waiting.subject, *waiting.recipients}
        own = {self._names.get(actor or "") for actor in part}
        return tuple(name for actor, name in self._names.items() if actor not in part and name not in own)

    async def _look_up_names(self) -> None:
        if self._seconds() < self._names_until:
            return
        found = await self._fetch("/v1/monitor/names", NameList)
        self._names = {one.actor: one.name for one in found.people}
        self._names_until = self._seconds() + NAMES_SECONDS

    async def _fetch(self, path: str, kind: type[_Answer]) -> _Answer:
        try:
            return msgspec.json.decode(await self._fetch_bytes(path), type=kind)
        except msgspec.MsgspecError as error:
            raise AnswerRefused("the node's answer is not what was asked for") from error

    async def _fetch_bytes(self, path: str) -> bytes:
        """Under the ticket there is; once more under a new one where it has ended."""
        if self._ticket is not None:
            try:
                return await self._client.fetch(path, ticket=self._ticket, limit=ENVELOPE_BYTES_MAX)
            except ClientRefused as error:
                if error.code != "ticket-refused":
                    raise
        self._ticket = await self._open()
        return await self._client.fetch(path, ticket=self._ticket, limit=ENVELOPE_BYTES_MAX)

    async def _open(self) -> str:
        receipt = await self._client.send(("monitor.open/1", {"monitor": self._client.wallet.actor}))
        try:
            return msgspec.convert(receipt.results[0], MonitorTicket).ticket
        except (IndexError, msgspec.ValidationError) as error:
            raise AnswerRefused("the node's receipt lacks the ticket that was asked for") from error

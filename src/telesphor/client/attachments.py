"""The compliance monitor's look into what is attached: which files it opens, and what it finds in them.

Each opened file is read like any reader's: a signed `object.read/1`, whose entry is durable before a byte comes, and
the monitor's own wrap. What the monitor must open and cannot (it is no reader any more, the object is erased or
damaged) counts as broken, which the rules hold. Nothing is kept or logged. Start at `FileLook.find`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from telesphor.capabilities.messages.content import AttachedFile
from telesphor.capabilities.messages.desk import WaitingFile
from telesphor.capabilities.messages.monitor.files import FileClass, class_of, is_pdf, scan_bytes
from telesphor.capabilities.messages.monitor.pdf import read_pdf
from telesphor.capabilities.messages.monitor.scanner import (
    Finding,
    Scanner,
    ending_of,
    join,
    meet,
)
from telesphor.client.errors import ClientRefused
from telesphor.client.node import NodeClient
from telesphor.kernel.chunked import ChunkedRefused
from telesphor.kernel.sealing import SealRefused

PURPOSE: Final = "operations"
"""What the monitor reads for (45 CFR 164.501: health care operations include compliance)."""

PDF: Final = "application/pdf"

_NOT_GIVEN: Final = frozenset({"access-denied", "access-ended", "object-erased", "object-missing"})
"""Refusals by which a sender, or whoever may grant or erase, keeps from the monitor what it must see."""

_DAMAGED: Final = frozenset(
    {"object-damaged", "object-key-missing", "object-part-missing", "object-part-forged"}
)


class Known(NamedTuple):
    """What is known of where a message goes: names that do not belong there, domains that do."""

    names: tuple[str, ...]
    domains: tuple[str, ...]


class FileLook:
    """Looks into the files of messages.

    Args:
        client: speaks as the monitor.
    """

    def __init__(self, client: NodeClient, scanner: Scanner) -> None:
        self._client, self._scanner = client, scanner
        self._rules = scanner.rules.attachments

    async def find(
        self, files: Sequence[WaitingFile], named: Sequence[AttachedFile], known: Known
    ) -> Finding:
        """What is found in all files of one message.

        Args:
            files: as the node knows them; `named`: the same, in the same order, as the sender describes them.

        Raises:
            NodeUnreachable, ClientRefused: the node does not answer, or refuses for a reason of its own.
        """
        found, left = [], self._rules.message_bytes
        for file, said in zip(files, named, strict=True):
            kind = class_of((file.media_type, said.media_type), said.name, rules=self._rules)
            if kind == "closed":
                found.append(meet(self._rules.not_opened))
            elif file.size and not left:
                found.append(meet(self._rules.not_read))
            elif file.size:
                finding, fetched = await self._look(file, said, known, kind=kind, left=left)
                found.append(finding)
                left = max(0, left - fetched)
        return join(found)

    async def _look(
        self, file: WaitingFile, said: AttachedFile, known: Known, *, kind: FileClass, left: int
    ) -> tuple[Finding, int]:
        """What is found in one file, and how many bytes were fetched for it."""
        seems_pdf = PDF in (file.media_type, said.media_type) or ending_of(said.name) == "pdf"
        end = min(file.size, self._rules.pdf_bytes if seems_pdf else self._rules.bytes, left)
        try:
            data = await self._client.open_object(file.object, purpose=PURPOSE, end=end)
            if is_pdf(data):
                return await self._look_into_pdf(file, data, known, left=left)
        except ClientRefused as error:
            if error.code not in _NOT_GIVEN | _DAMAGED:
                raise
            return self._scanner.broken(), 0
        except (SealRefused, ChunkedRefused):
            return self._scanner.broken(), 0
        finding = await asyncio.to_thread(
            scan_bytes,
            data,
            size=file.size,
            kind=kind,
            scanner=self._scanner,
            names=known.names,
            domains=known.domains,
        )
        return finding, len(data)

    async def _look_into_pdf(
        self, file: WaitingFile, data: bytes, known: Known, *, left: int
    ) -> tuple[Finding, int]:
        if file.size > min(self._rules.pdf_bytes, left):
            return meet(self._rules.not_read), len(data)
        if len(data) < file.size:
            data = await self._client.open_object(file.object, purpose=PURPOSE, end=file.size)
        return await asyncio.to_thread(self._find_in_pdf, data, known), len(data)

    def _find_in_pdf(self, data: bytes, known: Known) -> Finding:
        read = read_pdf(data)
        if read is None:
            return meet(self._rules.not_read)
        if not read.text.strip():  # Pictures of pages.
            return meet(self._rules.not_opened)
        found = self._scanner.scan_file(read.text, names=known.names, domains=known.domains)
        return found if read.whole else join([found, meet(self._rules.not_read)])

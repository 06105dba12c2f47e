"""The compliance monitor's look into what is attached: which files it opens, and what it finds in them.

Each opened file is read like any reader's: a signed `object.read/1`, whose entry is durable before a byte comes, and
the monitor's own wrap. What the monitor must open and cannot (it is no reader any more, the object is erased or
damaged) counts as broken, which the rules hold. Nothing is kept or logged. Start at `FileLook.find`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from telesphor.capabilities.messages.content import AttachedFile
from telesphor.capabilities.messages.desk import WaitingFile
from telesphor.capabilities.messages.monitor.files import FileClass, class_of, is_pdf, scan_bytes
from telesphor.capabilities.messages.monitor.pdf import PDF_SECONDS, read_pdf
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
from telesphor.vault.errors import ObjectDamaged

PURPOSE: Final = "operations"
"""What the monitor reads for (45 CFR 164.501: health care operations include compliance)."""

PDF: Final = "application/pdf"

PDF_SECONDS_OF_MESSAGE: Final = PDF_SECONDS
"""For all PDFs of one message, behind which others wait: a few kilobytes can take as long as hundreds of pages."""

_NOT_GIVEN: Final = frozenset({"access-denied", "access-ended", "object-erased", "object-missing"})
"""Refusals by which a sender, or whoever may grant or erase, keeps from the monitor what it must see."""

_DAMAGED: Final = {ObjectDamaged.code} | {one.code for one in ObjectDamaged.__subclasses__()}
"""What the node says of an object that its vault cannot give any more. One left out would stop the monitor for ever."""


class Known(NamedTuple):
    """What is known of where a message goes: names that do not belong there, domains that do."""

    names: tuple[str, ...]
    domains: tuple[str, ...]


@dataclass
class _Left:
    """What the files of one message may still cost."""

    bytes: int
    pdf_seconds: float = PDF_SECONDS_OF_MESSAGE


class FileLook:
    """Looks into the files of messages.

    Args:
        client: speaks as the monitor.
        seconds: a clock that only goes forward.
    """

    def __init__(self, client: NodeClient, scanner: Scanner, *, seconds: Callable[[], float]) -> None:
        self._client, self._scanner, self._seconds = client, scanner, seconds
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
        found, left = [], _Left(self._rules.message_bytes)
        for file, said in zip(files, named, strict=True):
            kind = class_of((file.media_type, said.media_type), said.name, rules=self._rules)
            if kind == "closed":
                found.append(meet(self._rules.not_opened))
            elif file.size and not left.bytes:
                found.append(meet(self._rules.not_read))
            elif file.size:
                found.append(await self._look(file, said, known, kind=kind, left=left))
        return join(found)

    async def _look(
        self, file: WaitingFile, said: AttachedFile, known: Known, *, kind: FileClass, left: _Left
    ) -> Finding:
        """What is found in one file.

        What is called a text is read as one, whatever else its bytes are: a document in front of it would hide it.
        """
        seems_pdf = PDF in (file.media_type, said.media_type) or ending_of(said.name) == "pdf"
        end = min(file.size, self._rules.pdf_bytes if seems_pdf else self._rules.bytes, left.bytes)
        found = []
        try:
            data = await self._open(file, end=end)
            fetched = len(data)
            if is_pdf(data):
                finding, fetched = await self._look_into_pdf(file, data, known, left=left)
                found.append(finding)
        except ClientRefused as error:
            if error.code not in _NOT_GIVEN | _DAMAGED:
                raise
            return self._scanner.broken()
        except (SealRefused, ChunkedRefused):
            return self._scanner.broken()
        if not found or kind == "text":
            found.append(await self._look_into_text(file, data, known, kind=kind))
        left.bytes = max(0, left.bytes - fetched)
        return join(found)

    async def _open(self, file: WaitingFile, *, end: int) -> bytes:
        return await self._client.open_object(file.object, purpose=PURPOSE, end=end)

    async def _look_into_text(
        self, file: WaitingFile, data: bytes, known: Known, *, kind: FileClass
    ) -> Finding:
        return await asyncio.to_thread(
            scan_bytes,
            data,
            size=file.size,
            kind=kind,
            scanner=self._scanner,
            names=known.names,
            domains=known.domains,
        )

    async def _look_into_pdf(
        self, file: WaitingFile, data: bytes, known: Known, *, left: _Left
    ) -> tuple[Finding, int]:
        """What is found in a PDF, and how many bytes were fetched for it."""
        if file.size > min(self._rules.pdf_bytes, left.bytes) or left.pdf_seconds <= 0:
            return meet(self._rules.not_read), len(data)
        if len(data) < file.size:
            data = await self._open(file, end=file.size)
        began = self._seconds()
        found = await asyncio.to_thread(self._find_in_pdf, data, known, left.pdf_seconds)
        left.pdf_seconds -= self._seconds() - began
        return found, len(data)

    def _find_in_pdf(self, data: bytes, known: Known, seconds: float) -> Finding:
        read = read_pdf(data, seconds=seconds)
        if read is None:
            return meet(self._rules.not_read)
        if not read.text.strip():  # Pictures of pages.
            return meet(self._rules.not_opened)
        found = self._scanner.scan_file(read.text, names=known.names, domains=known.domains)
        return found if read.whole else join([found, meet(self._rules.not_read)])

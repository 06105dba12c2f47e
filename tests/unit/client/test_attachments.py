"""What the monitor may spend on the files of one message, while all other messages wait."""

from __future__ import annotations

from typing import Any

import pytest

from telesphor.capabilities.messages.content import AttachedFile
from telesphor.capabilities.messages.desk import WaitingFile
from telesphor.capabilities.messages.monitor.pdf import PdfText
from telesphor.capabilities.messages.monitor.scanner import Finding, shipped
from telesphor.client import attachments
from telesphor.client.attachments import PDF_SECONDS_OF_MESSAGE, FileLook, Known
from telesphor.kernel.ids import ObjectId
from tests.unit.capabilities.messages.monitor.test_pdf import make_pdf

DOCUMENT = make_pdf("a line")
NOT_READ = ("attachment-not-read",)


class Reader:
    """Stands in for `read_pdf`, and for time: each document takes as long as it is told, or as it may."""

    def __init__(self, takes: float) -> None:
        self.takes, self.now, self.allowed = takes, 0.0, list[float]()

    def read(self, _data: bytes, *, seconds: float) -> PdfText | None:
        self.allowed.append(seconds)
        self.now += min(self.takes, seconds)
        return PdfText("a line", whole=True) if self.takes <= seconds else None


class Node:
    """A client that opens the same document under every name."""

    async def open_object(self, _object: str, *, purpose: str, end: int) -> bytes:
        assert purpose == "operations"
        return DOCUMENT[:end]


async def look(reader: Reader, count: int, monkeypatch: pytest.MonkeyPatch) -> Finding:
    monkeypatch.setattr(attachments, "read_pdf", reader.read)
    node: Any = Node()
    files = [WaitingFile(f"object {n}", "application/pdf", len(DOCUMENT)) for n in range(count)]
    said = [
        AttachedFile(object=ObjectId(one.object), name="a.pdf", media_type=one.media_type, size=one.size)
        for one in files
    ]
    finder = FileLook(node, shipped(), seconds=lambda: reader.now)
    return await finder.find(files, said, Known((), ()))


async def test_many_slow_documents_take_no_longer_than_one_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen of 80 KB, each just within its own bound, would keep everybody's messages for five minutes."""
    reader = Reader(takes=PDF_SECONDS_OF_MESSAGE * 0.9)
    assert (await look(reader, 16, monkeypatch)).codes == NOT_READ
    assert reader.now <= PDF_SECONDS_OF_MESSAGE
    assert len(reader.allowed) == 2


async def test_many_quick_documents_are_all_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(takes=0.5)
    assert await look(reader, 16, monkeypatch) == Finding("pass", ())
    assert len(reader.allowed) == 16

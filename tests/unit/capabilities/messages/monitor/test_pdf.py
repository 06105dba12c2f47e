"""The text of PDF files, and what becomes of those that cannot, or should not, be read."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pypdf
import pytest

from telesphor.capabilities.messages.monitor import pdf
from telesphor.capabilities.messages.monitor.pdf import read_pdf


def make_pdf(text: str, *, pages: int = 1, packed: bool = True) -> bytes:
    """A document with one line on each page, in a compressed stream; unpacked, all of it is letters."""
    drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode("latin-1")
    drawn, packing = (zlib.compress(drawn), b" /Filter /FlateDecode") if packed else (drawn, b"")
    kids = " ".join(f"{5 + n} 0 R" for n in range(pages))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(drawn), packing, drawn),
    ]
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
    bodies += [page + b" /Resources << /Font << /F1 3 0 R >> >> >>"] * pages
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, start)
    return bytes(out)


def test_text_of_a_pdf_is_read() -> None:
    read = read_pdf(make_pdf("password: hunter2x"))
    assert read is not None
    assert (read.text.strip(), read.whole) == ("password: hunter2x", True)


def test_reader_takes_no_code_from_the_folder_where_the_monitor_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may write there, as in `/tmp`."""
    (tmp_path / "pypdf.py").write_text("import os\nos.write(1, b'\\x01planted')\nos._exit(0)\n")
    monkeypatch.chdir(tmp_path)
    read = read_pdf(make_pdf("a line"))
    assert read is not None
    assert read.text.strip() == "a line"


def test_pdf_with_too_many_pages_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_pdf(make_pdf("line", pages=pdf.PAGES_MAX + 1))
    assert read is not None
    assert (read.text.count("line"), read.whole) == (pdf.PAGES_MAX, False)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"", make_pdf("line")[:300], b"%PDF-1.4\n" + b"<<" * 50_000])
def test_pdf_that_is_broken_is_not_read(data: bytes) -> None:
    assert read_pdf(data) is None


def test_pdf_under_a_password_is_not_read() -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf("secret line")))
    writer.encrypt("a password", algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    assert read_pdf(written.getvalue()) is None


def test_pdf_that_swells_is_not_read() -> None:
    """128 MiB of one character, compressed a thousand times: the child gives up, and it alone."""
    packer = zlib.compressobj(9)
    drawn = b"".join(packer.compress(b" " * 2**20) for _ in range(128)) + packer.flush()
    whole = make_pdf("line")
    start, end = whole.index(b"4 0 obj"), whole.index(b"5 0 obj")
    body = b"4 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream\nendobj\n" % (
        len(drawn),
        drawn,
    )
    assert read_pdf(whole[:start] + body + whole[end:]) is None

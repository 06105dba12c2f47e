"""C2SP tlog-proof: what is written is read back, and nothing but that form is read."""

from __future__ import annotations

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.archive import write_archive
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.kernel.tlog_proof import TLOG_PROOF_BYTES_MAX, TlogProof, format_tlog_proof, parse_tlog_proof

NOTE = b"log.example\n2\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 log.example AAAAAAA=\n"
PATH = (bytes(32), b"\x01" * 32)
ANCHORS = {"bitcoin-mainnet.ots": b"o", "bitcoin-mainnet.headers": b"h", "ethereum-1.json": b"{}"}


def extra(files: dict[str, bytes]) -> bytes:
    return f"extra {base64url.std_encode(write_archive(files))}".encode()


@pytest.mark.parametrize("anchors", [{}, ANCHORS])
@pytest.mark.parametrize("path", [(), PATH])
def test_proof_is_read_back(anchors: dict[str, bytes], path: tuple[bytes, ...]) -> None:
    proof = parse_tlog_proof(format_tlog_proof(7, path, NOTE, anchors))
    assert proof == TlogProof(index=7, path=path, checkpoint=NOTE, anchors=anchors)


def test_proof_without_anchors_has_no_extra_line() -> None:
    lines = format_tlog_proof(0, PATH[:1], NOTE).split(b"\n")
    assert lines[:4] == [b"c2sp.org/tlog-proof@v1", b"index 0", b"A" * 43 + b"=", b""]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        NOTE,
        b"c2sp.org/tlog-proof@v1\n",
        b"c2sp.org/tlog-proof@v2\nindex 0\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 01\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex -1\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 1000000000000\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex \xd9\xa1\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\r\nindex 0\r\n\r\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nindex 0\n" + b"A" * 43 + b"=\n" * 1 + b"\xff\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nextra ?\nindex 0\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\n" + extra({"anchors/dogecoin.ots": b""}) + b"\nindex 0\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\n" + extra({"anchors/bitcoin-mainnet.ots": b""}) + b"\nindex 0\n\n" + NOTE,
        b"c2sp.org/tlog-proof@v1\n" + extra({"entries/000000000000.json": b""}) + b"\nindex 0\n\n" + NOTE,
    ],
)
def test_text_that_is_no_proof_is_refused(text: bytes) -> None:
    with pytest.raises(TelesphorError):
        parse_tlog_proof(text)


def test_proof_of_more_hashes_than_any_tree_has_is_refused() -> None:
    with pytest.raises(TelesphorError):
        parse_tlog_proof(format_tlog_proof(0, [bytes(32)] * 64, NOTE))


def test_anchor_over_its_bound_is_refused() -> None:
    large = b"x" * 2_000_000
    with pytest.raises(LimitExceeded):
        parse_tlog_proof(
            b"c2sp.org/tlog-proof@v1\n" + extra({"anchors/ethereum-1.json": large}) + b"\nindex 0\n\n" + NOTE
        )


def test_proof_beyond_its_bound_is_refused() -> None:
    with pytest.raises(LimitExceeded):
        parse_tlog_proof(bytes(TLOG_PROOF_BYTES_MAX + 1))


def test_what_are_no_anchors_is_not_written() -> None:
    with pytest.raises(TelesphorError):
        format_tlog_proof(0, (), NOTE, {"bitcoin-mainnet.ots": b""})

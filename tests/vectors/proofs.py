"""Proofs of one entry (C2SP tlog-proof), good and bad, with what their reader has: both verifiers are held to them.

Each bad one is named after its fault, and says at which step it fails with which code. Start at `CASES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from telesphor.kernel import base64url
from telesphor.kernel.archive import write_archive
from telesphor.kernel.note import format_note, parse_note
from telesphor.kernel.tlog_proof import HEADER, format_tlog_proof
from tests.unit.verify.builder import log_signer
from tests.unit.verify.peers import NOTARY, Peer
from tests.unit.verify.test_check_proof import FOUR, LOG, Proven, proven
from tests.vectors.bundles.case import good_story
from tests.vectors.bundles.confirm import both_anchors, levels_knowing


class ProofCase(NamedTuple):
    """A proof and its entry, the texts and files of its reader, and where it fails: nowhere, if `step` is empty."""

    name: str
    text: bytes
    entry: bytes
    keys: str
    cards: tuple[bytes, ...] = ()
    levels: str = ""
    require: int = 1
    step: str = ""
    code: str = ""


@cache
def cases() -> tuple[ProofCase, ...]:
    """All of them."""
    return (*_good(), *_bad_texts(), *_bad_readers(), *_bad_evidence())


def _good() -> Iterator[ProofCase]:
    made = proven()
    yield _case("good at L5", made.text(), cards=_cards(), levels=_knowing())
    yield _case("good without cards", made.text())
    yield _case("good without anchors", _plain(made), cards=_cards())
    yield _case("good with a card of somebody else", _plain(made), cards=(*_cards(), IDLE.card()))
    yield _case("good with keys of other ledgers", _plain(made), keys="\n".join((_keys(), *_other())))
    yield _case("good with an unknown line", _edited(lambda lines: lines[:2] + lines[3:]), cards=())


def _bad_texts() -> Iterator[ProofCase]:
    made = proven()
    text, head = _plain(made), f"{HEADER}\n".encode()
    refused = {
        "another version": text.replace(b"@v1", b"@v2", 1),
        "no empty line": text.replace(b"\n\n", b"\n", 1),
        "no index": text.replace(f"index {made.index}\n".encode(), b"", 1),
        "an index with a zero before it": text.replace(b"index ", b"index 0", 1),
        "an index that is too large": text.replace(b"index ", b"index 1000000000000", 1),
        "an extra line behind the index": text.replace(b"\n\n", b"\nextra AAAA\n\n", 1),
        "an extra line that is no base64": text.replace(head, head + b"extra ?\n", 1),
        "an extra line that is no archive": text.replace(head, head + b"extra AAAA\n", 1),
        "an extra line of something else": text.replace(head, head + _extra("entries/000000000000.json"), 1),
        "half an anchor": text.replace(head, head + _extra("anchors/bitcoin-mainnet.ots"), 1),
        "carriage returns": text.replace(b"\n", b"\r\n"),
    }
    for name, broken in refused.items():
        code = "not-base64" if name in _SHIFTED else "tlog-proof-refused"
        yield _case(name, broken, step="proof", code=code)
    yield _case("a path that is not ascii", _spoilt_path(text), step="proof", code="not-base64")
    yield _case("nothing", b"", step="proof", code="tlog-proof-refused")


def _bad_readers() -> Iterator[ProofCase]:
    text = _plain(proven())
    first, second = good_story().world.log.vkeys()
    for name, keys in {"one key": first, "another ledger": "\n".join(_other())}.items():
        yield _case(f"keys of {name}", text, keys=keys, step="checkpoint", code="key-not-pinned")
    thief = "\n".join(log_signer("thief").vkeys())
    yield _case("keys of a thief", text, keys=thief, step="checkpoint", code="checkpoint-refused")
    both = "\n".join((first, second, thief))
    yield _case("four keys of one name", text, keys=both, step="checkpoint", code="key-not-pinned")
    yield _case("L5 demanded", text, cards=_cards(), require=5, step="levels", code="level-not-reached")


def _bad_evidence() -> Iterator[ProofCase]:
    made = proven()
    text = _plain(made)
    other = made.entry.replace(b'"count":3', b'"count":4')
    yield _case("another entry", text, entry=other, step="inclusion", code="inclusion-refused")
    yield _case("no entry", text, entry=b"{}", step="inclusion", code="entry-refused")
    moved = format_tlog_proof(made.index + 1, made.path, made.note)
    yield _case("another position", moved, step="inclusion", code="inclusion-refused")
    short = format_tlog_proof(made.index, made.path[:-1], made.note)
    yield _case("a path cut short", short, step="inclusion", code="inclusion-refused")
    older = both_anchors(good_story().told(until="close").world.checkpoint())
    dated = format_tlog_proof(made.index, made.path, made.note, older)
    yield _case("anchors of another state", dated, step="anchors", code="anchor-of-another-digest")
    broken = _flipped(2)
    yield _case("a cosignature changed", broken, cards=_cards(), step="witnesses", code="cosignature-refused")
    yield _case("the ledger's signature changed", _flipped(0), step="checkpoint", code="checkpoint-refused")
    half = _edited(lambda lines: lines[:2] + lines[3:])
    yield _case("half a cosignature", half, cards=_cards(), step="witnesses", code="half-signature")
    twice = (*_cards(), _cards()[1])
    yield _case("a card given twice", text, cards=twice, step="witnesses", code="card-key-reused")


_SHIFTED = frozenset({"no empty line", "an extra line behind the index"})
"""Faults by which another line stands where hashes are read."""

IDLE = Peer("idle.example", "idle.example")


def _case(name: str, text: bytes, **more: object) -> ProofCase:
    return ProofCase(name, text, proven().entry, _keys())._replace(**more)  # type: ignore[arg-type]


def _keys() -> str:
    return "\n".join(good_story().world.log.vkeys())


def _other() -> tuple[str, str]:
    return log_signer(origin="other.example").vkeys()


@cache
def _cards() -> tuple[bytes, ...]:
    return (LOG.card(key=good_story().world.log), *(peer.card() for peer in (*FOUR, NOTARY)))


def _knowing() -> str:
    return levels_knowing(proven().anchors["ethereum-1.json"])


def _plain(made: Proven) -> bytes:
    return format_tlog_proof(made.index, made.path, made.note)


def _extra(path: str) -> bytes:
    return f"extra {base64url.std_encode(write_archive({path: b''}))}\n".encode()


def _spoilt_path(text: bytes) -> bytes:
    at = text.index(b"\n\n") - 3
    return text[:at] + b"\xc3" + text[at + 1 :]


def _edited(change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """The proof, with the lines of signatures under its checkpoint changed."""
    made = proven()
    head, _, lines = made.note.rpartition(b"\n\n")
    kept = change(lines.splitlines(keepends=True))
    return format_tlog_proof(made.index, made.path, head + b"\n\n" + b"".join(kept))


def _flipped(place: int) -> bytes:
    """The proof, with the last bit of one signature under its checkpoint changed."""
    made = proven()
    note = parse_note(made.note)
    line = note.signatures[place]
    changed = replace(line, signature=line.signature[:-1] + bytes([line.signature[-1] ^ 1]))
    signatures = (*note.signatures[:place], changed, *note.signatures[place + 1 :])
    return format_tlog_proof(made.index, made.path, format_note(replace(note, signatures=signatures)))

"""Write the vectors of `add-checkpoint`: what a witness remembers, what it is sent, what it answers.

Run as `python -m tests.vectors.generate_witness_requests` from the root of the checkout, with `src` on the path.
ML-DSA signatures are randomised, so every run gives other bytes with the same verdicts.
"""

from __future__ import annotations

from telesphor.kernel import base64url
from telesphor.kernel.checkpoint import Checkpoint, LogSigner, parse_checkpoint
from telesphor.kernel.merkle import MemoryReader, consistency_path, leaf_hash, root_at
from telesphor.kernel.note import Note, format_note, parse_note
from telesphor.ledger.witness.model import format_request
from tests.vectors.generate_signed import ORIGIN, TIME_SECONDS, Case, seed, write

LOG = LogSigner(ORIGIN, seed("log ed25519"), seed("log mldsa44"))
STRANGER = LogSigner("stranger.example/log", seed("stranger ed25519"), seed("stranger mldsa44"))
LEAVES = [leaf_hash(f"entry {number}".encode()) for number in range(20)]
FORKED = [*LEAVES[:5], *(leaf_hash(f"forked {number}".encode()) for number in range(5, 20))]


def note_of(
    size: int, leaves: list[bytes] = LEAVES, *, log: LogSigner = LOG, time: int = TIME_SECONDS
) -> bytes:
    return log.sign(Checkpoint(log.origin, size, root_at(size, MemoryReader(leaves))), time_seconds=time)


def proof_of(old: int, size: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    return consistency_path(old, size, MemoryReader(leaves))


def half_of(note: bytes, keep: int) -> bytes:
    parsed = parse_note(note)
    return format_note(Note(parsed.text, (parsed.signatures[keep],)))


def case(name: str, body: bytes, *, known: int = 0, code: str = "", status: int = 200) -> Case:
    """One submission to a witness that cosigned the tree of `known` leaves last, with the log's time then."""
    made: Case = {
        "name": name,
        "vkeys": list(LOG.vkeys()),
        "now_seconds": TIME_SECONDS,
        "size": known,
        "root": root_at(known, MemoryReader(LEAVES)).hex(),
        "log_seconds": TIME_SECONDS if known else 0,
        "body": base64url.std_encode(body),
        "status": status,
    }
    return {**made, "code": code} if code else made


def make_requests() -> None:
    first = format_request(old_size=0, proof=(), note=note_of(7))
    grown = format_request(old_size=7, proof=proof_of(7, 20), note=note_of(20))
    good = [
        case("first", first),
        case("grown", grown, known=7),
        case(
            "from-a-power-of-two",
            format_request(old_size=8, proof=proof_of(8, 20), note=note_of(20)),
            known=8,
        ),
        case("the-same-again", format_request(old_size=7, proof=(), note=note_of(7)), known=7),
        case("empty", format_request(old_size=0, proof=(), note=note_of(0))),
        case(
            "log-a-little-ahead",
            format_request(old_size=0, proof=(), note=note_of(7, time=TIME_SECONDS + 300)),
        ),
    ]
    write("witness-request", "witness", good, [*malformed(first, grown), *refused(grown)])


def malformed(first: bytes, grown: bytes) -> list[Case]:
    bodies = {
        "no-empty-line": first.replace(b"\n\n", b"\n"),
        "old-with-leading-zero": first.replace(b"old 0", b"old 00", 1),
        "old-line-missing": first.partition(b"\n")[2],
        "proof-of-sixty-four-lines": format_request(old_size=7, proof=[bytes(32)] * 64, note=note_of(20)),
        "proof-line-of-31-bytes": format_request(old_size=7, proof=[bytes(31)], note=note_of(20)),
        "proof-not-canonical": grown.replace(b"=\n", b"\n", 1),
        "last-newline-missing": first[:-1],
        "extension-line": first.replace(b"\n\n\xe2\x80\x94", b"\nextension\n\n\xe2\x80\x94", 1),
        "old-larger-than-checkpoint": format_request(old_size=21, proof=(), note=note_of(20)),
    }
    return [
        case(name, body, known=7, code="witness-request-malformed", status=400)
        for name, body in bodies.items()
    ]


def refused(grown: bytes) -> list[Case]:
    def submit(size: int, note: bytes, *, old: int = 7, proof: list[bytes] | None = None) -> bytes:
        return format_request(old_size=old, proof=proof_of(old, size) if proof is None else proof, note=note)

    strange = submit(20, note_of(20, log=STRANGER))
    forged = submit(
        20, LogSigner(ORIGIN, seed("x"), seed("y")).sign(parse(note_of(20)), time_seconds=TIME_SECONDS)
    )
    signature, time = "witness-signature-refused", "witness-time-refused"
    size, root, proof = "witness-size-conflict", "witness-root-conflict", "witness-proof-refused"
    return [
        case("unknown-origin", strange, known=7, code="witness-log-unknown", status=404),
        case("signed-by-nobody-known", forged, known=7, code=signature, status=403),
        case("stripped-mldsa-line", submit(20, half_of(note_of(20), 0)), known=7, code=signature, status=403),
        case(
            "stripped-ed25519-line", submit(20, half_of(note_of(20), 1)), known=7, code=signature, status=403
        ),
        case("log-time-back", submit(20, note_of(20, time=TIME_SECONDS - 1)), known=7, code=time, status=403),
        case(
            "log-time-ahead", submit(20, note_of(20, time=TIME_SECONDS + 301)), known=7, code=time, status=403
        ),
        case("wrong-old-size", grown, known=8, code=size, status=409),
        case("never-seen-from-seven", grown, code=size, status=409),
        case("rolled-back", submit(7, note_of(7), old=0), known=20, code=size, status=409),
        case("another-root", submit(7, note_of(7, FORKED), proof=[]), known=7, code=root, status=409),
        case(
            "forked",
            submit(20, note_of(20, FORKED), proof=proof_of(7, 20, FORKED)),
            known=7,
            code=proof,
            status=422,
        ),
        case("proof-missing", submit(20, note_of(20), proof=[]), known=7, code=proof, status=422),
        case("proof-from-zero", submit(20, note_of(20), old=0, proof=[bytes(32)]), code=proof, status=422),
        case("proof-of-the-same", submit(7, note_of(7), proof=[bytes(32)]), known=7, code=proof, status=422),
    ]


def parse(note: bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)


if __name__ == "__main__":
    make_requests()

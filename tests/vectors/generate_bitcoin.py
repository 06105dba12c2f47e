"""Write the vectors of the Bitcoin anchor: proofs that are accepted, and one for each way of being refused.

Run as `python -m tests.vectors.generate_bitcoin` from the root of the checkout, with `src` on the path. Every run
gives the same bytes. Headers are made for regtest, where two hashes each suffice, and are the real first ones of
mainnet.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from telesphor.kernel.chains.anchor import AnchorRefused, HeaderPin, aggregate_digests
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.chains.headers import parse_headers
from telesphor.kernel.chains.timestamp import (
    APPEND,
    SHA256,
    Operation,
    TimestampPath,
    bitcoin_attestation,
    format_timestamp_file,
    operations_of_path,
    pending_attestation,
)
from tests.support.headers import MAINNET_BLOCKS, make_row

PLACE = Path(__file__).parent / "anchor-bitcoin.json"
Vector = dict[str, Any]

REGTEST = "bitcoin-regtest"
MAINNET = "bitcoin-mainnet"
HEIGHT = 500
DIGEST = sha256(b"clinic.example/log\n8\nAAAA\n").digest()
MAINNET_ROOT = parse_headers(MAINNET_BLOCKS)[1].merkle_root
MAINNET_OTS = format_timestamp_file([TimestampPath((), bitcoin_attestation(1))], digest=MAINNET_ROOT)


def path_to(height: int, word: bytes = b"nonce") -> TimestampPath:
    """A path as a calendar would give it."""
    return TimestampPath((Operation(APPEND, word), Operation(SHA256)), bitcoin_attestation(height))


def ots_of(*paths: TimestampPath) -> bytes:
    return format_timestamp_file(paths, digest=DIGEST)


PROMISE = TimestampPath((Operation(APPEND, b"other"),), pending_attestation("https://calendar.example"))
AGGREGATE = aggregate_digests([sha256(b"neighbour").digest(), DIGEST, sha256(b"another").digest()])
AGGREGATED = TimestampPath(operations_of_path(AGGREGATE.paths[1]), bitcoin_attestation(HEIGHT))
ROOT = path_to(HEIGHT).message(DIGEST)
OTS = ots_of(path_to(HEIGHT), PROMISE)
ROW = make_row(6, roots={0: ROOT})
LATE_ROW = make_row(9, roots={4: ROOT})
TWICE = make_row(6, roots={0: ROOT, 2: path_to(HEIGHT + 5, b"elsewhere").message(DIGEST)})
HASTY = make_row(14, roots={0: ROOT}, step_seconds=0)


def vectors() -> dict[str, Any]:
    """The whole file as a value."""
    return {
        "format": "docs/spec/anchors.md",
        "source": "Telesphor's; mainnet's headers are blocks 0 to 3, timestamps agree with python-opentimestamps.",
        "vectors": [judged(*vector) for vector in given()],
    }


Given = tuple[str, str, bytes, bytes, bytes, list[HeaderPin]]


def given() -> list[Given]:
    """Name, network, digest, timestamp, headers and pins of each."""
    pin = HeaderPin(REGTEST, HEIGHT + 3, parse_headers(ROW)[3].shown_hash)
    early = HeaderPin(REGTEST, HEIGHT - 4, parse_headers(LATE_ROW)[0].shown_hash)
    wrong = HeaderPin(REGTEST, HEIGHT + 1, "11" * 32)
    third = HeaderPin(MAINNET, 3, parse_headers(MAINNET_BLOCKS)[3].shown_hash)
    second = HeaderPin(MAINNET, 2, parse_headers(MAINNET_BLOCKS)[2].shown_hash)
    aggregated_row = make_row(2, roots={0: AGGREGATE.root})
    missed = bytearray(ROW)
    while int.from_bytes(parse_headers(bytes(missed))[5].hash, "little") <= 0x7FFFFF << 232:
        missed[-4] = (missed[-4] + 1) % 256
    return [
        ("regtest", REGTEST, DIGEST, OTS, ROW, []),
        ("regtest-pinned", REGTEST, DIGEST, OTS, ROW, [pin]),
        ("regtest-from-an-earlier-pin", REGTEST, DIGEST, OTS, LATE_ROW, [early]),
        ("one-of-an-aggregate", REGTEST, DIGEST, ots_of(AGGREGATED), aggregated_row, []),
        ("mainnet-pinned", MAINNET, MAINNET_ROOT, MAINNET_OTS, MAINNET_BLOCKS, [third]),
        ("mainnet-too-easy", MAINNET, MAINNET_ROOT, MAINNET_OTS, MAINNET_BLOCKS, []),
        ("mainnet-too-easy-after-the-pin", MAINNET, MAINNET_ROOT, MAINNET_OTS, MAINNET_BLOCKS, [second]),
        ("mainnet-with-regtest-difficulty", MAINNET, DIGEST, OTS, ROW, []),
        ("regtest-with-mainnet-difficulty", REGTEST, MAINNET_ROOT, MAINNET_OTS, MAINNET_BLOCKS, []),
        ("network-unknown", "bitcoin-testnet3", DIGEST, OTS, ROW, []),
        ("network-not-bitcoin", "ethereum-1", DIGEST, OTS, ROW, []),
        ("another-digest", REGTEST, sha256(b"another").digest(), OTS, ROW, []),
        ("another-block", REGTEST, DIGEST, OTS, make_row(6), []),
        ("promise-alone", REGTEST, DIGEST, ots_of(PROMISE), ROW, []),
        ("pin-contradicts", REGTEST, DIGEST, OTS, ROW, [wrong]),
        ("pins-contradict", REGTEST, DIGEST, OTS, ROW, [pin, HeaderPin(REGTEST, HEIGHT + 3, "11" * 32)]),
        ("attestation-does-not-hold", REGTEST, DIGEST, ots_of(path_to(HEIGHT), path_to(HEIGHT + 2, b"x")), ROW, []),
        ("two-roots-for-a-height", REGTEST, DIGEST, ots_of(path_to(HEIGHT), path_to(HEIGHT, b"x")), ROW, []),
        ("heights-disagree", REGTEST, DIGEST, ots_of(path_to(HEIGHT), path_to(HEIGHT + 5, b"elsewhere")), TWICE, []),
        ("gap", REGTEST, DIGEST, OTS, ROW[:160] + ROW[240:], []),
        ("target-missed", REGTEST, DIGEST, OTS, bytes(missed), []),
        ("time-stands-still", REGTEST, DIGEST, OTS, HASTY, []),
        ("headers-cut", REGTEST, DIGEST, OTS, ROW[:-1], []),
        ("headers-empty", REGTEST, DIGEST, OTS, b"", []),
        ("timestamp-cut", REGTEST, DIGEST, OTS[:-1], ROW, []),
        ("timestamp-with-more", REGTEST, DIGEST, OTS + b"\x00", ROW, []),
        ("timestamp-too-large", REGTEST, DIGEST, OTS[:65] + b"\xf0\x81\x20" + bytes(4097) + OTS[65:], ROW, []),
        ("operation-sha1", REGTEST, DIGEST, OTS[:65] + b"\x02" + OTS[65:], ROW, []),
    ]  # fmt: skip


def judged(
    name: str, network: str, digest: bytes, ots: bytes, headers: bytes, pins: list[HeaderPin]
) -> Vector:
    vector: Vector = {
        "name": name,
        "network": network,
        "digest": digest.hex(),
        "ots": ots.hex(),
        "headers": headers.hex(),
        "pins": [{"network": pin.network, "height": pin.height, "hash": pin.hash} for pin in pins],
    }
    try:
        found = verify_bitcoin_anchor(digest=digest, ots=ots, headers=headers, network=network, pins=pins)
    except AnchorRefused as error:
        return vector | {"refused": error.code}
    return vector | {
        "height": found.height,
        "time_seconds": found.time_seconds,
        "confirmations": found.confirmations,
        "proves_time": found.proves_time,
        "pinned": found.pinned,
        "sentence": found.sentence,
    }


def main() -> None:
    """Write the file."""
    PLACE.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

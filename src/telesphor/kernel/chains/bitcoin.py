"""Bitcoin, offline: whether block headers show that a block of the named network dates a digest.

A proof is an OpenTimestamps file, which leads from the digest to the merkle root of a block (`timestamp.py`), and
a row of headers that begins at that block or before it (`headers.py`). What this module guarantees: an anchor it
returns was checked whole, under the rules of the one network it was offered for; work costs what it costs, so
without a header that the reader has pinned, a mainnet header counts only at or above a named minimum.
Start at `verify_bitcoin_anchor`. Rules and their reasons: `docs/spec/anchors.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from telesphor.kernel.chains.anchor import (
    AnchorOfAnotherDigest,
    AnchorRefused,
    HeaderPin,
    VerifiedAnchor,
    pins_of,
)
from telesphor.kernel.chains.headers import (
    Header,
    HeadersRefused,
    Rules,
    check_chain,
    check_headers,
    parse_headers,
    rules_of,
    work_of,
)
from telesphor.kernel.chains.timestamp import TimestampPath, parse_timestamp_file
from telesphor.kernel.clock import format_instant

_ONE_MS: Final = 1000


class AnchorPending(AnchorRefused):
    """The proof is a promise so far: no block of Bitcoin is named in it."""

    code = "anchor-pending"


def verify_bitcoin_anchor(
    *, digest: bytes, ots: bytes, headers: bytes, network: str, pins: Sequence[HeaderPin] = ()
) -> VerifiedAnchor:
    """Check that a block of `network` dates `digest`.

    1. The network is a Bitcoin network whose rules are known.
    2. `ots` is a timestamp of `digest`, with at least one Bitcoin attestation.
    3. `headers` are one chain: each names the one before, and meets its own target.
    4. An attested merkle root stands in a header, and every attestation within the row agrees.
    5. No pinned header within the row contradicts it; what no pin vouches for has the minimum of work.
    6. Difficulties and times are as the network's rules allow.

    Args:
        digest: SHA-256 of the text of the checkpoint's note, 32 bytes.
        ots: a detached OpenTimestamps file.
        headers: 80-byte headers, from the dating block (or a pinned one before it) on.
        network: such as `bitcoin-mainnet`.
        pins: headers that the reader knows; those of other networks are passed by.

    Raises:
        AnchorRefused: or one of its subclasses, naming the fault.
    """
    rules = rules_of(network)
    paths = parse_timestamp_file(ots, digest=digest)
    row = parse_headers(headers)
    check_chain(row, rules)
    first, dating = _place_headers(row, attested_roots(paths, digest=digest))
    known = {
        height: text for height, text in pins_of(pins, network).items() if first <= height < first + len(row)
    }
    check_headers(row, first=first, rules=rules, known=known)
    # A pin before the dating block says nothing of it: only one at or after it vouches for it.
    pinned = any(height >= first + dating for height in known)
    return _verified(row, first + dating, dating, rules, pinned=pinned)


def attested_roots(paths: Sequence[TimestampPath], *, digest: bytes) -> dict[int, bytes]:
    """The merkle root by height of every Bitcoin attestation. Nothing is proved by them yet.

    Raises:
        AnchorPending: there is none.
        HeadersRefused: two attestations of one height disagree, or one is not of 32 bytes.
    """
    roots: dict[int, bytes] = {}
    for path in paths:
        height = path.attestation.height()
        if height is None:
            continue
        root = path.message(digest)
        if len(root) != 32 or roots.setdefault(height, root) != root:
            raise HeadersRefused(f"the timestamp contradicts itself about block `{height}`")
    if not roots:
        raise AnchorPending(
            "the timestamp names no block of Bitcoin yet",
            hint="ask the node for the proof again in some hours",
        )
    return roots


def _place_headers(row: Sequence[Header], roots: Mapping[int, bytes]) -> tuple[int, int]:
    """Height of the row's first header, and index of the earliest one that an attestation names."""
    index_of = {header.merkle_root: index for index, header in reversed([*enumerate(row)])}
    found = {height: index_of[root] for height, root in roots.items() if root in index_of}
    if not found:
        raise AnchorOfAnotherDigest(
            "no header holds what the timestamp leads to",
            hint="the headers are those of other blocks, or the timestamp is of another network",
        )
    firsts = {height - index for height, index in found.items()}
    first = firsts.pop()
    if firsts or first < 0:
        raise HeadersRefused("the timestamp and the headers disagree about the heights of blocks")
    if any(first <= height < first + len(row) and height not in found for height in roots):
        raise HeadersRefused("the timestamp names a block of the row that does not hold what it leads to")
    return first, min(found.values())


def _verified(
    row: Sequence[Header], height: int, dating: int, rules: Rules, *, pinned: bool
) -> VerifiedAnchor:
    header, confirmations = row[dating], len(row) - dating
    at = format_instant(header.time_seconds * _ONE_MS)
    count = "1 block" if confirmations == 1 else f"{confirmations} blocks"
    sentence = (
        f"stands in block {height} of {rules.network}, whose header states {at}; {count} from it on are shown"
    )
    if not rules.proves_time:
        sentence += "; a test network, which anyone can rewrite at will: it proves nothing about time"
    elif pinned:
        sentence += "; a header that you pinned vouches for it"
    else:
        work = _hashes(row[dating:])
        sentence += f"; no pinned header vouches for it, and making these headers up takes {work} hashes"
    return VerifiedAnchor(
        network=rules.network,
        height=height,
        time_seconds=header.time_seconds,
        confirmations=confirmations,
        proves_time=rules.proves_time,
        pinned=pinned,
        sentence=sentence,
    )


def _hashes(row: Sequence[Header]) -> str:
    """In powers of ten: whoever reads it compares orders of magnitude."""
    return f"10^{len(str(work_of(row))) - 1}"

"""The signed request behind an entry: found by digest, verified in both halves, and about this node.

Start at `request_behind` and `open_request`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from telesphor.kernel.bundle import EVIDENCE_BYTES_MAX
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.signing import UnverifiedJws, VerifyKey, read_jws, verify_jws
from telesphor.verify.ledger import Placed
from telesphor.verify.request import Request, parse_request

# A node accepts a request whose time differs from its own by five minutes at most.
WINDOW_MS: Final = 300_000


class EvidenceMissing(TelesphorError):
    """An entry names no signed request, or one that the bundle does not hold."""

    code = "evidence-missing"
    kind = Kind.INVALID


class EvidenceMismatch(TelesphorError):
    """A signed request is not the one whose digest it is filed under."""

    code = "evidence-mismatch"
    kind = Kind.CORRUPT


class RequestForOtherNode(TelesphorError):
    """A request was signed for another node."""

    code = "request-for-other-node"
    kind = Kind.UNAUTHENTICATED


class RequestOfOtherActor(TelesphorError):
    """An entry names another actor than the one who signed."""

    code = "request-of-other-actor"
    kind = Kind.UNAUTHENTICATED


class RequestOutsideWindow(TelesphorError):
    """A request's time and its entry's time are too far apart."""

    code = "request-outside-window"
    kind = Kind.UNAUTHENTICATED


class KeyNotInForce(TelesphorError):
    """A request was signed with keys that its actor did not have at that position."""

    code = "key-not-in-force"
    kind = Kind.UNAUTHENTICATED


def request_behind(placed: Placed, evidence: Mapping[Digest, bytes]) -> UnverifiedJws:
    """Return the request that an entry names; its signatures are not verified yet."""
    digest = placed.entry.evidence
    if digest is None or digest not in evidence:
        raise EvidenceMissing(f"the entry at position {placed.position} has no signed request in the bundle")
    jws = read_jws(evidence[digest], limit=EVIDENCE_BYTES_MAX)
    if digest_of(jws.payload_bytes) != digest:
        raise EvidenceMismatch(f"the request of position {placed.position} is filed under a wrong digest")
    return jws


def open_request(jws: UnverifiedJws, key: VerifyKey, placed: Placed, origin: str) -> Request:
    """Return the verified request behind `placed`, the first of its entries.

    1. It is a request of a known version, for this node.
    2. It names the keys that its actor had at that position.
    3. Both signatures verify under them.
    4. Its actor and time are those of the entry.
    """
    request = parse_request(jws.payload)
    if request.node != origin:
        raise RequestForOtherNode(f"the request of position {placed.position} was signed for another node")
    if request.keys != key.thumbprints():
        raise KeyNotInForce(
            f"the request of position {placed.position} is signed with keys its actor did not have then"
        )
    verify_jws(jws, key)
    check_entry(request, placed)
    return request


def check_entry(request: Request, placed: Placed) -> None:
    """Refuse unless an entry has the actor and, within the window, the time of its request."""
    if placed.entry.actor != request.actor:
        raise RequestOfOtherActor(f"position {placed.position} names another actor than its request")
    if abs(placed.at_ms - request.at_ms) > WINDOW_MS:
        raise RequestOutsideWindow(
            f"the request of position {placed.position} is over {WINDOW_MS // 1000} seconds from its entry"
        )

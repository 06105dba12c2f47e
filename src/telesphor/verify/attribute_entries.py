"""Step 9: each entry was asked for by its actor, in a request signed with the keys the actor then had."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from telesphor.kernel.bundle import Bundle
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.verify.asked import Asked
from telesphor.verify.evidence import (
    EvidenceMissing,
    KeyNotInForce,
    check_entry,
    open_request,
    request_behind,
)
from telesphor.verify.keyring import Keyring, is_about_keys
from telesphor.verify.ledger import Genesis, Ledger, Placed
from telesphor.verify.report import Proved, counted


class RequestReused(TelesphorError):
    """One signed request stands behind entries that were not written together."""

    code = "request-reused"
    kind = Kind.UNAUTHENTICATED


class EvidenceUnreferenced(TelesphorError):
    """The bundle holds a signed request that no entry names."""

    code = "evidence-unreferenced"
    kind = Kind.INVALID


def check_requests(bundle: Bundle, ledger: Ledger, genesis: Genesis) -> Proved[None]:
    """Step 9. Genesis was attributed in step 5. After it, in the ledger's order, for each run of entries that one
    request caused:

    1. No earlier run had this request.
    2. Its actor is registered and not retired, and both signatures verify under the keys in force.
    3. Each entry of the run has its actor, and a time within 300 seconds of its.
    4. The request asked for it, as far as `asked` and `keyring` can tell.
    5. Entries about keys take effect at once, so one that ends the request's own keys is its last.

    An entry without a request can only be the node's own word about something other than keys.
    """
    keyring = Keyring(genesis, ledger.origin)
    seen = {genesis.request}
    spoken = 0
    for run in _runs(ledger):
        if run[0].entry.evidence is None:
            _check_spoken_by_node(run, genesis)
            spoken += len(run)
        else:
            _attribute(run, bundle, keyring, ledger.origin, seen)
    for digest in bundle.evidence:
        if digest not in seen:
            raise EvidenceUnreferenced(f"no entry names the signed request `{digest}`")
    return Proved(None, _sentence(requests=len(seen), ledger=ledger, spoken=spoken))


def _runs(ledger: Ledger) -> Iterator[list[Placed]]:
    """The entries after genesis, grouped by neighbours with the same evidence."""
    for _, run in groupby(ledger.entries[1:], key=lambda placed: placed.entry.evidence):
        yield list(run)


def _attribute(run: list[Placed], bundle: Bundle, keyring: Keyring, origin: str, seen: set[str]) -> None:
    first = run[0]
    digest = str(first.entry.evidence)
    if digest in seen:
        raise RequestReused(f"the request of position {first.position} was already used for an earlier entry")
    seen.add(digest)
    holder = keyring.holder(first.entry.actor, position=first.position)
    request = open_request(request_behind(first, bundle.evidence), holder.key, first, origin)
    asked = Asked(request)
    for placed in run:
        if keyring.holder(holder.id, position=placed.position) is not holder:
            raise KeyNotInForce(
                f"the request of position {placed.position} goes on after its keys were changed"
            )
        check_entry(request, placed)
        asked.check(placed)
        keyring.apply(placed, request)


def _check_spoken_by_node(run: list[Placed], genesis: Genesis) -> None:
    for placed in run:
        if placed.entry.actor != genesis.node.id or is_about_keys(placed):
            raise EvidenceMissing(f"the entry at position {placed.position} names no signed request")


def _sentence(*, requests: int, ledger: Ledger, spoken: int) -> str:
    actors = len({placed.entry.actor for placed in ledger.entries})
    sentence = (
        f"{counted(requests, 'request')} by {counted(actors, 'actor')} asked for the entries, each signed with "
        "Ed25519 and ML-DSA under the keys its actor had at that time"
    )
    return f"{sentence}; the node's own word is {counted(spoken, 'entry', 'entries')}" if spoken else sentence

"""Step 12: each entry was asked for by its actor, in a request signed with the keys the actor then had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from telesphor.kernel.bundle import Bundle
from telesphor.kernel.digest import Digest
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
    """Step 12. Genesis was attributed in step 8; every entry after it is, in the ledger's order (`Attribution`).
    The bundle holds no signed request besides.
    """
    attribution = Attribution(genesis, ledger.origin)
    for run in runs_of(ledger.entries[1:]):
        attribution.take(run, bundle.evidence)
    for digest in bundle.evidence:
        if digest not in attribution.seen:
            raise EvidenceUnreferenced(f"no entry names the signed request `{digest}`")
    return Proved(None, _sentence(attribution, ledger=ledger))


def runs_of(entries: Iterable[Placed]) -> Iterator[list[Placed]]:
    """Entries grouped by neighbours with the same evidence: each group is what one request caused."""
    for _, run in groupby(entries, key=lambda placed: placed.entry.evidence):
        yield list(run)


class Attribution:
    """Who asked for which entries, followed from genesis on in the ledger's order.

    For each run of entries that one request caused:

    1. No earlier run had this request.
    2. Its actor is registered and not retired, and both signatures verify under the keys in force.
    3. Each entry of the run has its actor, and a time within 300 seconds of its.
    4. The request asked for it, as far as `asked` and `keyring` can tell.
    5. Entries about keys take effect at once, so one that ends the request's own keys is its last.

    An entry without a request can only be the node's own word about something other than keys.
    """

    def __init__(self, genesis: Genesis, origin: str) -> None:
        self._genesis = genesis
        self._origin = origin
        self._keyring = Keyring(genesis, origin)
        self.seen = {genesis.request}
        self.spoken = 0

    def take(self, run: Sequence[Placed], evidence: Mapping[Digest, bytes]) -> None:
        """Attribute one run; `evidence` holds its signed request."""
        if run[0].entry.evidence is None:
            self._check_spoken_by_node(run)
            self.spoken += len(run)
        else:
            self._attribute(run, evidence)

    def _attribute(self, run: Sequence[Placed], evidence: Mapping[Digest, bytes]) -> None:
        first = run[0]
        digest = str(first.entry.evidence)
        if digest in self.seen:
            raise RequestReused(
                f"the request of position {first.position} was already used for an earlier entry"
            )
        self.seen.add(digest)
        holder = self._keyring.holder(first.entry.actor, position=first.position)
        request = open_request(request_behind(first, evidence), holder.key, first, self._origin)
        asked = Asked(request)
        for placed in run:
            if self._keyring.holder(holder.id, position=placed.position) is not holder:
                raise KeyNotInForce(
                    f"the request of position {placed.position} goes on after its keys were changed"
                )
            check_entry(request, placed)
            asked.check(placed)
            self._keyring.apply(placed, request)

    def _check_spoken_by_node(self, run: Sequence[Placed]) -> None:
        for placed in run:
            if placed.entry.actor != self._genesis.node.id or is_about_keys(placed):
                raise EvidenceMissing(f"the entry at position {placed.position} names no signed request")


def _sentence(attribution: Attribution, *, ledger: Ledger) -> str:
    spoken = attribution.spoken
    actors = len({placed.entry.actor for placed in ledger.entries})
    sentence = (
        f"{counted(len(attribution.seen), 'request')} by {counted(actors, 'actor')} asked for the entries, each "
        "signed with Ed25519 and ML-DSA under the keys its actor had at that time"
    )
    return f"{sentence}; the node's own word is {counted(spoken, 'entry', 'entries')}" if spoken else sentence

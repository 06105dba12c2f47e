"""The use cases of interchain: announce a proof, verify it, and require a fact of it.

1. `ProofDesk.submit_proof`: an actor announces a bundle by its digest and names the entries that matter. Its
   entry is durable before the bytes are taken.
2. `ProofDesk.judge`: the bytes come with the ticket; the node verifies them outside the writer, then says on
   its own ledger what it found.
3. `require_fact`: what other decisions ask; inside the writer, on the state tables.

INVARIANT: the node's own word, accepted or refused, is no command that anyone can send: the desk alone has it,
and it takes no words but those the desk itself is saying at that moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import TypeVar

import apsw
import msgspec

from telesphor.capabilities.identity.model import ActorKind, NotPermitted, require_kind
from telesphor.capabilities.identity.service import active_actor, node_of
from telesphor.capabilities.interchain import store
from telesphor.capabilities.interchain.entries import (
    PROOF_ACCEPTED,
    PROOF_REFUSED,
    PROOF_SUBMITTED,
    ProofAccepted,
    ProofRefusedBody,
    ProofSubmitted,
)
from telesphor.capabilities.interchain.model import (
    PROOF_STREAM,
    TICKET_SECONDS,
    BundleMismatch,
    DigestField,
    FactMissing,
    FactRow,
    FactsRefused,
    PartnerForked,
    PositionsField,
    ProofBusy,
    ProofDecided,
    ProofExists,
    ProofGrant,
    ProofId,
    ProofIdField,
    ProofMissing,
    ProofRefused,
    ProofRow,
    ProofTicket,
    ProvenFacts,
    SizeField,
)
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, CommandType, Decision, Draft, Receipt, State
from telesphor.runtime.tickets import Tickets

ProveFacts = Callable[[bytes, tuple[int, ...]], ProvenFacts]
"""Verifies a bundle under this node's policy and returns the facts asked for; raises `ProofRefused`."""

RecordOwnWord = Callable[[CommandType, Body], Receipt]
"""Records one command as the node's own word, without a signed request."""

_Word = TypeVar("_Word", bound=Body)


class SubmitProof(Body, frozen=True, kw_only=True):
    """Announce a bundle of another ledger, under a fresh id; asked by anyone but a device.

    `facts` are positions of that ledger, rising. Asked again, in the same words, it gives a new ticket.
    """

    proof: ProofIdField
    bundle: DigestField
    size: SizeField
    facts: PositionsField


class AcceptProof(ProofAccepted, frozen=True, kw_only=True):
    """The node's word that a proof verified."""

    proof: ProofIdField


class RefuseProof(ProofRefusedBody, frozen=True, kw_only=True):
    """The node's word that a proof did not verify."""

    proof: ProofIdField


def require_fact(db: apsw.Connection, *, proof: str, position: int, type: str) -> FactRow:
    """Return an accepted fact of this type; raises `FactMissing`.

    One bundle may be accepted under several ids, so a rule that must use a fact once only counts by the
    fact's origin and leaf.
    """
    found = store.find_fact(db, proof=proof, position=position)
    if found is None or found.fact.type != type:
        raise FactMissing(
            f"no accepted proof `{proof}` gives a `{type}` at position `{position}`",
            hint="submit the other ledger's bundle first, naming this position among its facts",
        )
    return found


def proof_path(proof: str) -> str:
    """Where the bytes of a proof are sent."""
    return f"/v1/interchain/proofs/{proof}"


class ProofDesk:
    """The use cases that hand out a ticket, take the bytes and say what they prove. Safe between threads.

    Args:
        prove: verifies under this node's policy.
        open_db: opens a read-only connection to the state tables.
        record: records the node's own word.
    """

    def __init__(
        self,
        *,
        prove: ProveFacts,
        tickets: Tickets,
        open_db: Callable[[], apsw.Connection],
        record: RecordOwnWord,
    ) -> None:
        self.tickets = tickets
        self._prove = prove
        self._open_db = open_db
        self._record = record
        self._lock = threading.Lock()
        self._judging: set[ProofId] = set()
        self._saying: dict[ProofId, Body] = {}
        # They stand in no registry: nothing that comes in from outside can name them.
        self._accept = CommandType("interchain.accept/1", AcceptProof, self._accept_proof)
        self._refuse = CommandType("interchain.refuse/1", RefuseProof, self._refuse_proof)

    def submit_proof(self, actor: Actor, command: SubmitProof, state: State) -> Decision:
        """Note that a proof is announced, then give the ticket to send it with.

        Raises:
            NotPermitted: the actor is a device, the node or its root.
            FactsRefused: the positions do not rise.
            ProofExists: the id was used before, by another actor or in other words.
            ProofDecided: it was accepted or refused already.
        """
        require_kind(actor, ActorKind.PERSON, ActorKind.SYSTEM, ActorKind.ORGANISATION)
        if any(first >= second for first, second in pairwise(command.facts)):
            raise FactsRefused("the positions in `facts` are not in rising order", hint="name each once")
        _check_announced(actor, command, store.find_proof(state.db, command.proof))
        body = ProofSubmitted(bundle=command.bundle, size=command.size, facts=command.facts)
        grant = ProofGrant(
            proof=command.proof,
            actor=actor.id,
            bundle=command.bundle,
            size=command.size,
            facts=command.facts,
        )

        def issue(_receipt: Receipt) -> msgspec.Struct:
            ticket = self.tickets.issue(grant, lifetime_seconds=TICKET_SECONDS)
            return ProofTicket(proof=command.proof, ticket=ticket, path=proof_path(command.proof))

        draft = Draft(PROOF_SUBMITTED.name, stream_of(PROOF_STREAM, command.proof), body)
        return Decision((draft,), None, issue)

    def find_outcome(self, grant: ProofGrant) -> ProvenFacts | None:
        """What an earlier judgement of this proof came to, for whoever lost the answer; None when it is open.

        Raises:
            ProofRefused: it was refused, for the cause that the ledger names.
            ActorRetired: whoever announced it acts no more.
        """
        with closing(self._open_db()) as db:
            active_actor(db, grant.actor)
            row = store.find_proof(db, grant.proof)
            if row is not None and row.state == "refused":
                raise ProofRefused(f"the proof was refused (`{row.cause}`)", cause=row.cause)
            return store.find_proven(db, grant.proof)

    def judge(self, grant: ProofGrant, data: bytes) -> ProvenFacts:
        """Verify the announced bytes and record the outcome; takes as long as verification does.

        1. Nobody else judges this proof at the same time.
        2. The bytes are those that were announced.
        3. What was decided already is the answer.
        4. They verify, and the node says so; or they do not, and it says that.

        Raises:
            ProofBusy: it is being judged.
            BundleMismatch: other bytes than those announced; nothing is recorded, and they may be sent again.
            ProofRefused: they do not verify; the ledger says so.
            JudgingFailed, QueueFull, NodeStopping: nothing is recorded, and they may be sent again.
            ActorRetired: as `find_outcome`.
        """
        with self._alone(grant.proof):
            if len(data) != grant.size or digest_of(data) != grant.bundle:
                raise BundleMismatch(
                    "the bundle is not the one that was announced", hint="send the same file again"
                )
            decided = self.find_outcome(grant)
            if decided is not None:
                return decided
            try:
                proven = self._prove(data, grant.facts)
                self._say_accepted(grant, proven)
            except (ProofRefused, PartnerForked) as error:
                cause = error.cause if isinstance(error, ProofRefused) else error.code
                self._say(self._refuse, _word(RefuseProof, grant, {"cause": cause}))
                raise ProofRefused(error.message, cause=cause, hint=error.hint) from error
            return proven

    def _say_accepted(self, grant: ProofGrant, proven: ProvenFacts) -> None:
        said = {name: getattr(proven, name) for name in ProvenFacts.__struct_fields__}
        self._say(self._accept, _word(AcceptProof, grant, said))

    def _say(self, command: CommandType, word: AcceptProof | RefuseProof) -> None:
        self._saying[word.proof] = word
        try:
            self._record(command, word)
        finally:
            del self._saying[word.proof]

    @contextmanager
    def _alone(self, proof: ProofId) -> Iterator[None]:
        with self._lock:
            if proof in self._judging:
                raise ProofBusy("this proof is being judged", hint="ask again in a moment")
            self._judging.add(proof)
        try:
            yield
        finally:
            with self._lock:
                self._judging.discard(proof)

    def _accept_proof(self, actor: Actor, command: AcceptProof, state: State) -> Decision:
        """Note an accepted proof, with its facts.

        Raises:
            NotPermitted: these are not the node's own words.
            ProofMissing, ProofDecided, BundleMismatch: there is no such open proof.
            PartnerForked: what was accepted before cannot stand in the same ledger.
        """
        row = self._check_word(actor, command, state)
        if tuple(fact.position for fact in command.facts) != row.facts:
            raise BundleMismatch("the facts are not those that were asked for")
        if store.contradicts(state.db, command):
            raise PartnerForked(
                "the other ledger showed this node another entry there, or another tree of that size, before",
                hint="one of the two bundles proves that it forked; keep both, and tell its witnesses",
            )
        values = {name: getattr(command, name) for name in ProofAccepted.__struct_fields__}
        stream = stream_of(PROOF_STREAM, command.proof)
        return Decision((Draft(PROOF_ACCEPTED.name, stream, ProofAccepted(**values)),))

    def _refuse_proof(self, actor: Actor, command: RefuseProof, state: State) -> Decision:
        """Note a refused proof, with the code of what failed; raises as `_accept_proof`."""
        self._check_word(actor, command, state)
        body = ProofRefusedBody(bundle=command.bundle, cause=command.cause)
        return Decision((Draft(PROOF_REFUSED.name, stream_of(PROOF_STREAM, command.proof), body),))

    def _check_word(self, actor: Actor, command: AcceptProof | RefuseProof, state: State) -> ProofRow:
        require_kind(actor, ActorKind.NODE)
        if actor.id != node_of(state.db)[0] or self._saying.get(command.proof) is not command:
            raise NotPermitted("this is not the node's own word")
        row = store.find_proof(state.db, command.proof)
        if row is None:
            raise ProofMissing(f"no proof `{command.proof}` was submitted")
        if row.state != "submitted":
            raise ProofDecided(f"the proof `{command.proof}` is {row.state} already")
        if row.bundle != command.bundle:
            raise BundleMismatch("the bundle is not the one that was announced")
        return row


def _check_announced(actor: Actor, command: SubmitProof, row: ProofRow | None) -> None:
    """Refuse an id that was used before, except by the same actor in the same words for a proof still open."""
    if row is None:
        return
    said = (actor.id, command.bundle, command.size, command.facts)
    if said != (row.actor, row.bundle, row.size, row.facts):
        raise ProofExists(f"the id `{command.proof}` was used for a proof before", hint="make a new id")
    if row.state != "submitted":
        raise ProofDecided(
            f"the proof `{command.proof}` is {row.state} already", hint="its entry says what it gives"
        )


def _word(kind: type[_Word], grant: ProofGrant, said: dict[str, object]) -> _Word:
    """The node's word, checked as if it came from outside: what cannot be read again must not be written."""
    values = msgspec.to_builtins({**said, "proof": grant.proof, "bundle": grant.bundle})
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ProofRefused("what the bundle proves does not fit an entry", cause="facts-too-large") from error

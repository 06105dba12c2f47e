"""What a visit may be said to rest on: entries that were made elsewhere, and are about somebody of this visit.

What is linked comes into the visit's proof, with the whole stream of whatever can end and with the documents of all of
it, and the patient may take that proof. INVARIANT: nothing is linked that tells of another patient.

Start at `check_ground`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from telesphor.capabilities.access.tokens.model import DEPTH_MAX, TOKENS_STREAM
from telesphor.capabilities.contracts.documents import open_input
from telesphor.capabilities.identity.model import ActorKind
from telesphor.capabilities.identity.service import find_actor
from telesphor.capabilities.visits import store
from telesphor.capabilities.visits.model import LinkRole, NotAGround, NotAParticipant, VisitRow
from telesphor.kernel.entry import Entry
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import InvalidId, Stream, parse_stream, stream_of
from telesphor.ledger.lookup import find_entry
from telesphor.runtime.capability import Actor, State
from telesphor.verify.follow_links import LINK_ROLES, WHOLE_ROLES


def check_ground(
    actor: Actor, visit: VisitRow, *, stream: str, n: int, role: LinkRole, state: State
) -> Stream:
    """Return the stream of an entry that may be linked.

    1. The entry is there, and of a type and a stream that its role says, as a verifier will see it.
    2. It is about a participant or a device of this visit, and about no other patient.
    3. What somebody else was allowed or denied about the patient is linked by an organisation.

    Raises:
        NotAGround: it is not so.
        NotAParticipant: a participant wants to link what was allowed or denied to somebody else.
        EntryTooFarBack: too many entries of the stream came after it.
    """
    named = _parse(stream, role)
    entry = find_entry(state.db, named, n)
    if entry is None or entry.type not in LINK_ROLES[role]:
        raise NotAGround(
            f"there is no such entry for the role `{role}`", hint="wait for its receipt, then link it"
        )
    if not _RULES.get(role, _is_about_a_party)(entry, visit, state):
        raise NotAGround("the entry is not about this visit, or it is about others as well")
    parties = (visit.patient, visit.clinician)
    by_others = role in (LinkRole.ACCESS, LinkRole.BREAK_GLASS) and entry.actor not in parties
    if by_others and actor.kind != ActorKind.ORGANISATION and not _is_device(entry.actor, visit, state):
        raise NotAParticipant("what others were allowed or denied is linked by an organisation")
    return named


def _parse(stream: str, role: LinkRole) -> Stream:
    try:
        kind = parse_stream(stream)[0]
    except InvalidId as error:
        raise NotAGround("that is the name of no stream") from error
    if kind != WHOLE_ROLES.get(role, kind):
        raise NotAGround(f"a stream `{kind}` does not fit the role `{role}`")
    return Stream(stream)


def _is_about_a_party(entry: Entry, visit: VisitRow, state: State) -> bool:
    named = {entry.actor, parse_stream(entry.stream)[1]}
    return bool(named & {visit.patient, visit.clinician}) or any(
        _is_device(name, visit, state) for name in named
    )


def _is_decision_here(entry: Entry, visit: VisitRow, state: State) -> bool:
    """About the visit or its patient; or about nobody, and then a participant's or a device's own."""
    subject, within = entry.body.get("subject"), entry.body.get("visit")
    if subject is not None:
        return subject == visit.patient
    return within == visit.visit or (within is None and _is_about_a_party(entry, visit, state))


def _is_emergency_here(entry: Entry, visit: VisitRow, _state: State) -> bool:
    return entry.body.get("subject") == visit.patient


def _is_grant_here(entry: Entry, visit: VisitRow, state: State) -> bool:
    """By the patient, or to it; or from an organisation to a participant. Looked at from the first of its chain on."""
    first = find_entry(state.db, entry.stream, 0)
    recipients = set(_texts_in(first.body.get("recipient"))) if first is not None else set()
    for _ in range(DEPTH_MAX):
        parent = None if first is None else first.body.get("parent")
        if not isinstance(parent, str):
            break
        first = find_entry(state.db, stream_of(TOKENS_STREAM, parent), 0)
    if first is None:
        return False
    if visit.patient in (first.actor, *recipients):
        return True
    return visit.clinician in (first.actor, *recipients) and _is_no_person(first.actor, state)


def _is_group_here(entry: Entry, visit: VisitRow, state: State) -> bool:
    """Kept by the patient or by an organisation: another patient's care team is its own business."""
    first = find_entry(state.db, entry.stream, 0)
    if first is None:
        return False
    if first.actor == visit.patient:
        return True
    named = {entry.actor, *_texts_in(entry.body)}
    return _is_no_person(first.actor, state) and bool(named & {visit.patient, visit.clinician})


def _is_run_here(entry: Entry, visit: VisitRow, state: State) -> bool:
    """Triggered by or about a party, and with a state of its own: one that all runs share tells of others."""
    digest, key = entry.body.get("input"), entry.body.get("key")
    data = state.document(digest) if isinstance(digest, str) and key else None
    if data is None:
        return False
    try:
        named = set(_texts_in(msgspec.json.decode(open_input(data).trigger)))
    except (msgspec.MsgspecError, TelesphorError):
        return False
    return bool(named & {visit.patient, visit.clinician, visit.visit}) or any(
        _is_device(name, visit, state) for name in named
    )


def _is_device(actor_id: str, visit: VisitRow, state: State) -> bool:
    return store.has_device(state.db, visit=visit.visit, device=actor_id)


def _is_no_person(actor_id: str, state: State) -> bool:
    info = find_actor(state.db, actor_id)
    return info is not None and info.kind != ActorKind.PERSON


def _texts_in(value: object) -> Iterator[str]:
    """All texts in what was decoded, which is not deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _texts_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from _texts_in(item)


_RULES: Final[Mapping[LinkRole, Callable[[Entry, VisitRow, State], bool]]] = {
    LinkRole.ACCESS: _is_decision_here,
    LinkRole.BREAK_GLASS: _is_emergency_here,
    LinkRole.TOKEN: _is_grant_here,
    LinkRole.GROUP: _is_group_here,
    LinkRole.CONTRACT: _is_run_here,
}
"""What a link of each role must be about; of the others, its actor or its stream is a party of the visit."""

"""A person's own pages: who saw my record and why, in plain words, and the grants that I gave, hold or am offered.

The log of one's own takes a watch on oneself, as anybody's does; what was granted is one's own to know, and takes a
session alone. Sentences are whole and in English; screens in other languages make their own of the members.

Start at `OwnPages`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from telesphor.capabilities.access.model import ResourceKind
from telesphor.capabilities.access.tokens.listing import OwnToken, own_tokens
from telesphor.capabilities.access.tokens.standing import Standing
from telesphor.capabilities.access.uses.explaining import Explained, granted_at
from telesphor.capabilities.compliance.desk import Look, Under, WatchDesk
from telesphor.capabilities.compliance.entries import Filter
from telesphor.capabilities.compliance.index.facets import subject_in
from telesphor.capabilities.compliance.model import PAGE_ROWS, WatchTooNarrow
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.compliance.rows import DECISIONS, actor_in, explain_entry, outcome_of
from telesphor.capabilities.compliance.searching import Searches
from telesphor.capabilities.identity.service import node_of
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Actor, State

TOKENS_SHOWN_MAX: Final = 100
"""Grants of one page."""

LOOKED: Final = "looked"

Which = Literal["granted", "held", "offered"]

_VERBS: Final = {
    "read": "read",
    "create": "stored",
    "change": "changed",
    "export": "exported",
    "print": "printed",
    "share": "shared",
    "erase": "erased",
    "grant": "granted others",
    "connect": "connected",
    "open-visit": "opened",
    "close-visit": "closed",
    "record": "added to",
    "read-log": "looked at",
    "break-glass": "opened in an emergency",
    "run-contract": "ran",
    "administer": "administered",
    LOOKED: "looked at a page of",
}
_THINGS: Final = {
    ResourceKind.OBJECT: "a document of yours",
    ResourceKind.VISIT: "your visit",
    ResourceKind.LOG: "your access log",
    ResourceKind.RECORD: "your record",
    ResourceKind.DEVICE: "your device",
    ResourceKind.CONTRACT: "a contract",
    ResourceKind.THREAD: "messages of yours",
    ResourceKind.ORGANISATION: "the organisation's node",
}
_PURPOSES: Final = {
    "treatment": "for your treatment",
    "payment": "for payment",
    "operations": "for the running of the clinic",
    "patient-request": "because you asked",
    "emergency": "in an emergency",
}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One line of who saw what: allowed or not, why, and by whose grant.

    Attributes:
        what: the action, or `looked` for a page of the log itself.
        thing, resource: the kind and the whole name of what it was about.
        why: the rule in words.
        token: the grant that allowed it, which its grantor may take back.
        done, recipient: what was done with it by the client's own word.
    """

    position: int
    at: str
    who: Person
    organisation: str
    what: str
    thing: str
    resource: str
    purpose: str | None
    allowed: bool
    emergency: bool
    why: str
    token: str | None
    grantor: Person | None
    granted_at: str | None
    done: str | None
    recipient: str | None
    sentence: str


class SeenPage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines, the newest first; the rest is as on an auditor's page."""

    look: Look
    organisation: str
    size: int
    indexed: int
    rows: tuple[Seen, ...]
    before: int | None


class TokenHolder(msgspec.Struct, frozen=True, kw_only=True):
    """For whom a grant is: one actor, or a group of so many."""

    kind: Literal["actor", "group"]
    person: Person | None
    group: str | None
    members: int | None


class MyToken(msgspec.Struct, frozen=True, kw_only=True):
    """A grant as its grantor, its holder, or whom it is offered to sees it.

    Attributes:
        standing: where it is in its life; `lives` when it allows something now.
        may_revoke: whether the reader can take it back now.
        delegated: how many narrower ones were made of it.
    """

    token: str
    standing: str
    lives: bool
    grantor: Person
    recipient: TokenHolder
    actions: tuple[str, ...]
    purposes: tuple[str, ...]
    things: tuple[str, ...]
    role: str | None
    not_before: str
    not_after: str
    revocable: bool
    may_revoke: bool
    delegated: int
    sentence: str


class MyTokens(msgspec.Struct, frozen=True, kw_only=True):
    """A page of grants; `after` asks for the next, and is empty on the last."""

    tokens: tuple[MyToken, ...]
    after: str


class OwnPages:
    """The pages of a person about itself."""

    def __init__(self, desk: WatchDesk, searches: Searches) -> None:
        self._desk = desk
        self._searches = searches

    def log(self, actor: Actor, watch: str, filter: Filter, *, rows: int = PAGE_ROWS) -> SeenPage:
        """Return who saw what of the person whom the watch is about.

        Raises:
            WatchTooNarrow: the watch is about no person.
            FilterRefused, InvalidInstant, and what `WatchDesk.under` and `note` raise.
        """
        with self._desk.under(actor, watch, scope="log") as under:
            if under.row.subject is None:
                raise WatchTooNarrow("the watch is on the whole log", hint="open one with a `subject`")
            found = self._searches.find(under, filter, rows=rows)
            organisation = node_of(under.state.db)[1]
            seen = self._seen(found.entries, under, organisation)
        look = self._desk.note(under, "own-log", filter=filter, count=len(seen))
        return SeenPage(
            look=look,
            organisation=organisation,
            size=found.size,
            indexed=found.indexed,
            rows=seen,
            before=found.before,
        )

    def tokens(self, actor: Actor, *, which: Which, after: str) -> MyTokens:
        """Return a page of the actor's own grants, by id."""
        with self._desk.looking() as (_, state):
            found = own_tokens(actor.id, which=which, after=after, count_max=TOKENS_SHOWN_MAX, state=state)
            people = self._people_of(found, state)
        tokens = tuple(draw_token(one, people, actor.id) for one in found)
        return MyTokens(tokens=tokens, after=found[-1].row.token if len(found) == TOKENS_SHOWN_MAX else "")

    def _people_of(self, tokens: Sequence[OwnToken], state: State) -> dict[str, Person]:
        """INVARIANT: nobody learns a name by offering a grant to an id; it is named once it has accepted."""
        offered = [one.row.recipient for one in tokens if one.row.holder is None]
        known: list[str] = [one.row.grantor for one in tokens]
        known += [one.row.recipient for one in tokens if one.row.holder is not None]
        names = self._desk.names
        return {
            **find_people(offered, state, names=names, named="staff"),
            **find_people(known, state, names=names, named="everybody"),
        }

    def _seen(self, entries: Sequence[RecordedEntry], under: Under, organisation: str) -> tuple[Seen, ...]:
        whys = {
            entry.position: explain_entry(entry, under.state) for entry in entries if entry.type in DECISIONS
        }
        grantors: list[str] = [token.grantor for why in whys.values() for token in why.tokens]
        people = find_people(
            [*(actor_in(entry) for entry in entries), *grantors],
            under.state,
            names=self._desk.names,
            named=under.row.named,
        )
        me = under.row.subject
        return tuple(
            _decided(entry, whys[entry.position], people, under.state, organisation, me)
            if entry.position in whys
            else _looked(entry, people, organisation, me)
            for entry in entries
        )


def _decided(
    entry: RecordedEntry,
    why: Explained,
    people: Mapping[str, Person],
    state: State,
    organisation: str,
    me: str | None,
) -> Seen:
    body = entry.body
    purpose = getattr(body, "purpose", None)
    allowed = outcome_of(entry) == "allow"
    token = why.tokens[0] if allowed and why.tokens else None
    plain = Seen(
        position=entry.position,
        at=entry.at,
        who=people[entry.actor],
        organisation=organisation,
        what=str(body.action),
        thing=body.resource.partition("/")[0],
        resource=body.resource,
        purpose=None if purpose is None else str(purpose),
        allowed=allowed,
        emergency=getattr(body, "break_glass", None) is not None,
        why=why.rule,
        token=None if token is None else token.token,
        grantor=None if token is None else people[token.grantor],
        granted_at=None if token is None else granted_at(token.token, state),
        done=why.done or None,
        recipient=why.recipient or None,
        sentence="",
    )
    return msgspec.structs.replace(plain, sentence=_sentence(plain, people, me))


def _looked(entry: RecordedEntry, people: Mapping[str, Person], organisation: str, me: str | None) -> Seen:
    plain = Seen(
        position=entry.position,
        at=entry.at,
        who=people[actor_in(entry)],
        organisation=organisation,
        what=LOOKED,
        thing=ResourceKind.LOG.value,
        resource=f"{ResourceKind.LOG}/{subject_in(entry)}",
        purpose=None,
        allowed=True,
        emergency=False,
        why="watches over the log",
        token=None,
        grantor=None,
        granted_at=None,
        done=None,
        recipient=None,
        sentence="",
    )
    return msgspec.structs.replace(plain, sentence=_sentence(plain, people, me))


def _sentence(seen: Seen, people: Mapping[str, Person], me: str | None) -> str:
    """`Dr. Adams read a document of yours for your treatment: takes part in the visit.`"""
    purpose = "" if seen.purpose is None else " " + _PURPOSES.get(seen.purpose, f"for {seen.purpose}")
    thing = _THINGS.get(ResourceKind(seen.thing), seen.thing) if seen.thing in _KINDS else seen.thing
    verb = _VERBS.get(seen.what, seen.what)
    did = f"{verb} {thing}" if seen.allowed else f"was refused: {seen.what.replace('-', ' ')} {thing}"
    why = seen.why
    for id, person in people.items():
        why = why.replace(id, _name(person, me))
    after = (
        ""
        if seen.done is None
        else f" It was {seen.done}" + ("." if seen.recipient is None else f" with: {seen.recipient}.")
    )
    return f"{_name(seen.who, me)} {did}{purpose}: {why}.{after}"


_KINDS: Final = frozenset(kind.value for kind in ResourceKind)


def _name(person: Person, me: str | None) -> str:
    if person.id == me:
        return "You"
    if person.name is not None:
        return person.name
    role = person.roles[0].replace("-", " ") if person.roles else person.kind
    return f"Somebody ({role})" if person.kind == "person" else f"The {role}"


def draw_token(one: OwnToken, people: Mapping[str, Person], me: str) -> MyToken:
    """One grant as `me` sees it."""
    row = one.row
    recipient = TokenHolder(
        kind="group" if row.to_group else "actor",
        person=None if row.to_group else people[row.recipient],
        group=row.recipient if row.to_group else None,
        members=len(one.members) if row.to_group else None,
    )
    plain = MyToken(
        token=row.token,
        standing=one.standing.value,
        lives=one.standing is Standing.LIVES,
        grantor=people[row.grantor],
        recipient=recipient,
        actions=tuple(sorted(row.actions)),
        purposes=tuple(sorted(row.purposes)),
        things=one.things,
        role=row.role,
        not_before=row.not_before,
        not_after=row.not_after,
        revocable=row.revocable,
        may_revoke=row.revocable and row.grantor == me and not one.standing.has_ended,
        delegated=one.delegated,
        sentence="",
    )
    return msgspec.structs.replace(plain, sentence=_token_sentence(plain, me))


def _token_sentence(token: MyToken, me: str) -> str:
    """`Dr. Adams may read 3 things of yours, for treatment, until 2026-12-01.`"""
    person = token.recipient.person
    holder = f"A team of {token.recipient.members}" if person is None else _name(person, me)
    until = token.not_after[: len("2026-12-01")]
    if token.role is not None:
        return f"{holder} may act as {token.role.replace('-', ' ')} until {until}."
    actions = ", ".join(action.replace("-", " ") for action in token.actions)
    count = len(token.things)
    things = "1 thing" if count == 1 else f"{count} things"
    tense = "may" if token.lives else "was offered to" if token.standing == Standing.OFFERED else "could"
    purposes = ", ".join(purpose.replace("-", " ") for purpose in token.purposes)
    return f"{holder} {tense} {actions} {things}, for {purposes}, until {until}."

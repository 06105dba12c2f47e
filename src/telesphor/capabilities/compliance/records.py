"""A person's record as a list: what is sealed about them, who may read each piece and why, and where it stands.

It lists and opens nothing: each piece is read by `object.read/1`, a decision of its own. Of oneself everything is
listed; of somebody else only what the asker may read now, so that the rest is not hinted at. Start at `RecordPages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import apsw
import msgspec

from telesphor.capabilities.access.breakglass.model import GlassRow
from telesphor.capabilities.access.breakglass.standing import open_now
from telesphor.capabilities.access.model import Action
from telesphor.capabilities.access.tokens.listing import OwnToken, own_tokens, tokens_on
from telesphor.capabilities.access.tokens.standing import Standing
from telesphor.capabilities.compliance.blocks import LedgerBlocks
from telesphor.capabilities.compliance.desk import WatchDesk
from telesphor.capabilities.compliance.mine import MyTokens, draw_token
from telesphor.capabilities.compliance.people import Person, find_people
from telesphor.capabilities.devices.listing import readings_among
from telesphor.capabilities.devices.model import ReadingLine
from telesphor.capabilities.identity.enrolment.listing import DeviceLine, devices_of
from telesphor.capabilities.visits.links import roles_of_objects
from telesphor.kernel.clock import format_instant
from telesphor.runtime.capability import Actor, State
from telesphor.vault.model import ObjectRow
from telesphor.vault.store import objects_about, readers_of

ITEMS_MAX: Final = 100
"""Pieces of one page."""

SCAN_MAX: Final = 2_000
"""Objects that are looked at for one page: a visit of some hours has as many readings."""

BATCH: Final = 200

TOKENS_MAX: Final = 200
"""Grants of one holder that are weighed."""

PERMITTED_MAX: Final = 8
"""Grants on one piece that are told of."""

DEVICES_MAX: Final = 50

_LAST: Final = "~"
"""Stands behind every id."""

What = Literal["all", "documents", "readings"]
Why = Literal["owner", "subject", "reader", "token", "emergency"]


class ReadingView(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and from when to when by the device's clock; the values are sealed."""

    device: Person
    kind: str
    count: int
    begin: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class RecordItem(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed piece.

    Attributes:
        at: when it was begun; its id says the order.
        position, level: where its sealing stands, and how far that is confirmed (1 to 5; none before a checkpoint).
        role: as what it belongs to its visit.
        readers: everybody who is listed as a reader, its owner included.
        why: by what the asker may read it; `token`, `token_until` and `token_by` name the grant and who gave it.
        permitted: of one's own record, by which grants others may read it.
    """

    object: str
    media_type: str
    size: int
    at: str
    position: int | None
    level: int | None
    owner: Person
    visit: str | None
    role: str | None
    reading: ReadingView | None
    readers: tuple[Person, ...]
    why: Why
    token: str | None
    token_until: str | None
    token_by: Person | None
    permitted: tuple[Permitted, ...]


class Permitted(msgspec.Struct, frozen=True, kw_only=True):
    """Who else may read a piece of one's own now, by a grant: one person, or a group of so many."""

    token: str
    person: Person | None
    members: int | None
    until: str


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces, the newest first; `before` asks for the next page, and is nothing on the last.

    A page may hold fewer than were asked for, and still have `before`: what is looked at for one page is bounded.
    """

    now: str
    person: Person
    items: tuple[RecordItem, ...]
    before: str | None


class OwnDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A device that is enrolled for somebody; `connected_at` is nothing before its first connection."""

    device: Person
    model: str
    maker: str
    state: str
    connected_at: str | None


class OwnDevices(msgspec.Struct, frozen=True, kw_only=True):
    """The devices that measure for somebody."""

    now: str
    devices: tuple[OwnDevice, ...]


class _Reason(NamedTuple):
    why: Why
    token: OwnToken | None = None


class _Grounds(NamedTuple):
    """By what an actor may read of somebody's record, besides being listed."""

    actor: str
    tokens: Mapping[str, OwnToken]
    glass: GlassRow | None

    def of(self, row: ObjectRow, readers: frozenset[str]) -> _Reason | None:
        if row.owner == self.actor:
            return _Reason("owner")
        if row.subject == self.actor:
            return _Reason("subject")
        if self.actor in readers:
            return _Reason("reader")
        held = self.tokens.get(f"object/{row.object}") or self.tokens.get(f"visit/{row.visit}")
        if held is not None:
            return _Reason("token", held)
        return _Reason("emergency") if self._is_open(row) else None

    def _is_open(self, row: ObjectRow) -> bool:
        glass = self.glass
        if glass is None or glass.subject != row.subject:
            return False
        place = {"record": row.subject, "visit": row.visit, "object": row.object}
        return place.get(glass.target_kind) == glass.target


class _Found(NamedTuple):
    row: ObjectRow
    readers: frozenset[str]
    reason: _Reason
    reading: ReadingLine | None
    tokens: tuple[OwnToken, ...] = ()


class RecordPages:
    """The lists of one node. Safe between threads."""

    def __init__(self, desk: WatchDesk, blocks: LedgerBlocks) -> None:
        self._desk = desk
        self._blocks = blocks

    def record(
        self, actor: Actor, person: str, *, what: What, visit: str | None, before: str | None, rows: int
    ) -> RecordPage:
        """Return a page of a person's record, as far as the actor may read it."""
        with self._desk.looking() as (_, state):
            walk = _Walk(_grounds(actor, state, self._desk), what, visit)
            found, last = walk.page(state.db, person, before=before or _LAST, rows=min(rows, ITEMS_MAX))
            if person == actor.id:
                found = [one._replace(tokens=_permitting(one.row, state)) for one in found]
            people = self._people(found, state, person=person, reader=actor.id)
            roles: dict[str, dict[str, str]] = {
                one: roles_of_objects(state.db, one)
                for one in {row.visit for row, *_ in found if row.visit is not None}
            }
        levels = self._blocks.levels_of([at for row, *_ in found if (at := row.sealed_position) is not None])
        items = tuple(_item(one, people, roles, levels) for one in found)
        return RecordPage(
            now=format_instant(self._desk.clock.now_ms()), person=people[person], items=items, before=last
        )

    def devices(self, actor: Actor) -> OwnDevices:
        """Return the devices that are enrolled for the actor, the newest first."""
        with self._desk.looking() as (_, state):
            lines = devices_of(state.db, actor.id, count_max=DEVICES_MAX)
            ids = [line.enrolment.device for line in lines]
            people = find_people(ids, state, names=self._desk.names, named="everybody")
        devices = tuple(_device(line, people) for line in lines)
        return OwnDevices(now=format_instant(self._desk.clock.now_ms()), devices=devices)

    def tokens_about(self, actor: Actor) -> MyTokens:
        """Return the living grants by others on what is about the actor, with no more than that of what they cover."""
        with self._desk.looking() as (_, state):
            walk = _Walk(_Grounds(actor.id, {}, None), "all", None)
            found, _ = walk.page(state.db, actor.id, before=_LAST, rows=SCAN_MAX)
            mine: dict[str, OwnToken] = {}
            refs = {ref for one in found for ref in _refs(one.row)}
            for ref in sorted(refs):
                mine |= {one.row.token: one for one in tokens_on(ref, state, count_max=PERMITTED_MAX)}
            kept = [one for one in mine.values() if one.row.grantor != actor.id][:TOKENS_MAX]
            ids = [id for one in kept for id in (one.row.grantor, one.row.recipient)]
            people = find_people(ids, state, names=self._desk.names, named="everybody")
        about = (one._replace(things=tuple(ref for ref in one.things if ref in refs)) for one in kept)
        return MyTokens(tokens=tuple(draw_token(one, people, actor.id) for one in about), after="")

    def _people(
        self, found: Sequence[_Found], state: State, *, person: str, reader: str
    ) -> Mapping[str, Person]:
        """INVARIANT: of somebody else's record the asker learns the names of staff, and of whom it is about."""
        ids = [id for one in found for id in (one.row.owner, *sorted(one.readers))]
        ids += [one.reading.device for one in found if one.reading is not None]
        ids += [token.row.recipient for one in found for token in one.tokens if not token.row.to_group]
        ids += [one.reason.token.row.grantor for one in found if one.reason.token is not None]
        named: Literal["everybody", "staff"] = "everybody" if person == reader else "staff"
        known = find_people(ids, state, names=self._desk.names, named=named)
        about = [person] if found or person == reader else []
        hidden = find_people([person], state, names=self._desk.names, named="staff")
        return {**known, **hidden, **find_people(about, state, names=self._desk.names, named="everybody")}


class _Walk(NamedTuple):
    """Goes through what is sealed about a person, and keeps what the asker may read and asked for."""

    grounds: _Grounds
    what: What
    visit: str | None

    def page(
        self, db: apsw.Connection, person: str, *, before: str, rows: int
    ) -> tuple[list[_Found], str | None]:
        found: list[_Found] = []
        for batch in self._batches(db, person, before):
            for one in self._kept(db, person, batch):
                found.append(one)
                if len(found) == rows:
                    return found, one.row.object
            before = batch[-1].object
            if len(batch) < BATCH:
                return found, None
        return found, before

    def _batches(self, db: apsw.Connection, person: str, before: str) -> Iterator[list[ObjectRow]]:
        read_by = person if person == self.grounds.actor else None
        for _ in range(SCAN_MAX // BATCH):
            batch = objects_about(db, person, or_read_by=read_by, before=before, count_max=BATCH)
            if not batch:
                return
            yield batch
            before = batch[-1].object

    def _kept(self, db: apsw.Connection, person: str, batch: Sequence[ObjectRow]) -> Iterator[_Found]:
        wanted = [row for row in batch if row.subject in (None, person) and self.visit in (None, row.visit)]
        readings = readings_among(db, [row.object for row in wanted])
        for row in wanted:
            reading = readings.get(row.object)
            if self.what != "all" and (reading is not None) != (self.what == "readings"):
                continue
            readers = readers_of(db, row.object)
            reason = self.grounds.of(row, readers)
            if reason is not None:
                yield _Found(row, readers, reason, reading)


def _grounds(actor: Actor, state: State, desk: WatchDesk) -> _Grounds:
    held = _held(actor, state)
    return _Grounds(actor.id, held, open_now(state, actor.id, clock=desk.clock))


def _held(actor: Actor, state: State) -> dict[str, OwnToken]:
    """What living tokens of the actor's let it read, each thing by the one that lasts longest."""
    held: dict[str, OwnToken] = {}
    for one in own_tokens(actor.id, which="held", after="", count_max=TOKENS_MAX, state=state):
        if one.standing is not Standing.LIVES or Action.READ not in one.row.actions:
            continue
        for thing in one.things:
            other = held.get(thing)
            if other is None or other.row.not_after < one.row.not_after:
                held[thing] = one
    return held


def _item(
    one: _Found,
    people: Mapping[str, Person],
    roles: Mapping[str, Mapping[str, str]],
    levels: Mapping[int, int],
) -> RecordItem:
    row, token = one.row, one.reason.token
    role = None if row.visit is None else roles[row.visit].get(row.object)
    return RecordItem(
        object=row.object,
        media_type=row.media_type,
        size=row.size or 0,
        at=row.begun_at,
        position=row.sealed_position,
        level=None if row.sealed_position is None else levels.get(row.sealed_position),
        owner=people[row.owner],
        visit=row.visit,
        role="reading" if one.reading is not None else role,
        reading=None if one.reading is None else _reading(one.reading, people),
        readers=tuple(people[id] for id in sorted(one.readers)),
        why=one.reason.why,
        token=None if token is None else token.row.token,
        token_until=None if token is None else token.row.not_after,
        token_by=None if token is None else people[token.row.grantor],
        permitted=tuple(_permitted(one, people) for one in one.tokens),
    )


def _refs(row: ObjectRow) -> tuple[str, ...]:
    """As what grants cover an object: itself, and its visit."""
    own = f"object/{row.object}"
    return (own,) if row.visit is None else (own, f"visit/{row.visit}")


def _permitting(row: ObjectRow, state: State) -> tuple[OwnToken, ...]:
    found = [one for ref in _refs(row) for one in tokens_on(ref, state, count_max=PERMITTED_MAX)]
    return tuple(one for one in found if Action.READ in one.row.actions)


def _permitted(one: OwnToken, people: Mapping[str, Person]) -> Permitted:
    row = one.row
    return Permitted(
        token=row.token,
        person=None if row.to_group else people[row.recipient],
        members=len(one.members) if row.to_group else None,
        until=row.not_after,
    )


def _reading(line: ReadingLine, people: Mapping[str, Person]) -> ReadingView:
    return ReadingView(
        device=people[line.device], kind=line.kind, count=line.count, begin=line.begin, end=line.end
    )


def _device(line: DeviceLine, people: Mapping[str, Person]) -> OwnDevice:
    one = line.enrolment
    return OwnDevice(
        device=people[one.device],
        model=one.model,
        maker=line.maker,
        state=one.state,
        connected_at=None if one.firmware is None else format_instant(one.seen_ms),
    )

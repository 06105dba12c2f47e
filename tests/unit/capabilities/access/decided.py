"""A small real ledger in whose bundle access decisions stand, with their documents: for tests of replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import apsw
import msgspec

from telesphor.capabilities.access.model import AccessDenied, Action, Allowed, Ask, Resource, ResourceKind
from telesphor.capabilities.access.service import authorise, permit_standing
from telesphor.capabilities.access.sources import NOTHING, Sources
from telesphor.capabilities.access.store import STORE
from telesphor.capabilities.identity.store import STORE as IDENTITY_STORE
from telesphor.kernel.bundle import write_bundle
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.entry import Entry
from telesphor.kernel.ids import Stream
from telesphor.runtime.capability import Actor, Store
from telesphor.vault.model import Purpose
from tests.support.staff import ALL_CLINICIANS
from tests.unit.verify.builder import Actor as Signer
from tests.unit.verify.builder import Draft, Story


class Moment:
    """What a decision looks at: empty tables, the story's clock and ids."""

    def __init__(self, story: Story) -> None:
        self.db = apsw.Connection(":memory:")
        for store in (IDENTITY_STORE, STORE):
            self.db.execute(store.schema)
        self._world = story.world

    @property
    def now_ms(self) -> int:
        return self._world.clock.now_ms()

    def new_id(self) -> str:
        return self._world.ids.next()

    def new_nonce(self) -> str:
        return self._world.ids.nonce()

    def document(self, _digest: str) -> bytes | None:
        return None

    def next_n(self, stream: str) -> int:
        return self._world.numbers.get(stream, 0)

    def memory_of(self, *_stores: Store) -> dict[str, Any]:
        return {}


@dataclass
class Decided:
    """The visit's story, gone on with by decisions about its record."""

    story: Story = field(default_factory=lambda: Story.told(until="close"))
    documents: dict[Digest, bytes] = field(default_factory=dict)
    positions: list[int] = field(default_factory=list)

    def decide(
        self, signer: Signer, action: str = "read", *, sources: Sources | None = None, **further: Any
    ) -> int:
        """Somebody asks about the record; returns the position of the decision's entry."""
        story, now = self.story, self.story.world.clock
        now.advance_ms(1_000)
        record = story.object.split("/")[1]
        resource = Resource(
            kind=ResourceKind.OBJECT,
            id=record,
            owner=story.patient.id,
            readers=(story.clinician.id,),
            **further,
        )
        ask = Ask(action=Action(action), resource=resource, purpose=Purpose.TREATMENT)
        actor = Actor(signer.id, signer.kind, "")
        try:
            allowed: Allowed | AccessDenied = authorise(actor, ask, Moment(story), sources=sources or NOTHING)
        except AccessDenied as denied:
            allowed = denied
        return self._write(signer, allowed, ("object.read/1", {"object": record}))

    def stand(self, signer: Signer) -> int:
        """Somebody opens visits, once for all."""
        self.story.world.clock.advance_ms(1_000)
        place = Resource(kind=ResourceKind.ORGANISATION, id=self.story.clinic.id)
        ask = Ask(action=Action.OPEN_VISIT, resource=place)
        allowed = permit_standing(
            Actor(signer.id, signer.kind, ""), ask, Moment(self.story), sources=ALL_CLINICIANS
        )
        return self._write(signer, allowed, ("visit.open/1", {}))

    def entry(self, position: int) -> Entry:
        return self.story.world.entry(position)

    def receipt(self, position: int) -> dict[str, Any]:
        """The receipt of a decision."""
        digest: Any = self.entry(position).body["receipt"]
        found: dict[str, Any] = msgspec.json.decode(self.documents[digest])
        return found

    def bundle(self, *, documents: Mapping[Digest, bytes] | None = None) -> bytes:
        """A bundle of exactly these decisions."""
        shown = self.documents if documents is None else documents
        parts = self.story.selected(set(self.positions), documents=tuple(shown.values()))
        return write_bundle(parts, sign=self.story.world.node.key)

    def _write(self, signer: Signer, said: Allowed | AccessDenied, command: tuple[str, Any]) -> int:
        world = self.story.world
        draft = said.drafts[0]
        evidence = world.request(signer, [command])
        self.documents |= {digest_of(data): data for data in said.documents}
        body = msgspec.to_builtins(draft.body)
        position = world.append(signer, Draft(draft.type, Stream(draft.stream), body), evidence)
        self.positions.append(position)
        return position

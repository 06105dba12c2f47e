"""The vault as a state machine: whatever is done in whatever order, killed and restarted, a naive model agrees.

The model is a dictionary of what each object should be. After every step: a reader reads exactly what was
written; nobody else reads; an erased object has no key record, no part, and no trace of its wraps in
the files; the state tables are the fold of the entries.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ObjectId
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Actor
from telesphor.runtime.database import open_database
from telesphor.vault.capability import RECORDED
from telesphor.vault.erasure import check_objects, delete_abandoned, finish_erasures
from telesphor.vault.errors import (
    ObjectAlreadySealed,
    ObjectErased,
    ObjectExists,
    ObjectNotSealed,
    SealMismatch,
    UploadComplete,
    UploadExpired,
    UploadIncomplete,
)
from telesphor.vault.model import UPLOAD_GRACE_SECONDS, UPLOAD_LIFETIME_SECONDS, Stored
from telesphor.vault.objects import PART_PLAINTEXT
from tests.unit.vault.test_erasure import record_erasure
from tests.unit.vault.world import Denied, World

SIZES = st.sampled_from([0, 1, 1_000, PART_PLAINTEXT - 1, PART_PLAINTEXT, PART_PLAINTEXT + 1])


@dataclass
class Model:
    """What one object should be."""

    owner: Actor
    readers: set[str]
    begun_ms: int
    content: bytes
    kept_parts: int = 0
    stored: Stored | None = None
    state: str = "begun"
    wraps: list[bytes] = field(default_factory=list)


class VaultMachine(RuleBasedStateMachine):
    objects: Bundle[str] = Bundle("objects")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vault-machine-"))
        self.world = World(self.folder)
        self.people = [self.world.owner, self.world.reader, self.world.stranger]
        self.model: dict[str, Model] = {}

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.folder)

    # Writing.

    @rule(
        target=objects, who=st.integers(0, 2), reader=st.integers(0, 2), size=SIZES, fill=st.integers(0, 255)
    )
    def begin(self, who: int, reader: int, size: int, fill: int) -> str:
        owner, named = self.people[who], self.people[reader]
        ticket = self.world.begin(actor=owner, readers=(named,))
        content = bytes([fill]) * size
        self.model[ticket.object] = Model(owner, {owner.id, named.id}, self.world.clock.now_ms(), content)
        return ticket.object

    @rule(object_id=objects)
    def begin_again(self, object_id: str) -> None:
        with pytest.raises(ObjectExists):
            self.world.begin(object_id=object_id)

    @rule(object_id=objects)
    def upload_one_part_and_break(self, object_id: str) -> None:
        """A part is kept when it is whole, and one that only reached the store is taken over."""
        model = self.model[object_id]
        if not self._takes_bytes(model) or len(model.content) < PART_PLAINTEXT or model.kept_parts:
            return
        self.world.resume(object_id, actor=model.owner)
        with self.world.vault.uploads.open(ObjectId(object_id)) as upload:
            upload._keep(model.content[:PART_PLAINTEXT], 0, False)
        model.kept_parts = 1

    @rule(object_id=objects)
    def upload_the_rest(self, object_id: str) -> None:
        model = self.model[object_id]
        try:
            ticket = self.world.resume(object_id, actor=model.owner)
        except TelesphorError as error:
            expected = {"sealed": ObjectAlreadySealed, "erased": ObjectErased, "begun": UploadExpired}[
                model.state
            ]
            assert type(error) is expected
            assert model.state != "begun" or not self._is_young(model)
            return
        if model.stored is not None:
            with pytest.raises(UploadComplete):
                self.world.vault.receive(ticket.ticket, io.BytesIO(b"other"))
            return
        model.stored = self.world.vault.receive(ticket.ticket, io.BytesIO(model.content))
        assert model.stored.size == len(model.content)

    @rule(object_id=objects, wrong=st.booleans())
    def seal(self, object_id: str, wrong: bool) -> None:
        model = self.model[object_id]
        stored = model.stored or Stored(0, "sha256:" + "0" * 64, 1)
        if wrong:
            stored = Stored(stored.size + 1, stored.digest, stored.parts)
        try:
            self.world.seal(object_id, stored, actor=model.owner)
        except TelesphorError as error:
            assert type(error) is self._seal_refusal(model, wrong)
            return
        assert self._seal_refusal(model, wrong) is None
        model.state = "sealed"
        model.wraps = [wrap.sealed for wrap in self.world.vault.records.wraps(object_id)]

    def _seal_refusal(self, model: Model, wrong: bool) -> type[TelesphorError] | None:
        if model.state == "erased":
            return ObjectErased
        if model.state == "sealed":
            return ObjectAlreadySealed
        if not self._is_young(model):
            return UploadExpired
        if model.stored is None:
            return UploadIncomplete
        return SealMismatch if wrong else None

    # Reading.

    @rule(object_id=objects, who=st.integers(0, 2))
    def read(self, object_id: str, who: int) -> None:
        model, actor = self.model[object_id], self.people[who]
        try:
            assert self.world.get(object_id, actor=actor) == model.content
        except Denied:
            assert actor.id not in model.readers
        except ObjectErased:
            assert model.state == "erased"
        except ObjectNotSealed:
            assert model.state == "begun"
        else:
            assert actor.id in model.readers
            assert model.state == "sealed"

    # Who reads, and the end.

    @rule(object_id=objects, who=st.integers(0, 2), reader=st.integers(0, 2))
    def rewrap(self, object_id: str, who: int, reader: int) -> None:
        model, actor, named = self.model[object_id], self.people[who], self.people[reader]
        try:
            self.world.rewrap(object_id, named, actor=actor)
        except Denied:
            assert actor is not model.owner
        except ObjectErased:
            assert model.state == "erased"
        else:
            assert actor is model.owner
            model.readers = {model.owner.id, named.id}
            model.wraps += [wrap.sealed for wrap in self.world.vault.records.wraps(object_id)]

    @rule(object_id=objects, who=st.integers(0, 2))
    def erase(self, object_id: str, who: int) -> None:
        model, actor = self.model[object_id], self.people[who]
        try:
            self.world.erase(object_id, actor=actor)
        except Denied:
            assert actor is not model.owner
        except ObjectErased:
            assert model.state == "erased"
        else:
            assert actor is model.owner
            model.state = "erased"

    @rule(object_id=objects)
    def erase_and_be_killed_before_the_deletion(self, object_id: str) -> None:
        model = self.model[object_id]
        if model.state == "erased":
            return
        record_erasure(self.world, object_id)
        model.state = "erased"
        with pytest.raises(ObjectErased):
            self.world.read(object_id, actor=model.owner)
        self.restart()

    # The world around.

    @rule()
    def restart(self) -> None:
        self.world.close()
        self.world.start()
        finish_erasures(self.world.vault)

    @precondition(lambda self: any(model.state == "begun" for model in self.model.values()))
    @rule()
    def wait_for_uploads_to_be_given_up(self) -> None:
        self.world.clock.advance_ms((UPLOAD_LIFETIME_SECONDS + UPLOAD_GRACE_SECONDS + 1) * 1000)
        delete_abandoned(self.world.vault)
        for object_id, model in self.model.items():
            if model.state == "begun":
                assert self.world.vault.records.wraps(object_id) == []

    # What holds always.

    @invariant()
    def erased_objects_left_nothing(self) -> None:
        for object_id, model in self.model.items():
            if model.state == "erased":
                assert self.world.vault.records.wraps(object_id) == []
                assert self.world.vault.records.upload(object_id) is None
                assert list(self.world.blobs.list(f"objects/{object_id}")) == []
                assert not any(self.world.on_disk(sealed) for sealed in model.wraps)

    @invariant()
    def living_objects_are_sound(self) -> None:
        assert list(check_objects(self.world.vault)) == []

    @invariant()
    def exactly_the_readers_hold_wraps(self) -> None:
        for object_id, model in self.model.items():
            if model.state == "sealed":
                wraps = self.world.vault.records.wraps(object_id)
                assert {wrap.actor for wrap in wraps if wrap.role == "reader"} == model.readers
                assert [wrap.actor for wrap in wraps if wrap.role == "node"] == [self.world.node.id]

    @invariant()
    def the_tables_are_the_fold_of_the_entries(self) -> None:
        assert RECORDED.store is not None
        fresh = open_database(":memory:")
        fresh.execute(RECORDED.store.schema)
        reader = EntryReader(self.folder / "ledger.sqlite", self.world.registry)
        for entry in reader.entries(first=0, end=reader.size()):
            RECORDED.store.apply(fresh, entry)
        for table in RECORDED.store.tables:
            sql = f"SELECT * FROM {table} ORDER BY 1, 2"
            assert fresh.execute(sql).fetchall() == reader.db.execute(sql).fetchall()
        reader.db.close()
        fresh.close()

    def _is_young(self, model: Model) -> bool:
        return self.world.clock.now_ms() - model.begun_ms <= UPLOAD_LIFETIME_SECONDS * 1000

    def _takes_bytes(self, model: Model) -> bool:
        return model.state == "begun" and model.stored is None and self._is_young(model)


TestVaultMachine = VaultMachine.TestCase
TestVaultMachine.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

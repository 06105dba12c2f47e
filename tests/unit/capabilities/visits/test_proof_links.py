"""What a visit's bundle holds of what the visit was built on: whole streams, key histories and documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.capabilities.visits import proof
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel import canonical
from telesphor.kernel.bundle import Bundle, read_bundle
from telesphor.kernel.digest import digest_of
from telesphor.kernel.document import digests_in
from telesphor.kernel.entry import parse_entry
from telesphor.ledger import bundles
from telesphor.ledger.entries import EntryReader
from telesphor.verify.asked import GROUNDS
from telesphor.verify.causes import CAUSES
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.follow_links import LINK_ROLES, WHOLE_ROLES
from tests.support.papers import link_papers, papers_capability, put_papers, say_papers
from tests.unit.capabilities.visits.clinic import Clinic, read
from tests.unit.capabilities.visits.test_proof import make_bundle
from tests.unit.capabilities.world import World

RULE = b"permit(principal, action, resource);"
RECEIPT = canonical.encode({"rules": [digest_of(RULE)]})
ROLES = sorted(GROUNDS - {"access"})
TYPES = sorted({type for role in ROLES for type in LINK_ROLES[role]})


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    world = World(tmp_path, papers_capability(*TYPES, "token.revoked/1", "note.made/1"))
    world.begin()
    yield Clinic(world)
    world.close()


class Grants:
    """A visit that is built on a token, which was delegated from another, and on the run of a contract."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic = clinic
        self.world = clinic.world
        self.grantor = self.world.enrol("person", by=clinic.hospital)
        self.visit = clinic.open()
        self.parent, self.token = self.world.ids.next(), self.world.ids.next()

    def ask(self, wallet: Wallet, *commands: Command) -> int:
        return self.world.ask(wallet, *commands).first

    def mint(self) -> None:
        self.ask(self.grantor, put_papers("token.minted/1", f"token/{self.parent}", RULE))
        child = put_papers("token.minted/1", f"token/{self.token}", parent=self.parent)
        self.ask(self.clinic.hospital, child)

    def use(self) -> None:
        accepted = put_papers(
            "token.accepted/1", f"token/{self.token}", visit=self.visit, role="token", parent=None
        )
        self.ask(self.clinic.clinician, accepted)

    def run(self, *papers: bytes) -> None:
        stream = f"contract/{self.clinic.hospital.actor}"
        self.say(stream, *papers)
        self.ask(self.clinic.clinician, link_papers(stream, visit=self.visit, role="contract"))

    def say(self, stream: str, *papers: bytes) -> None:
        """A run of a contract: the node's own word."""
        self.world.record_own_word(*say_papers("contract.executed/1", stream, *papers))

    def revoke(self, token: str) -> int:
        return self.ask(self.grantor, put_papers("token.revoked/1", f"token/{token}"))

    def bundle(self, *, size: int | None = None) -> Bundle:
        data = make_bundle(self.world, self.visit, size=size)
        report = verify_bundle(data)
        assert report.passed, report.to_text()
        return read_bundle(data)

    def types(self, bundle: Bundle) -> list[str]:
        entries = self.world.entries()
        return [entries[held.position].type for held in bundle.entries]


@pytest.fixture
def grants(clinic: Clinic) -> Grants:
    return Grants(clinic)


def test_token_comes_whole_with_the_one_above_it_and_the_keys_of_all(grants: Grants) -> None:
    grants.mint()
    grants.use()
    grants.clinic.close(grants.visit)
    for token in (grants.token, grants.parent):
        grants.revoke(token)
    bundle = grants.bundle()
    types = grants.types(bundle)
    assert types.count("token.minted/1") == 2
    assert types.count("token.accepted/1") == 1
    assert types.count("token.revoked/1") == 2
    assert f'"stream":"actor/{grants.grantor.actor}"'.encode() in b"".join(
        entry.data for entry in bundle.entries
    )
    assert RULE in bundle.documents.values()


def test_streams_of_what_is_linked_go_as_far_as_the_checkpoint(grants: Grants) -> None:
    grants.mint()
    grants.use()
    grants.clinic.close(grants.visit)
    revoked = grants.revoke(grants.token)
    assert "token.revoked/1" not in grants.types(grants.bundle(size=revoked))
    assert "token.revoked/1" in grants.types(grants.bundle(size=revoked + 1))


def test_runs_come_alone_with_all_their_documents(grants: Grants) -> None:
    stream = f"contract/{grants.clinic.hospital.actor}"
    grants.say(stream, b"of another run")
    grants.ask(grants.clinic.hospital, put_papers("note.made/1", f"note/{grants.world.ids.next()}", RULE))
    grants.run(RECEIPT)
    grants.clinic.close(grants.visit)
    bundle = grants.bundle()
    assert grants.types(bundle).count("contract.executed/1") == 1
    assert {RECEIPT, RULE} <= set(bundle.documents.values())
    assert b"of another run" not in bundle.documents.values()


def test_forgotten_document_leaves_the_proof_standing(grants: Grants) -> None:
    grants.run(RECEIPT, RULE)
    grants.clinic.close(grants.visit)
    grants.world.db.execute("DELETE FROM documents WHERE digest = ?", (digest_of(RECEIPT),))
    shown = set(grants.bundle().documents.values())
    assert RULE in shown
    assert RECEIPT not in shown


def test_visit_is_proved_also_where_there_is_no_room_for_all_its_documents(
    grants: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has much written down within a visit could otherwise keep others from proving it."""
    grants.run(*(b"%d" % number for number in range(50)))
    grants.clinic.close(grants.visit)
    monkeypatch.setattr(bundles, "DOCUMENTS_MAX", 7)
    assert len(grants.bundle().documents) == 7


def test_read_comes_with_the_decision_that_allowed_it_and_what_it_was_decided_from(grants: Grants) -> None:
    clinic = grants.clinic
    record = grants.world.put(clinic.hospital, readers=(clinic.clinician.actor, clinic.patient.actor))
    grants.ask(clinic.clinician, read(grants.visit, record))
    clinic.close(grants.visit)
    bundle = grants.bundle()
    held = {entry.position for entry in bundle.entries}
    decided = [
        entry
        for entry in grants.world.entries()
        if entry.type == "access.decided/1" and entry.position in held
    ]
    assert decided
    for entry in decided:
        assert digests_in(parse_entry(entry.data).body) & set(bundle.documents), (
            "a decision without a receipt"
        )


@pytest.mark.parametrize("role", ROLES)
def test_each_role_brings_its_entry_and_whole_streams_where_they_can_end(grants: Grants, role: str) -> None:
    [type, *_] = sorted(LINK_ROLES[role])
    stream = f"{role}/{grants.world.ids.next()}"
    if CAUSES.get(type) == {}:
        grants.say(stream)
        grants.say(stream)
        grants.ask(grants.clinic.hospital, link_papers(stream, visit=grants.visit, role=role))
    else:
        grants.ask(grants.clinic.hospital, put_papers(type, stream))
        grants.ask(grants.clinic.hospital, put_papers(type, stream, visit=grants.visit, role=role))
    grants.clinic.close(grants.visit)
    assert grants.types(grants.bundle()).count(type) == (2 if role in WHOLE_ROLES else 1)


def test_entries_that_were_not_made_with_their_link_are_found_on_long_streams(
    grants: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract runs for years; what a visit links of it is found without reading it all into memory."""
    stream = f"contract/{grants.world.ids.next()}"
    for _ in range(4):
        grants.say(stream)
    grants.ask(grants.clinic.hospital, link_papers(stream, visit=grants.visit, role="contract"))
    for _ in range(3):
        grants.say(stream)
    grants.clinic.close(grants.visit)

    def refuse(_reader: EntryReader, name: str) -> list[object]:
        assert not name.startswith("contract/")
        return original(_reader, name)  # type: ignore[return-value]

    original = EntryReader.stream
    monkeypatch.setattr(proof, "LOOK_BACK_ENTRIES", 0)
    monkeypatch.setattr(EntryReader, "stream", refuse)
    assert grants.types(grants.bundle()).count("contract.executed/1") == 1

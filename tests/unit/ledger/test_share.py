"""Sharing: what was chosen verifies, nothing else comes along, and the ledger says so before anyone has it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from telesphor.client.wallet import Wallet
from telesphor.kernel import canonical
from telesphor.kernel.bundle import OpenedCommitment, Selection, read_bundle
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import CommitmentRefused, commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import LimitExceeded, TelesphorError
from telesphor.ledger import bundles, share
from telesphor.ledger.bundles import FILE_OVERHEAD_BYTES, BundleSource, Room, gather_documents
from telesphor.ledger.checkpoints import CheckpointMissing
from telesphor.ledger.entries import EntryMissing, EntryReader, EntryUnreadable
from telesphor.ledger.share import RequestShowsMore, Share, ShareRefused, format_ranges, share_bundle
from telesphor.verify.check_bundle import verify_bundle
from tests.support.papers import papers_capability, put_papers
from tests.support.trees import TreeInMemory
from tests.unit.capabilities.visits.clinic import Clinic, reading
from tests.unit.capabilities.world import ORIGIN, World

KEY = secrets.token_bytes(32)
VALUE = canonical.encode([72])


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    world = World(tmp_path, papers_capability("paper.put/1"))
    world.begin()
    yield Clinic(world)
    world.close()


def record(clinic: Clinic, visit: str, *, count: int = 1) -> list[int]:
    """Readings of one request each; returns their positions."""
    found = []
    for _ in range(count):
        name, body = reading(visit, clinic.world.put(clinic.device))
        assert isinstance(body, Mapping)
        body = {**body, "commitment": commit(VALUE, key32=KEY)}
        found.append(clinic.world.ask(clinic.device, (name, body)).first)
    return found


def make(clinic: Clinic, positions: list[int], *, size: int | None = None, **options: object) -> Share:
    world = clinic.world
    tree = TreeInMemory(world.entries())
    reader = EntryReader(world.path, world.registry)
    try:
        return share_bundle(
            Selection(world.ids.next(), "a complaint about a reading"),
            positions,
            reader=reader,
            checkpoint=tree.checkpoint(world.log, at_ms=world.clock.now_ms(), size=size),
            source=BundleSource(ORIGIN, world.log.vkeys(), tree, world.node.signing_key),
            made_at=format_instant(world.clock.now_ms()),
            **options,  # type: ignore[arg-type]
        )
    finally:
        reader.close()


def opening(position: int, *, key: bytes = KEY, value: bytes = VALUE) -> OpenedCommitment:
    return OpenedCommitment(position=position, member="commitment", key=key, value=value)


def test_shared_entry_verifies_with_its_value_and_says_what_it_is_for(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    report = verify_bundle(make(clinic, [position], opened=[opening(position)]).bundle)
    assert report.passed
    assert report.subject.startswith("selection/")
    assert report.purpose == "a complaint about a reading"
    assert "the ledger had committed to what is shown here in 1 place" in report.to_text()


def test_only_what_was_chosen_and_key_histories_come_along(clinic: Clinic) -> None:
    visit = clinic.open()
    _, second, _ = record(clinic, visit, count=3)
    clinic.close(visit)
    bundle = read_bundle(make(clinic, [second]).bundle)
    entries = {entry.position: entry for entry in clinic.world.entries()}
    held = [entry.position for entry in bundle.entries]
    assert [position for position in held if not entries[position].stream.startswith("actor/")] == [0, second]
    actors = {entries[position].stream for position in held if position not in (0, second)}
    assert actors == {f"actor/{clinic.device.actor}", f"actor/{clinic.hospital.actor}"}
    assert not bundle.opened


def test_bundle_holds_nothing_of_entries_that_were_not_chosen(clinic: Clinic) -> None:
    visit = clinic.open()
    _, second = record(clinic, visit, count=2)
    hidden = [entry for entry in clinic.world.entries() if entry.position not in (0, second)]
    bundle = make(clinic, [second]).bundle
    told = {entry.position for entry in read_bundle(bundle).entries}
    for entry in hidden:
        if entry.position not in told:
            assert entry.id.encode() not in bundle
            assert entry.data not in bundle
    assert visit.encode() in bundle  # the chosen reading names its visit itself


def test_share_is_on_the_ledger_with_the_digest_of_the_file_and_without_its_purpose(clinic: Clinic) -> None:
    positions = record(clinic, clinic.open(), count=2)
    made = make(clinic, positions, opened=[opening(positions[0])])
    clinic.world.ask(clinic.world.node, made.command)
    last = clinic.world.entries()[-1]
    assert last.type == "share.made/1"
    assert last.actor == clinic.world.node.actor
    assert last.body.file == digest_of(made.bundle)
    assert last.body.entries == format_ranges(positions)
    assert [(one.position, one.member) for one in last.body.opened] == [(positions[0], "commitment")]
    assert b"complaint" not in last.data


def test_share_itself_can_be_shared(clinic: Clinic) -> None:
    command = make(clinic, record(clinic, clinic.open())).command
    made = clinic.world.ask(clinic.hospital, command).first
    assert verify_bundle(make(clinic, [made]).bundle).passed


def test_request_that_shows_more_than_was_chosen_is_refused_unless_allowed(clinic: Clinic) -> None:
    world, visit = clinic.world, clinic.open()
    commands = [reading(visit, world.put(clinic.device)) for _ in range(2)]
    receipt = world.ask(clinic.device, *commands)
    first = receipt.first
    with pytest.raises(RequestShowsMore):
        make(clinic, [first])
    assert verify_bundle(make(clinic, [first], whole_requests=True).bundle).passed
    assert verify_bundle(make(clinic, list(range(first, first + len(receipt.entries)))).bundle).passed


def test_second_entry_of_one_command_need_not_be_chosen(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    assert clinic.world.entries()[position + 1].type == "visit.object-linked/1"
    assert verify_bundle(make(clinic, [position]).bundle).passed


RULE = b"permit(principal, action, resource);"
RECEIPT = canonical.encode({"rules": [digest_of(RULE)]})


def put(clinic: Clinic, *papers: bytes) -> int:
    """An entry that names these documents; returns its position."""
    stream = f"paper/{clinic.world.ids.next()}"
    return clinic.world.ask(clinic.hospital, put_papers("paper.put/1", stream, *papers)).first


def forget(clinic: Clinic, paper: bytes) -> None:
    clinic.world.db.execute("DELETE FROM documents WHERE digest = ?", (digest_of(paper),))


def shown(clinic: Clinic, positions: list[int], *, with_documents: bool = False) -> set[bytes]:
    """The documents in a share that verifies."""
    made = make(clinic, positions, with_documents=with_documents).bundle
    report = verify_bundle(made)
    assert report.passed, report.to_text()
    return set(read_bundle(made).documents.values())


def test_documents_come_along_only_where_it_is_said(clinic: Clinic) -> None:
    put(clinic, RULE)
    position = put(clinic, RECEIPT)
    assert shown(clinic, [position]) == set()
    assert shown(clinic, [position], with_documents=True) == {RULE, RECEIPT}


def test_documents_of_entries_that_were_not_chosen_stay_hidden(clinic: Clinic) -> None:
    put(clinic, RECEIPT)
    position = put(clinic, RULE)
    assert shown(clinic, [position], with_documents=True) == {RULE}


def test_forgotten_document_is_absent_with_what_only_it_named(clinic: Clinic) -> None:
    put(clinic, RULE)
    position = put(clinic, RECEIPT, b"another")
    forget(clinic, RECEIPT)
    assert shown(clinic, [position], with_documents=True) == {b"another"}


def test_document_that_is_not_what_was_kept_is_refused(clinic: Clinic) -> None:
    position = put(clinic, RULE)
    changed = (b"forbid(principal, action, resource);", digest_of(RULE))
    clinic.world.db.execute("UPDATE documents SET data = ? WHERE digest = ?", changed)
    with pytest.raises(EntryUnreadable):
        make(clinic, [position], with_documents=True)


def test_documents_beyond_a_bundle_are_refused_before_all_are_read(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = put(clinic, RULE, RECEIPT)
    monkeypatch.setattr(bundles, "DOCUMENTS_MAX", 1)
    with pytest.raises(LimitExceeded):
        make(clinic, [position], with_documents=True)


def test_documents_are_taken_as_far_as_there_is_room(clinic: Clinic) -> None:
    """Nearest first, so that each has its reason among those that were taken."""
    put(clinic, RULE)
    position = put(clinic, RECEIPT)
    reader = EntryReader(clinic.world.path, clinic.world.registry)
    entry = reader.entry(position)
    cost = len(RECEIPT) + FILE_OVERHEAD_BYTES

    def gather(files: int, size: int, *, refuse: bool) -> list[bytes]:
        return gather_documents([entry], reader, room=Room(files, size), refuse=refuse)

    assert gather(2, 2 * cost, refuse=True) == [RECEIPT, RULE]
    for room in (Room(1, 2 * cost), Room(2, cost), Room(2, cost + FILE_OVERHEAD_BYTES)):
        assert gather(*room, refuse=False) == [RECEIPT]
        with pytest.raises(LimitExceeded):
            gather(*room, refuse=True)
    assert gather(0, cost, refuse=False) == gather(1, cost - 1, refuse=False) == []
    reader.close()


def test_digest_that_somebody_says_in_a_text_of_theirs_shows_no_document(clinic: Clinic) -> None:
    """Who may say something freely in a document could otherwise have another's shown."""
    put(clinic, RULE)
    said = canonical.encode({"said": json.dumps({"x": digest_of(RULE)})})
    assert shown(clinic, [put(clinic, said)], with_documents=True) == {said}


def test_nothing_chosen_is_refused(clinic: Clinic) -> None:
    for positions in ([], [0]):
        with pytest.raises(ShareRefused):
            make(clinic, positions)


def test_entry_that_is_not_there_is_refused(clinic: Clinic) -> None:
    with pytest.raises(EntryMissing):
        make(clinic, [10_000])


def test_entry_beyond_the_checkpoint_is_refused(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    with pytest.raises(CheckpointMissing):
        make(clinic, [position], size=position)


def test_older_checkpoint_shows_key_histories_as_far_as_it_reaches(clinic: Clinic) -> None:
    world = clinic.world
    [position] = record(clinic, clinic.open())
    world.ask(clinic.hospital, ("actor.retire/1", {"id": clinic.device.actor}))
    retired = len(world.entries()) - 1
    older, newer = (read_bundle(make(clinic, [position], size=size).bundle) for size in (retired, None))
    held = [{entry.position for entry in bundle.entries} for bundle in (older, newer)]
    assert held[1] - held[0] == {retired}


def test_too_many_entries_are_refused(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    positions = record(clinic, clinic.open(), count=2)
    monkeypatch.setattr(share, "SHARED_ENTRIES_MAX", 1)
    with pytest.raises(LimitExceeded):
        make(clinic, positions)


def test_value_that_was_not_committed_to_is_refused(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    for wrong in (opening(position, value=b"[73]"), opening(position, key=bytes(32))):
        with pytest.raises(CommitmentRefused):
            make(clinic, [position], opened=[wrong])


def test_commitment_of_an_entry_that_was_not_chosen_is_refused(clinic: Clinic) -> None:
    first, second = record(clinic, clinic.open(), count=2)
    with pytest.raises(ShareRefused):
        make(clinic, [first], opened=[opening(second)])


def test_opening_of_what_is_no_commitment_is_refused(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    wrong = OpenedCommitment(position=position, member="nothing", key=KEY, value=VALUE)
    with pytest.raises(ShareRefused):
        make(clinic, [position], opened=[wrong])


def test_two_openings_of_one_entry_are_refused(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    with pytest.raises(TelesphorError, match="same path"):
        make(clinic, [position], opened=[opening(position)] * 2)


def refused(clinic: Clinic, wallet: Wallet, **changes: object) -> str:
    [position] = record(clinic, clinic.open())
    name, body = make(clinic, [position]).command
    return clinic.code_of(wallet, (name, {**body, **changes}))


def test_person_may_not_share(clinic: Clinic) -> None:
    assert refused(clinic, clinic.clinician) == "share-not-permitted"
    assert refused(clinic, clinic.device) == "share-not-permitted"


def test_organisation_of_the_node_may_share(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    receipt = clinic.world.ask(clinic.hospital, make(clinic, [position]).command)
    assert receipt.entries[0].type == "share.made/1"


def test_selection_is_recorded_once(clinic: Clinic) -> None:
    [position] = record(clinic, clinic.open())
    command = make(clinic, [position]).command
    clinic.world.ask(clinic.world.node, command)
    assert clinic.code_of(clinic.world.node, command) == "share-exists"


@pytest.mark.parametrize("ranges", [[[5, 4]], [[3, 4], [5, 6]], [[5, 6], [3, 3]], [[0, 100_000]]])
def test_ranges_that_are_not_rising_runs_of_the_ledger_are_refused(
    clinic: Clinic, ranges: list[list[int]]
) -> None:
    assert refused(clinic, clinic.world.node, entries=ranges) == "share-refused"


def test_positions_are_written_as_rising_ranges() -> None:
    assert format_ranges([7, 1, 3, 2, 9, 8]) == ((1, 3), (7, 9))
    assert format_ranges([4]) == ((4, 4),)
    assert format_ranges([]) == ()

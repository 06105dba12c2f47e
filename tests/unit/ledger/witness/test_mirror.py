"""A validator reads every entry behind what it cosigns, and names the first that is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from telesphor.kernel.checkpoint import Checkpoint
from telesphor.kernel.clock import ManualClock
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.ids import IdSource
from telesphor.kernel.merkle import MemoryReader, consistency_path, leaf_hash, root_at
from telesphor.ledger.witness import mirror as module
from telesphor.ledger.witness.mirror import Mirror
from telesphor.ledger.witness.model import EntriesRefused, WitnessBusy, WitnessRefusal, format_request
from telesphor.ledger.witness.routes import WitnessDesk
from telesphor.runtime.blobs import BlobMissing
from tests.support.witnesses import NOW_SECONDS, ORIGIN, Tree, log_signer, make_witness

IDS = IdSource(ManualClock(NOW_SECONDS * 1000))


def entry(stream: str, n: int) -> bytes:
    fields = {
        "v": 1,
        "type": "note.added/1",
        "id": IDS.next(),
        "at": "2026-11-22T11:51:15.123Z",
        "actor": IDS.next(),
        "stream": stream,
        "n": n,
        "body": {},
        "salt": IDS.nonce(),
        "evidence": None,
    }
    data = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    parse_entry(data)
    return data


class Log:
    """A log of real entries in two streams, which is also the source of them."""

    def __init__(self, count: int) -> None:
        self.streams = [f"notebook/{IDS.next()}" for _ in range(2)]
        self.data = [entry(self.streams[i % 2], i // 2) for i in range(count)]
        self.reads: list[tuple[int, int]] = []
        self.down = False

    async def entries(self, first: int, end: int) -> list[bytes]:
        if self.down:
            raise BlobMissing("gone")
        self.reads.append((first, end))
        return self.data[first:end]

    def request(self, old_size: int, size: int, data: list[bytes] | None = None) -> bytes:
        reader = MemoryReader([leaf_hash(one) for one in (data or self.data)])
        checkpoint = Checkpoint(ORIGIN, size, root_at(size, reader))
        note = log_signer().sign(checkpoint, time_seconds=NOW_SECONDS)
        return format_request(old_size=old_size, proof=consistency_path(old_size, size, reader), note=note)


class Validator:
    """A witness with a mirror in a folder; `restart` opens both again."""

    def __init__(self, folder: Path, log: Log) -> None:
        self.folder, self.log = folder, log
        self.open()

    def open(self) -> None:
        self.mirror = Mirror(self.folder / "mirror.sqlite", {ORIGIN: self.log})
        origins = (ORIGIN, "other.example/x")
        self.desk = WitnessDesk(make_witness(self.folder, origins=origins), entry_check=self.mirror)

    def restart(self) -> None:
        self.close()
        self.open()

    def close(self) -> None:
        self.desk.close()
        self.mirror.close()

    async def refuses(self, body: bytes) -> WitnessRefusal:
        with pytest.raises(WitnessRefusal) as caught:
            await self.desk.add_checkpoint(body)
        return caught.value


@pytest.fixture
def log() -> Log:
    return Log(600)


@pytest.fixture
def validator(tmp_path: Path, log: Log) -> Iterator[Validator]:
    validator = Validator(tmp_path, log)
    yield validator
    validator.close()


async def test_each_entry_is_read_once_as_the_log_grows(validator: Validator, log: Log) -> None:
    for old, size in ((0, 10), (10, 10), (10, 300), (300, 600)):
        await validator.desk.add_checkpoint(log.request(old, size))
    assert log.reads == [(0, 10), (10, 256), (256, 300), (300, 512), (512, 600)]


async def test_after_a_restart_only_what_was_not_kept_is_read_again(validator: Validator, log: Log) -> None:
    await validator.desk.add_checkpoint(log.request(0, 100))
    await validator.desk.add_checkpoint(log.request(100, 200))
    validator.restart()
    log.reads.clear()
    await validator.desk.add_checkpoint(log.request(200, 300))
    assert log.reads == [(100, 200), (200, 256), (256, 300)]


def without(data: bytes, name: str) -> bytes:
    fields = json.loads(data)
    del fields[name]
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def renumbered(data: bytes, n: int) -> bytes:
    return json.dumps(json.loads(data) | {"n": n}, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: without(data, "salt"), "entry `77` is refused"),
        (lambda data: b" " + data, "entry `77` is refused"),
        (lambda data: b"x" * 70_000, "entry `77` is refused"),
        (lambda data: renumbered(data, 39), "number `39` of its stream, where `38` is next"),
        (lambda data: renumbered(data, 37), "number `37` of its stream, where `38` is next"),
    ],
    ids=["field-missing", "not-canonical", "too-large", "gap", "twice"],
)
async def test_a_wrong_entry_is_422_and_named(
    validator: Validator, log: Log, spoil: Callable[[bytes], bytes], says: str
) -> None:
    honest = list(log.data)
    await validator.desk.add_checkpoint(log.request(0, 50))
    log.data[77] = spoil(log.data[77])
    refusal = await validator.refuses(log.request(50, 100))
    assert (type(refusal), refusal.status) == (EntriesRefused, 422)
    assert says in refusal.message
    log.data = honest
    await validator.desk.add_checkpoint(log.request(50, 100))  # nothing was remembered of it


async def test_entries_that_are_not_those_of_the_root_are_422(validator: Validator, log: Log) -> None:
    signed = list(log.data)
    log.data[5] = entry(log.streams[1], 2)  # valid, with the right number, and another one
    refusal = await validator.refuses(log.request(0, 10, signed))
    assert (refusal.status, refusal.message) == (
        422,
        "the entries `0` to `9` are not those of the signed root",
    )


async def test_entries_that_are_kept_back_are_422(validator: Validator, log: Log) -> None:
    body = log.request(0, 600)
    del log.data[590:]
    assert "entry `590` is not given" in (await validator.refuses(body)).message


async def test_more_entries_than_were_asked_are_422(validator: Validator, log: Log) -> None:
    class Generous(Log):
        async def entries(self, first: int, end: int) -> list[bytes]:
            return self.data[first : end + 5]

    log.__class__ = Generous
    assert (await validator.refuses(log.request(0, 10))).status == 422


async def test_a_source_that_is_down_is_503_and_later_fine(validator: Validator, log: Log) -> None:
    log.down = True
    refusal = await validator.refuses(log.request(0, 10))
    assert (type(refusal), refusal.status) == (WitnessBusy, 503)
    log.down = False
    await validator.desk.add_checkpoint(log.request(0, 10))


async def test_a_large_ledger_is_read_over_several_submissions(
    validator: Validator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GAP_ENTRIES_MAX", 256)
    for left in (344, 88):
        refusal = await validator.refuses(log.request(0, 600))
        assert (type(refusal), refusal.message) == (WitnessBusy, f"`{left}` entries are left to validate")
    await validator.desk.add_checkpoint(log.request(0, 600))
    assert log.reads == [(0, 256), (256, 512), (512, 600)]


async def test_what_was_read_of_a_large_ledger_must_be_of_the_root_too(
    validator: Validator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GAP_ENTRIES_MAX", 256)
    honest = list(log.data)
    log.data[5] = entry(log.streams[1], 2)  # valid, and not what was signed
    assert (await validator.refuses(log.request(0, 400, honest))).status == 503
    log.data = honest
    refusal = await validator.refuses(log.request(0, 400))
    assert refusal.message == "the entries `0` to `399` are not those of the signed root"
    assert (await validator.refuses(log.request(0, 400))).status == 503  # from the beginning
    await validator.desk.add_checkpoint(log.request(0, 400))


async def test_a_wrong_entry_far_into_a_large_ledger_is_422(
    validator: Validator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GAP_ENTRIES_MAX", 256)
    log.data[511] = renumbered(log.data[511], 254)
    assert (await validator.refuses(log.request(0, 600))).status == 503
    assert "entry `511` is number `254`" in (await validator.refuses(log.request(0, 600))).message


async def test_a_smaller_tree_is_cosigned_while_a_larger_one_is_being_read(
    validator: Validator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GAP_ENTRIES_MAX", 256)
    assert (await validator.refuses(log.request(0, 600))).status == 503
    await validator.desk.add_checkpoint(log.request(0, 200))
    for old, size in ((200, 300), (300, 600)):
        await validator.desk.add_checkpoint(log.request(old, size))


async def test_reading_that_is_given_up_goes_on_where_it_was(
    validator: Validator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Log):
        async def entries(self, first: int, end: int) -> list[bytes]:
            if first == 256:
                await asyncio.sleep(10)
            return await super().entries(first, end)

    monkeypatch.setattr(module, "CHECK_SECONDS", 0.2)
    log.__class__ = Slow
    assert (await validator.refuses(log.request(0, 600))).status == 503
    monkeypatch.setattr(module, "CHECK_SECONDS", 10.0)
    log.__class__ = Log
    await validator.desk.add_checkpoint(log.request(0, 600))
    assert log.reads == [(0, 256), (256, 512), (512, 600)]


async def test_more_streams_than_can_be_held_are_503(
    validator: Validator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STREAMS_MAX", 1)
    for _ in range(2):
        assert "streams" in (await validator.refuses(log.request(0, 600))).message
    await validator.desk.add_checkpoint(log.request(0, 1))


async def test_a_branch_that_was_validated_and_not_cosigned_is_forgotten(
    validator: Validator, log: Log
) -> None:
    """Another submission came first: the validated branch must not become the one that counts."""
    await validator.desk.add_checkpoint(log.request(0, 50))
    honest = list(log.data)
    log.data = [*honest[:50], *(entry(log.streams[i % 2], i // 2) for i in range(50, 60))]
    submission = validator.desk.witness.examine(log.request(50, 60))
    await validator.mirror.check(submission)
    log.data = honest
    await validator.desk.add_checkpoint(log.request(50, 70))
    with pytest.raises(WitnessRefusal):
        validator.desk.witness.cosign(submission)
    await validator.desk.add_checkpoint(log.request(70, 80))


async def test_a_log_without_an_agreement_is_witnessed_unread(validator: Validator, log: Log) -> None:
    await validator.desk.add_checkpoint(Tree(9, origin="other.example/x").request(0))
    assert log.reads == []

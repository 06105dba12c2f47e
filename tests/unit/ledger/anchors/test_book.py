"""The book of anchors: one unfinished anchor for each network, durable steps, proofs that a verifier can judge."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from telesphor.kernel.errors import LimitExceeded
from telesphor.ledger.anchors.book import AnchorBook, AnchorMissing, AnchorUnfinished
from telesphor.ledger.anchors.model import FILES_BYTES_MAX, STATE_BYTES_MAX, Cost, Phase, Progress

BITCOIN = "bitcoin-mainnet"
ETHEREUM = "ethereum-1"
DIGEST = sha256(b"checkpoint").digest()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AnchorBook]:
    made = AnchorBook(tmp_path / "published.sqlite")
    yield made
    made.close()


def begin(book: AnchorBook, size: int = 100, network: str = BITCOIN) -> None:
    book.begin(size=size, network=network, digest=DIGEST, state=b"state", now_ms=1000)


def record(
    book: AnchorBook,
    phase: Phase,
    *,
    size: int = 100,
    network: str = BITCOIN,
    cost: Cost | None = None,
    files: dict[str, bytes] | None = None,
) -> None:
    progress = Progress(b"later", phase, f"it is {phase}", cost, files)
    book.record(size=size, network=network, progress=progress, now_ms=2000)


PROOF = {".ots": b"ots", ".headers": b"headers"}


def test_begun_anchor_is_unfinished(book: AnchorBook) -> None:
    begin(book)
    found = book.unfinished(BITCOIN)
    assert found is not None
    assert (found.size, found.digest, found.state, found.phase, found.begun_at_ms) == (
        100,
        DIGEST,
        b"state",
        "waiting",
        1000,
    )
    assert found.cost is None and found.done_at_ms is None
    assert book.unfinished(ETHEREUM) is None


def test_second_anchor_of_a_network_is_refused_while_one_is_unfinished(book: AnchorBook) -> None:
    begin(book)
    with pytest.raises(AnchorUnfinished):
        begin(book, size=200)
    record(book, "confirmed", files=PROOF)
    with pytest.raises(AnchorUnfinished):
        begin(book, size=200)
    begin(book, size=200, network=ETHEREUM)


def test_same_checkpoint_is_not_anchored_twice_on_a_network(book: AnchorBook) -> None:
    begin(book)
    record(book, "final", files=PROOF)
    with pytest.raises(AnchorUnfinished):
        begin(book)


def test_everything_is_there_after_a_restart(book: AnchorBook, tmp_path: Path) -> None:
    begin(book)
    record(book, "confirmed", cost=Cost("0.00001000", "BTC"), files=PROOF)
    again = AnchorBook(tmp_path / "published.sqlite")
    found = again.unfinished(BITCOIN)
    assert found is not None and (found.state, found.phase, found.says) == (
        b"later",
        "confirmed",
        "it is confirmed",
    )
    assert found.cost == Cost("0.00001000", "BTC")
    assert again.proofs(100) == {"bitcoin-mainnet.ots": b"ots", "bitcoin-mainnet.headers": b"headers"}
    again.close()


@pytest.mark.parametrize("phase", ["final", "failed"])
def test_finished_anchor_never_changes(book: AnchorBook, phase: Phase) -> None:
    begin(book)
    record(book, phase)
    with pytest.raises(AnchorMissing):
        record(book, "waiting")
    last = book.last(BITCOIN)
    assert last is not None and last.phase == phase and last.done_at_ms == 2000


def test_anchor_that_was_not_begun_cannot_come_further(book: AnchorBook) -> None:
    begin(book)
    with pytest.raises(AnchorMissing):
        record(book, "confirmed", size=99)
    with pytest.raises(AnchorMissing):
        record(book, "confirmed", network=ETHEREUM)


def test_reorganisation_removes_the_files(book: AnchorBook) -> None:
    begin(book)
    record(book, "confirmed", files=PROOF)
    assert book.proofs(100)
    record(book, "waiting")
    assert book.proofs(100) == {}


def test_files_stay_while_nothing_new_is_said(book: AnchorBook) -> None:
    begin(book)
    record(book, "confirmed", files=PROOF)
    record(book, "confirmed")
    record(book, "final")
    assert book.files(size=100, network=BITCOIN) == PROOF


def test_timestamp_without_headers_is_no_proof_to_hand_out(book: AnchorBook) -> None:
    begin(book)
    record(book, "waiting", files={".ots": b"promise"})
    assert book.proofs(100) == {}
    assert book.dated_size(5) is None
    assert book.files(size=100, network=BITCOIN) == {".ots": b"promise"}


def test_entries_covered_are_those_no_earlier_anchor_dated(book: AnchorBook) -> None:
    begin(book, size=1000)
    record(book, "final", size=1000, cost=Cost("0.00002000", "BTC"), files=PROOF)
    begin(book, size=1500)
    record(book, "failed", size=1500)
    begin(book, size=5000)
    covered = {anchor.size: anchor.entries_covered for anchor in book.newest()}
    assert covered == {1000: 1000, 1500: 500, 5000: 4000}


def test_cost_is_shown_for_each_entry(book: AnchorBook) -> None:
    begin(book, size=3_000_000)
    record(book, "final", size=3_000_000, cost=Cost("0.00002000", "BTC"), files=PROOF)
    (anchor,) = book.newest()
    assert anchor.cost_per_entry == "0.00000000000667 BTC"
    begin(book, size=10, network=ETHEREUM)
    (free,) = book.of_size(10)
    assert free.cost_per_entry is None


def test_gas_is_kept(book: AnchorBook) -> None:
    begin(book, network=ETHEREUM)
    record(book, "final", network=ETHEREUM, cost=Cost("0.0001", "ETH", 21_640), files={".json": b"{}"})
    (anchor,) = book.of_size(100)
    assert anchor.cost == Cost("0.0001", "ETH", 21_640)
    assert book.proofs(100) == {"ethereum-1.json": b"{}"}


def test_entry_is_dated_by_the_first_checkpoint_that_holds_it(book: AnchorBook) -> None:
    for size in (100, 200):
        begin(book, size=size)
        record(book, "final", size=size, files=PROOF)
    begin(book, size=200, network=ETHEREUM)
    record(book, "confirmed", size=200, network=ETHEREUM, files={".json": b"{}"})
    assert book.dated_size(0) == 100
    assert book.dated_size(99) == 100
    assert book.dated_size(100) == 200
    assert book.dated_size(200) is None
    assert book.dated_size(0, networks_min=2) == 200
    assert book.dated_size(0, networks_min=3) is None


def test_too_large_a_state_or_proof_is_refused(book: AnchorBook) -> None:
    with pytest.raises(LimitExceeded):
        book.begin(size=1, network=BITCOIN, digest=DIGEST, state=bytes(STATE_BYTES_MAX + 1), now_ms=0)
    begin(book)
    with pytest.raises(LimitExceeded):
        record(book, "confirmed", files={".ots": bytes(FILES_BYTES_MAX + 1)})


def test_sentence_can_be_set_alone(book: AnchorBook) -> None:
    begin(book)
    book.say(size=100, network=BITCOIN, says="the node is down")
    found = book.unfinished(BITCOIN)
    assert found is not None and found.says == "the node is down" and found.state == b"state"

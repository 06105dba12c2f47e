"""Which checkpoint proves an entry best, which one is anchored, and what a status says: from what is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from telesphor.kernel.card import Role
from telesphor.kernel.cosignature import Cosigner
from telesphor.kernel.ids import ActorId
from telesphor.kernel.note import format_signatures
from telesphor.kernel.sealing import RecipientKey
from telesphor.kernel.signing import HybridSuite, SigningKey
from telesphor.ledger.anchors.book import AnchorBook
from telesphor.ledger.anchors.model import Cost, Progress
from telesphor.ledger.bundles import Confirmations, index_cards
from telesphor.ledger.checkpoints import CheckpointMissing
from telesphor.ledger.network.judging import Judge
from telesphor.ledger.network.loop import LoopThread
from telesphor.ledger.network.network import SETTLE_MS, Network
from telesphor.ledger.network.standing import Books
from telesphor.ledger.network.status import describe_network
from telesphor.ledger.receipts import Prover
from telesphor.ledger.witness.collector import PeerState
from telesphor.runtime.blobs import open_blobs
from telesphor.runtime.folder import NodeFolder, NodeKeys
from telesphor.runtime.network import NetworkSettings
from tests.support.witnesses import NOW_SECONDS, ORIGIN, cosigner, log_signer, make_card
from tests.unit.ledger.witness.gathering import NOTARY, PLACES, POLICY, Published, witness_name

LEVELS = """
format = "telesphor-levels/1"
validators = 2
[diversity]
organisations = 2
regions = 2
clouds = 2
operators = 1
[notary]
at_least = 1
[anchors]
at_least = 1
networks = ["bitcoin-mainnet"]
confirmations = 6
"""
NAMES = (*(witness_name(place) for place in PLACES[:2]), NOTARY)


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    ledger = Published(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def network(published: Published, tmp_path: Path) -> Iterator[Network]:
    """Two witnesses and a notary, who never answer: what they said is put into the books by the tests."""
    cards = [make_card(name, place=name.split(".")[0]) for name in NAMES[:2]]
    cards.append(make_card(NOTARY, role=Role.NOTARY, place="notary"))
    for number, card in enumerate(cards):
        (tmp_path / f"{number}.json").write_bytes(card)
    (tmp_path / "levels.toml").write_text(LEVELS)
    own = {"organisation": "clinic.example", "region": "eu", "cloud": "own", "operator": "clinic.example"}
    peers = [{"url": f"http://127.0.0.1:{number + 1}", "card": f"{number}.json"} for number in range(3)]
    settings = NetworkSettings.model_validate({**own, "levels": "levels.toml", "witness": peers})
    books = Books(published.checkpoints, published.book, AnchorBook(published.path))
    prover = Prover(book=published.checkpoints, public=open_blobs(str(tmp_path / "public")))
    yield Network(
        NodeFolder(tmp_path),
        settings,
        keys=node_keys(),
        books=books,
        prover=prover,
        chains=(),
        clock=published.clock,
    )
    books.anchors.close()


def node_keys() -> NodeKeys:
    return NodeKeys(
        node_id=ActorId("019a0000-0000-7000-8000-000000000009"),
        log=log_signer(),
        cosigner=Cosigner.generate(f"{ORIGIN}/witness"),
        signing=SigningKey.generate(HybridSuite.ACTOR),
        recipient=RecipientKey.generate(),
    )


def cosign(published: Published, size: int, *names: str, level: int) -> None:
    """As if these had cosigned the checkpoint, which made the level."""
    published.publish(size)
    now_ms = published.clock.now_ms()
    for name in names:
        lines = cosigner(name).cosign(published.tree.checkpoint(size), time_seconds=now_ms // 1000)
        role = Role.NOTARY if name == NOTARY else Role.WITNESS
        card = make_card(name, role=role, place=name.split(".")[0])
        published.book.add(size, cosigner=name, card=card, at_ms=now_ms, lines=format_signatures(lines))
    for reached in range(2, level + 1):
        published.book.reach(size, level=reached, at_ms=now_ms)


def date(network: Network, size: int, *, files: dict[str, bytes], phase: str = "final") -> None:
    anchors, now_ms = network.books.anchors, NOW_SECONDS * 1000
    anchors.begin(size=size, network="bitcoin-mainnet", digest=sha256().digest(), state=b"", now_ms=now_ms)
    progress = Progress(b"", phase, "dated", Cost("0.5", "BTC"), files)  # type: ignore[arg-type]
    anchors.record(size=size, network="bitcoin-mainnet", progress=progress, now_ms=now_ms)


def anchored_size(network: Network) -> int | None:
    note = network._note_to_anchor()
    return None if note is None else int(note.split(b"\n")[1])


def test_position_that_no_checkpoint_holds_is_refused(published: Published, network: Network) -> None:
    published.publish(5)
    with pytest.raises(CheckpointMissing):
        network.standing(5)


def test_what_nobody_confirmed_is_proven_at_the_newest(published: Published, network: Network) -> None:
    published.publish(5)
    published.publish(9)
    assert network.standing(2).size == 9


def test_notarised_checkpoint_is_better_than_a_newer_one(published: Published, network: Network) -> None:
    cosign(published, 5, *NAMES, level=4)
    cosign(published, 7, *NAMES[:2], level=3)
    published.publish(9)
    found = network.standing(2)
    assert found.size == 5
    assert len(found.confirmations.cards) == 4
    assert network.standing(5).size == 7


def test_dated_checkpoint_that_nobody_cosigned_is_worth_less_than_a_notarised_one(
    published: Published, network: Network
) -> None:
    published.publish(5)
    cosign(published, 7, *NAMES, level=4)
    date(network, 5, files={".ots": b"", ".headers": b""})
    assert network.standing(2).size == 7


def test_level_in_the_books_is_not_believed(published: Published, network: Network) -> None:
    """Only signatures count: what is noted beside them is for finding them."""
    cosign(published, 5, level=4)
    assert network.status(9).blocks[0].level == 1


def test_evidence_that_does_not_verify_is_said(published: Published, network: Network) -> None:
    cosign(published, 5, *NAMES, level=4)
    date(network, 5, files={".ots": b"rubbish", ".headers": b""})
    block = network.status(9).blocks[0]
    assert block.level == 1
    assert block.missing.startswith("what is kept of it does not verify")


def test_status_has_the_blocks_of_anchors_too(published: Published, network: Network) -> None:
    published.publish(5)
    date(network, 5, files={})
    for size in range(6, 12):
        published.publish(size)
    status = network.status(3)
    assert [block.size for block in status.blocks] == [11, 10, 9, 5]
    assert status.anchors[0].cost_per_entry == "0.1 BTC"
    assert (status.blocks[-1].level, "L5" in status.blocks[-1].ms_to_level) == (1, False)


def test_addresses_of_peers_are_not_shown_to_everybody(network: Network) -> None:
    inside = "http://10.1.2.3:8421"
    peer = PeerState(
        name="north.example/w",
        organisation="north.example",
        role="witness",
        url=inside,
        acknowledged=0,
        answered_at_ms=None,
        fault="peer-unreachable",
        says=f"the witness at `{inside}` does not answer",
    )
    judge = Judge(ORIGIN, log_signer().vkeys(), POLICY)
    books, card = network.books, network.log_card
    status = describe_network(ORIGIN, books=books, log_card=card, judge=judge, peers=[peer], blocks=1)
    assert status.peers[0].says == "`north.example/w` does not answer"


def test_verdict_follows_the_evidence(published: Published) -> None:
    judge = Judge(ORIGIN, log_signer().vkeys(), POLICY)
    cosign(published, 5, *NAMES[:2], level=3)
    card = make_card(ORIGIN, role=Role.LOG, place="clinic")
    before = Confirmations(index_cards([card, *published.book.cards(5)]))
    assert judge.judge(published.book.note(5), before).level == 3
    assert judge.judge(published.book.note(5), Confirmations(index_cards([card]))).level == 1
    assert judge.judge(published.book.note(5), before).level == 3


def test_checkpoint_of_another_ledger_reaches_nothing(published: Published) -> None:
    published.publish(5)
    other = Judge("other.example/log", log_signer("other.example/log").vkeys(), POLICY)
    assert "does not verify" in other.judge(published.book.note(5), Confirmations()).missing


def test_block_that_is_complete_is_anchored_at_once(published: Published, network: Network) -> None:
    cosign(published, 5, *NAMES, level=4)
    published.publish(9)
    assert anchored_size(network) == 5


def test_block_that_still_waits_for_cosignatures_is_not_anchored(
    published: Published, network: Network
) -> None:
    assert anchored_size(network) is None
    cosign(published, 5, *NAMES[:2], level=3)
    assert anchored_size(network) is None


def test_notary_that_is_down_holds_up_no_anchor(published: Published, network: Network) -> None:
    """Half a minute later the best of what there is since is dated, not what the notary signed yesterday."""
    cosign(published, 3, *NAMES, level=4)
    published.publish(5)
    cosign(published, 7, *NAMES[:2], level=3)
    published.clock.advance_ms(SETTLE_MS)
    published.publish(9)
    assert anchored_size(network) == 7


def test_network_that_is_silent_holds_up_no_anchor(published: Published, network: Network) -> None:
    published.publish(5)
    published.clock.advance_ms(SETTLE_MS)
    assert anchored_size(network) == 5


def test_work_that_fails_ends_its_thread_and_nothing_else() -> None:
    async def fail() -> None:
        raise OSError("the disk")

    thread = LoopThread("test", [fail])
    thread.start()
    thread.stop()
    thread.stop()


def test_thread_without_work_never_begins() -> None:
    thread = LoopThread("a thread without work", [])
    thread.start()
    assert "a thread without work" not in {one.name for one in threading.enumerate()}
    thread.stop()


def test_work_is_cancelled_at_the_stop() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("yes")

    thread = LoopThread("test", [work])
    thread.start()
    thread.stop()
    assert ended in ([], ["yes"])  # It may have been stopped before its first step.

"""Anchoring by calendars: a real one on a real chain, completed with headers or without, and dishonest ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256

import msgspec
import pytest

from telesphor.kernel.chains.anchor import AnchorOfAnotherNetwork
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from telesphor.kernel.chains.timestamp import parse_timestamp_file
from telesphor.ledger.anchors.bitcoin.calendars import (
    CALENDARS_MAX,
    NONCE_BYTES,
    CalendarAddressRefused,
    Calendars,
    CalendarsState,
)
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.rpc import BitcoinRpc
from telesphor.ledger.anchors.model import AnchorUnavailable, Progress, WrongNetwork
from tests.support.bcoin import MiningBcoin, free_port, running_bcoin
from tests.support.calendar import SLOW_SECONDS, Calendar, Manner

DIGEST = sha256(b"the text of a checkpoint").digest()
REGTEST = "bitcoin-regtest"
CONFIRMATIONS = 3
PATIENCE_SECONDS = {"slow": 0.5}
"""A slow calendar is asked several times in a test, and waited for as long as this each time."""


@pytest.fixture(scope="module")
def chain() -> Iterator[MiningBcoin]:
    with running_bcoin(coins=30) as node:
        yield node


def random(count: int) -> bytes:
    return bytes(range(count))


def node_of(chain: MiningBcoin, *, network: str = REGTEST) -> BitcoinNode:
    return BitcoinNode(network, node=BitcoinRpc(chain.node_url, credential_file=chain.credential))


def calendars_of(
    *urls: str, node: BitcoinNode | None = None, needed: int = 1, timeout_seconds: float = 1.0
) -> Calendars:
    return Calendars(
        REGTEST,
        urls,
        random=random,
        node=node,
        needed=needed,
        confirmations=CONFIRMATIONS,
        timeout_seconds=timeout_seconds,
    )


def opened(state: bytes) -> CalendarsState:
    return msgspec.json.decode(state, type=CalendarsState)


async def advance(calendars: Calendars, state: bytes) -> Progress:
    """As far as it comes without anything new happening."""
    progress = await calendars.advance(state)
    while progress.state != state:
        state = progress.state
        progress = await calendars.advance(state)
    return progress


async def test_two_calendars_date_a_digest_and_the_node_completes_the_proof(chain: MiningBcoin) -> None:
    with Calendar(chain) as one, Calendar(chain) as two:
        calendars = calendars_of(one.url, two.url, node=node_of(chain), needed=2)
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        assert promised.phase == "waiting" and "2 of 2 calendars have the digest" in promised.says
        height = one.anchor()
        half = await advance(calendars, promised.state)
        assert half.phase == "confirmed"
        two.anchor()
        chain.mine(CONFIRMATIONS)
        done = await advance(calendars, half.state)
        assert done.phase == "final" and done.cost is None and done.files is not None
        found = verify_bitcoin_anchor(
            digest=DIGEST, ots=done.files[".ots"], headers=done.files[".headers"], network=REGTEST
        )
        assert (found.height, found.confirmations) == (height, CONFIRMATIONS + 2)
        heights = [
            path.attestation.height() for path in parse_timestamp_file(done.files[".ots"], digest=DIGEST)
        ]
        assert sorted(heights, key=str) == [height, height + 1]
        await calendars.close()


async def test_promise_is_kept_as_a_file_that_anyone_can_complete(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        calendars = calendars_of(one.url)
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        assert promised.files is not None and set(promised.files) == {".ots"}
        (path,) = parse_timestamp_file(promised.files[".ots"], digest=DIGEST)
        assert path.attestation.calendar() == one.url
        await calendars.close()


async def test_calendar_learns_nothing_of_the_digest(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        calendars = calendars_of(one.url)
        await calendars.advance(await calendars.prepare(DIGEST))
        assert one.asked == [f"digest {sha256(DIGEST + random(NONCE_BYTES)).hexdigest()}"]
        await calendars.close()


async def test_preparing_asks_no_one(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        await calendars_of(one.url).prepare(DIGEST)
        assert one.asked == []


async def test_without_a_node_the_missing_header_is_said(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        calendars = calendars_of(one.url)
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        height = one.anchor()
        done = await advance(calendars, promised.state)
        assert done.phase == "final" and done.files is not None and set(done.files) == {".ots"}
        assert f"name block {height}" in done.says and "header is to be had elsewhere" in done.says
        # Whoever has the header can complete it.
        node = node_of(chain)
        headers = await node.headers(height, height + 1)
        found = verify_bitcoin_anchor(digest=DIGEST, ots=done.files[".ots"], headers=headers, network=REGTEST)
        assert found.height == height
        await node.close()
        await calendars.close()


REASONS: dict[Manner, str] = {
    "rubbish": "127.0.0.1",
    "huge": "more than",
    "broken": "status 500",
    "moved": "status 302",
    "slow": "cannot be reached",
    "elsewhere": "its own address",
    "crowded": "more parts",
}


@pytest.mark.parametrize("manner", REASONS)
async def test_dishonest_calendar_spoils_nothing_but_itself(chain: MiningBcoin, manner: Manner) -> None:
    with Calendar(chain) as honest, Calendar(chain, manner=manner) as other:
        patience = PATIENCE_SECONDS.get(manner, 1.0)
        calendars = calendars_of(other.url, honest.url, node=node_of(chain), timeout_seconds=patience)
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        assert [calendar.stage for calendar in opened(promised.state).calendars] == ["asked", "pending"]
        assert REASONS[manner] in promised.says
        honest.anchor()
        chain.mine(CONFIRMATIONS - 1)
        done = await advance(calendars, promised.state)
        assert done.phase == "final"
        await calendars.close()


async def test_slow_calendar_does_not_delay_the_others(chain: MiningBcoin) -> None:
    with Calendar(chain) as honest, Calendar(chain, manner="slow") as slow:
        calendars = calendars_of(slow.url, honest.url, timeout_seconds=PATIENCE_SECONDS["slow"])
        began = time.monotonic()
        progress = await calendars.advance(await calendars.prepare(DIGEST))
        assert time.monotonic() - began < SLOW_SECONDS
        assert opened(progress.state).calendars[1].stage == "pending"
        await calendars.close()


async def test_calendar_with_a_proof_of_another_digest_is_not_believed(chain: MiningBcoin) -> None:
    with Calendar(chain, manner="another-digest") as liar:
        calendars = calendars_of(liar.url, node=node_of(chain))
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        liar.anchor()
        chain.mine(CONFIRMATIONS)
        refused = await advance(calendars, promised.state)
        assert refused.phase == "waiting" and "does not hold the digest" in refused.says
        assert refused.files is not None and set(refused.files) == {".ots"}
        assert opened(refused.state).calendars[0].stage == "pending"
        asked = len(liar.asked)
        await advance(calendars, refused.state)
        assert len(liar.asked) == asked, "it is not asked again at once"
        chain.mine(6)
        await advance(calendars, refused.state)
        assert len(liar.asked) > asked, "but it is once a reorganisation would be over"
        await calendars.close()


async def test_honest_calendar_is_final_beside_a_lying_one(chain: MiningBcoin) -> None:
    with Calendar(chain) as honest, Calendar(chain, manner="another-digest") as liar:
        calendars = calendars_of(liar.url, honest.url, node=node_of(chain))
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        liar.anchor()
        height = honest.anchor()
        chain.mine(CONFIRMATIONS)
        done = await advance(calendars, promised.state)
        assert done.phase == "final" and done.files is not None
        found = verify_bitcoin_anchor(
            digest=DIGEST, ots=done.files[".ots"], headers=done.files[".headers"], network=REGTEST
        )
        assert found.height == height
        await calendars.close()


async def test_reorganisation_takes_the_proof_back(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        calendars = calendars_of(one.url, node=node_of(chain))
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        height = one.anchor()
        confirmed = await advance(calendars, promised.state)
        assert confirmed.phase == "confirmed"
        chain.undo(chain.node("getblockhash", height))
        chain.mine_with()
        chain.mine_with()
        undone = await advance(calendars, confirmed.state)
        assert undone.phase == "waiting" and undone.files is not None and ".headers" not in undone.files
        await calendars.close()


async def test_node_behind_the_calendar_is_waited_for(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        calendars = calendars_of(one.url, node=node_of(chain))
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        height = one.anchor()
        named = await calendars_of(one.url).advance(promised.state)
        chain.undo(chain.node("getblockhash", height))
        waiting = await calendars.advance(named.state)
        assert waiting.phase == "waiting" and waiting.state == named.state
        await calendars.close()


async def test_calendar_that_is_down_is_said(chain: MiningBcoin) -> None:
    calendars = calendars_of(f"http://127.0.0.1:{free_port()}")
    progress = await calendars.advance(await calendars.prepare(DIGEST))
    assert progress.phase == "waiting" and progress.files is None
    assert "0 of 1 calendars have the digest" in progress.says and "cannot be reached" in progress.says
    await calendars.close()


async def test_node_of_another_network_judges_nothing(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        other = Calendars(
            "bitcoin-mainnet", [one.url], random=random, node=node_of(chain, network="bitcoin-mainnet")
        )
        promised = await advance(other, await other.prepare(DIGEST))
        one.anchor()
        named = await other.advance(promised.state)
        with pytest.raises(WrongNetwork):
            await other.advance(named.state)
        await other.close()


async def test_node_that_is_down_loses_no_answer(chain: MiningBcoin) -> None:
    with Calendar(chain) as one:
        down = BitcoinNode(REGTEST, node=BitcoinRpc(f"http://127.0.0.1:{free_port()}/"))
        calendars = calendars_of(one.url, node=down)
        promised = await advance(calendars, await calendars.prepare(DIGEST))
        one.anchor()
        named = await calendars.advance(promised.state)
        assert opened(named.state).calendars[0].stage == "named"
        with pytest.raises(AnchorUnavailable):
            await calendars.advance(named.state)
        await calendars.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://calendar.example",
        "ftp://127.0.0.1",
        "https://u:p@calendar.example",
        "https://",
        "https://c.example?x=1",
    ],
)
def test_address_that_is_not_safe_is_refused(url: str) -> None:
    with pytest.raises(CalendarAddressRefused):
        calendars_of(url)


@pytest.mark.parametrize(("count", "needed"), [(0, 1), (CALENDARS_MAX + 1, 1), (2, 3), (2, 0)])
def test_impossible_numbers_of_calendars_are_refused(count: int, needed: int) -> None:
    with pytest.raises(CalendarAddressRefused):
        calendars_of(*(f"https://c{number}.example" for number in range(count)), needed=needed)


def test_same_calendar_twice_is_refused() -> None:
    with pytest.raises(CalendarAddressRefused):
        calendars_of("https://c.example", "https://c.example")


def test_calendars_are_of_a_bitcoin_network() -> None:
    with pytest.raises(AnchorOfAnotherNetwork):
        Calendars("ethereum-1", ["https://c.example"], random=random)

"""OpenTimestamps files against two implementations by other authors: PyPI `opentimestamps` and npm `opentimestamps`.

Ours are made on a real regtest chain, by a transaction of our own and through a calendar, and both peers read
them, write them back to the same bytes (PyPI) and verify them against the header of the chain's node. Theirs,
the examples that npm ships, we read and write back; those with operations that we do not accept are refused.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from bitcoin.core import CBlockHeader
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation
from opentimestamps.core.serialize import BytesDeserializationContext, BytesSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile

from telesphor.demo.bcoin import find_node_program, until
from telesphor.kernel.chains.anchor import AnchorMalformed
from telesphor.kernel.chains.timestamp import (
    TimestampPath,
    bitcoin_attestation,
    format_timestamp_file,
    parse_timestamp_file,
    pending_attestation,
)
from telesphor.ledger.anchors.bitcoin.calendars import Calendars
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.own import OwnTransactions
from telesphor.ledger.anchors.bitcoin.rpc import BitcoinRpc
from telesphor.ledger.anchors.model import Chain, Progress
from tests.support.bcoin import ROOT, MiningBcoin, running_bcoin
from tests.support.calendar import Calendar

NPM_PACKAGE = ROOT / "node_modules" / "opentimestamps"
EXAMPLES = NPM_PACKAGE / "examples"
DIGEST = sha256(b"the text of a checkpoint").digest()
PEER_SCRIPT = """
const [package_, file, header] = process.argv.slice(-3);
const {DetachedTimestampFile, Notary} = require(package_);
const bytes = require('fs').readFileSync(file);
const detached = DetachedTimestampFile.deserialize(bytes);
const block = JSON.parse(header);
const times = [];
for (const [message, attestation] of detached.timestamp.allAttestations()) {
  if (attestation instanceof Notary.BitcoinBlockHeaderAttestation && attestation.height === block.height) {
    times.push(attestation.verifyAgainstBlockheader(Array.from(message).reverse(), block));
  }
}
const written = Buffer.from(detached.serializeToBytes()).toString('hex');
console.log(JSON.stringify({digest: Buffer.from(detached.fileDigest()).toString('hex'), times, written}));
"""


@pytest.fixture(scope="module", autouse=True)
def npm_peer() -> None:
    """Skips, with the reason, where npm's packages are not installed; in CI they must be."""
    if EXAMPLES.is_dir() and find_node_program() is not None:
        return
    reason = "npm's opentimestamps is not installed: `make setup` installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Proof:
    """A proof of ours, and its block as the chain's node knows it."""

    ots: bytes
    headers: bytes
    height: int
    merkle_root: str
    time_seconds: int


@pytest.fixture(scope="module")
def chain() -> Iterator[MiningBcoin]:
    with running_bcoin(coins=4) as node:
        yield node


@pytest.fixture(scope="module", params=["own", "calendar"])
def proof(chain: MiningBcoin, request: pytest.FixtureRequest) -> Proof:
    return asyncio.run(by_own_transaction(chain) if request.param == "own" else by_calendar(chain))


async def by_own_transaction(chain: MiningBcoin) -> Proof:
    wallet = BitcoinRpc(chain.wallet_url, credential_file=chain.credential)
    node = BitcoinNode(
        "bitcoin-regtest", node=BitcoinRpc(chain.node_url, credential_file=chain.credential), wallet=wallet
    )
    own = OwnTransactions(node, fee_max_sats=100_000, confirmations=2)

    async def mine() -> None:
        until(lambda: len(chain.pool()) == 1)
        chain.mine(2)

    return await proof_of(chain, own, mine)


async def by_calendar(chain: MiningBcoin) -> Proof:
    node = BitcoinNode("bitcoin-regtest", node=BitcoinRpc(chain.node_url, credential_file=chain.credential))
    with Calendar(chain) as calendar:
        calendars = Calendars("bitcoin-regtest", [calendar.url], random=bytes, node=node, confirmations=2)

        async def mine() -> None:
            calendar.anchor()
            chain.mine(1)

        return await proof_of(chain, calendars, mine)


async def proof_of(chain: MiningBcoin, anchoring: Chain, mine: Callable[[], Awaitable[None]]) -> Proof:
    progress = await anchoring.advance(await anchoring.prepare(DIGEST))
    await mine()
    for _ in range(3):
        progress = await anchoring.advance(progress.state)
    await anchoring.close()
    return proof_from(chain, progress)


def proof_from(chain: MiningBcoin, progress: Progress) -> Proof:
    assert progress.phase == "final" and progress.files is not None
    height = chain.node("getblockcount") - 1
    told = chain.node("getblockheader", chain.node("getblockhash", height))
    files = progress.files
    return Proof(files[".ots"], files[".headers"], height, told["merkleroot"], told["time"])


def peer_reads(data: bytes) -> DetachedTimestampFile:
    context = BytesDeserializationContext(data)
    read = DetachedTimestampFile.deserialize(context)
    context.assert_eof()
    return read


def peer_writes(read: DetachedTimestampFile) -> bytes:
    context = BytesSerializationContext()
    read.serialize(context)
    return bytes(context.getbytes())


def test_python_peer_verifies_our_proof_against_the_header(proof: Proof) -> None:
    read = peer_reads(proof.ots)
    assert read.file_digest == DIGEST
    ((message, attestation),) = list(read.timestamp.all_attestations())
    assert isinstance(attestation, BitcoinBlockHeaderAttestation)
    assert attestation.height == proof.height
    header = CBlockHeader.deserialize(proof.headers[:80])
    assert attestation.verify_against_blockheader(message, header) == proof.time_seconds


def test_python_peer_writes_our_proof_back_to_the_same_bytes(proof: Proof) -> None:
    assert peer_writes(peer_reads(proof.ots)) == proof.ots


def test_npm_peer_verifies_our_proof_against_the_header(proof: Proof, tmp_path: Path) -> None:
    told = ask_npm_peer(proof.ots, proof, tmp_path)
    assert told["digest"] == DIGEST.hex()
    assert told["times"] == [proof.time_seconds]
    assert told["written"] == proof.ots.hex()


def test_npm_peer_finds_a_wrong_header(proof: Proof, tmp_path: Path) -> None:
    wrong = Proof(proof.ots, proof.headers, proof.height, "00" * 32, proof.time_seconds)
    with pytest.raises(subprocess.CalledProcessError):
        ask_npm_peer(proof.ots, wrong, tmp_path)


def test_python_peer_writes_forks_in_the_same_order() -> None:
    (path,) = parse_timestamp_file(
        format_timestamp_file([TimestampPath((), bitcoin_attestation(7))], digest=DIGEST), digest=DIGEST
    )
    paths = [
        path,
        TimestampPath((), pending_attestation("https://b.example")),
        TimestampPath((), pending_attestation("https://a.example")),
        *(
            TimestampPath(steps.operations, bitcoin_attestation(height))
            for height, steps in enumerate(read_example("osdsp.txt"))
        ),
    ]
    data = format_timestamp_file(paths, digest=DIGEST)
    assert peer_writes(peer_reads(data)) == data


EXAMPLE_NAMES = [
    "incomplete.txt",
    "two-calendars.txt",
    "merkle1.txt",
    "merkle2.txt",
    "merkle3.txt",
    "osdsp.txt",
]
UNKNOWN_NOTARIES = ["known-and-unknown-notary.txt", "unknown-notary.txt"]


@pytest.mark.parametrize("name", EXAMPLE_NAMES + UNKNOWN_NOTARIES)
def test_example_of_the_peer_is_read_and_written_back(name: str) -> None:
    data = (EXAMPLES / f"{name}.ots").read_bytes()
    assert format_timestamp_file(read_example(name), digest=example_digest(name)) == data


def test_example_names_the_block_and_root_that_the_peer_reads() -> None:
    """A proof that a public calendar made on mainnet."""
    ours = {
        (path.attestation.height(), path.message(example_digest("osdsp.txt")))
        for path in read_example("osdsp.txt")
        if path.attestation.height() is not None
    }
    theirs = {
        (attestation.height, message)
        for message, attestation in peer_reads(
            (EXAMPLES / "osdsp.txt.ots").read_bytes()
        ).timestamp.all_attestations()
        if isinstance(attestation, BitcoinBlockHeaderAttestation)
    }
    assert ours == theirs and {height for height, _ in ours} == {523364}


@pytest.mark.parametrize("name", ["hello-world.txt", "empty", "bad-stamp.txt"])
def test_example_with_ripemd160_is_refused(name: str) -> None:
    data = (EXAMPLES / f"{name}.ots").read_bytes()
    with pytest.raises(AnchorMalformed, match="0x03"):
        parse_timestamp_file(data, digest=peer_reads(data).file_digest)


def read_example(name: str) -> tuple[TimestampPath, ...]:
    return parse_timestamp_file((EXAMPLES / f"{name}.ots").read_bytes(), digest=example_digest(name))


def example_digest(name: str) -> bytes:
    return sha256((EXAMPLES / name).read_bytes()).digest()


def ask_npm_peer(data: bytes, proof: Proof, folder: Path) -> dict[str, object]:
    program = find_node_program()
    assert program is not None
    file = folder / "proof.ots"
    file.write_bytes(data)
    header = json.dumps({"height": proof.height, "merkleroot": proof.merkle_root, "time": proof.time_seconds})
    words = [program, "-e", PEER_SCRIPT, str(NPM_PACKAGE), str(file), header]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout
    answer: dict[str, object] = json.loads(told)
    return answer

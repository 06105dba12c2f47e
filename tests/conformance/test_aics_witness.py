"""An independent witness (PyPI `aics-witness`) and ours speak the same protocol, in both directions.

It knows Ed25519 alone: log keys of type 0x01 and cosignatures of type 0x04. So it takes our checkpoints by their
Ed25519 line and ignores the ML-DSA-44 line as one of an unknown key; and of our witness's two lines its client
takes the first. What it signs verifies here as the Ed25519 half of a cosignature, but never counts as a witness:
one half alone is refused (`half-signature`), because a witness here has two keys.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from telesphor.kernel.cosignature import TimedEd25519Verifier
from telesphor.kernel.note import open_note, parse_vkey
from telesphor.ledger.witness.client import (
    PeerAhead,
    PeerAnswerRefused,
    PeerRefused,
    read_answer,
    submit_checkpoint,
)
from tests.support.witnesses import (
    NOW_SECONDS,
    ORIGIN,
    Tree,
    clock,
    cosigner,
    log_signer,
    make_witness,
    peer_at,
    serving_witness,
)

aics = pytest.importorskip("aics_witness", reason="`make setup` installs aics-witness")

NAME = "independent.example/w1"
TREE = Tree(300)


class Independent:
    """The other witness, served on loopback."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.store = aics.WitnessStore(folder / "aics.db", create=True)
        log = aics.LogConfig.from_strings(ORIGIN, [log_signer().vkeys()[0]])
        self.witness: Any = aics.Witness(
            NAME, Ed25519PrivateKey.generate(), self.store, [log], clock=lambda: float(NOW_SECONDS)
        )
        self.server: Any = aics.make_server(self.witness)
        self.url: str = str(self.server.url).rstrip("/")
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()
        self.store.close()


@pytest.fixture
def independent(tmp_path: Path) -> Iterator[Independent]:
    witness = Independent(tmp_path)
    yield witness
    witness.close()


async def submit(url: str, size: int, *, acknowledged: int = 0, tree: Tree = TREE) -> bytes:
    async def prove(old_size: int, new_size: int) -> Sequence[bytes]:
        return tree.proof(old_size, new_size)

    async with aiohttp.ClientSession() as session:
        return await submit_checkpoint(
            session, url, note=tree.note(size), acknowledged=acknowledged, consistency=prove
        )


async def test_it_cosigns_our_checkpoints_through_our_client(independent: Independent) -> None:
    verifier = TimedEd25519Verifier(parse_vkey(independent.witness.vkey_text))
    for acknowledged, size in ((0, 7), (7, 100), (100, 100), (0, 300)):
        answer = await submit(independent.url, size, acknowledged=acknowledged)
        _, signed = open_note(TREE.note(size) + answer, [verifier])
        assert signed == (verifier,)


async def test_its_refusals_are_understood(independent: Independent) -> None:
    await submit(independent.url, 100)
    with pytest.raises(PeerRefused, match="422"):
        await submit(independent.url, 200, acknowledged=100, tree=TREE.fork(50))
    with pytest.raises(PeerRefused, match="404"):
        await submit(independent.url, 2, tree=Tree(2, origin="stranger.example/x"))
    with pytest.raises(PeerAhead):
        await submit(independent.url, 50)


async def test_its_line_alone_is_no_cosignature_here(independent: Independent) -> None:
    answer = await submit(independent.url, 7)
    with pytest.raises(PeerAnswerRefused):
        read_answer(answer, peer_at(independent.url), note=TREE.note(7), clock=clock())


def test_its_client_takes_our_witness_s_cosignature(tmp_path: Path) -> None:
    with serving_witness(make_witness(tmp_path)) as url:
        vkey = cosigner().vkeys()[0]
        with aics.WitnessClient(url, vkey, clock=lambda: float(NOW_SECONDS)) as client:
            for size in (1, 64, 65, 300):
                line = client.submit(TREE.note(size), TREE.proof)
                verifier = TimedEd25519Verifier(parse_vkey(vkey))
                assert open_note(TREE.note(size) + line.encode(), [verifier])[1] == (verifier,)
        # A second client knows no size, and learns it from our 409.
        with aics.WitnessClient(url, vkey, clock=lambda: float(NOW_SECONDS)) as client:
            client.submit(TREE.note(300), TREE.proof)


def test_its_client_understands_our_refusals(tmp_path: Path) -> None:
    with (
        serving_witness(make_witness(tmp_path)) as url,
        aics.WitnessClient(url, cosigner().vkeys()[0], clock=lambda: float(NOW_SECONDS)) as client,
    ):
        client.submit(TREE.note(100), TREE.proof)
        fork = TREE.fork(50)
        with pytest.raises(aics.WitnessRejected, match="422"):
            client.submit(fork.note(200), fork.proof)
        with pytest.raises(aics.WitnessAhead):
            client.submit(TREE.note(50), TREE.proof, old_size=0)
        stranger = Tree(3, origin="stranger.example/x")
        with pytest.raises(aics.WitnessRejected, match="404"):
            client.submit(stranger.note(), stranger.proof)

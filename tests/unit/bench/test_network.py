"""The benchmark of the network measures every part of it with real witnesses; never how fast."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from telesphor.bench import child, network
from telesphor.bench.child import MeasurementFailed
from telesphor.bench.confirmed import Proven
from telesphor.bench.cosigned import NOTARISED, SIGNED, Committed, no_chains, waits_for
from telesphor.bench.limits import Limits
from telesphor.bench.load import drive_lanes, load_requests, post_bytes
from telesphor.bench.run import Run
from telesphor.bench.witnessed import PASSPHRASE, Rounds
from telesphor.kernel.clock import SystemClock
from telesphor.ledger.witness.book import BlockProgress
from telesphor.ledger.witness.standalone import open_witness
from telesphor.ledger.witness.store import NEVER
from tests.torture.processes import ready_made

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def block(size: int, *, signed_ms: int, notarised_ms: int | None = None) -> BlockProgress:
    reached = {SIGNED: signed_ms} | ({} if notarised_ms is None else {NOTARISED: notarised_ms})
    return BlockProgress(size, signed_ms, {}, reached)


def test_entry_waits_for_the_first_checkpoint_that_holds_it() -> None:
    blocks = [block(10, signed_ms=1_000, notarised_ms=1_500), block(20, signed_ms=2_000, notarised_ms=2_100)]
    committed = [Committed(9, 900), Committed(10, 950)]
    assert waits_for(SIGNED, committed, blocks) == [0.1, 1.05]
    assert waits_for(NOTARISED, committed, blocks) == [0.6, 1.15]


def test_later_checkpoint_counts_when_it_came_through_sooner() -> None:
    slow, quick = (
        block(10, signed_ms=1_000, notarised_ms=9_000),
        block(20, signed_ms=2_000, notarised_ms=2_100),
    )
    never = block(15, signed_ms=1_500)
    assert waits_for(NOTARISED, [Committed(3, 1_000)], [quick, never, slow]) == [1.1]


def test_entry_that_never_got_there_fails_the_measurement() -> None:
    with pytest.raises(MeasurementFailed, match="L4"):
        waits_for(
            NOTARISED, [Committed(10, 0)], [block(10, signed_ms=1, notarised_ms=2), block(11, signed_ms=3)]
        )


def test_a_real_witness_cosigns_every_request_of_every_round(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, logs=2, requests=2, rounds=2)
    with open_witness(rounds.witness, passphrase=PASSPHRASE, clock=SystemClock()) as opened:
        for number in range(2):
            for file in rounds.files(number):
                for request in load_requests([file]):
                    assert opened.desk.witness.add_checkpoint(request.partition(b"\r\n\r\n")[2])
        memory = opened.desk.witness._store
        assert memory.seen("bench.example/log-0").size == memory.seen("bench.example/log-1").size > 1_000
        assert memory.seen("bench.example/log-2") == NEVER


def test_lanes_keep_their_order_on_connections_of_their_own() -> None:
    lanes = [
        [post_bytes("/", f"{lane}{n}".encode(), media_type="text/plain") for n in range(4)] for lane in "ab"
    ]
    seen: list[list[bytes]] = [[], []]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=take_all, args=(listener, found)) for found in seen]
        for thread in threads:
            thread.start()
        driven = drive_lanes(lanes, port=listener.getsockname()[1])
        for thread in threads:
            thread.join()
    assert driven.statuses == {200: 8}
    assert sorted(seen) == [[b"a0", b"a1", b"a2", b"a3"], [b"b0", b"b1", b"b2", b"b3"]]


def take_all(listener: socket.socket, found: list[bytes]) -> None:
    connection = listener.accept()[0]
    with connection:
        while data := connection.recv(65_536):
            found.append(data[-2:])
            connection.sendall(ANSWER)


def test_what_dates_a_proof_is_said_and_what_is_missing() -> None:
    dated = Proven(b"", b"", b"", (), (), b"", 1, 1, ("bitcoin-regtest", "ethereum-31337"), ())
    assert network.tell_anchors(dated) == "anchors of bitcoin-regtest and ethereum-31337"
    assert (
        network.tell_anchors(replace(dated, networks=(), missing=("no anvil here",)))
        == "no anchor (no anvil here)"
    )


def test_chains_that_are_not_wanted_are_not_missed() -> None:
    with ExitStack() as stack:
        chains = no_chains(stack)
    assert chains.networks == () and chains.missing == ()


def test_witness_is_measured_beside_what_it_cannot_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "_SPAWN", ready_made())
    monkeypatch.setattr(network, "ROUNDS", 1)
    run = Run(tmp_path, 1_000_000, Limits(tmp_path, seconds=0.001), lambda _doing: None)
    figure = network._measure_witness(run, logs=2, requests=2)
    assert figure.value > 0 and figure.ratio is not None
    assert "per request" in figure.spent and "witness" in figure.spent

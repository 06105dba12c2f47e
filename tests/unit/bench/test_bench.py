"""The benchmark's machinery: the table, the ratios, the load generator; never how fast anything is."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from telesphor.bench import machine, session, vault, writer
from telesphor.bench.capability import PACK, PACKED_ENTRIES
from telesphor.bench.child import Companion, MeasurementFailed, Told, in_child
from telesphor.bench.clocks import ThreadTimes, peak_bytes
from telesphor.bench.figures import (
    MET,
    MISSED,
    Figure,
    Peer,
    at_least,
    at_most,
    middle,
    missed,
    percentile,
    render,
    show,
)
from telesphor.bench.host import describe_host
from telesphor.bench.ledger import ORIGIN, open_ledger
from telesphor.bench.limits import Limits, count_calls
from telesphor.bench.load import drive, is_whole, load_requests, post_bytes, save_requests
from telesphor.bench.run import Run
from telesphor.kernel.checkpoint import LogSigner

FAST = Figure("writer", "commands", 30_000, "/s", at_least(25_000), Peer("bare inserts", 60_000))
SLOW = Figure("proofs", "one proof", 3, "ms", at_most(2), Peer("bare reads", 0.5), spent="reading")
PLAIN = Figure("machine", "bare fdatasync", 1_234.5, "/s")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, 1_000_000, Limits(tmp_path, seconds=0.001), lambda _doing: None)


def test_a_figure_that_reaches_its_target_is_met() -> None:
    assert FAST.mark == MET
    assert at_least(10).mark(10) == MET and at_most(10).mark(10) == MET


def test_a_figure_beyond_its_target_is_missed() -> None:
    assert SLOW.mark == MISSED
    assert at_least(10).mark(9.9) == MISSED and at_most(10).mark(10.1) == MISSED


def test_every_kind_of_figure_has_its_group() -> None:
    assert list(session.GROUPS) == [
        *("machine", "writer", "http", "links", "network", "proofs", "vault"),
        *("decisions", "factors", "reads", "contracts", "rooms", "messages"),
    ]


def test_a_figure_without_target_or_peer_has_neither_mark_nor_ratio() -> None:
    assert PLAIN.mark == "" and PLAIN.ratio is None


def test_ratio_is_the_figure_over_its_peer() -> None:
    assert FAST.ratio == 0.5
    assert SLOW.ratio == 6


def test_table_has_one_aligned_line_for_each_figure() -> None:
    head, rule, *rows = render([FAST, SLOW, PLAIN]).splitlines()
    assert head.startswith("group") and set(rule) == {"-"}
    assert [row.split()[0] for row in rows] == ["writer", "proofs", "machine"]
    assert rows[0].endswith("0.50  met") and rows[1].endswith("6.00  missed")
    assert rows[0].index("/s") == rows[2].index("/s")


def test_what_was_missed_is_said_with_where_the_time_went() -> None:
    assert missed([FAST, SLOW, PLAIN]) == [
        "proofs: one proof is 3 ms where <= 2 is wanted; 6.00 of bare reads; reading"
    ]


def test_numbers_are_shown_with_the_digits_that_mean_something() -> None:
    assert [show(value) for value in (25_000, 123.4, 12.345, 0.01234)] == ["25,000", "123", "12.3", "0.0123"]


def test_middle_and_percentile() -> None:
    assert middle([9, 1, 2]) == 2
    assert percentile(list(range(100)), 99) == 99
    assert percentile([], 99) == 0.0


def test_report_names_the_machine_and_what_was_missed() -> None:
    text = session.report([FAST, SLOW], {"processor": "abacus"}, quick=True)
    assert (
        "abacus" in text and "\nmissed\n" in text and "where the time went" in text and "a quick run" in text
    )
    assert "no target was missed" in session.report([FAST], {}, quick=False)


def test_unknown_group_is_refused() -> None:
    with pytest.raises(session.UnknownGroup, match="`speed`"):
        session.run(only=["speed"], quick=True, json=False)


def test_run_prints_json_with_everything_a_figure_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(run: Run) -> Iterator[Figure]:
        yield from (FAST, PLAIN)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(session.GROUPS, "machine", measure)
    assert session.run(only=["machine"], quick=True, json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["figures"][0]["mark"] == MET and told["figures"][0]["ratio"] == 0.5
    assert told["quick"] and "processor" in told["host"]
    assert list(tmp_path.iterdir()) == []


def test_host_is_described(tmp_path: Path) -> None:
    host = describe_host(tmp_path)
    assert {"processor", "system", "python", "libraries", "disk"} <= set(host)
    assert all(host.values())


def test_every_limit_is_measured_once(run: Run) -> None:
    figures = list(machine.measure(run))
    assert len(figures) == 8 and all(figure.value > 0 for figure in figures)
    assert [figure.value for figure in machine.measure(run)] == [figure.value for figure in figures]


def test_counting_calls_works_at_least_once() -> None:
    calls: list[int] = []
    assert count_calls(lambda: calls.append(1), 0.0, block=3) > 0
    assert len(calls) == 3


def test_bench_commands_make_gapless_streams_and_a_checkpoint(tmp_path: Path) -> None:
    with open_ledger(tmp_path, LogSigner.generate(ORIGIN)) as ledger:
        waits = writer.fill_packed(ledger.machine, ledger.actor, PACK, requests=2)
        ledger.wait_for_checkpoint()
        assert len(waits) == 2
        assert ledger.machine.committed_size == ledger.integrator.size == 2 * PACKED_ENTRIES


def test_writer_is_measured_in_any_size(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ROUNDS", 1)
    monkeypatch.setattr(writer, "MANY_CALLERS", 4)
    monkeypatch.setattr(writer, "FEW_CALLERS", 2)
    figures = list(writer.measure(run))
    assert len(figures) == 5 and all(figure.value > 0 for figure in figures)
    assert "writer" in figures[0].spent


def test_vault_is_measured_beside_age(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "ROUNDS", 1)
    names = [figure.name for figure in vault.measure(run)]
    assert sum("against age" in name for name in names) == 2


def test_child_brings_back_its_value_and_its_memory() -> None:
    measured = in_child(os.getpid)
    assert measured.value != os.getpid()
    assert 1 << 20 < measured.peak_bytes < 1 << 30


def test_child_that_breaks_is_told_with_its_traceback() -> None:
    with pytest.raises(MeasurementFailed) as caught:
        in_child(int, "seven")
    assert "ValueError" in caught.value.detail


def echo(told: Told, word: str) -> None:
    """A companion that answers with what it was asked."""
    told.send(word)
    while (asked := told.receive()) is not None:
        told.send(asked)


def test_companion_answers_until_it_is_told_to_end() -> None:
    with Companion(echo, "here") as companion:
        assert companion.ready == "here"
        assert companion.ask(3, 0.5) == (3, 0.5)


def test_threads_are_told_by_name() -> None:
    times = ThreadTimes()
    deadline = threading.Event()
    thread = threading.Thread(
        target=lambda: [sum(range(1_000)) for _ in iter(deadline.is_set, True)], name="busy-1"
    )
    thread.start()
    for _ in range(200):
        sum(range(10_000))
    told = times.spent(10, "round", main="this")
    deadline.set()
    thread.join()
    assert told.startswith("CPU microseconds per round") and "busy" in told
    assert peak_bytes() > 1 << 20


def test_requests_are_kept_exactly(tmp_path: Path) -> None:
    requests = [post_bytes("/add", bytes([n]) * n, media_type="application/octet-stream") for n in range(5)]
    save_requests(tmp_path / "a", requests[:3])
    save_requests(tmp_path / "b", requests[3:])
    assert load_requests([tmp_path / "a", tmp_path / "b"]) == requests


def test_answer_is_whole_only_with_all_of_its_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
    assert is_whole(answer)
    assert not any(is_whole(answer[:size]) for size in range(len(answer)))
    assert is_whole(b"HTTP/1.1 204 No Content\r\n\r\n")


def test_load_sends_each_request_once_and_counts_the_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen: list[bytes] = []
        threads = [threading.Thread(target=answer_all, args=(listener, seen)) for _ in range(2)]
        for thread in threads:
            thread.start()
        requests = [post_bytes("/", str(n).encode(), media_type="text/plain") for n in range(10)]
        driven = drive(requests, port=listener.getsockname()[1], connections=2)
        for thread in threads:
            thread.join()
    assert driven.statuses == {200: 9, 503: 1} and driven.done == 9
    assert sorted(seen) == sorted(requests)


def answer_all(listener: socket.socket, seen: list[bytes]) -> None:
    """Serve one connection: every request is fine but the one that says 7; answers come in two pieces."""
    connection = listener.accept()[0]
    with connection:
        while data := connection.recv(65_536):
            seen.append(data)
            connection.sendall(b"HTTP/1.1 503 No\r\n" if data.endswith(b"\r\n7") else b"HTTP/1.1 200 OK\r\n")
            connection.sendall(b"content-length: 2\r\n\r\n{}")

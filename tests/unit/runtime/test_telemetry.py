"""Logs and metrics that cannot leak what they must not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from telesphor.runtime.telemetry import TRACE_FRAMES_MAX, Metrics, configure_logs, log


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    yield
    configure_logs("warning")


def line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("\n") == 1
    return json.loads(captured.err)  # type: ignore[no-any-return]


def test_event_is_one_json_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    log.info("checkpoint signed", size=7)
    said = line(capsys)
    assert (said["event"], said["level"], said["size"]) == ("checkpoint signed", "info", 7)
    assert str(said["timestamp"]).endswith("Z")


def test_field_that_is_not_on_the_list_is_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")
    log.warning("refused", patient="Jane Doe", body={"pulse": 61}, code="note-refused")
    said = line(capsys)
    assert said.keys() == {"event", "level", "timestamp", "code"}


def test_traceback_is_told_by_its_places_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info")

    def fall(depth: int) -> None:
        if depth == 0:
            raise ValueError("Jane Doe")
        fall(depth - 1)

    try:
        fall(20)
    except ValueError as error:
        log.error("decision failed", error=type(error).__name__, exc_info=error)
    said = line(capsys)
    assert said["error"] == "ValueError"
    assert "Jane" not in json.dumps(said)
    assert isinstance(said["where"], list)
    assert len(said["where"]) == TRACE_FRAMES_MAX
    assert all("test_telemetry.py:" in place for place in said["where"])


def test_level_silences_what_is_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning")
    log.info("not said")
    assert capsys.readouterr().err == ""


def test_metrics_count_batches_and_keep_apart(capsys: pytest.CaptureFixture[str]) -> None:
    mine, other = Metrics(), Metrics()
    mine.batch(requests=3, entries=5)
    mine.batch(requests=1, entries=0)
    assert mine.registry.get_sample_value("telesphor_requests_total") == 4
    assert mine.registry.get_sample_value("telesphor_entries_total") == 5
    assert mine.registry.get_sample_value("telesphor_batch_entries_count") == 1
    assert other.registry.get_sample_value("telesphor_requests_total") == 0
    assert b"telesphor_tree_size" in generate_latest(mine.registry)

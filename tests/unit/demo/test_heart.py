"""Heart recordings: rates are counted, not invented; windows carry what was measured."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from telesphor.demo.heart import (
    WINDOW_SECONDS,
    Recording,
    RecordingsMissing,
    count_beats,
    load_recordings,
    observe,
    overlapping_windows,
    windows,
)

END_MS = 1_700_000_000_000
PERIOD_MS = 10.0


def pulse(*, beats_per_minute: float, seconds: int = WINDOW_SECONDS) -> list[int]:
    """A narrow wave with a lower echo, as a finger shows it."""
    period = 60_000 / beats_per_minute / PERIOD_MS
    phases = [index / period % 1 for index in range(round(seconds * 1000 / PERIOD_MS))]
    return [
        round(400 * math.exp(-(((p - 0.2) / 0.06) ** 2)) + 150 * math.exp(-(((p - 0.55) / 0.06) ** 2)))
        for p in phases
    ]


@pytest.mark.parametrize("rate", [48, 60, 75, 100, 140])
def test_steady_pulse_is_counted(rate: int) -> None:
    counted = count_beats(pulse(beats_per_minute=rate), period_ms=PERIOD_MS)
    assert counted is not None
    assert abs(counted - rate) <= 0.05 * rate


def test_flat_line_has_no_rate() -> None:
    assert count_beats([500] * 1000, period_ms=PERIOD_MS) is None


def test_artefact_has_no_rate() -> None:
    samples = pulse(beats_per_minute=60)
    samples[300:320] = [5_000] * 20
    assert count_beats(samples, period_ms=PERIOD_MS) is None


def test_window_without_a_rate_says_so() -> None:
    (window,) = windows(Recording("flat.csv", PERIOD_MS, (500,) * 1000), end_ms=END_MS)
    observation = json.loads(observe(window, commitment_key=bytes(32)))
    assert "valueQuantity" not in observation
    assert observation["dataAbsentReason"]["coding"][0]["code"] == "unknown"


def test_windows_are_whole_and_end_at_the_given_time() -> None:
    found = list(windows(Recording("pulse.csv", PERIOD_MS, tuple(range(2_500))), end_ms=END_MS))
    assert [len(window.samples) for window in found] == [1_000, 1_000]
    assert found[-1].end_ms == END_MS
    assert found[0].end_ms == found[1].begin_ms


def test_overlapping_windows_begin_a_step_apart_and_never_run_out() -> None:
    recording = Recording("pulse", PERIOD_MS, tuple(pulse(beats_per_minute=60, seconds=25)))
    cut = list(overlapping_windows(recording, step_seconds=2))
    assert [window.begin_ms for window in cut] == [2_000 * number for number in range(8)]
    assert {len(window.samples) for window in cut} == {1_000}
    assert {window.end_ms - window.begin_ms for window in cut} == {WINDOW_SECONDS * 1000}


def test_observation_carries_the_samples_as_they_were_measured() -> None:
    samples = tuple(pulse(beats_per_minute=60))
    (window,) = windows(Recording("pulse.csv", PERIOD_MS, samples), end_ms=END_MS)
    observation = json.loads(observe(window, commitment_key=bytes(32)))
    waveform = observation["component"][0]["valueSampledData"]
    assert tuple(map(int, waveform["data"].split())) == samples
    assert waveform["period"] == PERIOD_MS
    assert observation["code"]["coding"][0]["code"] == "8867-4"


def test_real_recordings_have_the_rates_that_heartpy_reports() -> None:
    try:
        clean, noisy = load_recordings()
    except RecordingsMissing as missing:
        pytest.skip(missing.message)
    # heartpy's documentation gives 62.4 beats per minute over the whole of data.csv.
    rates = [window.beats_per_minute for window in windows(clean, end_ms=END_MS)]
    assert all(rate is not None and 55 <= rate <= 68 for rate in rates)
    assert None in [window.beats_per_minute for window in windows(noisy, end_ms=END_MS)]


def test_missing_recordings_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingsMissing) as caught:
        load_recordings(tmp_path)
    assert "make setup" in caught.value.hint


def test_damaged_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("530\nmany\n")
    with pytest.raises(RecordingsMissing):
        load_recordings(tmp_path)

"""Real heart recordings, cut into windows, as FHIR Observations.

The recordings are the photoplethysmograms that the package `heartpy` brings as example data: someone's
pulse at a finger, as raw values of a converter. Its files are read; its code is never imported. Each
window becomes one Observation of the heart rate (LOINC 8867-4) that carries the waveform itself as
SampledData. The rate is counted from the peaks, and where they do not allow it, none is given: nothing is
invented.

Start at `load_recordings`, then `observe`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median
from typing import Final

from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import Kind, TelesphorError

WINDOW_SECONDS: Final = 10
"""Long enough for half a dozen beats at rest, short enough to follow a change."""

SAMPLES_MAX: Final = 1_000_000
"""Far above the longest of the files; bounds a file that is not what it was."""

# (file, Hz where the file itself has no times: heartpy documents this one as sampled at 100 Hz)
FILES: Final = (("data.csv", 100.0), ("data2.csv", 0.0))

BEAT_SECONDS_MIN: Final = 0.3  # 200 beats per minute
BEAT_SECONDS_MAX: Final = 1.7  # 35 beats per minute
MEAN_SECONDS: Final = 0.75  # about a beat: what lies above the moving mean over it is a pulse wave
STEADY: Final = 0.2  # an interval this near to the median counts as steady
STEADY_SHARE: Final = 0.8
TALL_SHARE: Final = 0.6  # a dicrotic wave is about half as high as its pulse
INTERVALS_MIN: Final = 5

COMMITMENT_KEY_URL: Final = "urn:telesphor:commitment-key"


class RecordingsMissing(TelesphorError):
    """The package with the recordings is not installed, or its files are not there."""

    code = "recordings-missing"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True)
class Recording:
    """Samples of one measurement: raw values of the converter, and how far apart they are."""

    name: str
    period_ms: float
    samples: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A few seconds of a recording, with the time its clock shows (milliseconds since 1970, UTC).

    `beats_per_minute` is None where the signal does not allow to count.
    """

    recording: str
    begin_ms: int
    end_ms: int
    period_ms: float
    samples: tuple[int, ...]
    beats_per_minute: int | None

    def committed_value(self) -> bytes:
        """What the ledger is committed to, in canonical form: the measured values and their time."""
        return canonical.encode(
            {
                "data": " ".join(map(str, self.samples)),
                "from": format_instant(self.begin_ms),
                "period_ms": f"{self.period_ms:.4f}",
                "to": format_instant(self.end_ms),
            }
        )


def load_recordings(folder: Path | None = None) -> tuple[Recording, ...]:
    """Read the recordings of the installed package `heartpy`, or those in `folder`.

    Raises:
        RecordingsMissing: they are not there.
    """
    place = folder or _data_folder()
    try:
        return tuple(_read(place / name, hertz=hertz) for name, hertz in FILES)
    except (OSError, ValueError, csv.Error) as error:
        raise _missing(f"the heart recordings in `{place}` cannot be read") from error


def windows(recording: Recording, *, end_ms: int) -> Iterator[Window]:
    """Cut a recording into whole windows, as if its last whole window had ended at `end_ms`."""
    width = round(WINDOW_SECONDS * 1000 / recording.period_ms)
    count = len(recording.samples) // width
    first_ms = end_ms - round(count * width * recording.period_ms)
    for number in range(count):
        samples = recording.samples[number * width : (number + 1) * width]
        yield Window(
            recording=recording.name,
            begin_ms=first_ms + round(number * width * recording.period_ms),
            end_ms=first_ms + round((number + 1) * width * recording.period_ms),
            period_ms=recording.period_ms,
            samples=samples,
            beats_per_minute=count_beats(samples, period_ms=recording.period_ms),
        )


def overlapping_windows(recording: Recording, *, step_seconds: int) -> Iterator[Window]:
    """Cut a recording into windows that begin `step_seconds` apart, as if it had begun in 1970."""
    width = round(WINDOW_SECONDS * 1000 / recording.period_ms)
    step = round(step_seconds * 1000 / recording.period_ms)
    for first in range(0, len(recording.samples) - width + 1, step):
        samples = recording.samples[first : first + width]
        yield Window(
            recording=recording.name,
            begin_ms=round(first * recording.period_ms),
            end_ms=round((first + width) * recording.period_ms),
            period_ms=recording.period_ms,
            samples=samples,
            beats_per_minute=count_beats(samples, period_ms=recording.period_ms),
        )


def count_beats(samples: Sequence[int], *, period_ms: float) -> int | None:
    """Beats per minute from the median interval between peaks; None where the pulse is not steady enough.

    A peak is the highest sample of a stretch above the moving mean; two peaks closer than a heart can
    beat are one; and one much lower than the others is the echo within a pulse (the dicrotic wave).
    """
    peaks = _tall(_peaks(samples, period_ms), samples)
    intervals = [(later - earlier) * period_ms / 1000 for earlier, later in pairwise(peaks)]
    if len(intervals) < INTERVALS_MIN:
        return None
    usual = median(intervals)
    steady = sum(abs(interval - usual) <= STEADY * usual for interval in intervals)
    if steady < STEADY_SHARE * len(intervals) or not BEAT_SECONDS_MIN <= usual <= BEAT_SECONDS_MAX:
        return None
    return round(60 / usual)


def observe(window: Window, *, commitment_key: bytes) -> bytes:
    """The window as a FHIR R4 Observation (JSON), with the key of its commitment beside it."""
    observation: dict[str, object] = {
        "resourceType": "Observation",
        "extension": [{"url": COMMITMENT_KEY_URL, "valueBase64Binary": base64url.std_encode(commitment_key)}],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "vital-signs",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "effectivePeriod": {"start": format_instant(window.begin_ms), "end": format_instant(window.end_ms)},
        "note": [{"text": f"Replayed from `{window.recording}` of heartpy; a window of the raw waveform."}],
        **_rate(window),
        "component": [_waveform(window)],
    }
    return json.dumps(observation, ensure_ascii=False).encode()


def _rate(window: Window) -> dict[str, object]:
    if window.beats_per_minute is None:
        system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        return {"dataAbsentReason": {"coding": [{"system": system, "code": "unknown"}]}}
    unit = {"unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}
    return {"valueQuantity": {"value": window.beats_per_minute, **unit}}


def _waveform(window: Window) -> dict[str, object]:
    """The samples as they were measured (ISO/IEEE 11073-10101: MDC_PULS_OXIM_PLETH)."""
    code = {"system": "urn:iso:std:iso:11073:10101", "code": "150452", "display": "MDC_PULS_OXIM_PLETH"}
    data = {
        "origin": {"value": 0, "system": "http://unitsofmeasure.org", "code": "1"},
        "period": round(window.period_ms, 4),
        "dimensions": 1,
        "data": " ".join(map(str, window.samples)),
    }
    return {"code": {"coding": [code]}, "valueSampledData": data}


def _peaks(samples: Sequence[int], period_ms: float) -> list[int]:
    reach = max(round(MEAN_SECONDS * 1000 / period_ms / 2), 1)
    apart = BEAT_SECONDS_MIN * 1000 / period_ms
    peaks: list[int] = []
    above: int | None = None
    for index, over in enumerate(_above_mean(samples, reach)):
        if over:
            above = index if above is None or samples[index] > samples[above] else above
        elif above is not None:
            _add_peak(peaks, above, samples, apart)
            above = None
    return peaks


def _above_mean(samples: Sequence[int], reach: int) -> Iterator[bool]:
    """For each sample, whether it is well above the mean of those around it."""
    sums = [0, *accumulate(samples)]
    swing = max(samples) - min(samples)
    for index, sample in enumerate(samples):
        start, end = max(index - reach, 0), min(index + reach + 1, len(samples))
        yield sample > (sums[end] - sums[start]) / (end - start) + swing / 8


def _add_peak(peaks: list[int], index: int, samples: Sequence[int], apart: float) -> None:
    if peaks and index - peaks[-1] < apart:
        if samples[index] > samples[peaks[-1]]:
            peaks[-1] = index
    else:
        peaks.append(index)


def _tall(peaks: list[int], samples: Sequence[int]) -> list[int]:
    if not peaks:
        return []
    floor = min(samples)
    heights = sorted(samples[index] - floor for index in peaks)
    usual = heights[len(heights) * 3 // 4]
    return [index for index in peaks if samples[index] - floor >= TALL_SHARE * usual]


def _data_folder() -> Path:
    spec = find_spec("heartpy")
    if spec is None or not spec.submodule_search_locations:
        raise _missing("the package `heartpy`, whose data are the heart recordings, is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def _read(path: Path, *, hertz: float) -> Recording:
    """A file of one value a line, or of `timer` (milliseconds) and `hr` with a header."""
    with path.open(encoding="ascii", newline="") as file:
        if hertz:
            values = [int(line) for line in file]
            return Recording(path.name, 1000 / hertz, _bounded(values))
        rows = [(float(row["timer"]), int(row["hr"])) for row in csv.DictReader(file)]
    period_ms = (rows[-1][0] - rows[0][0]) / (len(rows) - 1)
    return Recording(path.name, period_ms, _bounded([value for _, value in rows]))


def _bounded(values: list[int]) -> tuple[int, ...]:
    if not 0 < len(values) <= SAMPLES_MAX:
        raise ValueError("too many samples, or none")
    return tuple(values)


def _missing(message: str) -> RecordingsMissing:
    return RecordingsMissing(message, hint="`make setup` installs it")

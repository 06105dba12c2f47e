"""Official HL7 FHIR R4 examples as the records of the demonstration.

They come from the npm package `hl7.fhir.r4.examples` (CC0), byte for byte. Which ones is not chance: the
whole record of one example patient, what it refers to, and some prescriptions of another patient, which
nobody in the visit may read.

Start at `load_records`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from telesphor.capabilities.access.vocabulary import BASE_TEXT, SCHEMA_TEXT
from telesphor.kernel.errors import Kind, TelesphorError

PACKAGE: Final = "hl7.fhir.r4.examples"
MEDIA_TYPE: Final = "application/fhir+json"

PATIENT: Final = "example"
"""The patient of the visit: the example with the most records of its own."""

OTHER_PATIENT: Final = "pat1"
"""Another patient, whose medication stands in the same vault."""

OWN_KINDS: Final = ("Encounter", "Observation", "Condition", "Consent")
SHARED: Final = (("Practitioner", 6), ("Medication", 8))
OTHERS: Final = (
    ("MedicationRequest", 4),
    ("MedicationStatement", 2),
    ("MedicationDispense", 2),
    ("MedicationAdministration", 2),
)

RESOURCE_BYTES_MAX: Final = 1024 * 1024
"""The largest example we take has 30 KB; bounds a file that is not one."""

WORD_CHARS_MIN: Final = 8
"""Shorter words may stand in random base64 by chance: eight letters do once in 10^14 places."""


class ExamplesMissing(TelesphorError):
    """The FHIR examples are not installed, or are not what they should be."""

    code = "examples-missing"
    kind = Kind.NOT_FOUND


@dataclass(frozen=True)
class FhirRecord:
    """One example: its kind and id, its exact bytes, and which patient it is about, if any."""

    kind: str
    id: str
    data: bytes
    patient: str | None

    @property
    def name(self) -> str:
        """Such as `Observation/blood-pressure`; an example's own id, never a person's name."""
        return f"{self.kind}/{self.id}"


def load_records(folder: Path | None = None) -> tuple[FhirRecord, ...]:
    """The chosen examples, in a fixed order.

    Args:
        folder: the unpacked npm package; found in a `node_modules` at or above the current folder, or
            that of this checkout, when it is not given.

    Raises:
        ExamplesMissing: the package is not there, or an example is missing.
    """
    place = folder or find_examples()
    try:
        return tuple(_choose(place))
    except (OSError, ValueError, KeyError) as error:
        raise ExamplesMissing(
            f"the FHIR examples in `{place}` cannot be read", hint="`make setup` installs them"
        ) from error


def find_examples() -> Path:
    """The folder of the npm package, nearest first."""
    for start in (Path.cwd(), Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            found = folder / "node_modules" / PACKAGE
            if (found / "package.json").is_file():
                return found
    raise ExamplesMissing(
        f"the npm package `{PACKAGE}` is not installed here",
        hint="`make setup` installs it; or `npm install` beside package.json",
    )


def telling_words(records: tuple[FhirRecord, ...]) -> frozenset[str]:
    """Names, identifiers, addresses and clinical words of the records: what must not leave the vault.

    A word of the rules that ship, such as `emergency`, tells nothing of anybody.
    """
    words = (word for record in records for word in _words(json.loads(record.data), ""))
    return frozenset(word for word in words if word not in _RULES)


_RULES = BASE_TEXT + SCHEMA_TEXT


def _choose(place: Path) -> Iterator[FhirRecord]:
    yield _read(place / f"Patient-{PATIENT}.json")
    for kind in OWN_KINDS:
        yield from (record for record in _all(place, kind) if record.patient == PATIENT)
    for kind, count in SHARED:
        yield from _first(_all(place, kind), count)
    yield _read(place / f"Patient-{OTHER_PATIENT}.json")
    for kind, count in OTHERS:
        yield from _first((record for record in _all(place, kind) if record.patient == OTHER_PATIENT), count)


def _all(place: Path, kind: str) -> Iterator[FhirRecord]:
    return map(_read, sorted(place.glob(f"{kind}-*.json")))


def _first(records: Iterator[FhirRecord], count: int) -> Iterator[FhirRecord]:
    for _ in range(count):
        record = next(records, None)
        if record is None:
            raise ValueError("fewer examples than there should be")
        yield record


def _read(path: Path) -> FhirRecord:
    with path.open("rb") as file:
        data = file.read(RESOURCE_BYTES_MAX + 1)
    if len(data) > RESOURCE_BYTES_MAX:
        raise ValueError("an example is too large")
    resource = json.loads(data)
    return FhirRecord(resource["resourceType"], resource["id"], data, _patient_of(resource))


def _patient_of(resource: dict[str, Any]) -> str | None:
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    about = resource.get("subject") or resource.get("patient") or {}
    kind, _, name = str(about.get("reference", "")).partition("/")
    return name if kind == "Patient" else None


_TELLING: Final = {"family", "given", "text", "display", "value", "line", "city", "div", "authorString"}


def _words(value: object, member: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _words(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner, member)
    elif isinstance(value, str) and member in _TELLING and len(value) >= WORD_CHARS_MIN:
        yield value

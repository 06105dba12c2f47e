"""The monitor's rules inside Presidio, for monitors that have it: its recognisers and ours in one analyser.

Presidio is an extra (`pip install presidio-analyzer`), imported only here. Ours become a custom recogniser, so that
record numbers, NPIs, member numbers and diagnosis codes are found by the same rules as without it; what its own find
besides is added. It needs no language model: texts are cut into words by a blank pipeline, and nothing is downloaded.

Start at `PresidioScan`.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any, Final

from telesphor.capabilities.messages.monitor.scanner import (
    TEXT_CHARS_MAX,
    Finding,
    Level,
    Scanner,
    Written,
    conclude,
    normalise,
)
from telesphor.kernel.errors import Kind, TelesphorError

SCORE_MIN: Final = 0.5
"""Below it Presidio itself calls a match weak: nine digits in a row and nothing else."""

THEIRS: Final[dict[str, tuple[str, Level]]] = {
    "US_SSN": ("social-security-number", "flag"),
    "CREDIT_CARD": ("payment-card", "hold"),
    "IBAN_CODE": ("bank-account", "flag"),
    "US_ITIN": ("tax-number", "flag"),
    "CRYPTO": ("bank-account", "flag"),
    "MEDICAL_LICENSE": ("provider-number", "note"),
}
"""Entities of Presidio's own that are looked for, and what they are called here. Names, dates and telephone numbers
stand in every harmless message, and are left out."""


class PresidioMissing(TelesphorError):
    """Presidio is not installed."""

    code = "presidio-missing"
    kind = Kind.INVALID


class PresidioScan:
    """What a `Scanner` finds, and what Presidio finds besides. Safe between threads, one at a time.

    Args:
        scanner: our rules.

    Raises:
        PresidioMissing: it cannot be imported.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._levels: dict[str, Level] = {}
        for one in scanner.rules.patterns:
            self._levels.setdefault(one.code, one.level)
        self._levels |= dict(THEIRS.values())
        self._analyser = _make_analyser(scanner)
        self._entities = [*THEIRS, *sorted({one.code for one in scanner.rules.patterns})]
        self._lock = threading.Lock()

    def __call__(self, written: Written) -> Finding:
        """Say which rules a text meets."""
        found = self._scanner.scan(written)
        text = normalise(written.text[:TEXT_CHARS_MAX]).upper()  # Its patterns are of capitals, as IBANs are.
        with self._lock:
            results = self._analyser.analyze(
                text=text, language="en", entities=self._entities, score_threshold=SCORE_MIN
            )
        met: dict[str, Level] = {
            "found": "hold" if found.verdict == "hold" else "flag" if found.verdict == "flag" else "note"
        }
        for result in results:
            code = THEIRS.get(result.entity_type, (result.entity_type, "note"))[0]
            met[code] = self._levels[code]
        codes = {*found.codes, *met} - {"found"}
        return Finding(conclude(met).verdict, tuple(sorted(codes)))


def _make_analyser(scanner: Scanner) -> Any:
    try:
        presidio, engines = (
            importlib.import_module(f"presidio_analyzer{name}") for name in ("", ".nlp_engine")
        )
        spacy = importlib.import_module("spacy")
    except ImportError as error:
        raise PresidioMissing(
            "presidio is not installed", hint="pip install presidio-analyzer, or go on without `--presidio`"
        ) from error

    class Ours(presidio.EntityRecognizer):  # type: ignore[misc, name-defined]
        """Our rules as a recogniser."""

        def load(self) -> None:
            """Nothing is to be loaded."""

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any) -> list[Any]:
            """What our patterns find."""
            return [
                presidio.RecognizerResult(pattern.code, match.start(), match.end(), 1.0)
                for pattern, match in scanner.matches(text.lower())
                if pattern.code in entities
            ]

    class Words(engines.SpacyNlpEngine):  # type: ignore[misc, name-defined]
        """A pipeline that only cuts a text into words."""

        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    registry = presidio.RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    codes = sorted({one.code for one in scanner.rules.patterns})
    registry.add_recognizer(Ours(supported_entities=codes, name="telesphor-rules"))
    return presidio.AnalyzerEngine(registry=registry, nlp_engine=Words(), supported_languages=["en"])

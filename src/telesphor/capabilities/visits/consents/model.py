"""Values of consents: their kinds, texts and bounds, and what can be refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId

CONSENT_STREAM: Final = "consents"
"""Texts stand on the stream of the organisation that set them."""

TEXT_CHARS_MAX: Final = 8_000
"""A consent that takes longer to read than to give is none."""

LANGUAGES_MAX: Final = 32
"""Languages of one node's consents."""

LANGUAGE_FALLBACK: Final = "en"

LanguageField = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?\Z", max_length=6)]
"""A language, and where it is written, as RFC 5646 has it: `en`, `es-MX`."""


class Consent(StrEnum):
    """What somebody consents to."""

    VISIT = "visit"
    RECORDING = "recording"
    SHARING = "sharing"


class ConsentRow(NamedTuple):
    """A consent that stands: whose, to what, in which words, since when."""

    actor: ActorId
    consent: Consent
    text: Digest
    language: str
    at: str


class TextRow(NamedTuple):
    """The text in force of one kind in one language; `set_by` nobody: it ships."""

    consent: Consent
    language: str
    digest: Digest


class TextShown(msgspec.Struct, frozen=True, kw_only=True):
    """A text as people are shown it: its digest is what they name when they consent."""

    kind: Consent
    language: str
    digest: Digest
    text: str


class ConsentMissing(TelesphorError):
    """Somebody is to be let in without a consent that this takes."""

    code = "consent-missing"
    kind = Kind.CONFLICT


class ConsentGivenAlready(TelesphorError):
    """The consent stands already, in these words."""

    code = "consent-given-already"
    kind = Kind.CONFLICT


class ConsentTextUnknown(TelesphorError):
    """The text that was shown is not in force for this consent and language."""

    code = "consent-text-unknown"
    kind = Kind.CONFLICT


class ConsentTextRefused(TelesphorError):
    """The text is not one that people could consent to, or is not the one of this digest."""

    code = "consent-text-refused"
    kind = Kind.INVALID


class ConsentNotTheirs(TelesphorError):
    """The consent is not this participant's to give."""

    code = "consent-not-theirs"
    kind = Kind.FORBIDDEN

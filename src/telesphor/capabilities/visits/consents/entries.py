"""The facts of consents: given and withdrawn on `visit/<id>`, texts set on `consents/<organisation>`."""

from __future__ import annotations

from telesphor.capabilities.access.model import DigestField
from telesphor.capabilities.visits.consents.model import Consent, LanguageField
from telesphor.runtime.capability import Body, EntryType


class ConsentGiven(Body, frozen=True, kw_only=True):
    """Whoever made the entry consents, having been shown the text of this digest."""

    consent: Consent
    text: DigestField
    language: LanguageField


class ConsentWithdrawn(Body, frozen=True, kw_only=True):
    """Whoever made the entry consents no more, from this entry on."""

    consent: Consent


class ConsentTextSet(Body, frozen=True, kw_only=True):
    """These are the words of a consent in a language from now on; what was given in others still stands."""

    kind: Consent
    language: LanguageField
    digest: DigestField


CONSENT_GIVEN = EntryType("visit.consent-given/1", ConsentGiven)
CONSENT_WITHDRAWN = EntryType("visit.consent-withdrawn/1", ConsentWithdrawn)
CONSENT_TEXT_SET = EntryType("consent.text-set/1", ConsentTextSet)

ENTRIES = (CONSENT_GIVEN, CONSENT_WITHDRAWN, CONSENT_TEXT_SET)

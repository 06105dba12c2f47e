"""Giving and taking back consents, and setting their texts.

Taking back has its effect in the same decision. No rule can forbid it, and it is possible in a visit that is full.

Start at `ConsentDesk`; `texts_in_force` is what people are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import apsw
from msgspec import Meta

from telesphor.capabilities.access.model import Action, DigestField
from telesphor.capabilities.identity.model import ActorKind, VisitIdField, require_kind
from telesphor.capabilities.visits.consents import store
from telesphor.capabilities.visits.consents.entries import (
    CONSENT_GIVEN,
    CONSENT_TEXT_SET,
    CONSENT_WITHDRAWN,
    ConsentGiven,
    ConsentTextSet,
    ConsentWithdrawn,
)
from telesphor.capabilities.visits.consents.model import (
    CONSENT_STREAM,
    LANGUAGE_FALLBACK,
    LANGUAGES_MAX,
    TEXT_CHARS_MAX,
    Consent,
    ConsentGivenAlready,
    ConsentMissing,
    ConsentNotTheirs,
    ConsentTextRefused,
    ConsentTextUnknown,
    LanguageField,
    TextShown,
)
from telesphor.capabilities.visits.consents.texts import SHIPPED
from telesphor.capabilities.visits.life.entries import VISIT_RETURNED, VisitReturned
from telesphor.capabilities.visits.life.model import LIVING, THIRD_PARTIES, SeatRole, SeatRow
from telesphor.capabilities.visits.life.steps import check_phase
from telesphor.capabilities.visits.model import NotAParticipant
from telesphor.capabilities.visits.room.recording import stop_running, stop_where_refused
from telesphor.capabilities.visits.scene import (
    AskAbout,
    Scene,
    beside,
    check_open,
    find_scene,
    own_seat,
    stream_of_visit,
)
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.document import digests_named_in
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State


class GiveConsent(Body, frozen=True, kw_only=True):
    """Consent, having been shown the text of this digest."""

    visit: VisitIdField
    consent: Consent
    text: DigestField
    language: LanguageField


class WithdrawConsent(Body, frozen=True, kw_only=True):
    """Take a consent back."""

    visit: VisitIdField
    consent: Consent


class SetConsentText(Body, frozen=True, kw_only=True):
    """Put the words of a consent in force; `digest` is that of the text's UTF-8 bytes."""

    kind: Consent
    language: LanguageField
    text: Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
    digest: DigestField


ReadDocument = Callable[[str], bytes | None]


def texts_in_force(
    db: apsw.Connection, *, language: str, read_document: ReadDocument
) -> tuple[TextShown, ...]:
    """Return the text of each consent in a language; in English where there is none in it."""
    return tuple(_text_in(db, consent, language, read_document) for consent in Consent)


def find_text(db: apsw.Connection, *, consent: Consent, language: str) -> Digest | None:
    """Return the digest of the text in force of a consent in exactly this language."""
    shipped = SHIPPED.get((consent, language))
    return store.text_in_force(db, consent=consent, language=language) or (shipped and shipped.digest)


def set_text(actor: Actor, command: SetConsentText, state: State) -> Decision:
    """Put a text in force; consents that were given to others still stand.

    Raises:
        NotPermitted: no organisation asks.
        ConsentTextRefused: the text is not that of the digest, or cannot be read by people; or there are too many.
    """
    require_kind(actor, ActorKind.ORGANISATION)
    data = command.text.encode()
    if digest_of(data) != command.digest:
        raise ConsentTextRefused("the text is not that of the digest")
    # A text is kept as a document, and what a document names comes into proofs: a text names none.
    if not _is_readable(command.text) or digests_named_in(data):
        raise ConsentTextRefused("the text is nothing that people could read", hint="write plain sentences")
    languages = {row.language for row in store.texts_set(state.db)} | {command.language}
    if len(languages) > LANGUAGES_MAX:
        raise ConsentTextRefused(f"a node has consents in at most `{LANGUAGES_MAX}` languages")
    body = ConsentTextSet(kind=command.kind, language=command.language, digest=command.digest)
    return Decision(
        (Draft(CONSENT_TEXT_SET.name, stream_of(CONSENT_STREAM, actor.id), body),), documents=(data,)
    )


class ConsentDesk:
    """The use cases of consents in a visit.

    Args:
        ask: asks access about a visit.
    """

    def __init__(self, *, ask: AskAbout) -> None:
        self._ask = ask

    def give_consent(self, actor: Actor, command: GiveConsent, state: State) -> Decision:
        """Note that somebody consents; the text that ships is kept as a document with it.

        Raises:
            AccessDenied, VisitMissing, NotAParticipant, ParticipantRemoved, StepsExhausted
            VisitEnded, VisitClosed, VisitFull
            ConsentNotTheirs: the patient alone gives this one.
            ConsentTextUnknown: the text is not in force.
            ConsentGivenAlready: it stands, in these words.
        """
        scene = find_scene(command.visit, state)
        allowed = self._ask(actor, Action.CHANGE, scene, state)
        seat = own_seat(actor, scene)
        check_phase(scene.life.phase, LIVING)
        check_open(scene.visit, state.db)
        _check_theirs(seat, command.consent)
        if command.text != find_text(state.db, consent=command.consent, language=command.language):
            raise ConsentTextUnknown("the text that was shown is not in force", hint="show the one in force")
        stands = store.find_consent(state.db, visit=command.visit, actor=actor.id, consent=command.consent)
        if stands is not None and stands.text == command.text:
            raise ConsentGivenAlready(f"the consent to `{command.consent}` stands already")
        body = ConsentGiven(consent=command.consent, text=command.text, language=command.language)
        draft = Draft(CONSENT_GIVEN.name, stream_of_visit(command.visit), body)
        return beside(allowed, draft, documents=_shipped_text(command))

    def withdraw_consent(self, actor: Actor, command: WithdrawConsent, state: State) -> Decision:
        """Take a consent back, with all that follows from it at once; nobody is kept from it until the visit is closed.

        Raises:
            VisitMissing, NotAParticipant, VisitClosed, VisitFull
            ConsentMissing: it does not stand.
        """
        scene = find_scene(command.visit, state)
        if scene.seat_of(actor.id) is None:
            raise NotAParticipant("the actor has no part in the visit")
        if store.find_consent(state.db, visit=command.visit, actor=actor.id, consent=command.consent) is None:
            raise ConsentMissing(f"the actor has not consented to `{command.consent}`")
        stream = stream_of_visit(command.visit)
        withdrawn = Draft(CONSENT_WITHDRAWN.name, stream, ConsentWithdrawn(consent=command.consent))
        follows = _follow(scene, command.consent, state)
        check_open(scene.visit, state.db, adding=1 + len(follows), always=True)
        return Decision((withdrawn, *follows))


def _check_theirs(seat: SeatRow, consent: Consent) -> None:
    if consent is not Consent.RECORDING and seat.role is not SeatRole.PATIENT:
        raise ConsentNotTheirs(f"the consent to `{consent}` is the patient's to give")


def _shipped_text(command: GiveConsent) -> tuple[bytes, ...]:
    """What an organisation set is kept since then."""
    shipped = SHIPPED.get((command.consent, command.language))
    if shipped is None or shipped.digest != command.text:
        return ()
    return (shipped.text.encode(),)


def _follow(scene: Scene, consent: Consent, state: State) -> tuple[Draft, ...]:
    """What a consent taken back ends: a recording; or that somebody is in the room."""
    if consent is Consent.RECORDING:
        return stop_running(state.db, scene.visit.visit, reason="consent")
    roles = THIRD_PARTIES if consent is Consent.SHARING else frozenset({SeatRole.PATIENT})
    out = [seat for seat in scene.room() if seat.role in roles]
    staying = {seat.actor for seat in scene.room()} - {seat.actor for seat in out}
    stream = stream_of_visit(scene.visit.visit)
    returned = [Draft(VISIT_RETURNED.name, stream, VisitReturned(participant=seat.actor)) for seat in out]
    stopped = stop_where_refused(state.db, scene.visit.visit, room=staying) if out else ()
    return (*returned, *stopped)


def _text_in(db: apsw.Connection, consent: Consent, language: str, read_document: ReadDocument) -> TextShown:
    for wanted in (language, language.partition("-")[0], LANGUAGE_FALLBACK):
        digest = store.text_in_force(db, consent=consent, language=wanted)
        data = None if digest is None else read_document(digest)
        if digest is not None and data is not None:
            return TextShown(kind=consent, language=wanted, digest=digest, text=data.decode())
        shipped = SHIPPED.get((consent, wanted))
        if shipped is not None and digest is None:
            return TextShown(kind=consent, language=wanted, digest=shipped.digest, text=shipped.text)
    shipped = SHIPPED[consent, LANGUAGE_FALLBACK]
    return TextShown(kind=consent, language=LANGUAGE_FALLBACK, digest=shipped.digest, text=shipped.text)


def _is_readable(text: str) -> bool:
    """No control or formatting characters but line ends: nothing that shows a text otherwise than it is."""
    return all(character.isprintable() or character == "\n" for character in text) and bool(text.strip())

"""Who one is, factor by factor: credentials are issued, and exactly what is asked for and approved is shown.

A licence board, which is no actor of this node and has a name and keys of its own, issues the clinician's licence; the
organisation the patient's identity credential, from the patient's record. Whoever opens the visit asks for two
factors and learns nothing else.

Start at `show_factors`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.model import CredentialClaims, Factor, StatusReference
from telesphor.capabilities.identity.credentials.status_list import pack_statuses, sign_status_list
from telesphor.capabilities.identity.presentations.model import FactorWanted, PresentationRequest
from telesphor.client.credentials import Answer, CredentialBook, approve, check_shown, offers_for
from telesphor.client.issuing import DAY_MS, IssuerClient, open_handover, seal_handover, vouch
from telesphor.demo.clients import Clients, Place, place_of
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.records import FhirRecord
from telesphor.demo.stage import ORIGIN, Cast
from telesphor.kernel.clock import format_instant
from telesphor.kernel.signing import HybridSuite, SigningKey

BOARD: Final = "did:web:board.example"
BOARD_LISTS: Final = "https://board.example/status/"
BOARD_PLACE: Final = 4_711
"""The licence's place in the board's status list."""

STATE: Final = "WA"
LICENSED: Final = FactorWanted(group="licence", name="licensed_in", accepted=(STATE,))
OF_AGE: Final = FactorWanted(group="identity", name="over_18", accepted=("true",))
LICENCE_TEXT: Final = f"{LICENSED.factor}={STATE}"
"""As rules name it."""

LICENCE_NUMBER: Final = "MD60417732-WA"
CREDENTIAL_DAYS: Final = 365
ADULT_YEARS: Final = 18


@dataclass(frozen=True)
class Shown:
    """What was shown: where it stands, a request and its answer, and the values that stayed in the wallets.

    Attributes:
        texts: what was shown, as documents and disclosures write it.
    """

    places: tuple[Place, ...]
    asked: PresentationRequest
    answer: Answer
    hidden: frozenset[str]
    texts: frozenset[str]


async def show_factors(clients: Clients, cast: Cast, person: FhirRecord, narrator: Narrator) -> Shown:
    """Issue both credentials; have one factor of each asked for, approved, shown, and verified by whoever asked."""
    board = SigningKey.generate(HybridSuite.ACTOR)
    licence = await receive_licence(clients, cast, board)
    identity = await receive_identity(clients, cast, person)
    own = (await clients.organisation.public_actor(cast.organisation.actor)).key
    factors = sum(len(book.held[0].credential.factors) for book in (licence, identity))
    narrator.say(
        "A licence board, a stranger to this node with keys of its own, gave the clinician a licence; the clinic gave "
        f"the patient an identity credential: {counted(factors, 'factor')}, each shown by itself or not at all."
    )
    now_ms = clients.clock.now_ms()
    uri = f"{BOARD_LISTS}1"
    signed = sign_status_list(pack_statuses({}), uri=uri, issuer=BOARD, key=board, issued_at_ms=now_ms)
    one = await present(clients, clients.clinician, licence, LICENSED, {uri: signed.serialized})
    two = await present(clients, clients.patient, identity, OF_AGE, {})
    for asked, key in ((one.asked, board.public), (two.asked, own)):
        check_shown(await clients.organisation.read_presentation(asked.presentation, vp=True), [key])
    narrator.say(
        f"The clinic asks for `{LICENCE_TEXT}` and `{OF_AGE.factor}`, and each holder approves exactly that."
    )
    narrator.say(
        "It verified both answers itself. Name, birth date and licence number never left the wallets."
    )
    hidden = frozenset({*_hidden(licence, LICENSED), *_hidden(identity, OF_AGE)})
    texts = frozenset((f'"{LICENSED.name}","{STATE}"', f'"{OF_AGE.name}",true', f'"value":"{STATE}"'))
    return Shown((*one.places, *two.places), one.asked, one.answer, hidden, texts)


async def receive_licence(clients: Clients, cast: Cast, board: SigningKey) -> CredentialBook:
    """The board issues in its own house; the node only learns that it is trusted for licences."""
    await clients.organisation.trust_issuer(BOARD, [board.public], groups=["licence"], status_uri=BOARD_LISTS)
    now_ms = clients.clock.now_ms()
    holder = cast.clinician.signing_key.public
    claims = CredentialClaims(
        group="licence",
        issuer=BOARD,
        issued_ms=now_ms,
        not_before_ms=now_ms,
        expires_ms=now_ms + CREDENTIAL_DAYS * DAY_MS,
        status=StatusReference(idx=BOARD_PLACE, uri=f"{BOARD_LISTS}1"),
    )
    factors = [
        vouch(value, name, by=BOARD, at_ms=now_ms)
        for name, value in (
            ("licensed_in", STATE),
            ("number", LICENCE_NUMBER),
            ("profession", "general practitioner"),
        )
    ]
    issued = sd_jwt.issue_credential(
        claims, factors, issuer=board, holder=holder, random=clients.ids.random_bytes
    )
    book = CredentialBook(cast.clinician.actor)
    return book.add(issued.serialized, issuer=board.public, holder=holder, now_ms=now_ms)


async def receive_identity(clients: Clients, cast: Cast, person: FhirRecord) -> CredentialBook:
    """The organisation issues from what it knows; the credential goes to its holder sealed, past the node."""
    now_ms = clients.clock.now_ms()
    issuer = await clients.organisation.become_issuer(["identity"])
    subject = await clients.organisation.public_actor(cast.patient.actor)
    noted = await clients.organisation.issue(
        subject,
        "identity",
        identity_factors(person, by=issuer.did, now_ms=now_ms),
        issuer=issuer,
        actor=cast.patient.actor,
        days=CREDENTIAL_DAYS,
        verified_ms=now_ms,
    )
    handed = open_handover(seal_handover(noted, holder=cast.patient.actor, kem=subject.kem), cast.patient)
    key = await clients.patient.issuer_key(handed)
    book = CredentialBook(cast.patient.actor)
    return book.add(handed, issuer=key, holder=cast.patient.signing_key.public, now_ms=now_ms)


async def present(
    clients: Clients,
    holder: IssuerClient,
    book: CredentialBook,
    wanted: FactorWanted,
    status_lists: dict[str, bytes],
) -> Shown:
    """The organisation asks for one factor; its holder looks at the request, approves it and answers."""
    link = await clients.organisation.request_factors([wanted], purpose="treatment", holder=book.actor)
    opened = await holder.open_request(link.presentation)
    now_ms = clients.clock.now_ms()
    offers = offers_for(opened.request, book, node=ORIGIN, now_ms=now_ms)
    answer = approve(
        opened.request,
        book,
        [offer.wanted.factor for offer in offers if offer.factor is not None],
        wallet=holder.wallet,
        node=ORIGIN,
        now_ms=now_ms,
        status_lists=status_lists,
    )
    receipt = await holder.answer(answer, opened.link)
    place = place_of(receipt, "presentation.presented/1", role="presentation")
    return Shown((place,), opened.request, answer, frozenset(), frozenset())


def identity_factors(person: FhirRecord, *, by: str, now_ms: int) -> Sequence[Factor]:
    """Factors out of the patient's own record; what follows from the birth date is a factor of its own."""
    resource = json.loads(person.data)
    name, born = resource["name"][0], date.fromisoformat(resource["birthDate"])
    today = date.fromisoformat(format_instant(now_ms)[:10])
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    values: dict[str, str | bool] = {
        "family_name": name["family"],
        "given_name": " ".join(name["given"]),
        "birth_date": born.isoformat(),
        "over_18": age >= ADULT_YEARS,
    }
    return [vouch(value, factor, by=by, at_ms=now_ms) for factor, value in values.items()]


def _hidden(book: CredentialBook, wanted: FactorWanted) -> set[str]:
    return {factor.text for factor in book.held[0].credential.factors if factor.name != wanted.name}

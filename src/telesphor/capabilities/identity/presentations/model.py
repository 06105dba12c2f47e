"""Values of presentations: what may be asked and shown, for how long, and what can be refused."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, NewType

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.credentials.model import FactorName, Group, Uri, Vouched
from telesphor.capabilities.identity.model import ActorIdField
from telesphor.kernel.digest import Digest
from telesphor.kernel.document import DOCUMENT_BYTES_MAX
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.runtime.capability import Body, Draft, RecordedRefusal
from telesphor.vault.model import Purpose

PresentationId = NewType("PresentationId", str)

PRESENTATION_STREAM = "presentation"

WANTED_MAX = 32
"""Factors in one request: a person has to read and approve each of them."""

ACCEPTED_MAX = 60
"""Values that a factor may have: the states and territories of a country, with room."""

CREDENTIALS_MAX = 8
"""Credentials in one answer: one for each group that there is, and some of other issuers."""

STATUS_LISTS_MAX = CREDENTIALS_MAX

RESPONSE_BYTES_MAX = DOCUMENT_BYTES_MAX
"""Eight credentials of 20 KB, and the status lists of a few issuers; it is kept as one document."""

REQUEST_SECONDS_MAX = 7 * 24 * 3600
"""A request that nobody answered within a week is asked anew."""

RELIED_SECONDS_MAX = 30 * 24 * 3600
"""How long a verifier may rely on what it was shown; after a month it looks again."""

OPEN_MAX = 4
"""Requests of one verifier that wait for one person: more would keep those of others out of sight."""

AUDIENCE_CHARS_MAX = 255
"""As long as a key binding takes it."""

REFUSALS_MAX = 16
"""Refused answers that one request has on the ledger; whoever goes on is refused without an entry."""

_ID = Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36)
_WORD = r"[a-z][a-z0-9_]{0,63}"

PresentationIdField = Annotated[PresentationId, _ID]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
NonceField = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{21}[AQgw]$", max_length=22)]
InstantField = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$", max_length=24)
]
FactorNameField = Annotated[str, Meta(pattern=rf"^{_WORD}\.{_WORD}\Z", max_length=129)]
# A request is signed, and its bytes are kept as evidence: no value that tells a person apart may stand in it.
AcceptedField = Annotated[str, Meta(pattern=r"^(?:true|false|[A-Z][A-Z0-9-]{0,5})\Z", max_length=6)]
CauseField = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*\Z", max_length=64)]
ReliedField = Annotated[int, Meta(ge=60, le=RELIED_SECONDS_MAX)]

PresentationState = Literal["requested", "presented", "withdrawn"]


class FactorWanted(Body, frozen=True, kw_only=True):
    """One factor that a verifier asks for.

    Attributes:
        accepted: values, as text, that are good enough; any when empty. Predicates and short codes only.
        vouched: `issuer` refuses what the holder says of itself; `any` takes it, marked as such.
        optional: the holder may leave it out.
    """

    group: Group
    name: FactorName
    accepted: Annotated[tuple[AcceptedField, ...], Meta(max_length=ACCEPTED_MAX)] = ()
    vouched: Literal["issuer", "any"] = "issuer"
    optional: bool = False

    @property
    def factor(self) -> str:
        """`group.name`."""
        return f"{self.group}.{self.name}"


WantedField = Annotated[tuple[FactorWanted, ...], Meta(min_length=1, max_length=WANTED_MAX)]


class PresentationRequest(Body, frozen=True, kw_only=True):
    """The request document: what the holder sees, and names by its digest when it answers.

    Attributes:
        node: origin of the node at which it is answered.
        audience: what the holder's key binding names: this node and this verifier.
        holder: who is asked; None is whoever can show it.
        expires_at: answered until then.
        relied_seconds: how long the verifier relies on the answer.
    """

    format: Literal["telesphor-presentation-request/1"]
    v: Literal[1]
    presentation: PresentationIdField
    node: Annotated[str, Meta(min_length=1, max_length=255)]
    verifier: ActorIdField
    audience: Annotated[str, Meta(max_length=AUDIENCE_CHARS_MAX)]
    nonce: NonceField
    wanted: WantedField
    purpose: Purpose
    holder: ActorIdField | None
    expires_at: InstantField
    relied_seconds: ReliedField


class PresentedFactor(msgspec.Struct, frozen=True):
    """One factor as it was shown.

    Attributes:
        value: as text: `true`, `WA`.
        issuer: identifier of the issuer in whose credential it stands.
        vouched_by: identifier of whoever verified it, the issuer or a source of it; the holder's where it is its word.
        verified_at: instant at which whoever vouches for it last verified it.
        vouched: `self` when it is the holder's own word.
    """

    group: str
    name: str
    value: str
    issuer: str
    verified_at: str
    vouched: Vouched
    vouched_by: str = ""

    def __repr__(self) -> str:
        return "PresentedFactor(...)"  # A factor is a person's; it has no business in a log.

    @property
    def text(self) -> str:
        """`group.name=value`; for the holder's own word `self:group.name=value`, which no rule takes for the other."""
        said = f"{self.group}.{self.name}={self.value}"
        return said if self.vouched == "issuer" else f"self:{said}"


class ShownCredential(msgspec.Struct, frozen=True, kw_only=True):
    """One credential of an accepted answer: what must still hold of it when its factors are used.

    Attributes:
        digest: names the issuer-signed credential, the same in every presentation of it.
        issuer: the identifier of its issuer, as the credential has it.
        keys: the thumbprints of the pair that signed it.
        own_word: whether the holder made it for itself.
        status_list: the issuer's list by which it held, where this ledger does not have its status.
        expires_ms: when it ends, or that list does.
    """

    digest: Digest
    group: Group
    issuer: str
    keys: tuple[str, str]
    own_word: bool
    status_list: Digest | None
    expires_ms: int
    factors: tuple[PresentedFactor, ...]


class PresentedFactors(msgspec.Struct, frozen=True, kw_only=True):
    """The document with what was shown; it can be forgotten, and is salted, as its content could be guessed.

    Attributes:
        keys: key id of the pair that the holder had.
    """

    format: Literal["telesphor-presented-factors/1"]
    v: Literal[1]
    salt: NonceField
    presentation: PresentationId
    verifier: ActorId
    holder: ActorId
    keys: str
    purpose: Purpose
    presented_at: str
    expires_at: str
    commitment_seed: Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{44}$", max_length=44)]
    """From which the keys of the commitments to single factors are made."""
    credentials: tuple[ShownCredential, ...]


class PresentationRow(NamedTuple):
    """A presentation as the ledger says."""

    verifier: ActorId
    holder: str
    request: Digest
    state: PresentationState
    expires_ms: int
    refusals: int
    presenter: str
    vp: str
    factors: str
    relied_until_ms: int


class AcceptedRow(NamedTuple):
    """An accepted presentation: the document with its factors, and how long it counts."""

    factors: Digest
    until_ms: int


class AskedRow(NamedTuple):
    """An open request that names its holder: who asks, and until when it is answered."""

    presentation: PresentationId
    verifier: ActorId
    expires_ms: int


class RequestGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket of `presentation.request/1` or `presentation.open/1` stands for: this request."""

    presentation: PresentationId
    request: Digest


class RequestLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where the request object is, and the ticket to fetch it and to answer it with."""

    presentation: PresentationId
    request: Digest
    ticket: str
    request_uri: str
    response_uri: str


class OpenedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as the holder sees it. Its canonical bytes have the digest that the link names."""

    request: PresentationRequest
    link: RequestLink


class ShownFactors(msgspec.Struct, frozen=True, kw_only=True):
    """What was shown, and in answer to what; `vp` is the answer itself, where it was asked for."""

    factors: PresentedFactors
    request: PresentationRequest
    vp: str | None


class Response(Body, frozen=True, kw_only=True):
    """An answer as it travels: OpenID4VP's `vp_token` by group, and the status lists of other issuers.

    Attributes:
        holder: who answers; the command that names the answer must be its own.
        status_lists: from the address of a list to the signed list itself, fresh.
    """

    format: Literal["telesphor-presentation/1"]
    v: Literal[1]
    presentation: PresentationIdField
    holder: ActorIdField
    vp_token: Annotated[
        dict[Group, Annotated[tuple[str, ...], Meta(min_length=1, max_length=CREDENTIALS_MAX)]],
        Meta(min_length=1, max_length=CREDENTIALS_MAX),
    ]
    status_lists: Annotated[dict[Uri, str], Meta(max_length=STATUS_LISTS_MAX)]


class PresentationExists(TelesphorError):
    """The id was used for another request before."""

    code = "presentation-exists"
    kind = Kind.CONFLICT


class PresentationMissing(TelesphorError):
    """Nothing was requested under this id."""

    code = "presentation-missing"
    kind = Kind.NOT_FOUND


class NonceUsed(TelesphorError):
    """The nonce stood in a request before."""

    code = "nonce-used"
    kind = Kind.CONFLICT


class RequestRefused(TelesphorError):
    """The request asks for a factor twice, or ends in the past or too late."""

    code = "presentation-request-refused"
    kind = Kind.INVALID


class RequestsTooMany(TelesphorError):
    """As many requests of the same verifier wait for this person already as may."""

    code = "presentations-too-many"
    kind = Kind.CONFLICT


class RequestAnswered(TelesphorError):
    """The request was answered already; its nonce is used."""

    code = "presentation-answered"
    kind = Kind.CONFLICT


class RequestWithdrawn(TelesphorError):
    """The request, or what was shown, was withdrawn."""

    code = "presentation-withdrawn"
    kind = Kind.GONE


class PresentationExpired(TelesphorError):
    """The request is answered no more, or what was shown is not to be relied on any more."""

    code = "presentation-expired"
    kind = Kind.GONE


class RequestMismatch(TelesphorError):
    """The holder approved another request than this one."""

    code = "presentation-request-mismatch"
    kind = Kind.INVALID


class WrongHolder(TelesphorError):
    """Another actor was asked, or the credential is bound to other keys than the actor's present pair."""

    code = "wrong-holder"
    kind = Kind.FORBIDDEN


class ResponseMissing(TelesphorError):
    """The answer itself was not sent, or too long ago."""

    code = "presentation-not-sent"
    kind = Kind.NOT_FOUND


class ResponseRefused(TelesphorError):
    """The answer does not have the form of one."""

    code = "presentation-malformed"
    kind = Kind.INVALID


class ResponsesFull(TelesphorError):
    """As many answers wait for their commands as the node keeps."""

    code = "presentations-full"
    kind = Kind.OVERLOADED


class FactorNotShown(TelesphorError):
    """A factor that is needed, or that the holder approved, was not shown."""

    code = "factor-not-shown"
    kind = Kind.INVALID


class FactorSuperfluous(TelesphorError):
    """More was shown than was asked for, or than the holder approved."""

    code = "factor-superfluous"
    kind = Kind.INVALID


class FactorRepeated(TelesphorError):
    """The same factor was shown twice."""

    code = "factor-repeated"
    kind = Kind.INVALID


class FactorNotVouched(TelesphorError):
    """A factor is the holder's own word, and the request demands an issuer's."""

    code = "factor-not-vouched"
    kind = Kind.FORBIDDEN


class FactorNotAccepted(TelesphorError):
    """A factor has a value that the verifier does not accept."""

    code = "factor-not-accepted"
    kind = Kind.FORBIDDEN


class GroupMismatch(TelesphorError):
    """A credential is of another group than it was sent for."""

    code = "credential-group-mismatch"
    kind = Kind.INVALID


class PresentationRefused(RecordedRefusal):
    """An answer was refused, and the ledger says so; it bears the code of its cause."""

    def __init__(self, cause: TelesphorError, *, drafts: tuple[Draft, ...]) -> None:
        super().__init__(cause.message, drafts=drafts, hint=cause.hint, detail=cause.detail)
        self.code = cause.code  # type: ignore[misc]  # it speaks for its cause
        self.kind = cause.kind  # type: ignore[misc]

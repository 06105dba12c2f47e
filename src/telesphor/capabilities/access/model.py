"""Values of access: what is asked and about what, the answer, presented factors, and what can be refused.

Ids are opaque ASCII text everywhere; an ask that is not is refused where it is built, and never decided.
Start at `Ask`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from telesphor.kernel.digest import Digest
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.runtime.capability import Draft, RecordedRefusal
from telesphor.vault.model import Purpose

ACCESS_STREAM = "access"
"""Decisions stand on the stream of whoever asked."""

POLICY_STREAM = "policy"

READERS_MAX = 256
"""Actors listed on one resource: a visit with its devices and everybody who reads along."""

PARENTS_MAX = 256
"""Groups of one actor, or datasets that hold one resource."""

FACTORS_MAX = 256
"""Factors that one actor has presented and that still stand."""

RULE_TEXTS_MAX = 16
"""Organisations of one node with rules of their own."""

TOKENS_MAX = 64
"""Tokens that may bear on one ask; whoever gathers them leaves out what names others."""

ID_CHARS_MAX = 128
"""An id is a UUID of 36 characters; this leaves room for ids of other systems."""

REASONS_RECORDED_MAX = 16
"""Reasons that the entry itself names, in order; the receipt has all of them."""

Empty: Final[Mapping[str, object]] = MappingProxyType({})

_RESOURCE_ID = re.compile(r"[0-9a-f-]{36}")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")

Outcome = Literal["allow", "deny"]
Assurance = Literal["key", "passkey"]
ResourceText = Annotated[str, Meta(pattern=r"^[a-z]+/[0-9a-f-]{36}\Z", max_length=50)]
ReasonField = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._:-]*\Z", max_length=80)]
DigestField = Annotated[Digest, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]


class Action(StrEnum):
    """What can be asked for; each is a Cedar action of the same name."""

    READ = "read"
    CREATE = "create"
    CHANGE = "change"
    EXPORT = "export"
    PRINT = "print"
    SHARE = "share"
    ERASE = "erase"
    GRANT = "grant"
    CONNECT = "connect"
    OPEN_VISIT = "open-visit"
    CLOSE_VISIT = "close-visit"
    RECORD = "record"
    READ_LOG = "read-log"
    BREAK_GLASS = "break-glass"
    RUN_CONTRACT = "run-contract"
    ADMINISTER = "administer"


class ResourceKind(StrEnum):
    """What an ask can be about; each is a Cedar entity type."""

    OBJECT = "object"
    VISIT = "visit"
    LOG = "log"
    RECORD = "record"
    DEVICE = "device"
    CONTRACT = "contract"
    THREAD = "thread"
    ORGANISATION = "organisation"


class AskRefused(TelesphorError):
    """The ask itself is not well formed, so there is nothing to decide."""

    code = "ask-refused"
    kind = Kind.INVALID


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about, as its own capability knows it.

    Attributes:
        id: its id; of `LOG` and `RECORD` the actor whom it is about, of `ORGANISATION` an organisation's or the node's.
        owner: who made it.
        subject: whom it is about, such as the patient.
        readers: who is listed on it: an object's readers, a visit's participants and devices.
        visit: the visit it belongs to.
        datasets: the datasets that hold it.
    """

    kind: ResourceKind
    id: str
    owner: str | None = None
    subject: str | None = None
    readers: tuple[str, ...] = ()
    visit: str | None = None
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse ids that are not plain ASCII, and more of them than one decision may weigh."""
        if _RESOURCE_ID.fullmatch(self.id) is None:
            raise AskRefused("the id of a resource is not a UUID in lower case")
        check_ids((*self.readers, *self.datasets))
        check_ids(id for id in (self.owner, self.subject, self.visit) if id is not None)
        if len(self.readers) > READERS_MAX or len(self.datasets) > PARENTS_MAX:
            raise AskRefused("the resource has more readers or datasets than one decision may weigh")

    @property
    def name(self) -> str:
        """`kind/id`, as the entry names it."""
        return f"{self.kind}/{self.id}"


@lru_cache(maxsize=16)
def house_of(node: str) -> Resource:
    """The node itself, as what is asked about where no thing of its own is."""
    return Resource(kind=ResourceKind.ORGANISATION, id=node)


class BrokenGlass(NamedTuple):
    """An emergency access that is open, or that is asked for.

    Attributes:
        id: its own; its stream is `break-glass/<id>`.
        passkey: the person proved itself anew by passkey, and not by its keys alone.
    """

    id: str
    reason: str
    until_ms: int
    passkey: bool


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One question: may the actor do this, to this, for this purpose.

    Attributes:
        extra: further context that the schema knows: `location` (a claim), `visit`.
        glass: of the action `break-glass`, what is asked for; of all others the node itself knows what is open.
    """

    action: Action
    resource: Resource
    purpose: Purpose | None = None
    extra: Mapping[str, object] = Empty
    glass: BrokenGlass | None = None


class PresentedFactor(msgspec.Struct, frozen=True, kw_only=True):
    """A factor that the actor has shown to this node and that still stands."""

    group: str
    name: str
    value: str
    issuer: str
    verified_at: str
    vouched: Literal["issuer", "self"]

    @property
    def text(self) -> str:
        """How policies name it: `licence.licensed_in=WA`."""
        return f"{self.group}.{self.name}={self.value}"


class DeviceLink(msgspec.Struct, frozen=True, kw_only=True):
    """The last good connection of a device, where the actor is one."""

    owner: str
    model: str
    firmware: str
    at_ms: int
    channel: str = ""


class TokenPolicy(NamedTuple):
    """The policy that one token brings: the token's id and its Cedar text.

    `expires_ms` is when the token ends, so that what it allows can end with it.
    """

    id: str
    text: str
    expires_ms: int | None = None


class PolicyRow(NamedTuple):
    """A text of policies in force: its slot, who set it (nobody, of the base), its digest, its policies' ids."""

    slot: str
    actor: str
    policies: Digest
    ids: tuple[str, ...]


class Allowed(NamedTuple):
    """An ask was allowed: what its command must record with its own entries, and why it was.

    `expires_ms` is until when this may be relied on (a ticket's longest life); None where nothing limits it.
    """

    drafts: tuple[Draft, ...]
    documents: tuple[bytes, ...]
    reasons: tuple[str, ...]
    expires_ms: int | None = None


class AccessDenied(RecordedRefusal):
    """The rules do not allow it; the denial is on the ledger."""

    code = "access-denied"
    kind = Kind.FORBIDDEN


class AccessEnded(TelesphorError):
    """What was allowed before is allowed no longer."""

    code = "access-ended"
    kind = Kind.FORBIDDEN


class PolicyRefused(TelesphorError):
    """The text is not a set of policies that this node takes."""

    code = "policy-refused"
    kind = Kind.INVALID


class DecisionRefused(TelesphorError):
    """The inputs of a decision are not what they must be, so that nothing can be decided on them."""

    code = "decision-refused"
    kind = Kind.INVALID


def check_ids(ids: Iterable[str]) -> None:
    """Raise `AskRefused` unless every id is a plain ASCII word of a bounded length, and so no digest."""
    for id in ids:
        if _ID.fullmatch(id) is None:
            raise AskRefused("an id is not plain ASCII text", hint="use the ids that the node gave")

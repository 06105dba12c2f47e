"""The documents of a decision: bytes with their digest, and the closed forms of request and receipt.

All are ASCII. Those that could be guessed from their digest (a request names factors) carry a salt; entities and
policies are told apart by random ids, and stay the same from one decision to the next, so that what
was parsed once is found again by digest.

Start at `Document`.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from telesphor.capabilities.access.model import (
    ID_CHARS_MAX,
    DecisionRefused,
    DigestField,
    Outcome,
    ReasonField,
)
from telesphor.kernel import canonical
from telesphor.kernel.canonical import NotCanonical
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.document import DOCUMENT_BYTES_MAX
from telesphor.kernel.errors import LimitExceeded

POLICY_TEXTS_MAX: Final = 128
"""Texts of one decision: the base, sixteen organisations' rules and 64 tokens, with room."""

_Text = Annotated[str, Meta(min_length=1, max_length=ID_CHARS_MAX)]
_Salt = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22}$", max_length=22)]
_Instant = Annotated[str, Meta(min_length=24, max_length=24)]


class Document(NamedTuple):
    """Bytes under their own digest."""

    digest: Digest
    data: bytes


class Uid(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Cedar entity by type and id."""

    type: _Text
    id: _Text


class RequestForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was asked, as a document: a Cedar request with a salt.

    The context is JSON as text: it holds what strangers say, and a digest of their choice must not name a document.
    """

    format: Literal["telesphor-decision-request/1"]
    salt: _Salt
    principal: Uid
    action: Uid
    resource: Uid
    context: str


class ReceiptForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A decision receipt: the inputs by digest, and what came of them. Policies are in order of their naming."""

    format: Literal["telesphor-decision/1"]
    salt: _Salt
    decision: _Text
    at: _Instant
    policies: Annotated[tuple[DigestField, ...], Meta(max_length=POLICY_TEXTS_MAX)]
    policy_schema: DigestField = msgspec.field(name="schema")
    entities: DigestField
    request: DigestField
    outcome: Outcome
    reasons: tuple[ReasonField, ...]
    failed: tuple[ReasonField, ...]


_Form = TypeVar("_Form", RequestForm, ReceiptForm)


def document_of(data: bytes) -> Document:
    """Name `data` by its digest.

    Raises:
        DecisionRefused: it is not ASCII, or larger than a document may be.
    """
    if not data.isascii():
        raise DecisionRefused(
            "a document of a decision is not ASCII text", hint="use the ids that the node gave"
        )
    if len(data) > DOCUMENT_BYTES_MAX:
        raise DecisionRefused(f"a document of a decision has more than `{DOCUMENT_BYTES_MAX}` bytes")
    return Document(digest_of(data), data)


def encode_document(value: object) -> Document:
    """Write canonical JSON (within the profile sorted JSON is canonical); raises as `document_of`."""
    return document_of(msgspec.json.encode(value, order="sorted"))


def read_request(data: bytes) -> RequestForm:
    """Read a request that is canonical and closed; raises `DecisionRefused`."""
    return _read(data, RequestForm)


def read_receipt(data: bytes) -> ReceiptForm:
    """Read a receipt that is canonical and closed; raises `DecisionRefused`."""
    return _read(data, ReceiptForm)


def read_value(data: bytes) -> object:
    """The value of entities or of a context, which Cedar reads under the schema.

    Raises:
        DecisionRefused: it is not ASCII, too large, or not canonical JSON, whose depth is bounded.
    """
    return _canonical(data)


def _read(data: bytes, form: type[_Form]) -> _Form:
    _canonical(data)
    try:
        return msgspec.json.decode(data, type=form)
    except msgspec.ValidationError as error:
        raise DecisionRefused("a document of a decision does not have the form it must have") from error


def _canonical(data: bytes) -> object:
    try:
        return canonical.decode(document_of(data).data, limit=DOCUMENT_BYTES_MAX)
    except (NotCanonical, LimitExceeded) as error:
        raise DecisionRefused("a document of a decision is not canonical JSON") from error

"""The three documents of a presentation: what is asked, what was answered, and what the answer shows.

All are canonical JSON, named on the ledger by their digests. The request is read by every wallet, the answer by the
node and the verifier, the factors by whoever decides an access. Bytes: `docs/spec/presentations.md`.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from telesphor.capabilities.identity.presentations.model import (
    RESPONSE_BYTES_MAX,
    PresentationRequest,
    PresentedFactor,
    PresentedFactors,
    Response,
    ResponseRefused,
)
from telesphor.kernel import canonical
from telesphor.kernel.commitment import commit

DOCUMENTS_REMEMBERED_MAX = 1_024
"""Requests being answered, and factors in use: some kilobytes each, 64 at the very most."""

REQUEST_BYTES_MAX = 64 * 1024
"""Thirty-two factors with sixty accepted values each come to under 40 KB."""

_Document = TypeVar("_Document", PresentationRequest, PresentedFactors, Response)


def write_document(document: PresentationRequest | PresentedFactors | Response) -> bytes:
    """The document's canonical bytes; what names it is their digest."""
    return canonical.encode(msgspec.to_builtins(document))


@lru_cache(maxsize=DOCUMENTS_REMEMBERED_MAX)
def read_request(data: bytes) -> PresentationRequest:
    """Parse a request document strictly; raises `ResponseRefused` where it is none."""
    return _read(data, PresentationRequest, REQUEST_BYTES_MAX)


@lru_cache(maxsize=DOCUMENTS_REMEMBERED_MAX)
def read_factors(data: bytes) -> PresentedFactors:
    """Parse the document with what was shown, which this node wrote."""
    return _read(data, PresentedFactors, RESPONSE_BYTES_MAX)


def read_response(data: bytes) -> Response:
    """Parse an answer strictly.

    Raises:
        LimitExceeded: larger than any answer is.
        ResponseRefused: it does not have the form of one; what is wrong in it is not repeated.
    """
    return _read(data, Response, RESPONSE_BYTES_MAX)


class OpenedFactor(NamedTuple):
    """What shows one factor of an answer, and nothing of the others: its place, its key, and its value."""

    number: int
    key: bytes
    value: bytes


def commit_to_factors(factors: PresentedFactors) -> tuple[str, ...]:
    """A commitment to each factor of an answer, in order."""
    return tuple(commit(one.value, key32=one.key) for one in _openings(factors))


def open_factor(factors: PresentedFactors, name: str) -> OpenedFactor | None:
    """What opens the commitment to the factor `group.name`; None where the answer does not show it."""
    names = [f"{factor.group}.{factor.name}" for factor in _all(factors)]
    return _openings(factors)[names.index(name)] if name in names else None


def _openings(factors: PresentedFactors) -> list[OpenedFactor]:
    seed = factors.commitment_seed.encode("ascii")
    return [
        OpenedFactor(index, hmac.digest(seed, b"factor %d" % index, "sha256"), _value_of(factor))
        for index, factor in enumerate(_all(factors))
    ]


def _all(factors: PresentedFactors) -> list[PresentedFactor]:
    return [factor for credential in factors.credentials for factor in credential.factors]


def _value_of(factor: PresentedFactor) -> bytes:
    return canonical.encode(msgspec.to_builtins(factor))


def describe_request(request: PresentationRequest, *, base_path: str) -> dict[str, Any]:
    """The request as an OpenID4VP wallet reads it: a DCQL query beside the nonce and the place to answer at.

    A wallet of another maker finds its way by these members; what ours shows and answers is the document alone.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for wanted in request.wanted:
        claim: dict[str, Any] = {"path": [wanted.name]}
        if wanted.accepted:
            claim["values"] = [_as_claim(value) for value in wanted.accepted]
        groups.setdefault(wanted.group, []).append(claim)
    queries = [
        {"id": group, "format": "dc+sd-jwt", "claims": claims} for group, claims in sorted(groups.items())
    ]
    return {
        "response_type": "vp_token",
        "response_mode": "direct_post",
        "client_id": request.audience,
        "nonce": request.nonce,
        "response_uri": f"{base_path}/response",
        "dcql_query": {"credentials": queries},
    }


def _as_claim(value: str) -> bool | str:
    return value == "true" if value in ("true", "false") else value


def _read(data: bytes, kind: type[_Document], limit: int) -> _Document:
    try:
        return msgspec.convert(canonical.decode(data, limit=limit), kind, strict=True)
    except (canonical.NotCanonical, msgspec.ValidationError):
        # Neither is repeated: both may quote what was disclosed.
        raise ResponseRefused("the document does not have the one form of its format") from None

"""HTTP of credentials: status lists for everyone, and the way of a credential to its holder (OpenID4VCI).

Nothing here is logged but paths. A credential's bytes are answered once, with `no-store`.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

import msgspec
from litestar import Request, Response, get, post, put
from litestar.params import FromPath, HeaderParameter
from msgspec import Meta

from telesphor.capabilities.identity.credentials.metadata import (
    CONFIGURATIONS,
    CREDENTIAL_PATH,
    NONCE_PATH,
    TOKEN_PATH,
    issuer_metadata,
    server_metadata,
)
from telesphor.capabilities.identity.credentials.model import CREDENTIAL_BYTES_MAX
from telesphor.capabilities.identity.credentials.offers import (
    PRE_AUTHORISED,
    TOKEN_SECONDS,
    CredentialDesk,
    offer_of,
)
from telesphor.capabilities.identity.credentials.publishing import StatusLists
from telesphor.capabilities.identity.credentials.standing import DepositGrant
from telesphor.capabilities.identity.credentials.status_list import TTL_SECONDS
from telesphor.capabilities.identity.credentials.wallet_proof import PROOF_CHARS_MAX
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import parse_id
from telesphor.runtime.tickets import TicketRefused, bearer_ticket

TAGS = ["credentials"]
STATUS_LIST_TYPE = "application/statuslist+jwt"
HYBRID_TYPE = "application/jose+json"

FORM_BYTES_MAX = 4 * 1024
"""A grant type and a code."""

ASK_BYTES_MAX = 2 * PROOF_CHARS_MAX + 4 * 1024
"""Two proofs."""

TAKEN_AT_ONCE = 4
"""Verifying a credential or a proof costs milliseconds of a thread."""

_Authorization = Annotated[
    str | None, HeaderParameter(name="Authorization", description="`Bearer` and a ticket")
]
_Accept = Annotated[
    str | None, HeaderParameter(name="Accept", description="which of the two forms is wanted")
]
_AnyRequest = Request[Any, Any, Any]


class CredentialAskRefused(TelesphorError):
    """The body of a request for a token or a credential is not one."""

    code = "invalid-credential-request"
    kind = Kind.INVALID


class Proofs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The holder's proof, in two JWTs."""

    jwt: Annotated[
        tuple[Annotated[str, Meta(max_length=PROOF_CHARS_MAX)], ...], Meta(min_length=2, max_length=2)
    ]


class CredentialAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A credential request (OpenID4VCI, section 8.2)."""

    credential_configuration_id: Annotated[str, Meta(max_length=64)]
    proofs: Proofs


class AccessToken(msgspec.Struct, frozen=True):
    """A token response (RFC 6749, section 5.1)."""

    access_token: str
    expires_in: int
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  the name of a scheme


class Nonce(msgspec.Struct, frozen=True):
    """A nonce response."""

    c_nonce: str


def routes(*, lists: StatusLists, desk: CredentialDesk) -> list[Any]:
    """The handlers of one node's credentials."""
    return [*_list_routes(lists), *_metadata_routes(desk.url), *_desk_routes(desk)]


def _list_routes(lists: StatusLists) -> list[Any]:
    @get(
        "/v1/status-lists/{status_list:str}",
        summary="A whole status list, signed by the node: both signatures, or compact for who asks for a JWT",
        media_type=HYBRID_TYPE,
        tags=TAGS,
        sync_to_thread=True,
    )
    def show_list(status_list: FromPath[str], accept: _Accept = None) -> Response[bytes]:
        """The same bytes for everyone, so that looking says nothing about whose status is looked at."""
        signed = lists.current(parse_id(status_list))
        compact = STATUS_LIST_TYPE in (accept or "")
        content = signed.compact.encode() if compact else signed.serialized
        headers = {
            "cache-control": f"public, max-age={TTL_SECONDS}",
            "vary": "accept",
            "x-content-type-options": "nosniff",
        }
        return Response(content, media_type=STATUS_LIST_TYPE if compact else HYBRID_TYPE, headers=headers)

    return [show_list]


def _metadata_routes(url: str) -> list[Any]:
    issuer, server = issuer_metadata(url), server_metadata(url)

    @get("/.well-known/openid-credential-issuer", summary="The node as a credential issuer", tags=TAGS)
    async def show_issuer() -> dict[str, Any]:
        return issuer

    @get("/.well-known/oauth-authorization-server", summary="Where a wallet gets its access token", tags=TAGS)
    async def show_server() -> dict[str, Any]:
        return server

    return [show_issuer, show_server]


def _desk_routes(desk: CredentialDesk) -> list[Any]:
    places = asyncio.Semaphore(TAKEN_AT_ONCE)

    @put(
        "/v1/credentials/{credential:str}/deposit",
        status_code=200,
        request_max_body_size=CREDENTIAL_BYTES_MAX,
        summary="Leave an offered credential for its holder; the answer is the offer to send it",
        tags=TAGS,
    )
    async def leave(
        request: _AnyRequest, credential: FromPath[str], authorization: _Authorization = None
    ) -> Response[dict[str, Any]]:
        grant = desk.tickets.redeem(
            bearer_ticket(authorization, command="`credential.offer/1`"), DepositGrant
        )
        if grant.credential != parse_id(credential):
            raise TicketRefused("the ticket is not valid", hint="it was issued for another credential")
        data = await request.body()
        async with places:
            left = await asyncio.to_thread(desk.leave, grant, data)
        return Response(offer_of(left, url=desk.url), headers=_NO_STORE)

    @post(
        TOKEN_PATH,
        status_code=200,
        request_max_body_size=FORM_BYTES_MAX,
        summary="Change a pre-authorised code for an access token, once",
        tags=TAGS,
    )
    async def exchange(request: _AnyRequest) -> Response[AccessToken]:
        token = desk.exchange(_code_of(await request.body()))
        return Response(AccessToken(token, TOKEN_SECONDS), headers=_NO_STORE)

    @post(NONCE_PATH, status_code=200, summary="A nonce for the proof of a credential request", tags=TAGS)
    async def new_nonce() -> Response[Nonce]:
        return Response(Nonce(desk.new_nonce()), headers=_NO_STORE)

    @post(
        CREDENTIAL_PATH,
        status_code=200,
        request_max_body_size=ASK_BYTES_MAX,
        summary="Collect a credential with a proof by both keys of its holder, once",
        tags=TAGS,
    )
    async def collect(request: _AnyRequest, authorization: _Authorization = None) -> Response[dict[str, Any]]:
        token = bearer_ticket(authorization, command="a credential offer, exchanged for an access token")
        ask = _ask_of(await request.body())
        group, form = CONFIGURATIONS[ask.credential_configuration_id]
        async with places:
            found = await asyncio.to_thread(desk.collect, token, ask.proofs.jwt, group=group, form=form)
        credential = json.loads(found) if isinstance(found, bytes) else found
        return Response({"credentials": [{"credential": credential}]}, headers=_NO_STORE)

    return [leave, exchange, new_nonce, collect]


_NO_STORE = {"cache-control": "no-store"}


def _code_of(body: bytes) -> str:
    """The code in a token request, which is a form (OpenID4VCI, section 6.1)."""
    try:
        form = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=8)
    except ValueError:
        raise CredentialAskRefused("the body is not a form") from None
    if form.get("grant_type") != [PRE_AUTHORISED] or len(form.get("pre-authorized_code", ())) != 1:
        raise CredentialAskRefused("the form does not ask by one pre-authorised code")
    return form["pre-authorized_code"][0]


def _ask_of(body: bytes) -> CredentialAsk:
    try:
        ask = msgspec.json.decode(body, type=CredentialAsk)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # the latter for a name that is not UTF-8
        raise CredentialAskRefused("the body is not a credential request with two proofs") from None
    if ask.credential_configuration_id not in CONFIGURATIONS:
        raise CredentialAskRefused(
            "no configuration of that name is supported", hint="the metadata lists them"
        )
    return ask

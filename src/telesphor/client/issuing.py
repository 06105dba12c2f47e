"""Issuing credentials over HTTP: an organisation signs with its own keys, and the node notes digest and status.

The node sees no factor: a credential goes from its issuer to its holder sealed to the holder's key, as a file
(`seal_handover`), or through the node's memory for a while (`IssuerClient.leave`, OpenID4VCI). Start at
`IssuerClient.issue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.metadata import (
    CREDENTIAL_PATH,
    HYBRID_SUFFIX,
    NONCE_PATH,
    TOKEN_PATH,
)
from telesphor.capabilities.identity.credentials.model import (
    CredentialClaims,
    Factor,
    FactorValue,
    Group,
    IssuedCredential,
    StatusReference,
    Vouching,
)
from telesphor.capabilities.identity.credentials.offers import PRE_AUTHORISED
from telesphor.capabilities.identity.credentials.status_list import LIST_ENTRIES
from telesphor.capabilities.identity.credentials.wallet_proof import make_proof
from telesphor.client.errors import AnswerRefused, ClientRefused
from telesphor.client.factors import FactorClient
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import format_instant
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import InvalidId, parse_id
from telesphor.kernel.sealing import RecipientPublic, open_envelope, seal_envelope
from telesphor.kernel.signing import VerifyKey
from telesphor.runtime.capability import Receipt

GROUPS: Final[tuple[Group, ...]] = ("identity", "licence", "insurance", "employment", "device")

DOCUMENT_BYTES_MAX: Final = 64 * 1024
"""A DID document, or an issuer's metadata."""

DAY_MS: Final = 86_400_000

PLACES_TRIED_MAX: Final = 8
"""Draws of a free place: the ninth is needed when a list is nearly full, and then a new one is due."""

HANDOVER_BYTES_MAX: Final = 1024 * 1024
"""A credential of 128 KB, sealed and in base64url."""

_Answer = TypeVar("_Answer")

_PURPOSE: Final = "credential"
_ROLE: Final = "holder"


class PersonRefused(TelesphorError):
    """The document of an actor does not hold the keys that are needed."""

    code = "did-document-refused"
    kind = Kind.INVALID


class HandoverRefused(TelesphorError):
    """The file is no credential that was handed over, or not to this holder."""

    code = "handover-refused"
    kind = Kind.INVALID


class Issuer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An organisation as an issuer at one node: what it needs to know again. Nothing of it is secret.

    Attributes:
        issuer, status_list: ids on the ledger.
        list_uri: where the status list is found.
    """

    format: Literal["telesphor-issuer/1"]
    did: str
    issuer: str
    status_list: str
    list_uri: str


class PublicActor(NamedTuple):
    """An actor as its DID document says."""

    did: str
    key: VerifyKey
    kem: RecipientPublic


class Noted(NamedTuple):
    """A credential that was issued and noted: its id on the ledger, its bytes, and the receipt."""

    credential: str
    issued: IssuedCredential
    receipt: Receipt


class _Method(msgspec.Struct):
    publicKeyJwk: dict[str, str]


class _DidDocument(msgspec.Struct):
    id: str
    verificationMethod: list[_Method]


class _Metadata(msgspec.Struct):
    credential_issuer: str


class IssuerClient(FactorClient):
    """An organisation that issues at one node, or a holder that collects; use it as an asynchronous context."""

    async def public_actor(self, actor: str) -> PublicActor:
        """The present keys of an actor of this node, from its DID document.

        Raises:
            PersonRefused: it has none in force.
            ClientRefused: there is no such actor.
        """
        path = f"/v1/actors/{parse_id(actor)}/did.json"
        document = _read(await self._http.fetch("GET", path, limit=DOCUMENT_BYTES_MAX), _DidDocument)
        return read_document(document.id, [method.publicKeyJwk for method in document.verificationMethod])

    async def become_issuer(self, groups: Sequence[str] = GROUPS) -> Issuer:
        """Have the node trust this organisation for its own groups, and open its status list."""
        own = await self.public_actor(self.wallet.actor)
        issuer, status_list = self._ids.next(), self._ids.next()
        trust = self._trusting(issuer, own.did, groups, [own.key], actor=self.wallet.actor)
        opening = ("status-list.open/1", {"status-list": status_list, "issuer": issuer})
        await self.send(("issuer.trust/1", trust), opening)
        return Issuer(
            format="telesphor-issuer/1",
            did=own.did,
            issuer=issuer,
            status_list=status_list,
            list_uri=await self.list_uri(status_list),
        )

    async def list_uri(self, status_list: str) -> str:
        """The address of a status list of this node, as credentials name it."""
        return f"{await self._node_url()}/v1/status-lists/{status_list}"

    async def trust_issuer(
        self, did: str, keys: Sequence[VerifyKey], *, groups: Sequence[str], status_uri: str | None
    ) -> str:
        """Have the node trust an issuer elsewhere; returns its id on the ledger.

        Args:
            status_uri: where the addresses of its status lists begin.
        """
        issuer = self._ids.next()
        body = self._trusting(issuer, did, groups, keys, actor=None) | {"status_uri": status_uri}
        await self.send(("issuer.trust/1", body))
        return issuer

    async def issue(
        self,
        subject: PublicActor,
        group: Group,
        factors: Sequence[Factor],
        *,
        issuer: Issuer,
        actor: str,
        days: int,
        verified_ms: int,
    ) -> Noted:
        """Sign a credential, good for so many days, with this organisation's keys, and have the node note it.

        Raises:
            ClientRefused: as the node says.
            FactorsRefused: what is claimed is out of bounds.
        """
        now_ms = self._clock.now_ms()
        expires_ms = now_ms + days * DAY_MS
        for attempt in range(PLACES_TRIED_MAX):
            index = int.from_bytes(self._ids.random_bytes(4), "big") % LIST_ENTRIES
            claims = CredentialClaims(
                group=group,
                issuer=issuer.did,
                subject=subject.did,
                issued_ms=now_ms,
                not_before_ms=now_ms,
                expires_ms=expires_ms,
                status=StatusReference(idx=index, uri=issuer.list_uri),
            )
            issued = sd_jwt.issue_credential(
                claims,
                factors,
                issuer=self.wallet.signing_key,
                holder=subject.key,
                random=self._ids.random_bytes,
            )
            body = {
                "credential": self._ids.next(),
                "digest": issued.digest,
                "expires": format_instant(expires_ms // 1000 * 1000),
                "group": group,
                "index": index,
                "issuer": issuer.issuer,
                "list": issuer.status_list,
                "subject": actor,
                "verified": format_instant(verified_ms),
            }
            try:
                receipt = await self.send(("credential.issue/1", body))
            except ClientRefused as error:
                if error.code != "status-index-taken" or attempt == PLACES_TRIED_MAX - 1:
                    raise
                continue
            return Noted(str(body["credential"]), issued, receipt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def leave(self, noted: Noted) -> dict[str, Any]:
        """Leave a credential at the node for its holder; returns the offer to send it (OpenID4VCI)."""
        receipt = await self.send(("credential.offer/1", {"credential": noted.credential}))
        ticket = msgspec.convert(receipt.results[0], _Left)
        headers = {"Authorization": f"Bearer {ticket.ticket}", "Content-Type": "application/jose+json"}
        answer = await self._http.fetch("PUT", ticket.path, body=noted.issued.serialized, headers=headers)
        return _read(answer, dict[str, Any])

    async def collect(self, code: str, group: str) -> bytes:
        """Collect the credential that was left under a pre-authorised code, by a proof of both keys.

        Raises:
            ClientRefused: the code was used, or is another holder's.
        """
        form = urlencode({"grant_type": PRE_AUTHORISED, "pre-authorized_code": code}, quote_via=quote)
        token = await self._fetch_text("POST", TOKEN_PATH, form.encode(), _FORM, "access_token")
        nonce = await self._fetch_text("POST", NONCE_PATH, b"", {}, "c_nonce")
        audience = await self._node_url()
        proofs = make_proof(
            self.wallet.signing_key, nonce=nonce, audience=audience, issued_at_ms=self._clock.now_ms()
        )
        ask = {"credential_configuration_id": f"{group}{HYBRID_SUFFIX}", "proofs": {"jwt": list(proofs)}}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer = await self._http.fetch(
            "POST", CREDENTIAL_PATH, body=msgspec.json.encode(ask), headers=headers
        )
        return canonical.encode(_read(answer, _Collected).credentials[0].credential)

    async def issuer_key(self, credential: bytes) -> VerifyKey:
        """The pair of a credential's issuer that is an actor of this node, from its DID document.

        Raises:
            PersonRefused: the issuer is not one of this node.
        """
        did = sd_jwt.read_head(credential).issuer
        actor = did.rpartition(":")[2]
        try:
            found = await self.public_actor(actor)
        except InvalidId:
            raise PersonRefused(
                "the issuer is no actor of this node", hint="give its keys: `--issuer`"
            ) from None
        if found.did != did:
            raise PersonRefused("the issuer is no actor of this node", hint="give its keys: `--issuer`")
        return found.key

    async def _node_url(self) -> str:
        data = await self._http.fetch("GET", _METADATA_PATH, limit=DOCUMENT_BYTES_MAX)
        return _read(data, _Metadata).credential_issuer

    async def _fetch_text(
        self, method: str, path: str, body: bytes, headers: dict[str, str], member: str
    ) -> str:
        answer = await self._http.fetch(method, path, body=body, headers=headers, limit=DOCUMENT_BYTES_MAX)
        text = _read(answer, dict[str, Any]).get(member)
        if not isinstance(text, str):
            raise AnswerRefused("the node's answer is not what was asked for")
        return text

    def _trusting(
        self, issuer: str, did: str, groups: Sequence[str], keys: Sequence[VerifyKey], *, actor: str | None
    ) -> dict[str, Any]:
        return {
            "issuer": issuer,
            "did": did,
            "actor": actor,
            "groups": list(groups),
            "keys": [key.jwks() for key in keys],
            "status_keys": None,
            "status_uri": None,
        }


def read_document(did: str, jwks: Sequence[dict[str, str]]) -> PublicActor:
    """An actor's pair and KEM key from the JWKs of its DID document; raises `PersonRefused`."""
    plain = [{name: value for name, value in jwk.items() if name != "kid"} for jwk in jwks]
    if len(plain) != 3:
        raise PersonRefused(
            "the actor's document has no keys in force", hint="it is retired, or has lost its keys"
        )
    try:
        return PublicActor(
            did, VerifyKey.from_jwks(plain[:2]), RecipientPublic(base64url.decode(plain[2].get("pub", "")))
        )
    except TelesphorError as error:
        raise PersonRefused("the actor's document does not hold a pair and a key to seal to") from error


def vouch(value: FactorValue, name: str, *, by: str, at_ms: int, own_word: bool = False) -> Factor:
    """A factor that `by` verified at that time, or that is the holder's own word."""
    vouched: Literal["issuer", "self"] = "self" if own_word else "issuer"
    vouching = Vouching(vouched=vouched, vouched_by=by, verified_at=format_instant(at_ms))
    return Factor(name=name, value=value, vouching=vouching)


def seal_handover(noted: Noted, *, holder: str, kem: RecipientPublic) -> bytes:
    """A credential as a file that only its holder opens.

    Args:
        holder: actor id of the holder, to which the file is bound.
    """
    return seal_envelope(noted.issued.serialized, recipients=[(kem, _ROLE)], purpose=_PURPOSE, object=holder)


def open_handover(data: bytes, wallet: Wallet) -> bytes:
    """The credential in such a file. Who sealed it is not known: its issuer's signatures are what counts.

    Raises:
        HandoverRefused: it is no such file, or not for this holder's keys.
    """
    try:
        return open_envelope(data, key=wallet.kem_key, purpose=_PURPOSE, object=wallet.actor)
    except TelesphorError as error:
        raise HandoverRefused(f"the file does not open: {error.message}") from error


def _read(data: bytes, kind: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise AnswerRefused("the node's answer is not what was asked for") from error


class _Left(msgspec.Struct):
    ticket: str
    path: str


class _One(msgspec.Struct):
    credential: Any


class _Collected(msgspec.Struct):
    credentials: Annotated[list[_One], Meta(min_length=1)]


_METADATA_PATH: Final = "/.well-known/openid-credential-issuer"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

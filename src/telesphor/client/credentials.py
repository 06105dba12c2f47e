"""A holder's credentials: the sealed file that keeps them, and approving what of them is shown.

The file is a key file of the kernel beside the actor's own (Argon2id and AES-256-GCM under a passphrase); nobody
but the holder has these credentials, the node neither. What this module guarantees: nothing is shown but the factors
that were named, to the verifier and the node that the request names, under the request's nonce.

`offers_for` says what would be shown, for a person to approve; `approve` then makes the answer of exactly the approved
names. Pure but for the file: time comes in as an argument. Start at `CredentialBook`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.credentials.model import LIMITS, Credential, CredentialHead, Factor
from telesphor.capabilities.identity.credentials.serialization import read_document
from telesphor.capabilities.identity.credentials.standing import IssuerId, ResolvedIssuer
from telesphor.capabilities.identity.presentations.documents import read_response, write_document
from telesphor.capabilities.identity.presentations.model import (
    RESPONSE_BYTES_MAX,
    FactorWanted,
    PresentationRequest,
    Response,
    ShownCredential,
    ShownFactors,
)
from telesphor.capabilities.identity.presentations.response import verify_response
from telesphor.capabilities.identity.presentations.service import audience_of
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet, read_keyfile, write_whole
from telesphor.kernel import base64url
from telesphor.kernel.clock import parse_instant
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import ActorId
from telesphor.kernel.keyfile import ARGON2ID, KEYFILE_BYTES_MAX, Argon2idParams, open_keyfile, seal_keyfile
from telesphor.kernel.signing import VerifyKey

FORMAT: Final = "telesphor-credentials/1"
_MEMBERS: Final = {"format", "actor", "credentials"}


class CredentialsRefused(TelesphorError):
    """The file does not hold this actor's credentials, or no more fit in."""

    code = "credentials-refused"
    kind = Kind.INVALID


class CredentialNotHeld(TelesphorError):
    """The book has no such credential."""

    code = "credential-not-held"
    kind = Kind.NOT_FOUND


class RequestNotForMe(TelesphorError):
    """The request asks another actor, is for another node, or does not name its verifier as its audience."""

    code = "request-not-for-me"
    kind = Kind.INVALID


class RequestOver(TelesphorError):
    """The request has expired."""

    code = "request-over"
    kind = Kind.GONE


class ApprovalRefused(TelesphorError):
    """What is approved is not what is asked for: a name that was not asked, or too few."""

    code = "approval-refused"
    kind = Kind.INVALID


class FactorNotHeld(TelesphorError):
    """No credential in the book can show a factor that is to be shown."""

    code = "factor-not-held"
    kind = Kind.NOT_FOUND


class AnswerDiffers(TelesphorError):
    """An answer does not show what the node says it shows."""

    code = "answer-differs"
    kind = Kind.CORRUPT


class IssuerNotGiven(TelesphorError):
    """A credential is by an issuer whose keys the verifier does not have."""

    code = "issuer-not-given"
    kind = Kind.UNAUTHENTICATED


@dataclass(frozen=True)
class HeldCredential:
    """One credential as its holder has it.

    Attributes:
        serialized: the hybrid form with all its disclosures.
        issuer: the pair that signed it.
        credential: what it says.
    """

    serialized: bytes = field(repr=False)
    issuer: VerifyKey
    credential: Credential

    def factor(self, name: str) -> Factor | None:
        """The factor of this name, if the credential has it."""
        return next((factor for factor in self.credential.factors if factor.name == name), None)


class Offer(NamedTuple):
    """What would be shown for one factor that is asked for; without a credential, nothing can be."""

    wanted: FactorWanted
    credential: Credential | None
    factor: Factor | None


class Answer(NamedTuple):
    """An answer, and the command that stands for it.

    Attributes:
        data: what is sent beside the command.
    """

    data: bytes
    command: Command


@dataclass(frozen=True)
class CredentialBook:
    """The credentials of one actor; adding and removing make a new book."""

    actor: str
    held: tuple[HeldCredential, ...] = ()

    def add(self, serialized: bytes, *, issuer: VerifyKey, holder: VerifyKey, now_ms: int) -> CredentialBook:
        """Take a credential in, once its issuer's two signatures verify and it is bound to this holder.

        Raises:
            CredentialRefused: it does not verify, or has expired.
            CredentialsRefused: it was issued to other keys.
        """
        credential = sd_jwt.verify_credential(serialized, issuer=issuer, now_ms=now_ms)
        if credential.holder != holder:
            raise CredentialsRefused(
                "the credential was issued to other keys than these", hint="ask for one to your present keys"
            )
        others = tuple(held for held in self.held if held.credential.digest != credential.digest)
        return CredentialBook(self.actor, (*others, HeldCredential(serialized, issuer, credential)))

    def remove(self, digest: str) -> CredentialBook:
        """Let a credential go; raises `CredentialNotHeld`."""
        others = tuple(held for held in self.held if held.credential.digest != digest)
        if len(others) == len(self.held):
            raise CredentialNotHeld(f"there is no credential `{digest}` here")
        return CredentialBook(self.actor, others)


def save_credentials(
    book: CredentialBook, path: Path, *, passphrase: bytes, params: Argon2idParams = ARGON2ID
) -> None:
    """Write the book's file: sealed, durable, whole, and for its owner's eyes only.

    Raises:
        CredentialsRefused: more than a file holds, about a dozen.
        WalletRefused: it cannot be written.
    """
    secret = {
        "format": FORMAT,
        "actor": book.actor,
        "credentials": [
            {"credential": held.serialized.decode(), "issuer": held.issuer.jwks()} for held in book.held
        ],
    }
    if sum(len(held.serialized) for held in book.held) > KEYFILE_BYTES_MAX // 2:
        raise CredentialsRefused(
            "more credentials than one file holds", hint="remove those that have expired"
        )
    write_whole(path, seal_keyfile(secret, passphrase=passphrase, params=params))


def load_credentials(path: Path, *, actor: str, passphrase: bytes) -> CredentialBook:
    """Read the book of an actor; an empty one where there is no file yet.

    Raises:
        CredentialsRefused: it holds something else, or another actor's.
        WalletRefused, KeyfileRefused, WrongPassphrase: it cannot be opened.
    """
    if not path.exists():
        return CredentialBook(actor)
    secret = open_keyfile(read_keyfile(path), passphrase=passphrase)
    if set(secret) != _MEMBERS or secret["format"] != FORMAT or secret["actor"] != actor:
        raise CredentialsRefused(f"`{path.name}` does not hold the credentials of this actor")
    return CredentialBook(actor, _read_held(secret["credentials"]))


def offers_for(
    request: PresentationRequest, book: CredentialBook, *, node: str, now_ms: int
) -> tuple[Offer, ...]:
    """What would be shown for each factor that is asked for, to be approved or not.

    Args:
        node: origin of the node that the request came from.

    Raises:
        RequestNotForMe, RequestOver: it is not one that this holder should answer there.
    """
    _check_request(request, book, node=node, now_ms=now_ms)
    return tuple(_offer(wanted, book, now_ms=now_ms) for wanted in request.wanted)


def approve(
    request: PresentationRequest,
    book: CredentialBook,
    names: Collection[str],
    *,
    wallet: Wallet,
    node: str,
    now_ms: int,
    status_lists: Mapping[str, bytes] = MappingProxyType({}),
) -> Answer:
    """Make the answer that shows exactly the approved factors.

    Args:
        names: approved, each as `group.name`; whether one by one or all at once is the person's choice.
        status_lists: of issuers that are not of this node: from the list's address to the signed list, fresh.

    Raises:
        RequestNotForMe, RequestOver: as `offers_for`.
        ApprovalRefused: a name that was not asked for, or one lacking that is needed.
        FactorNotHeld: there is no credential to show it from.
        HolderMismatch: a credential is bound to keys that the wallet has no more.
    """
    offers = {offer.wanted.factor: offer for offer in offers_for(request, book, node=node, now_ms=now_ms)}
    _check_approval(offers, names)
    chosen: dict[Digest, list[str]] = {}
    for name in sorted(names):
        offer = offers[name]
        if offer.credential is None:
            raise FactorNotHeld(f"no credential here can show `{name}` as it is asked for")
        chosen.setdefault(offer.credential.digest, []).append(offer.wanted.name)
    vp_token: dict[Any, tuple[str, ...]] = {}
    for held in book.held:
        shown = chosen.get(held.credential.digest)
        if shown is not None:
            vp = _present(held, shown, request, wallet=wallet, now_ms=now_ms)
            group = held.credential.group
            vp_token[group] = (*vp_token.get(group, ()), vp)
    return _answer(request, book.actor, vp_token, names, status_lists)


def check_shown(shown: ShownFactors, issuers: Sequence[VerifyKey]) -> None:
    """Verify, as the verifier and without trusting the node, that an answer shows what the node says it shows.

    Args:
        issuers: pairs of the issuers that this verifier trusts.

    Raises:
        AnswerDiffers: the node says something else, or did not hand out the answer.
        TelesphorError: the answer does not verify, as `presentations.response` says.
    """
    if shown.vp is None:
        raise AnswerDiffers("the answer itself is not there", hint="ask for it with what was shown")
    # Whether a credential was taken back is the node's to say, by lists of which it judged when the answer came.
    response = msgspec.structs.replace(read_response(shown.vp.encode()), status_lists={})
    found = verify_response(
        response,
        request=shown.request,
        resolve=partial(_resolve, issuers=issuers),
        now_ms=parse_instant(shown.factors.presented_at),
    )
    said = shown.factors
    if (found.holder, found.keys) != (said.holder, said.keys) or _values(found.credentials) != _values(
        said.credentials
    ):
        raise AnswerDiffers("the answer shows other factors than the node says")


def address_of(status_list: bytes) -> str:
    """The address that a signed status list says it is of; unverified, for whoever sends it along.

    Raises:
        CredentialsRefused: it is no list.
    """
    try:
        form = msgspec.json.decode(status_list, type=_ListForm)
        return msgspec.json.decode(base64url.decode(form.payload), type=_ListPayload).sub
    except (msgspec.MsgspecError, TelesphorError):
        raise CredentialsRefused(
            "the file holds no status list", hint="fetch it whole and as it is"
        ) from None


class _ListForm(msgspec.Struct):
    payload: str


class _ListPayload(msgspec.Struct):
    sub: str


def _values(credentials: Sequence[ShownCredential]) -> list[tuple[str, str, str]]:
    return [
        (factor.group, factor.name, factor.value)
        for credential in credentials
        for factor in credential.factors
    ]


def _resolve(head: CredentialHead, *, issuers: Sequence[VerifyKey]) -> ResolvedIssuer:
    """The issuer by its pair alone; status is left to the node."""
    for key in issuers:
        if key.thumbprints() == head.keys:
            return ResolvedIssuer(head.issuer, IssuerId(head.issuer), key, True, key, None)
    raise IssuerNotGiven("a credential is by an issuer whose keys were not given")


def _present(
    held: HeldCredential, names: Sequence[str], request: PresentationRequest, *, wallet: Wallet, now_ms: int
) -> str:
    vp = sd_jwt.present(
        held.serialized,
        names=names,
        holder=wallet.signing_key,
        nonce=request.nonce,
        audience=request.audience,
        issued_at_ms=now_ms,
    )
    return vp.decode()


def _answer(
    request: PresentationRequest,
    holder: str,
    vp_token: dict[Any, tuple[str, ...]],
    names: Collection[str],
    status_lists: Mapping[str, bytes],
) -> Answer:
    response = Response(
        format="telesphor-presentation/1",
        v=1,
        presentation=request.presentation,
        holder=ActorId(holder),
        vp_token=vp_token,
        status_lists={uri: data.decode() for uri, data in status_lists.items()},
    )
    data = write_document(response)
    if len(data) > RESPONSE_BYTES_MAX:
        raise LimitExceeded(f"the answer has `{len(data)}` bytes, more than `{RESPONSE_BYTES_MAX}`")
    body = {
        "presentation": request.presentation,
        "request": digest_of(write_document(request)),
        "approved": sorted(names),
        "vp": digest_of(data),
    }
    return Answer(data, ("presentation.present/1", body))


def _check_request(request: PresentationRequest, book: CredentialBook, *, node: str, now_ms: int) -> None:
    if request.node != node or request.audience != audience_of(node, request.verifier):
        raise RequestNotForMe("the request is not of this node and its verifier")
    if request.holder not in (None, book.actor):
        raise RequestNotForMe("the request asks another actor")
    if parse_instant(request.expires_at) <= now_ms:
        raise RequestOver("the request has expired", hint="the verifier asks anew")


def _check_approval(offers: dict[str, Offer], names: Collection[str]) -> None:
    if len(set(names)) != len(names) or not set(names) <= set(offers):
        raise ApprovalRefused("a factor is approved that was not asked for, or twice")
    for name, offer in offers.items():
        if not offer.wanted.optional and name not in names:
            raise ApprovalRefused(
                f"the verifier needs `{name}`, and it is not approved", hint="without it there is no answer"
            )
    if not names:
        raise ApprovalRefused("nothing is approved, so there is nothing to show")


def _offer(wanted: FactorWanted, book: CredentialBook, *, now_ms: int) -> Offer:
    """From the credential that lasts longest, of those that show the factor as it is wanted."""
    fitting = [
        (held.credential, factor)
        for held in book.held
        if held.credential.group == wanted.group
        and held.credential.expires_ms > now_ms
        and (factor := held.factor(wanted.name)) is not None
        and _fits(factor, wanted)
    ]
    if not fitting:
        return Offer(wanted, None, None)
    credential, factor = max(fitting, key=lambda found: found[0].expires_ms)
    return Offer(wanted, credential, factor)


def _fits(factor: Factor, wanted: FactorWanted) -> bool:
    if wanted.vouched == "issuer" and factor.vouching.vouched != "issuer":
        return False
    return not wanted.accepted or factor.text in wanted.accepted


def _read_held(members: object) -> tuple[HeldCredential, ...]:
    if not isinstance(members, list):
        raise CredentialsRefused("the file holds something that is no list of credentials")
    try:
        return tuple(map(_read_one, members))
    except TelesphorError as error:
        raise CredentialsRefused(f"a credential in the file is refused: {error.message}") from error


def _read_one(member: object) -> HeldCredential:
    """Verified again, at the time at which it began: one that has expired since is still listed."""
    if not isinstance(member, dict) or set(member) != {"credential", "issuer"}:
        raise CredentialsRefused("the file holds something that is no credential")
    data = str(member["credential"]).encode()
    issuer = VerifyKey.from_jwks(member["issuer"])
    payload = read_document(data, bytes_max=LIMITS.bytes_max).payload
    began_ms = max(payload.nbf, payload.iat) * 1000
    return HeldCredential(data, issuer, sd_jwt.verify_credential(data, issuer=issuer, now_ms=began_ms))

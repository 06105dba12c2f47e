"""The use cases of passkeys: ask for a challenge, register, sign in, remove.

`assurance_of` is what other parts ask: did this person sign in by passkey lately, under the keys it has now?
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity import service as identity
from telesphor.capabilities.identity.model import ActorIdField, ActorKind, require_kind
from telesphor.capabilities.identity.passkeys import store
from telesphor.capabilities.identity.passkeys.answers import Failed, verify_assertion, verify_attestation
from telesphor.capabilities.identity.passkeys.entries import (
    PASSKEY_CHALLENGED,
    PASSKEY_REFUSED,
    PASSKEY_REGISTERED,
    PASSKEY_REMOVED,
    PASSKEY_SIGNED_IN,
    PASSKEY_STREAM,
    PasskeyChallenged,
    PasskeyRefusedBody,
    PasskeyRegistered,
    PasskeyRemoved,
    PasskeySignedIn,
)
from telesphor.capabilities.identity.passkeys.model import (
    ALGORITHMS,
    CHALLENGE_MS,
    PASSKEYS_MAX,
    Assurance,
    AttestationField,
    AuthenticatorDataField,
    Challenge,
    ChallengeMissing,
    ClientDataField,
    CredentialIdField,
    Offered,
    PasskeyExists,
    PasskeyMissing,
    PasskeyNeeded,
    PasskeyRefused,
    PublicKeyField,
    Purpose,
    RelyingParty,
    SignatureField,
    TooManyPasskeys,
    derive_challenge,
    digest_of_text,
    write_document,
)
from telesphor.kernel import base64url
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.ids import stream_of
from telesphor.runtime.capability import Actor, Body, Decision, Draft, State

TransportsField = Annotated[
    tuple[Annotated[str, Meta(pattern="^[a-z-]{1,20}$", max_length=20)], ...], Meta(max_length=8)
]
"""How a browser reaches the authenticator: a hint that it gets back."""


class AskChallenge(Body, frozen=True, kw_only=True):
    """Ask for a challenge; asked by a person, for itself."""

    purpose: Purpose


class RegisterPasskey(Body, frozen=True, kw_only=True):
    """Answer a challenge to register: `clientDataJSON` and `attestationObject`, in base64url."""

    client_data: ClientDataField
    attestation: AttestationField
    transports: TransportsField


class SignIn(Body, frozen=True, kw_only=True):
    """Answer a challenge to sign in: what the browser gave, with the public key that the challenge came with."""

    credential: CredentialIdField
    public_key: PublicKeyField
    client_data: ClientDataField
    authenticator_data: AuthenticatorDataField
    signature: SignatureField


class RemovePasskey(Body, frozen=True, kw_only=True):
    """Have a passkey count no more; asked by the person itself, an organisation or the node."""

    id: ActorIdField
    credential: CredentialIdField


class PasskeyDocument(msgspec.Struct):
    """What is read of the document that a registration committed to."""

    credential: str
    public_key: str
    transports: tuple[str, ...]


def assurance_of(state: State, actor_id: str, *, within_ms: int) -> Assurance:
    """Say whether an actor signed in by passkey in the last `within_ms`, or by its keys alone."""
    info = identity.find_actor(state.db, actor_id)
    if info is None or info.state != "active":
        return "key"
    signed_ms = store.last_sign_in(
        state.db,
        actor_id,
        registered_after=identity.lost_at(state.db, actor_id),
        signed_after=identity.keys_since(state.db, actor_id),
    )
    return "key" if signed_ms is None or signed_ms < state.now_ms - within_ms else "passkey"


def has_passkey(state: State, actor_id: str) -> bool:
    """Say whether an actor has a passkey that counts."""
    return bool(passkeys_of(actor_id, state))


def passkeys_of(actor_id: str, state: State) -> list[store.PasskeyRow]:
    """Return the passkeys of an actor that count, oldest first: those registered since its keys were last lost."""
    return store.passkey_rows(state.db, actor_id, after=identity.lost_at(state.db, actor_id))


def document_of_passkey(row: store.PasskeyRow, state: State) -> PasskeyDocument | None:
    """Return what an authenticator needs to be asked for this passkey; None when it was forgotten."""
    data = state.document(row.document)
    return None if data is None else msgspec.json.decode(data, type=PasskeyDocument)


class PasskeyDesk:
    """Decides about passkeys for one relying party."""

    def __init__(self, party: RelyingParty) -> None:
        self._party = party

    def ask_challenge(self, actor: Actor, command: AskChallenge, state: State) -> Decision:
        """Give a challenge that is good for one answer; an older one of the same purpose is void."""
        require_kind(actor, ActorKind.PERSON)
        rows = passkeys_of(actor.id, state)
        if command.purpose == "register" and len(rows) >= PASSKEYS_MAX:
            raise TooManyPasskeys(f"the person has `{PASSKEYS_MAX}` passkeys", hint="remove one first")
        if command.purpose == "sign-in" and not rows:
            raise PasskeyMissing("the person has no passkey that counts", hint="register one first")
        nonce = state.new_nonce()
        body = PasskeyChallenged(purpose=command.purpose, nonce=nonce)
        challenge = Challenge(
            challenge=base64url.encode(_expected(actor, command.purpose, nonce)),
            expires_at=format_instant(state.now_ms + CHALLENGE_MS),
            rp=self._party.id,
            algorithms=ALGORITHMS,
            passkeys=tuple(_offers(rows, state)),
        )
        return _decided(PASSKEY_CHALLENGED.name, actor.id, body, result=challenge)

    def prepare_registration(self, command: RegisterPasskey) -> object:
        """Verify an answer before the writer sees it; what came of it is remembered."""
        return verify_attestation(command.client_data, command.attestation, self._party)

    def register_passkey(self, actor: Actor, command: RegisterPasskey, state: State) -> Decision:
        """Make a passkey the person's."""
        require_kind(actor, ActorKind.PERSON)
        expected = _waiting(actor, "register", state)
        refuse = _refuser(actor, "register")
        found = verify_attestation(command.client_data, command.attestation, self._party)
        if isinstance(found, Failed):
            refuse(found.cause)
        if found.challenge != expected:
            refuse("challenge-other")
        credential = digest_of(found.credential)
        row = store.passkey_row(state.db, credential)
        if row is not None and (row.actor != actor.id or row.position > identity.lost_at(state.db, actor.id)):
            raise PasskeyExists("the passkey is registered already", hint="use another authenticator")
        _require_present(actor, state)
        document = write_document(
            actor=actor.id,
            credential=base64url.encode(found.credential),
            public_key=base64url.encode(found.public_key),
            algorithm=found.algorithm,
            transports=list(command.transports),
            salt=state.new_nonce(),
        )
        body = PasskeyRegistered(
            credential=credential,
            key=digest_of(found.public_key),
            document=digest_of(document),
            count=found.count,
        )
        return _decided(PASSKEY_REGISTERED.name, actor.id, body, documents=(document,))

    def prepare_sign_in(self, command: SignIn) -> object:
        """Verify an answer before the writer sees it; what came of it is remembered."""
        return self._verify(command)

    def sign_in(self, actor: Actor, command: SignIn, state: State) -> Decision:
        """Note that the person was there."""
        require_kind(actor, ActorKind.PERSON)
        expected = _waiting(actor, "sign-in", state)
        refuse = _refuser(actor, "sign-in")
        found = self._verify(command)
        if isinstance(found, Failed):
            refuse(found.cause)
        if found.challenge != expected:
            refuse("challenge-other")
        credential = digest_of_text(command.credential)
        row = store.passkey_row(state.db, credential)
        if row is None or row.actor != actor.id or row.position < identity.lost_at(state.db, actor.id):
            refuse("passkey-unknown")
        if digest_of_text(command.public_key) != row.key:
            refuse("key-other")
        # Synchronised passkeys do not count (0 and 0); one that does must go up (WebAuthn, section 6.1.1).
        if (found.count or row.counter) and found.count <= row.counter:
            refuse("counter-not-higher")
        body = PasskeySignedIn(credential=credential, count=found.count)
        return _decided(PASSKEY_SIGNED_IN.name, actor.id, body)

    def remove_passkey(self, actor: Actor, command: RemovePasskey, state: State) -> Decision:
        """Have a passkey count no more."""
        if actor.id != command.id:
            require_kind(actor, ActorKind.NODE, ActorKind.ORGANISATION)
        else:
            _require_present(actor, state)
        credential = digest_of_text(command.credential)
        row = store.passkey_row(state.db, credential)
        if row is None or row.actor != command.id:
            raise PasskeyMissing("the person has no such passkey")
        return _decided(PASSKEY_REMOVED.name, command.id, PasskeyRemoved(credential=credential))

    def _verify(self, command: SignIn) -> Any:
        return verify_assertion(
            command.credential,
            command.public_key,
            command.client_data,
            command.authenticator_data,
            command.signature,
            self._party,
        )


def _require_present(actor: Actor, state: State) -> None:
    """Who has the person's keys and not its passkey must not be able to get one by them."""
    if passkeys_of(actor.id, state) and assurance_of(state, actor.id, within_ms=CHALLENGE_MS) != "passkey":
        raise PasskeyNeeded(
            "this takes one of the person's own passkeys first",
            hint="sign in by passkey; if all are lost, have the organisation remove them",
        )


def _offers(rows: list[store.PasskeyRow], state: State) -> list[Offered]:
    found = (document_of_passkey(row, state) for row in rows)
    return [Offered(one.credential, one.public_key, one.transports) for one in found if one is not None]


def _expected(actor: Actor, purpose: Purpose, nonce: str) -> bytes:
    return derive_challenge(purpose=purpose, actor=actor.id, key_id=actor.key_id, nonce=nonce)


def _waiting(actor: Actor, purpose: Purpose, state: State) -> bytes:
    """The challenge that the person's present keys must have answered."""
    row = store.challenge_row(state.db, actor=actor.id, purpose=purpose)
    if row is None or state.now_ms > row.asked_ms + CHALLENGE_MS:
        raise ChallengeMissing("no challenge waits for this answer", hint="ask for one, and answer it once")
    return _expected(actor, purpose, row.nonce)


def _refuser(actor: Actor, purpose: Purpose) -> Callable[[str], NoReturn]:
    def refuse(cause: str) -> NoReturn:
        body = PasskeyRefusedBody(purpose=purpose, cause=cause)
        draft = Draft(PASSKEY_REFUSED.name, stream_of(PASSKEY_STREAM, actor.id), body)
        raise PasskeyRefused(
            f"the passkey's answer is refused: `{cause}`",
            drafts=(draft,),
            hint="ask for a new challenge; this one is void",
        )

    return refuse


def _decided(
    type: str, actor_id: str, body: Body, *, result: object = None, documents: tuple[bytes, ...] = ()
) -> Decision:
    draft = Draft(type, stream_of(PASSKEY_STREAM, actor_id), body)
    return Decision((draft,), result=result, documents=documents)

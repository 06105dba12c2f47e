"""Passkeys at a real node, with an authenticator in software: what signs in, and every way that must not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.capabilities.identity.passkeys.answers import Failed, verify_assertion, verify_attestation
from telesphor.capabilities.identity.passkeys.capability import passkeys_capability
from telesphor.capabilities.identity.passkeys.listing import KnownPasskey, list_passkeys
from telesphor.capabilities.identity.passkeys.model import ALGORITHMS, RelyingParty, derive_challenge
from telesphor.capabilities.identity.passkeys.service import assurance_of
from telesphor.capabilities.identity.recovery.capability import CAPABILITY as RECOVERY
from telesphor.client.recovery import (
    RecoveryKey,
    begin_recovery_command,
    make_offer,
    make_statement,
    recover_command,
    report_lost_command,
    set_recovery_command,
)
from telesphor.client.requests import Command, rotate_command
from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.ledger.replay import check_state
from telesphor.ledger.snapshot import Snapshot
from telesphor.runtime.capability import State
from tests.support.authenticator import PRESENT, Authenticator
from tests.unit.capabilities.world import ORIGIN, World

PARTY = RelyingParty.of("node.example")
HOUR_MS = 3_600_000


class Case:
    """A person at a node that knows passkeys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.person = world.enrol("person")

    def challenge(self, purpose: str, wallet: Wallet | None = None) -> Any:
        command = ("passkey.challenge/1", {"purpose": purpose})
        return self.world.ask(wallet or self.person, command).results[0]

    def register(self, key: Authenticator, wallet: Wallet | None = None) -> None:
        body = key.register(self.challenge("register", wallet).challenge)
        self.world.ask(wallet or self.person, ("passkey.register/1", body))

    def registered(self, **options: Any) -> Authenticator:
        key = Authenticator(**options)
        self.register(key)
        return key

    def sign_in(self, key: Authenticator, wallet: Wallet | None = None) -> None:
        body = key.sign_in(self.challenge("sign-in", wallet).challenge)
        self.world.ask(wallet or self.person, ("passkey.sign-in/1", body))

    def assurance(self, *, within_ms: int = HOUR_MS) -> str:
        class Now:
            db, now_ms = self.world.db, self.world.clock.now_ms()

        return assurance_of(cast("State", Now()), self.person.actor, within_ms=within_ms)

    def listed(self, wallet: Wallet | None = None) -> tuple[KnownPasskey, ...]:
        state = Snapshot(self.world.db, clock=self.world.clock, ids=self.world.ids)
        return list_passkeys(state, (wallet or self.person).actor).passkeys

    def code(self, wallet: Wallet, *commands: Command) -> str:
        """The code of a refusal that leaves nothing behind."""
        before = len(self.world.entries())
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(wallet, *commands)
        assert len(self.world.entries()) == before
        return caught.value.code

    def cause(self, *commands: Command) -> str:
        """The cause of a refusal that is an entry."""
        with pytest.raises(TelesphorError) as caught:
            self.world.ask(self.person, *commands)
        assert caught.value.code == "passkey-refused"
        entry = self.world.entries()[-1]
        assert (entry.type, entry.stream) == ("passkey.refused/1", f"passkey/{self.person.actor}")
        assert f"`{entry.body.cause}`" in caught.value.message
        cause: str = entry.body.cause
        return cause


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    world = World(tmp_path, RECOVERY, passkeys_capability(PARTY))
    world.begin()
    yield Case(world)
    with TemporaryDirectory() as scratch:
        assert check_state(world.path, Path(scratch) / "replica.sqlite", world.registry)
    world.close()


# What works.


@pytest.mark.parametrize("post_quantum", [False, True])
@pytest.mark.parametrize("counts", [False, True])
def test_person_registers_a_passkey_and_signs_in(case: Case, post_quantum: bool, counts: bool) -> None:
    assert case.assurance() == "key"
    key = case.registered(post_quantum=post_quantum, counts=counts)
    assert case.assurance() == "key"
    for _ in range(2):
        case.sign_in(key)
    assert case.assurance() == "passkey"
    types = [entry.type for entry in case.world.entries()[-6:]]
    assert types == [
        "passkey.challenged/1",
        "passkey.registered/1",
        "passkey.challenged/1",
        "passkey.signed-in/1",
        "passkey.challenged/1",
        "passkey.signed-in/1",
    ]


def test_sign_in_grows_old(case: Case) -> None:
    case.sign_in(case.registered())
    case.world.clock.advance_ms(HOUR_MS)
    assert case.assurance(within_ms=HOUR_MS) == "passkey"
    case.world.clock.advance_ms(1)
    assert case.assurance(within_ms=HOUR_MS) == "key"


def test_challenge_to_sign_in_offers_the_persons_passkeys(case: Case) -> None:
    key = case.registered()
    offered = case.challenge("sign-in")
    assert (offered.rp, offered.algorithms) == ("node.example", ALGORITHMS)
    assert [one.credential for one in offered.passkeys] == [base64url.encode(key.credential)]
    assert [one.public_key for one in offered.passkeys] == [base64url.encode(key.public_key)]
    assert offered.passkeys[0].transports == ("usb",)


def test_entries_hold_digests_of_the_passkey_and_nothing_else(case: Case) -> None:
    key = case.registered()
    entry = case.world.entries()[-1]
    assert (entry.body.credential, entry.body.key) == (digest_of(key.credential), digest_of(key.public_key))
    for shown in (base64url.encode(key.credential), base64url.encode(key.public_key)):
        assert shown.encode() not in entry.data


def test_registered_passkey_is_kept_in_a_salted_document(case: Case) -> None:
    case.registered()
    digest = case.world.entries()[-1].body.document
    data = case.world.journal.document(digest)
    assert data is not None
    assert b'"salt":"' in data
    assert digest_of(data) == digest


def test_removed_passkey_signs_in_no_more(case: Case) -> None:
    key = case.registered()
    case.sign_in(key)
    removal = {"id": case.person.actor, "credential": base64url.encode(key.credential)}
    case.world.ask(case.person, ("passkey.remove/1", removal))
    assert case.assurance() == "key"
    assert case.code(case.person, ("passkey.challenge/1", {"purpose": "sign-in"})) == "passkey-missing"


def test_list_has_the_passkeys_that_count_with_when_they_were_made_and_used(case: Case) -> None:
    first = case.registered()
    case.world.clock.advance_ms(HOUR_MS)
    case.sign_in(first)
    case.register(Authenticator("second"))
    stranger = case.world.enrol("person")
    one, other = case.listed()
    assert one.credential == base64url.encode(first.credential)
    assert one.used_at is not None and one.used_at > one.added_at
    assert (other.transports, other.used_at) == (("usb",), None)
    assert case.listed(stranger) == ()
    case.world.ask(case.person, ("passkey.remove/1", {"id": case.person.actor, "credential": one.credential}))
    assert case.listed() == (other,)


# Challenges.


def test_challenge_is_answered_once(case: Case) -> None:
    key = case.registered()
    challenge = case.challenge("sign-in").challenge
    case.world.ask(case.person, ("passkey.sign-in/1", key.sign_in(challenge)))
    again = ("passkey.sign-in/1", key.sign_in(challenge))
    assert case.code(case.person, again) == "passkey-challenge-missing"


def test_challenge_that_was_answered_badly_is_void(case: Case) -> None:
    key = case.registered()
    challenge = case.challenge("sign-in").challenge
    wrong = key.sign_in(challenge, signer=Authenticator())
    assert case.cause(("passkey.sign-in/1", wrong)) == "signature-refused"
    right = ("passkey.sign-in/1", key.sign_in(challenge))
    assert case.code(case.person, right) == "passkey-challenge-missing"


def test_older_challenge_is_void(case: Case) -> None:
    key = case.registered()
    older = case.challenge("sign-in").challenge
    case.challenge("sign-in")
    assert case.cause(("passkey.sign-in/1", key.sign_in(older))) == "challenge-other"


def test_challenge_that_waited_too_long_is_void(case: Case) -> None:
    key = case.registered()
    challenge = case.challenge("sign-in").challenge
    case.world.clock.advance_ms(300_001)
    assert (
        case.code(case.person, ("passkey.sign-in/1", key.sign_in(challenge))) == "passkey-challenge-missing"
    )


def test_challenge_of_one_purpose_does_not_answer_the_other(case: Case) -> None:
    key = case.registered()
    case.challenge("sign-in")
    challenge = case.challenge("register").challenge
    assert case.cause(("passkey.sign-in/1", key.sign_in(challenge))) == "challenge-other"


def test_challenge_of_somebody_else_is_refused(case: Case) -> None:
    """A phished answer, made for another person's challenge, is worth nothing."""
    key = case.registered()
    thief = case.world.enrol("person")
    case.register(Authenticator("thief's"), thief)
    challenge = case.challenge("sign-in", thief).challenge
    case.challenge("sign-in")
    assert case.cause(("passkey.sign-in/1", key.sign_in(challenge))) == "challenge-other"


def test_challenge_asked_under_replaced_keys_is_void(case: Case) -> None:
    key = case.registered()
    challenge = case.challenge("sign-in").challenge
    renewed = case.person.renew()
    case.world.ask(case.person, rotate_command(renewed, node=ORIGIN))
    case.person = renewed
    assert case.cause(("passkey.sign-in/1", key.sign_in(challenge))) == "challenge-other"


def test_challenge_is_the_digest_that_the_specification_says() -> None:
    said = ["telesphor-passkey/1", "sign-in", "an actor", "a key id", "a nonce"]
    text = json.dumps(said, separators=(",", ":")).encode()
    found = derive_challenge(purpose="sign-in", actor="an actor", key_id="a key id", nonce="a nonce")
    assert found == sha256(text).digest()


# Answers.


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("counter stands still", "counter-not-higher"),
        ("counter falls", "counter-not-higher"),
        ("counter vanishes", "counter-not-higher"),
        ("other signature", "signature-refused"),
        ("other public key", "signature-refused"),
        ("other public key that signed", "key-other"),
        ("unknown passkey", "passkey-unknown"),
        ("other site", "origin-other"),
        ("site in a frame", "origin-other"),
        ("other domain", "party-other"),
        ("nobody there", "user-not-verified"),
        ("somebody there", "user-not-verified"),
        ("answer to register", "purpose-other"),
        ("no client data", "answer-malformed"),
        ("short authenticator data", "answer-malformed"),
        ("bytes left over", "answer-malformed"),
    ],
)
def test_answer_that_is_not_right_is_refused_and_recorded(case: Case, fault: str, cause: str) -> None:
    key, other = case.registered(), Authenticator("other")
    case.sign_in(key)
    challenge = case.challenge("sign-in").challenge
    if fault == "counter stands still":
        key.count -= 1
    elif fault == "counter falls":
        key.count -= 2
    elif fault == "counter vanishes":
        key.count, key.counts = 0, False
    elif fault == "other site":
        key.origin = "https://node.example.evil.example"
    elif fault == "site in a frame":
        key.client = {"crossOrigin": True}
    elif fault == "other domain":
        key.rp = "evil.example"
    elif fault == "nobody there":
        key.flags = 0
    elif fault == "somebody there":
        key.flags = PRESENT
    elif fault == "answer to register":
        key.client = {"type": "webauthn.create"}
    body = key.sign_in(challenge, signer=other if fault == "other signature" else None)
    if fault == "other public key":
        body["public_key"] = base64url.encode(other.public_key)
    elif fault == "other public key that signed":
        other.count = 9
        body = other.sign_in(challenge) | {"credential": body["credential"]}
    elif fault == "unknown passkey":
        body = other.sign_in(challenge)
    elif fault == "no client data":
        body["client_data"] = base64url.encode(b"[]")
    elif fault == "short authenticator data":
        body["authenticator_data"] = base64url.encode(bytes(36))
    elif fault == "bytes left over":
        body["authenticator_data"] += "AAAA"
    assert case.cause(("passkey.sign-in/1", body)) == cause


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("other challenge", "challenge-other"),
        ("unknown attestation", "attestation-unknown"),
        ("bytes left over", "answer-malformed"),
        ("deep nesting", "answer-malformed"),
        ("weak algorithm", "signature-refused"),
        ("nobody there", "user-not-verified"),
    ],
)
def test_registration_that_is_not_right_is_refused_and_recorded(case: Case, fault: str, cause: str) -> None:
    key = Authenticator()
    challenge = case.challenge("register").challenge
    if fault == "nobody there":
        key.flags = PRESENT
    if fault == "weak algorithm":
        cose = cbor2.loads(key.public_key) | {3: -65535}
        key.__class__ = type("Weak", (Authenticator,), {"public_key": cbor2.dumps(cose)})
    body = key.register(
        base64url.encode(bytes(32)) if fault == "other challenge" else challenge,
        fmt="android-safetynet" if fault == "unknown attestation" else "none",
        extra=b"\x00" if fault == "bytes left over" else b"",
    )
    if fault == "deep nesting":
        body["attestation"] = base64url.encode(b"\x81" * 15_000 + b"\x01")
    assert case.cause(("passkey.register/1", body)) == cause


def test_passkey_is_registered_once_and_for_one_person(case: Case) -> None:
    key = case.registered()
    case.sign_in(key)
    body = key.register(case.challenge("register").challenge)
    assert case.code(case.person, ("passkey.register/1", body)) == "passkey-exists"
    other = case.world.enrol("person")
    body = key.register(case.challenge("register", other).challenge)
    assert case.code(other, ("passkey.register/1", body)) == "passkey-exists"


def test_who_has_the_keys_alone_gets_no_further_passkey(case: Case) -> None:
    key = case.registered()
    body = Authenticator("thief's").register(case.challenge("register").challenge)
    assert case.code(case.person, ("passkey.register/1", body)) == "passkey-needed"
    removal = {"id": case.person.actor, "credential": base64url.encode(key.credential)}
    assert case.code(case.person, ("passkey.remove/1", removal)) == "passkey-needed"
    case.sign_in(key)
    case.register(Authenticator("my second"))


def test_organisation_removes_a_lost_passkey_and_others_do_not(case: Case) -> None:
    key = case.registered()
    removal = ("passkey.remove/1", {"id": case.person.actor, "credential": base64url.encode(key.credential)})
    assert case.code(case.world.enrol("person"), removal) == "not-permitted"
    case.world.ask(case.world.enrol("organisation"), removal)
    case.register(Authenticator("new"))


def test_passkeys_are_for_persons(case: Case) -> None:
    device = case.world.enrol("device")
    assert case.code(device, ("passkey.challenge/1", {"purpose": "register"})) == "not-permitted"


def test_seventeenth_passkey_is_refused(case: Case) -> None:
    first = case.registered(name="0")
    for number in range(1, 16):
        case.sign_in(first)
        case.register(Authenticator(str(number)))
    assert case.code(case.person, ("passkey.challenge/1", {"purpose": "register"})) == "passkeys-too-many"


# Keys that were replaced.


def test_sign_in_under_replaced_keys_counts_no_more(case: Case) -> None:
    key = case.registered()
    case.sign_in(key)
    renewed = case.person.renew()
    case.world.ask(case.person, rotate_command(renewed, node=ORIGIN))
    assert case.assurance() == "key"
    case.sign_in(key, renewed)
    assert case.assurance() == "passkey"


def test_passkey_of_before_the_loss_counts_no_more(case: Case) -> None:
    key = case.registered()
    case.sign_in(key)
    recovery, renewed = RecoveryKey.create(case.person.actor), case.person.renew()
    settings = set_recovery_command(guardians=[], threshold=0, wait_seconds=0, recovery=recovery.key.public)
    case.world.ask(case.person, settings, report_lost_command(case.person.actor, reason="stolen"))
    assert case.assurance() == "key"
    offer = make_offer(renewed, node=ORIGIN)
    statement = make_statement(recovery, offer=offer, node=ORIGIN)
    actor, keys = case.person.actor, renewed.signing_key.public.thumbprints()
    case.world.ask(case.world.node, begin_recovery_command(actor, offer=offer, statement=statement))
    case.world.ask(case.world.node, recover_command(actor, keys=keys))
    case.person = renewed
    assert case.assurance() == "key"
    assert case.code(renewed, ("passkey.challenge/1", {"purpose": "sign-in"})) == "passkey-missing"
    case.register(key)
    case.sign_in(key)
    assert case.assurance() == "passkey"


# Bytes from anywhere.


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_bytes_make_verification_raise(one: bytes, two: bytes) -> None:
    texts = base64url.encode(one), base64url.encode(two)
    assert isinstance(verify_attestation(*texts, PARTY), Failed)
    assert isinstance(verify_assertion(*texts, *texts, texts[0], PARTY), Failed)


ANSWER = Authenticator().sign_in(base64url.encode(bytes(32)))


def verified(answer: dict[str, Any]) -> object:
    names = ("credential", "public_key", "client_data", "authenticator_data", "signature")
    return verify_assertion(*(answer[name] for name in names), PARTY)


@pytest.mark.parametrize("name", ["client_data", "authenticator_data", "signature", "public_key"])
@given(place=st.integers(0, 2**13))
def test_any_changed_bit_of_an_answer_fails(name: str, place: int) -> None:
    assert not isinstance(verified(ANSWER), Failed)
    raw = bytearray(base64url.decode(ANSWER[name]))
    raw[place // 8 % len(raw)] ^= 1 << place % 8
    assert isinstance(verified(ANSWER | {name: base64url.encode(bytes(raw))}), Failed)

"""A holder's wallet: sealed, it takes in only what is its own, and shows exactly what was approved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from telesphor.capabilities.identity.presentations.documents import read_response, write_document
from telesphor.capabilities.identity.presentations.model import FactorWanted, PresentationRequest
from telesphor.capabilities.identity.presentations.response import Shown, verify_response
from telesphor.client.credentials import (
    Answer,
    CredentialBook,
    approve,
    load_credentials,
    offers_for,
    save_credentials,
)
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.keyfile import Argon2idParams, seal_keyfile
from telesphor.kernel.signing import HybridSuite, SigningKey
from tests.unit.capabilities.identity.presentations.cast import (
    DAY_MS,
    HOLDER,
    IDENTITY,
    IDS,
    ISSUER,
    LICENCE,
    NODE,
    NOW_MS,
    OTHER,
    book_of,
    make_credential,
    make_request,
    resolve,
    want,
)

SECRET = b"correct horse battery staple"
CHEAP = Argon2idParams(memory_kib=8 * 1024, iterations=1, lanes=1)

STATE = make_credential("licence", LICENCE)
ADULT = make_credential("identity", IDENTITY, own_word=["family_name"])
BOOK = book_of(STATE, ADULT)


def answer(request: PresentationRequest, *names: str, book: CredentialBook = BOOK, **changes: Any) -> Answer:
    given: dict[str, Any] = {"wallet": HOLDER, "node": NODE, "now_ms": NOW_MS, **changes}
    return approve(request, book, names, **given)


def shown_by(made: Answer, request: PresentationRequest) -> Shown:
    return verify_response(read_response(made.data), request=request, resolve=resolve, now_ms=NOW_MS)


def code_of(request: PresentationRequest, *names: str, **changes: Any) -> str:
    with pytest.raises(TelesphorError) as caught:
        answer(request, *names, **changes)
    return caught.value.code


def _named(changes: dict[str, Any]) -> str:
    """By what is changed alone: the ids in it differ in every run."""
    return ",".join(changes)


def test_exactly_the_approved_factors_are_shown() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.active", optional=True))
    made = answer(request, "licence.licensed_in")
    assert shown_by(made, request).factors == ("licence.licensed_in",)
    assert made.command == (
        "presentation.present/1",
        {
            "presentation": request.presentation,
            "request": digest_of(write_document(request)),
            "approved": ["licence.licensed_in"],
            "vp": digest_of(made.data),
        },
    )


def test_nothing_of_a_person_stands_in_the_signed_command() -> None:
    made = answer(make_request(want("identity.over_18")), "identity.over_18")
    command = msgspec.json.encode(made.command)
    assert b"true" not in command
    assert b"Quill" not in command


def test_factors_of_one_credential_are_shown_together() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.active"), want("identity.over_18"))
    made = answer(request, "licence.active", "identity.over_18", "licence.licensed_in")
    tokens = read_response(made.data).vp_token
    assert {group: len(texts) for group, texts in tokens.items()} == {"licence": 1, "identity": 1}


def test_offers_say_what_would_be_shown() -> None:
    request = make_request(
        want("licence.licensed_in"), want("licence.privileges", optional=True), want("identity.family_name")
    )
    licence, privileges, name = offers_for(request, BOOK, node=NODE, now_ms=NOW_MS)
    assert licence.factor is not None
    assert (licence.factor.text, privileges.factor) == ("WA", None)
    assert name.factor is None  # It is the holder's own word, and an issuer's is asked for.


def test_credential_that_lasts_longest_is_shown() -> None:
    longer = make_credential("licence", LICENCE, expires_ms=NOW_MS + 2 * DAY_MS)
    book = book_of(STATE, longer, make_credential("licence", LICENCE))
    (offer,) = offers_for(make_request(), book, node=NODE, now_ms=NOW_MS)
    assert offer.credential is not None
    assert offer.credential.expires_ms == NOW_MS + 2 * DAY_MS


def test_factor_that_was_not_asked_for_cannot_be_approved() -> None:
    assert code_of(make_request(), "licence.licensed_in", "licence.number") == "approval-refused"


def test_factor_approved_twice_is_refused() -> None:
    assert code_of(make_request(), "licence.licensed_in", "licence.licensed_in") == "approval-refused"


def test_answer_without_what_is_needed_is_not_made() -> None:
    request = make_request(want("licence.licensed_in"), want("licence.active"))
    assert code_of(request, "licence.active") == "approval-refused"


def test_answer_without_anything_is_not_made() -> None:
    assert code_of(make_request(want("licence.active", optional=True))) == "approval-refused"


@pytest.mark.parametrize(
    "wanted",
    [
        want("licence.privileges"),
        want("licence.licensed_in", "OR"),
        want("identity.family_name"),
        want("insurance.active"),
    ],
    ids=lambda wanted: wanted.factor,
)
def test_factor_that_no_credential_shows_is_said(wanted: FactorWanted) -> None:
    assert code_of(make_request(wanted), wanted.factor) == "factor-not-held"


def test_expired_credential_is_not_shown() -> None:
    late = NOW_MS + DAY_MS
    request = make_request(expires_at=format_instant(late + 1))
    assert code_of(request, "licence.licensed_in", now_ms=late) == "factor-not-held"


@pytest.mark.parametrize(
    "changes",
    [
        {"node": "other.example/ledger"},
        {"audience": f"other.example/ledger/actors/{HOLDER.actor}"},
        {"verifier": IDS.next()},
        {"holder": OTHER.actor},
    ],
    ids=_named,
)
def test_request_for_someone_else_or_of_an_impostor_is_refused(changes: dict[str, Any]) -> None:
    assert code_of(make_request(**changes), "licence.licensed_in") == "request-not-for-me"


def test_expired_request_is_refused() -> None:
    assert code_of(make_request(expires_at=format_instant(NOW_MS)), "licence.licensed_in") == "request-over"


def test_credential_to_keys_of_before_is_not_shown() -> None:
    assert code_of(make_request(), "licence.licensed_in", wallet=HOLDER.renew()) == "holder-mismatch"


def test_credential_of_another_holder_is_not_taken_in() -> None:
    with pytest.raises(TelesphorError) as caught:
        book_of(make_credential("licence", LICENCE, wallet=OTHER))
    assert caught.value.code == "credentials-refused"


def test_credential_by_other_keys_than_the_issuers_is_not_taken_in() -> None:
    with pytest.raises(TelesphorError) as caught:
        book_of(make_credential("licence", LICENCE, issuer=SigningKey.generate(HybridSuite.ACTOR)))
    assert caught.value.code == "credential-keys-mismatch"


def test_book_is_sealed_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "holder.credentials"
    save_credentials(BOOK, path, passphrase=SECRET, params=CHEAP)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"licence" not in path.read_bytes()
    assert load_credentials(path, actor=HOLDER.actor, passphrase=SECRET) == BOOK
    assert "Quill" not in repr(BOOK)


def test_missing_file_is_an_empty_book(tmp_path: Path) -> None:
    assert load_credentials(tmp_path / "none", actor=HOLDER.actor, passphrase=SECRET).held == ()


@pytest.mark.parametrize(
    "change",
    [
        {"format": "telesphor-wallet/1"},
        {"actor": OTHER.actor},
        {"more": 1},
        {"credentials": ["text"]},
        {"credentials": "text"},
        {"credentials": 7},
        {"credentials": [{"credential": 1, "issuer": []}]},
    ],
    ids=_named,
)
def test_file_with_something_else_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "holder.credentials"
    secret = {"format": "telesphor-credentials/1", "actor": HOLDER.actor, "credentials": []}
    path.write_bytes(seal_keyfile(secret, passphrase=SECRET, params=CHEAP))
    assert load_credentials(path, actor=HOLDER.actor, passphrase=SECRET).held == ()
    path.write_bytes(seal_keyfile({**secret, **change}, passphrase=SECRET, params=CHEAP))
    with pytest.raises(TelesphorError) as caught:
        load_credentials(path, actor=HOLDER.actor, passphrase=SECRET)
    assert caught.value.code == "credentials-refused"


def test_removed_credential_is_gone() -> None:
    digest = BOOK.held[0].credential.digest
    assert [held.credential.group for held in BOOK.remove(digest).held] == ["identity"]
    with pytest.raises(TelesphorError) as caught:
        BOOK.remove(digest).remove(digest)
    assert caught.value.code == "credential-not-held"


def test_credential_taken_in_again_replaces_itself() -> None:
    again = BOOK.add(STATE, issuer=ISSUER.public, holder=HOLDER.signing_key.public, now_ms=NOW_MS)
    assert len(again.held) == 2


def test_more_credentials_than_a_file_holds_are_refused(tmp_path: Path) -> None:
    book = book_of(*(make_credential("licence", {"n": number}) for number in range(16)))
    with pytest.raises(TelesphorError) as caught:
        save_credentials(book, tmp_path / "full", passphrase=SECRET, params=CHEAP)
    assert caught.value.code == "credentials-refused"

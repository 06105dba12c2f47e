"""Whose word counts here, for what, and what its status lists are worth."""

from __future__ import annotations

from typing import Any

import pytest

from telesphor.capabilities.identity.credentials.issuers import (
    require_status,
    resolve_issuer,
    vouched_factors,
)
from telesphor.capabilities.identity.credentials.model import StatusReference
from telesphor.capabilities.identity.credentials.sd_jwt import read_head, verify_credential
from telesphor.capabilities.identity.credentials.status_list import (
    Status,
    pack_statuses,
    sign_status_list,
)
from telesphor.kernel.errors import TelesphorError
from tests.support import credentials as made
from tests.unit.capabilities.identity.credentials.office import DAY_MS, Office

# Who vouches.


def external(office: Office, **changes: Any) -> None:
    """A licence board elsewhere is trusted for licences, with its own status lists."""
    values: dict[str, Any] = {
        "issuer": office.ids.next(),
        "did": made.ISSUER_ID,
        "actor": None,
        "groups": ["licence"],
        "keys": [made.ISSUER.public.jwks()],
        "status_uri": "https://board.example/lists/",
    }
    office.ask(office.hospital, office.trusting(**values | changes))


def code_of_issuer(office: Office, data: bytes) -> str:
    with office.open_db() as db, pytest.raises(TelesphorError) as caught:
        resolve_issuer(db, read_head(data), holder=office.clinician.actor)
    return caught.value.code


def test_issuer_elsewhere_vouches_once_it_is_trusted(office: Office) -> None:
    data = made.issued().serialized
    assert code_of_issuer(office, data) == "issuer-unknown"
    external(office)
    with office.open_db() as db:
        found = resolve_issuer(db, read_head(data), holder=office.clinician.actor)
    assert (found.name, found.own, found.is_holder) == (made.ISSUER_ID, False, False)
    assert found.key == found.status_key == made.ISSUER.public


def test_issuer_of_licences_does_not_vouch_for_identity(office: Office) -> None:
    external(office)
    assert code_of_issuer(office, made.issued(group="identity").serialized) == "issuer-group-refused"


def test_name_of_an_issuer_under_other_keys_is_refused(office: Office) -> None:
    external(office)
    assert code_of_issuer(office, made.issued(issuer=made.OTHER).serialized) == "issuer-keys-unknown"


def test_holder_that_takes_a_trusted_name_is_refused(office: Office) -> None:
    external(office)
    data = made.issued(issuer=office.clinician.signing_key).serialized
    assert code_of_issuer(office, data) == "issuer-keys-unknown"


def test_word_of_the_holder_is_its_own_whatever_it_claims(office: Office) -> None:
    """Issued by itself under a fine name, every factor marked as vouched for by an issuer."""
    key = office.clinician.signing_key
    data = made.issued(issuer=key, holder=key).serialized
    with office.open_db() as db:
        found = resolve_issuer(db, read_head(data), holder=office.clinician.actor)
    assert found.is_holder and found.name == office.clinician.actor and not found.own
    credential = verify_credential(data, issuer=found.key, now_ms=made.NOW_MS)
    assert any(factor.vouching.vouched == "issuer" for factor in credential.factors)
    factors = vouched_factors(credential, found)
    assert {(f.vouching.vouched, f.vouching.vouched_by) for f in factors} == {
        ("self", office.clinician.actor)
    }
    assert [(f.name, f.value) for f in factors] == [(f.name, f.value) for f in credential.factors]


def test_word_of_another_person_is_nobodys(office: Office) -> None:
    data = made.issued(issuer=office.patient.signing_key).serialized
    assert code_of_issuer(office, data) == "issuer-unknown"


def test_old_pair_of_the_holder_says_nothing(office: Office) -> None:
    data = made.issued(issuer=office.clinician.signing_key).serialized
    office.ask(office.clinician, ("actor.retire/1", {"id": office.clinician.actor}))
    assert code_of_issuer(office, data) == "actor-retired"


LIST_URI = "https://board.example/lists/1"


def signed_list(
    statuses: dict[int, Status], *, key: Any = made.ISSUER, uri: str = LIST_URI, at_ms: int = made.NOW_MS
) -> bytes:
    packed = pack_statuses(statuses)
    return sign_status_list(packed, uri=uri, issuer=made.ISSUER_ID, key=key, issued_at_ms=at_ms).serialized


def status_code(office: Office, data: bytes | None, **changes: Any) -> str:
    issued = made.issued(status=StatusReference(idx=7, uri=LIST_URI), **changes)
    with office.open_db() as db:
        found = resolve_issuer(db, read_head(issued.serialized), holder=office.clinician.actor)
    credential = verify_credential(issued.serialized, issuer=found.key, now_ms=made.NOW_MS)
    try:
        require_status(credential, found, data, now_ms=made.NOW_MS)
    except TelesphorError as error:
        return error.code
    return "holds"


def test_status_elsewhere_is_read_from_a_whole_fresh_list(office: Office) -> None:
    external(office)
    assert status_code(office, signed_list({})) == "holds"
    assert status_code(office, signed_list({8: Status.REVOKED})) == "holds"
    assert status_code(office, signed_list({7: Status.REVOKED})) == "credential-revoked"
    assert status_code(office, signed_list({7: Status.SUSPENDED})) == "credential-suspended"


def test_status_that_cannot_be_known_means_no(office: Office) -> None:
    external(office)
    assert status_code(office, None) == "status-missing"
    assert status_code(office, signed_list({}, at_ms=made.NOW_MS - DAY_MS)) == "status-list-stale"
    assert status_code(office, signed_list({}, key=made.OTHER)) == "status-list-signature-refused"
    assert status_code(office, signed_list({}, uri="https://board.example/lists/2")) == "status-list-mismatch"
    assert status_code(office, b"{}") == "status-list-malformed"


def test_key_of_the_lists_alone_signs_them(office: Office) -> None:
    external(office, status_keys=made.OTHER.public.jwks())
    assert status_code(office, signed_list({}, key=made.OTHER)) == "holds"
    assert status_code(office, signed_list({})) == "status-list-signature-refused"


def test_credential_without_status_of_an_issuer_with_lists_is_refused(office: Office) -> None:
    external(office)
    data = made.issued(status=None).serialized
    with office.open_db() as db:
        found = resolve_issuer(db, read_head(data), holder=office.clinician.actor)
    credential = verify_credential(data, issuer=found.key, now_ms=made.NOW_MS)
    with pytest.raises(TelesphorError) as caught:
        require_status(credential, found, signed_list({}), now_ms=made.NOW_MS)
    assert caught.value.code == "status-missing"


def test_list_that_is_not_the_issuers_is_not_looked_at(office: Office) -> None:
    """The credential names a list of somebody else, who signed nothing but may say `valid`."""
    external(office, status_uri="https://board.example/other/")
    assert status_code(office, signed_list({})) == "status-list-mismatch"

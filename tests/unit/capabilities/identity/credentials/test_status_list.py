"""A status counts only from a whole, fresh, well-signed list: every other one is refused by its own name."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from telesphor.capabilities.identity.credentials.halves import HALVES, sign_half
from telesphor.capabilities.identity.credentials.model import CLOCK_SKEW_MS, StatusReference
from telesphor.capabilities.identity.credentials.serialization import header_of
from telesphor.capabilities.identity.credentials.status_list import (
    AGE_MS_MAX,
    LIFETIME_MS,
    LIST_BYTES_MAX,
    LIST_ENTRIES,
    LIST_ENTRIES_MIN,
    TOKEN_BYTES_MAX,
    TYP,
    Status,
    StatusList,
    check_status,
    pack_statuses,
    read_status_list,
    sign_status_list,
)
from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.signing import SigningKey
from tests.support.credentials import ISSUER, ISSUER_ID, NOW_MS, OTHER

URI = "https://clinic.example/v1/status-lists/1"
MARKED = {3: Status.REVOKED, 4: Status.SUSPENDED, LIST_ENTRIES - 1: Status.REVOKED}
SIGNED = sign_status_list(pack_statuses(MARKED), uri=URI, issuer=ISSUER_ID, key=ISSUER, issued_at_ms=NOW_MS)
DATA = SIGNED.serialized


def read(data: bytes = DATA, **changes: Any) -> StatusList:
    values: dict[str, Any] = {"uri": URI, "issuer": ISSUER.public, "now_ms": NOW_MS}
    return read_status_list(data, **values | changes)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(TelesphorError) as caught:
        call()
    return caught.value.code


def payload() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64url.decode(json.loads(DATA)["payload"]))
    return found


def signed(
    key: SigningKey = ISSUER, *, typ: str = TYP, lst: bytes | str | None = None, bits: int = 2, **changes: Any
) -> bytes:
    """A list with other claims, signed well."""
    claims = payload() | changes
    if lst is not None:
        text = lst if isinstance(lst, str) else base64url.encode(lst)
        claims["status_list"] = {"bits": bits, "lst": text}
    content = canonical.encode({k: v for k, v in claims.items() if v is not None})
    parts = []
    for half in HALVES:
        protected = header_of(half, key.public.thumbprints(), typ=typ)
        signature = sign_half(half, protected=protected, payload=content, key=key)
        parts.append({"protected": base64url.encode(protected), "signature": signature})
    return canonical.encode({"payload": base64url.encode(content), "signatures": parts})


def changed(change: Callable[[Any], None]) -> bytes:
    document = json.loads(DATA)
    change(document)
    return canonical.encode(document)


def test_list_says_of_each_place_what_was_said() -> None:
    found = read()
    assert {at: found.status_at(at) for at in range(LIST_ENTRIES) if found.status_at(at)} == MARKED
    assert found.expires_ms == SIGNED.expires_ms == NOW_MS // 1000 * 1000 + LIFETIME_MS


@pytest.mark.parametrize(("index", "code"), [(3, "credential-revoked"), (4, "credential-suspended")])
def test_status_that_is_not_valid_is_refused(index: int, code: str) -> None:
    check_status(DATA, reference=StatusReference(idx=5, uri=URI), issuer=ISSUER.public, now_ms=NOW_MS)
    reference = StatusReference(idx=index, uri=URI)
    assert (
        code_of(lambda: check_status(DATA, reference=reference, issuer=ISSUER.public, now_ms=NOW_MS)) == code
    )


def test_status_without_a_meaning_is_refused() -> None:
    strange = signed(lst=zlib.compress(b"\xff" * (LIST_ENTRIES // 4)))
    reference = StatusReference(idx=0, uri=URI)
    assert (
        code_of(lambda: check_status(strange, reference=reference, issuer=ISSUER.public, now_ms=NOW_MS))
        == "status-unknown"
    )


@pytest.mark.parametrize("index", [LIST_ENTRIES, 2**20 - 1, -1])
def test_place_beyond_the_list_is_refused(index: int) -> None:
    assert code_of(lambda: read().status_at(index)) == "status-index-out-of-range"
    assert code_of(lambda: pack_statuses({index: Status.REVOKED})) == "status-index-out-of-range"


def test_list_ends_at_its_very_second() -> None:
    assert read(now_ms=SIGNED.expires_ms - 1).uri == URI
    assert code_of(lambda: read(now_ms=SIGNED.expires_ms)) == "status-list-stale"


def test_list_from_the_future_is_refused() -> None:
    begins = NOW_MS // 1000 * 1000
    assert read(now_ms=begins - CLOCK_SKEW_MS).uri == URI
    assert code_of(lambda: read(now_ms=begins - CLOCK_SKEW_MS - 1)) == "status-list-stale"


def test_list_that_claims_to_be_good_for_years_is_good_for_a_day() -> None:
    long = signed(exp=NOW_MS // 1000 + 10**9)
    begins = NOW_MS // 1000 * 1000
    assert read(long, now_ms=begins + AGE_MS_MAX - 1).expires_ms == begins + AGE_MS_MAX
    assert code_of(lambda: read(long, now_ms=begins + AGE_MS_MAX)) == "status-list-stale"


def test_other_list_is_refused() -> None:
    assert code_of(lambda: read(uri=URI + "0")) == "status-list-mismatch"


def test_list_by_other_keys_is_refused() -> None:
    assert code_of(lambda: read(issuer=OTHER.public)) == "status-list-signature-refused"
    assert code_of(lambda: read(signed(OTHER))) == "status-list-signature-refused"


@pytest.mark.parametrize("half", [0, 1])
def test_stripped_or_swapped_half_of_a_list_is_refused(half: int) -> None:
    assert (
        code_of(lambda: read(changed(lambda d: d["signatures"].pop(half)))) == "status-list-signature-refused"
    )
    other = json.loads(signed())["signatures"][half]["signature"]
    foreign = json.loads(signed(iat=payload()["iat"] - 1))["signatures"][half]["signature"]
    good = changed(lambda d: d["signatures"][half].update(signature=other))
    assert read(good).uri == URI  # The same content signed again is the same content.
    bad = changed(lambda d: d["signatures"][half].update(signature=foreign))
    assert code_of(lambda: read(bad)) == "status-list-signature-refused"


@pytest.mark.parametrize("half", HALVES)
def test_signature_of_a_list_in_another_spelling_is_refused(half: int) -> None:
    text = json.loads(DATA)["signatures"][half]["signature"]
    spelled = changed(lambda d: d["signatures"][half].update(signature=f"{text[:40]}[[[{text[40:]}"))
    assert code_of(lambda: read(spelled)) == "status-list-signature-refused"


def test_halves_in_the_other_order_are_refused() -> None:
    assert (
        code_of(lambda: read(changed(lambda d: d["signatures"].reverse()))) == "status-list-signature-refused"
    )


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA", "ML-DSA-44"])
def test_list_by_another_algorithm_is_refused(alg: str) -> None:
    header = canonical.encode({"alg": alg, "kid": ISSUER.public.thumbprints()[1], "typ": TYP})
    bad = changed(lambda d: d["signatures"][1].update(protected=base64url.encode(header)))
    assert code_of(lambda: read(bad)) == "status-list-signature-refused"


def test_credential_signed_by_the_same_keys_is_no_list() -> None:
    assert code_of(lambda: read(signed(typ="dc+sd-jwt"))) == "status-list-signature-refused"


@pytest.mark.parametrize("entries", [0, 4, LIST_ENTRIES_MIN - 4])
def test_list_that_is_too_small_is_refused(entries: int) -> None:
    assert code_of(lambda: read(signed(lst=zlib.compress(bytes(entries // 4))))) == "status-list-size"


def test_smallest_and_largest_lists_are_read() -> None:
    for size in (LIST_ENTRIES_MIN // 4, LIST_BYTES_MAX):
        assert len(read(signed(lst=zlib.compress(bytes(size)))).statuses) == size


@pytest.mark.parametrize("size", [LIST_BYTES_MAX + 1, 50 * 1024 * 1024])
def test_list_that_inflates_without_end_is_refused(size: int) -> None:
    assert code_of(lambda: read(signed(lst=zlib.compress(bytes(size), 9)))) == "status-list-size"


def test_list_cut_short_is_refused() -> None:
    whole = zlib.compress(bytes(LIST_ENTRIES // 4))
    for bad in (whole[:-1], whole[:10], whole + b"x", b"", b"nothing"):
        assert code_of(partial(read, signed(lst=bad))) == "status-list-malformed"
    assert code_of(lambda: read(signed(lst="a b"))) == "status-list-malformed"


@pytest.mark.parametrize("bits", [0, 3, 4, 8, 16])
def test_list_of_other_widths_is_refused(bits: int) -> None:
    assert (
        code_of(lambda: read(signed(lst=zlib.compress(bytes(LIST_ENTRIES)), bits=bits)))
        == "status-list-malformed"
    )


@pytest.mark.parametrize(
    "changes",
    [{"exp": None}, {"iat": "now"}, {"ttl": 0}, {"ttl": 10**9}, {"sub": None}, {"more": 1}],
    ids=str,
)
def test_claims_in_any_other_form_are_refused(changes: dict[str, Any]) -> None:
    assert code_of(lambda: read(signed(**changes))) == "status-list-malformed"


def test_oversize_is_refused_before_it_is_read() -> None:
    assert code_of(lambda: read(b"x" * (TOKEN_BYTES_MAX + 1))) == "status-list-size"


@pytest.mark.parametrize("data", [b"", b"{}", DATA + b"\n", SIGNED.compact.encode(), b"\xff"])
def test_bytes_in_any_other_form_are_refused(data: bytes) -> None:
    assert code_of(lambda: read(data)) == "status-list-malformed"

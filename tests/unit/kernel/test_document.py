"""Documents: what names what, and that following names always ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telesphor.kernel import canonical
from telesphor.kernel.canonical import BRACKETS_MAX
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.document import DOCUMENT_BYTES_MAX, digests_in, digests_named_in, follow_documents

FIRST, SECOND, THIRD = (digest_of(word) for word in (b"first", b"second", b"third"))


def test_every_text_that_is_a_digest_is_named_wherever_it_stands() -> None:
    value = {"a": FIRST, "b": [1, None, True, {"c": [SECOND]}], "d": "other text"}
    assert digests_in(value) == {FIRST, SECOND}
    assert digests_named_in(canonical.encode(value)) == {FIRST, SECOND}


def test_text_alone_can_be_a_name() -> None:
    assert digests_named_in(canonical.encode(FIRST)) == {FIRST}


@pytest.mark.parametrize(
    "value",
    [
        {FIRST: 1},
        [f" {FIRST}"],
        [f"{FIRST}\n"],
        [FIRST.upper()],
        [FIRST[:-1]],
        [f"hmac-{FIRST}"],
        [FIRST.replace("a", "\u0430")],
        [json.dumps({"said": FIRST})],
    ],
    ids=["member", "space", "newline", "upper", "short", "commitment", "cyrillic", "json-within-text"],
)
def test_what_only_looks_like_a_digest_names_nothing(value: object) -> None:
    assert digests_named_in(canonical.encode(value)) == frozenset()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        f"permit unless {FIRST}".encode(),
        f'forbid when {{ context.policy == "{FIRST}" }};'.encode(),
        f'[ "{FIRST}"]'.encode(),
        f'["{FIRST}",1.5]'.encode(),
        f'["{FIRST}",NaN]'.encode(),
        f'{{"a":1,"a":"{FIRST}"}}'.encode(),
        f'["{FIRST}"'.encode(),
        b'\xef\xbb\xbf["%s"]' % FIRST.encode(),
        b'["%s","\xff"]' % FIRST.encode(),
        f'["{FIRST}"]'.encode("utf-16"),
        b"[" * 60_000 + b'"%s"' % FIRST.encode(),
        b"[" * 5_000 + b'"%s"' % FIRST.encode() + b"]" * 5_000,
        b'["%s",%s1]' % (FIRST.encode(), b"9" * 5_000),
        b'["%s"%s]' % (FIRST.encode(), b",[]" * BRACKETS_MAX),
        b'["%s","%s"]' % (FIRST.encode(), b"x" * DOCUMENT_BYTES_MAX),
    ],
    ids=lambda data: f"{len(data)}-bytes",
)
def test_bytes_that_are_not_canonical_json_name_nothing(data: bytes) -> None:
    assert digests_named_in(data) == frozenset()


@given(
    st.binary(max_size=200)
    | st.from_regex(r'\A[\[{"\]}:,]{0,9}"sha256:[0-9a-f]{64}"[\]},]{0,9}\Z').map(str.encode)
)
def test_exactly_canonical_bytes_name_what_their_value_names(data: bytes) -> None:
    try:
        value = canonical.decode(data, limit=DOCUMENT_BYTES_MAX)
    except Exception:  # noqa: BLE001
        value = None
    assert digests_named_in(data) == digests_in(value)


def follow(named: set[Digest], kept: Mapping[Digest, bytes]) -> list[Digest]:
    return [digest for digest, _ in follow_documents(named, kept.get)]


def test_names_are_followed_through_documents_nearest_first() -> None:
    last = b"plain text"
    middle = canonical.encode({"rule": digest_of(last)})
    first = canonical.encode([digest_of(middle), THIRD])
    kept = {digest_of(data): data for data in (last, middle, first)}
    assert follow({digest_of(first)}, kept) == [digest_of(first), digest_of(middle), digest_of(last)]


def test_document_that_is_not_kept_is_passed_over_with_what_only_it_named() -> None:
    last = b"plain text"
    middle = canonical.encode([digest_of(last)])
    first = canonical.encode([digest_of(middle)])
    kept = {digest_of(data): data for data in (last, first)}
    assert follow({digest_of(first)}, kept) == [digest_of(first)]


def test_document_named_by_many_comes_once() -> None:
    last = b"plain text"
    both = [canonical.encode([digest_of(last), number]) for number in range(2)]
    kept = {digest_of(data): data for data in (last, *both)}
    found = follow(set(kept), kept)
    assert len(found) == 3
    assert set(found) == set(kept)


def test_cycle_of_names_ends() -> None:
    """No documents can name each other in a circle; whatever hands them out may say otherwise."""
    kept = {
        FIRST: canonical.encode([SECOND]),
        SECOND: canonical.encode([THIRD, SECOND]),
        THIRD: canonical.encode([FIRST]),
    }
    assert follow({FIRST}, kept) == [FIRST, SECOND, THIRD]


def test_documents_are_read_only_as_they_are_taken() -> None:
    asked: list[Digest] = []

    def endless(digest: Digest) -> bytes:
        asked.append(digest)
        return canonical.encode([digest_of(digest.encode())])

    assert len(list(islice(follow_documents({FIRST}, endless), 50))) == 50
    assert len(asked) == len(set(asked)) == 50


def test_each_digest_is_asked_for_once() -> None:
    asked: list[Digest] = []

    def read(digest: Digest) -> bytes | None:
        asked.append(digest)
        return canonical.encode([FIRST, SECOND, THIRD]) if digest == FIRST else None

    assert [digest for digest, _ in follow_documents({FIRST, SECOND}, read)] == [FIRST]
    assert sorted(asked) == sorted({FIRST, SECOND, THIRD})

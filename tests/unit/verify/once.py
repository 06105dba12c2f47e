"""What nearly every test of the verifier makes anew, made once in a process: signatures, digests, entries read.

A story that is told again says the same at the same times, so its requests are the same bytes under the same keys.
What differs in a single bit is signed, digested and read for itself. Start at `sign_once`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from telesphor.kernel import canonical
from telesphor.kernel.digest import Digest
from telesphor.kernel.entry import Entry, parse_entry
from telesphor.kernel.signing import JWS_BYTES_MAX, SigningKey, payload_digest, sign_jws

KEPT_MAX: Final = 20_000
"""Of each: more than the stories of all tests have, and some 100 MB at most."""


def sign_once(payload: Mapping[str, Any], key: SigningKey) -> bytes:
    """Sign as `sign_jws`; the same payload under the same key has the signatures of the first time."""
    return _sign(canonical.encode(dict(payload)), key)


@lru_cache(KEPT_MAX)
def digest_once(jws: bytes) -> Digest:
    """As `payload_digest`."""
    return payload_digest(jws)


@lru_cache(KEPT_MAX)
def parse_once(data: bytes) -> Entry:
    """As `parse_entry`; who reads an entry leaves its body as it is."""
    return parse_entry(data)


@lru_cache(KEPT_MAX)
def _sign(payload: bytes, key: SigningKey) -> bytes:
    value: Any = canonical.decode(payload, limit=JWS_BYTES_MAX)
    return sign_jws(value, key)

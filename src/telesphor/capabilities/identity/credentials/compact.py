"""The compact form of a credential: the same payload under its ML-DSA-65 signature alone.

`<issuer-signed JWT>~<disclosure>~...~` (RFC 9901, section 4), for verifiers that know ML-DSA (RFC 9964) and nothing
of pairs. It is cut out of the hybrid form, so both are one credential with one digest. Telesphor itself gives this
form out and never takes it in: one signature is not enough here.

Start at `compact_of`; `bind_compact` makes what a wallet shows to such a verifier.
"""

from __future__ import annotations

from collections.abc import Sequence

from telesphor.capabilities.identity.credentials.key_binding import bind_key, sd_jwt_of
from telesphor.capabilities.identity.credentials.serialization import Document
from telesphor.kernel.signing import SigningKey


def compact_of(document: Document, disclosures: Sequence[str] | None = None) -> str:
    """The compact form with these disclosures, or with all of them; it ends in a tilde."""
    return sd_jwt_of(document.jwt(1), tuple(document.disclosures if disclosures is None else disclosures))


def bind_compact(compact: str, *, holder: SigningKey, nonce: str, audience: str, issued_at_ms: int) -> str:
    """Add the holder's ML-DSA-65 key binding to a compact form, for one nonce and audience."""
    ml_dsa, _ = bind_key(compact, holder=holder, nonce=nonce, audience=audience, issued_at_ms=issued_at_ms)
    return compact + ml_dsa

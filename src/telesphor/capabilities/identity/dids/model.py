"""Values of DIDs: names, documents as JSON objects, versions, and what can be refused.

W3C Decentralized Identifiers 1.0 and Controlled Identifiers 1.0 for documents, the W3C CCG's `did:web` for names.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from telesphor.capabilities.identity.model import Jwks, read_jwks
from telesphor.kernel import base64url, canonical
from telesphor.kernel.digest import digest_of
from telesphor.kernel.errors import Kind, TelesphorError

CONTEXTS: Final = ("https://www.w3.org/ns/did/v1", "https://www.w3.org/ns/cid/v1")
METHOD_TYPE: Final = "JsonWebKey"
KEM_ALG: Final = "X-Wing"
"""Our name in a JWK of type AKP: no name for this KEM is registered for JOSE yet."""

VERSIONS_MAX: Final = 50
"""Versions on one page: an entry about keys is up to 8 KB, so that a page stays under a megabyte."""


class DidMissing(TelesphorError):
    """Nobody has this identifier, or nobody had it then."""

    code = "did-missing"
    kind = Kind.NOT_FOUND


class VersionRefused(TelesphorError):
    """A version of a document is not named as it should be."""

    code = "did-version-refused"
    kind = Kind.INVALID


class DidNames(msgspec.Struct, frozen=True):
    """The names under which one node's documents are found.

    Attributes:
        host: where the node answers by HTTPS, with its port where that is not 443: `node.example:8443`.
    """

    host: str

    @property
    def node(self) -> str:
        """The node's own DID: its document is at `/.well-known/did.json`."""
        return f"did:web:{self.host.replace(':', '%3A')}"

    def actor(self, actor_id: str) -> str:
        """An actor's DID: its document is at `/v1/actors/<id>/did.json`."""
        return f"{self.node}:v1:actors:{actor_id}"


class KeySet(msgspec.Struct, frozen=True):
    """The keys that an actor had in one version: its pair, and its KEM key if it has one."""

    jwks: Jwks
    kem: bytes | None


class Version(msgspec.Struct, frozen=True):
    """One version of an actor's keys, and how to check it.

    Attributes:
        version: position of the entry that brought these keys, as text; `versionId` in a DID URL.
        since, until: instants; `until` is empty while they are in force.
        ended_at: position of the entry that ended them, as text, or empty.
        keys: the two thumbprints (RFC 7638) of the pair.
        entry: exact bytes of the entry, in base64. Its leaf hash stands at this position under the checkpoint.
        proof: path of its inclusion proof (C2SP tlog-proof).
    """

    version: str
    since: str
    until: str
    ended_at: str
    keys: tuple[str, str]
    entry: str
    proof: str


class History(msgspec.Struct, frozen=True):
    """A page of versions, oldest first; `next` is the path of the page after it, or empty."""

    id: str
    state: str
    versions: tuple[Version, ...]
    next: str


def write_document(did: str, keys: KeySet | None, *, ledger: str = "") -> dict[str, Any]:
    """Make the document of `did` with these keys; without keys there is no way to speak for it.

    Args:
        ledger: for the node, the URL of its ledger's checkpoint.
    """
    signing = [] if keys is None else [_method(did, msgspec.to_builtins(jwk)) for jwk in keys.jwks]
    sealing = [] if keys is None or keys.kem is None else [_method(did, _kem_jwk(keys.kem))]
    names = [method["id"] for method in signing]
    document: dict[str, Any] = {
        "@context": list(CONTEXTS),
        "id": did,
        "verificationMethod": [*signing, *sealing],
        "authentication": names,
        "assertionMethod": names,
        "keyAgreement": [method["id"] for method in sealing],
    }
    if ledger:
        service = {"id": f"{did}#ledger", "type": "TransparencyLog", "serviceEndpoint": ledger}
        document["service"] = [service]
    return document


def thumbprints_of(jwks: Jwks) -> tuple[str, str]:
    """Both thumbprints of a pair (RFC 7638)."""
    return read_jwks(jwks).thumbprints()


def _method(did: str, jwk: dict[str, str]) -> dict[str, Any]:
    kid = _thumbprint(jwk)
    return {
        "id": f"{did}#{kid}",
        "type": METHOD_TYPE,
        "controller": did,
        "publicKeyJwk": {**jwk, "kid": kid},
    }


def _kem_jwk(kem: bytes) -> dict[str, str]:
    return {"alg": KEM_ALG, "kty": "AKP", "pub": base64url.encode(kem)}


def _thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638 with SHA-256; the members that count are those of RFC 8037 and RFC 9964."""
    wanted = ("crv", "kty", "x") if jwk["kty"] == "OKP" else ("alg", "kty", "pub")
    digest = digest_of(canonical.encode({name: jwk[name] for name in wanted}))
    return base64url.encode(bytes.fromhex(digest.removeprefix("sha256:")))

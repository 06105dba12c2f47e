"""Write the vectors of credentials: a credential, a presentation, a status list, and what is wrong with others.

Run as `python -m tests.vectors.generate_credentials` from the root of the checkout, with `src` on the path. Signatures
are randomised, so every run gives other bytes with the same verdicts. A bad one is a good one with changes: `set` puts
values at places (JSON pointers, RFC 6901), `remove` takes members away, and the rest is written canonically again;
where that would not reach, `data` is the whole document.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from telesphor.capabilities.identity.credentials.disclosures import disclosure_digest
from telesphor.capabilities.identity.credentials.model import Factor
from telesphor.capabilities.identity.credentials.status_list import (
    Status,
    pack_statuses,
    sign_status_list,
)
from telesphor.kernel import base64url, canonical
from tests.support.credentials import (
    AUDIENCE,
    CHECKED,
    FACTORS,
    HOLDER,
    ISSUER,
    ISSUER_ID,
    NONCE,
    NOW_MS,
    OTHER,
    issued,
    shown,
    signed_again,
    taken_apart,
)

FILE = Path(__file__).with_name("credential.json")
URI = "https://clinic.example/v1/status-lists/1"
FIRST, SECOND = "/signatures/0", "/signatures/1"
HEADER = f"{FIRST}/header"

GOOD = issued()
PRESENTED = shown(GOOD.serialized, "licensed_in", "over_18")
DISCLOSURES: list[str] = taken_apart(GOOD.serialized)["signatures"][0]["header"]["disclosures"]


def payload() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64url.decode(taken_apart(GOOD.serialized)["payload"]))
    return found


def header(half: int, **changes: str) -> str:
    members = {
        "alg": ("Ed25519", "ML-DSA-65")[half],
        "kid": ISSUER.public.thumbprints()[half],
        "typ": "dc+sd-jwt",
    }
    return base64url.encode(canonical.encode(members | changes))


def resigned(**changes: Any) -> str:
    return signed_again(payload() | changes, disclosures=DISCLOSURES).decode()


def bad_signatures() -> list[dict[str, Any]]:
    foreign = foreign_signatures()
    return [
        {"code": "credential-half-missing", "name": "Ed25519 stripped", "remove": [FIRST]},
        {"code": "credential-half-missing", "name": "ML-DSA-65 stripped", "remove": [SECOND]},
        {
            "code": "credential-signature-refused",
            "name": "Ed25519 half of another credential",
            "set": {f"{FIRST}/signature": foreign[0]["signature"]},
        },
        {
            "code": "credential-signature-refused",
            "name": "ML-DSA-65 half of another credential",
            "set": {f"{SECOND}/signature": foreign[1]["signature"]},
        },
        *(
            {
                "code": "credential-algorithm-refused",
                "name": f"algorithm {alg}",
                "set": {f"{SECOND}/protected": header(1, alg=alg)},
            }
            for alg in ("none", "HS256", "EdDSA", "ML-DSA-44")
        ),
        {
            "code": "credential-header-refused",
            "name": "another type of token",
            "set": {f"{FIRST}/protected": header(0, typ="kb+jwt")},
        },
        {"code": "credential-keys-mismatch", "name": "another issuer", "issuer": OTHER.public.jwks()},
        {"code": "credential-expired", "name": "past its end", "now_ms": NOW_MS + 31 * 86_400_000},
        {"code": "credential-not-yet-valid", "name": "before its beginning", "now_ms": NOW_MS - 86_400_000},
    ]


def foreign_signatures() -> Any:
    """Those of another credential by the same issuer."""
    other = issued(Factor(name="surgeon", value=True, vouching=CHECKED)).serialized
    return taken_apart(other)["signatures"]


def bad_contents() -> list[dict[str, Any]]:
    foreign = foreign_signatures()
    digests = payload()["_sd"]
    short = base64url.encode(b'["salt","a",1]')
    reserved = base64url.encode(b'["AAAAAAAAAAAAAAAAAAAAAA","exp",9999999999]')
    return [
        {
            "code": "credential-type-unknown",
            "name": "another version",
            "data": resigned(vct="urn:telesphor:credential:licence:2"),
        },
        {"code": "credential-type-unknown", "name": "another group", "data": resigned(group="identity")},
        {"code": "credential-hash-refused", "name": "another hash", "data": resigned(_sd_alg="sha-512")},
        {"code": "credential-malformed", "name": "another claim", "data": resigned(over_18=True)},
        {
            "code": "digest-repeated",
            "name": "digest twice",
            "data": resigned(_sd=[*digests[:-1], digests[0]]),
        },
        {
            "code": "disclosure-unmatched",
            "name": "disclosure that matches nothing",
            "set": {f"{HEADER}/disclosures": [*DISCLOSURES, foreign[0]["header"]["disclosures"][0]]},
        },
        {
            "code": "disclosure-repeated",
            "name": "disclosure twice",
            "set": {f"{HEADER}/disclosures": [*DISCLOSURES, DISCLOSURES[0]]},
        },
        {
            "code": "disclosure-malformed",
            "name": "salt too short",
            "data": signed_again(
                payload() | {"_sd": [*digests[:-1], disclosure_digest(short)]}, disclosures=[short]
            ).decode(),
        },
        {
            "code": "factor-name-refused",
            "name": "disclosure of a claim",
            "data": signed_again(
                payload() | {"_sd": [*digests[:-1], disclosure_digest(reserved)]}, disclosures=[reserved]
            ).decode(),
        },
        {"code": "key-binding-unexpected", "name": "presentation", "data": PRESENTED.decode()},
    ]


def bad_presentations() -> list[dict[str, Any]]:
    shown_header = taken_apart(PRESENTED)["signatures"][0]["header"]
    other = taken_apart(shown(issued().serialized, "licensed_in", "over_18"))["signatures"][0]["header"]
    stranger = taken_apart(shown(issued(holder=OTHER).serialized, "over_18", holder=OTHER))["signatures"][0][
        "header"
    ]

    def bindings(of: dict[str, str]) -> dict[str, str]:
        return {f"{HEADER}/{name}": of[name] for name in ("kb_jwt", "kb_jwt_ed25519")}

    return [
        {"code": "key-binding-missing", "name": "ML-DSA-65 half stripped", "remove": [f"{HEADER}/kb_jwt"]},
        {
            "code": "key-binding-missing",
            "name": "Ed25519 half stripped",
            "remove": [f"{HEADER}/kb_jwt_ed25519"],
        },
        {"code": "key-binding-refused", "name": "by another holder", "set": bindings(stranger)},
        {"code": "sd-hash-mismatch", "name": "of another credential", "set": bindings(other)},
        {
            "code": "sd-hash-mismatch",
            "name": "one disclosure less",
            "set": {f"{HEADER}/disclosures": shown_header["disclosures"][:1]},
        },
        {
            "code": "sd-hash-mismatch",
            "name": "more disclosures",
            "set": {f"{HEADER}/disclosures": DISCLOSURES},
        },
        {
            "code": "key-binding-malformed",
            "name": "halves of two bindings",
            "set": {f"{HEADER}/kb_jwt": other["kb_jwt"]},
        },
        {"code": "nonce-mismatch", "name": "another nonce", "nonce": "another"},
        {"code": "audience-mismatch", "name": "another verifier", "audience": "did:web:other.example"},
        {"code": "key-binding-stale", "name": "an hour later", "now_ms": NOW_MS + 3_600_000},
    ]


def write() -> None:
    status = sign_status_list(
        pack_statuses({7: Status.REVOKED, 8: Status.SUSPENDED}),
        uri=URI,
        issuer=ISSUER_ID,
        key=ISSUER,
        issued_at_ms=NOW_MS,
    )
    factors = {factor.name: factor.value for factor in FACTORS}
    vectors = {
        "format": "docs/spec/credentials.md",
        "source": "Telesphor's.",
        "issuer": ISSUER.public.jwks(),
        "holder": HOLDER.public.jwks(),
        "now_ms": NOW_MS,
        "nonce": NONCE,
        "audience": AUDIENCE,
        "credential": {
            "data": GOOD.serialized.decode(),
            "compact": GOOD.compact,
            "digest": GOOD.digest,
            "factors": factors,
            "bad": bad_signatures() + bad_contents(),
        },
        "presentation": {
            "data": PRESENTED.decode(),
            "factors": {name: factors[name] for name in ("licensed_in", "over_18")},
            "bad": bad_presentations(),
        },
        "status_list": {
            "uri": URI,
            "data": status.serialized.decode(),
            "compact": status.compact,
            "statuses": {"6": 0, "7": 1, "8": 2},
        },
    }
    FILE.write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n", "ascii")


if __name__ == "__main__":
    write()

"""Our credentials before verifiers by other authors: npm `@sd-jwt/core` and PyPI `openvc-core`.

The compact ML-DSA-65 form with key binding is verified by both; the hybrid form by npm's General JSON verifier, both
signatures of it. Each rejects what was tampered with. ML-DSA itself comes from `@noble/post-quantum` in Node.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openvc.errors import OpenvcError
from openvc.proof.sd_jwt import SdJwtVcProofSuite

from telesphor.capabilities.identity.credentials.compact import bind_compact, compact_of
from telesphor.capabilities.identity.credentials.sd_jwt import choose_disclosures
from telesphor.capabilities.identity.credentials.serialization import read_document, type_of
from telesphor.demo.bcoin import find_node_program
from telesphor.kernel import canonical
from telesphor.kernel.signing import SigningKey
from tests.support.credentials import (
    AUDIENCE,
    HOLDER,
    ISSUER,
    NONCE,
    NOW_MS,
    OTHER,
    issued,
    shown,
    taken_apart,
)

MODULES = Path(__file__).parents[2] / "node_modules"
JUDGE = Path(__file__).with_name("sd_jwt_judge.mjs")
SECONDS_MAX = 60

CREDENTIAL = issued()
DOCUMENT = read_document(CREDENTIAL.serialized, bytes_max=10**6)
SHOWN = ("over_18", "licensed_in")


def presented(*names: str, holder: SigningKey = HOLDER, nonce: str = NONCE) -> str:
    """The compact form of these factors, bound by the holder."""
    compact = compact_of(DOCUMENT, choose_disclosures(DOCUMENT, names))
    return bind_compact(compact, holder=holder, nonce=nonce, audience=AUDIENCE, issued_at_ms=NOW_MS)


def case(form: str, text: str, **changes: Any) -> dict[str, Any]:
    values = {
        "form": form,
        "text": text,
        "issuer": ISSUER.public.jwks(),
        "holder": HOLDER.public.jwks(),
        "nonce": NONCE,
        "now": NOW_MS // 1000,
    }
    return values | changes


def judge(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    """What npm's verifier says of each case."""
    program = find_node_program()
    needed = [MODULES / "@sd-jwt" / "core", MODULES / "@noble" / "post-quantum"]
    if program is None or not all(folder.is_dir() for folder in needed):
        pytest.skip(
            "needs Node.js with npm's `@sd-jwt/core` and `@noble/post-quantum`: `make setup` installs them"
        )
    asked = json.dumps({"modules": str(MODULES), "cases": cases})
    done = subprocess.run(
        [program, str(JUDGE)], input=asked, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def swap(text: str, at: int) -> str:
    """The text with one character changed for another of base64url."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def test_npm_verifier_reads_the_compact_credential_and_the_presentation() -> None:
    whole, part = judge(case("compact", CREDENTIAL.compact, nonce=None), case("compact", presented(*SHOWN)))
    assert "error" not in whole and "error" not in part, (whole, part)
    assert whole["payload"]["preferred_name"] == "Zoë" and whole["payload"]["years_in_practice"] == 12
    assert part["payload"]["over_18"] is True and part["payload"]["licensed_in"] == "WA"
    assert "preferred_name" not in part["payload"]
    assert (part["kb"]["nonce"], part["kb"]["aud"]) == (NONCE, AUDIENCE)


def test_npm_verifier_reads_the_hybrid_form_with_both_signatures() -> None:
    whole, part = judge(
        case("general", CREDENTIAL.serialized.decode(), nonce=None),
        case("general", shown(CREDENTIAL.serialized, *SHOWN).decode()),
    )
    assert "error" not in whole and "error" not in part, (whole, part)
    assert part["payload"]["over_18"] is True and "preferred_name" not in part["payload"]
    assert part["kb"]["nonce"] == NONCE


def test_npm_verifier_rejects_what_was_tampered_with() -> None:
    good = presented(*SHOWN)
    jwt, first, second, binding = good.split("~")
    header, payload, signature = jwt.split(".")
    whole = taken_apart(shown(CREDENTIAL.serialized, *SHOWN))
    broken = taken_apart(shown(CREDENTIAL.serialized, *SHOWN))
    broken["signatures"][1]["signature"] = swap(broken["signatures"][1]["signature"], 40)
    hidden = CREDENTIAL.compact.split("~")[1:-1]
    added = next(text for text in hidden if text not in (first, second))
    cases = {
        "signature": "~".join([".".join([header, payload, swap(signature, 100)]), first, second, binding]),
        "payload": "~".join([".".join([header, swap(payload, 300), signature]), first, second, binding]),
        "disclosure": "~".join([jwt, swap(first, 30), second, binding]),
        "one disclosure less": "~".join([jwt, first, binding]),
        "one disclosure more": "~".join([jwt, first, second, added, binding]),
        "key binding": good[:-50] + swap(good[-50:], 10),
    }
    judged = judge(
        case("compact", good),
        *(case("compact", text) for text in cases.values()),
        case("compact", presented(*SHOWN, holder=OTHER)),
        case("compact", good, nonce="another"),
        case("compact", good, issuer=OTHER.public.jwks()),
        case("compact", good, now=NOW_MS // 1000 + 10**8),
        case("general", canonical.encode(whole).decode()),
        case("general", canonical.encode(broken).decode()),
    )
    refused = ["error" in one for one in judged]
    assert refused == [False, *[True] * (len(cases) + 4), False, True], judged


def test_openvc_reads_the_compact_presentation() -> None:
    suite = SdJwtVcProofSuite(allow_pq=True)
    key = ISSUER.public.jwks()[1]
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    found = suite.verify(
        presented(*SHOWN),
        public_key_jwk=key,
        audience=AUDIENCE,
        nonce=NONCE,
        require_key_binding=True,
        expected_vct=type_of("licence"),
        now=now,
    )
    assert found.key_bound and found.claims["licensed_in"] == "WA" and "preferred_name" not in found.claims
    whole = suite.verify(CREDENTIAL.compact, public_key_jwk=key, now=now)
    assert whole.claims["years_in_practice"] == 12 and whole.issuer == "did:web:board.example"


@pytest.mark.parametrize("fault", ["nonce", "audience", "issuer", "holder", "disclosure"])
def test_openvc_rejects_what_was_tampered_with(fault: str) -> None:
    text = presented(*SHOWN, holder=OTHER if fault == "holder" else HOLDER)
    if fault == "disclosure":
        jwt, _, second, binding = text.split("~")
        text = "~".join([jwt, second, binding])
    with pytest.raises(OpenvcError):
        SdJwtVcProofSuite(allow_pq=True).verify(
            text,
            public_key_jwk=(OTHER if fault == "issuer" else ISSUER).public.jwks()[1],
            audience="another" if fault == "audience" else AUDIENCE,
            nonce="another" if fault == "nonce" else NONCE,
            require_key_binding=True,
            now=datetime.fromtimestamp(NOW_MS / 1000, UTC),
        )

"""What a wallet reads first: the node as a credential issuer (OpenID4VCI, section 12) and where its tokens come from.

Two configurations for each group: `licence` is the compact form under ML-DSA-65 alone, `licence-hybrid` the one that
Telesphor itself takes, with both signatures. Both ask for a proof by both of the holder's keys.
"""

from __future__ import annotations

from typing import Any

from telesphor.capabilities.identity.credentials.halves import ALGS, ML_DSA
from telesphor.capabilities.identity.credentials.model import GROUPS, Group
from telesphor.capabilities.identity.credentials.offers import PRE_AUTHORISED, Form
from telesphor.capabilities.identity.credentials.serialization import TYP, type_of

HYBRID_SUFFIX = "-hybrid"

CONFIGURATIONS: dict[str, tuple[Group, Form]] = {group: (group, "compact") for group in GROUPS} | {
    f"{group}{HYBRID_SUFFIX}": (group, "hybrid") for group in GROUPS
}
"""Name of a configuration: the group and the form that it stands for."""

TOKEN_PATH = "/v1/credential/token"  # noqa: S105  a path, not a token
NONCE_PATH = "/v1/credential/nonce"
CREDENTIAL_PATH = "/v1/credential"


def issuer_metadata(url: str) -> dict[str, Any]:
    """`/.well-known/openid-credential-issuer` of the node at this URL."""
    return {
        "credential_configurations_supported": {
            name: _configuration(group, form) for name, (group, form) in CONFIGURATIONS.items()
        },
        "credential_endpoint": url + CREDENTIAL_PATH,
        "credential_issuer": url,
        "nonce_endpoint": url + NONCE_PATH,
    }


def server_metadata(url: str) -> dict[str, Any]:
    """`/.well-known/oauth-authorization-server` (RFC 8414) of the node at this URL."""
    return {
        "grant_types_supported": [PRE_AUTHORISED],
        "issuer": url,
        "pre-authorized_grant_anonymous_access_supported": True,
        "token_endpoint": url + TOKEN_PATH,
    }


def _configuration(group: Group, form: Form) -> dict[str, Any]:
    algs = [ML_DSA] if form == "compact" else list(ALGS)
    return {
        "credential_signing_alg_values_supported": algs,
        "cryptographic_binding_methods_supported": ["jwk"],
        "format": TYP,
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": list(ALGS)}},
        "vct": type_of(group),
    }

"""What a channel must be: key exchange, certificates, who must show one.

`NODES` is for links between nodes, `BROWSERS` for people's browsers, `QUANTUM_ONLY` for browsers where nobody with an
old one need be served. A policy that is no policy cannot be built.
"""

from __future__ import annotations

from dataclasses import dataclass

from telesphor.kernel.errors import Kind, TelesphorError

X25519MLKEM768 = "X25519MLKEM768"
"""ML-KEM-768 (FIPS 203) and X25519 together: safe while either is (draft-ietf-tls-ecdhe-mlkem)."""

X25519 = "X25519"
"""Classical: what is recorded today can be read by whoever has a quantum computer one day."""

GROUPS = (X25519MLKEM768, X25519)
CIPHERS = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""Keys of 256 bits, of which Grover's search leaves 128."""

HTTP = ("http/1.1",)


class PolicyRefused(TelesphorError):
    """No such policy can be kept."""

    code = "channel-policy-refused"
    kind = Kind.INVALID


@dataclass(frozen=True, kw_only=True)
class ChannelPolicy:
    """The rules of one listener or one client.

    Attributes:
        groups: names of the allowed key exchanges, the preferred one first.
        mutual: whether both sides must show a certificate.
        mldsa: whether the other side's certificates must all be ML-DSA.
        alpn: application protocols (RFC 7301); empty where there is only one anyway.
    """

    groups: tuple[str, ...] = (X25519MLKEM768,)
    mutual: bool = False
    mldsa: bool = False
    alpn: tuple[str, ...] = HTTP

    def __post_init__(self) -> None:
        unknown = [group for group in self.groups if group not in GROUPS]
        if unknown or not self.groups or len(set(self.groups)) != len(self.groups):
            raise PolicyRefused(
                f"a channel's groups are some of `{', '.join(GROUPS)}`, each once",
                hint=f"`{unknown[0]}` is none of them" if unknown else "",
            )


NODES = ChannelPolicy(mutual=True, mldsa=True)
"""Between nodes: nothing classical, and both sides say who they are."""

BROWSERS = ChannelPolicy(groups=(X25519MLKEM768, X25519))
"""Browsers of the last years speak X25519MLKEM768; an older one is served and counted."""

QUANTUM_ONLY = ChannelPolicy()
"""Browsers that speak X25519MLKEM768; others are refused."""


def is_quantum_safe_group(group: str) -> bool:
    """Whether a negotiated group, in OpenSSL's spelling, has ML-KEM in it."""
    return "MLKEM" in group.upper()


def is_quantum_safe_certificate(algorithm: str) -> bool:
    """Whether a certificate's algorithm, in the spelling of `certificate`, is a post-quantum one."""
    return algorithm.startswith("ML-DSA-")

"""Witnesses and a notary of several organisations, with real keys that are the same in every run.

`WITNESSES` and `NOTARY` together make L4 under the policy that ships; `cosign` adds their lines to a note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from telesphor.kernel.card import Card, Role, sign_card
from telesphor.kernel.checkpoint import LogSigner, parse_checkpoint
from telesphor.kernel.clock import format_instant
from telesphor.kernel.cosignature import Cosigner, append_signatures
from telesphor.kernel.note import parse_note, parse_vkey

START_MS = 1_795_000_000_000
"""When the stories of `builder` begin."""


def cosigner(name: str) -> Cosigner:
    """The same witness for the same name in every run."""
    return Cosigner(
        name, hashlib.sha256(f"5 {name}".encode()).digest(), hashlib.sha256(f"6 {name}".encode()).digest()
    )


@dataclass(frozen=True)
class Peer:
    """A witness or a notary, and what its card says."""

    name: str
    organisation: str
    region: str = "eu-central"
    cloud: str = "own"
    role: Role = Role.WITNESS
    issued_ms: int = START_MS - 86_400_000
    expires_ms: int = START_MS + 86_400_000

    def card(self, *, key: Cosigner | LogSigner | None = None) -> bytes:
        signer = key or cosigner(self.name)
        card = Card(
            role=self.role,
            name=signer.name if isinstance(signer, Cosigner) else signer.origin,
            organisation=self.organisation,
            region=self.region,
            cloud=self.cloud,
            operator=self.organisation,
            vkeys=signer.vkeys(),
            issued_at=format_instant(self.issued_ms),
            expires_at=format_instant(self.expires_ms),
        )
        return sign_card(card, signer)

    @property
    def key_id(self) -> int:
        return parse_vkey(cosigner(self.name).vkeys()[1]).key_id


WITNESSES = (
    Peer("w1.north.example", "north.example"),
    Peer("w2.south.example", "south.example", region="eu-west", cloud="blue"),
    Peer("w3.east.example", "east.example", region="us-east", cloud="green"),
)
NOTARY = Peer("notary.example", "notary.example", role=Role.NOTARY)


def cosign(note: bytes, peers: Iterable[Peer], *, delay_seconds: int = 2) -> bytes:
    """The note with the lines of these witnesses."""
    seconds = START_MS // 1000 + delay_seconds
    checkpoint = parse_checkpoint(parse_note(note).text)
    for number, peer in enumerate(peers):
        lines = cosigner(peer.name).cosign(checkpoint, time_seconds=seconds + number)
        note = append_signatures(note, lines)
    return note

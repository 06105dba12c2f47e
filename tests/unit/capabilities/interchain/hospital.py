"""A node that takes proofs of a clinic's ledger, for tests of interchain."""

from __future__ import annotations

from typing import Any

from telesphor.capabilities.interchain.model import ProofGrant, ProofRefused, ProvenFacts
from telesphor.capabilities.interchain.partners import Partner
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.digest import digest_of
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from tests.unit.capabilities.world import World
from tests.unit.verify.builder import ORIGIN, log_signer
from tests.vectors.bundles.case import good_bundle, good_story

CLINIC = ORIGIN
"""The ledger whose proofs it takes."""

CLOSING = good_story().on(good_story().visit)[-1]
"""Position of `visit.closed/1` in the clinic's ledger."""


def partner(**changes: Any) -> Partner:
    """The clinic, of which the least is demanded."""
    fields: dict[str, Any] = {
        "origin": CLINIC,
        "vkeys": log_signer().vkeys(),
        "levels": parse_levels(DEFAULT_LEVELS.encode()),
        "at_least": 1,
    }
    return Partner(**fields | changes)


class Hospital:
    """The usual cast, and short names for what they ask."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.system = world.enrol("system")
        self.clinician = world.enrol("person")
        self.patient = world.enrol("person")
        self.device = world.enrol("device")
        world.partners[CLINIC] = partner()

    def submitting(
        self, data: bytes, *facts: int, proof: str | None = None, **changes: object
    ) -> tuple[str, Command]:
        """The id of the proof, and the command that announces it."""
        proof = proof or self.world.ids.next()
        body = {"proof": proof, "bundle": digest_of(data), "size": len(data), "facts": facts or (CLOSING,)}
        return proof, ("interchain.submit/1", body | changes)

    def submit(self, data: bytes, *facts: int, by: Wallet | None = None) -> ProofGrant:
        """Announce a bundle; returns what its ticket stands for."""
        _, command = self.submitting(data, *facts)
        return self.grant(by or self.system, command)

    def grant(self, wallet: Wallet, command: Command) -> ProofGrant:
        ticket = self.world.ask(wallet, command).results[0].ticket
        return self.world.tickets.redeem(ticket, ProofGrant)

    def accept(self, data: bytes | None = None, *facts: int) -> tuple[str, ProvenFacts]:
        """Have a bundle, the good one if none is named, announced and accepted; returns the proof's id."""
        data = good_bundle() if data is None else data
        grant = self.submit(data, *facts)
        return grant.proof, self.world.desk.judge(grant, data)

    def cause_of(self, data: bytes, *facts: int) -> str:
        """The cause for which a bundle is refused; the ledger must name the same."""
        grant = self.submit(data, *facts)
        try:
            self.world.desk.judge(grant, data)
        except ProofRefused as error:
            entry = self.world.entries()[-1]
            assert (entry.type, entry.stream) == ("interchain.proof-refused/1", f"proof/{grant.proof}")
            assert (entry.actor, entry.evidence) == (self.world.node.actor, None)
            assert (entry.body.bundle, entry.body.cause) == (grant.bundle, error.cause)
            return error.cause
        raise AssertionError("it was accepted")

"""A closed visit of about a hundred entries on a node of its own, and its bundle.

Every step is asked for by a signed request of its own, as in a real visit, so that the verifier has as
many signatures to check as it will ever have for so many entries.
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import NamedTuple

from telesphor.app import Node, create_node, node_wallet, open_node
from telesphor.client.requests import Command, register_command, sign_request
from telesphor.client.wallet import Wallet
from telesphor.kernel.bundle import read_bundle
from telesphor.runtime.capability import Receipt

ORIGIN = "bench.example/visit"
PASSPHRASE = b"only for the benchmark"
READS = 46
"""Each read makes two entries: its own, and its link in the visit."""


class VisitBundle(NamedTuple):
    """A bundle, and how much is in it."""

    data: bytes
    entries: int
    requests: int


def make_visit_bundle(path: Path) -> VisitBundle:
    """Make a node in the new folder `path`, hold a visit, and return its proof."""
    create_node(path, origin=ORIGIN, passphrase=PASSPHRASE)
    with open_node(path, passphrase=PASSPHRASE) as node:
        data = node.visit_proof(hold_visit(node))
    bundle = read_bundle(data)
    return VisitBundle(data, len(bundle.entries), len(bundle.evidence))


def hold_visit(node: Node) -> str:
    """Hold a visit on the node, every step asked for by its own signed request; returns its id."""
    patient, clinician = _enrol(node), _enrol(node)
    record = _put_record(node, patient, readers=[clinician.actor])
    visit = node.ids.next()
    parties = {"visit": visit, "patient": patient.actor, "clinician": clinician.actor, "devices": []}
    _ask(node, clinician, ("visit.open/1", parties))
    reading = {"visit": visit, "object": record, "purpose": "treatment"}
    for _ in range(READS):
        _ask(node, clinician, ("visit.read-object/1", reading))
    _ask(node, clinician, ("visit.close/1", {"visit": visit}))
    return visit


def _enrol(node: Node) -> Wallet:
    wallet = Wallet.create(kind="person", ids=node.ids)
    _ask(node, node_wallet(node.keys), register_command(wallet, node=node.settings.origin))
    return wallet


def _put_record(node: Node, owner: Wallet, *, readers: list[str]) -> str:
    record = node.ids.next()
    body = {"object": record, "media_type": "application/fhir+json", "readers": readers, "visit": None}
    ticket = _ask(node, owner, ("object.write/1", body)).results[0].ticket
    stored = node.vault.receive(ticket, io.BytesIO(b"{}"))
    _ask(node, owner, ("object.seal/1", {"object": record, "size": stored.size, "digest": stored.digest}))
    return record


def _ask(node: Node, wallet: Wallet, command: Command) -> Receipt:
    data = sign_request(wallet, node=node.settings.origin, commands=[command], clock=node.clock, ids=node.ids)
    return asyncio.run(node.gate.execute(data))

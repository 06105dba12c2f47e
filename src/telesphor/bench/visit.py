"""A closed visit of about a hundred entries on a node of its own, and its bundle.

Every step is asked for by a signed request of its own, as in a real visit, so that the verifier has as
many signatures to check as it will ever have for so many entries.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from telesphor.app import Node
from telesphor.bench.practice import Practice, open_practice
from telesphor.kernel.bundle import read_bundle

READS = 23
"""Each read makes four entries: the decision and the read itself, and their links in the visit."""


class VisitBundle(NamedTuple):
    """A bundle, and how much is in it."""

    data: bytes
    entries: int
    requests: int


def make_visit_bundle(path: Path) -> VisitBundle:
    """Make a node in the new folder `path`, hold a visit, and return its proof."""
    with open_practice(path) as practice:
        data = practice.node.visit_proof(hold_visit(practice.node))
    bundle = read_bundle(data)
    return VisitBundle(data, len(bundle.entries), len(bundle.evidence))


def hold_visit(node: Node) -> str:
    """Hold a visit on the node, every step asked for by its own signed request; returns its id."""
    practice = Practice(node)
    clinic, patient, clinician = (practice.enrol(kind) for kind in ("organisation", "person", "person"))
    record = practice.put_record(patient, b"{}", readers=[clinician.actor])
    visit = node.ids.next()
    parties = {"visit": visit, "patient": patient.actor, "clinician": clinician.actor, "devices": []}
    practice.ask(clinic, ("visit.open/1", parties))
    reading = {"visit": visit, "object": record, "purpose": "treatment"}
    for _ in range(READS):
        practice.ask(clinician, ("visit.read-object/1", reading))
    practice.ask(clinician, ("visit.close/1", {"visit": visit}))
    return visit

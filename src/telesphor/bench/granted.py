"""Records of a patient that clinicians may read by tokens, under a hundred policies: what `reads` reads.

Start at `grant_records`.
"""

from __future__ import annotations

from typing import NamedTuple

from telesphor.bench.decisions import cedar_text
from telesphor.bench.practice import Practice
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import ObjectId

CLINICIANS = 4
OBJECTS = 64
OBJECT_BYTES = 4_096
DAY_MS = 86_400_000


class Granted(NamedTuple):
    """Who is there, and what may be read."""

    hospital: Wallet
    patient: Wallet
    clinicians: tuple[Wallet, ...]
    objects: tuple[ObjectId, ...]

    def reading(self, number: int) -> tuple[Wallet, Command, ObjectId]:
        """One read of many: a clinician after the other, an object after the other."""
        read = self.objects[number % len(self.objects)]
        body = {"object": read, "purpose": "treatment", "visit": None}
        return self.clinicians[number % len(self.clinicians)], ("object.read/1", body), read


def grant_records(practice: Practice) -> Granted:
    """Set the policies, write the records, and grant each clinician all of them by a token of its own."""
    hospital, patient = practice.enrol("organisation"), practice.enrol("person")
    clinicians = tuple(practice.enrol("person") for _ in range(CLINICIANS))
    practice.ask(hospital, ("policy.set/1", {"slot": "rules", "policies": cedar_text()}))
    data = practice.node.ids.random_bytes(OBJECT_BYTES)
    objects = tuple(practice.put_record(patient, data) for _ in range(OBJECTS))
    dataset = practice.node.ids.next()
    members = [{"kind": "object", "id": id} for id in sorted(objects)]
    practice.ask(patient, ("dataset.define/1", {"dataset": dataset, "members": members}))
    for clinician in clinicians:
        token = practice.node.ids.next()
        practice.ask(patient, _minting(practice, token, dataset, clinician))
        practice.ask(clinician, ("token.accept/1", {"token": token}))
    return Granted(hospital, patient, clinicians, objects)


def _minting(practice: Practice, token: str, dataset: str, clinician: Wallet) -> Command:
    now_ms = practice.node.clock.now_ms()
    terms = {
        "token": token,
        "dataset": dataset,
        "role": None,
        "recipient": {"kind": "actor", "id": clinician.actor},
        "actions": ["read"],
        "purposes": ["treatment"],
        "not_before": format_instant(now_ms - DAY_MS),
        "not_after": format_instant(now_ms + DAY_MS),
        "revocable": True,
        "transferable": False,
        "delegation_depth": 0,
        "required_factors": [],
        "rule": "",
    }
    return "token.mint/1", terms

"""A clinic that lives whole visits: six people, short names for their steps, and one node for a module's tests."""

from __future__ import annotations

from pathlib import Path

from telesphor.capabilities.visits.consents.model import Consent
from telesphor.capabilities.visits.consents.texts import SHIPPED
from telesphor.capabilities.visits.life.model import SeatRow
from telesphor.capabilities.visits.life.service import find_seats
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Receipt
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.visits.clinic import Clinic
from tests.unit.capabilities.world import START_MS, World

TESTED = {"camera": "ok", "microphone": "ok", "speaker": "untested", "network": "good"}


class LivedClinic(Clinic):
    """The usual cast with a colleague, an interpreter and a caregiver."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        people = [world.enrol("person", by=self.hospital) for _ in range(4)]
        self.colleague, self.interpreter, self.caregiver, self.stranger = people

    def schedule(self, **changes: object) -> str:
        """A visit in an hour; returns its id."""
        visit = self.world.ids.next()
        self.world.ask(self.clinician, self.scheduling(visit, **changes))
        return visit

    def scheduling(self, visit: str, **changes: object) -> Command:
        body: dict[str, object] = {
            "patient": self.patient.actor,
            "clinician": self.clinician.actor,
            "devices": [self.device.actor],
            "starts_at": format_instant(START_MS + 3_600_000),
            "minutes": 20,
        }
        return asking(visit, "schedule", **{**body, **changes})

    def ask(self, wallet: Wallet, visit: str, step: str, **body: object) -> Receipt:
        return self.world.ask(wallet, asking(visit, step, **body))

    def code(self, wallet: Wallet, visit: str, step: str, **body: object) -> str:
        """The code with which a step is refused."""
        return self.code_of(wallet, asking(visit, step, **body))

    def consent(self, wallet: Wallet, visit: str, consent: str, language: str = "en") -> Receipt:
        return self.world.ask(wallet, consenting(visit, consent, language))

    def invite(self, visit: str, wallet: Wallet, role: str) -> None:
        self.ask(self.clinician, visit, "invite", participant=wallet.actor, role=role, invitation=None)

    def arrive(self, visit: str, wallet: Wallet) -> None:
        """Check in, and wait."""
        self.world.ask(wallet, asking(visit, "check-in", **TESTED), asking(visit, "wait"))

    def enter(self, visit: str, wallet: Wallet) -> None:
        """Arrive, and be let in."""
        self.arrive(visit, wallet)
        self.ask(self.clinician, visit, "admit", participant=wallet.actor)

    def begin(self) -> str:
        """A visit that is going on, with the patient in the room."""
        visit = self.schedule()
        self.consent(self.patient, visit, "visit")
        self.ask(self.clinician, visit, "begin")
        self.enter(visit, self.patient)
        return visit

    def join(self, visit: str, wallet: Wallet, role: str) -> None:
        """Bring in one more."""
        self.invite(visit, wallet, role)
        if role in ("interpreter", "caregiver") and not self.has_consent(visit):
            self.consent(self.patient, visit, "sharing")
        self.enter(visit, wallet)

    def has_consent(self, visit: str) -> bool:
        given = [e for e in self.stream(visit) if e.type.startswith("visit.consent-")]
        return any(entry.body.consent is Consent.SHARING for entry in given)

    def record(self, visit: str, *, by: Wallet, others: tuple[Wallet, ...]) -> str:
        """Have all consent, and record; returns the object."""
        for wallet in (by, *others):
            self.consent(wallet, visit, "recording")
        target = self.world.begin_object(by, readers=(self.patient.actor,), visit=visit)
        self.ask(by, visit, "start-recording", object=target)
        return target

    def stream(self, visit: str) -> list[RecordedEntry]:
        return [entry for entry in self.world.entries() if entry.stream == f"visit/{visit}"]

    def last(self, visit: str) -> RecordedEntry:
        return self.stream(visit)[-1]

    def seats(self, visit: str) -> dict[str, SeatRow]:
        db = open_reader(self.world.path)
        try:
            return {seat.actor: seat for seat in find_seats(db, visit)}
        finally:
            db.close()

    def state(self, visit: str, wallet: Wallet) -> str:
        return self.seats(visit)[wallet.actor].state.value


def asking(visit: str, step: str, **body: object) -> Command:
    return f"visit.{step}/1", {"visit": visit, **body}


def consenting(visit: str, consent: str, language: str = "en") -> Command:
    text = SHIPPED[Consent(consent), language].digest
    return asking(visit, "give-consent", consent=consent, text=text, language=language)


def open_clinic(folder: Path) -> LivedClinic:
    """A clinic at a node of its own; the caller closes its world."""
    world = World(folder)
    world.begin()
    return LivedClinic(world)

"""Visits at a whole node: what is read, written and measured in one, and the life of another.

The second is recorded again and again, so that a recording ends in each way that one can. Start at `ask_lives`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telesphor.capabilities.visits.consents.model import Consent
from telesphor.capabilities.visits.consents.texts import SHIPPED
from telesphor.client.wallet import Wallet
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of

if TYPE_CHECKING:
    from tests.support.everything import Story


def ask_visits(story: Story) -> None:
    """A visit with a note, a reading, a read and what it rests on."""
    visit, clinician, patient, device = story.ids.next(), story.clinician, story.patient, story.monitor
    opened = {
        "visit": visit,
        "patient": patient.actor,
        "clinician": clinician.actor,
        "devices": [device.actor],
    }
    story.ask(clinician, ("visit.open/1", opened))
    note = story.put(clinician, visit=visit, readers=[patient.actor])
    story.ask(clinician, ("visit.add-object/1", {"visit": visit, "object": note, "role": "note"}))
    story.ask(patient, ("visit.read-object/1", {"visit": visit, "object": note, "purpose": "treatment"}))
    measured = {
        "object": story.put(device, visit=visit),
        "kind": "heart-rate",
        "count": 1,
        "from": story.instant(-60_000),
        "to": story.instant(0),
        "commitment": commit(b"[72]", key32=bytes(32)),
    }
    story.ask(device, ("visit.record-reading/1", {**measured, "visit": visit}))
    story.ask(device, ("reading.record/1", {**measured, "object": story.put(device)}))
    team = {"group": story.ids.next(), "kind": "care-team", "role": None}
    story.ask(patient, ("group.form/1", team))
    ground = {"visit": visit, "stream": f"group/{team['group']}", "n": 0, "role": "group"}
    story.ask(clinician, ("visit.link/1", ground))
    story.ask(clinician, ("visit.close/1", {"visit": visit}))
    story.ask(clinician, ("visit.export/1", {"visit": visit}))


def ask_lives(story: Story, *, shown: str) -> str:
    """A visit from its first link to its closing; returns its id.

    Args:
        shown: a presentation in which the patient showed who it is.
    """
    life = _Life(story)
    life.begin(shown)
    life.record_among_three()
    life.record_while_consents_end()
    life.end()
    text = {"kind": "visit", "language": "en", "text": "I agree.", "digest": digest_of(b"I agree.")}
    story.ask(story.hospital, ("consent.set-text/1", text))
    return life.visit


class _Life:
    def __init__(self, story: Story) -> None:
        self.story, self.visit = story, story.ids.next()
        self.clinician, self.colleague, self.patient = story.clinician, story.colleague, story.patient

    def ask(self, wallet: Wallet, step: str, **body: object) -> None:
        self.story.ask(wallet, (f"visit.{step}/1", {"visit": self.visit, **body}))

    def consent(self, wallet: Wallet, kind: str) -> None:
        text = SHIPPED[Consent(kind), "en"].digest
        self.ask(wallet, "give-consent", consent=kind, text=text, language="en")

    def arrive(self, wallet: Wallet) -> None:
        self.ask(wallet, "check-in", camera="ok", microphone="ok", speaker="ok", network="good")
        self.ask(wallet, "wait")

    def admit(self, wallet: Wallet) -> None:
        self.ask(self.clinician, "admit", participant=wallet.actor)

    def record(self) -> None:
        """The colleague records into an object of its own."""
        target = self.story.ids.next()
        body = {"object": target, "media_type": "video/webm", "readers": [], "visit": self.visit}
        self.story.ask(self.colleague, ("object.write/1", {**body, "subject": self.patient.actor}))
        self.ask(self.colleague, "start-recording", object=target)

    def begin(self, shown: str) -> None:
        story, patient, colleague = self.story, self.patient, self.colleague
        opened = {"patient": patient.actor, "clinician": self.clinician.actor, "devices": []}
        self.ask(self.clinician, "schedule", **opened, starts_at=story.instant(60_000), minutes=20)
        self.ask(self.clinician, "reschedule", starts_at=story.instant(120_000), minutes=30)
        self.invite_colleague()
        self.ask(self.clinician, "begin")
        self.consent(patient, "visit")
        for wallet in (patient, self.clinician, colleague):
            self.consent(wallet, "recording")
        self.ask(patient, "present-identity", presentation=shown)
        for wallet in (patient, colleague):
            self.arrive(wallet)
            self.admit(wallet)
        asked = {"participant": patient.actor, "identifiers": ["name", "birth-date"]}
        self.ask(self.clinician, "confirm-identity", **asked)
        named = sorted([patient.actor, self.clinician.actor])
        self.ask(patient, "open-epoch", epoch=1, participants=named, envelopes="0" * 64)

    def invite_colleague(self) -> None:
        whom = {"participant": self.colleague.actor, "role": "colleague", "invitation": None}
        self.ask(self.clinician, "invite", **whom)

    def record_among_three(self) -> None:
        """Stopped by hand; and because who records leaves, and is sent back."""
        self.record()
        self.ask(self.patient, "stop-recording")
        self.record()
        self.ask(self.colleague, "leave")
        self.arrive(self.colleague)
        self.admit(self.colleague)
        self.record()
        self.ask(self.clinician, "return", participant=self.colleague.actor)
        self.admit(self.colleague)

    def record_while_consents_end(self) -> None:
        """Stopped because a consent is taken back; and because people enter who have not consented."""
        self.record()
        self.ask(self.patient, "withdraw-consent", consent="recording")
        self.ask(self.patient, "withdraw-consent", consent="visit")
        self.consent(self.patient, "visit")
        self.record()
        self.admit(self.patient)
        self.ask(self.patient, "leave")
        self.ask(self.clinician, "leave")
        self.ask(self.clinician, "withdraw-consent", consent="recording")
        self.record()
        self.ask(self.clinician, "begin")
        self.consent(self.clinician, "recording")

    def end(self) -> None:
        """Stopped because who records is removed; and with the visit."""
        self.record()
        self.ask(self.clinician, "remove", participant=self.colleague.actor)
        self.invite_colleague()
        self.arrive(self.colleague)
        self.admit(self.colleague)
        self.record()
        self.ask(self.clinician, "end", outcome="completed")
        self.ask(self.clinician, "close")

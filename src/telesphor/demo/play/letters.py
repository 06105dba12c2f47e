"""The thread of patient and care team, with a first message in it. Start at `open_thread`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telesphor.capabilities.messages.content import Content
from telesphor.capabilities.messages.model import MessageId, ThreadId
from telesphor.client.letters import Addressee, write_letter
from telesphor.demo.play.house import House

RETENTION_DAYS: Final = 3_650

WELCOME: Final = (
    "Good day, and welcome to Riverside Clinic. Your pulse clip is connected, so we see your pulse during the visit. "
    "If you would like us to prepare something, or if the picture does not come, write to us here. Ines Brandt"
)
HANDOVER: Final = (
    "Dr. Osei sees you today. The readings of the last four hours are in your record; they look steady to me. "
    "Ines Brandt"
)


async def open_thread(house: House, patient: str, clinician: str | None) -> str:
    """Open the thread, and have the colleague write the first message; returns the thread.

    Args:
        clinician: whoever plays the clinician, once there are keys to seal to.
    """
    thread, colleague = house.reach.ids.next(), house.colleague.wallet.actor
    members = [{"actor": patient, "role": "patient"}, {"actor": colleague, "role": "clinician"}]
    if clinician is not None:
        members.append({"actor": clinician, "role": "clinician"})
    body = {"thread": thread, "subject": patient, "members": members, "retention_days": RETENTION_DAYS}
    await house.colleague.send(("thread.open/1", body))
    await _write(house, thread, [one["actor"] for one in members], WELCOME)
    return thread


async def add_clinician(house: House, thread: str, patient: str, clinician: str) -> None:
    """Let the clinician in, and tell both."""
    added = {"thread": thread, "actor": clinician, "role": "clinician"}
    await house.colleague.send(("thread.add/1", added))
    await _write(house, thread, [patient, house.colleague.wallet.actor, clinician], HANDOVER)


async def _write(house: House, thread: str, members: Sequence[str], text: str) -> None:
    sender = house.colleague
    entered = (await sender.send(("thread.enter/1", {"thread": thread}))).results[0]
    people = [(member, "member") for member in members] + [(house.monitor.actor, "monitor")]
    addressees = [Addressee(actor, (await sender.public_actor(actor)).kem, role) for actor, role in people]
    content = Content(
        thread=ThreadId(thread),
        message=MessageId(house.reach.ids.next()),
        version=1,
        sender=sender.wallet.actor,
        text=text,
    )
    letter = write_letter(content, addressees)
    await sender.put(letter.path, letter.envelope, ticket=entered["ticket"])
    await sender.send(letter.command)

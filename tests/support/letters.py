"""Messages at a whole node: a thread with all that can be asked about it. Start at `ask_messages`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from telesphor.capabilities.messages.content import AttachedFile, Content
from telesphor.capabilities.messages.model import MessageId, ThreadGrant, ThreadId
from telesphor.client.letters import Addressee, write_letter
from telesphor.client.wallet import Wallet
from telesphor.kernel.ids import ObjectId

if TYPE_CHECKING:
    from tests.support.everything import Story


def ask_messages(story: Story) -> None:
    """A thread of a patient and a clinician, with the story's system as the compliance monitor."""
    patient, clinician, monitor, hospital = story.patient, story.clinician, story.system, story.hospital
    story.ask(hospital, ("monitor.declare/1", {"monitor": monitor.actor, "mode": "screen"}))
    thread = {"thread": story.ids.next()}
    members = [
        {"actor": patient.actor, "role": "patient"},
        {"actor": clinician.actor, "role": "clinician"},
    ]
    opening = {"subject": patient.actor, "members": members, "retention_days": 365}
    story.ask(clinician, ("thread.open/1", {**thread, **opening}))
    member = {**thread, "actor": story.colleague.actor}
    story.ask(patient, ("thread.add/1", {**member, "role": "staff"}))
    story.ask(patient, ("thread.remove/1", member))
    story.ask(patient, ("thread.add/1", {**member, "role": "caregiver"}))
    story.ask(story.colleague, ("thread.leave/1", thread))
    story.ask(patient, ("thread.enter/1", thread))
    picture = story.put(patient, readers=(clinician.actor, monitor.actor))
    message = write(story, patient, thread["thread"], attached=(picture,))
    write(story, patient, thread["thread"], message=message)
    for version, verdict in ((1, "pass"), (2, "hold")):
        named = {"message": message, "version": version}
        story.ask(monitor, ("monitor.open/1", {"monitor": monitor.actor}))
        story.ask(monitor, ("monitor.look/1", {**thread, "messages": [named]}))
        judged = {"verdict": verdict, "codes": ["credential"], "rules": "sha256:" + "0" * 64}
        story.ask(monitor, ("monitor.judge/1", {**thread, **named, **judged}))
    story.ask(hospital, ("message.release/1", {**thread, "message": message}))
    received = {**thread, "messages": [message]}
    story.ask(clinician, ("message.receive/1", received))
    story.ask(clinician, ("message.receive/1", received))
    story.ask(clinician, ("message.read/1", received))
    story.ask(patient, ("message.recall/1", {**thread, "message": message}))
    hold = {**thread, "hold": story.ids.next()}
    story.ask(hospital, ("thread.hold/1", hold))
    story.refuse(patient, ("object.erase/1", {"object": picture, "reason": "patient-request"}))
    story.ask(hospital, ("thread.lift-hold/1", hold))
    story.ask(hospital, ("thread.retain/1", {**thread, "retention_days": None}))
    story.ask(clinician, ("thread.archive/1", thread))
    story.ask(clinician, ("thread.restore/1", thread))
    story.ask(patient, ("thread.export/1", thread))
    story.ask(hospital, ("monitor.dismiss/1", {"monitor": monitor.actor}))


def write(
    story: Story, sender: Wallet, thread: str, *, message: str | None = None, attached: Sequence[str] = ()
) -> str:
    """Send a message, or a second version of one; returns its id."""
    people = [(one, "member") for one in (story.clinician, story.patient)]
    to = [
        Addressee(one.actor, one.kem_key.public, role) for one, role in [*people, (story.system, "monitor")]
    ]
    content = Content(
        thread=ThreadId(thread),
        message=MessageId(message or story.ids.next()),
        version=2 if message else 1,
        sender=sender.actor,
        text="It hurts less.",
        attachments=tuple(_file(object_id) for object_id in attached),
    )
    letter = write_letter(content, to)
    grant = ThreadGrant(thread=thread, actor=sender.actor)
    story.node.desks.messages.desk.take_envelope(grant, letter.path.rpartition("/")[2], letter.envelope)
    story.ask(sender, letter.command)
    return content.message


def _file(object_id: str) -> AttachedFile:
    return AttachedFile(object=ObjectId(object_id), name="a.txt", media_type="text/plain", size=6)

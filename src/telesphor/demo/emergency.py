"""Somebody breaks the glass: reads in an emergency what nobody granted, for a short time, and seen by others at once.

Start at `break_glass`.
"""

from __future__ import annotations

from typing import Any, Final

from telesphor.client.node import NodeClient
from telesphor.demo.attacks import Attack, attempt, tell
from telesphor.demo.clients import Clients, place_of, placed
from telesphor.demo.errors import ContentDiffers, NobodyAlarmed
from telesphor.demo.grants import Grant, refuse_read
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.stage import Cast

OFFICER: Final = "privacy-officer"
CLINICIAN: Final = "clinician"
MINUTES: Final = 15
REASON: Final = "unconscious-patient"
ALL_POSITIONS: Final = 2**53 - 1


async def break_glass(
    clients: Clients, cast: Cast, visit: str, grant: Grant, narrator: Narrator
) -> tuple[Attack, ...]:
    """The second clinician opens one record, reads it, and nothing else; it alarms until the officer has judged it.

    Raises:
        ContentDiffers: what was read is not what was sealed.
        NobodyAlarmed: the patient or the privacy officer has no alarm.
    """
    await _appoint(clients, cast)
    item, glass = grant.records[0], clients.ids.next()
    challenge = (await clients.colleague.send(("break-glass.challenge/1", {}))).results[0]
    asked = {
        "break_glass": glass,
        "target": {"kind": "object", "id": item.object},
        "reason": REASON,
        "minutes": MINUTES,
        "nonce": challenge["nonce"],
    }
    opened = await clients.colleague.send(("break-glass.open/1", asked))
    for client in (clients.patient, clients.officer):
        if [alarm["break_glass"] for alarm in await _alarms(client)] != [glass]:
            raise NobodyAlarmed("the emergency alarms not whom it must")
    if await clients.colleague.read_object(item.object, purpose="emergency") != item.record.data:
        raise ContentDiffers("what was read in the emergency is not what was sealed")
    read = clients.newest(f"access/{cast.colleague.actor}", "access.decided/1")
    narrator.say(
        f"The clinician from outside states a reason (`{REASON}`), proves its keys anew, and may read one record for "
        f"{counted(MINUTES, 'minute')}. Patient and privacy officer have the alarm before the record is read."
    )
    attacks = await _misuse(clients, grant, glass, narrator)
    denied = clients.newest(f"access/{cast.colleague.actor}", "access.decided/1")
    places = [
        place_of(opened, "break-glass.opened/1", role="break-glass"),
        place_of(opened, "access.decided/1", role="access"),
        placed(read, role="access"),
        placed(denied, role="access"),
    ]
    await clients.link(visit, places)
    review = {"break_glass": glass, "verdict": "justified"}
    reviewed = await clients.officer.send(("break-glass.review/1", review))
    narrator.say(
        f"The privacy officer judges it in entry {reviewed.first}; with that it is over, and alarms no more."
    )
    return attacks


async def _appoint(clients: Clients, cast: Cast) -> None:
    for role, member in ((OFFICER, cast.officer.actor), (CLINICIAN, cast.colleague.actor)):
        group = clients.ids.next()
        await clients.organisation.send(
            ("group.form/1", {"group": group, "kind": "role", "role": role}),
            ("group.add/1", {"group": group, "member": member}),
        )


async def _alarms(client: NodeClient) -> list[Any]:
    asked = ("break-glass.list/1", {"which": "alarms", "before": ALL_POSITIONS})
    page: dict[str, Any] = (await client.send(asked)).results[0]
    rows: list[Any] = page["glasses"]
    return rows


async def _misuse(clients: Clients, grant: Grant, glass: str, narrator: Narrator) -> tuple[Attack, ...]:
    """What the open emergency does not give."""
    other, purpose = grant.records[1], "emergency"
    what = "the same clinician reads another record of the patient"
    read = await refuse_read(clients.colleague, other, what=what, purpose=purpose)
    review = {"break_glass": glass, "verdict": "justified"}
    judged = await attempt(
        "the same clinician judges the emergency as justified",
        "break-glass-not-a-reviewer",
        lambda: clients.colleague.send(("break-glass.review/1", review)),
    )
    return tell(read, narrator), tell(judged, narrator)

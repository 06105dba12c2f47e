"""What a patient grants, what it allows, what it does not, and its end.

The grant is a token over some of the patient's records: to read, for treatment, for a month, and only by somebody
who has shown a licence for this state. The clinician is no reader of these records: every read of them is allowed by
the token.

Start at `grant_records`; `read_record`, `refuse_outsider` and `revoke_grant` are what follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from telesphor.client.http import Http
from telesphor.client.node import NodeClient
from telesphor.demo.attacks import Attack, attempt, tell
from telesphor.demo.clients import Clients, Place, place_of, placed
from telesphor.demo.errors import ContentDiffers
from telesphor.demo.factors import LICENCE_TEXT
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.sealing import Sealed, of_patient
from telesphor.demo.stage import Cast
from telesphor.kernel.clock import format_instant
from telesphor.kernel.ids import IdSource

GRANTED_KINDS: Final = ("Patient", "Condition", "Consent")
GRANTED_OBSERVATIONS: Final = 3
"""What the clinician is to see: the person, the problems, the consent, and a few findings."""

DAY_MS: Final = 86_400_000
GRANT_DAYS: Final = 30
SLACK_MS: Final = 60_000
"""A grant begins a minute ago, so that it works at a node whose clock is a little behind."""

WIDER: Final = ("patient-request", "treatment")
"""The purposes of a delegation that is wider than what it comes from."""


@dataclass(frozen=True)
class Grant:
    """A token that a patient has given and a clinician has accepted, and what it is about."""

    token: str
    dataset: str
    terms: dict[str, Any]
    records: tuple[Sealed, ...]
    places: tuple[Place, ...]


async def grant_records(
    clients: Clients, cast: Cast, sealed: Sequence[Sealed], narrator: Narrator
) -> tuple[Grant, Attack]:
    """The patient grants, the clinician accepts, and cannot hand on more than it was given."""
    records = _granted(sealed)
    dataset, token, now_ms = clients.ids.next(), clients.ids.next(), clients.clock.now_ms()
    terms: dict[str, Any] = {
        "token": token,
        "dataset": dataset,
        "role": None,
        "recipient": {"kind": "actor", "id": cast.clinician.actor},
        "actions": ["read"],
        "purposes": ["treatment"],
        "not_before": format_instant(now_ms - SLACK_MS),
        "not_after": format_instant(now_ms + GRANT_DAYS * DAY_MS),
        "required_factors": [LICENCE_TEXT],
        "rule": "",
        "revocable": True,
        "transferable": False,
        "delegation_depth": 1,
    }
    members = [{"kind": "object", "id": id} for id in sorted(item.object for item in records)]
    minted = await clients.patient.send(
        ("dataset.define/1", {"dataset": dataset, "members": members}), ("token.mint/1", terms)
    )
    await clients.clinician.send(("token.accept/1", {"token": token}))
    narrator.say(
        f"The patient grants the clinician {counted(len(records), 'record')}: to read, for treatment, for "
        f"{GRANT_DAYS} days, and only with `{LICENCE_TEXT}`. Whether the patient may grant each was decided first."
    )
    places = (place_of(minted, "token.minted/1", role="token"),)
    grant = Grant(token, dataset, terms, records, places)
    wider = await attempt(
        "the clinician hands the grant on for more than it is for",
        "wider-than-parent",
        lambda: clients.clinician.send(("token.delegate/1", _wider(grant, cast, clients.ids))),
    )
    return grant, tell(wider, narrator)


async def read_record(clients: Clients, visit: str, grant: Grant, narrator: Narrator) -> tuple[Sealed, ...]:
    """The clinician reads what was granted, within the visit; checks each byte.

    Raises:
        ContentDiffers: a record is not the file that was sealed.
    """
    for item in grant.records:
        content = await clients.clinician.read_object(item.object, purpose="treatment", visit=visit)
        if content != item.record.data:
            raise ContentDiffers(f"object `{item.object}` is not the file that was sealed")
    narrator.say(
        f"{counted(len(grant.records), 'record')} read for treatment, because of the token, each equal to its file "
        "byte for byte."
    )
    narrator.say(
        "Each read was a decision with its reasons, and an entry, durable and linked to the visit, before the first "
        "byte left the node."
    )
    return grant.records


async def refuse_outsider(
    clients: Clients, visit: str, sealed: Sequence[Sealed], grant: Grant, narrator: Narrator
) -> tuple[Attack, ...]:
    """Two reads that the token does not cover; both denials are linked to the visit."""
    outside = next(item for item in of_patient(sealed) if item not in grant.records)
    tried = (
        ("a clinician from outside the care team reads the record", clients.colleague, grant.records[0]),
        ("the clinician reads a record of the patient that the token is not for", clients.clinician, outside),
    )
    attacks, places = [], []
    for what, client, item in tried:
        attacks.append(await refuse_read(client, item, what=what))
        denied = clients.newest(f"access/{client.wallet.actor}", "access.decided/1")
        places.append(placed(denied, role="access"))
        tell(attacks[-1], narrator)
    await clients.link(visit, places)
    narrator.say(
        "Both denials are decisions on the ledger, with their reasons; the clinic links them to the visit."
    )
    return tuple(attacks)


async def refuse_read(
    client: NodeClient, item: Sealed, *, what: str, visit: str | None = None, purpose: str = "treatment"
) -> Attack:
    """A read that must be denied."""
    return await attempt(
        what, "access-denied", lambda: client.read_object(item.object, purpose=purpose, visit=visit)
    )


async def revoke_grant(
    clients: Clients, cast: Cast, visit: str, grant: Grant, narrator: Narrator
) -> tuple[Attack, ...]:
    """The patient takes the grant back: a ticket of before and the very next read are refused."""
    item = grant.records[0]
    asked = ("visit.read-object/1", {"visit": visit, "object": item.object, "purpose": "treatment"})
    ticket = (await clients.clinician.send(asked)).results[0]["ticket"]
    revoked = await clients.patient.send(("token.revoke/1", {"token": grant.token}))
    narrator.say(f"The patient takes the grant back, in entry {revoked.first}. From that entry on:")

    async def use_ticket() -> None:
        async with Http(clients.url) as http:
            headers = {"Authorization": f"Bearer {ticket}"}
            await http.fetch("GET", f"/v1/objects/{item.object}/content", headers=headers)

    used = await attempt("the clinician uses a ticket that was issued before", "access-ended", use_ticket)
    read = await refuse_read(
        clients.clinician, item, what="the clinician reads the same record once more", visit=visit
    )
    denied = clients.newest(f"access/{cast.clinician.actor}", "access.decided/1")
    await clients.link(visit, [placed(denied, role="access")])
    return tell(used, narrator), tell(read, narrator)


def _granted(sealed: Sequence[Sealed]) -> tuple[Sealed, ...]:
    own = of_patient(sealed)
    chosen = [item for item in own if item.record.kind in GRANTED_KINDS]
    chosen += [item for item in own if item.record.kind == "Observation"][:GRANTED_OBSERVATIONS]
    return tuple(chosen)


def _wider(grant: Grant, cast: Cast, ids: IdSource) -> dict[str, Any]:
    return {
        **grant.terms,
        "token": ids.next(),
        "parent": grant.token,
        "recipient": {"kind": "actor", "id": cast.colleague.actor},
        "purposes": list(WIDER),
        "delegation_depth": 0,
    }

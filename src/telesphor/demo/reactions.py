"""One contract that reacts: the visit is recorded only when two people agree to it.

It ships with the node, runs in a sandbox, and every run of it stands on the ledger with what went in and what came out.

Start at `agree_to_record`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from telesphor.capabilities.contracts.cases import read_package
from telesphor.capabilities.contracts.library import library_path
from telesphor.client.node import NodeClient
from telesphor.demo.clients import Clients, placed
from telesphor.demo.errors import RunDiffers
from telesphor.demo.narration import Narrator
from telesphor.kernel import canonical

CONTRACT: Final = "two-person-approval"
ACTION: Final = "record the visit"


async def agree_to_record(clients: Clients, visit: str, narrator: Narrator) -> None:
    """The clinician proposes, cannot approve alone, and the patient agrees; the runs are linked to the visit.

    Raises:
        RunDiffers: a run came to something else.
    """
    package = read_package(library_path(CONTRACT))
    contract, request = clients.ids.next(), clients.ids.next()
    offer = {"manifest": package.manifest_document.decode(), "source": package.source}
    await clients.organisation.send(("contract.deploy/1", {"contract": contract, **offer}))
    argument = {"request": request, "action": ACTION}
    proposed = await _call(clients, clients.clinician, contract, "propose", argument)
    alone = await _call(clients, clients.clinician, contract, "approve", argument, outcome="failed")
    agreed = await _call(clients, clients.patient, contract, "approve", argument)
    if msgspec.json.decode(agreed["result"]) != {"status": "approved"}:
        raise RunDiffers("the contract did not approve what two people agreed to")
    places = [placed(clients.entry(run["position"]), role="contract") for run in (proposed, agreed)]
    people = (clients.clinician, clients.patient)
    decisions = [clients.newest(f"access/{one.wallet.actor}", "access.decided/1") for one in people]
    await clients.link(visit, [*places, *(placed(decided, role="access") for decided in decisions)])
    narrator.say(
        f"The contract `{CONTRACT}` decides whether the visit is recorded. The clinician proposes it; alone it is "
        f"refused ({alone['message']}); the patient agrees."
    )
    narrator.say(
        f"Each run is an entry: version {package.manifest.version} of the source, what went in, the state before and "
        "after, what came out, and the steps it took."
    )


async def _call(
    clients: Clients,
    client: NodeClient,
    contract: str,
    name: str,
    argument: dict[str, str],
    *,
    outcome: str = "executed",
) -> dict[str, Any]:
    body = {
        "contract": contract,
        "call": clients.ids.next(),
        "name": name,
        "argument": canonical.encode(argument).decode(),
    }
    answer: dict[str, Any] = (await client.send(("contract.call/1", body))).results[0]
    if answer["outcome"] != outcome:
        raise RunDiffers(f"the call `{name}` is `{answer['outcome']}`", hint=str(answer.get("message", "")))
    return answer

"""Two contracts: one that reacts to the ledger by itself, and one that people call.

Both ship with the node and run in a sandbox, and every run stands on the ledger with what went in and what came out.

Start at `watch_devices` and `agree_to_record`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import msgspec

from telesphor.capabilities.contracts.cases import read_package
from telesphor.capabilities.contracts.library import library_path
from telesphor.client.node import NodeClient
from telesphor.demo.clients import Clients, placed
from telesphor.demo.errors import RunDiffers
from telesphor.demo.narration import Narrator
from telesphor.kernel import canonical

WATCH: Final = "clone-alarm"
CONTRACT: Final = "two-person-approval"
ACTION: Final = "record the visit"

REACTION_SECONDS: Final = 30.0
"""A worker starts, runs and is recorded within a second or two, on a machine with nothing else to do."""

LOOK_SECONDS: Final = 0.05


async def watch_devices(clients: Clients) -> str:
    """Deploy the contract that raises an alarm when a device is copied; returns its id."""
    return await _deploy(clients, WATCH)


async def wait_for_alarm(clients: Clients, visit: str, contract: str, narrator: Narrator) -> None:
    """Wait until the contract has reacted to the quarantine; its run is linked to the visit.

    Raises:
        RunDiffers: it did not react in time.
    """
    deadline = time.monotonic() + REACTION_SECONDS
    while clients.find(f"contract/{contract}", "effect.done/1") is None:
        if time.monotonic() > deadline:
            raise RunDiffers("the contract did not react to the ledger in time")
        await asyncio.sleep(LOOK_SECONDS)
    executed = clients.newest(f"contract/{contract}", "contract.executed/1")
    await clients.link(visit, [placed(executed, role="contract")])
    narrator.say(
        f"Nobody called the contract `{WATCH}`: it follows the ledger, saw the quarantine, and raised a critical "
        "alert. Run and alert are entries of their own."
    )


async def _deploy(clients: Clients, name: str) -> str:
    package, contract = read_package(library_path(name)), clients.ids.next()
    offer = {"manifest": package.manifest_document.decode(), "source": package.source}
    await clients.organisation.send(("contract.deploy/1", {"contract": contract, **offer}))
    return contract


async def agree_to_record(clients: Clients, visit: str, narrator: Narrator) -> None:
    """The clinician proposes, cannot approve alone, and the patient agrees; the runs are linked to the visit.

    Raises:
        RunDiffers: a run came to something else.
    """
    contract, request = await _deploy(clients, CONTRACT), clients.ids.next()
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
        "Each run is an entry: which source, what went in, the state before and after, what came out, and the steps "
        "it took."
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

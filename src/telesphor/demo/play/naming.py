"""Names of people go to the node's directory, over a session of the clinic. Start at `name_people`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from telesphor.client.http import Http, read_bounded
from telesphor.client.node import NodeClient

ANSWER_BYTES_MAX = 64 * 1024


async def name_people(url: str, organisation: NodeClient, names: Mapping[str, str]) -> None:
    """Set the name of each actor.

    Raises:
        ClientRefused, NodeUnreachable
    """
    ticket = (await organisation.send(("session.open/1", {}))).results[0]["ticket"]
    async with Http(url) as http:
        opening = {"Authorization": f"Bearer {ticket}"}
        async with http.open("POST", "/v1/session", headers=opening) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            session: dict[str, Any] = msgspec.json.decode(await read_bounded(answer, limit=ANSWER_BYTES_MAX))
        headers = {
            "Telesphor-Session": session["session"],
            "Cookie": cookie,
            "Content-Type": "application/json",
        }
        for actor, name in names.items():
            body = msgspec.json.encode({"name": name})
            await http.fetch("PUT", f"/v1/app/people/{actor}", body=body, headers=headers)
        await http.fetch("DELETE", "/v1/session", headers=headers)

"""A node with contracts, for their tests: real keys, the real writer, real workers."""

from __future__ import annotations

import json
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from telesphor.capabilities.contracts.capability import contracts_capability
from telesphor.capabilities.contracts.desk import CallAnswer, ContractDesk, Ready
from telesphor.capabilities.contracts.documents import seal_input
from telesphor.capabilities.contracts.manifest import Manifest, parse_manifest, read_manifest
from telesphor.capabilities.contracts.model import Answer, Job
from telesphor.capabilities.contracts.service import Contracts
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.ledger.entries import EntryReader
from telesphor.runtime.capability import Body, CommandType, Receipt
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.world import World

COUNTER = """
def handle(state, trigger):
    argument = trigger["call"]["argument"]
    if argument.get("bad"):
        fail("told to")
    count = state.get("count", 0) + argument.get("by", 1)
    return {"count": count}, [send("out", {"count": count})], {"count": count}
"""

COUNTING = """
name = "counter"
version = 1
summary = "Counts"
connectors = ["out"]

[[triggers]]
on = "call"
name = "count"
callers = ["person", "system"]
argument = { by = "integer?", bad = "boolean?" }
result = { count = "integer" }

[[triggers]]
on = "entry"
type = "visit.opened/1"
"""


def manifest(text: str = COUNTING) -> Manifest:
    return parse_manifest(read_manifest(text))


class Office:
    """The usual cast, and short names for what they ask. `run` may be replaced by a test."""

    def __init__(self, folder: Path, run: Any) -> None:
        self.run = run
        self.desk = ContractDesk(
            Contracts(),
            run=lambda job: self.ran(job),
            open_db=partial(open_reader, folder / "ledger.sqlite"),
            read_document=self.document,
            record=self.record,
        )
        self.world = World(folder, contracts_capability(self.desk))
        self.world.begin()
        self.hospital = self.world.enrol("organisation")
        self.clinician = self.world.enrol("person")
        self.device = self.world.enrol("device")

    def ran(self, job: Job) -> Answer:
        answer: Answer = self.run(job)
        return answer

    def record(self, command: CommandType, body: Body) -> Receipt:
        return self.world.record_own_word(command, body)

    def document(self, digest: str) -> bytes | None:
        with closing(EntryReader(self.world.path, self.world.registry)) as reader:
            return reader.document(digest)

    def offer(self, source: str = COUNTER, text: str = COUNTING) -> dict[str, str]:
        return {"manifest": read_manifest(text).decode(), "source": source}

    def deploy(self, source: str = COUNTER, text: str = COUNTING, *, by: Wallet | None = None) -> str:
        contract = self.world.ids.next()
        body = {"contract": contract, **self.offer(source, text)}
        self.world.ask(by or self.hospital, ("contract.deploy/1", body))
        return contract

    def call(
        self, contract: str, *, who: Wallet | None = None, name: str = "count", **argument: object
    ) -> CallAnswer:
        body = {
            "contract": contract,
            "call": self.world.ids.next(),
            "name": name,
            "argument": json.dumps(argument),
        }
        found: CallAnswer = self.world.ask(who or self.clinician, ("contract.call/1", body)).results[0]
        return found

    def entry_trigger(self, contract: str, position: int, **body: object) -> Ready:
        """What the follower on the log will hand to the desk."""
        shown = {"type": "visit.opened/1", "position": position, "body": body, "stream": "", "actor": ""}
        trigger: dict[str, object] = {
            "kind": "entry",
            "at": format_instant(self.world.clock.now_ms()),
            "entry": shown,
        }
        sealed = seal_input("entry", trigger, salt=self.world.ids.nonce())
        return Ready(contract, f"entry:{position}", "entry", sealed)  # type: ignore[arg-type]

    def last(self) -> Any:
        return self.world.entries()[-1]

    def close(self) -> None:
        self.world.close()

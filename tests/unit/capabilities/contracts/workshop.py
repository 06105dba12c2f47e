"""A node whose contracts run by themselves, for tests: the usual office, with triggers, effects, alerts and tokens.

Nothing goes on in threads: `settle` does all that can be done now. `reopen` is what a new process finds after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from telesphor.capabilities.access.objects import find_object_resource
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.access.tokens.capability import tokens_capability
from telesphor.capabilities.contracts.alerts.capability import alerts_capability
from telesphor.capabilities.contracts.capability import contracts_capability
from telesphor.capabilities.contracts.desk import ContractDesk
from telesphor.capabilities.contracts.documents import open_state
from telesphor.capabilities.contracts.effects.capability import effect_commands, effects_capability
from telesphor.capabilities.contracts.effects.connectors import Connector
from telesphor.capabilities.contracts.effects.desk import EffectDesk
from telesphor.capabilities.contracts.manifest import read_manifest
from telesphor.capabilities.contracts.model import Answer, Job
from telesphor.capabilities.contracts.runner.runtime import ContractRuntime
from telesphor.capabilities.contracts.service import Contracts
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.ledger.entries import EntryReader, RecordedEntry
from telesphor.runtime.capability import Body, CommandType, Receipt
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.contracts.office import Office
from tests.unit.capabilities.world import World

LIBRARY = Path(__file__).parents[4] / "src" / "telesphor" / "capabilities" / "contracts" / "library"
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


class Inbox:
    """A receiver that keeps what it was sent, and says so or fails as the test wants."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.fail: Callable[[], None] = lambda: None

    def send(self, idempotency_key: str, message: object) -> None:
        self.fail()
        self.got.append((idempotency_key, message))

    @property
    def messages(self) -> list[Any]:
        """Each message once, as a receiver that knows its keys has them."""
        return list(dict(self.got).values())


class Workshop(Office):
    """An office with a runtime; what the desks say goes through `record`, which a test may replace."""

    def __init__(self, folder: Path, run: Any, connectors: Mapping[str, Connector] | None = None) -> None:
        self.folder = folder
        self.run = run
        self.inbox = Inbox()
        self.connectors: dict[str, Connector] = {"out": self.inbox, **(connectors or {})}
        self.tokens = tokens_capability(
            authorise=authorise, find_resource=lambda state, _kind, id: find_object_resource(state, id)
        )
        self._open_desks()
        self.world = World(
            folder,
            contracts_capability(self.desk),
            effects_capability(self.effects),
            alerts_capability(),
            self.tokens,
        )
        self.world.begin()
        self.hospital = self.world.enrol("organisation")
        self.clinician = self.world.enrol("person")
        self.device = self.world.enrol("device")
        self.runtime = self.open_runtime()

    def _open_desks(self) -> None:
        open_db = partial(open_reader, self.folder / "ledger.sqlite")
        self.desk = ContractDesk(
            Contracts(),
            run=self._ran,
            open_db=open_db,
            read_document=self.document,
            record=self._record,
        )
        self.effects = EffectDesk(effect_commands(self.tokens.commands), open_db=open_db, record=self._record)

    def _ran(self, job: Job) -> Answer:
        answer: Answer = self.run(job)
        return answer

    def _record(self, command: CommandType, body: Body) -> Receipt:
        return self.record(command, body)

    def open_runtime(self) -> ContractRuntime:
        return ContractRuntime(
            self.desk,
            self.effects,
            path=self.folder / "reactions.sqlite",
            connectors=self.connectors,
            open_entries=self.reader,
            open_db=partial(open_reader, self.folder / "ledger.sqlite"),
            read_document=self.document,
            clock=self.world.clock,
            ids=self.world.ids,
        )

    def reader(self) -> EntryReader:
        return EntryReader(self.world.path, self.world.registry)

    def reopen(self, *, forget_queue: bool = False) -> None:
        """What a new process finds: the same files, and nothing in memory."""
        self.runtime.close()
        if forget_queue:
            for file in self.folder.glob("reactions.sqlite*"):
                file.unlink()
        self._open_desks()
        self.runtime = self.open_runtime()

    def settle(self) -> None:
        self.runtime.settle()

    def pass_ms(self, ms: int) -> None:
        self.world.clock.advance_ms(ms)

    def ship(self, name: str) -> str:
        """Deploy a contract of the library."""
        text = (LIBRARY / f"{name}.toml").read_text()
        return self.deploy((LIBRARY / f"{name}.star").read_text(), text)

    def of_type(self, *types: str) -> list[RecordedEntry]:
        return [entry for entry in self.world.entries() if entry.type in types]

    def types(self, *, since: int = 0) -> list[str]:
        return [entry.type for entry in self.world.entries()[since:]]

    def mint(self, grantor: Wallet, recipient: Wallet) -> str:
        """A token for an object of the grantor's."""
        dataset, token = self.world.ids.next(), self.world.ids.next()
        members = [{"kind": "object", "id": self.world.put(grantor)}]
        self.world.ask(grantor, ("dataset.define/1", {"dataset": dataset, "members": members}))
        now_ms = self.world.clock.now_ms()
        terms = {
            "token": token,
            "recipient": {"kind": "actor", "id": recipient.actor},
            "dataset": dataset,
            "role": None,
            "actions": ["read"],
            "purposes": ["treatment"],
            "not_before": format_instant(now_ms),
            "not_after": format_instant(now_ms + DAY_MS),
            "revocable": True,
            "transferable": False,
            "delegation_depth": 0,
            "required_factors": [],
            "rule": "",
        }
        self.world.ask(grantor, ("token.mint/1", terms))
        return token

    def state_text(self, contract: str) -> str:
        """The state that the last run of a contract left."""
        runs = [run for run in self.of_type("contract.executed/1") if run.stream == f"contract/{contract}"]
        data = self.document(runs[-1].body.after)
        assert data is not None
        return open_state(data).state

    def close(self) -> None:
        self.runtime.close()
        super().close()


def manifest_text(name: str, rest: str) -> str:
    """A manifest by this name, checked."""
    text = f'name = "{name}"\nversion = 1\nsummary = "Of a test"\n{rest}'
    read_manifest(text)
    return text

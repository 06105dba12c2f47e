"""A hospital, a patient, two clinicians and a compliance monitor who write to each other at one node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from telesphor.app.relations import NodeHolds
from telesphor.capabilities.access.service import authorise
from telesphor.capabilities.messages.capability import messages_capability
from telesphor.capabilities.messages.content import Content
from telesphor.capabilities.messages.model import MessageId, ThreadGrant, ThreadId
from telesphor.capabilities.messages.opening import Messages
from telesphor.client.letters import Addressee, Letter, write_letter
from telesphor.client.requests import Command
from telesphor.client.wallet import Wallet
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ObjectId
from telesphor.ledger.entries import RecordedEntry
from telesphor.runtime.capability import Actor, Receipt
from telesphor.runtime.database import open_reader
from tests.unit.capabilities.world import World


class Later:
    """What a capability needs before its world is there."""

    def __init__(self) -> None:
        self.target: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)


class Names:
    """A directory of people."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def names_of(self, actors: Iterable[str]) -> dict[str, str]:
        return {actor: self.known[actor] for actor in actors if actor in self.known}

    def names_for(self, _reader: Actor, actors: Iterable[str]) -> dict[str, str]:
        return self.names_of(actors)


class Hub:
    """What was told, and to whom."""

    def __init__(self) -> None:
        self.told: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []

    def publish(self, actors: Iterable[str], message: Mapping[str, Any]) -> None:
        self.told.append((tuple(actors), message))


class Office:
    """The usual cast, and short names for what they ask."""

    def __init__(self, folder: Path) -> None:
        tickets, shelf = Later(), Later()
        capability = messages_capability(
            authorise=authorise, tickets=cast(Any, tickets), shelf=cast(Any, shelf)
        )
        self.world = World(folder, capability, holds=NodeHolds())
        self.world.begin()
        self.clock, self.ids = self.world.clock, self.world.ids
        self.names, self.hub = Names(), Hub()
        self.stack = ExitStack()
        self.messages = Messages(
            folder,
            authorise=authorise,
            record=self.world.record_own_word,
            open_db=partial(open_reader, self.world.path),
            vault=self.world.vault,
            names=self.names,
            hub=self.hub,
            clock=self.clock,
            stack=self.stack,
        )
        tickets.target, shelf.target = self.world.tickets, self.messages.shelf
        self.hospital = self.world.enrol("organisation")
        self.patient, self.clinician, self.nurse, self.stranger = (
            self.world.enrol("person", by=self.hospital) for _ in range(4)
        )
        self.monitor = self.world.enrol("system", by=self.hospital)
        self.declare("watch")

    def close(self) -> None:
        self.stack.close()
        self.world.close()

    def ask(self, wallet: Wallet, *commands: Command) -> Receipt:
        return self.world.ask(wallet, *commands)

    def declare(self, mode: str, monitor: Wallet | None = None) -> None:
        body = {"monitor": (monitor or self.monitor).actor, "mode": mode}
        self.ask(self.hospital, ("monitor.declare/1", body))

    def open(self, *members: Wallet, days: int | None = None) -> str:
        """A thread that the clinician opens with the patient, and others."""
        thread = self.ids.next()
        self.ask(self.clinician, self.opening(thread, *members, days=days))
        return thread

    def opening(self, thread: str, *members: Wallet, days: int | None = None) -> Command:
        people = [self.clinician, self.patient, *members]
        body = {
            "thread": thread,
            "subject": self.patient.actor,
            "members": [
                {"actor": one.actor, "role": "clinician" if i else "patient"} for i, one in enumerate(people)
            ],
            "retention_days": days,
        }
        return "thread.open/1", body

    def addressees(self, *members: Wallet, monitor: Wallet | None = None) -> list[Addressee]:
        people = [self.clinician, self.patient, *members]
        named = [Addressee(one.actor, one.kem_key.public, "member") for one in people]
        return [
            *named,
            Addressee((monitor or self.monitor).actor, (monitor or self.monitor).kem_key.public, "monitor"),
        ]

    def write(
        self,
        sender: Wallet,
        thread: str,
        *,
        text: str = "How are you?",
        to: list[Addressee] | None = None,
        message: str | None = None,
        version: int = 1,
        **changes: Any,
    ) -> Letter:
        """A letter that is not sent yet."""
        content = Content(
            thread=ThreadId(thread),
            message=MessageId(message or self.ids.next()),
            version=version,
            sender=sender.actor,
            text=text,
            **changes,
        )
        return write_letter(content, self.addressees() if to is None else to)

    def put(self, sender: Wallet, letter: Letter) -> None:
        """Send the envelope, by the same desk as HTTP does."""
        thread = str(letter.body["thread"])
        grant = ThreadGrant(thread=thread, actor=sender.actor)
        self.messages.desk.take_envelope(grant, letter.path.rpartition("/")[2], letter.envelope)

    def send(self, sender: Wallet, thread: str, **options: Any) -> str:
        """Write, seal, send; returns the message's id."""
        letter = self.write(sender, thread, **options)
        self.put(sender, letter)
        self.ask(sender, letter.command)
        return str(letter.body["message"])

    def receive(self, wallet: Wallet, thread: str, *messages: str) -> Receipt:
        return self.ask(wallet, ("message.receive/1", {"thread": thread, "messages": list(messages)}))

    def read(self, wallet: Wallet, thread: str, *messages: str) -> Receipt:
        return self.ask(wallet, ("message.read/1", {"thread": thread, "messages": list(messages)}))

    def look(self, thread: str, message: str, version: int = 1) -> Receipt:
        named = [{"message": message, "version": version}]
        return self.ask(self.monitor, ("monitor.look/1", {"thread": thread, "messages": named}))

    def judge(self, thread: str, message: str, verdict: str, *, version: int = 1) -> Receipt:
        body = {"thread": thread, "message": message, "version": version, "verdict": verdict}
        codes = [] if verdict == "pass" else ["credential"]
        return self.ask(
            self.monitor, ("monitor.judge/1", {**body, "codes": codes, "rules": "sha256:" + "0" * 64})
        )

    def code_of(self, wallet: Wallet, *commands: Command) -> str:
        """The code with which a signed request is refused."""
        with pytest.raises(TelesphorError) as caught:
            self.ask(wallet, *commands)
        return caught.value.code

    def actor(self, wallet: Wallet) -> Actor:
        return Actor(wallet.actor, wallet.kind, wallet.signing_key.public.key_id)

    def shown(self, wallet: Wallet, thread: str) -> Any:
        """The thread as somebody sees it."""
        return self.messages.views.thread(self.actor(wallet), thread, before=None, rows=100)

    def told(self, thread: str) -> list[RecordedEntry]:
        """The thread's own entries."""
        return [entry for entry in self.world.entries() if entry.stream == f"thread/{thread}"]

    def attach(self, sender: Wallet, *readers: Wallet) -> ObjectId:
        """A sealed object that may be attached."""
        return ObjectId(self.world.put(sender, b"picture", readers=tuple(one.actor for one in readers)))


def about(thread: str, **body: Any) -> dict[str, Any]:
    return {"thread": thread, **body}

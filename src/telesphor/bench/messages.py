"""Messages with many people connected: from sending to the ledger's receipt, to the other's screen, and back.

Two hundred people in a hundred threads are connected, and write at the rate of a busy clinic. The compliance monitor
is declared and one of those every message is sealed to; it watches afterwards, so nobody waits for it. Beside each
figure stands the same for one message after the other, with two people connected. Start at `measure`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from telesphor.bench.child import Companion, in_child
from telesphor.bench.figures import Figure, Peer, at_most, middle, percentile
from telesphor.bench.practice import PASSPHRASE, Practice, open_practice
from telesphor.bench.run import Run
from telesphor.bench.served import serve_node
from telesphor.bench.writing import Note, Person, Times, write_all
from telesphor.capabilities.messages.content import Content
from telesphor.capabilities.messages.model import MessageId, ThreadId
from telesphor.client.letters import Addressee, write_letter
from telesphor.client.wallet import Wallet

GROUP = "messages"

PEOPLE: Final = 200
PER_SECOND = 20
"""Everybody writes every ten seconds: more than people do."""

SECONDS: Final = 30
ALONE = 20
TEXT: Final = "It hurts less since Tuesday. Shall I go on with two a day? " * 4
MILLI: Final = 1_000


class Written(NamedTuple):
    """People, and what they will write."""

    people: list[Person]
    notes: list[Note]


def measure(run: Run) -> Iterator[Figure]:
    """One after the other with two connected, then all of them."""
    run.tell("people and their messages")
    path = run.place("messages") / "node"
    with open_practice(path) as practice:
        office = Office(practice)
        pair = office.write(people=2, notes=run.count(ALONE))
        many = office.write(people=max(2, run.count(PEOPLE)), notes=run.count(PER_SECOND * SECONDS))
    run.tell(f"{len(many.people)} people who write")
    with Companion(serve_node, path, PASSPHRASE, "message") as served:
        quiet = in_child(write_all, pair.people, pair.notes, 0.0, served.ready).value
        served.ask(0, 0)
        times = in_child(write_all, many.people, many.notes, 1 / PER_SECOND, served.ready).value
        spent = served.ask(len(times), 0)
    yield from _tell(times, quiet, len(many.people), spent)


def _tell(times: Sequence[Times], quiet: Sequence[Times], people: int, spent: str) -> Iterator[Figure]:
    name = f"{people} connected, {PER_SECOND}/s"
    receipts = sorted(one.receipt * MILLI for one in times)
    peer = Peer("one alone, ms", middle(one.receipt for one in quiet) * MILLI)
    figure = f"send to receipt, {name}, p50"
    yield Figure(GROUP, figure, percentile(receipts, 50), "ms", at_most(100), peer, spent)
    yield Figure(GROUP, "p99 of that", percentile(receipts, 99), "ms")
    shown = middle(one.shown for one in times) * MILLI
    peer = Peer("one alone, ms", middle(one.shown for one in quiet) * MILLI)
    yield Figure(GROUP, "send to the other's screen, p50", shown, "ms", peer=peer)
    delivered = middle(one.delivered for one in times) * MILLI
    peer = Peer("one alone, ms", middle(one.delivered for one in quiet) * MILLI)
    yield Figure(GROUP, "send to receipt of delivery, p50", delivered, "ms", at_most(100), peer)


class Office:
    """A hospital with a compliance monitor, whose people write in pairs."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        hospital, self._monitor = practice.enrol("organisation"), practice.enrol("system")
        declared = {"monitor": self._monitor.actor, "mode": "watch"}
        practice.ask(hospital, ("monitor.declare/1", declared))

    def write(self, *, people: int, notes: int) -> Written:
        """Enrol people (an even number), open a thread for each two, and seal and sign so many notes."""
        practice = self._practice
        wallets = practice.enrol_many("person", people // 2 * 2)
        threads = [self._open(one, other) for one, other in zip(wallets[::2], wallets[1::2], strict=True)]
        persons = [
            Person(
                wallet.actor,
                thread := threads[number // 2],
                practice.sign(wallet, ("session.open/1", {})),
                practice.sign(wallet, ("thread.enter/1", {"thread": thread})),
            )
            for number, wallet in enumerate(wallets)
        ]
        # A stride that visits everybody before anybody writes again, alternating within a pair.
        numbers = [number % len(wallets) for number in range(notes)]
        return Written(persons, [self._note(wallets, threads, number) for number in numbers])

    def _open(self, one: Wallet, other: Wallet) -> str:
        thread = self._practice.node.ids.next()
        members = [{"actor": one.actor, "role": "patient"}, {"actor": other.actor, "role": "clinician"}]
        opening = {"thread": thread, "subject": one.actor, "members": members, "retention_days": None}
        self._practice.ask(one, ("thread.open/1", opening))
        return thread

    def _note(self, wallets: Sequence[Wallet], threads: Sequence[str], number: int) -> Note:
        practice, other = self._practice, number ^ 1
        sender, receiver, thread = wallets[number], wallets[other], threads[number // 2]
        message = practice.node.ids.next()
        content = Content(
            thread=ThreadId(thread), message=MessageId(message), version=1, sender=sender.actor, text=TEXT
        )
        addressees = [(sender, "member"), (receiver, "member"), (self._monitor, "monitor")]
        letter = write_letter(
            content, [Addressee(one.actor, one.kem_key.public, role) for one, role in addressees]
        )
        receiving = ("message.receive/1", {"thread": thread, "messages": [message]})
        return Note(
            sender=number,
            receiver=other,
            thread=thread,
            message=message,
            path=letter.path,
            envelope=letter.envelope,
            sending=practice.sign(sender, letter.command),
            receiving=practice.sign(receiver, receiving),
        )

"""A dishonest node: it has its own keys, signs whatever it likes with them, and asks its witnesses to go along.

It forks its ledger (two trees of one size), rewrites an entry, and rolls back. The witnesses are the running
ones; what they answer is held against the status codes of C2SP tlog-witness. Each is also given the true
checkpoint in the very same way, and must cosign it: a witness that refuses everything would prove nothing.

Start at `ask_witnesses`.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from telesphor.app import open_books
from telesphor.demo.attacks import Attack, tell
from telesphor.demo.history import History
from telesphor.demo.narration import Narrator, counted
from telesphor.demo.neighbours import Running
from telesphor.demo.stage import Stage
from telesphor.kernel.card import Role
from telesphor.kernel.checkpoint import LogSigner
from telesphor.ledger.witness.model import SIZE_MEDIA_TYPE, TEXT_MEDIA_TYPE, format_request, parse_size

ANSWER_SECONDS: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What a witness answered."""

    status: int
    media_type: str
    body: bytes

    def __str__(self) -> str:
        text = self.body.decode("utf-8", "replace").strip()
        return f"HTTP {self.status} {self.media_type.partition(';')[0]}: {text}"


@dataclass(frozen=True)
class Liar:
    """One who has the keys of the log: the true history, and the one that is told instead.

    Attributes:
        earlier: a size that the ledger had once, and that was cosigned then.
    """

    log: LogSigner
    true: History
    forked: History
    earlier: int
    time_seconds: int

    def sign(self, history: History, size: int) -> bytes:
        """A checkpoint with both signatures of the log, as good as any."""
        return self.log.sign(history.checkpoint(size), time_seconds=self.time_seconds)

    def fork(self, size: int) -> bytes:
        """A second tree of a size that was cosigned."""
        return format_request(old_size=size, proof=(), note=self.sign(self.forked, size))

    def rewrite(self, size: int) -> bytes:
        """A larger tree, in which an earlier entry is another one."""
        longer = self.forked.grown()
        proof = longer.consistency(size, size + 1)
        return format_request(old_size=size, proof=proof, note=self.sign(longer, size + 1))

    def roll_back(self, _size: int) -> bytes:
        """The ledger as it was, as if nothing had come after it."""
        return format_request(old_size=self.earlier, proof=(), note=self.sign(self.true, self.earlier))

    def shrink(self, size: int) -> bytes:
        """The ledger as it was, as what follows the tree that was cosigned last."""
        return format_request(old_size=size, proof=(), note=self.sign(self.true, self.earlier))


def ask_witnesses(
    liar: Liar, stage: Stage, neighbours: Sequence[Running], narrator: Narrator
) -> list[Attack]:
    """Try each trick on each witness; a trick is detected when all of them refuse it, as the specification says."""
    sizes = [_size_of(submit(running.url, liar.roll_back(0))) for running in neighbours]
    who = _who(neighbours)
    if any(size is None for size in sizes) or not _cosign_the_truth(stage, neighbours, sizes):
        what = "the true checkpoint is submitted to all witnesses"
        return [tell(Attack(what, False, "", "not all of them cosign it"), narrator)]
    narrator.say(f"The true checkpoint, submitted once more by hand, is cosigned by {who}. Then:")
    tricks: list[tuple[str, Callable[[int], bytes], int, str]] = [
        (
            "the node forks its ledger: a second tree of the same size, signed with its own keys",
            liar.fork,
            409,
            TEXT_MEDIA_TYPE,
        ),
        (
            "the node rewrites an entry: a larger tree, in which an earlier entry is another one",
            liar.rewrite,
            422,
            TEXT_MEDIA_TYPE,
        ),
        (
            f"the node rolls back to {liar.earlier} entries, as if nothing had come after them",
            liar.roll_back,
            409,
            SIZE_MEDIA_TYPE,
        ),
        (
            f"the node rolls back to {liar.earlier} entries, as what follows the last checkpoint",
            liar.shrink,
            400,
            TEXT_MEDIA_TYPE,
        ),
    ]
    attacks = []
    for what, make, status, media_type in tricks:
        answers = [
            submit(running.url, make(size or 0)) for running, size in zip(neighbours, sizes, strict=True)
        ]
        attacks.append(tell(judge(what, answers, status=status, media_type=media_type, who=who), narrator))
    return attacks


def judge(what: str, answers: Sequence[Answer], *, status: int, media_type: str, who: str) -> Attack:
    """Detected when every answer has this status and this form."""
    kind = media_type.partition(";")[0]
    refused = [
        answer.status == status and answer.media_type.partition(";")[0] == kind and bool(answer.body.strip())
        for answer in answers
    ]
    said = " / ".join(sorted({str(answer) for answer in answers}))
    return Attack(what, bool(answers) and all(refused), f"http-{status}", f"{who}: {said}")


def submit(url: str, body: bytes) -> Answer:
    """`POST add-checkpoint`, whatever comes back."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", "/add-checkpoint", body, {"content-type": TEXT_MEDIA_TYPE})
        response = connection.getresponse()
        return Answer(
            response.status, response.headers.get("content-type", ""), response.read(ANSWER_BYTES_MAX)
        )
    finally:
        connection.close()


def _size_of(answer: Answer) -> int | None:
    is_size = answer.status == 409 and answer.media_type.partition(";")[0] == SIZE_MEDIA_TYPE
    return parse_size(answer.body) if is_size else None


def _cosign_the_truth(stage: Stage, neighbours: Sequence[Running], sizes: Sequence[int | None]) -> bool:
    """Whether each cosigns once more what it cosigned last."""
    with open_books(stage.node.path) as books:
        notes = [books.cosignatures.note(size or 0) for size in sizes]
    bodies = [
        format_request(old_size=size or 0, proof=(), note=note)
        for size, note in zip(sizes, notes, strict=True)
    ]
    answers = [submit(running.url, body) for running, body in zip(neighbours, bodies, strict=True)]
    return all(answer.status == 200 for answer in answers)


def _who(neighbours: Sequence[Running]) -> str:
    roles = [running.neighbour.role for running in neighbours]
    witnesses, notaries = roles.count(Role.WITNESS), roles.count(Role.NOTARY)
    return f"{counted(witnesses, 'witness', 'witnesses')} and {counted(notaries, 'notary', 'notaries')}"

"""Keys that are lost and recovered, told into a story of `tests.unit.verify.builder`, honestly or not.

`Loss` is about the story's clinician, who names three guardians of which two suffice, a recovery pair, and a
minute to wait. Each method writes one request and its entry; what an attacker changes are its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from telesphor.kernel import canonical
from telesphor.kernel.digest import Digest
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import SigningKey
from tests.unit.verify.builder import KEM, Actor, Draft, Story, signing_key
from tests.unit.verify.once import sign_once

WAIT_SECONDS = 60
NEW = signing_key("clinician's recovered")
RECOVERY = signing_key("clinician's recovery")


class Loss:
    """The clinician's guardians and what becomes of its keys; `story` goes on as before."""

    def __init__(self, story: Story | None = None, *, plan: bool = True) -> None:
        self.story = story or Story.told(until="close")
        world = self.world = self.story.world
        self.who = self.story.clinician
        self.stream = stream_of("actor", self.who.id)
        self.guardians = [world.actor(f"guardian {n}", "person") for n in range(3)]
        for guardian in self.guardians:
            world.register(self.story.clinic, guardian)
        if plan:
            self.set()

    def settings(self, **changes: Any) -> dict[str, Any]:
        return {
            "guardians": [guardian.id for guardian in self.guardians],
            "threshold": 2,
            "recovery": RECOVERY.public.jwks(),
            "wait_seconds": WAIT_SECONDS,
        } | changes

    def set(self, by: Actor | None = None, **changes: Any) -> Digest:
        body = self.settings(**changes)
        return self._tell(by or self.who, "actor.set-recovery/1", body, "actor.recovery-set/1", body)

    def report(self, by: Actor, reason: str = "stolen") -> Digest:
        asked = {"id": self.who.id, "reason": reason}
        return self._tell(by, "actor.report-lost/1", asked, "actor.suspended/1", {"reason": reason})

    def begin(
        self,
        by: Actor,
        *,
        statement: Any = None,
        new: SigningKey = NEW,
        card: Any = None,
        said: Any = None,
        stated: bool | None = None,
    ) -> Digest:
        keys = {"keys": new.public.jwks(), "kem": KEM}
        card = card or self.world.card(self.who, key=new)
        asked = {"id": self.who.id, **keys, "card": card, "statement": statement}
        says = {**(said or keys), "stated": statement is not None if stated is None else stated}
        return self._tell(by, "actor.begin-recovery/1", asked, "actor.recovery-begun/1", says)

    def statement(self, *, key: SigningKey = RECOVERY, new: SigningKey = NEW, **changes: Any) -> Any:
        payload = {
            "format": "telesphor-recovery/1",
            "id": self.who.id,
            "keys": list(key.public.thumbprints()),
            "jwks": key.public.jwks(),
            "new": list(new.public.thumbprints()),
            "kem": KEM,
            "node": self.world.origin,
        }
        return canonical.decode(sign_once(payload | changes, key), limit=100_000)

    def approve(self, by: Actor, *, new: SigningKey = NEW) -> Digest:
        keys = list(new.public.thumbprints())
        asked = {"id": self.who.id, "keys": keys}
        return self._tell(by, "actor.approve-recovery/1", asked, "actor.recovery-approved/1", {"keys": keys})

    def agree(self) -> None:
        """One guardian begins and another approves: as many as it takes."""
        self.begin(self.guardians[0])
        self.approve(self.guardians[1])

    def cancel(self, by: Actor | None = None) -> Digest:
        return self._tell(by or self.who, "actor.cancel-recovery/1", {}, "actor.recovery-cancelled/1", {})

    def wait(self, seconds: int = WAIT_SECONDS) -> None:
        self.world.clock.advance_ms(seconds * 1000)

    def recover(self, by: Actor | None = None, *, new: SigningKey = NEW, said: Any = None) -> Digest:
        keys = {"keys": new.public.jwks(), "kem": KEM}
        asked = {"id": self.who.id, "keys": list(new.public.thumbprints())}
        evidence = self._tell(
            by or self.story.clinic, "actor.recover/1", asked, "actor.recovered/1", said or keys
        )
        self.who.key = new
        return evidence

    def told(self, *, approvals: Iterable[int] = (1,)) -> Story:
        """Reported by a guardian, begun by the first, approved by others, waited for, recovered."""
        self.report(self.guardians[2])
        self.begin(self.guardians[0])
        for index in approvals:
            self.approve(self.guardians[index])
        self.wait()
        self.recover()
        return self.story

    def closed(self) -> bytes:
        """The bundle of the visit, closed by the clinician with whatever keys it has by now."""
        self.story.close()
        return self.story.bundle()

    def _tell(
        self, by: Actor, command: str, asked: dict[str, Any], type: str, says: dict[str, Any]
    ) -> Digest:
        return self.world.act(by, [(command, asked)], Draft(type, self.stream, says))

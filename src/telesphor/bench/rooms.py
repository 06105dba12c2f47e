"""Visits at the node: from the link to the picture with many at once, a recording's upload, and the first page's size.

What a node does for a picture is admission and signalling; the picture itself goes from browser to browser. So the
figure says how long the node's part takes when twenty visits begin in the same moment, and beside it what it takes
when one begins alone. Start at `measure`; the people are played by `meeting`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from telesphor.bench.child import Companion, in_child
from telesphor.bench.figures import Figure, Peer, at_most, middle, percentile
from telesphor.bench.firstpage import script_bytes
from telesphor.bench.meeting import Meeting, Visit, meet_all, meet_in_turn
from telesphor.bench.practice import PASSPHRASE, Practice, open_practice
from telesphor.bench.recording import WALLET, measure_upload
from telesphor.bench.run import Run
from telesphor.bench.served import serve_node
from telesphor.client.requests import Command, register_command
from telesphor.client.wallet import Wallet, save_wallet
from telesphor.kernel import base64url
from telesphor.kernel.clock import format_instant
from telesphor.kernel.digest import Digest, digest_of
from telesphor.runtime.web import WEB_FOLDER

GROUP = "rooms"
KIB = 1024

VISITS_AT_ONCE: Final = 20
ROUNDS = 3
ALONE = 5
CODE_BYTES: Final = 32
CONSENT: Final = "A visit by video."
SOON_MS: Final = 600_000
HOUR_MS: Final = 3_600_000
OPENING: Final[Command] = ("session.open/1", {})
TESTED: Final = {"camera": "ok", "microphone": "ok", "speaker": "ok", "network": "good"}


def measure(run: Run) -> Iterator[Figure]:
    """Visits, then recordings, then the page."""
    many, alone = run.count(VISITS_AT_ONCE), run.count(ALONE)
    run.tell(f"visits: {many} at once")
    place = run.place("rooms")
    with open_practice(place / "node") as practice:
        house = House(practice)
        rounds = [[house.prepare() for _ in range(many)] for _ in range(ROUNDS)]
        single = [house.prepare() for _ in range(alone)]
        save_wallet(practice.enrol("person"), place / WALLET, passphrase=PASSPHRASE)
    with Companion(serve_node, place / "node", PASSPHRASE, "visit") as served:
        quiet = in_child(meet_in_turn, single, served.ready).value
        served.ask(0, 0)
        met = [meeting for visits in rounds for meeting in in_child(meet_all, visits, served.ready).value]
        spent = served.ask(len(met), 0)
        yield from _tell(met, quiet, many, spent)
        yield measure_upload(run, GROUP, place=place, port=served.ready)
    yield from _measure_page(run)


def _measure_page(run: Run) -> Iterator[Figure]:
    size = script_bytes(WEB_FOLDER)
    if size is None:
        run.tell("the web app is not built: its size is left out")
    else:
        yield Figure(GROUP, "first page, compressed script", size / KIB, "KiB", at_most(300))


def _tell(met: list[Meeting], quiet: list[Meeting], many: int, spent: str) -> Iterator[Figure]:
    taken = sorted(meeting.connected for meeting in met)
    peer = Peer("one visit alone, s", middle(meeting.connected for meeting in quiet))
    name = f"link to picture, the node's part, {many} visits at once"
    yield Figure(GROUP, f"{name}, p95", percentile(taken, 95), "s", at_most(15), peer, spent)
    admitted = middle(meeting.admitted for meeting in met)
    alone = Peer("one visit alone, s", middle(meeting.admitted for meeting in quiet))
    yield Figure(GROUP, "link to admitted, median of them", admitted, "s", peer=alone)
    signalled = middle(meeting.connected - meeting.admitted for meeting in met)
    alone = Peer("one visit alone, s", middle(meeting.connected - meeting.admitted for meeting in quiet))
    yield Figure(GROUP, "admitted to connected, median of them", signalled, "s", peer=alone)


class House:
    """A hospital that invites new patients to its clinicians."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self._hospital = hospital = practice.enrol("organisation")
        self._text: Digest = digest_of(CONSENT.encode())
        text = {"kind": "visit", "language": "en", "text": CONSENT, "digest": self._text}
        practice.ask(hospital, ("consent.set-text/1", text))

    def prepare(self) -> Visit:
        """Schedule a visit of somebody new with a clinician of its own; all further requests are signed already."""
        practice, ids = self._practice, self._practice.node.ids
        clinician, made = practice.enrol("person"), Wallet.create(kind="person", ids=ids)
        code, visit, invitation = ids.random_bytes(CODE_BYTES), ids.next(), ids.next()
        self._invite(clinician, visit, made.actor, invitation, digest_of(code))
        _, registration = register_command(made, node=practice.node.settings.origin)
        named = {"visit": visit}
        consent = {**named, "consent": "visit", "text": self._text, "language": "en"}
        arriving = (("visit.check-in/1", {**named, **TESTED}), ("visit.wait/1", named))
        admitting = (
            ("visit.begin/1", named),
            ("visit.admit/1", {**named, "participant": made.actor}),
        )
        return Visit(
            visit=visit,
            patient=made.actor,
            clinician=clinician.actor,
            invitation=invitation,
            code=base64url.encode(code),
            registration=msgspec.to_builtins(registration),
            patient_opening=practice.sign(made, OPENING),
            consenting=practice.sign(made, ("visit.give-consent/1", consent)),
            waiting=practice.sign(made, *arriving),
            clinician_opening=practice.sign(clinician, OPENING),
            admitting=practice.sign(clinician, *admitting),
        )

    def _invite(self, clinician: Wallet, visit: str, patient: str, invitation: str, code: Digest) -> None:
        scheduled: dict[str, Any] = {
            "visit": visit,
            "patient": patient,
            "clinician": clinician.actor,
            "devices": [],
        }
        scheduled |= {"starts_at": self._ahead(SOON_MS), "minutes": 15}
        made = {"invitation": invitation, "actor": patient, "kind": "person", "code": code, "visit": visit}
        seat = {"visit": visit, "participant": patient, "role": "patient", "invitation": invitation}
        self._practice.ask(
            self._hospital,
            ("visit.schedule/1", scheduled),
            ("invitation.make/1", {**made, "expires_at": self._ahead(HOUR_MS)}),
            ("visit.invite/1", seat),
        )

    def _ahead(self, milliseconds: int) -> str:
        return format_instant(self._practice.node.clock.now_ms() + milliseconds)

"""The clinic that one plays oneself, played by clients as tabs would: from the links to the proof of the visit."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest

from telesphor.app import build_checking_registry, open_for_proofs
from telesphor.client.errors import ClientRefused
from telesphor.client.http import Http, read_bounded
from telesphor.client.issuing import IssuerClient
from telesphor.client.node import NodeClient
from telesphor.client.requests import register_command
from telesphor.client.wallet import Wallet
from telesphor.demo.heart import RecordingsMissing, load_recordings
from telesphor.demo.play.cast import Part, Round
from telesphor.demo.play.door import ROUNDS_MAX, Board, RoundsFull
from telesphor.demo.records import ExamplesMissing, load_records
from telesphor.demo.stage import ORIGIN
from telesphor.kernel import canonical
from telesphor.kernel.clock import SystemClock
from telesphor.kernel.ids import IdSource
from telesphor.ledger.replay import check_state
from telesphor.runtime.folder import NodeFolder
from telesphor.verify.check_bundle import verify_bundle

SOURCES = Path(__file__).resolve().parents[2] / "src"
COMMAND = [sys.executable, "-c", "from telesphor.cli import main; main()", "demo"]
WAIT_SECONDS = 60.0
LOOK_SECONDS = 0.05
ANSWER_BYTES_MAX = 4 * 1024 * 1024
JSON = {"Content-Type": "application/json"}
IDS = IdSource(SystemClock())


class Player(NamedTuple):
    """Somebody who came by a link: a client, and the headers of the tab's session."""

    client: IssuerClient
    url: str
    headers: dict[str, str]

    @property
    def actor(self) -> str:
        return self.client.wallet.actor

    async def view(self, path: str) -> Any:
        async with Http(self.url) as http:
            return json.loads(await http.fetch("GET", path, headers=self.headers, limit=ANSWER_BYTES_MAX))

    async def step(self, visit: str, *steps: tuple[str, dict[str, Any]]) -> Any:
        return await self.client.send(
            *((f"visit.{step}/1", {"visit": visit, **body}) for step, body in steps)
        )

    async def consent(self, visit: str, kind: str) -> None:
        texts = (await self.view("/v1/app/consent-texts?language=es"))["texts"]
        (text,) = (one for one in texts if one["kind"] == kind)
        body = {"consent": kind, "text": text["digest"], "language": text["language"]}
        await self.step(visit, ("give-consent", body))


class Clinic(NamedTuple):
    """The demonstration as it runs, and what it printed."""

    process: subprocess.Popen[str]
    folder: Path
    told: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.told["url"])

    @property
    def key(self) -> dict[str, str]:
        return {"Telesphor-Demo": self.told["key"]}

    async def ask(self, method: str, path: str) -> bytes:
        async with Http(self.url) as http:
            return await http.fetch(method, path, headers=self.key)

    async def shown(self) -> dict[str, Any]:
        """The newest round, as the page has it."""
        newest: dict[str, Any] = json.loads(await self.ask("GET", "/v1/demo"))["rounds"][0]
        return newest

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What the page shows, once that holds."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not holds(shown := await self.shown()):
                await asyncio.sleep(LOOK_SECONDS)
        assert shown["fault"] == ""
        return shown

    async def join(self, part: Part, stack: AsyncExitStack) -> Player:
        """Take the link that the page shows, as the app does."""
        (mine,) = (one for one in (await self.shown())["people"] if one["part"] == part)
        _, place, invitation, code = mine["link"].split("/")
        assert place == "join"
        made = Wallet.create(kind="person", ids=IDS)
        wallet = Wallet(mine["actor"], "person", made.signing_key, made.kem_key)
        body = {"code": code, "registration": register_command(wallet, node=ORIGIN)[1]}
        async with Http(self.url) as http:
            path = f"/v1/invitations/{invitation}/redeem"
            await http.fetch("POST", path, body=canonical.encode(body), headers=JSON)
        client = await stack.enter_async_context(IssuerClient(self.url, wallet, origin=ORIGIN, ids=IDS))
        return Player(client, self.url, await _session(client, self.url))

    def readings(self, visit: str) -> list[str]:
        """The objects of the readings that were recorded in a visit."""
        with open_for_proofs(self.folder / "node") as (reader, *_):
            (opened,) = (one for one in reader.stream(f"visit/{visit}") if one.type == "visit.opened/1")
            found = reader.stream(f"readings/{opened.body.devices[0]}")
        return [one.body.object for one in found if one.body.visit == visit]


async def _session(client: NodeClient, url: str) -> dict[str, str]:
    ticket = (await client.send(("session.open/1", {}))).results[0]["ticket"]
    opening = {"Authorization": f"Bearer {ticket}"}
    async with Http(url) as http, http.open("POST", "/v1/session", headers=opening) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        session = json.loads(await read_bounded(answer, limit=ANSWER_BYTES_MAX))["session"]
    return {"Telesphor-Session": session, "Cookie": cookie}


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    try:
        load_records(), load_recordings()
    except (ExamplesMissing, RecordingsMissing) as missing:
        pytest.skip(f"{missing.message}; {missing.hint}")
    folder = tmp_path_factory.mktemp("play") / "out"
    words = [*COMMAND, "--play-only", "--json", "--out", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with (folder.parent / "said").open("w") as said:
        process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=said, text=True)
    assert process.stdout is not None
    try:
        text = "".join(_document(process.stdout))
        assert text, (folder.parent / "said").read_text()
        yield Clinic(process, folder, json.loads(text))
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)
        process.stdout.close()


def _document(stream: IO[str]) -> Iterator[str]:
    """The lines of the one JSON document that is printed; the stream stays open behind it."""
    for line in stream:
        yield line
        if line == "}\n":
            return


def test_visit_is_played_from_the_links_to_its_proof_and_again_with_others(clinic: Clinic) -> None:
    async def play() -> None:
        async with AsyncExitStack() as stack:
            await _play_clinician_first(clinic, stack)
            await clinic.ask("POST", "/v1/demo/rounds")
            await clinic.until(lambda shown: shown["number"] == 2)
            await _play_patient_first(clinic, stack)

    asyncio.run(play())


async def _play_clinician_first(clinic: Clinic, stack: AsyncExitStack) -> None:
    clinician = await clinic.join(Part.CLINICIAN, stack)
    visit = (await clinic.until(lambda shown: shown["visit"] is not None))["visit"]
    patient = await clinic.join(Part.PATIENT, stack)
    await clinic.until(lambda shown: "history" in shown["ready"] or shown["fault"])
    await _read_along(patient)
    await _look_around(patient, clinician, visit)
    await _host(patient, clinician)
    await _meet(clinic, patient, clinician, visit)
    await _audit(clinic, await clinic.join(Part.AUDITOR, stack))
    await _administer(clinic, await clinic.join(Part.ADMINISTRATOR, stack))


async def _play_patient_first(clinic: Clinic, stack: AsyncExitStack) -> None:
    patient = await clinic.join(Part.PATIENT, stack)
    await clinic.until(lambda shown: "messages" in shown["ready"])
    assert (await patient.view("/v1/app/visits?which=upcoming"))["visits"] == []
    clinician = await clinic.join(Part.CLINICIAN, stack)
    visit = (await clinic.until(lambda shown: shown["visit"] is not None))["visit"]
    for player in (patient, clinician):
        assert (await player.view(f"/v1/app/visits/{visit}"))["visit"]["phase"] == "scheduled"
    async with asyncio.timeout(WAIT_SECONDS):
        while not (await clinician.view("/v1/app/threads"))["threads"]:
            await asyncio.sleep(0.05)


async def _read_along(patient: Player) -> None:
    """The first message is there once the monitor, a process of its own, has judged it."""
    async with asyncio.timeout(WAIT_SECONDS):
        while [one["unread"] for one in (await patient.view("/v1/app/threads"))["threads"]] != [1]:
            await asyncio.sleep(LOOK_SECONDS)


async def _look_around(patient: Player, clinician: Player, visit: str) -> None:
    """What a newcomer finds: visits, a message, names, a record that the care team reads."""
    (upcoming,) = (await patient.view("/v1/app/visits?which=upcoming"))["visits"]
    assert (upcoming["visit"], upcoming["phase"]) == (visit, "scheduled")
    assert {seat["name"] for seat in upcoming["seats"]} == {"Dr. Adaeze Osei", "Peter Chalmers"}
    (past,) = (await patient.view("/v1/app/visits?which=past"))["visits"]
    assert (past["outcome"], {one["role"] for one in past["objects"]}) == ("completed", {"note", "summary"})
    assert verify_bundle(await patient.client.export_bundle(past["visit"])).verdict == "pass"
    for player in (patient, clinician):
        (thread,) = (await player.view("/v1/app/threads"))["threads"]
        assert len(thread["members"]) == 3
    assert (await clinician.view("/v1/session"))["roles"] == ["clinician"]
    assert len((await clinician.view("/v1/app/visits?which=upcoming"))["visits"]) == 2
    held = (await clinician.view("/v1/app/my/tokens?which=held"))["tokens"]
    assert [token["purposes"] for token in held] == [["treatment"]]
    record = held[0]["things"][0].removeprefix("object/")
    assert (await clinician.client.read_object(record, purpose="treatment")).startswith(b"{")


async def _host(patient: Player, clinician: Player) -> None:
    """By the clinic's rule a patient cannot make itself the clinician of a visit; whoever has the role can."""
    parties = {"patient": clinician.actor, "clinician": patient.actor, "devices": []}
    with pytest.raises(ClientRefused) as refused:
        await patient.client.send(("visit.open/1", {"visit": IDS.next(), **parties}))
    assert refused.value.code == "access-denied"
    parties = {"patient": patient.actor, "clinician": clinician.actor, "devices": []}
    await clinician.client.send(("visit.open/1", {"visit": IDS.next(), **parties}))


async def _meet(clinic: Clinic, patient: Player, clinician: Player, visit: str) -> None:
    """The visit itself: readings come while it is under way, and only then."""
    tested = {"camera": "ok", "microphone": "ok", "speaker": "ok", "network": "good"}
    await patient.consent(visit, "visit")
    await patient.step(visit, ("check-in", tested), ("wait", {}))
    assert await asyncio.to_thread(clinic.readings, visit) == []
    await clinician.step(visit, ("begin", {}), ("admit", {"participant": patient.actor}))
    async with asyncio.timeout(WAIT_SECONDS):
        while not (readings := await asyncio.to_thread(clinic.readings, visit)):
            await asyncio.sleep(0.1)
    observed = json.loads(await clinician.client.read_object(readings[0], purpose="treatment", visit=visit))
    assert observed["valueQuantity"]["value"] > 0
    await clinician.step(visit, ("end", {"outcome": "completed"}), ("close", {}))
    assert verify_bundle(await patient.client.export_bundle(visit)).verdict == "pass"


async def _audit(clinic: Clinic, auditor: Player) -> None:
    """The auditor sees the emergency that nobody has judged."""
    watch = IDS.next()
    body = {"watch": watch, "scope": "log", "subject": None, "minutes": 5, "live": False}
    await auditor.client.send(("audit.watch/1", body))
    found = await auditor.view(f"/v1/app/audit/search?watch={watch}&purpose=emergency&outcome=allow")
    assert {row["action"] for row in found["rows"]} == {"break-glass", "read"}


async def _administer(clinic: Clinic, administrator: Player) -> None:
    watch = IDS.next()
    body = {"watch": watch, "scope": "administration", "subject": None, "minutes": 5, "live": False}
    await administrator.client.send(("audit.watch/1", body))
    people = (await administrator.view(f"/v1/app/admin/people?watch={watch}"))["people"]
    assert len(people) >= 8


@pytest.mark.parametrize("headers", [{}, {"Telesphor-Demo": "another"}], ids=["without-key", "wrong-key"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/demo"), ("POST", "/v1/demo/rounds")])
def test_links_are_for_whoever_has_the_address_that_was_printed(
    clinic: Clinic, method: str, path: str, headers: dict[str, str]
) -> None:
    async def ask() -> None:
        async with Http(clinic.url) as http:
            await http.fetch(method, path, headers=headers)

    with pytest.raises(ClientRefused) as refused:
        asyncio.run(ask())
    assert (refused.value.code, refused.value.status) == ("demo-key-refused", 403)


def test_what_is_printed_are_the_links_of_the_first_round(clinic: Clinic) -> None:
    first = json.loads(asyncio.run(clinic.ask("GET", "/v1/demo")))["rounds"][-1]
    assert clinic.told["page"] == f"{clinic.url}/#/demo/{clinic.told['key']}"
    assert set(clinic.told["links"]) == {one["part"] for one in first["people"]} == set(Part)
    auditor = next(one["link"] for one in first["people"] if one["part"] == Part.AUDITOR)
    assert clinic.told["links"][Part.AUDITOR] == f"{clinic.url}/#{auditor}"


def test_it_ends_in_order_and_its_tables_are_the_fold_of_all_that_happened(
    clinic: Clinic, tmp_path: Path
) -> None:
    clinic.process.terminate()
    assert clinic.process.wait(WAIT_SECONDS) == 0
    node = NodeFolder(clinic.folder / "node")
    assert not node.address.exists()
    assert check_state(node.ledger, tmp_path / "scratch.sqlite", build_checking_registry())


def test_two_who_ask_at_the_same_moment_are_promised_two_rounds() -> None:
    board, woken = Board("A clinic", "a key"), []
    board.on_ask(lambda: woken.append("once"))
    board.show(Round(1, ()))
    assert (board.ask(), board.ask(), len(woken)) == (2, 3, 2)
    board.show(Round(2, ()))
    assert board.read().preparing
    board.give_up()
    assert not board.read().preparing


def test_round_too_many_is_refused() -> None:
    board = Board("A clinic", "a key")
    board.show(Round(1, ()))
    for number in range(2, ROUNDS_MAX + 1):
        assert board.ask() == number
        board.show(Round(number, ()))
        assert not board.read().preparing
    with pytest.raises(RoundsFull):
        board.ask()

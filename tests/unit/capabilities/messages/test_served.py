"""Messages at a whole node over HTTP: sent, watched by the monitor's own process, received, exported, verified."""

from __future__ import annotations

import asyncio
import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from telesphor.app import create_node, open_node
from telesphor.capabilities.messages.content import AttachedFile, Content
from telesphor.capabilities.messages.model import MessageId, ThreadId
from telesphor.capabilities.messages.monitor.scanner import shipped
from telesphor.client.errors import ClientRefused
from telesphor.client.letters import Addressee, Letter, open_letter, write_letter
from telesphor.client.monitoring import Monitor
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet
from telesphor.kernel.chunked import CHUNK
from telesphor.kernel.digest import digest_of
from telesphor.kernel.sealing import seal_envelope
from telesphor.runtime.serving import serving
from telesphor.vault.objects import PART_PLAINTEXT, part_path
from telesphor.verify.check_bundle import verify_bundle
from tests.support.everything import ORIGIN, Story
from tests.unit.capabilities.messages.monitor.test_pdf import make_pdf

BYTES_MAX = 8 * 1024 * 1024


class Clinic:
    """A served node with the usual cast; its system is the compliance monitor."""

    def __init__(self, story: Story, url: str) -> None:
        self.story, self.url = story, url
        self.monitor = story.system
        self.declare("screen")

    def declare(self, mode: str) -> None:
        body = {"monitor": self.monitor.actor, "mode": mode}
        self.story.ask(self.story.hospital, ("monitor.declare/1", body))

    def open(self) -> str:
        thread = self.story.ids.next()
        people = [(self.story.patient, "patient"), (self.story.clinician, "clinician")]
        members = [{"actor": one.actor, "role": role} for one, role in people]
        body = {
            "thread": thread,
            "subject": self.story.patient.actor,
            "members": members,
            "retention_days": None,
        }
        self.story.ask(self.story.patient, ("thread.open/1", body))
        return thread

    async def attach(
        self, data: bytes, *, name: str, media_type: str, begun_as: str | None = None
    ) -> AttachedFile:
        """An object of the patient that everybody may read; `begun_as` is what the vault is told that it is."""
        readers = [one.actor for one in (self.story.clinician, self.monitor)]
        async with self.client(self.story.patient) as client:
            sealed = await client.put_object(
                io.BytesIO(data), media_type=begun_as or media_type, readers=readers
            )
        return AttachedFile(object=sealed.object, name=name, media_type=media_type, size=len(data))

    async def send_file(self, thread: str, data: bytes, **said: Any) -> Letter:
        """A message with one file, judged."""
        letter = self.letter(thread, "See the file.", files=(await self.attach(data, **said),))
        await self.send(letter)
        await self.judge()
        return letter

    def reads_of(self, file: str) -> list[str]:
        """Who read an object, by its own stream."""
        reader = self.story.node.reader()
        try:
            return [entry.actor for entry in reader.stream(f"object/{file}") if entry.type == "object.read/1"]
        finally:
            reader.close()

    def letter(self, thread: str, text: str, files: tuple[AttachedFile, ...] = ()) -> Letter:
        content = Content(
            thread=ThreadId(thread),
            message=MessageId(self.story.ids.next()),
            version=1,
            sender=self.story.patient.actor,
            text=text,
            attachments=files,
        )
        return write_letter(content, self.addressees())

    def addressees(self) -> list[Addressee]:
        people = [(one, "member") for one in (self.story.patient, self.story.clinician)]
        return [
            Addressee(one.actor, one.kem_key.public, role)
            for one, role in [*people, (self.monitor, "monitor")]
        ]

    def client(self, wallet: Wallet) -> NodeClient:
        return NodeClient(self.url, wallet, origin=ORIGIN)

    async def send(self, letter: Letter) -> str:
        async with self.client(self.story.patient) as client:
            ticket = await self.enter(client, letter)
            await client.put(letter.path, letter.envelope, ticket=ticket)
            receipt = await client.send(letter.command)
            return str(receipt.results[0]["state"])

    async def enter(self, client: NodeClient, letter: Letter) -> str:
        receipt = await client.send(("thread.enter/1", {"thread": letter.body["thread"]}))
        return str(receipt.results[0]["ticket"])

    async def judge(self, **options: Any) -> int:
        async with self.client(self.monitor) as client:
            monitor = Monitor(client, domains=["node.example"], seconds=time.monotonic, **options)
            return await monitor.run_once()

    async def receive(self, letter: Letter) -> str:
        """What the clinician reads."""
        body = letter.body
        thread, message = str(body["thread"]), str(body["message"])
        async with self.client(self.story.clinician) as client:
            receipt = await client.send(("message.receive/1", {"thread": thread, "messages": [message]}))
            path = f"/v1/threads/{thread}/messages/{message}/1"
            data = await client.fetch(path, ticket=str(receipt.results[0]["ticket"]), limit=BYTES_MAX)
        sender = self.story.patient.actor
        key = self.story.clinician.kem_key
        return open_letter(data, key=key, thread=thread, message=message, version=1, sender=sender).text

    def verdict_of(self, letter: Letter) -> tuple[str, tuple[str, ...]]:
        """What the ledger says that the monitor found."""
        reader = self.story.node.reader()
        try:
            entries = list(reader.entries(first=0, end=reader.size()))
        finally:
            reader.close()
        judged = [entry.body for entry in entries if entry.type == "monitor.judged/1"]
        (found,) = [body for body in judged if body.message == letter.body["message"]]
        return found.verdict, found.codes


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    path: Path = tmp_path_factory.mktemp("clinic") / "node"
    create_node(path, origin=ORIGIN, passphrase=b"passphrase")
    with ExitStack() as stack:
        node = stack.enter_context(open_node(path, passphrase=b"passphrase"))
        url = stack.enter_context(serving(node.edge()))
        yield Clinic(Story(node), url)


async def test_message_goes_out_once_the_monitor_has_passed_it(clinic: Clinic) -> None:
    letter = clinic.letter(clinic.open(), "The dose helps; I slept well.")
    assert await clinic.send(letter) == "screening"
    with pytest.raises(ClientRefused, match="has not gone out"):
        await clinic.receive(letter)
    assert await clinic.judge() == 1
    assert await clinic.receive(letter) == "The dose helps; I slept well."
    assert clinic.verdict_of(letter) == ("pass", ())


async def test_message_with_a_password_is_held(clinic: Clinic, capfd: pytest.CaptureFixture[str]) -> None:
    letter = clinic.letter(clinic.open(), "My password is Winter2026! by the way.")
    await clinic.send(letter)
    await clinic.judge()
    assert clinic.verdict_of(letter) == ("hold", ("credential",))
    with pytest.raises(ClientRefused, match="has not gone out"):
        await clinic.receive(letter)
    said = "".join(capfd.readouterr())
    assert "Winter" not in said, "content never reaches a log"


async def test_message_that_shows_the_monitor_nothing_is_held(clinic: Clinic) -> None:
    """The monitor's part of the envelope opens, and what is inside is another message than the header says."""
    thread = clinic.open()
    honest = clinic.letter(thread, "Fine.")
    message = str(honest.body["message"])
    to = [(one.key, one.role) for one in clinic.addressees()]
    envelope = seal_envelope(b"{}", recipients=to, purpose="message", object=f"{message}/1")
    digest = digest_of(envelope)
    body = {**honest.body, "envelope": digest, "size": len(envelope)}
    path = f"/v1/threads/{thread}/envelopes/{digest.removeprefix('sha256:')}"
    letter = Letter(envelope, path, honest.kind, body)
    await clinic.send(letter)
    await clinic.judge()
    assert clinic.verdict_of(letter) == ("hold", ("not-as-sealed",))


async def test_message_whose_envelope_is_lost_is_held_and_not_looked_at_for_ever(clinic: Clinic) -> None:
    thread = clinic.open()
    letter = clinic.letter(thread, "Gone.")
    await clinic.send(letter)
    clinic.story.node.desks.messages.shelf.destroy(thread, [letter.body["envelope"]])
    assert await clinic.judge() == 1
    assert clinic.verdict_of(letter) == ("hold", ("not-as-sealed",))
    assert await clinic.judge() == 0


async def test_each_look_of_the_monitor_is_an_entry_before_its_verdict(clinic: Clinic) -> None:
    thread = clinic.open()
    letters = [clinic.letter(thread, f"Day {day}: better.") for day in range(3)]
    for letter in letters:
        await clinic.send(letter)
    assert await clinic.judge() == 3
    reader = clinic.story.node.reader()
    types = [entry.type for entry in reader.stream(f"thread/{thread}")]
    reader.close()
    assert types[-4:] == ["monitor.looked/1", *["monitor.judged/1"] * 3]


async def test_monitor_runs_until_it_is_told_to_stop(clinic: Clinic) -> None:
    letter = clinic.letter(clinic.open(), "See you on Monday.")
    stop = asyncio.Event()
    async with clinic.client(clinic.monitor) as client:
        monitor = Monitor(client, domains=["node.example"], seconds=time.monotonic)
        running = asyncio.create_task(monitor.run(stop))
        await clinic.send(letter)
        async with asyncio.timeout(10):
            while not await _judged(clinic, letter):
                await asyncio.sleep(0.05)
        stop.set()
        await running


async def _judged(clinic: Clinic, letter: Letter) -> bool:
    try:
        return await asyncio.to_thread(clinic.verdict_of, letter) == ("pass", ())
    except ValueError:
        return False


async def test_envelope_is_not_taken_with_a_ticket_of_another_thread(clinic: Clinic) -> None:
    letter, other = clinic.letter(clinic.open(), "a"), clinic.letter(clinic.open(), "b")
    async with clinic.client(clinic.story.patient) as client:
        ticket = await clinic.enter(client, other)
        with pytest.raises(ClientRefused) as caught:
            await client.put(letter.path, letter.envelope, ticket=ticket)
    assert caught.value.code == "ticket-refused"


async def test_export_holds_own_envelopes_and_a_proof_that_verifies(clinic: Clinic) -> None:
    thread = clinic.open()
    letter = clinic.letter(thread, "Keep this.")
    await clinic.send(letter)
    await clinic.judge()
    async with clinic.client(clinic.story.patient) as client:
        ticket = (await client.send(("thread.export/1", {"thread": thread}))).results[0]
        data = await client.fetch(str(ticket["path"]), ticket=str(ticket["ticket"]), limit=BYTES_MAX)
        with pytest.raises(ClientRefused) as caught:
            await client.fetch(str(ticket["path"]), ticket="0" * 43, limit=BYTES_MAX)
    assert caught.value.code == "ticket-refused"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        report = verify_bundle(archive.read("proof.zip"))
        page = archive.read("READ ME.txt").decode()
    assert f"envelopes/{letter.body['message']}-1.json" in names
    assert report.passed
    assert f"Thread: {thread}" in page


async def test_request_about_something_else_keeps_its_entries_out_of_an_export(clinic: Clinic) -> None:
    thread, other = clinic.open(), clinic.open()
    patient = clinic.story.patient
    clinic.story.ask(
        patient, ("thread.archive/1", {"thread": thread}), ("thread.archive/1", {"thread": other})
    )
    async with clinic.client(patient) as client:
        ticket = (await client.send(("thread.export/1", {"thread": thread}))).results[0]
        data = await client.fetch(str(ticket["path"]), ticket=str(ticket["ticket"]), limit=BYTES_MAX)
    assert other.encode() not in data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert verify_bundle(archive.read("proof.zip")).passed
        assert "The others were asked for together" in archive.read("READ ME.txt").decode()


Show = Callable[[str], Any]


@pytest.fixture(scope="module")
def shown(clinic: Clinic) -> Show:
    """Views as the patient's browser fetches them."""
    receipt = clinic.story.ask(clinic.story.patient, ("session.open/1", {}))
    ticket = receipt.results[0].ticket
    begin = urllib.request.Request(
        f"{clinic.url}/v1/session", method="POST", headers={"Authorization": f"Bearer {ticket}"}
    )
    with urllib.request.urlopen(begin) as answer:
        session = json.load(answer)["session"]
        cookie = answer.headers["set-cookie"].partition(";")[0]

    def show(path: str) -> Any:
        headers = {"Telesphor-Session": session, "Cookie": cookie}
        with urllib.request.urlopen(urllib.request.Request(clinic.url + path, headers=headers)) as answer:
            return json.load(answer)

    return show


async def test_views_show_threads_and_the_monitor_and_no_content(clinic: Clinic, shown: Show) -> None:
    thread = clinic.open()
    letter = clinic.letter(thread, "Between us.")
    await clinic.send(letter)
    listed = await asyncio.to_thread(shown, "/v1/app/threads?rows=1")
    (first,) = listed["threads"]
    assert first["thread"] == thread
    assert first["monitor"] == {"actor": clinic.monitor.actor, "mode": "screen"}
    page = await asyncio.to_thread(shown, f"/v1/app/threads/{thread}")
    assert page["messages"][0]["envelope"] == letter.body["envelope"]
    assert page["messages"][0]["state"] == "screening"
    assert "Between us" not in json.dumps(page)


async def test_view_of_recipients_is_whom_a_message_must_be_sealed_to(clinic: Clinic, shown: Show) -> None:
    thread = clinic.open()
    found = await asyncio.to_thread(shown, f"/v1/app/threads/{thread}/recipients")
    wanted = {(one.actor, one.key.thumbprint(), one.role) for one in clinic.addressees()}
    assert {(one["actor"], one["key"], one["role"]) for one in found["recipients"]} == wanted
    assert found["recipients"][-1]["role"] == "monitor"
    assert found["domains"] == ["node.example"]


TABLE = b"name,number\nsomebody,My password is Winter2026!\n"


async def test_file_with_a_password_is_held_and_the_look_is_an_entry(
    clinic: Clinic, capfd: pytest.CaptureFixture[str]
) -> None:
    letter = await clinic.send_file(clinic.open(), TABLE, name="list.csv", media_type="text/csv")
    assert clinic.verdict_of(letter) == ("hold", ("credential",))
    assert clinic.reads_of(attached_to(letter)) == [clinic.monitor.actor]
    assert "Winter" not in "".join(capfd.readouterr()), "content never reaches a log"


@pytest.mark.parametrize(
    ("name", "media_type", "begun_as"),
    [
        ("list.png", "image/png", "text/csv"),
        ("list.png", "text/csv", "image/png"),
        ("list.csv", "image/png", "image/png"),
    ],
)
async def test_text_that_is_called_a_picture_anywhere_is_opened(
    clinic: Clinic, name: str, media_type: str, begun_as: str
) -> None:
    said = {"name": name, "media_type": media_type, "begun_as": begun_as}
    letter = await clinic.send_file(clinic.open(), TABLE, **said)
    assert clinic.verdict_of(letter)[0] == "hold"


@pytest.mark.parametrize("data", [b"%PDF-1.4\n" + TABLE, make_pdf("Nothing to see.", packed=False) + TABLE])
async def test_text_that_looks_like_a_pdf_is_read_as_the_text_it_is_called(
    clinic: Clinic, data: bytes
) -> None:
    """Whoever opens it as a table sees what no page of the document says."""
    letter = await clinic.send_file(clinic.open(), data, name="list.csv", media_type="text/csv")
    verdict, codes = clinic.verdict_of(letter)
    assert verdict == "hold"
    assert "credential" in codes


async def test_picture_is_not_opened_and_the_judgement_says_so(clinic: Clinic) -> None:
    letter = await clinic.send_file(clinic.open(), b"\x89PNG", name="rash.png", media_type="image/png")
    assert clinic.verdict_of(letter) == ("pass", ("attachment-not-opened",))
    assert clinic.reads_of(attached_to(letter)) == []


async def test_file_that_the_monitor_was_not_given_is_refused(clinic: Clinic) -> None:
    file = await clinic.attach(TABLE, name="list.csv", media_type="text/csv")
    async with clinic.client(clinic.story.patient) as client:
        readers = [clinic.story.clinician.actor]
        await client.send(("object.rewrap/1", {"object": file.object, "readers": readers}))
    letter = clinic.letter(clinic.open(), "See the file.", files=(file,))
    with pytest.raises(ClientRefused, match="not all recipients may read") as caught:
        await clinic.send(letter)
    assert caught.value.code == "attachment-refused"


@pytest.mark.parametrize("taking", ["object.rewrap/1", "object.erase/1"])
async def test_file_that_was_taken_from_the_monitor_before_it_looked_is_held(
    clinic: Clinic, taking: str
) -> None:
    file = await clinic.attach(TABLE, name="list.csv", media_type="text/csv")
    letter = clinic.letter(clinic.open(), "See the file.", files=(file,))
    await clinic.send(letter)
    body: dict[str, Any] = {"readers": []} if taking == "object.rewrap/1" else {"reason": "error"}
    async with clinic.client(clinic.story.patient) as client:
        await client.send((taking, {"object": file.object, **body}))
    await clinic.judge()
    assert clinic.verdict_of(letter) == ("hold", ("not-as-sealed",))


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
async def test_file_that_is_damaged_in_the_vault_is_held_and_not_looked_at_for_ever(
    clinic: Clinic, damage: str
) -> None:
    file = await clinic.attach(TABLE, name="list.csv", media_type="text/csv")
    letter = clinic.letter(clinic.open(), "See the file.", files=(file,))
    await clinic.send(letter)
    blobs, path = clinic.story.node.vault.blobs, part_path(file.object, 0)
    data = bytearray(blobs.get(path))
    if damage == "gone":
        blobs.delete(path)
    else:
        data[-1] ^= 1
        blobs.put(path, data[:-9] if damage == "cut" else data)
    assert await clinic.judge() == 1
    assert clinic.verdict_of(letter) == ("hold", ("not-as-sealed",))


async def test_long_file_of_which_a_later_part_is_gone_is_held(clinic: Clinic) -> None:
    data = b"%PDF-1.4\n" + b"." * PART_PLAINTEXT
    file = await clinic.attach(data, name="a.pdf", media_type="application/pdf")
    letter = clinic.letter(clinic.open(), "See the file.", files=(file,))
    await clinic.send(letter)
    clinic.story.node.vault.blobs.delete(part_path(file.object, 1))
    assert await clinic.judge() == 1
    assert clinic.verdict_of(letter) == ("hold", ("not-as-sealed",))


async def test_file_longer_than_what_is_looked_at_is_flagged(clinic: Clinic) -> None:
    """What stands in its beginning is found all the same, and of the rest the judgement says that nobody saw it."""
    bytes_max = shipped().rules.attachments.bytes
    data = b"My SSN is 123-45-6789\n" + b"." * bytes_max
    letter = await clinic.send_file(clinic.open(), data, name="a.txt", media_type="text/plain")
    assert clinic.verdict_of(letter) == ("flag", ("attachment-not-read", "social-security-number"))


async def test_object_opened_by_its_reader_is_what_was_written_to_any_byte(clinic: Clinic) -> None:
    """Around the ends of chunks, where the last one is fetched apart."""
    data = bytes(range(256)) * 193
    file = await clinic.attach(data, name="a.bin", media_type="application/octet-stream")
    async with clinic.client(clinic.monitor) as client:
        for end in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, len(data), len(data) + 9):
            opened = await client.open_object(file.object, purpose="operations", end=end)
            assert opened == data[:end]


async def test_object_attached_in_a_held_thread_is_erased_by_nobody_at_a_whole_node(clinic: Clinic) -> None:
    thread, hold = clinic.open(), clinic.story.ids.next()
    letter = await clinic.send_file(thread, b"\x89PNG", name="rash.png", media_type="image/png")
    held = {"thread": thread, "hold": hold}
    clinic.story.ask(clinic.story.hospital, ("thread.hold/1", held))
    erasing = ("object.erase/1", {"object": attached_to(letter), "reason": "patient-request"})
    async with clinic.client(clinic.story.patient) as client:
        with pytest.raises(ClientRefused, match="legal hold") as caught:
            await client.send(erasing)
        assert caught.value.code == "object-held"
        clinic.story.ask(clinic.story.hospital, ("thread.lift-hold/1", held))
        await client.send(erasing)


def attached_to(letter: Letter) -> str:
    """The one object of a letter."""
    (file,) = letter.body["attachments"]
    return str(file["object"])

"""Bytes flipped in a copy of the node's folder: in an entry of the ledger, in a sealed object.

Start at `attack_folder`.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Final

from telesphor.app import build_checking_registry, ledger_files, open_for_proofs, open_node
from telesphor.client.errors import ClientRefused
from telesphor.client.node import NodeClient
from telesphor.demo.attacks import Attack, flipped_byte, tell
from telesphor.demo.narration import Narrator
from telesphor.demo.stage import ORIGIN, Stage
from telesphor.demo.story import Visit
from telesphor.kernel.errors import TelesphorError
from telesphor.kernel.ids import ObjectId
from telesphor.ledger.entries import RecordedEntry
from telesphor.ledger.fsck import fsck
from telesphor.runtime.database import open_database
from telesphor.runtime.folder import NodeFolder
from telesphor.runtime.serving import serving
from telesphor.runtime.settings import load_settings
from telesphor.vault.erasure import check_objects
from telesphor.vault.objects import PART_PLAINTEXT, part_path

PART: Final = 7
"""Some part in the middle of the recording, which has seventeen."""

READ_BYTES: Final = 4096


def attack_folder(stage: Stage, visit: Visit, narrator: Narrator) -> list[Attack]:
    """Copy the folder of the stopped node, and damage the copy in two places, one after the other."""
    copy = NodeFolder(stage.attacks / "node")
    shutil.copytree(stage.node.path, copy.path)
    open_database(copy.ledger).close()  # whatever still stood in SQLite's write-ahead log is in the file now
    return [
        tell(attack_ledger(copy, visit), narrator),
        *(tell(attack, narrator) for attack in attack_object(copy, stage, visit)),
    ]


def attack_ledger(copy: NodeFolder, visit: Visit) -> Attack:
    """Flip one bit of an entry inside the database file: by it, another would have read the record."""
    entry = find_read(copy.path, visit)
    offset = copy.ledger.read_bytes().index(entry.data) + entry.data.index(entry.actor.encode())
    with flipped_byte(copy.ledger, offset):
        what = f"one bit of entry {entry.position} is flipped in the ledger's file"
        try:
            fsck(ledger_files(copy, load_settings(copy.path)), build_checking_registry)
        except TelesphorError as error:
            return Attack(
                what, f"entry `{entry.position}`" in error.message, error.code, f"fsck: {error.message}"
            )
    return Attack(what, False, "", "")


def attack_object(copy: NodeFolder, stage: Stage, visit: Visit) -> list[Attack]:
    """Flip one bit of the recording's ciphertext: the check names the part, and nobody is given a byte of it."""
    settings = load_settings(copy.path)
    recording = visit.recording.object
    part = Path(copy.vault_url(settings)) / part_path(ObjectId(recording), PART)
    what = f"one bit of part {PART} of the recording is flipped in the vault"
    with (
        flipped_byte(part, part.stat().st_size // 2),
        open_node(copy.path, passphrase=stage.passphrase) as node,
        serving(node.edge()) as url,
    ):
        found = list(check_objects(node.vault))
        read = asyncio.run(_read_part(url, stage, recording))
    named = [error for error in found if recording in error.message and f"part {PART}" in error.message]
    checked = Attack(
        what,
        len(found) == 1 and named == found,
        found[0].code if found else "",
        f"check: {found[0].message}" if found else "",
    )
    return [checked, read]


async def _read_part(url: str, stage: Stage, recording: str) -> Attack:
    what = "the clinician asks for exactly that stretch of the recording"
    middle = PART * PART_PLAINTEXT + PART_PLAINTEXT // 2
    async with NodeClient(url, stage.cast.clinician, origin=ORIGIN) as client:
        try:
            await client.read_object(recording, purpose="treatment", start=middle, end=middle + READ_BYTES)
        except ClientRefused as refusal:
            said = f"HTTP {refusal.status} {refusal.code}: {refusal.message}"
            return Attack(what, refusal.code == "object-part-forged", refusal.code, said)
    return Attack(what, False, "", "")


def find_read(node: Path, visit: Visit) -> RecordedEntry:
    """The entry of the first read within the visit."""
    with open_for_proofs(node) as (reader, *_):
        stream = reader.stream(f"object/{visit.read[0].object}")
    return next(entry for entry in stream if entry.type == "object.read/1")

"""The published vectors of objects and wraps: other programs make and open the same bytes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.ids import ObjectId
from telesphor.kernel.sealing import RecipientKey, SealInfo, unseal
from telesphor.runtime.blobs import open_blobs
from telesphor.vault.objects import hash_part, part_path, seal_stream

FILE = Path(__file__).parents[2] / "vectors" / "object.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text())


def plaintext(size: int) -> bytes:
    """The bytes 0 to 250, again and again."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@pytest.mark.parametrize("vector", VECTORS["objects"], ids=lambda vector: str(vector["size"]))
def test_an_object_has_the_published_parts_and_digest(tmp_path: Path, vector: dict[str, Any]) -> None:
    blobs = open_blobs(tmp_path)
    object_id = ObjectId(vector["object"])
    stored = seal_stream(
        io.BytesIO(plaintext(vector["size"])),
        blobs=blobs,
        object_id=object_id,
        key=bytes.fromhex(vector["key"]),
        salt=bytes.fromhex(vector["salt"]),
    )
    assert stored.digest == vector["digest"]
    assert [
        hash_part(blobs.get(part_path(object_id, number))).hex() for number in range(stored.parts)
    ] == vector["leaves"]


@pytest.mark.parametrize("vector", VECTORS["wraps"], ids=lambda vector: str(vector["role"]))
def test_a_published_wrap_opens(vector: dict[str, Any]) -> None:
    key = RecipientKey(bytes.fromhex(vector["recipient_seed"]))
    info = SealInfo("object-key", vector["object"], key.thumbprint(), vector["role"])
    assert unseal(base64url.decode(vector["sealed"]), key=key, info=info).hex() == vector["data_key"]

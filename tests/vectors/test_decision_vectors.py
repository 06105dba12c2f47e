"""The vectors of decision receipts: every good one replays to its answer, every bad one is refused by its code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.capabilities.access.replay import Replayed, replay_decision
from telesphor.kernel.digest import Digest, digest_of
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import TelesphorError

VECTORS: Any = json.loads(Path(__file__).with_name("decision.json").read_text(encoding="ascii"))
TEXTS: dict[str, bytes] = {digest: text.encode() for digest, text in VECTORS["documents"].items()}


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", VECTORS["good"], ids=by_name)
def test_decision_replays(vector: dict[str, Any]) -> None:
    found = replay(vector)
    assert (found.outcome, list(found.reasons), list(found.failed)) == (
        vector["outcome"],
        vector["reasons"],
        vector["failed"],
    )


@pytest.mark.parametrize("vector", VECTORS["bad"], ids=by_name)
def test_decision_is_refused_by_its_code(vector: dict[str, Any]) -> None:
    with pytest.raises(TelesphorError) as refused:
        replay(vector)
    assert refused.value.code == vector["code"]


def test_documents_stand_under_their_digests() -> None:
    assert all(digest_of(data) == digest for digest, data in TEXTS.items())


def replay(vector: dict[str, Any]) -> Replayed:
    shown = {Digest(digest): TEXTS[own] for digest, own in vector["shown"].items()}
    return replay_decision(parse_entry(vector["entry"].encode()), position=0, documents=shown)

"""Each vector of `add-checkpoint` is answered as it says; each refusal that needs no notary or disk has one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from telesphor.kernel import base64url
from telesphor.kernel.note import parse_vkey
from telesphor.ledger.witness.model import WitnessRefusal, parse_request
from telesphor.ledger.witness.store import NEVER, Seen, WitnessStore
from telesphor.ledger.witness.witness import Witness
from tests.support.witnesses import CARD, clock, cosigned_at, cosigner

FILE = json.loads(
    (Path(__file__).parents[3] / "vectors" / "witness-request.json").read_text(encoding="utf-8")
)


def witness_of(vector: dict[str, Any], folder: Path) -> Witness:
    """A witness that remembers what the vector says."""
    store = WitnessStore(folder / "witness.sqlite", new=True)
    origin = parse_vkey(vector["vkeys"][0]).name
    if vector["size"]:
        seen = Seen(
            vector["size"], bytes.fromhex(vector["root"]), vector["log_seconds"], vector["now_seconds"]
        )
        store.advance(origin, known=NEVER, wanted=seen)
    time = clock(vector["now_seconds"])
    return Witness(cosigner=cosigner(), card=CARD, logs={origin: vector["vkeys"]}, store=store, clock=time)


@pytest.mark.parametrize("vector", FILE["good"], ids=lambda vector: vector["name"])
def test_a_good_submission_is_cosigned(vector: dict[str, Any], tmp_path: Path) -> None:
    body = base64url.std_decode(vector["body"])
    lines = witness_of(vector, tmp_path).add_checkpoint(body)
    assert cosigned_at(parse_request(body).note_bytes, lines) == vector["now_seconds"]


@pytest.mark.parametrize("vector", FILE["bad"], ids=lambda vector: vector["name"])
def test_a_bad_submission_is_refused_by_name(vector: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(WitnessRefusal) as caught:
        witness_of(vector, tmp_path).add_checkpoint(base64url.std_decode(vector["body"]))
    assert (caught.value.code, caught.value.status) == (vector["code"], vector["status"])


def test_every_refusal_of_a_submission_has_a_vector() -> None:
    codes = {vector["code"] for vector in FILE["bad"]}
    assert {code.removeprefix("witness-") for code in codes} == {
        "request-malformed", "log-unknown", "signature-refused", "time-refused", "size-conflict", "root-conflict",
        "proof-refused",
    }  # fmt: skip

"""The vectors of the Ethereum anchor: good proofs say what they say, bad ones are refused by their code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telesphor.kernel import canonical
from telesphor.kernel.chains.anchor import AnchorRefused, HeaderPin
from telesphor.kernel.chains.ethereum import verify_ethereum_anchor
from tests.vectors.generate_ethereum import PLACE, vectors

FILE = json.loads(PLACE.read_text(encoding="ascii"))
DIGEST = bytes.fromhex(FILE["digest"])


def pins_of(vector: dict[str, Any]) -> list[HeaderPin]:
    return [HeaderPin(**pin) for pin in vector["pins"]]


def test_file_is_what_its_generator_writes() -> None:
    assert vectors() == FILE


@pytest.mark.parametrize("vector", FILE["good"], ids=lambda vector: vector["name"])
def test_good_proof_is_accepted(vector: dict[str, Any]) -> None:
    anchor = verify_ethereum_anchor(
        digest=DIGEST,
        data=canonical.encode(vector["proof"]),
        network=vector["network"],
        pins=pins_of(vector),
    )
    for name in ("network", "height", "time_seconds", "confirmations", "pinned", "proves_time"):
        assert getattr(anchor, name) == vector[name], name


@pytest.mark.parametrize("vector", FILE["bad"], ids=lambda vector: vector["name"])
def test_bad_proof_is_refused(vector: dict[str, Any]) -> None:
    proof = {**FILE["good"][0]["proof"], **vector["set"]}
    with pytest.raises(AnchorRefused) as refusal:
        verify_ethereum_anchor(
            digest=DIGEST, data=canonical.encode(proof), network=FILE["network"], pins=pins_of(vector)
        )
    assert refusal.value.code == vector["code"]

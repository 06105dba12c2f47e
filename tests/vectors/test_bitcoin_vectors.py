"""The vectors of the Bitcoin anchor: each proof is accepted or refused as its name and its page say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telesphor.kernel.chains.anchor import AnchorRefused, HeaderPin
from telesphor.kernel.chains.bitcoin import verify_bitcoin_anchor
from tests.vectors import generate_bitcoin

VECTORS: list[dict[str, Any]] = json.loads(generate_bitcoin.PLACE.read_text(encoding="utf-8"))["vectors"]
REFUSALS = {
    "mainnet-too-easy": "anchor-work-too-low",
    "mainnet-too-easy-after-the-pin": "anchor-work-too-low",
    "mainnet-with-regtest-difficulty": "anchor-of-another-network",
    "regtest-with-mainnet-difficulty": "anchor-of-another-network",
    "network-unknown": "anchor-of-another-network",
    "network-not-bitcoin": "anchor-of-another-network",
    "another-digest": "anchor-of-another-digest",
    "another-block": "anchor-of-another-digest",
    "promise-alone": "anchor-pending",
    "pin-contradicts": "anchor-pin-mismatch",
    "pins-contradict": "anchor-pin-mismatch",
    "attestation-does-not-hold": "anchor-headers-refused",
    "two-roots-for-a-height": "anchor-headers-refused",
    "heights-disagree": "anchor-headers-refused",
    "gap": "anchor-headers-refused",
    "target-missed": "anchor-work-too-low",
    "time-stands-still": "anchor-headers-refused",
    "headers-cut": "anchor-malformed",
    "headers-empty": "anchor-malformed",
    "timestamp-cut": "anchor-malformed",
    "timestamp-with-more": "anchor-malformed",
    "timestamp-too-large": "anchor-too-large",
    "operation-sha1": "anchor-malformed",
}
"""Written here by hand: the file is made by the code it tests."""
ACCEPTED = {
    "regtest",
    "regtest-pinned",
    "regtest-from-an-earlier-pin",
    "one-of-an-aggregate",
    "mainnet-pinned",
}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_vector_is_judged_as_it_says(vector: dict[str, Any]) -> None:
    asked = {
        "digest": bytes.fromhex(vector["digest"]),
        "ots": bytes.fromhex(vector["ots"]),
        "headers": bytes.fromhex(vector["headers"]),
        "network": vector["network"],
        "pins": [HeaderPin(**pin) for pin in vector["pins"]],
    }
    if "refused" in vector:
        with pytest.raises(AnchorRefused) as caught:
            verify_bitcoin_anchor(**asked)
        assert caught.value.code == vector["refused"] == REFUSALS[vector["name"]]
        return
    found = verify_bitcoin_anchor(**asked)
    for member in ("height", "time_seconds", "confirmations", "proves_time", "pinned", "sentence"):
        assert getattr(found, member) == vector[member]


def test_every_name_is_there_once() -> None:
    names = [vector["name"] for vector in VECTORS]
    assert sorted(names) == sorted([*REFUSALS, *ACCEPTED])


def test_file_is_what_its_generator_writes() -> None:
    assert json.loads(json.dumps(generate_bitcoin.vectors())) == json.loads(
        generate_bitcoin.PLACE.read_text(encoding="utf-8")
    )

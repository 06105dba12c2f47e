"""What is fuzzed of witnesses: cosignatures, cards, policies, requests."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache

from telesphor.kernel.card import card_id, read_card, sign_card
from telesphor.kernel.checkpoint import Checkpoint
from telesphor.kernel.cosignature import CosignerKeys, append_signatures, verify_cosignature
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from telesphor.kernel.note import (
    format_signatures,
    parse_note,
    parse_signatures,
)
from telesphor.kernel.policy import QuorumNotMet, parse_policy
from telesphor.ledger.witness.model import format_request, parse_request, parse_size
from telesphor.ledger.witness.standalone import read_log_file
from tests.fuzz.target import LOG, ORIGIN, Target, signed_notes
from tests.support import cards


@cache
def _cosigned() -> bytes:
    lines = cards.cosigner("alpha").cosign(Checkpoint(ORIGIN, 7, bytes(32)), time_seconds=cards.TIME)
    return append_signatures(signed_notes()[0], lines)


def take_cosignature(data: bytes) -> None:
    cosignature = verify_cosignature(parse_note(data), cards.cosigner("alpha").keys)
    assert cosignature.time_seconds == cards.TIME


def take_signature_lines(data: bytes) -> None:
    assert format_signatures(parse_signatures(data)) == data


@cache
def _card() -> bytes:
    return sign_card(cards.card_of("alpha"), cards.cosigner("alpha"))


def take_card(data: bytes) -> None:
    card_id(data)
    assert read_card(data) == cards.card_of("alpha")
    assert data == _card()


def take_policy(data: bytes) -> None:
    policy = parse_policy(data)
    with suppress(QuorumNotMet):
        assert len(policy.check_quorum(list(policy.witnesses.values()))) == len(policy.witnesses)
    assert policy.check_note(parse_note(_cosigned())) in ((), ("a",))


def _policies() -> list[bytes]:
    log, witness = LOG.vkeys()[0], cards.cosigner("alpha").vkeys()[0]
    return [
        f"# ours\nlog {log}\nwitness a {witness} https://a.example\ngroup g 1 a\nquorum g\n".encode(),
        b"quorum none\n",
    ]


def take_levels(data: bytes) -> None:
    policy = parse_levels(data)
    for pin in policy.witnesses:
        assert pin.card or (pin.vkeys and CosignerKeys.from_vkeys(pin.vkeys).vkeys() == pin.vkeys)


def _levels() -> list[bytes]:
    pins = f"[[witness]]\nvkeys = {json.dumps(cards.cosigner('alpha').vkeys())}\n"
    pins += f'[[witness]]\ncard = "sha256:{"0" * 64}"\n'
    header = f'[[pin]]\nnetwork = "ethereum-1"\nheight = 1\nhash = "{"0" * 64}"\n'
    return [DEFAULT_LEVELS.encode(), (DEFAULT_LEVELS + pins + header).encode()]


def take_witness_request(data: bytes) -> None:
    request = parse_request(data)
    assert format_request(old_size=request.old_size, proof=request.proof, note=request.note_bytes) == data


def _witness_requests() -> list[bytes]:
    return [
        format_request(old_size=old, proof=proof, note=signed_notes()[0])
        for old, proof in ((0, []), (5, [bytes(32)] * 3), (2**62, [bytes(32)] * 63))
    ]


def take_log_file(data: bytes) -> None:
    read_log_file(data)


def take_size(data: bytes) -> None:
    assert b"%d\n" % parse_size(data) == data


TARGETS = {
    "cosignature": Target(take_cosignature, lambda: [_cosigned()]),
    "signature-lines": Target(take_signature_lines, lambda: [_cosigned().partition(b"\n\n")[2]]),
    "card": Target(take_card, lambda: [_card()]),
    "policy": Target(take_policy, _policies),
    "levels": Target(take_levels, _levels),
    "witness-request": Target(take_witness_request, _witness_requests),
    "witness-size": Target(take_size, lambda: [b"0\n", b"20852014\n"]),
    "witness-log": Target(take_log_file, lambda: ["\n".join(LOG.vkeys()).encode() + b"\n"]),
}

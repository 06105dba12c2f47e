"""A node that is asked for what it must refuse, and whose every word is searched for secrets at the end.

`refusing` is the fixture of the refusal tests; `payload_of` and `signed` make requests that are almost right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from telesphor.client.wallet import Wallet
from telesphor.kernel import base64url, canonical
from telesphor.kernel.clock import format_instant
from telesphor.kernel.signing import _signature_parts
from tests.e2e.running import Running, running
from tests.torture.folders import CLINICIAN, ORIGIN, PASSPHRASE, PATIENT

SECRET_NAME = "Ottilie Mustermann-Quill"
"""Stands for patient data: sent in places where it does not belong, and looked for everywhere."""

Payload = dict[str, Any]


@contextmanager
def refusing(folder: Path, *, refusals_min: int) -> Iterator[Running]:
    """A running node; at the end, whatever it said is looked through."""
    with running(folder) as node:
        yield node
        check_no_secrets(node, refusals_min=refusals_min)


def all_are_run(request: pytest.FixtureRequest) -> bool:
    """Whether the tests were not picked by name, so that many refusals must have been seen at the end."""
    config = request.config
    return not config.getoption("keyword") and not any("::" in word for word in config.args)


def check_no_secrets(node: Running, *, refusals_min: int) -> None:
    """No refusal and no log line holds patient data, a key, a passphrase or a ticket; none is a 500."""
    secrets = [SECRET_NAME.encode(), PASSPHRASE]
    for key in (node.system, node.clinician, node.patient):
        seeds = (key.signing_key.ed25519_seed, key.signing_key.mldsa_seed, key.kem_key.seed)
        secrets += [form for seed in seeds for form in (seed.hex().encode(), base64url.encode(seed).encode())]
    log = node.node.keys.log
    secrets += [base64url.encode(seed).encode() for seed in (log.ed25519_seed, log.mldsa44_seed)]
    logs = node.logs.getvalue().encode()
    refused = [answer for answer in node.answers if answer.status >= 400]
    assert len(refused) >= refusals_min, "too few refusals to say anything"
    assert not [
        answer.status for answer in node.answers if answer.status >= 500 and answer.status not in (503, 507)
    ]
    for text in [logs, *(answer.body + str(answer.headers).encode() for answer in refused)]:
        found = [secret[:4] for secret in secrets if secret in text]
        assert not found, "a refusal or a log line tells a secret"
        assert not [ticket for ticket in node.tickets if ticket.encode() in text], "a ticket is told"


def payload_of(node: Running, wallet: Wallet, **changes: object) -> Payload:
    """A request that opens a visit, changed."""
    visit = {"visit": node.ids.next(), "patient": PATIENT, "clinician": CLINICIAN, "devices": []}
    payload: Payload = {
        "v": 1,
        "format": "telesphor-request/1",
        "node": ORIGIN,
        "actor": wallet.actor,
        "keys": list(wallet.signing_key.public.thumbprints()),
        "at": format_instant(node.clock.now_ms()),
        "nonce": node.ids.nonce(),
        "commands": [{"type": "visit.open/1", "body": visit}],
    }
    return payload | changes


def signed(payload: Payload | bytes, wallet: Wallet) -> bytes:
    """Sign whatever it is, canonical or not."""
    data = payload if isinstance(payload, bytes) else canonical.encode(payload)
    text = base64url.encode(data)
    return f'{{"payload":"{text}","signatures":[{",".join(_signature_parts(text, wallet.signing_key))}]}}'.encode()

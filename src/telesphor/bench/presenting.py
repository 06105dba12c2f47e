"""Presentations signed ahead, each with the verifier's request that it answers, and devices that are enrolled.

Start at `Presenting` and `enrol_devices`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from telesphor.bench.credentials import SHOWN, licence
from telesphor.bench.practice import Practice
from telesphor.bench.talks import FIRMWARE, ORIGIN, Device, Presentation
from telesphor.capabilities.identity.credentials import sd_jwt
from telesphor.capabilities.identity.enrolment.credential import make_credential
from telesphor.capabilities.identity.presentations.model import PresentationRequest
from telesphor.capabilities.identity.presentations.service import audience_of, base_path_of
from telesphor.client.credentials import CredentialBook, approve
from telesphor.client.wallet import Wallet
from telesphor.kernel.clock import format_instant
from telesphor.kernel.commitment import commit
from telesphor.kernel.digest import digest_of
from telesphor.kernel.signing import HybridSuite, SigningKey

DAY_MS: Final = 86_400_000
REQUEST_SECONDS: Final = 900
RELIED_SECONDS: Final = 3_600

MODEL, MAKER = "Pulse Oximeter 3", "maker.example"


class Presenting:
    """A holder with a licence that the node knows, and a verifier."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self._verifier, self._holder = practice.enrol("person"), practice.enrol("person")
        self._book = self._hold_licence(practice.enrol("organisation"))

    def prepare(self, count: int) -> list[Presentation]:
        """Sign so many presentations, each answering a request of its own."""
        return [self._prepare_one() for _ in range(count)]

    def _hold_licence(self, hospital: Wallet) -> CredentialBook:
        """The hospital becomes an issuer of this node, and its one credential is noted on the ledger."""
        practice, ids = self._practice, self._practice.node.ids
        issuer, did, now_ms = ids.next(), "did:web:hospital.example", practice.node.clock.now_ms()
        trust = {
            "issuer": issuer,
            "did": did,
            "actor": hospital.actor,
            "groups": ["licence"],
            "keys": [hospital.signing_key.public.jwks()],
            "status_keys": None,
            "status_uri": None,
        }
        status_list = ids.next()
        opening = ("status-list.open/1", {"status-list": status_list, "issuer": issuer})
        practice.ask(hospital, ("issuer.trust/1", trust), opening)
        claims, factors = licence(issuer=did, subject="did:web:holder.example", now_ms=now_ms)
        issued = sd_jwt.issue_credential(
            claims,
            factors,
            issuer=hospital.signing_key,
            holder=self._holder.signing_key.public,
            random=ids.random_bytes,
        )
        body = {
            "credential": ids.next(),
            "digest": issued.digest,
            "expires": format_instant(claims.expires_ms // 1000 * 1000),
            "group": "licence",
            "index": 0,
            "issuer": issuer,
            "list": status_list,
            "subject": self._holder.actor,
            "verified": format_instant(now_ms),
        }
        practice.ask(hospital, ("credential.issue/1", body))
        return CredentialBook(self._holder.actor).add(
            issued.serialized,
            issuer=hospital.signing_key.public,
            holder=self._holder.signing_key.public,
            now_ms=now_ms + 1_000,
        )

    def _prepare_one(self) -> Presentation:
        practice = self._practice
        request = self._request()
        names = [factor.factor for factor in request.wanted]
        now_ms = practice.node.clock.now_ms()
        answer = approve(request, self._book, names, wallet=self._holder, node=ORIGIN, now_ms=now_ms)
        asked = ("presentation", "wanted", "purpose", "nonce", "holder", "expires_at", "relied_seconds")
        body = {name: getattr(request, name) for name in asked}
        return Presentation(
            practice.post(self._verifier, ("presentation.request/1", msgspec.to_builtins(body))),
            f"{base_path_of(request.presentation)}/response",
            answer.data,
            practice.post(self._holder, answer.command),
        )

    def _request(self) -> PresentationRequest:
        """The request as the node will write it down, so that it can be answered ahead."""
        node = self._practice.node
        return msgspec.convert(
            {
                "format": "telesphor-presentation-request/1",
                "v": 1,
                "presentation": node.ids.next(),
                "node": ORIGIN,
                "verifier": self._verifier.actor,
                "audience": audience_of(ORIGIN, self._verifier.actor),
                "nonce": node.ids.nonce(),
                "wanted": [{"group": "licence", "name": name} for name in SHOWN],
                "purpose": "treatment",
                "holder": self._holder.actor,
                "expires_at": format_instant(node.clock.now_ms() + REQUEST_SECONDS * 1000),
                "relied_seconds": RELIED_SECONDS,
            },
            PresentationRequest,
        )


def enrol_devices(practice: Practice, count: int) -> list[Device]:
    """Trust a maker, allow its firmware, and enrol so many of its devices."""
    hospital, owner = practice.enrol("organisation"), practice.enrol("person")
    key, maker, ids = SigningKey.generate(HybridSuite.ROOT), practice.node.ids.next(), practice.node.ids
    trust = {"maker": maker, "name": MAKER, "keys": key.public.jwks(), "models": [MODEL]}
    allow = {"firmware": ids.next(), "maker": maker, "model": MODEL, "hash": FIRMWARE}
    practice.ask(hospital, ("maker.trust/1", trust), ("firmware.allow/1", allow))
    return [_enrol(practice, hospital, owner, maker=maker, key=key) for _ in range(count)]


def _enrol(practice: Practice, hospital: Wallet, owner: Wallet, *, maker: str, key: SigningKey) -> Device:
    device, now_ms = practice.enrol("device"), practice.node.clock.now_ms()
    signing = device.signing_key
    data = make_credential(
        maker=MAKER,
        key=key,
        model=MODEL,
        serial=commit(device.actor.encode(), key32=bytes(32)),
        device=signing.public,
        begins_ms=now_ms - DAY_MS,
        ends_ms=now_ms + DAY_MS,
    )
    body = {
        "device": device.actor,
        "maker": maker,
        "owner": owner.actor,
        "document": digest_of(data),
        "credential": msgspec.json.decode(data),
    }
    practice.ask(hospital, ("device.enrol/1", body))
    return Device(device.actor, owner.actor, signing.ed25519_seed, signing.mldsa_seed)

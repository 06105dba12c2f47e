"""Write the vectors of makers' credentials for devices.

Run as `python -m tests.vectors.generate_enrolment` from the root of the checkout, with `src` on the path.
Signatures are randomised, so every run gives other bytes with the same verdicts. None of these keys is in use.
"""

from __future__ import annotations

from typing import Any

from telesphor.capabilities.identity.enrolment.credential import make_credential
from telesphor.kernel import canonical
from telesphor.kernel.commitment import commit
from telesphor.kernel.signing import HybridSuite, SigningKey, read_jws, sign_jws
from tests.vectors.generate_signed import Case, seed, write

MAKER = SigningKey(HybridSuite.ROOT, seed("maker ed25519"), seed("maker mldsa"))
OTHER = SigningKey(HybridSuite.ACTOR, seed("other maker ed25519"), seed("other maker mldsa"))
DEVICE = SigningKey(HybridSuite.ACTOR, seed("device ed25519"), seed("device mldsa"))
BEGINS_MS, ENDS_MS = 1_795_348_275_123, 2_110_881_075_123


def make(key: SigningKey) -> bytes:
    return make_credential(
        maker="maker.example",
        key=key,
        model="Oximeter 3",
        serial=commit(canonical.encode("SN-1"), key32=seed("serial number")),
        device=DEVICE.public,
        begins_ms=BEGINS_MS,
        ends_ms=ENDS_MS,
    )


def signed_with(**changes: object) -> bytes:
    """What a maker could sign, and must not be taken."""
    return sign_jws({**read_jws(make(OTHER)).payload, **changes}, OTHER)


def with_signatures(*which: int) -> bytes:
    whole: Any = canonical.decode(make(OTHER), limit=64 * 1024)
    return canonical.encode({**whole, "signatures": [whole["signatures"][index] for index in which]})


def good() -> list[Case]:
    return [
        {
            "name": name,
            "credential": make(key).decode(),
            "maker_key_id": key.public.key_id,
            "device_key_id": DEVICE.public.key_id,
            "model": "Oximeter 3",
            "begins_ms": BEGINS_MS,
            "ends_ms": ENDS_MS,
        }
        for name, key in (("maker-of-mldsa-65", OTHER), ("maker-of-mldsa-87", MAKER))
    ]


def bad() -> list[Case]:
    whole = make(OTHER)
    faults = {
        "ed25519-half-missing": with_signatures(1),
        "mldsa-half-missing": with_signatures(0),
        "halves-swapped": with_signatures(1, 0),
        "payload-changed": whole.replace(b'{"payload":"eyJ', b'{"payload":"eyK', 1),
        "white-space": whole.replace(b'","signatures"', b'", "signatures"', 1),
        "signed-by-another-pair": sign_jws(
            {**read_jws(whole).payload, "keys": list(DEVICE.public.thumbprints())}, DEVICE
        ),
        "device-keys-not-the-ones-named": signed_with(device_jwks=MAKER.public.jwks()),
        "device-is-the-maker": signed_with(
            device_jwks=OTHER.public.jwks(), device_keys=list(OTHER.public.thumbprints())
        ),
        "unknown-version": signed_with(format="telesphor-device-credential/2"),
        "serial-number-in-the-clear": signed_with(serial="SN-1"),
        "one-more-claim": signed_with(owner="somebody"),
        "ends-before-it-begins": signed_with(not_after="2020-01-01T00:00:00.000Z"),
    }
    return [{"name": name, "credential": data.decode()} for name, data in faults.items()]


if __name__ == "__main__":
    write("device-credential", "enrolment", good(), bad())

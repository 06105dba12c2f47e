"""Write the vectors of what is sealed: sealing (seals and envelopes) and keyfile.

Run as `python -m tests.vectors.generate_sealed` from the root of the checkout, with `src` on the path.
Seals are randomised, so every run gives other bytes with the same verdicts; the files change only
when a format does. Seeds are derived from words: none of these keys is in use.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.keyfile import Argon2idParams, seal_keyfile
from telesphor.kernel.sealing import RecipientKey, SealInfo, seal, seal_envelope
from tests.vectors.generate_signed import Case, seed, write

# Sealing.

RECIPIENT = RecipientKey(seed("recipient"))
MONITOR = RecipientKey(seed("monitor"))
STRANGER = RecipientKey(seed("stranger"))
OBJECT = "0193a3c5-7b1a-7c3d-9e4f-0123456789ab"


def make_seals() -> None:
    info = SealInfo("object-key", OBJECT, RECIPIENT.thumbprint(), "reader")
    plaintext = seed("data key")
    sealed = seal(plaintext, recipient=RECIPIENT.public, info=info)
    holds = {
        "seed": RECIPIENT.seed.hex(),
        "purpose": info.purpose,
        "object": info.object,
        "recipient": info.recipient,
        "role": info.role,
        "sealed": base64url.encode(sealed),
    }
    seals = {
        "good": [
            {
                "name": "data-key",
                **holds,
                "public": base64url.encode(RECIPIENT.public.public_bytes),
                "info": info.encode().decode(),
                "plaintext": plaintext.hex(),
            }
        ],
        "bad": [
            {"name": "another-purpose", "code": "seal-refused", **holds, "purpose": "message"},
            {"name": "another-object", "code": "seal-refused", **holds, "object": OBJECT[:-1] + "c"},
            {"name": "another-role", "code": "seal-refused", **holds, "role": "node"},
            {
                "name": "another-recipient-named",
                "code": "not-a-recipient",
                **holds,
                "recipient": MONITOR.thumbprint(),
            },
            {"name": "another-key", "code": "not-a-recipient", **holds, "seed": STRANGER.seed.hex()},
            {
                "name": "another-key-that-names-itself",
                "code": "seal-refused",
                **holds,
                "seed": STRANGER.seed.hex(),
                "recipient": STRANGER.thumbprint(),
            },
            *(
                {"name": name, "code": "seal-refused", **holds, "sealed": base64url.encode(data)}
                for name, data in _damaged(sealed).items()
            ),
        ],
    }
    good, bad = make_envelopes()
    write(
        "sealing",
        "sealing",
        seals["good"],
        seals["bad"],
        envelopes={"good": good, "bad": bad},
    )


def _damaged(sealed: bytes) -> dict[str, bytes]:
    return {
        "altered-mlkem-ciphertext": bytes([sealed[0] ^ 1]) + sealed[1:],
        "altered-x25519-share": sealed[:1100] + bytes([sealed[1100] ^ 1]) + sealed[1101:],
        "x25519-share-of-zero": sealed[:1088] + bytes(32) + sealed[1120:],
        "altered-ciphertext": sealed[:1125] + bytes([sealed[1125] ^ 1]) + sealed[1126:],
        "truncated": sealed[:-1],
        "extended": sealed + b"\x00",
        "empty": b"",
    }


def make_envelopes() -> tuple[list[Case], list[Case]]:
    plaintext = b"the visit begins at nine"
    recipients = [(RECIPIENT.public, "reader"), (MONITOR.public, "monitor")]
    data = seal_envelope(plaintext, recipients=recipients, purpose="message", object=OBJECT)
    envelope = json.loads(data)
    asked = {"seed": RECIPIENT.seed.hex(), "purpose": "message", "object": OBJECT}
    good = [
        {
            "name": name,
            **asked,
            "seed": key.seed.hex(),
            "plaintext": plaintext.decode(),
            "envelope": data.decode(),
        }
        for name, key in (("opened-by-the-reader", RECIPIENT), ("opened-by-the-monitor", MONITOR))
    ]
    bad: list[Case] = []

    def refuse(name: str, code: str, document: object, **other: str) -> None:
        text = document if isinstance(document, str) else canonical.encode(document).decode()
        bad.append({"name": name, "code": code, **asked, **other, "envelope": text})

    reader, monitor = envelope["recipients"]
    other = json.loads(seal_envelope(b"other", recipients=recipients, purpose="message", object=OBJECT))
    body = bytearray(base64url.decode(envelope["ciphertext"]))
    body[-1] ^= 1
    code = "seal-refused"
    refuse("not-a-recipient", "not-a-recipient", envelope, seed=STRANGER.seed.hex())
    refuse("another-purpose", code, envelope, purpose="object-key")
    refuse("another-object", code, envelope, object=OBJECT[:-1] + "c")
    refuse("purpose-rewritten", code, {**envelope, "purpose": "note"}, purpose="note")
    refuse("monitor-removed", code, {**envelope, "recipients": [reader]})
    refuse("recipients-reordered", code, {**envelope, "recipients": [monitor, reader]})
    refuse("role-rewritten", code, {**envelope, "recipients": [{**reader, "role": "author"}, monitor]})
    refuse("role-of-another-rewritten", code, {**envelope, "recipients": [reader, {**monitor, "role": "x"}]})
    added = {**monitor, "recipient": STRANGER.thumbprint()}
    refuse("recipient-added", code, {**envelope, "recipients": [reader, monitor, added]})
    refuse("recipient-named-twice", code, {**envelope, "recipients": [reader, reader]})
    refuse("no-recipients", code, {**envelope, "recipients": []})
    refuse("key-of-another-envelope", code, {**envelope, "recipients": [other["recipients"][0], monitor]})
    refuse("message-of-another-envelope", code, {**envelope, "ciphertext": other["ciphertext"]})
    refuse("altered-message", code, {**envelope, "ciphertext": base64url.encode(bytes(body))})
    refuse("truncated-message", code, {**envelope, "ciphertext": base64url.encode(bytes(body[:56]))})
    refuse("empty-message", code, {**envelope, "ciphertext": ""})
    refuse("unknown-version", code, {**envelope, "v": 2})
    refuse("unknown-format", code, {**envelope, "format": "telesphor-envelope/2"})
    refuse("unknown-member", code, {**envelope, "z": 1})
    refuse("white-space", code, data.decode() + "\n")
    return good, bad


# Key files.


def make_keyfiles() -> None:
    passphrase = "correct horse battery staple"
    secret = {"format": "telesphor-key/1", "seed": base64url.encode(seed("kept"))}
    data = seal_keyfile(secret, passphrase=passphrase.encode(), params=Argon2idParams(8192, 1, 1))
    keyfile = json.loads(data)
    good = [{"name": "small", "passphrase": passphrase, "secret": secret, "keyfile": data.decode()}]
    bad: list[Case] = []

    def refuse(name: str, code: str, change: Callable[[dict[str, Any]], object], **more: str) -> None:
        value = json.loads(data)
        change(value)
        text = canonical.encode(value).decode()
        bad.append({"name": name, "code": code, "passphrase": passphrase, **more, "keyfile": text})

    refuse("wrong-passphrase", "wrong-passphrase", lambda _: None, passphrase="incorrect horse")
    ciphertext = bytearray(base64url.decode(keyfile["ciphertext"]))
    ciphertext[0] ^= 1
    altered = base64url.encode(bytes(ciphertext))
    refuse("altered-ciphertext", "wrong-passphrase", lambda value: value.update(ciphertext=altered))
    refuse("altered-salt", "wrong-passphrase", lambda v: v.update(salt=base64url.encode(bytes(16))))
    refuse("altered-nonce", "wrong-passphrase", lambda v: v.update(nonce=base64url.encode(bytes(12))))
    refuse("other-parameters", "wrong-passphrase", lambda value: value["kdf"].update(iterations=2))
    code = "keyfile-refused"
    refuse("too-much-memory", code, lambda value: value["kdf"].update(memory_kib=1024 * 1024 + 1))
    refuse("too-little-memory", code, lambda value: value["kdf"].update(memory_kib=8191))
    refuse("too-many-iterations", code, lambda value: value["kdf"].update(iterations=17))
    refuse("no-iterations", code, lambda value: value["kdf"].update(iterations=0))
    refuse("too-many-lanes", code, lambda value: value["kdf"].update(lanes=17))
    refuse("iterations-as-text", code, lambda value: value["kdf"].update(iterations="1"))
    refuse("iterations-as-boolean", code, lambda value: value["kdf"].update(iterations=True))
    refuse("other-kdf", code, lambda value: value["kdf"].update(name="argon2i"))
    refuse("other-cipher", code, lambda value: value.update(aead="AES-128-GCM"))
    refuse("unknown-version", code, lambda value: value.update(v=2))
    refuse("unknown-format", code, lambda value: value.update(format="telesphor-keyfile/2"))
    refuse("unknown-member", code, lambda value: value.update(hint="x"))
    refuse("short-salt", code, lambda value: value.update(salt="AAAA"))
    refuse("short-nonce", code, lambda value: value.update(nonce="AAAA"))
    refuse("empty-ciphertext", code, lambda value: value.update(ciphertext=""))
    refuse("padded-base64", code, lambda value: value.update(salt=value["salt"] + "=="))
    write("keyfile", "keyfile", good, bad)


if __name__ == "__main__":
    make_seals()
    make_keyfiles()

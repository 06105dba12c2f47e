"""Write the vectors of what is signed: note, checkpoint, request.

Run as `python -m tests.vectors.generate_signed` from the root of the checkout, with `src` on the
path. Signatures are randomised, so every run gives other bytes with the same verdicts; the
files change only when a format does. Seeds are derived from words: none of these keys is in use.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from telesphor.kernel import base64url, canonical
from telesphor.kernel.checkpoint import Checkpoint, LogSigner
from telesphor.kernel.note import Note, NoteSignature, format_note, parse_note
from telesphor.kernel.signing import HybridSuite, SigningKey, payload_digest, sign_jws

FOLDER = Path(__file__).parent
ORIGIN = "telesphor.example/clinic"
TIME_SECONDS = 1_795_348_275
Case = dict[str, Any]
Refuse = Callable[..., None]


def seed(words: str) -> bytes:
    return sha256(b"telesphor vector: " + words.encode()).digest()


def write(name: str, page: str, good: list[Case], bad: list[Case], **more: object) -> None:
    vectors = {"format": f"docs/spec/{page}.md", "source": "Telesphor's.", **more, "good": good, "bad": bad}
    (FOLDER / f"{name}.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=False) + "\n", "utf-8")


# Requests.

ACTOR = SigningKey(HybridSuite.ACTOR, seed("actor ed25519"), seed("actor mldsa"))
OTHER = SigningKey(HybridSuite.ACTOR, seed("other ed25519"), seed("other mldsa"))
ROOT = SigningKey(HybridSuite.ROOT, seed("root ed25519"), seed("root mldsa"))


def request(key: SigningKey) -> dict[str, Any]:
    body = {
        "clinician": "0193a3c5-0000-7000-8000-00000000000a",
        "patient": "0193a3c5-0000-7000-8000-00000000000b",
    }
    return {
        "v": 1,
        "format": "telesphor-request/1",
        "node": ORIGIN,
        "actor": "0193a3c5-0000-7000-8000-00000000000a",
        "keys": list(key.public.thumbprints()),
        "at": "2026-11-22T11:51:15.123Z",
        "nonce": "AAECAwQFBgcICQoLDA0ODw",
        "commands": [{"type": "visit.open/1", "body": body}],
    }


def sign_with(headers: list[bytes], payload: bytes, key: SigningKey = ACTOR) -> dict[str, Any]:
    """A document with any headers over any payload, both signatures good."""
    text = base64url.encode(payload)
    parts = []
    for header, half in zip(headers, key._halves, strict=True):
        protected = base64url.encode(header)
        signature = base64url.encode(half.sign(f"{protected}.{text}".encode()))
        parts.append({"protected": protected, "signature": signature})
    return {"payload": text, "signatures": parts}


def make_requests() -> None:
    good = [_good_request("actor", ACTOR), _good_request("root", ROOT)]
    actor, root = good[0]["jws"], good[1]["jws"]
    bad = BadRequests()
    halves_and_keys(bad.refuse, json.loads(actor), root)
    headers_of_requests(bad.refuse, json.loads(actor))
    spellings(bad.refuse, actor)
    payloads(bad.refuse, json.loads(actor))
    write("request", "signatures", good, bad.cases)


class BadRequests:
    """Collects the documents that must be refused."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def refuse(self, name: str, code: str, document: object, *, key: SigningKey = ACTOR) -> None:
        text = document if isinstance(document, str) else canonical.encode(document).decode()
        self.cases.append({"name": name, "code": code, "jwks": key.public.jwks(), "jws": text})


def halves_and_keys(refuse: Refuse, jws: dict[str, Any], root: str) -> None:
    one, two = jws["signatures"]
    refuse("stripped-ed25519-half", "half-signature", {**jws, "signatures": [two]})
    refuse("stripped-mldsa-half", "half-signature", {**jws, "signatures": [one]})
    refuse("stripped-both-halves", "half-signature", {**jws, "signatures": []})
    refuse("swapped-halves", "jws-malformed", {**jws, "signatures": [two, one]})
    refuse("duplicated-ed25519-half", "half-signature", {**jws, "signatures": [one, one]})
    refuse("duplicated-mldsa-half", "half-signature", {**jws, "signatures": [two, two]})
    refuse("third-signature", "jws-malformed", {**jws, "signatures": [one, two, two]})
    swapped = [{**one, "protected": two["protected"]}, {**two, "protected": one["protected"]}]
    refuse("swapped-algorithms", "jws-malformed", {**jws, "signatures": swapped})
    refuse("altered-ed25519-signature", "signature-refused", {**jws, "signatures": [_altered(one), two]})
    refuse("altered-mldsa-signature", "signature-refused", {**jws, "signatures": [one, _altered(two)]})
    altered = canonical.encode({**request(ACTOR), "at": "2026-11-22T11:51:15.124Z"})
    refuse("altered-payload", "signature-refused", {**jws, "payload": base64url.encode(altered)})
    refuse("actor-document-under-root-key", "suite-mismatch", jws, key=ROOT)
    refuse("root-document-under-actor-key", "suite-mismatch", root)
    refuse("document-of-another-actor", "jws-header-refused", jws, key=OTHER)


def headers_of_requests(refuse: Refuse, jws: dict[str, Any]) -> None:
    headers = [base64url.decode(part["protected"]) for part in jws["signatures"]]
    ed25519, mldsa = (json.loads(header) for header in headers)
    payload = canonical.encode(request(ACTOR))

    def reheadered(first: object, second: object = mldsa) -> dict[str, Any]:
        return sign_with([canonical.encode(first), canonical.encode(second)], payload)

    code = "jws-header-refused"
    refuse("alg-none", code, reheadered({**ed25519, "alg": "none"}))
    refuse("alg-eddsa", code, reheadered({**ed25519, "alg": "EdDSA"}))
    refuse("alg-unknown", code, reheadered(ed25519, {**mldsa, "alg": "ML-DSA-43"}))
    refuse("alg-mldsa-44", "suite-mismatch", reheadered(ed25519, {**mldsa, "alg": "ML-DSA-44"}))
    refuse("alg-mldsa-87", "suite-mismatch", reheadered(ed25519, {**mldsa, "alg": "ML-DSA-87"}))
    other_kid = OTHER.public.thumbprints()[0]
    refuse("changed-kid", code, reheadered({**ed25519, "kid": other_kid}))
    refuse("crit-header", code, reheadered({**ed25519, "crit": ["b64"]}))
    refuse("embedded-jwk", code, reheadered({**ed25519, "jwk": ACTOR.public.jwks()[0]}))
    refuse("unknown-header-member", code, reheadered({**ed25519, "typ": "JOSE"}))
    spaced = json.dumps(ed25519).encode()
    refuse("white-space-in-header", code, sign_with([spaced, headers[1]], payload))
    turned = json.dumps(dict(reversed(ed25519.items())), separators=(",", ":")).encode()
    refuse("reordered-header", code, sign_with([turned, headers[1]], payload))


def spellings(refuse: Refuse, text: str) -> None:
    jws = json.loads(text)
    one, two = jws["signatures"]
    refuse("white-space", "jws-malformed", text.replace('","signatures"', '", "signatures"'))
    refuse("trailing-newline", "jws-malformed", text + "\n")
    reordered = json.dumps(
        {"signatures": jws["signatures"], "payload": jws["payload"]}, separators=(",", ":")
    )
    refuse("reordered-members", "jws-malformed", reordered)
    refuse("unknown-member", "jws-malformed", {**jws, "zip": "DEF"})
    refuse("unprotected-header", "jws-malformed", {**jws, "signatures": [{**one, "header": {}}, two]})
    padded = {**one, "signature": one["signature"] + "=="}
    refuse("padded-base64", "jws-malformed", {**jws, "signatures": [padded, two]})
    stray = {**one, "signature": one["signature"][:-1] + _next_char(one["signature"][-1])}
    refuse("stray-bits-in-base64", "jws-malformed", {**jws, "signatures": [stray, two]})


def payloads(refuse: Refuse, jws: dict[str, Any]) -> None:
    headers = [base64url.decode(part["protected"]) for part in jws["signatures"]]
    payload = canonical.encode(request(ACTOR))

    def signed(value: object) -> dict[str, Any]:
        return sign_with(headers, value if isinstance(value, bytes) else canonical.encode(value))

    unbound = {name: member for name, member in request(ACTOR).items() if name != "keys"}
    refuse("payload-without-keys", "keys-not-bound", signed(unbound))
    one_key = {**request(ACTOR), "keys": list(ACTOR.public.thumbprints())[:1]}
    refuse("payload-names-one-key", "keys-not-bound", signed(one_key))
    mixed = {**request(ACTOR), "keys": [ACTOR.public.thumbprints()[0], OTHER.public.thumbprints()[1]]}
    refuse("payload-names-another-pair", "keys-not-bound", signed(mixed))
    refuse("payload-not-canonical", "jws-malformed", signed(payload.replace(b",", b", ", 1)))
    refuse("payload-with-a-float", "jws-malformed", signed(payload.replace(b'"v":1', b'"v":1.0')))
    refuse("payload-not-an-object", "jws-malformed", signed([]))


def _good_request(name: str, key: SigningKey) -> Case:
    payload = request(key)
    jws = sign_jws(payload, key)
    return {
        "name": name,
        "jwks": key.public.jwks(),
        "thumbprints": list(key.public.thumbprints()),
        "key_id": key.public.key_id,
        "payload": payload,
        "payload_digest": payload_digest(jws),
        "jws": jws.decode(),
    }


def _altered(part: dict[str, str]) -> dict[str, str]:
    signature = bytearray(base64url.decode(part["signature"]))
    signature[40] ^= 1
    return {**part, "signature": base64url.encode(bytes(signature))}


def _next_char(char: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(char) + 1]


# Notes and checkpoints.

LOG = LogSigner(ORIGIN, seed("log ed25519"), seed("log mldsa44"))
OTHER_LOG = LogSigner(ORIGIN, seed("other log ed25519"), seed("other log mldsa44"))
WITNESS = LogSigner("witness.example/w1", seed("witness ed25519"), seed("witness mldsa44"))


def make_notes() -> None:
    text = b"What is said here\n\nis signed below.\n"
    line = NoteSignature(ORIGIN, LOG._vkeys[0].key_id, LOG._ed25519.sign(text))
    unknown = NoteSignature("someone.example", 7, b"unknown")
    note = format_note(Note(text, (line,)))
    known = [LOG.vkeys()[0]]

    def case(name: str, data: bytes, **more: object) -> Case:
        return {"name": name, **more, "vkeys": known, "note": base64.b64encode(data).decode()}

    good = [
        case("one-signature", note, text=text.decode()),
        case("unknown-signature-ignored", format_note(Note(text, (unknown, line))), text=text.decode()),
        case("same-line-twice", format_note(Note(text, (line, line))), text=text.decode()),
    ]
    encoded = note.split(b" ")[-1].strip()
    broken = NoteSignature(ORIGIN, line.key_id, bytes(64))
    malformed = {
        "empty": b"",
        "no-signature-lines": text,
        "no-empty-line": note.replace(b"\n\n\xe2", b"\n\xe2"),
        "no-last-newline": note[:-1],
        "not-utf-8": note.replace(b"What", b"Wha\xff"),
        "carriage-return": note.replace(b"here\n", b"here\r\n"),
        "tab": note.replace(b"is said", b"is\tsaid"),
        "hyphen-in-place-of-em-dash": note.replace("— ".encode(), b"- "),
        "line-without-signature": note.replace(b" " + encoded, b""),
        "name-with-plus": note.replace(b"\xe2\x80\x94 telesphor", b"\xe2\x80\x94 tele+sphor"),
        "name-with-no-break-space": note.replace(b"\xe2\x80\x94 telesphor", "— tele\u00a0sphor".encode()),
        "empty-name": note.replace(b"\xe2\x80\x94 telesphor.example/clinic", b"\xe2\x80\x94 "),
        "unpadded-base64": note.replace(encoded, encoded.rstrip(b"=")),
        "base64url": note.replace(encoded, b"-_" + encoded[2:]),
        "space-after-signature": note[:-1] + b" \n",
        "signature-of-four-bytes": note.replace(encoded, base64.b64encode(bytes(4))),
    }
    bad = [case(name, data, code="note-malformed") for name, data in malformed.items()]
    bad += [
        case("altered-text", note.replace(b"below", b"above"), code="note-signature-refused"),
        case("altered-signature", format_note(Note(text, (broken,))), code="note-signature-refused"),
        case(
            "good-and-altered-signature",
            format_note(Note(text, (line, broken))),
            code="note-signature-refused",
        ),
        case("only-unknown-signatures", format_note(Note(text, (unknown,))), code="note-unsigned"),
        case("too-many-signatures", format_note(Note(text, (line,) * 101)), code="limit-exceeded"),
    ]
    write("note", "checkpoint", good, bad, note="Notes are in base64, as some of the bad ones are not text.")


def make_checkpoints() -> None:
    checkpoint = Checkpoint(ORIGIN, 20_852_163, seed("root"))
    signed = LOG.sign(checkpoint, time_seconds=TIME_SECONDS)
    note = parse_note(signed)
    ed25519, mldsa = note.signatures

    def case(name: str, data: bytes, **more: object) -> Case:
        return {"name": name, **more, "origin": ORIGIN, "vkeys": list(LOG.vkeys()), "note": data.decode()}

    def holds(of: Checkpoint) -> Case:
        return {"size": of.size, "root": of.root.hex(), "time_seconds": TIME_SECONDS}

    empty = Checkpoint(ORIGIN, 0, sha256(b"").digest())
    cosignature = WITNESS._cosign(checkpoint, TIME_SECONDS + 2)
    witness = NoteSignature(WITNESS.origin, WITNESS._vkeys[1].key_id, cosignature)
    good = [
        case("two-lines", signed, **holds(checkpoint)),
        case("empty-tree", LOG.sign(empty, time_seconds=TIME_SECONDS), **holds(empty)),
        case(
            "with-a-witness", format_note(Note(note.text, (*note.signatures, witness))), **holds(checkpoint)
        ),
        case("lines-in-other-order", format_note(Note(note.text, (mldsa, ed25519))), **holds(checkpoint)),
    ]
    bad: list[Case] = []

    def refuse(name: str, code: str, data: bytes) -> None:
        bad.append(case(name, data, code=code))

    bad_lines(refuse, note, checkpoint)
    bad_texts(refuse, note)
    write("checkpoint", "checkpoint", good, bad)


def bad_lines(refuse: Refuse, note: Note, checkpoint: Checkpoint) -> None:
    ed25519, mldsa = note.signatures

    def lines(*signatures: NoteSignature, text: bytes = note.text) -> bytes:
        return format_note(Note(text, signatures))

    stolen = parse_note(OTHER_LOG.sign(checkpoint, time_seconds=TIME_SECONDS)).signatures
    later = mldsa.signature[:7] + bytes([mldsa.signature[7] ^ 1]) + mldsa.signature[8:]
    again = parse_note(LOG.sign(checkpoint, time_seconds=TIME_SECONDS + 1)).signatures[1]
    refused = "checkpoint-refused"
    refuse("stripped-ed25519-line", "half-signature", lines(mldsa))
    refuse("stripped-mldsa-line", "half-signature", lines(ed25519))
    refuse("lines-of-another-log", refused, lines(*stolen))
    refuse("mldsa-line-of-another-log", "half-signature", lines(ed25519, stolen[1]))
    flipped = bytes([ed25519.signature[0] ^ 1]) + ed25519.signature[1:]
    refuse("altered-ed25519-line", refused, lines(NoteSignature(ORIGIN, ed25519.key_id, flipped), mldsa))
    refuse("altered-time", refused, lines(ed25519, NoteSignature(ORIGIN, mldsa.key_id, later)))
    short = NoteSignature(ORIGIN, mldsa.key_id, mldsa.signature[:-1])
    refuse("short-mldsa-line", refused, lines(ed25519, short))
    untimed = NoteSignature(ORIGIN, mldsa.key_id, bytes(8) + mldsa.signature[8:])
    refuse("time-of-zero", refused, lines(ed25519, untimed))
    refuse("two-mldsa-lines-with-two-times", refused, lines(ed25519, mldsa, again))
    swapped = [
        NoteSignature(ORIGIN, ed25519.key_id, mldsa.signature),
        NoteSignature(ORIGIN, mldsa.key_id, ed25519.signature),
    ]
    refuse("swapped-lines", refused, lines(*swapped))


def bad_texts(refuse: Refuse, note: Note) -> None:
    ed25519, mldsa = note.signatures
    refused, body = "checkpoint-refused", note.text

    def text(body: bytes) -> bytes:
        """Any text with a good Ed25519 line; the ML-DSA-44 line is that of the checkpoint."""
        line = NoteSignature(ORIGIN, ed25519.key_id, LOG._ed25519.sign(body))
        return format_note(Note(body, (line, mldsa)))

    root = body.split(b"\n")[2]
    altered = body.replace(b"20852163", b"20852164")
    refuse("altered-size", refused, format_note(Note(altered, note.signatures)))
    refuse("mldsa-line-over-another-size", refused, text(body.replace(b"20852163", b"20852164")))
    refuse("size-with-leading-zero", refused, text(body.replace(b"20852163", b"020852163")))
    refuse("size-with-sign", refused, text(body.replace(b"20852163", b"+20852163")))
    refuse("size-too-large", refused, text(body.replace(b"20852163", b"9223372036854775808")))
    refuse("size-in-other-digits", refused, text(body.replace(b"20852163", "٢٠".encode())))
    refuse("short-root", refused, text(body.replace(root, base64.b64encode(bytes(31)))))
    refuse("unpadded-root", refused, text(body.replace(root, root.rstrip(b"="))))
    refuse("extension-line", refused, text(body + b"extension\n"))
    refuse("missing-root", refused, text(body.replace(root + b"\n", b"")))
    elsewhere = body.replace(b"telesphor.example/clinic", b"telesphor.example/other")
    refuse("another-origin", refused, text(elsewhere))
    refuse("not-a-note", refused, body)


if __name__ == "__main__":
    make_requests()
    make_notes()
    make_checkpoints()

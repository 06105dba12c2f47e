"""What is fuzzed of sealing: chunks, seals and envelopes."""

from __future__ import annotations

import io

from telesphor.kernel import chunked
from telesphor.kernel.sealing import RecipientKey, SealInfo, open_envelope, seal, seal_envelope, unseal
from tests.fuzz.target import Target

_RECIPIENT = RecipientKey(bytes([5]) * 32)
_INFO = SealInfo("object-key", "object-1", _RECIPIENT.thumbprint(), "reader")
_DATA_KEY = bytes([6]) * 32
_CONTEXT = b"fuzz"


def _chunked() -> list[bytes]:
    sealed = []
    for size in (0, 1, chunked.CHUNK, chunked.CHUNK + 5):
        out = io.BytesIO()
        chunked.encrypt_stream(io.BytesIO(bytes(size)), out, key=_DATA_KEY, context=_CONTEXT, salt=bytes(24))
        sealed.append(out.getvalue())
    return sealed


def _seals() -> list[bytes]:
    return [seal(b"key", recipient=_RECIPIENT.public, info=_INFO)]


def _envelopes() -> list[bytes]:
    return [
        seal_envelope(b"text", recipients=[(_RECIPIENT.public, "reader")], purpose="message", object="m-1")
    ]


def take_chunked(data: bytes) -> None:
    chunked.plaintext_size(len(data))
    out = io.BytesIO()
    chunked.decrypt_stream(io.BytesIO(data), out, key=_DATA_KEY, context=_CONTEXT)
    reader = chunked.ChunkReader(lambda at, n: data[at : at + n], len(data), _DATA_KEY, _CONTEXT)
    assert reader.read(0, reader.size) == out.getvalue()


def take_seal(data: bytes) -> None:
    assert unseal(data, key=_RECIPIENT, info=_INFO) == b"key"


def take_envelope(data: bytes) -> None:
    assert open_envelope(data, key=_RECIPIENT, purpose="message", object="m-1") == b"text"


TARGETS = {
    "chunked": Target(take_chunked, _chunked),
    "seal": Target(take_seal, _seals),
    "envelope": Target(take_envelope, _envelopes),
}

"""C2SP chunked encryption: large messages with random access, truncation evident, key committing.

The plaintext is cut into chunks of 16 KiB, the last one always shorter (perhaps empty), and each is
sealed with AES-GCM under a key of this message alone. What this module guarantees:

- no byte of plaintext is given out before the chunk it is in has been authenticated;
- a flipped, cut, lengthened, reordered or swapped chunk is refused, and so is another key, context
  or salt, before any chunk is opened (the commitment in the header);
- memory is constant: streams are worked in batches of 1 MiB, random access opens only what is asked.

Start at `encrypt_stream` and `ChunkReader`; `MessageKeys` is what both stand on. Source:
c2sp.org/chunked-encryption, in its instantiation Cobblestone-256 (HKDF-Expand with SHA-512 and
AES-256-GCM), which others implement too. Bytes: `docs/spec/chunked.md`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA512, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from telesphor.kernel.errors import Kind, TelesphorError

CHUNK: Final = 16_384
TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG
SALT: Final = 24
COMMITMENT: Final = 32
HEADER: Final = SALT + COMMITMENT
NONCE: Final = 12
# The bound of the specification: 4 PiB, below the wear-out limit of AES in counter mode.
CHUNKS_MAX: Final = 2**38

_KEY_BYTES: Final = {"AEAD_AES_128_GCM": 16, "AEAD_AES_256_GCM": 32}
_PREFIX: Final = b"c2sp.org/chunked-encryption@v1+"

# Streams are worked in batches of 64 chunks: large enough to hide the cost of a call, small enough
# to stay in the cache.
BATCH_CHUNKS: Final = 64

Buffer = bytes | bytearray | memoryview


class ChunkedRefused(TelesphorError):
    """A chunked ciphertext (or a use of this module) that must not be gone on with."""

    code = "chunked-refused"
    kind = Kind.CORRUPT


class Truncated(ChunkedRefused):
    """The ciphertext ends where no message can end: its last chunk is missing."""

    code = "chunked-truncated"


class Invalid(ChunkedRefused):
    """No ciphertext has this size or shape."""

    code = "chunked-invalid"


class KeyCommitmentRefused(ChunkedRefused):
    """The header was not made with this key, salt and context."""

    code = "chunked-commitment-refused"


class ChunkRefused(ChunkedRefused):
    """A chunk is not authentic: altered, moved, or from another message."""

    code = "chunk-refused"


def ciphertext_size(plaintext_bytes: int) -> int:
    """Size of the ciphertext, header included, of a message of `plaintext_bytes`."""
    if plaintext_bytes < 0 or plaintext_bytes // CHUNK >= CHUNKS_MAX:
        raise Invalid(f"a message of {plaintext_bytes} bytes cannot be sealed")
    return HEADER + plaintext_bytes + TAG * (plaintext_bytes // CHUNK + 1)


def plaintext_size(ciphertext_bytes: int) -> int:
    """Size of the message in a ciphertext of `ciphertext_bytes`.

    It is a claim until the last chunk has been opened. Raises `Truncated` or `Invalid`.
    """
    if ciphertext_bytes < HEADER:
        raise Invalid(f"a ciphertext of {ciphertext_bytes} bytes has no whole header")
    full, rest = divmod(ciphertext_bytes - HEADER, SEALED_CHUNK)
    return full * CHUNK + _last_plaintext_size(full, rest)


@dataclass(frozen=True, slots=True)
class Suite:
    """What the scheme is instantiated with: the AEAD by its IANA name and the hash of HKDF-Expand.

    Telesphor writes `COBBLESTONE_256` alone; other suites are for reading test vectors.
    """

    aead: str
    hash: HashAlgorithm

    def __post_init__(self) -> None:
        if self.aead not in _KEY_BYTES:
            raise Invalid(f"the cipher `{self.aead}` is not known")

    @property
    def key_bytes(self) -> int:
        """Size of the input key and of the AEAD's key."""
        return _KEY_BYTES[self.aead]


COBBLESTONE_256: Final = Suite("AEAD_AES_256_GCM", SHA512())


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """The key, base nonce and commitment of one message; its `repr` shows neither of the first two.

    Safe to use from several threads: the cipher keeps no state between chunks.
    """

    salt: bytes
    commitment: bytes
    aead_key: bytes = field(repr=False)
    base_nonce: bytes = field(repr=False)
    _cipher: AESGCM = field(init=False, repr=False, compare=False)
    _nonce_number: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_cipher", AESGCM(self.aead_key))
        object.__setattr__(self, "_nonce_number", int.from_bytes(self.base_nonce, "big"))

    @staticmethod
    def derive(
        input_key: bytes, salt: bytes, context: bytes, *, suite: Suite = COBBLESTONE_256
    ) -> MessageKeys:
        """Derive the keys of a message (section "Key derivation").

        Args:
            input_key: uniformly random, as long as the key of the AEAD (32 bytes).
            salt: 24 bytes that never repeat under one input key.
            context: what the message is bound to; may be empty.
            suite: another than the default is for reading test vectors.
        """
        key_bytes = suite.key_bytes
        if len(input_key) != key_bytes or len(salt) != SALT:
            raise Invalid(f"the key must be {key_bytes} bytes and the salt {SALT}")
        info = _PREFIX + suite.aead.encode("ascii") + b"\x00" + salt + context
        derived = HKDFExpand(suite.hash, key_bytes + NONCE + COMMITMENT, info).derive(input_key)
        nonce_end = key_bytes + NONCE
        return MessageKeys(
            bytes(salt), derived[nonce_end:], derived[:key_bytes], derived[key_bytes:nonce_end]
        )

    def header(self) -> bytes:
        """The 56 bytes before the first chunk: salt and commitment."""
        return self.salt + self.commitment

    def check_header(self, header: bytes) -> None:
        """Raise `KeyCommitmentRefused` unless the header commits to exactly these keys."""
        if not hmac.compare_digest(header, self.header()):
            raise KeyCommitmentRefused(
                "the ciphertext was not made with this key and context", hint="check which key sealed it"
            )

    def seal_chunks(self, plaintext: Buffer, *, first_chunk: int, final: bool) -> bytearray:
        """Seal many chunks in one call, into one buffer.

        Args:
            plaintext: a whole number of chunks, or, when `final`, any size: what is left after the
                whole chunks (perhaps nothing) becomes the short last chunk.
            first_chunk: number of the first chunk.
            final: whether the message ends here.
        """
        full, rest = divmod(len(plaintext), CHUNK)
        if rest and not final:
            raise Invalid(f"only the last piece of a message may be no multiple of {CHUNK} bytes")
        sealed = bytearray(len(plaintext) + TAG * (full + final))
        self.seal_into(memoryview(plaintext), memoryview(sealed), first_chunk)
        return sealed

    def open_chunks(self, ciphertext: Buffer, *, first_chunk: int, final: bool) -> bytearray:
        """Open many chunks in one call; the reverse of `seal_chunks`.

        Raises `ChunkRefused` naming the first chunk that is not authentic, `Truncated` or `Invalid`
        when the pieces are not what they must be; nothing is given out then.
        """
        full, rest = divmod(len(ciphertext), SEALED_CHUNK)
        if rest and not final:
            raise Invalid(f"only the last piece may be no multiple of {SEALED_CHUNK} bytes")
        last = _last_plaintext_size(first_chunk + full, rest) if final else 0
        opened = bytearray(full * CHUNK + last)
        self.open_into(memoryview(ciphertext), memoryview(opened), first_chunk)
        return opened

    def seal_into(self, source: memoryview, target: memoryview, first_chunk: int) -> None:
        """The same into a buffer of the caller's, whose size says how many chunks there are."""
        count = -(-len(target) // SEALED_CHUNK)
        _check_numbers(first_chunk, count)
        seal, base = self._cipher.encrypt_into, self._nonce_number
        for index in range(count):
            # The nonce is the base nonce XOR the chunk number (section "AEAD usage").
            nonce = (base ^ (first_chunk + index)).to_bytes(NONCE, "big")
            plain, sealed = index * CHUNK, index * SEALED_CHUNK
            seal(nonce, source[plain : plain + CHUNK], None, target[sealed : sealed + SEALED_CHUNK])

    def open_into(self, source: memoryview, target: memoryview, first_chunk: int) -> None:
        """The reverse of `seal_into`; when it raises, what `target` holds is not authentic."""
        count = -(-len(source) // SEALED_CHUNK)
        _check_numbers(first_chunk, count)
        open_, base = self._cipher.decrypt_into, self._nonce_number
        for index in range(count):
            nonce = (base ^ (first_chunk + index)).to_bytes(NONCE, "big")
            plain, sealed = index * CHUNK, index * SEALED_CHUNK
            try:
                open_(nonce, source[sealed : sealed + SEALED_CHUNK], None, target[plain : plain + CHUNK])
            except InvalidTag:
                raise ChunkRefused(f"chunk {first_chunk + index} is not authentic") from None


def encrypt_stream(
    src: BinaryIO, dst: BinaryIO, *, key: bytes, context: bytes, salt: bytes | None = None
) -> int:
    """Seal everything `src` gives into `dst` and return the size of the ciphertext.

    `salt` is drawn at random when it is not given. Constant memory.
    """
    keys = MessageKeys.derive(key, secrets.token_bytes(SALT) if salt is None else salt, context)
    plain = memoryview(bytearray(BATCH_CHUNKS * CHUNK))
    sealed = memoryview(bytearray(BATCH_CHUNKS * SEALED_CHUNK))
    _write_all(dst, keys.header())
    chunk = 0
    while True:
        count = _read_full(src, plain)
        final = count < len(plain)
        size = count + TAG * (count // CHUNK + final)
        keys.seal_into(plain[:count], sealed[:size], chunk)
        _write_all(dst, sealed[:size])
        if final:
            return ciphertext_size(chunk * CHUNK + count)
        chunk += BATCH_CHUNKS


def decrypt_stream(
    src: BinaryIO, dst: BinaryIO, *, key: bytes, context: bytes, suite: Suite = COBBLESTONE_256
) -> int:
    """Open everything `src` gives into `dst` and return the size of the plaintext.

    Only authentic plaintext is written. It is complete only when this function returns: after an
    error the caller throws away what was written. Constant memory.
    """
    keys = _keys_of_header(_read_header(src), key, context, suite)
    sealed = memoryview(bytearray(BATCH_CHUNKS * SEALED_CHUNK))
    plain = memoryview(bytearray(BATCH_CHUNKS * CHUNK))
    chunk = 0
    while True:
        count = _read_full(src, sealed)
        final = count < len(sealed)
        full, rest = divmod(count, SEALED_CHUNK)
        size = full * CHUNK + (_last_plaintext_size(chunk + full, rest) if final else 0)
        keys.open_into(sealed[:count], plain[:size], chunk)
        _write_all(dst, plain[:size])
        if final:
            return chunk * CHUNK + size
        chunk += BATCH_CHUNKS


class ChunkReader:
    """Random access to a sealed message.

    Building one checks the header and opens the last chunk, so that `size` is authentic: a cut or
    lengthened ciphertext cannot be read from at all.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        ciphertext_size: int,
        key: bytes,
        context: bytes,
        *,
        suite: Suite = COBBLESTONE_256,
    ) -> None:
        """
        Args:
            read_at: gives `length` bytes of the ciphertext from `offset`: `read_at(offset, length)`.
            ciphertext_size: size of the whole ciphertext in bytes, header included.
            key: the input key, 32 bytes.
            context: what the message is bound to.
        """
        size = plaintext_size(ciphertext_size)
        self._read_at = read_at
        self._keys = _keys_of_header(self._fetch(0, HEADER), key, context, suite)
        self._last_chunk = size // CHUNK
        self._last_size = size % CHUNK
        self._size = size
        self._open_span(self._last_chunk, self._last_chunk)

    @property
    def size(self) -> int:
        """Size of the plaintext in bytes, authenticated."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """Plaintext from `offset`, at most `length` bytes, fewer only at the end of the message.

        It fetches the needed chunks in one piece: the caller bounds `length`.
        """
        if offset < 0 or length < 0:
            raise Invalid("an offset and a length are not negative")
        end = min(offset + length, self._size)
        if offset >= end:
            return b""
        first = offset // CHUNK
        opened = self._open_span(first, (end - 1) // CHUNK)
        start = offset - first * CHUNK
        return bytes(memoryview(opened)[start : start + end - offset])

    def _open_span(self, first: int, last: int) -> bytearray:
        final = last == self._last_chunk
        count = last - first + 1
        length = count * SEALED_CHUNK
        if final:
            length -= CHUNK - self._last_size
        sealed = self._fetch(HEADER + first * SEALED_CHUNK, length)
        return self._keys.open_chunks(sealed, first_chunk=first, final=final)

    def _fetch(self, offset: int, length: int) -> bytes:
        data = self._read_at(offset, length)
        if len(data) != length:
            raise Truncated(f"asked for {length} bytes of ciphertext at {offset}, got {len(data)}")
        return data


def _last_plaintext_size(number: int, rest: int) -> int:
    """Size of the last chunk's plaintext when `rest` sealed bytes are left for it."""
    if rest == 0:
        raise Truncated(f"the ciphertext is cut: chunk {number}, the last one, is missing")
    if rest < TAG:
        raise Invalid(f"the ciphertext ends within the tag of chunk {number}")
    return rest - TAG


def _check_numbers(first_chunk: int, count: int) -> None:
    if first_chunk < 0 or first_chunk + count > CHUNKS_MAX:
        raise Invalid(f"a message has at most {CHUNKS_MAX} chunks")


def _keys_of_header(header: bytes, key: bytes, context: bytes, suite: Suite) -> MessageKeys:
    keys = MessageKeys.derive(key, header[:SALT], context, suite=suite)
    keys.check_header(header)
    return keys


def _read_header(src: BinaryIO) -> bytes:
    header = bytearray(HEADER)
    count = _read_full(src, memoryview(header))
    if count < HEADER:
        raise Invalid(f"a ciphertext of {count} bytes has no whole header")
    return bytes(header)


def _read_full(src: BinaryIO, target: memoryview) -> int:
    """Fill `target` unless the stream ends: pipes and sockets give less than asked at a time."""
    # Every binary file of the standard library reads into a buffer; a fresh buffer for every batch
    # would cost more than its encryption.
    readinto: Callable[[memoryview], int | None] | None = getattr(src, "readinto", None)
    count = 0
    while count < len(target):
        if readinto is not None:
            step = readinto(target[count:]) or 0
        else:
            piece = src.read(len(target) - count)
            step = len(piece)
            target[count : count + step] = piece
        if not step:
            break
        count += step
    return count


def _write_all(dst: BinaryIO, data: Buffer) -> None:
    left = memoryview(data)
    while left:
        left = left[dst.write(left) :]

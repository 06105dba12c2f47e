"""Key files: secrets at rest under a passphrase (Argon2id and AES-256-GCM).

`seal_keyfile` turns a small dictionary of secrets into canonical JSON, `open_keyfile` reads it back.
What this module guarantees: every parameter is bounded before any work is done, and everything in
the file is authenticated, the parameters too. Bytes: `docs/spec/keyfile.md`.

A wrong passphrase and an altered file cannot be told apart, and the error says so.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from telesphor.kernel import base64url, canonical
from telesphor.kernel.errors import Kind, TelesphorError

FORMAT: Final = "telesphor-keyfile/1"
AEAD_NAME: Final = "AES-256-GCM"
KDF_NAME: Final = "argon2id"
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
# Seeds and keys are below 8 KiB together; nobody keeps files in here.
KEYFILE_BYTES_MAX: Final = 256 * 1024
# A file from a stranger must not be able to take the machine's memory or its afternoon.
MEMORY_KIB_MAX: Final = 1024 * 1024
MEMORY_KIB_MIN: Final = 8 * 1024
ITERATIONS_MAX: Final = 16
LANES_MAX: Final = 16
# A passphrase is typed or read from a file of secrets.
PASSPHRASE_BYTES_MAX: Final = 4096

# Lanes run in OpenSSL's pool of threads, and two derivations that share it can wait for each other for ever.
_DERIVING: Final = threading.Lock()


class KeyfileRefused(TelesphorError):
    """The bytes are not a key file, or its parameters are out of bounds."""

    code = "keyfile-refused"
    kind = Kind.INVALID


class WrongPassphrase(TelesphorError):
    """The key file does not open: the passphrase is wrong, or the file was altered."""

    code = "wrong-passphrase"
    kind = Kind.UNAUTHENTICATED


def _check_bound(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise KeyfileRefused(f"`{name}` of the key derivation must be between {least} and {most}")


@dataclass(frozen=True, slots=True)
class Argon2idParams:
    """Cost of the passphrase's stretching (RFC 9106); one out of bounds cannot be built.

    Attributes:
        memory_kib: memory in KiB, from 8 MiB to 1 GiB.
        iterations: passes over the memory, from 1 to 16.
        lanes: degree of parallelism, from 1 to 16.
    """

    memory_kib: int
    iterations: int
    lanes: int

    def __post_init__(self) -> None:
        _check_bound("memory_kib", self.memory_kib, MEMORY_KIB_MIN, MEMORY_KIB_MAX)
        _check_bound("iterations", self.iterations, 1, ITERATIONS_MAX)
        _check_bound("lanes", self.lanes, 1, LANES_MAX)


# The second recommended choice of RFC 9106, section 4.
ARGON2ID: Final = Argon2idParams(memory_kib=64 * 1024, iterations=3, lanes=4)


def seal_keyfile(
    secret: Mapping[str, object], *, passphrase: bytes, params: Argon2idParams = ARGON2ID
) -> bytes:
    """Seal `secret` (a canonical JSON object) under `passphrase`; returns canonical JSON."""
    header: dict[str, Any] = {
        "aead": AEAD_NAME,
        "format": FORMAT,
        "kdf": {
            "iterations": params.iterations,
            "lanes": params.lanes,
            "memory_kib": params.memory_kib,
            "name": KDF_NAME,
        },
        "nonce": base64url.encode(secrets.token_bytes(NONCE_BYTES)),
        "salt": base64url.encode(secrets.token_bytes(SALT_BYTES)),
        "v": 1,
    }
    plaintext = canonical.encode(dict(secret))
    cipher = _cipher(passphrase, base64url.decode(header["salt"]), params)
    ciphertext = cipher.encrypt(base64url.decode(header["nonce"]), plaintext, canonical.encode(header))
    data = canonical.encode({**header, "ciphertext": base64url.encode(ciphertext)})
    if len(data) > KEYFILE_BYTES_MAX:
        raise KeyfileRefused(f"a key file has at most {KEYFILE_BYTES_MAX} bytes")
    return data


def open_keyfile(data: bytes, *, passphrase: bytes) -> dict[str, Any]:
    """Open a key file. Raises `KeyfileRefused` before any work, `WrongPassphrase` after it."""
    keyfile = _read_keyfile(data)
    params = _read_params(keyfile["kdf"])
    salt = _decode(keyfile["salt"], "salt", SALT_BYTES)
    nonce = _decode(keyfile["nonce"], "nonce", NONCE_BYTES)
    ciphertext = _decode(keyfile.pop("ciphertext"), "ciphertext", None)
    try:
        plaintext = _cipher(passphrase, salt, params).decrypt(nonce, ciphertext, canonical.encode(keyfile))
    except InvalidTag:
        raise WrongPassphrase(
            "the key file does not open: the passphrase is wrong, or the file was altered",
            hint="check the passphrase; otherwise restore the file from its copy",
        ) from None
    secret = canonical.decode(plaintext, limit=KEYFILE_BYTES_MAX)
    if not isinstance(secret, dict):
        raise KeyfileRefused("the key file does not hold an object")
    return secret


_MEMBERS: Final = {"aead", "ciphertext", "format", "kdf", "nonce", "salt", "v"}
_KDF_MEMBERS: Final = {"iterations", "lanes", "memory_kib", "name"}


def _read_keyfile(data: bytes) -> dict[str, Any]:
    if len(data) > KEYFILE_BYTES_MAX:
        raise KeyfileRefused(f"a key file has at most {KEYFILE_BYTES_MAX} bytes, not {len(data)}")
    try:
        keyfile = canonical.decode(data, limit=KEYFILE_BYTES_MAX)
    except TelesphorError as error:
        raise KeyfileRefused(f"the key file is not canonical JSON: {error.message}") from error
    if not isinstance(keyfile, dict) or set(keyfile) != _MEMBERS:
        raise KeyfileRefused("a key file must have exactly its own members")
    if keyfile["format"] != FORMAT or type(keyfile["v"]) is not int or keyfile["v"] != 1:
        raise KeyfileRefused(f"a key file must be of the format `{FORMAT}`")
    if keyfile["aead"] != AEAD_NAME:
        raise KeyfileRefused(f"the cipher of a key file must be `{AEAD_NAME}`")
    return keyfile


def _read_params(kdf: object) -> Argon2idParams:
    if not isinstance(kdf, dict) or set(kdf) != _KDF_MEMBERS or kdf["name"] != KDF_NAME:
        raise KeyfileRefused(f"the key derivation of a key file must be `{KDF_NAME}` with its parameters")
    return Argon2idParams(kdf["memory_kib"], kdf["iterations"], kdf["lanes"])


def _cipher(passphrase: bytes, salt: bytes, params: Argon2idParams) -> AESGCM:
    if not 1 <= len(passphrase) <= PASSPHRASE_BYTES_MAX:
        raise KeyfileRefused(f"a passphrase has between 1 and {PASSPHRASE_BYTES_MAX} bytes")
    kdf = Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=params.iterations,
        lanes=params.lanes,
        memory_cost=params.memory_kib,
    )
    with _DERIVING:
        return AESGCM(kdf.derive(passphrase))


def _decode(text: object, what: str, size: int | None) -> bytes:
    try:
        value = base64url.decode(text) if isinstance(text, str) else b""
    except TelesphorError as error:
        raise KeyfileRefused(f"the {what} of the key file is not canonical base64url") from error
    if len(value) != size if size is not None else len(value) < TAG_BYTES:
        raise KeyfileRefused(f"the {what} of the key file has the wrong size")
    return value

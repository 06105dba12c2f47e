"""Bytes in and out of OpenSSL, with as few calls into it as there can be.

Each call into OpenSSL gives up Python's lock and must win it back from the node's other threads, which may take
milliseconds while the writer is busy. So nothing is asked that can be known: the heads of the records that go in
are counted here, which tells how often reading is worth while.

INVARIANT: `ready` is never smaller than the number of whole records that OpenSSL holds, so none is left lying.
"""

from __future__ import annotations

import ssl
import threading
from typing import Any

from OpenSSL import SSL

from telesphor.runtime.tls.openssl import ffi, lib

RECORD_BYTES = 16 * 1024
"""What one record of TLS holds at most (RFC 8446 section 5.1)."""

RECORD_BYTES_MAX = RECORD_BYTES + 256
HEAD_BYTES = 5
FEED_BYTES = 128 * 1024
"""What OpenSSL is given at once, either way: its memory for it stays with the connection."""

OUTPUT_BYTES = FEED_BYTES + 64 * 1024
"""What that becomes, with heads and tags, and what a handshake sends."""

UNKNOWN = 1 << 30
"""After a handshake: what came with its last message was not counted."""


class Records:
    """One connection's records."""

    def __init__(self, connection: SSL.Connection) -> None:
        self._connection: Any = connection
        self._ssl = self._connection._ssl
        self._head = b""
        self._left = 0
        self.ready = 0

    def feed(self, data: bytes) -> None:
        """Give OpenSSL what came from the line."""
        self._count(data)
        self._connection.bio_write(data)

    def read(self, limit_bytes: int) -> bytes:
        """One record's data.

        Raises:
            SSL.WantReadError, SSL.ZeroReturnError, SSL.Error: as pyOpenSSL does.
        """
        scratch = _scratch.memory
        size = lib.SSL_read(self._ssl, scratch, min(limit_bytes, RECORD_BYTES))
        if size <= 0:
            self._fail(size)
        self._took(limit_bytes)
        return bytes(ffi.buffer(scratch, size))

    def read_into(self, view: memoryview) -> int:
        """The same into memory that is there."""
        with ffi.from_buffer(view, require_writable=True) as memory:
            size = lib.SSL_read(self._ssl, memory, view.nbytes)
        if size <= 0:
            self._fail(size)
        self._took(view.nbytes)
        return int(size)

    def write(self, view: memoryview) -> None:
        """Encrypt at most `FEED_BYTES`; `send_output` has them then."""
        with ffi.from_buffer(view) as memory:
            size = lib.SSL_write(self._ssl, memory, view.nbytes)
        if size <= 0:
            self._fail(size)

    def send_output(self, target: ssl.MemoryBIO) -> None:
        """Move what OpenSSL wants to have sent."""
        scratch = _scratch.memory
        while (size := lib.BIO_read(self._connection._from_ssl, scratch, OUTPUT_BYTES)) > 0:
            target.write(ffi.buffer(scratch, size))
            if size < OUTPUT_BYTES:
                return

    def _took(self, room_bytes: int) -> None:
        if room_bytes >= RECORD_BYTES:  # with less room the record may have more
            self.ready -= 1

    def _fail(self, result: int) -> None:
        try:
            self._connection._raise_ssl_error(self._ssl, result)
        except SSL.WantReadError:
            self.ready = 0
            raise
        raise SSL.Error([("", "", "nothing was done and nothing was wrong")])

    def _count(self, data: bytes) -> None:
        """Walk over the heads: type, version, length (RFC 8446 section 5.2)."""
        place, end = 0, len(data)
        while place < end:
            if self._left:
                step = min(self._left, end - place)
                self._left -= step
                place += step
                self.ready += not self._left
                continue
            step = min(HEAD_BYTES - len(self._head), end - place)
            self._head += data[place : place + step]
            place += step
            if len(self._head) == HEAD_BYTES:
                self._left, self._head = int.from_bytes(self._head[3:], "big"), b""
                if not 0 < self._left <= RECORD_BYTES_MAX:
                    self.ready = UNKNOWN  # no such record exists: let OpenSSL say so at once


class _Scratch(threading.local):
    """Memory for one call, of each thread: during the call others run."""

    def __init__(self) -> None:
        self.memory = ffi.new("char[]", OUTPUT_BYTES)


_scratch = _Scratch()

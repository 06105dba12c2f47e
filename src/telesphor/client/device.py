"""The device's side of enrolment: a counter that no loss of power sets back, and the answer to a challenge.

A device that signs one counter twice is taken for two and shut out (`docs/spec/enrolment.md`). So the counter goes up
in its file, durably, before it is signed, and only after the challenge is there; whoever copies or restores the
file makes a clone.

    async with DeviceClient(url, wallet, origin=origin, counter=CounterFile(path), tls=tls) as device:
        await device.connect(owner=owner, firmware=hash_file(image))
        await device.node.send(("reading.record/1", {...}))
"""

from __future__ import annotations

import fcntl
import os
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, Literal, Self, TypeVar

import msgspec
from msgspec import Meta

from telesphor.capabilities.identity.enrolment.channels import channel_of
from telesphor.capabilities.identity.enrolment.connecting import Challenge, Connected
from telesphor.capabilities.identity.enrolment.model import COUNTER_MAX, FileHash
from telesphor.client.errors import AnswerRefused
from telesphor.client.http import PLAIN, Dialling
from telesphor.client.node import NodeClient
from telesphor.client.wallet import Wallet, write_whole
from telesphor.kernel.clock import Clock
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.ids import IdSource
from telesphor.runtime.capability import Receipt

FORMAT: Final = "telesphor-device-counter/1"

COUNTER_BYTES_MAX = 1_024
"""The file is about 110 bytes."""

LINKS_MAX = 64
"""Connections to one node that are looked at; a pool opens far fewer within one session."""

PIECE_BYTES = 1024 * 1024


_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class CounterMissing(TelesphorError):
    """The device has no counter file."""

    code = "counter-missing"
    kind = Kind.NOT_FOUND


class CounterExists(TelesphorError):
    """There is a counter file already, which must not be set back."""

    code = "counter-exists"
    kind = Kind.CONFLICT


class CounterRefused(TelesphorError):
    """The file is no counter of this device, cannot be read, or has come to its end."""

    code = "counter-refused"
    kind = Kind.INVALID


class ChannelChanged(TelesphorError):
    """The node showed another certificate in the middle of a session."""

    code = "channel-changed"
    kind = Kind.UNAUTHENTICATED


class FirmwareUnreadable(TelesphorError):
    """The firmware's file cannot be read."""

    code = "firmware-unreadable"
    kind = Kind.INVALID


class _Counter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    counter: Annotated[int, Meta(ge=0, le=COUNTER_MAX)]
    device: str
    format: Literal["telesphor-device-counter/1"]


class CounterFile:
    """A device's counter, in a file of its own. Safe between processes: one takes a number at a time.

    INVARIANT: no number is handed out twice, whenever the power fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, device: str, *, after: int = 0) -> None:
        """Make the file of a device that never counted, or whose node says how far it had counted.

        Raises:
            CounterExists: it is there.
            CounterRefused, WalletRefused: it cannot be written.
        """
        with self._locked():
            if self._path.exists():
                raise CounterExists(
                    f"`{self._path.name}` exists", hint="a counter that is set back looks like a clone"
                )
            self._write(_Counter(after, device, FORMAT))

    def take(self, device: str) -> int:
        """Return the next number, which is on the disk by then.

        Raises:
            CounterMissing: there is no file.
            CounterRefused: it is another device's, or none, or at its end.
            WalletRefused: it cannot be written.
        """
        with self._locked():
            counter = self._read()
            if counter.device != device:
                raise CounterRefused(f"`{self._path.name}` counts for another device")
            if counter.counter >= COUNTER_MAX:
                raise CounterRefused(f"`{self._path.name}` has come to its end")
            self._write(_Counter(counter.counter + 1, device, FORMAT))
            return counter.counter + 1

    def _read(self) -> _Counter:
        try:
            with self._path.open("rb") as file:
                data = file.read(COUNTER_BYTES_MAX + 1)
            return msgspec.json.decode(data[:COUNTER_BYTES_MAX], type=_Counter)
        except FileNotFoundError as error:
            raise CounterMissing(
                f"there is no counter `{self._path.name}`",
                hint="make one when the device is enrolled; never one from a copy",
            ) from error
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CounterRefused(f"`{self._path.name}` is no device's counter") from error

    def _write(self, counter: _Counter) -> None:
        write_whole(self._path, msgspec.json.encode(counter, order="sorted") + b"\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The lock's file stands beside, because the counter's is replaced."""
        try:
            lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CounterRefused(f"`{self._path.name}` cannot be written") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


class DeviceClient:
    """One device at one node; use it as an asynchronous context.

    Args:
        wallet: the device's.
        counter: its counter.
        tls: how a node at an `https://` address is dialled.
    """

    def __init__(
        self,
        base_url: str,
        wallet: Wallet,
        *,
        origin: str,
        counter: CounterFile,
        tls: Dialling = PLAIN,
        clock: Clock | None = None,
        ids: IdSource | None = None,
    ) -> None:
        self._links: WatchedContext | None = None
        if base_url.startswith("https://"):
            self._links = WatchedContext(tls.context or ssl.create_default_context())
            tls = Dialling(self._links, tls.name)
        self.node = NodeClient(base_url, wallet, origin=origin, clock=clock, ids=ids, tls=tls)
        self._device = wallet.actor
        self._counter = counter

    async def __aenter__(self) -> Self:
        await self.node.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.node.close()

    async def connect(self, *, owner: str, firmware: str) -> Connected:
        """Prove the device to its node.

        1. Ask for a challenge.
        2. See which certificate stands at the other end of every link so far.
        3. Take the next number.
        4. Sign all of it, and see that the certificate is still the same.

        Args:
            owner: the actor that the device is bound to.
            firmware: `hash_file` of what it runs.

        Raises:
            ClientRefused: the node refuses; its code says why.
            ChannelChanged: the links end at different places.
            CounterMissing, CounterRefused: as `CounterFile.take`.
        """
        challenge = _result(await self.node.send(("device.challenge/1", {"device": self._device})), Challenge)
        channel = self._channel()
        answer = {
            "device": self._device,
            "owner": owner,
            "firmware": firmware,
            "counter": self._counter.take(self._device),
            "nonce": challenge.nonce,
            "channel": channel,
        }
        receipt = await self.node.send(("device.connect/1", answer))
        if self._channel() != channel:
            raise _changed()
        return _result(receipt, Connected)

    def _channel(self) -> FileHash | None:
        if self._links is None:
            return None
        seen = self._links.certificates()
        if len(seen) != 1:
            raise _changed()
        return seen.pop()


class WatchedContext(ssl.SSLContext):
    """A client's TLS context that remembers which certificates were shown on its links."""

    _inner: ssl.SSLContext
    _made: deque[Any]

    def __new__(cls, inner: ssl.SSLContext) -> Self:
        self = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        self._inner = inner
        self._made = deque(maxlen=LINKS_MAX)
        return self

    def wrap_bio(self, *args: Any, **named: Any) -> Any:
        """One link, as the context inside makes it."""
        link = self._inner.wrap_bio(*args, **named)
        self._made.append(link)
        return link

    def certificates(self) -> set[FileHash]:
        """The hashes of all certificates shown so far; a link that is still being opened has shown none."""
        return {channel_of(shown) for link in self._made if (shown := _shown_on(link))}


def hash_file(path: Path) -> FileHash:
    """The SHA-256 of a firmware image, as 64 hex digits; raises `FirmwareUnreadable`."""
    found = sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                found.update(piece)
    except OSError as error:
        raise FirmwareUnreadable(f"`{path.name}` cannot be read", detail=type(error).__name__) from error
    return FileHash(found.hexdigest())


def _shown_on(link: Any) -> bytes | None:
    try:
        shown: bytes | None = link.getpeercert(True)
    except ValueError:  # the standard library's, before its handshake is done
        return None
    return shown


def _changed() -> ChannelChanged:
    return ChannelChanged(
        "the node's certificate changed while the device connected",
        hint="connect again; if it goes on, something stands between the two",
    )


def _result(receipt: Receipt, kind: type[_Answer]) -> _Answer:
    result: Any = receipt.results[0] if receipt.results else None
    try:
        return msgspec.convert(result, kind)
    except msgspec.ValidationError as error:
        raise AnswerRefused("the node's receipt lacks what was asked for") from error

"""A node as its clients see it: send commands, register actors, move objects, fetch proofs.

`NodeClient` speaks for one actor, whose wallet signs everything it asks. Whatever the node refuses is
raised as `ClientRefused` with the node's own code.

    async with NodeClient("https://node.example", wallet, origin="node.example/telesphor") as node:
        receipt = await node.send(("visit.open/1", {...}))
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self, TypeVar

import msgspec

from telesphor.client.errors import AnswerRefused, ClientRefused
from telesphor.client.http import PLAIN, Dialling, Http
from telesphor.client.requests import Command, register_command, rotate_command, sign_request
from telesphor.client.transfers import Progress, download, send_whole, upload
from telesphor.client.wallet import Wallet
from telesphor.kernel.bundle import BUNDLE_BYTES_MAX
from telesphor.kernel.clock import Clock, SystemClock
from telesphor.kernel.digest import digest_of
from telesphor.kernel.entry_bundle import ENTRY_BUNDLE_BYTES_MAX, decode_entries
from telesphor.kernel.ids import IdSource, ObjectId
from telesphor.kernel.note import NOTE_BYTES_MAX
from telesphor.kernel.tile import Tile
from telesphor.runtime.capability import Receipt

COMMANDS_PATH = "/v1/commands"
CHECKPOINT_PATH = "/checkpoint"
PROOFS_PATH = "/v1/proofs"

RANGE_BYTES_MAX = 64 * 1024 * 1024
"""More than this is read to a file, not into memory."""

SENDS_MAX = 5
"""Attempts for a request that the node is too busy to take."""

PAUSE_SECONDS = 0.2

_BUSY = frozenset({"queue-full", "edge-full"})
_Answer = TypeVar("_Answer", bound=msgspec.Struct)


class SealedObject(NamedTuple):
    """An object that was written: its id, plaintext bytes, digest, and the receipt of its seal."""

    object: ObjectId
    size: int
    digest: str
    receipt: Receipt


class _WriteTicket(msgspec.Struct):
    ticket: str


class _ReadTicket(msgspec.Struct):
    ticket: str
    size: int
    role: str
    wrap: str


class _BundleTicket(msgspec.Struct):
    ticket: str
    path: str


class MirrorTicket(msgspec.Struct):
    """Entry bundles from position `first` up to `end` may be fetched with it, for an hour."""

    ticket: str
    first: int
    end: int


class ProvenFact(msgspec.Struct):
    """One entry of the other ledger."""

    position: int
    type: str
    stream: str
    n: int
    leaf: str


class AcceptedProof(msgspec.Struct):
    """A proof that the node accepted: of which ledger, up to which level, and the facts it gives.

    Attributes:
        proof: the id under which the node holds it.
        level: `L1` to `L5`, under the node's own policy.
    """

    origin: str
    subject: str
    level: str
    facts: list[ProvenFact]
    proof: str = ""


class NodeClient:
    """One actor at one node; use it as an asynchronous context.

    Args:
        origin: the node's name; every request is bound to it.
        clock: gives requests their time, which must be within 300 seconds of the node's.
        ids: gives requests their nonces, and new objects their ids.
        tls: how a node at an `https://` address is dialled.
    """

    def __init__(
        self,
        base_url: str,
        wallet: Wallet,
        *,
        origin: str,
        clock: Clock | None = None,
        ids: IdSource | None = None,
        tls: Dialling = PLAIN,
    ) -> None:
        self.wallet = wallet
        self.origin = origin
        self._clock = clock or SystemClock()
        self._ids = ids or IdSource(self._clock)
        self._http = Http(base_url, tls)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def send(self, *commands: Command) -> Receipt:
        """Sign commands, all or nothing, and return their receipt once they are durable.

        A node that is too busy is asked again, with the same signed bytes. A broken connection is not:
        `NodeUnreachable` then leaves open whether the commands were taken.
        """
        data = await asyncio.to_thread(self.sign, commands)
        for attempt in range(SENDS_MAX):
            try:
                answer = await self._http.fetch("POST", COMMANDS_PATH, body=data, headers=_JOSE)
                break
            except ClientRefused as error:
                if error.code not in _BUSY or attempt == SENDS_MAX - 1:
                    raise
                await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
        return _decode(answer, Receipt)

    def sign(self, commands: Sequence[Command]) -> bytes:
        """The signed request of these commands, for whoever sends it itself."""
        return sign_request(
            self.wallet, node=self.origin, commands=commands, clock=self._clock, ids=self._ids
        )

    async def register(self, *wallets: Wallet) -> Receipt:
        """Register other actors; takes a wallet of an organisation or the node."""
        return await self.send(*(register_command(wallet, node=self.origin) for wallet in wallets))

    async def rotate_key(self) -> Wallet:
        """Replace this actor's keys by fresh ones, and go on with them. Save the wallet that is returned."""
        renewed = self.wallet.renew()
        await self.send(rotate_command(renewed, node=self.origin))
        self.wallet = renewed
        return renewed

    async def put_object(
        self,
        source: BinaryIO,
        *,
        media_type: str,
        readers: Sequence[str] = (),
        visit: str | None = None,
        subject: str | None = None,
        progress: Progress | None = None,
    ) -> SealedObject:
        """Write an object: begin, upload (going on after any break), seal.

        Args:
            source: seekable; read from its beginning to its end.
            readers: ids of the actors that may read it besides this one.
            subject: whom it is about, such as the patient, who may then read and grant it.
        """
        object_id = ObjectId(self._ids.next())
        body = {
            "object": object_id,
            "media_type": media_type,
            "readers": list(readers),
            "visit": visit,
            "subject": subject,
        }

        async def renew() -> str:
            receipt = await self.send(("object.resume/1", {"object": object_id}))
            return _result(receipt, _WriteTicket).ticket

        begun = _result(await self.send(("object.write/1", body)), _WriteTicket)
        path = _content_path(object_id)
        stored = await upload(
            self._http, path, source, ticket=begun.ticket, renew=renew, progress=progress or _quiet
        )
        if stored.size != await asyncio.to_thread(source.seek, 0, io.SEEK_END):
            raise AnswerRefused("the node has stored another number of bytes than were sent")
        seal = {"object": object_id, "size": stored.size, "digest": stored.digest}
        receipt = await self.send(("object.seal/1", seal))
        return SealedObject(object_id, stored.size, stored.digest, receipt)

    async def read_object(
        self,
        object_id: str,
        *,
        purpose: str,
        visit: str | None = None,
        start: int = 0,
        end: int | None = None,
    ) -> bytes:
        """Bytes `start` up to, not including, `end` of an object, at most `RANGE_BYTES_MAX`.

        Raises:
            AnswerRefused: more than that, or a range that is not in the object.
        """
        ticket = await self._ask_to_read(object_id, purpose, visit)
        stop = ticket.size if end is None else min(end, ticket.size)
        length = stop - start
        if not 0 <= start <= stop or length > RANGE_BYTES_MAX:
            raise AnswerRefused(
                f"the range is not within the object, or has more than `{RANGE_BYTES_MAX}` bytes"
            )
        if length == 0:
            return b""
        headers = _bearer(ticket.ticket) | {"Range": f"bytes={start}-{stop - 1}"}
        data = await self._http.fetch("GET", _content_path(object_id), headers=headers, limit=length)
        if len(data) != length:
            raise AnswerRefused("the node sent another number of bytes than were asked for")
        return data

    async def open_object(self, object_id: str, *, purpose: str, end: int) -> bytes:
        """Bytes of an object from its beginning up to `end`, opened here: the node sends ciphertext alone.

        Raises:
            ClientRefused: the rules do not allow it, or the object is erased.
            SealRefused, ChunkedRefused: the key or the ciphertext is not what was sealed.
            AnswerRefused: more than `RANGE_BYTES_MAX` is asked for, or the node sends something else.
        """
        from telesphor.client.opening import SealedKey, open_beginning  # Late: a witness loads no vault.

        ticket = await self._ask_to_read(object_id, purpose, None)
        stop = min(end, ticket.size)
        if stop > RANGE_BYTES_MAX:
            raise AnswerRefused(f"more than `{RANGE_BYTES_MAX}` bytes are read to a file")
        path, headers = f"/v1/objects/{object_id}/ciphertext", _bearer(ticket.ticket)

        async def fetch(first: int, length: int) -> bytes:
            ranged = headers | {"Range": f"bytes={first}-{first + length - 1}"}
            return await self._http.fetch("GET", path, headers=ranged, limit=length)

        sealed = SealedKey(object_id, ticket.size, role=ticket.role, wrap=ticket.wrap)
        return await open_beginning(sealed, stop, key=self.wallet.kem_key, fetch=fetch)

    async def read_to(
        self,
        object_id: str,
        target: BinaryIO,
        *,
        purpose: str,
        visit: str | None = None,
        progress: Progress | None = None,
    ) -> int:
        """Write a whole object to `target`, going on after any break; returns its size."""

        async def renew() -> str:
            return (await self._ask_to_read(object_id, purpose, visit)).ticket

        ticket = await self._ask_to_read(object_id, purpose, visit)
        await download(
            self._http,
            _content_path(object_id),
            target,
            size=ticket.size,
            ticket=ticket.ticket,
            renew=renew,
            progress=progress or _quiet,
        )
        return ticket.size

    async def export_bundle(self, visit: str) -> bytes:
        """The proof bundle of a closed visit."""
        answer = _result(await self.send(("visit.export/1", {"visit": visit})), _BundleTicket)
        if not answer.path.startswith("/"):
            raise AnswerRefused("the node names no path for the bundle")
        headers = _bearer(answer.ticket)
        return await self._http.fetch("GET", answer.path, headers=headers, limit=BUNDLE_BYTES_MAX)

    async def submit_proof(
        self, bundle: bytes, *, facts: Sequence[int], proof: str | None = None
    ) -> AcceptedProof:
        """Have the node verify the bundle of another ledger, and note the facts at these positions of it.

        Args:
            proof: the id of an earlier attempt whose outcome is not known, to go on with it.

        Raises:
            ClientRefused: with the code `proof-refused` when the node did not accept it.
        """
        proof = proof or self._ids.next()
        digest = digest_of(bundle)
        body = {"proof": proof, "bundle": digest, "size": len(bundle), "facts": sorted(set(facts))}

        async def submit() -> _BundleTicket:
            return _result(await self.send(("interchain.submit/1", body)), _BundleTicket)

        async def renew() -> str:
            return (await submit()).ticket

        answer = await submit()
        if not answer.path.startswith("/"):
            raise AnswerRefused("the node names no path for the bundle")
        data = await send_whole(self._http, answer.path, bundle, ticket=answer.ticket, renew=renew)
        accepted = _decode(data, AcceptedProof)
        accepted.proof = proof
        return accepted

    async def mirror(self, first: int, end: int | None = None) -> MirrorTicket:
        """Ask for the ledger's entries from `first` on, which begins an entry bundle (a multiple of 256).

        Raises:
            ClientRefused: with the code `access-denied` when the rules permit this kind of actor no mirror, and
                `mirror-not-permitted` when the node's settings do not name it.
        """
        return _result(await self.send(("ledger.mirror/1", {"first": first, "end": end})), MirrorTicket)

    async def entry_bundle(self, tile: Tile, *, ticket: str) -> list[bytes]:
        """Exact bytes of the entries under a tile of level 0; raises `EntryBundleRefused` where they are none."""
        data = await self._http.fetch(
            "GET", f"/{tile.entries_path()}", headers=_bearer(ticket), limit=ENTRY_BUNDLE_BYTES_MAX
        )
        return decode_entries(data, count=tile.width)

    async def fetch(self, path: str, *, ticket: str, limit: int) -> bytes:
        """What a ticket is good for, at most `limit` bytes."""
        return await self._http.fetch("GET", path, headers=_bearer(ticket), limit=limit)

    async def put(self, path: str, data: bytes, *, ticket: str) -> None:
        """Send bytes to where a ticket lets them be sent."""
        await self._http.fetch("PUT", path, body=data, headers=_bearer(ticket))

    async def checkpoint(self) -> bytes:
        """The node's newest signed checkpoint; open it with `kernel.checkpoint.open_checkpoint`."""
        return await self._http.fetch("GET", CHECKPOINT_PATH, limit=NOTE_BYTES_MAX)

    async def proof(self, position: int) -> bytes:
        """The inclusion proof of an entry (C2SP tlog-proof), with the checkpoint it leads to."""
        return await self._http.fetch("GET", f"{PROOFS_PATH}/{position}", limit=NOTE_BYTES_MAX)

    async def _ask_to_read(self, object_id: str, purpose: str, visit: str | None) -> _ReadTicket:
        if visit is None:
            command = ("object.read/1", {"object": object_id, "purpose": purpose, "visit": None})
        else:
            command = ("visit.read-object/1", {"object": object_id, "purpose": purpose, "visit": visit})
        return _result(await self.send(command), _ReadTicket)


_JOSE = {"Content-Type": "application/jose+json"}


def _content_path(object_id: str) -> str:
    return f"/v1/objects/{object_id}/content"


def _bearer(ticket: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {ticket}"}


def _quiet(_moved: int) -> None:
    """Report no progress."""


def _decode(data: bytes, kind: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise AnswerRefused("the node's answer is not what was asked for") from error


def _result(receipt: Receipt, kind: type[_Answer]) -> _Answer:
    result: Any = receipt.results[0] if receipt.results else None
    try:
        return msgspec.convert(result, kind)
    except msgspec.ValidationError as error:
        raise AnswerRefused("the node's receipt lacks the ticket that was asked for") from error

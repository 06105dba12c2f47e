"""Anchoring by OpenTimestamps calendars: others pay for a transaction that dates many people's digests.

A calendar is given SHA-256(digest || nonce), so it learns nothing. It answers at once with a promise (pending),
and hours later with the way to a block. What this module guarantees: a calendar's answer is bounded, read
strictly, and can spoil nothing but its own path; a calendar is asked only at its configured address, whatever
address its promise names; and with a Bitcoin node at hand a block is believed only when the node's own header
holds what the answer leads to. Without one, the proof lacks its headers, and that is said. Start at `Calendars`.

Protocol: `POST /digest`, `GET /timestamp/<hex>`, as opentimestamps-server answers them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp
import msgspec

from telesphor.kernel.chains.anchor import AnchorRefused, HeaderPin
from telesphor.kernel.chains.bitcoin import attested_roots
from telesphor.kernel.chains.headers import rules_of
from telesphor.kernel.chains.timestamp import (
    APPEND,
    BITCOIN_TAG,
    PENDING_TAG,
    SHA256,
    Operation,
    TimestampPath,
    format_timestamp,
    format_timestamp_file,
    parse_timestamp,
)
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.ledger.anchors.bitcoin.node import BitcoinNode
from telesphor.ledger.anchors.bitcoin.proof import check_proof, fetch_headers
from telesphor.ledger.anchors.bitcoin.rpc import read_bounded
from telesphor.ledger.anchors.model import AnchorUnavailable, Progress

CALENDARS_MAX: Final = 8
"""Each adds about a kilobyte to every bundle."""
CALENDAR_PATHS_MAX: Final = 8
CALENDAR_OPERATIONS_MAX: Final = 512
CALENDAR_PROOF_BYTES_MAX: Final = 7500
"""Of one calendar: eight times each stays within the bounds of a file, so that none can crowd out the others.
The public calendars answer with one path of some 40 operations in 1,000 bytes."""
NONCE_BYTES: Final = 16
ANSWER_BYTES_MAX: Final = 10_000
"""The bound of python-opentimestamps."""
TIMEOUT_SECONDS: Final = 20.0
ASK_AGAIN_BLOCKS: Final = 6
"""A block that does not hold what it should may be one that a reorganisation undid: the calendar may be right
again after an hour."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ACCEPT = "application/vnd.opentimestamps.v1"


class CalendarAddressRefused(TelesphorError):
    """The address of a calendar is not one that may be asked."""

    code = "calendar-address"
    kind = Kind.INVALID


class CalendarRefused(AnchorUnavailable):
    """A calendar's answer is not one that is understood; others may answer better."""

    code = "calendar-refused"


class CalendarState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One calendar's answer so far.

    Attributes:
        stage: `asked` nothing came yet, `pending` it promised, `named` it names a block.
        promise, proof: bare timestamps over the commitment, in hex.
        refused_at: height of the tip when its proof was found wrong.
    """

    url: str
    stage: Literal["asked", "pending", "named"] = "asked"
    promise: str = ""
    proof: str = ""
    refused_at: int | None = None


class CalendarsState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept between steps."""

    v: int
    digest: str
    nonce: str
    calendars: tuple[CalendarState, ...]

    @property
    def commitment(self) -> bytes:
        return sha256(bytes.fromhex(self.digest) + bytes.fromhex(self.nonce)).digest()


class Calendars:
    """A `Chain` whose transactions are others'.

    Args:
        network: the one the calendars anchor in; the public ones use `bitcoin-mainnet`.
        urls: `https://`, or `http://` on this machine.
        random: so many random bytes; the nonce hides the digest.
        node: to check the blocks and to complete the proof with headers; without it the proof stays without.
        needed: calendars that must name a block before the anchor is final.
        confirmations: blocks from the dating one on until then.
    """

    def __init__(
        self,
        network: str,
        urls: Sequence[str],
        *,
        random: Callable[[int], bytes],
        node: BitcoinNode | None = None,
        needed: int = 1,
        confirmations: int = 6,
        pin: HeaderPin | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        rules_of(network)
        if not 1 <= needed <= len(urls) <= CALENDARS_MAX or len(set(urls)) != len(urls):
            raise CalendarAddressRefused(
                f"1 to {CALENDARS_MAX} different calendars, of which some are needed"
            )
        self.network = network
        self._urls = tuple(map(_check_url, urls))
        self._random = random
        self._node = node
        self._needed = needed
        self._confirmations = confirmations
        self._pin = pin
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def prepare(self, digest: bytes) -> bytes:
        """A nonce and nothing else: no one is asked yet."""
        calendars = tuple(CalendarState(url) for url in self._urls)
        return _encode(CalendarsState(1, digest.hex(), self._random(NONCE_BYTES).hex(), calendars))

    async def advance(self, state: bytes) -> Progress:
        """Ask every calendar that has not named a block yet; when enough have, check and complete the proof.

        What a calendar answered is given back to be kept before anything else is asked.
        """
        held = msgspec.json.decode(state, type=CalendarsState)
        told = await asyncio.gather(*(self._ask(held, calendar) for calendar in held.calendars))
        asked = msgspec.structs.replace(held, calendars=tuple(calendar for calendar, _ in told))
        reasons = [reason for _, reason in told if reason]
        # A first answer is kept before the node is asked; a further one must not hide a proof that stands.
        if (asked != held and not _to_judge(held)) or not _to_judge(asked):
            return self._waiting(asked, reasons)
        if self._node is None:
            return self._without_headers(asked, reasons)
        return await self._with_headers(asked, self._node, reasons)

    async def close(self) -> None:
        """Give back connections."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
        if self._node is not None:
            await self._node.close()

    async def _ask(self, held: CalendarsState, calendar: CalendarState) -> tuple[CalendarState, str]:
        """The calendar's new state, and what was wrong with it if anything was."""
        try:
            if calendar.stage == "asked":
                return _checked(await self._submit(calendar, held.commitment), held.commitment), ""
            if calendar.stage == "pending" and calendar.refused_at is None:
                return _checked(await self._upgrade(calendar, held.commitment), held.commitment), ""
        except (AnchorRefused, AnchorUnavailable) as error:
            return calendar, f"`{_host(calendar.url)}`: {error.message}"
        return calendar, ""

    async def _submit(self, calendar: CalendarState, commitment: bytes) -> CalendarState:
        body = await self._fetch("POST", f"{calendar.url}/digest", commitment)
        if body is None:
            raise CalendarRefused("it has no such page")
        paths = _known_paths(parse_timestamp(body))
        if any(path.attestation.tag == BITCOIN_TAG for path in paths):
            return msgspec.structs.replace(calendar, stage="named", proof=format_timestamp(paths).hex())
        # Only the calendar itself is ever asked again: its promise may not send us elsewhere.
        own = [path for path in paths if _same_calendar(path.attestation.calendar(), calendar.url)]
        if not own:
            raise CalendarRefused("it promises nothing at its own address")
        return msgspec.structs.replace(calendar, stage="pending", promise=format_timestamp(own).hex())

    async def _upgrade(self, calendar: CalendarState, commitment: bytes) -> CalendarState:
        found: list[TimestampPath] = []
        for path in parse_timestamp(bytes.fromhex(calendar.promise)):
            body = await self._fetch(
                "GET", f"{calendar.url}/timestamp/{path.message(commitment).hex()}", None
            )
            rests = [] if body is None else _known_paths(parse_timestamp(body))
            found += [
                TimestampPath((*path.operations, *rest.operations), rest.attestation)
                for rest in rests
                if rest.attestation.tag == BITCOIN_TAG
            ]
        if not found:
            return calendar
        return msgspec.structs.replace(calendar, stage="named", proof=format_timestamp(found).hex())

    async def _fetch(self, method: str, url: str, body: bytes | None) -> bytes | None:
        """The bounded answer; None for 404, by which a calendar says that there is nothing yet."""
        try:
            headers = {"accept": _ACCEPT, "content-type": "application/octet-stream"}
            async with self._open().request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as reply:
                if reply.status == 404:
                    return None
                if reply.status != 200:
                    raise CalendarRefused(f"it answers with status {reply.status}")
                return await read_bounded(reply, ANSWER_BYTES_MAX)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise CalendarRefused("it cannot be reached", detail=type(error).__name__) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, trust_env=False)
        return self._session

    async def _with_headers(self, held: CalendarsState, node: BitcoinNode, reasons: list[str]) -> Progress:
        """Believe those calendars whose block is in the node's chain and holds what their proof leads to."""
        await node.check_network()
        tip = await node.tip()
        judged: list[CalendarState] = []
        heights: list[int] = []
        for calendar in held.calendars:
            outcome, height = await self._judge(calendar, held.commitment, node, tip)
            judged.append(outcome)
            if height is not None:
                heights.append(height)
            if outcome.refused_at is not None:
                reasons.append(f"`{_host(calendar.url)}` named a block that does not hold the digest")
        after = msgspec.structs.replace(held, calendars=tuple(judged))
        if not heights:
            return self._waiting(after, reasons)
        ots, digest = _file(after), bytes.fromhex(held.digest)
        headers = await fetch_headers(node, min(heights), tip=tip, pin=self._pin)
        verified = check_proof(digest=digest, ots=ots, headers=headers, network=self.network, pin=self._pin)
        blocks = tip - min(heights) + 1
        final = len(heights) >= self._needed and blocks >= self._confirmations
        head = f"{len(heights)} of {self._needed} calendars, {blocks} of {self._confirmations} blocks"
        says = "; ".join([f"{head}: {verified.sentence}", *reasons])
        files = {".ots": ots, ".headers": headers}
        return Progress(_encode(after), "final" if final else "confirmed", says, None, files)

    async def _judge(
        self, calendar: CalendarState, commitment: bytes, node: BitcoinNode, tip: int
    ) -> tuple[CalendarState, int | None]:
        """The calendar as it stands, and the height of its earliest block when that is the node's too."""
        if calendar.stage != "named":
            settled = calendar.refused_at is not None and tip >= calendar.refused_at + ASK_AGAIN_BLOCKS
            return (msgspec.structs.replace(calendar, refused_at=None) if settled else calendar), None
        roots = attested_roots(parse_timestamp(bytes.fromhex(calendar.proof)), digest=commitment)
        if tip < max(roots) <= tip + ASK_AGAIN_BLOCKS:
            return calendar, None  # The node is a little behind the calendar's.
        for height, root in roots.items():
            if height > tip or (await node.header(await node.block_hash(height)))[1].merkle_root != root:
                stage: Literal["asked", "pending"] = "pending" if calendar.promise else "asked"
                return msgspec.structs.replace(calendar, stage=stage, proof="", refused_at=tip), None
        return calendar, min(roots)

    def _without_headers(self, held: CalendarsState, reasons: list[str]) -> Progress:
        named = [calendar for calendar in held.calendars if calendar.stage == "named"]
        roots: dict[int, bytes] = {}
        for calendar in named:
            roots |= attested_roots(parse_timestamp(bytes.fromhex(calendar.proof)), digest=held.commitment)
        head = (
            f"{len(named)} of {self._needed} calendars name block {min(roots)}; no Bitcoin node is configured, "
            "so nothing was checked, and the block's header is to be had elsewhere"
        )
        phase: Literal["final", "waiting"] = "final" if len(named) >= self._needed else "waiting"
        return Progress(_encode(held), phase, "; ".join([head, *reasons]), None, {".ots": _file(held)})

    def _waiting(self, held: CalendarsState, reasons: list[str]) -> Progress:
        promised = sum(calendar.stage != "asked" for calendar in held.calendars)
        says = "; ".join([f"{promised} of {len(held.calendars)} calendars have the digest", *reasons])
        return Progress(_encode(held), "waiting", says, None, {".ots": _file(held)} if promised else None)


def _to_judge(held: CalendarsState) -> bool:
    return any(calendar.stage == "named" or calendar.refused_at is not None for calendar in held.calendars)


def _checked(calendar: CalendarState, commitment: bytes) -> CalendarState:
    """The calendar's answer, when it fits beside those of the others. Raises `AnchorRefused` or its own refusal."""
    data = bytes.fromhex(calendar.proof or calendar.promise)
    paths = parse_timestamp(data)
    operations = sum(len(path.operations) for path in paths)
    if len(paths) > CALENDAR_PATHS_MAX or operations > CALENDAR_OPERATIONS_MAX:
        raise CalendarRefused("its answer has more parts than a calendar needs")
    if len(data) > CALENDAR_PROOF_BYTES_MAX:
        raise CalendarRefused("its answer is larger than a calendar needs")
    for path in paths:
        path.message(commitment)  # Raises where a result on the way is too large.
    if calendar.proof:
        attested_roots(paths, digest=commitment)  # Raises what could be no merkle root.
    format_timestamp_file(
        [TimestampPath((*_head(bytes(NONCE_BYTES)), *path.operations), path.attestation) for path in paths],
        digest=commitment,
    )
    return calendar


def _head(nonce: bytes) -> tuple[Operation, Operation]:
    return Operation(APPEND, nonce), Operation(SHA256)


def _known_paths(paths: Sequence[TimestampPath]) -> list[TimestampPath]:
    """Attestations of other chains are dropped: nothing here could judge them."""
    return [path for path in paths if path.attestation.tag in (BITCOIN_TAG, PENDING_TAG)]


def _file(held: CalendarsState) -> bytes:
    """The `.ots` file of everything the calendars said: promises too, which anyone can complete later."""
    head = _head(bytes.fromhex(held.nonce))
    paths = [
        TimestampPath((*head, *path.operations), path.attestation)
        for calendar in held.calendars
        if calendar.stage != "asked"
        for path in parse_timestamp(bytes.fromhex(calendar.proof or calendar.promise))
    ]
    return format_timestamp_file(paths, digest=bytes.fromhex(held.digest))


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise CalendarAddressRefused(f"`{_host(url)}` is not the `https://` address of a calendar")
    return url.rstrip("/")


def _same_calendar(uri: str | None, url: str) -> bool:
    return uri is not None and uri.rstrip("/") == url


def _host(url: str) -> str:
    return urlsplit(url).hostname or "?"


def _encode(held: CalendarsState) -> bytes:
    return msgspec.json.encode(held, order="sorted")

"""Asking one witness for its cosignature over HTTP (C2SP tlog-witness, the side of the log).

`ask_witness` submits a checkpoint from the size that the witness acknowledged last, and again from the size
that it names when it answers 409. What this module guarantees: an answer is read up to a bound and within a
time, and nothing is taken from it but two lines of exactly this witness's keys that verify over our
checkpoint and state a time near ours. Whatever else comes back is one `PeerFault` that says what it was.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import aiohttp

from telesphor.kernel.card import Card, read_card
from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.clock import Clock
from telesphor.kernel.cosignature import Cosignature, verify_cosignature
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.kernel.note import Note, NoteSignature, format_signatures, parse_note, parse_signatures
from telesphor.ledger.witness.model import (
    SIZE_MEDIA_TYPE,
    TEXT_MEDIA_TYPE,
    RequestMalformed,
    format_request,
    parse_size,
)
from telesphor.runtime.tls.errors import ChannelBroken, refusal_in

ANSWER_SECONDS: Final = 10.0
"""A witness answers in milliseconds; one on the other side of the world, under load, within a second or two."""

ANSWER_BYTES_MAX: Final = 64 * 1024
"""The lines of a dozen keys of one witness; ours have two."""

ASKED_MAX: Final = 3
"""Requests for one cosignature: two are enough unless another process of ours submits at the same time."""

SKEW_SECONDS_MAX: Final = 300
"""How far a witness's clock may be from ours for its time to be worth keeping; the witness allows us the same."""

REASON_CHARS_MAX: Final = 200
"""Of a witness's own words, for the operator's log."""

Consistency = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""The consistency proof between two sizes of our tree, old and new."""


class PeerFault(TelesphorError):
    """The witness gave no cosignature.

    Attributes:
        alarming: someone should look at it; repeating alone does not mend it.
    """

    code = "peer-fault"
    kind = Kind.OVERLOADED
    alarming: ClassVar[bool] = True


class PeerUnreachable(PeerFault):
    """The witness is offline, slow, or fails."""

    code = "peer-unreachable"
    alarming = False


class PeerLinkRefused(PeerFault):
    """The link to the witness is refused, by one side or the other: another key exchange, another certificate."""

    code = "peer-link-refused"
    kind = Kind.UNAUTHENTICATED


class PeerRefused(PeerFault):
    """The witness refuses our checkpoint."""

    code = "peer-refused"
    kind = Kind.FORBIDDEN


class PeerAhead(PeerFault):
    """The witness has cosigned a larger tree of ours than we have: perhaps this node is an old copy."""

    code = "peer-ahead"
    kind = Kind.CONFLICT


class PeerForgot(PeerFault):
    """The witness names a smaller tree than it cosigned: it lost its memory, which it must never do."""

    code = "peer-forgot"
    kind = Kind.CONFLICT


class PeerContradicts(PeerFault):
    """The witness does not keep to the size that it named itself."""

    code = "peer-contradicts"
    kind = Kind.CONFLICT


class PeerAnswerRefused(PeerFault):
    """The answer is not a cosignature of this witness over our checkpoint."""

    code = "peer-answer-refused"
    kind = Kind.UNAUTHENTICATED


class PeerClockSkewed(PeerFault):
    """The witness states a time that is far from ours."""

    code = "peer-clock-skewed"
    kind = Kind.CONFLICT


class PeerElsewhere(PeerFault):
    """The witness wants a proof from another size (409)."""

    code = "peer-elsewhere"
    kind = Kind.CONFLICT
    alarming = False

    def __init__(self, size: int) -> None:
        super().__init__(f"the witness cosigned the tree of `{size}` last")
        self.size = size


@dataclass(frozen=True)
class WitnessPeer:
    """A witness or notary of our ledger.

    Attributes:
        url: its submission prefix, such as `https://witness.example/witness`.
        card_bytes: its card as it signed it.
        card: what the card says, verified under its own keys.
    """

    url: str
    card_bytes: bytes
    card: Card

    @staticmethod
    def of(url: str, card_bytes: bytes) -> WitnessPeer:
        """Read the card; raises `CardRefused`, and `PeerFault` for the card of a log."""
        card = read_card(card_bytes)
        if card.role == "log":
            raise PeerAnswerRefused(f"the card of `{card.name}` is a log's, not a witness's")
        return WitnessPeer(url.rstrip("/"), card_bytes, card)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def key(self) -> str:
        """One name for the pair of keys: the witness's name and the id of its ML-DSA-44 key."""
        return f"{self.card.name}+{self.card.keys.mldsa44.key_id:08x}"


@dataclass(frozen=True)
class Cosigned:
    """A verified cosignature and its two lines, Ed25519 first."""

    cosignature: Cosignature
    lines: bytes


async def ask_witness(
    session: aiohttp.ClientSession,
    peer: WitnessPeer,
    *,
    note: bytes,
    acknowledged: int,
    consistency: Consistency,
    clock: Clock,
    timeout_seconds: float = ANSWER_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> Cosigned:
    """Obtain the witness's cosignature of the signed checkpoint `note`.

    Args:
        acknowledged: the largest size that this witness is known to have cosigned, 0 for none.
        tls: how a witness at an `https://` address is dialled.

    Raises:
        PeerFault: it gave none; the subclass says why.
    """
    answer = await submit_checkpoint(
        session,
        peer.url,
        note=note,
        acknowledged=acknowledged,
        consistency=consistency,
        timeout_seconds=timeout_seconds,
        tls=tls,
    )
    return read_answer(answer, peer, note=note, clock=clock)


async def submit_checkpoint(
    session: aiohttp.ClientSession,
    url: str,
    *,
    note: bytes,
    acknowledged: int,
    consistency: Consistency,
    timeout_seconds: float = ANSWER_SECONDS,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Submit `note` to the witness at `url`, from the size that it wants; returns its answer, not verified."""
    size = parse_checkpoint(parse_note(note).text).size
    old_size = min(acknowledged, size)
    for _ in range(ASKED_MAX):
        proof = await consistency(old_size, size) if 0 < old_size < size else ()
        body = format_request(old_size=old_size, proof=tuple(proof), note=note)
        try:
            return await _post(session, url, body, timeout_seconds=timeout_seconds, tls=tls)
        except PeerElsewhere as elsewhere:
            _check_size(url, elsewhere.size, asked=old_size, acknowledged=acknowledged, ours=size)
            old_size = elsewhere.size
    raise PeerContradicts(f"the witness at `{url}` names another size each time")


def read_answer(answer: bytes, peer: WitnessPeer, *, note: bytes, clock: Clock) -> Cosigned:
    """Verify a witness's answer over our checkpoint; lines of other keys are ignored.

    Raises:
        PeerAnswerRefused, PeerClockSkewed.
    """
    keys = peer.card.keys
    ids = ((keys.name, keys.ed25519.key_id), (keys.name, keys.mldsa44.key_id))
    try:
        lines = [line for line in parse_signatures(answer) if (line.name, line.key_id) in ids]
        cosignature = verify_cosignature(Note(parse_note(note).text, tuple(lines)), keys)
    except TelesphorError as error:
        raise PeerAnswerRefused(
            f"the answer of `{peer.name}` is no cosignature: {error.message}",
            hint="is its card the right one?",
        ) from error
    skew_seconds = cosignature.time_seconds - clock.now_ms() // 1000
    if abs(skew_seconds) > SKEW_SECONDS_MAX:
        raise PeerClockSkewed(
            f"the clock of `{peer.name}` is `{skew_seconds}` seconds from ours",
            hint="set the wrong clock right",
        )
    return Cosigned(cosignature, format_signatures(sorted(lines, key=_ed25519_first)))


def _ed25519_first(line: NoteSignature) -> int:
    return len(line.signature)


async def _post(
    session: aiohttp.ClientSession,
    url: str,
    body: bytes,
    *,
    timeout_seconds: float,
    tls: ssl.SSLContext | None,
) -> bytes:
    try:
        async with session.post(
            f"{url}/add-checkpoint",
            data=body,
            headers={"content-type": TEXT_MEDIA_TYPE, "accept-encoding": "identity"},
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            allow_redirects=False,
            ssl=tls or True,
        ) as response:
            answer = await _read(response)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        _check_link(url, error)
        raise PeerUnreachable(
            f"the witness at `{url}` does not answer", detail=f"{type(error).__name__}: {error}"
        ) from error
    if answer is None:
        raise PeerAnswerRefused(f"the witness at `{url}` answers more than `{ANSWER_BYTES_MAX}` bytes")
    if response.status != 200:
        raise _refusal(url, response.status, response.headers.get("content-type", ""), answer)
    return answer


def _check_link(url: str, error: Exception) -> None:
    """Tell a link that is refused from a witness that is away."""
    refusal = refusal_in(error)
    if refusal is not None and not isinstance(refusal, ChannelBroken):
        raise PeerLinkRefused(
            f"the link to the witness at `{url}` is refused: {refusal.message}",
            hint=refusal.hint,
            detail=f"{refusal.code}: {refusal.detail or refusal.message}",
        ) from error


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole body; None where it is larger than any answer."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            return None
    return b"".join(parts)


def _refusal(url: str, status: int, media_type: str, answer: bytes) -> PeerFault:
    if status == 409 and media_type.partition(";")[0].strip().lower() == SIZE_MEDIA_TYPE:
        try:
            return PeerElsewhere(parse_size(answer))
        except RequestMalformed as error:
            return PeerAnswerRefused(f"the witness at `{url}` names no size: {error.message}")
    reason = "".join(
        c if c.isprintable() else " " for c in answer[:REASON_CHARS_MAX].decode("utf-8", "replace")
    )
    if status >= 500 or status == 429:
        return PeerUnreachable(f"the witness at `{url}` answers `{status}`", detail=reason)
    return PeerRefused(f"the witness at `{url}` answers `{status}`", detail=reason)


def _check_size(url: str, named: int, *, asked: int, acknowledged: int, ours: int) -> None:
    """Refuse a size that an honest witness cannot name."""
    if named > ours:
        raise PeerAhead(
            f"the witness at `{url}` has cosigned `{named}` entries of this ledger, which has `{ours}`",
            hint="if this node was restored from a copy, it must not go on: restore a newer one",
        )
    if named < acknowledged:
        raise PeerForgot(f"the witness at `{url}` names `{named}` after it cosigned `{acknowledged}`")
    if named == asked:
        raise PeerContradicts(f"the witness at `{url}` refuses `{named}` and names it")

"""Asking a witness: what is taken from an honest one, and that nothing else is taken from any other."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from telesphor.kernel.card import CardRefused, Role
from telesphor.kernel.cosignature import Cosigner, verify_cosignature
from telesphor.kernel.note import format_signatures, parse_note
from telesphor.ledger.witness import client
from telesphor.ledger.witness.client import (
    ANSWER_BYTES_MAX,
    Cosigned,
    PeerAhead,
    PeerAnswerRefused,
    PeerClockSkewed,
    PeerContradicts,
    PeerFault,
    PeerForgot,
    PeerLinkRefused,
    PeerRefused,
    PeerUnreachable,
    WitnessPeer,
    ask_witness,
)
from telesphor.ledger.witness.model import REQUEST_BYTES_MAX
from telesphor.runtime.tls.context import client_context, server_context
from telesphor.runtime.tls.policy import NODES
from telesphor.runtime.tls.trust import TrustStore
from tests.support.certificates import Organisation
from tests.support.witnesses import (
    NAME,
    NOW_SECONDS,
    ORIGIN,
    Tree,
    clock,
    cosigner,
    make_card,
    make_witness,
    peer_at,
    serving_witness,
)

TREE = Tree(40)
Answer = Callable[[bytes], Awaitable[bytes]]


async def ask(
    url: str,
    *,
    tree: Tree = TREE,
    size: int = 40,
    acknowledged: int = 0,
    timeout_seconds: float = 10,
    tls: ssl.SSLContext | None = None,
) -> Cosigned:
    async def prove(old_size: int, new_size: int) -> Sequence[bytes]:
        return tree.proof(old_size, new_size)

    async with aiohttp.ClientSession(auto_decompress=False) as session:
        return await ask_witness(
            session,
            peer_at(url),
            note=tree.note(size),
            acknowledged=acknowledged,
            consistency=prove,
            clock=clock(),
            timeout_seconds=timeout_seconds,
            tls=tls,
        )


@asynccontextmanager
async def answering(*answers: bytes | Answer) -> AsyncIterator[str]:
    """A server on loopback that answers each request with the next answer, the last one for ever."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length")
            )
            body = await reader.readexactly(length)
            answer = left.pop(0) if len(left) > 1 else left[0]
            writer.write(answer if isinstance(answer, bytes) else await answer(body))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=REQUEST_BYTES_MAX)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def http(body: bytes, *, status: int = 200, kind: str = "text/plain", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
    )
    return f"{head}{more}\r\n".encode() + body


def at_size(size: int) -> bytes:
    return http(b"%d\n" % size, status=409, kind="text/x.tlog.size")


def lines_of(key: Cosigner, *, tree: Tree = TREE, time_seconds: int = NOW_SECONDS) -> bytes:
    return format_signatures(key.cosign(tree.checkpoint(), time_seconds=time_seconds))


async def refused(url: str, **options: int | float) -> PeerFault:
    with pytest.raises(PeerFault) as caught:
        await ask(url, **options)  # type: ignore[arg-type]
    return caught.value


# Honest witnesses.


async def test_a_cosignature_is_obtained_from_what_was_acknowledged(tmp_path: Path) -> None:
    with serving_witness(make_witness(tmp_path)) as url:
        for acknowledged, size in ((0, 7), (7, 7), (7, 40)):
            cosigned = await ask(url, size=size, acknowledged=acknowledged)
            note = parse_note(TREE.note(size) + cosigned.lines)
            assert verify_cosignature(note, cosigner().keys) == cosigned.cosignature
    assert cosigned.cosignature.time_seconds == NOW_SECONDS


async def test_a_witness_that_is_further_than_we_know_is_asked_again_from_there(tmp_path: Path) -> None:
    witness = make_witness(tmp_path)
    witness.add_checkpoint(TREE.request(0, 33))
    with serving_witness(witness) as url:
        assert (await ask(url, acknowledged=7)).cosignature.time_seconds == NOW_SECONDS
        assert (await ask(url, acknowledged=0)).cosignature.time_seconds == NOW_SECONDS  # its answer was lost


async def test_the_two_lines_come_ed25519_first_whatever_their_order() -> None:
    first, second = cosigner().cosign(TREE.checkpoint(), time_seconds=NOW_SECONDS)
    async with answering(http(format_signatures((second, first)))) as url:
        assert (await ask(url)).lines == format_signatures((first, second))


async def test_lines_of_other_keys_are_ignored() -> None:
    other = lines_of(cosigner("other.example/w"))
    async with answering(http(other + lines_of(cosigner()) + other)) as url:
        assert (await ask(url)).lines.count(b"\n") == 2


# Dishonest and broken ones.


async def test_a_fork_of_ours_is_refused_with_the_witness_s_reason(tmp_path: Path) -> None:
    witness = make_witness(tmp_path)
    witness.add_checkpoint(TREE.fork(10).request(0, 30))
    with serving_witness(witness) as url:
        fault = await refused(url, acknowledged=30)
    assert isinstance(fault, PeerRefused)
    assert fault.message.endswith("answers `422`")
    assert "root" in fault.detail


async def test_an_offline_witness_is_unreachable() -> None:
    async with answering(b"") as url:
        pass
    assert isinstance(await refused(url), PeerUnreachable)


async def test_a_slow_witness_is_unreachable_after_its_time() -> None:
    async def never(_: bytes) -> bytes:
        await asyncio.sleep(30)
        return b""

    async with answering(never) as url:
        started = asyncio.get_running_loop().time()
        assert isinstance(await refused(url, timeout_seconds=0.2), PeerUnreachable)
        assert asyncio.get_running_loop().time() - started < 5


async def test_a_witness_that_dribbles_is_unreachable_after_its_time() -> None:
    head = b"HTTP/1.1 200 X\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n"
    async with answering(head + b"x") as url:
        assert isinstance(await refused(url, timeout_seconds=0.3), PeerUnreachable)


@pytest.mark.parametrize("size", [41, 2**63 - 1])
async def test_a_size_larger_than_ours_is_alarming(size: int) -> None:
    async with answering(at_size(size)) as url:
        fault = await refused(url)
    assert isinstance(fault, PeerAhead)
    assert fault.alarming


async def test_a_size_smaller_than_it_cosigned_is_alarming() -> None:
    async with answering(at_size(19)) as url:
        fault = await refused(url, acknowledged=20)
    assert isinstance(fault, PeerForgot)
    assert fault.alarming


async def test_a_size_that_was_just_proven_from_is_a_contradiction() -> None:
    async with answering(at_size(20)) as url:
        assert isinstance(await refused(url, acknowledged=20), PeerContradicts)


async def test_another_size_each_time_ends() -> None:
    async with answering(*(at_size(size) for size in (5, 6, 7, 8, 9))) as url:
        assert isinstance(await refused(url), PeerContradicts)


@pytest.mark.parametrize("body", [b"", b"five\n", b"5", b"-1\n", b"05\n", b"5\n" * 2, b"9" * 30 + b"\n"])
async def test_a_size_that_is_no_number_is_refused(body: bytes) -> None:
    async with answering(http(body, status=409, kind="text/x.tlog.size")) as url:
        assert isinstance(await refused(url), PeerAnswerRefused)


async def test_a_conflict_without_a_size_is_a_refusal() -> None:
    async with answering(http(b"5\n", status=409)) as url:
        assert isinstance(await refused(url), PeerRefused)


STRANGER = Cosigner.generate(NAME)
HALF = format_signatures(cosigner().cosign(TREE.checkpoint(), time_seconds=NOW_SECONDS)[:1])
TWO_TIMES = format_signatures(
    [
        cosigner().cosign(TREE.checkpoint(), time_seconds=NOW_SECONDS)[0],
        cosigner().cosign(TREE.checkpoint(), time_seconds=NOW_SECONDS + 1)[1],
    ]
)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"rubbish\n",
        b"\xff\xfe\x00",
        b"<html></html>",
        lines_of(STRANGER),
        HALF,
        HALF + HALF,
        TWO_TIMES,
        lines_of(cosigner()) * 2,
        lines_of(cosigner())[:-1],
        lines_of(cosigner(), tree=TREE.fork(3)),
        lines_of(cosigner(), tree=Tree(39)),
        lines_of(cosigner("other.example/w")),
        b"\xe2\x80\x94 a AAAAAAAA\n" * 1000,
    ],
    ids=["empty", "newline", "rubbish", "no-text", "a-page", "another-key", "half", "half-twice", "two-times", "twice",
         "cut", "another-tree", "another-size", "another-witness", "a-thousand-lines"],
)  # fmt: skip
async def test_an_answer_that_is_no_cosignature_is_refused(answer: bytes) -> None:
    async with answering(http(answer)) as url:
        fault = await refused(url)
    assert isinstance(fault, PeerAnswerRefused)
    assert fault.alarming


@pytest.mark.parametrize("skew_seconds", [301, -301, 10**9])
async def test_a_skewed_clock_is_refused(skew_seconds: int) -> None:
    async with answering(http(lines_of(cosigner(), time_seconds=NOW_SECONDS + skew_seconds))) as url:
        assert isinstance(await refused(url), PeerClockSkewed)


@pytest.mark.parametrize("skew_seconds", [300, -300])
async def test_clocks_that_differ_a_little_are_taken(skew_seconds: int) -> None:
    async with answering(http(lines_of(cosigner(), time_seconds=NOW_SECONDS + skew_seconds))) as url:
        assert (await ask(url)).cosignature.time_seconds == NOW_SECONDS + skew_seconds


@pytest.mark.parametrize("framing", ["declared", "chunked", "until-closed"])
async def test_ten_megabytes_are_not_read(framing: str) -> None:
    taken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await reader.readuntil(b"\r\n\r\n")
        heads = {
            "declared": "content-length: 10000000",
            "chunked": "transfer-encoding: chunked",
            "until-closed": "a: b",
        }
        writer.write(f"HTTP/1.1 200 X\r\n{heads.get(framing, 'a: b')}\r\nconnection: close\r\n\r\n".encode())
        part = b"2710\r\n" + b"x" * 10_000 + b"\r\n" if framing == "chunked" else b"x" * 10_000
        try:
            for _ in range(1000):
                writer.write(part)
                await writer.drain()
                taken += len(part)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    fault = await refused(url)
    server.close()
    assert isinstance(fault, PeerAnswerRefused)
    assert str(ANSWER_BYTES_MAX) in fault.message
    assert taken < 9_000_000  # what the kernel's buffers took, and no more


@pytest.mark.parametrize(
    "answer",
    [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 X\r\na: " + b"b" * 100_000 + b"\r\n\r\n",
     b"HTTP/1.1 200 X\r\ncontent-length: 10\r\n\r\nxx", b"HTTP/1.1 200 X\r\ncontent-length: -1\r\n\r\n"],
    ids=["nothing", "no-http", "long-head", "cut", "negative"],
)  # fmt: skip
async def test_what_is_no_http_is_unreachable(answer: bytes) -> None:
    async with answering(answer) as url:
        assert isinstance(await refused(url), PeerUnreachable)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PeerRefused), (403, PeerRefused), (404, PeerRefused), (422, PeerRefused), (302, PeerRefused),
     (429, PeerUnreachable), (500, PeerUnreachable), (503, PeerUnreachable)],
)  # fmt: skip
async def test_each_status_is_told_apart(status: int, kind: type[PeerFault]) -> None:
    async with answering(
        http(b"because\x1b[31m\n", status=status, more="location: http://127.0.0.1:1/\r\n")
    ) as url:
        fault = await refused(url)
    assert type(fault) is kind
    assert fault.detail.startswith("because")
    assert fault.detail.isprintable()


async def test_compressed_answers_are_not_unpacked() -> None:
    import gzip

    packed = gzip.compress(lines_of(cosigner()))
    async with answering(http(packed, more="content-encoding: gzip\r\n")) as url:
        assert isinstance(await refused(url), PeerAnswerRefused)


# Links.


def nodes(organisation: Organisation, trust: TrustStore) -> ssl.SSLContext:
    return server_context(organisation.issue(), NODES, trust)


def dialling(own: Organisation, trust: TrustStore, organisation: str = "north.example") -> ssl.SSLContext:
    return client_context(own.issue(), NODES, trust, organisation=organisation)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Organisation, Organisation, TrustStore]:
    """The ledger's organisation, the witness's, and the roots of both."""
    folder = tmp_path_factory.mktemp("places")
    clinic, north = Organisation.make(folder / "c"), Organisation.make(folder / "n", "north.example")
    return clinic, north, TrustStore.of(clinic.root, north.root)


Places = tuple[Organisation, Organisation, TrustStore]


async def test_a_cosignature_is_obtained_over_a_mutual_link(tmp_path: Path, places: Places) -> None:
    clinic, north, trust = places
    with serving_witness(make_witness(tmp_path), tls=nodes(north, trust)) as url:
        assert url.startswith("https://")
        cosigned = await ask(url, tls=dialling(clinic, trust))
    assert cosigned.cosignature.keys == cosigner().keys


async def test_a_witness_with_a_certificate_of_another_organisation_is_refused(
    tmp_path: Path, places: Places
) -> None:
    clinic, _, trust = places
    with (
        serving_witness(make_witness(tmp_path), tls=nodes(clinic, trust)) as url,
        pytest.raises(PeerLinkRefused, match=r"`clinic\.example`, not of `north\.example`") as caught,
    ):
        await ask(url, tls=dialling(clinic, trust))
    assert caught.value.alarming
    assert caught.value.detail.startswith("peer-of-other-organisation")


async def test_a_witness_that_refuses_our_certificate_is_told_from_one_that_is_away(
    tmp_path: Path, places: Places
) -> None:
    clinic, north, trust = places
    with (
        serving_witness(make_witness(tmp_path), tls=nodes(north, north.trust)) as url,
        pytest.raises(PeerLinkRefused, match="is refused"),
    ):
        await ask(url, tls=dialling(clinic, trust))


async def test_a_witness_that_speaks_no_tls_is_told_from_one_that_is_away(
    tmp_path: Path, places: Places
) -> None:
    clinic, _, trust = places
    with serving_witness(make_witness(tmp_path)) as url, pytest.raises(PeerLinkRefused, match="no TLS"):
        await ask(url.replace("http://", "https://"), tls=dialling(clinic, trust))


async def test_a_witness_that_is_away_is_unreachable_with_a_link_too(places: Places) -> None:
    clinic, _, trust = places
    with pytest.raises(PeerUnreachable):
        await ask("https://127.0.0.1:9", tls=dialling(clinic, trust))


# Cards.


def test_the_card_of_a_log_is_no_peer() -> None:
    with pytest.raises(PeerAnswerRefused, match="log's"):
        WitnessPeer.of("http://x", make_card(ORIGIN, role=Role.LOG))


def test_a_card_that_is_not_whole_is_no_peer() -> None:
    with pytest.raises(CardRefused):
        WitnessPeer.of("http://x", make_card().replace(b"payload", b"payl0ad"))


def test_a_peer_is_named_by_its_key() -> None:
    peer = peer_at("http://x/")
    assert (peer.url, peer.key) == ("http://x", f"{NAME}+{cosigner().keys.mldsa44.key_id:08x}")


def test_reading_an_answer_does_not_depend_on_lines_that_the_note_has_already() -> None:
    note = TREE.note() + lines_of(cosigner())
    read = client.read_answer(lines_of(cosigner()), peer_at("http://x"), note=note, clock=clock())
    verify_cosignature(parse_note(TREE.note() + read.lines), cosigner().keys)

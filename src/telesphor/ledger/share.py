"""Sharing: chosen entries, for a purpose that is written down, as a bundle that anyone can check.

Whoever runs the node chooses entries by position, and commitments to open. The bundle holds those entries,
the first of the ledger, the key histories of the entries' actors, the requests behind all of them and their
proofs; of everything else it holds hashes of salted entries only. The documents that chosen entries name come
along only where the caller says so: they can be personal, and can lead to further ones.

That something was shared is itself an entry, `share.made/1`, which is durable before the file exists: it says
which positions and which commitments were shown, and the digest of the file, but not the purpose, which may be
about somebody.

A request is signed as a whole, so that with one of its entries everything it asked for can be read. Where
that would show more than was chosen, `check_requests` refuses unless the caller says that it may.

Start at `share_bundle`, and at `make_share` for the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from telesphor.kernel.bundle import EVIDENCE_BYTES_MAX, OpenedCommitment, Selection
from telesphor.kernel.commitment import MEMBER_PATTERN, commitment_in, open_commitment
from telesphor.kernel.digest import digest_of
from telesphor.kernel.entry import parse_entry
from telesphor.kernel.errors import Kind, LimitExceeded, TelesphorError
from telesphor.kernel.ids import stream_of
from telesphor.kernel.signing import read_jws
from telesphor.ledger import store
from telesphor.ledger.bundles import (
    GENESIS,
    UNCONFIRMED,
    BundleSource,
    Checkpointed,
    Confirmations,
    assemble_bundle,
    complete_entries,
)
from telesphor.ledger.checkpoints import CheckpointMissing
from telesphor.ledger.entries import EntryReader, RecordedEntry
from telesphor.runtime.capability import (
    Actor,
    Body,
    Capability,
    CommandType,
    Decision,
    Draft,
    EntryType,
    State,
)
from telesphor.verify.check_bundle import verify_bundle
from telesphor.verify.pins import Pins

SHARED_ENTRIES_MAX: Final = 10_000
"""As many as a visit may have; their bundle stays under the bound of bundles."""
RANGES_MAX: Final = 1_000
"""Runs of neighbouring positions in one share: 28 bytes each, so that the entry about it fits an entry."""
OPENED_MAX: Final = 400
"""Commitments opened in one share, of up to 90 bytes each in the entry about it."""
SHARES_STREAM: Final = "shares"
SHARING_KINDS: Final = frozenset({"node", "organisation"})
"""Who may share: whoever runs the node, as the node itself or as its organisation."""

PositionField = Annotated[int, Meta(ge=0, lt=2**53)]
SelectionField = Annotated[
    str,
    Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", max_length=36),
]
FileField = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$", max_length=71)]
RangesField = Annotated[
    tuple[tuple[PositionField, PositionField], ...], Meta(min_length=1, max_length=RANGES_MAX)
]


class ShareRefused(TelesphorError):
    """What is to be shared cannot be, or would not verify."""

    code = "share-refused"
    kind = Kind.INVALID


class RequestShowsMore(TelesphorError):
    """The signed request behind a chosen entry shows what was not chosen."""

    code = "request-shows-more"
    kind = Kind.CONFLICT


class ShareNotPermitted(TelesphorError):
    """The actor may not share this ledger's entries."""

    code = "share-not-permitted"
    kind = Kind.FORBIDDEN


class ShareExists(TelesphorError):
    """The id of the selection was used before."""

    code = "share-exists"
    kind = Kind.CONFLICT


class OpenedMember(Body, frozen=True, kw_only=True):
    """A commitment that was opened: the entry and the member of its body; the value is not said."""

    position: PositionField
    member: Annotated[str, Meta(pattern=rf"^{MEMBER_PATTERN}\Z", max_length=68)]


class MakeShare(Body, frozen=True, kw_only=True):
    """Hand out a file with chosen entries; asked before the file is written.

    `entries` are ranges of positions, first and last, rising and apart. `file` is the digest of the file.
    """

    share: SelectionField
    entries: RangesField
    opened: Annotated[tuple[OpenedMember, ...], Meta(max_length=OPENED_MAX)]
    file: FileField


class ShareMade(Body, frozen=True, kw_only=True):
    """The actor handed out these entries, with these commitments opened, in the file of this digest."""

    entries: RangesField
    opened: Annotated[tuple[OpenedMember, ...], Meta(max_length=OPENED_MAX)]
    file: FileField


SHARE_MADE: Final = EntryType("share.made/1", ShareMade)
ENTRIES: Final = (SHARE_MADE,)

MayShare = Callable[[Actor, MakeShare, State], None]
"""Raises when the actor may not share these entries."""


class Share(NamedTuple):
    """A bundle that is ready to be handed out, and the command that must be recorded first."""

    bundle: bytes
    command: tuple[str, dict[str, object]]


def share_bundle(
    selection: Selection,
    positions: Iterable[int],
    *,
    reader: EntryReader,
    checkpoint: Checkpointed,
    source: BundleSource,
    made_at: str,
    opened: Sequence[OpenedCommitment] = (),
    confirmations: Confirmations = UNCONFIRMED,
    whole_requests: bool = False,
    with_documents: bool = False,
) -> Share:
    """Make the bundle of chosen entries, and the command that says so on the ledger.

    The bundle is verified here before anybody gets it. Record the command, then write the file.

    Args:
        checkpoint: covers all of `positions`, with its cosignatures.
        opened: commitments of chosen entries to show with their values.
        whole_requests: whether requests may be shown that asked for more than was chosen.
        with_documents: whether the documents that chosen entries name are shown, and all that these lead to.

    Raises:
        ShareRefused: nothing or too much is chosen, or something opened that was not; or the result does
            not verify.
        RequestShowsMore: a chosen entry's request would show more, and `whole_requests` is not set.
        EntryMissing, CheckpointMissing: a position is not on the ledger, or not under the checkpoint.
        CommitmentRefused: a key and a value do not open their commitment.
    """
    chosen = choose_entries(positions, reader)
    _check_opened(opened, chosen)
    if not whole_requests:
        check_requests(chosen, reader)
    if max(chosen) >= checkpoint.size:
        raise CheckpointMissing(
            f"no checkpoint holds position `{max(chosen)}` yet", hint="ask again in a second"
        )
    actors = (entry.actor for entry in chosen.values())
    entries = complete_entries(chosen.values(), actors, reader, size=checkpoint.size)
    bundle = assemble_bundle(
        selection,
        entries,
        reader=reader,
        checkpoint=checkpoint,
        source=source,
        made_at=made_at,
        opened=opened,
        confirmations=confirmations,
        documents_of=chosen.values() if with_documents else (),
    )
    _check_bundle(bundle, source)
    return Share(bundle, _command(selection, chosen, opened, bundle))


def choose_entries(positions: Iterable[int], reader: EntryReader) -> dict[int, RecordedEntry]:
    """The chosen entries by rising position; the first of the ledger comes along in any case."""
    wanted = sorted(set(positions) - {GENESIS})
    if not wanted:
        raise ShareRefused("nothing is chosen", hint="choose entries by position or by stream")
    if len(wanted) > SHARED_ENTRIES_MAX:
        raise LimitExceeded(f"`{len(wanted)}` entries are chosen where `{SHARED_ENTRIES_MAX}` are allowed")
    return {position: reader.entry(position) for position in wanted}


def check_requests(chosen: Mapping[int, RecordedEntry], reader: EntryReader) -> None:
    """Refuse when the request behind a chosen entry has commands for entries that were not chosen.

    Raises:
        RequestShowsMore: naming the first such entry.
    """
    size = reader.size()
    seen: set[str] = set()
    for position, entry in chosen.items():
        if entry.evidence is None or entry.evidence in seen:
            continue
        seen.add(entry.evidence)
        request = read_jws(reader.request_of(entry) or b"", limit=EVIDENCE_BYTES_MAX)
        commands = request.payload["commands"]
        if not isinstance(commands, list) or len(commands) < 2:
            continue  # all its entries come from the one command that is shown
        for other in _run_of(position, entry.evidence, reader, size):
            if other not in chosen:
                raise RequestShowsMore(
                    f"the request behind entry `{position}` also asked for entry `{other}`",
                    hint="choose that as well, or allow whole requests to be shown",
                )


def format_ranges(positions: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Positions as rising ranges, first and last: `1, 2, 3, 7` is `(1, 3), (7, 7)`."""
    ordered = sorted(set(positions))
    breaks = [later for earlier, later in pairwise(ordered) if later != earlier + 1]
    firsts = [*ordered[:1], *breaks]
    lasts = [earlier for earlier, later in pairwise(ordered) if later != earlier + 1] + ordered[-1:]
    return tuple(zip(firsts, lasts, strict=True))


def may_share(actor: Actor, command: MakeShare, state: State) -> None:
    """Whoever runs the node may: it holds every entry anyway. Raises `ShareNotPermitted`."""
    if actor.kind not in SHARING_KINDS:
        raise ShareNotPermitted("only the node and its organisations share entries of the ledger")


def sharing(*, may_share: MayShare = may_share) -> Capability:
    """What sharing hands to the node.

    Args:
        may_share: decides who may share what.
    """

    def make_share(actor: Actor, command: MakeShare, state: State) -> Decision:
        may_share(actor, command, state)
        stream = stream_of(SHARES_STREAM, command.share)
        if state.next_n(stream) != 0:
            raise ShareExists(f"the id `{command.share}` was used for a share before", hint="make a new id")
        _check_ranges(command.entries, size=store.count_positions(state.db))
        body = ShareMade(entries=command.entries, opened=command.opened, file=command.file)
        return Decision((Draft(SHARE_MADE.name, stream, body),))

    return Capability(
        "sharing", entries=ENTRIES, commands=(CommandType("share.make/1", MakeShare, make_share),)
    )


RECORDED: Final = Capability("sharing", entries=ENTRIES)
"""The part that decides nothing: enough to read and to replay a ledger."""


def _run_of(position: int, evidence: str, reader: EntryReader, size: int) -> list[int]:
    """Positions of the neighbouring entries that the same request caused, this one included."""
    run = [position]
    for step in (-1, 1):
        at = position + step
        while 0 <= at < size and reader.entry(at).evidence == evidence:
            run.append(at)
            at += step
    return run


def _check_opened(opened: Sequence[OpenedCommitment], chosen: Mapping[int, RecordedEntry]) -> None:
    if len(opened) > OPENED_MAX:
        raise LimitExceeded(f"`{len(opened)}` commitments are opened where `{OPENED_MAX}` are allowed")
    for one in opened:
        if one.position not in chosen:
            raise ShareRefused(f"a commitment is opened of entry `{one.position}`, which is not chosen")
        commitment = commitment_in(parse_entry(chosen[one.position].data).body, one.member)
        if commitment is None:
            raise ShareRefused(f"entry `{one.position}` has no commitment `{one.member}`")
        open_commitment(commitment, one.value, one.key)


def _check_bundle(bundle: bytes, source: BundleSource) -> None:
    report = verify_bundle(bundle, pins=Pins(frozenset(source.log_vkeys)))
    if not report.passed:
        failed = report.steps[-1]
        raise ShareRefused(f"the bundle would not verify: {failed.name}: {failed.failure}")


def _command(
    selection: Selection,
    chosen: Iterable[int],
    opened: Sequence[OpenedCommitment],
    bundle: bytes,
) -> tuple[str, dict[str, object]]:
    ranges = format_ranges(chosen)
    if len(ranges) > RANGES_MAX:
        raise LimitExceeded(f"`{len(ranges)}` separate runs are chosen where `{RANGES_MAX}` are allowed")
    body: dict[str, object] = {
        "share": selection.id,
        "entries": [list(run) for run in ranges],
        "opened": [{"position": one.position, "member": one.member} for one in opened],
        "file": digest_of(bundle),
    }
    return "share.make/1", body


def _check_ranges(ranges: Sequence[tuple[int, int]], *, size: int) -> None:
    if any(first > last for first, last in ranges) or ranges[-1][1] >= size:
        raise ShareRefused("what is shared is not a list of ranges of the ledger's positions")
    if any(later[0] <= earlier[1] + 1 for earlier, later in pairwise(ranges)):
        raise ShareRefused("the ranges of what is shared do not rise, or touch each other")

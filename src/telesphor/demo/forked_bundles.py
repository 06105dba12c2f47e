"""Proofs out of a ledger that its node forked, rewrote or rolled back, signed with all of the node's keys.

Each is a well-formed bundle with a matching manifest, so that what speaks is the check it deserves. The first of
them cannot be refused outright: a node that signs a second history, and shows it to nobody else, is believed by
whoever asks for no more than its word (L1). That is what the levels are for, and the verdict says what is missing.

Start at `forge_from_fork`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from telesphor.app import open_books, open_for_proofs
from telesphor.demo.attacks import Attack, tell
from telesphor.demo.bundle_attacks import Files, sign_files
from telesphor.demo.dishonest_node import Liar
from telesphor.demo.history import History, backdated, read_history, recounted
from telesphor.demo.narration import Narrator
from telesphor.demo.proof import Verifier
from telesphor.demo.stage import Stage
from telesphor.demo.story import Visit
from telesphor.kernel.archive import read_archive
from telesphor.kernel.bundle import CHECKPOINT, LOG_VKEYS, entry_path, proof_path
from telesphor.kernel.bundle_files import card_path, format_proof, parse_vkeys
from telesphor.kernel.checkpoint import parse_checkpoint
from telesphor.kernel.clock import Clock
from telesphor.kernel.cosignature import append_signatures
from telesphor.kernel.note import parse_note, parse_vkey
from telesphor.kernel.signing import SigningKey
from telesphor.ledger.bundles import choose_cards, index_cards
from telesphor.runtime.folder import NodeKeys, load_node_keys

NOTARISED: Final = 4
BLOCKS_READ: Final = 1_000
"""A demonstration makes a few dozen."""


@dataclass(frozen=True)
class Forgery:
    """A forged bundle: what was done, the code of the refusal it deserves, and the least level demanded."""

    what: str
    code: str
    files: Files
    require: str = ""


def make_liar(stage: Stage, visit: Visit, *, clock: Clock) -> tuple[Liar, SigningKey]:
    """The node turned dishonest: it would have sealed another patient's record a year earlier than it did.

    Its earlier state, to roll back to, is the newest cosigned one from before the visit was closed.
    """
    keys: NodeKeys = load_node_keys(stage.node.node_key, passphrase=stage.passphrase)
    true = read_history(stage)
    with open_for_proofs(stage.node.path) as (reader, *_):
        position = reader.stream(f"object/{visit.of_other_patient.object}")[0].position
    with open_books(stage.node.path) as books:
        sizes = [b.size for b in books.cosignatures.recent(BLOCKS_READ) if b.level >= NOTARISED]
    # On a machine so slow that none was cosigned before, there is still the checkpoint of the first entry.
    earlier = max((size for size in sizes if size <= visit.closed_position), default=1)
    forked = true.with_entry(position, backdated(true.entries[position]))
    return Liar(keys.log, true, forked, earlier, clock.now_ms() // 1000), keys.signing


def forge_from_fork(
    liar: Liar, key: SigningKey, *, stage: Stage, visit: Visit, verifier: Verifier, narrator: Narrator
) -> list[Attack]:
    """Let the verifier judge what a dishonest node would hand out, each in a process of its own."""
    files = read_archive(stage.bundle.read_bytes())
    attacks = []
    for number, forgery in enumerate(_forgeries(files, liar, stage, visit), 1):
        file = stage.attacks / f"forked-{number}.bundle.zip"
        file.write_bytes(sign_files(forgery.files, key))
        if forgery.require:
            _tell_level(verifier, file, narrator)
        verdict = verifier.check(file, require=forgery.require)
        said = f"step {len(verdict.steps)} ({verdict.last.name}): {verdict.last.failure}"
        detected = not verdict.passed and verdict.last.code == forgery.code
        attacks.append(tell(Attack(forgery.what, detected, verdict.last.code, said), narrator))
    return attacks


def _tell_level(verifier: Verifier, file: Path, narrator: Narrator) -> None:
    """What a reader is told who demands nothing."""
    verdict = verifier.check(file)
    lacking = verdict.lacking
    narrator.say(
        f"A visit proven in the fork, to someone who demands no level: {'passes' if verdict.passed else 'fails'} at "
        f"{verdict.level or 'no level'}, and lacks for the next: {lacking.missing if lacking else 'nothing'}."
    )


def _forgeries(files: Files, liar: Liar, stage: Stage, visit: Visit) -> Iterator[Forgery]:
    size = parse_checkpoint(parse_note(files[CHECKPOINT]).text).size
    forked = _alone(_proven(files, liar.forked, size, liar.sign(liar.forked, size)))
    yield Forgery(
        "the visit, proven in the fork, for a reader who demands L4", "level-not-reached", forked, "L4"
    )
    yield Forgery(
        "the same, with the cosignatures of the true checkpoint",
        "cosignature-refused",
        {**_with_folder(forked, files, "cards/"), CHECKPOINT: _borrow_signatures(forked, files)},
    )
    if any(path.startswith("anchors/") for path in files):
        yield Forgery(
            "the same, with the anchors of the true checkpoint",
            "anchor-of-another-digest",
            _with_folder(forked, files, "anchors/"),
        )
    yield Forgery(
        "a reading of the visit itself rewritten, in a tree of its own",
        "not-asked",
        _rewritten(files, liar, visit, size),
    )
    yield Forgery(
        f"the visit under the true checkpoint of {liar.earlier} entries, from before it was closed",
        "inclusion-refused",
        _rolled_back(files, liar, stage),
    )


def _proven(files: Files, history: History, size: int, note: bytes) -> dict[str, bytes]:
    """The same entries, proven in another tree as far as it reaches."""
    proofs = {
        proof_path(position): format_proof(history.inclusion(position, size))
        for position in _positions(files)
        if position < size
    }
    return {**files, **proofs, CHECKPOINT: note}


def _alone(files: Files) -> dict[str, bytes]:
    """Without what others said: the log's own card stays."""
    own = card_path(parse_vkey(parse_vkeys(files[LOG_VKEYS])[1]).key_id)
    return {
        path: content
        for path, content in files.items()
        if path == own or not path.startswith(("cards/", "anchors/"))
    }


def _with_folder(files: Files, source: Files, folder: str) -> dict[str, bytes]:
    return {**files, **{path: content for path, content in source.items() if path.startswith(folder)}}


def _borrow_signatures(forked: Files, files: Files) -> bytes:
    """The forked checkpoint, with the witnesses' lines of the true one."""
    own = {parse_vkey(vkey).key_id for vkey in parse_vkeys(files[LOG_VKEYS])}
    lines = [line for line in parse_note(files[CHECKPOINT]).signatures if line.key_id not in own]
    return append_signatures(forked[CHECKPOINT], lines)


def _rewritten(files: Files, liar: Liar, visit: Visit, size: int) -> dict[str, bytes]:
    position = visit.readings[0].position
    changed = recounted(liar.true.entries[position])
    history = liar.true.with_entry(position, changed)
    proven = _proven(files, history, size, liar.sign(history, size))
    return _alone({**proven, entry_path(position): changed})


def _rolled_back(files: Files, liar: Liar, stage: Stage) -> dict[str, bytes]:
    """Under a checkpoint that everybody signed, and that is older than the visit's end."""
    with open_books(stage.node.path) as books:
        note = books.cosignatures.note(liar.earlier)
        cards = choose_cards(
            index_cards([stage.node.log_card.read_bytes(), *books.cosignatures.cards(liar.earlier)]), note
        )
    bare = _alone(_proven(files, liar.true, liar.earlier, note))
    return {**bare, **{card_path(key_id): card for key_id, card in cards.items()}}


def _positions(files: Files) -> list[int]:
    return [int(path[8:20]) for path in files if path.startswith("entries/")]

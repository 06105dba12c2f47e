"""Write every bundle of the vectors with the report of the Python verifier: `python write_reports.py DIR`.

The bundles are those of `tests/vectors/bundles`, good and bad, some good ones judged with keys, policies and demands of
a reader, and some changed by chance. `cases.json` names each file, the reader's options and the report, so that another
verifier can be held to it; `proofs.json` has the proofs of one entry of `tests/vectors/proofs.py` whole. The checkout
and its `src` must be on the path; `agreement.test.ts` runs this.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from write_tables import tables

from telesphor.kernel import base64url
from telesphor.kernel.archive import read_archive
from telesphor.kernel.levels import DEFAULT_LEVELS, parse_levels
from telesphor.verify import verify_bundle
from telesphor.verify.check_proof import Known, verify_proof
from telesphor.verify.pins import join_pins, read_keys, read_policy
from tests.support.lost_keys import Loss
from tests.unit.verify.builder import Story, log_signer, repack
from tests.unit.verify.peers import WITNESSES, cosigner
from tests.vectors.bundles.all import FAULTS, good_bundle
from tests.vectors.bundles.case import good_story
from tests.vectors.bundles.confirm import (
    LOW_BAR,
    anchored,
    both_anchors,
    bundle_of,
    ethereum_anchor,
    levels_knowing,
    paused,
    selection,
    witnessed_bundle,
    witnessed_edit,
    witnessed_parts,
)
from tests.vectors.bundles.grants import granted_bundle
from tests.vectors.bundles.life import cancelled, lived
from tests.vectors.proofs import ProofCase
from tests.vectors.proofs import cases as proof_cases

SEED = 20261122
CHANCES = 60
MARKS = b'0123456789abcdefAZ_-"{}[],:. \n'


class Asked(NamedTuple):
    """A bundle and what its reader gives along; texts as they stand in the reader's files."""

    name: str
    make: Callable[[], bytes]
    keys: str = ""
    policy: str = ""
    levels: str = ""
    require: int = 1


def main() -> None:
    """Write the bundles, `cases.json`, `proofs.json` and `tables.json`."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[bytes, str] = {}
    cases = [_write(case, folder, written) for case in _asked()]
    (folder / "cases.json").write_text(json.dumps(cases))
    (folder / "proofs.json").write_text(json.dumps([_judge_proof(case) for case in proof_cases()]))
    (folder / "tables.json").write_text(json.dumps(tables()))


def _asked() -> Iterator[Asked]:
    yield from (Asked(fault.name, fault.make) for fault in FAULTS)
    yield from _of_good_stories()
    yield from _of_readers()
    yield from _by_chance()


def _of_good_stories() -> Iterator[Asked]:
    for make in (good_bundle, witnessed_bundle, anchored, granted_bundle, selection, paused):
        yield Asked(f"good {make.__name__}", make)
    yield Asked("good in bitcoin and ethereum", _anchored_twice)
    yield Asked("good with a shallow anchor", lambda: anchored(later=1))
    yield Asked("good with a policy of its own", lambda: _with_levels(LOW_BAR))
    yield Asked("good with the shipped policy", lambda: _with_levels(DEFAULT_LEVELS))
    yield Asked("good after a loss and a recovery", _recovered)
    yield Asked("good after a recovery by statement", _recovered_by_statement)
    yield Asked("good with the node's own word", _own_word)
    yield Asked("good with a batch", _batch)
    yield Asked("good and lived", lived)
    yield Asked("good and missed", cancelled)


def _of_readers() -> Iterator[Asked]:
    log = good_story().world.log.vkeys()
    keys = "\n".join(("# the clinic", *log, ""))
    yield Asked("pinned", good_bundle, keys=keys)
    yield Asked("pinned in one key", good_bundle, keys=log[1])
    yield Asked("pinned to another", good_bundle, keys="\n".join(log_signer("other").vkeys()))
    for level in range(2, 6):
        yield Asked(f"L{level} demanded", witnessed_bundle, keys=keys, require=level)
    knowing = levels_knowing(ethereum_anchor().encode())
    yield Asked("block known", anchored, levels=knowing, require=5)
    yield Asked("another block known", anchored, levels=knowing.replace("height = 21", "height = 20"))
    yield Asked("another hash known", anchored, levels=_other_hash(knowing))
    yield Asked(
        "regtest asked for",
        _anchored_twice,
        levels=DEFAULT_LEVELS.replace("bitcoin-mainnet", "bitcoin-regtest"),
    )
    yield Asked("low bar", witnessed_bundle, levels=LOW_BAR)
    yield Asked(
        "many regions asked for",
        witnessed_bundle,
        levels=DEFAULT_LEVELS.replace("regions = 2", "regions = 9"),
    )
    yield Asked("two notaries asked for", witnessed_bundle, levels=_two_notaries())
    yield Asked("witness pinned by keys", witnessed_bundle, levels=_knowing_witness())
    for quorum in ("all", "4"):
        yield Asked(f"quorum of {quorum}", witnessed_bundle, policy=_quorum(quorum))
    yield Asked("quorum that nobody met", good_bundle, policy=_quorum("2"))


def _by_chance() -> Iterator[Asked]:
    """Files changed at random, listed and signed anew: what the two read differently would show here."""
    chance = random.Random(SEED)  # noqa: S311 - the same bundles each time, and nothing secret
    for number in range(CHANCES):
        base = chance.choice([granted_bundle, anchored, _anchored_twice])()
        files = read_archive(base)
        kind = chance.choice(
            sorted({name.split("/")[0] for name in files} - {"manifest.json", "manifest.jws"})
        )
        name = chance.choice(sorted(name for name in files if name.split("/")[0] == kind))
        changed = _changed(files[name], chance)
        data = repack(base, partial(_put, name, changed))
        yield Asked(f"chance {number}: {name}", partial(bytes, data))


def _put(name: str, content: bytes, files: dict[str, bytes]) -> None:
    files[name] = content


def _changed(data: bytes, chance: random.Random) -> bytes:
    """One bit turned over, some bytes cut out, some doubled, or one replaced by another mark of such texts."""
    at = chance.randrange(len(data))
    size = chance.randrange(1, 9)
    mark = bytes([chance.choice(MARKS)])
    turned = bytes([data[at] ^ 1 << chance.randrange(8)])
    middle = chance.choice(
        [turned + data[at + 1 :], data[at + size :], data[at : at + size] + data[at:], mark + data[at + 1 :]]
    )
    return data[:at] + middle


def _write(case: Asked, folder: Path, written: dict[bytes, str]) -> dict[str, Any]:
    data = case.make()
    file = written.setdefault(data, f"{len(written):03d}.zip")
    (folder / file).write_bytes(data)
    keys = [read_keys(case.keys)] if case.keys else []
    policies = [read_policy(case.policy.encode())] if case.policy else []
    pins = join_pins([*keys, *policies])
    levels = parse_levels(case.levels.encode()) if case.levels else None
    report = verify_bundle(data, pins=pins, levels=levels, require=case.require).to_json()
    options = {"keys": case.keys, "policy": case.policy, "levels": case.levels, "require": case.require}
    return {"name": case.name, "file": file, "report": report, **options}


def _judge_proof(case: ProofCase) -> dict[str, Any]:
    levels = parse_levels(case.levels.encode()) if case.levels else None
    known = Known.of(read_keys(case.keys), case.cards)
    report = verify_proof(case.text, case.entry, known, levels=levels, require=case.require).to_json()
    return {
        "name": case.name,
        "text": base64url.std_encode(case.text),
        "entry": base64url.std_encode(case.entry),
        "cards": [base64url.std_encode(card) for card in case.cards],
        "keys": case.keys,
        "levels": case.levels,
        "require": case.require,
        "report": report,
    }


def _anchored_twice() -> bytes:
    parts = witnessed_parts()
    return bundle_of(parts.__class__(**{**parts.__dict__, "anchors": both_anchors(parts.checkpoint)}))


def _with_levels(text: str) -> bytes:
    return witnessed_edit(lambda files: files.update({"levels.toml": text.encode()}))


def _recovered() -> bytes:
    loss = Loss()
    loss.told()
    return loss.closed()


def _recovered_by_statement() -> bytes:
    loss = Loss()
    loss.report(loss.who, reason="disclosed")
    loss.begin(loss.story.clinic, statement=loss.statement())
    loss.wait()
    loss.recover()
    return loss.closed()


def _own_word() -> bytes:
    story = Story.told(until="close")
    story.world.append(story.world.node, story.link(story.object, 1, "note"), None)
    story.close()
    return story.bundle()


def _batch() -> bytes:
    story = Story.told(until="close")
    story.world.act(story.clinician, [story.add()] * 20, *[story.link(story.object, 1, "note")] * 20)
    story.close()
    return story.bundle()


def _other_hash(levels: str) -> str:
    head, _, tail = levels.rpartition('hash = "')
    return f'{head}hash = "{"0" if tail[0] != "0" else "1"}{tail[1:]}'


def _two_notaries() -> str:
    return DEFAULT_LEVELS.replace("[notary]\nat_least = 1", "[notary]\nat_least = 2")


def _knowing_witness() -> str:
    first, second = cosigner(WITNESSES[0].name).vkeys()
    return f'{DEFAULT_LEVELS}[[witness]]\nvkeys = ["{second}", "{first}"]\n'


def _quorum(threshold: str) -> str:
    lines = [f"log {vkey}" for vkey in good_story().world.log.vkeys()]
    names = []
    for number, peer in enumerate(WITNESSES):
        for half, vkey in zip(("a", "b"), cosigner(peer.name).vkeys(), strict=True):
            names.append(f"w{number}{half}")
            lines.append(f"witness {names[-1]} {vkey}")
    return "\n".join([*lines, f"group all-of-them {threshold} {' '.join(names)}", "quorum all-of-them", ""])


if __name__ == "__main__":
    main()

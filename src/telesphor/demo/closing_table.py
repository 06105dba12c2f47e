"""What one run showed, in the end: a table for people, a summary for machines.

It says what is proven and what is not, and means both. Start at `tell_table` and `summarise`.
"""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Any, Final

from telesphor.demo.confirmation import tell_anchors, tell_times
from telesphor.demo.emergency import REASON
from telesphor.demo.narration import Narrator, sized
from telesphor.demo.run import Outcome
from telesphor.demo.stage import ORIGIN
from telesphor.demo.story import Visit


def summarise(outcome: Outcome) -> dict[str, Any]:
    """The run for machines."""
    visit, stage = outcome.visit, outcome.stage
    return {
        "held": outcome.held,
        "folder": str(stage.folder),
        "node": str(stage.node.path),
        "bundle": str(stage.bundle),
        "verifier": str(stage.verifier),
        "log_vkeys": str(stage.node.log_vkeys),
        "levels_policy": str(stage.levels),
        "origin": ORIGIN,
        "goal": f"L{outcome.network.goal}",
        "chains": list(outcome.network.chains.networks),
        "chains_missing": list(outcome.network.chains.missing),
        "visit": visit.visit,
        "resources": kinds_of(visit),
        "readings": len(visit.readings),
        "recording_bytes": visit.recording.size,
        "bundle_bytes": outcome.bundle_bytes,
        "ledger": asdict(outcome.checked.ledger),
        "leaks": list(outcome.checked.leaks),
        "words_sought": outcome.checked.words,
        "confirmation": asdict(outcome.confirmation),
        "verdict": asdict(outcome.verdict),
        "shipped_verdict": asdict(outcome.shipped),
        "decisions": [dict(decision) for decision in outcome.replayed.decisions],
        "decisions_replayed": outcome.replayed.same,
        "runs_replayed": outcome.replayed.runs,
        "commitments_opened": outcome.opened,
        "attacks": [asdict(attack) for attack in outcome.attacks],
        "seconds": round(outcome.seconds, 1),
        "joules": outcome.energy.joules,
        "energy": str(outcome.energy),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
    }


def tell_table(outcome: Outcome, narrator: Narrator) -> None:
    """The closing table."""
    narrator.table([*_visit_rows(outcome), *_rule_rows(outcome), *_proof_rows(outcome), *_run_rows(outcome)])


def kinds_of(visit: Visit) -> dict[str, int]:
    """How many records of each kind."""
    kinds = [sealed.record.kind for sealed in visit.sealed]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _visit_rows(outcome: Outcome) -> list[tuple[str, str]]:
    visit, checked = outcome.visit, outcome.checked
    found = f"found in {len(checked.leaks)} places" if checked.leaks else "found nowhere outside the vault"
    return [
        ("records sealed", f"{len(visit.sealed)} FHIR resources of {len(kinds_of(visit))} kinds"),
        (
            "in the visit",
            f"{len(visit.read)} reads, {len(visit.readings)} device readings, a note, a recording",
        ),
        ("on the ledger", f"{checked.ledger.entries} entries by {checked.ledger.requests} signed requests"),
        ("patient data", f"{checked.words} names, numbers and findings: {found}"),
    ]


def _rule_rows(outcome: Outcome) -> list[tuple[str, str]]:
    """What was decided by which rule, the most frequent first."""
    replayed = outcome.replayed
    rules = replayed.rules(token=outcome.visit.grant.token, emergency=REASON)
    counts = [f"{count} {said}" for said, count in rules.most_common()]
    outcomes = replayed.outcomes()
    again = f"{replayed.same} of {len(replayed.decisions)} decided again, offline, with the same answer and reasons"
    return [
        ("decided", f"{outcomes['allow']} allowed, {outcomes['deny']} denied; {again}"),
        *(("" if number else "by rules", said) for number, said in enumerate(counts)),
        ("contract runs", f"{replayed.runs} run again, offline, byte by byte"),
    ]


def _proof_rows(outcome: Outcome) -> list[tuple[str, str]]:
    verdict, confirmation = outcome.verdict, outcome.confirmation
    verified = (
        f"{'verified' if verdict.passed else 'NOT verified'}, level {verdict.level or 'none'}, keys pinned"
    )
    lacking = outcome.shipped.lacking
    shipped = outcome.shipped.level or "NOT verified"
    shipped += f"; {lacking.name} lacks: {lacking.missing}" if lacking else ""
    names = ", ".join(name.rpartition("+")[0] for name in confirmation.cosigned_by)
    return [
        ("bundle", verified),
        ("default policy", shipped),
        ("levels after", tell_times(confirmation) or "none was reached"),
        ("cosigned by", names or "nobody"),
        ("anchors", tell_anchors(confirmation) or "none"),
        *[("missing", missing) for missing in outcome.network.chains.missing],
        ("proven", _PROVEN),
        ("not proven", _not_proven(outcome)),
    ]


_PROVEN: Final = (
    "who did what, in which order, and by which rule it was allowed or denied; that nothing of the visit was altered "
    "or left out; that all who cosigned saw this very ledger, and no other one of its size"
)


def _not_proven(outcome: Outcome) -> str:
    if outcome.confirmation.anchors:
        time = (
            "the time by anybody but those who cosigned: these chains run here, and whoever runs them writes their "
            "blocks (on mainnet the same proof does date the ledger)"
        )
    else:
        time = "the time by anybody but those who cosigned: no public chain dates the ledger"
    return (
        f"{time}; that the rules of a decision were all that held at that moment; that the organisations are different "
        "hands: their cards say so, and a reader to whom it matters pins the witnesses; that what a device measured is "
        "true"
    )


def _run_rows(outcome: Outcome) -> list[tuple[str, str]]:
    detected = sum(attack.detected for attack in outcome.attacks)
    return [
        ("attacks", f"{detected} of {len(outcome.attacks)} detected"),
        ("sizes", f"bundle {sized(outcome.bundle_bytes)}, recording {sized(outcome.visit.recording.size)}"),
        ("time", f"{outcome.seconds:.1f} s"),
        ("energy", str(outcome.energy)),
        ("bundle at", str(outcome.stage.bundle)),
    ]

"""Verification of a bundle: the numbered steps, in order, each on what the ones before it proved.

Start at `verify_bundle`. `docs/spec/verification.md` specifies each step.
"""

from __future__ import annotations

from typing import Final

from telesphor.kernel.archive import ArchiveLimits
from telesphor.kernel.bundle import LIMITS
from telesphor.kernel.levels import LevelPolicy
from telesphor.kernel.manifest import Manifest, Selection, name_subject
from telesphor.verify.attribute_bundle import check_signature
from telesphor.verify.attribute_entries import check_requests
from telesphor.verify.confirm_checkpoint import check_anchors, check_witnesses
from telesphor.verify.disclose_values import check_commitments
from telesphor.verify.follow_links import check_links
from telesphor.verify.open_bundle import open_archive, open_manifest
from telesphor.verify.order_streams import check_closing, check_streams
from telesphor.verify.pins import Pins
from telesphor.verify.place_entries import check_checkpoint, check_inclusion
from telesphor.verify.reach_level import LOWEST, Demand, check_levels, policy_of
from telesphor.verify.replay_visit import check_life
from telesphor.verify.report import Report
from telesphor.verify.trace_documents import check_documents
from telesphor.verify.trust_genesis import check_genesis
from telesphor.verify.walk import StepFailed, Walk

STEPS: Final = (
    "archive",
    "manifest",
    "checkpoint",
    "witnesses",
    "anchors",
    "levels",
    "inclusion",
    "genesis",
    "streams",
    "closing",
    "links",
    "requests",
    "commitments",
    "documents",
    "signature",
    "life",
)


def verify_bundle(
    data: bytes,
    *,
    pins: Pins | None = None,
    levels: LevelPolicy | None = None,
    require: int = LOWEST,
    limits: ArchiveLimits = LIMITS,
) -> Report:
    """Verify a bundle and report on each step. Raises nothing, whatever `data` is.

    Args:
        data: the file's bytes.
        pins: the ledger's keys as the reader knows them; without them they are the bundle's own claim.
        levels: the reader's policy of assurance levels; without one, the policy that ships.
        require: the least level, 1 to 5, with which the bundle passes.
        limits: how much to read at most.
    """
    walk = Walk(STEPS, pinned=pins is not None)
    try:
        _verify(data, pins, Demand(levels, require), limits, walk)
    except StepFailed:
        pass
    return walk.report()


def _verify(data: bytes, pins: Pins | None, demand: Demand, limits: ArchiveLimits, walk: Walk) -> None:
    # 1. One canonical archive.
    files = walk.step("archive", open_archive, data, limits)
    # 2. Its manifest accounts for every file.
    bundle = walk.step("manifest", open_manifest, files)
    _describe(bundle.manifest, walk)
    # 3. The ledger's state, signed by both of its keys.
    signed = walk.step("checkpoint", check_checkpoint, bundle, pins)
    # 4. Who else signed that state.
    witnessed = walk.step("witnesses", check_witnesses, bundle, pins.policies if pins else ())
    # 5. Which public chains date it.
    anchors = walk.step("anchors", check_anchors, bundle.anchors, signed, policy_of(demand).pins)
    # 6. How far that confirms it.
    walk.step("levels", check_levels, bundle.levels, signed, witnessed, anchors, demand, walk.judge)
    # 7. Each entry stands in that state.
    ledger = walk.step("inclusion", check_inclusion, bundle, signed)
    # 8. Who founded this ledger, with which keys.
    genesis = walk.step("genesis", check_genesis, bundle, ledger)
    # 9. Nothing missing or twice in the streams that must be whole.
    about = walk.step("streams", check_streams, ledger, bundle.manifest.subject)
    # 10. The visit is closed over exactly its entries.
    walk.step("closing", check_closing, about, bundle.manifest.subject)
    # 11. What the visit links to is here, whole where it must be, and nothing else.
    walk.step("links", check_links, ledger, genesis, about, bundle.manifest.subject)
    # 12. Each entry was asked for by its actor.
    walk.step("requests", check_requests, bundle, ledger, genesis)
    # 13. The values shown are those committed to.
    walk.step("commitments", check_commitments, bundle, ledger)
    # 14. The documents shown are those that entries name.
    walk.step("documents", check_documents, bundle, ledger)
    # 15. The node stands by the whole of it.
    walk.step("signature", check_signature, bundle, genesis.node.key)
    # 16. The visit was lived as its rules say.
    walk.step("life", check_life, about, bundle.manifest.subject)


def _describe(manifest: Manifest, walk: Walk) -> None:
    subject = manifest.subject
    purpose = subject.purpose if isinstance(subject, Selection) else ""
    walk.describe(origin=manifest.origin, subject=name_subject(subject), purpose=purpose)

"""Verification of a bundle: the numbered steps, in order, each on what the ones before it proved.

Start at `verify_bundle`. `docs/spec/verification.md` specifies each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from telesphor.kernel.archive import ArchiveLimits
from telesphor.kernel.bundle import LIMITS
from telesphor.kernel.errors import TelesphorError
from telesphor.verify.attribute_bundle import check_signature
from telesphor.verify.attribute_entries import check_requests
from telesphor.verify.disclose_values import check_commitments
from telesphor.verify.open_bundle import open_archive, open_manifest
from telesphor.verify.order_streams import check_closing, check_links, check_streams
from telesphor.verify.pins import Pins
from telesphor.verify.place_entries import check_checkpoint, check_inclusion
from telesphor.verify.report import Proved, Report, Step
from telesphor.verify.trust_genesis import check_genesis

P = ParamSpec("P")
T = TypeVar("T")

STEPS: Final = (
    "archive",
    "manifest",
    "checkpoint",
    "inclusion",
    "genesis",
    "streams",
    "closing",
    "links",
    "requests",
    "commitments",
    "signature",
)


def verify_bundle(data: bytes, *, pins: Pins | None = None, limits: ArchiveLimits = LIMITS) -> Report:
    """Verify a bundle and report on each step. Raises nothing, whatever `data` is.

    Args:
        data: the file's bytes.
        pins: the ledger's keys as the reader knows them; without them they are the bundle's own claim.
        limits: how much to read at most.
    """
    walk = _Walk(pinned=pins is not None)
    try:
        _verify(data, pins, limits, walk)
    except _Failed:
        pass
    return walk.report()


def _verify(data: bytes, pins: Pins | None, limits: ArchiveLimits, walk: _Walk) -> None:
    # 1. One canonical archive.
    files = walk.step("archive", open_archive, data, limits)
    # 2. Its manifest accounts for every file.
    bundle = walk.step("manifest", open_manifest, files)
    walk.origin, walk.subject = bundle.manifest.origin, bundle.manifest.subject
    # 3. The ledger's state, signed by both of its keys.
    signed = walk.step("checkpoint", check_checkpoint, bundle, pins)
    # 4. Each entry stands in that state.
    ledger = walk.step("inclusion", check_inclusion, bundle, signed)
    # 5. Who founded this ledger, with which keys.
    genesis = walk.step("genesis", check_genesis, bundle, ledger)
    # 6. Nothing missing or twice in the streams that must be whole.
    visit = walk.step("streams", check_streams, ledger, bundle.manifest.subject)
    # 7. The visit is closed over exactly its entries.
    walk.step("closing", check_closing, visit)
    # 8. What the visit links to is here, and nothing else.
    walk.step("links", check_links, ledger, genesis, visit)
    # 9. Each entry was asked for by its actor.
    walk.step("requests", check_requests, bundle, ledger, genesis)
    # 10. The values shown are those committed to.
    walk.step("commitments", check_commitments, bundle, ledger)
    # 11. The node stands by the whole of it.
    walk.step("signature", check_signature, bundle, genesis.node.key)


class _Failed(Exception):
    """A step failed, and the ones after it cannot stand."""


class _Walk:
    """The steps that were run so far."""

    def __init__(self, *, pinned: bool) -> None:
        self._steps: list[Step] = []
        self._pinned = pinned
        self.origin = ""
        self.subject = ""

    def step(self, name: str, check: Callable[P, Proved[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one step and record what it proved, or why it failed."""
        assert name == STEPS[len(self._steps)], "INVARIANT: the steps are run in their order"
        try:
            proved = check(*args, **kwargs)
        except TelesphorError as error:
            failed = Step(name=name, failure=error.message, code=error.code, hint=error.hint)
        except Exception as error:  # noqa: BLE001
            # A fault of ours must fail the bundle: never pass it, never stop the reader.
            reason = f"the verifier met something it did not expect (`{type(error).__name__}`)"
            failed = Step(name=name, failure=reason, code="internal")
        else:
            self._steps.append(Step(name=name, proved=proved.sentence))
            return proved.value
        self._steps.append(failed)
        raise _Failed

    def report(self) -> Report:
        return Report(
            steps=tuple(self._steps),
            not_run=STEPS[len(self._steps) :],
            pinned=self._pinned,
            origin=self.origin,
            subject=self.subject,
        )

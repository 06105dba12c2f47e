"""The offline verifier: whoever holds a bundle can check it without the node, a network or trust.

It imports `telesphor.kernel` and the standard library, nothing else, and is also shipped as one file,
`telesphor-verify.pyz`. Verification is a list of numbered steps, each of which proves one thing and says
so in a plain sentence; it passes only if all of them hold. `docs/spec/verification.md` gives the steps.

    from telesphor.verify import verify_bundle
    report = verify_bundle(data, pins=None, levels=None, require=1)

INVARIANTS: `verify_bundle` raises nothing for any bytes; a bundle passes with all steps or not at all.

Start at `check_bundle.verify_bundle`, the list of the steps. The steps, in their order:
`open_bundle` (archive, manifest), `place_entries` (checkpoint, inclusion), between these two
`confirm_checkpoint` (witnesses, anchors) and `reach_level` (levels), then `trust_genesis` (genesis),
`order_streams` (streams, closing), `follow_links` (links), `attribute_entries` (requests), `disclose_values`
(commitments), `trace_documents` (documents), `attribute_bundle` (signature).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telesphor.verify.check_bundle import verify_bundle
    from telesphor.verify.pins import Pins
    from telesphor.verify.report import Report

__all__ = ["Pins", "Report", "verify_bundle"]


def __getattr__(name: str) -> Any:
    # Late, so that `__main__` can look for `cryptography` and say in one line how to get it before
    # anything that needs it is imported.
    if name == "verify_bundle":
        from telesphor.verify.check_bundle import verify_bundle

        return verify_bundle
    if name == "Pins":
        from telesphor.verify.pins import Pins

        return Pins
    if name == "Report":
        from telesphor.verify.report import Report

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

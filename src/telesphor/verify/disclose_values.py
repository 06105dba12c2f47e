"""Step 13: the values shown are the ones the ledger had committed to."""

from __future__ import annotations

from telesphor.kernel import canonical
from telesphor.kernel.bundle import OPENED_BYTES_MAX, Bundle
from telesphor.kernel.commitment import commitment_in, open_commitment
from telesphor.kernel.errors import Kind, TelesphorError
from telesphor.verify.ledger import Ledger
from telesphor.verify.report import Proved, counted


class CommitmentMissing(TelesphorError):
    """A value is shown for something that its entry had not committed to."""

    code = "commitment-missing"
    kind = Kind.INVALID


def check_commitments(bundle: Bundle, ledger: Ledger) -> Proved[None]:
    """Step 13. Each opened value is canonical JSON and opens the commitment in its entry's body."""
    bodies = {placed.position: placed.entry.body for placed in ledger.entries}
    for opened in bundle.opened:
        commitment = commitment_in(bodies[opened.position], opened.member)
        if commitment is None:
            raise CommitmentMissing(f"position {opened.position} has no commitment `{opened.member}` to open")
        canonical.decode(opened.value, limit=OPENED_BYTES_MAX)
        open_commitment(commitment, opened.value, opened.key)
    if not bundle.opened:
        return Proved(None, "no committed value is shown in this bundle")
    return Proved(
        None, f"the ledger had committed to what is shown here in {counted(len(bundle.opened), 'place')}"
    )
